/** register: what makes Node, Vite and other loaders understand `*.xdp.ts`. Imports compiler. */
export { importModule, registerLoader } from "./import-module.ts";
export { type XdpkitPlugin, xdpkit } from "./vite.ts";
