/** vm: runs any BpfObject in user space, without NIC and root. */

export type { Unwritten } from "./cpu.ts";
export { DebugSession } from "./debug-session.ts";

export type { Hints } from "./machine.ts";
export type { MapAccess, TargetValue } from "./map-access.ts";
export { Network } from "./network.ts";
export type {
  InterfaceConfig,
  NeighbourConfig,
  NetworkConfig,
  RouteConfig,
  RouteType,
  RuleConfig,
} from "./network-config.ts";
export type { Redirect } from "./redirect.ts";
export type { Variable } from "./variables.ts";
export type { Verdict } from "./verdict.ts";
export { createVm, type ProgramSource, type RunOptions, Vm, type VmOptions, xdpPrograms } from "./vm.ts";
