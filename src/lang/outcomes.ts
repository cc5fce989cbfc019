/** Reasons for verdicts, counted per CPU under their names: `return outcomes.drop("truncated")`. */
import { xdpkitError } from "../base/index.ts";
import { ACCESS, type OutcomesAccess } from "./access.ts";
import { kernelMethod } from "./intrinsic.ts";
import { kernelName } from "./names.ts";
import type { XdpAction } from "./program.ts";

/** A value of a per-CPU map has at most 32 KiB (PCPU_MIN_UNIT_SIZE, include/linux/percpu.h). */
const MOST_NAMES = 4095;

/** The name of a counter in BTF: an identifier of C. */
export const counterName = (name: string): string => name.replace(/\W|^(?=\d)/g, "_");

/** Shown in the capture beside the verdict, and traced. */
export class Outcomes<const Name extends string> {
  declare readonly [ACCESS]: OutcomesAccess<Name>;
  /** In the order of their numbers. */
  readonly names: readonly Name[];

  /** @throws XdpkitError LANG_OUTCOME_NAMES */
  constructor(names: readonly Name[]) {
    if (names.length > MOST_NAMES)
      throw xdpkitError("LANG_OUTCOME_NAMES", { problem: `${names.length} are more than ${MOST_NAMES}` });
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    const alike = names.find(
      (name, index) => names.findIndex((other) => counterName(other) === counterName(name)) < index,
    );
    if (names.length === 0) throw xdpkitError("LANG_OUTCOME_NAMES", { problem: "the list is empty" });
    if (twice !== undefined)
      throw xdpkitError("LANG_OUTCOME_NAMES", { problem: `${JSON.stringify(twice)} stands twice` });
    if (alike !== undefined)
      throw xdpkitError("LANG_OUTCOME_NAMES", { problem: `another is the identifier ${counterName(alike)}, too` });
    this.names = Object.freeze([...names]);
  }

  /** The name of the constant that holds the outcomes: that of the map of counters. */
  get name(): string {
    return kernelName(this, undefined);
  }

  /** Counts and returns the action. */
  drop(name: Name): XdpAction {
    return kernelMethod(this, "drop", [name]);
  }
  /** Counts the packet under a name, and gives it to the kernel: `return outcomes.pass("notOurs")`. */
  pass(name: Name): XdpAction {
    return kernelMethod(this, "pass", [name]);
  }
  /** Counts the packet under a name, and drops it with the tracepoint `xdp:xdp_exception`. */
  abort(name: Name): XdpAction {
    return kernelMethod(this, "abort", [name]);
  }
  /** Counts the packet under a name; the verdict is for the program to say. */
  count(name: Name): void {
    kernelMethod(this, "count", [name]);
  }
  /** Counts and returns `action`. */
  as(name: Name, action: XdpAction): XdpAction {
    return kernelMethod(this, "as", [name, action]);
  }
}
