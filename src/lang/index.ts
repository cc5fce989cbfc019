/** lang: what kernel modules import: layouts, addresses, verdicts. */
export * from "../schema/index.ts";
export { XdpAction } from "../uapi/index.ts";
