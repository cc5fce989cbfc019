/** vm: runs any BpfObject in user space, without NIC and root. */

export type { KconfigValues } from "./kconfig.ts";
export type { Hints } from "./machine.ts";
export type { MapAccess, TargetValue, UpdateMode } from "./map-access.ts";
export {
  type InterfaceConfig,
  type NeighbourConfig,
  Network,
  type NetworkConfig,
  type RouteConfig,
  type RouteType,
  type RuleConfig,
} from "./network.ts";
export type { Redirect } from "./redirect.ts";
export type { Variable } from "./variables.ts";
export { createVm, DebugSession, type RunOptions, type Verdict, Vm, type VmOptions, xdpPrograms } from "./vm.ts";
