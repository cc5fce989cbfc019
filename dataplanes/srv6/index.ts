/** The SRv6 mobile user plane: a customer of xdpkit, made of its public parts. */
export {
  type BehaviourName,
  CODEPOINTS,
  type FlavourName,
  type HeadendName,
  type NextHopConfig,
  type PathConfig,
  type PolicyConfig,
  type SessionConfig,
  type SidConfig,
  type Srv6Config,
  type SteeringConfig,
  type VlanConfig,
} from "./control/config.ts";
export { type Content, contentOf, type Entry } from "./control/content.ts";
export { fill, type Target } from "./control/fill.ts";
export { NO_NUMBERS, type Numbering, numberingOf } from "./control/numbering.ts";
export { planOf } from "./control/plan.ts";
export { UserPlane, type UserPlaneOptions } from "./control/user-plane.ts";
export { tagsOf } from "./control/vlans.ts";
export { answers, DROPPED, outcomes, PASSED, Sample, samples } from "./program/outcomes.xdp.ts";
export type { Plan } from "./program/plan.ts";
export { createProgram, type Plane } from "./program/program.xdp.ts";
export { control, egress, interfaces, ports, type Tables } from "./program/tables.xdp.ts";
