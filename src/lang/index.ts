/** lang: what kernel modules import: layouts, addresses, verdicts. */
export * from "../schema/index.ts";
export { XdpAction } from "../uapi/index.ts";
export {
  describeFunction,
  type FunctionDescription,
  type FunctionKind,
  type NamedValue,
  nameOf,
  requireRegistered,
  type StagedModule,
} from "./registry.ts";
