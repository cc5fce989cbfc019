/** What every kernel function of the program is given: a constant to the compiler. */
import type { ProgramArray } from "xdpkit";
import type { Plan } from "./plan.ts";
import type { Tables } from "./tables.xdp.ts";

/** A plan with its tables. */
export interface Plane extends Plan {
  /** Maps of the program. */
  readonly tables: Tables;
  /** 0: the program that answers with ICMP errors. */
  readonly programs: ProgramArray;
}
