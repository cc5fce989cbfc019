/** From IR to instructions: the passes in their order, and the backend. Each step can be looked at (`onPass`). */
import { xdpkitError } from "../base/index.ts";
import { allocate } from "./backend/allocate.ts";
import { type EmittedCode, emit } from "./backend/emit.ts";
import { select } from "./backend/select.ts";
import type { IrFunction } from "./ir/ir.ts";
import { advancePointers } from "./passes/advance-pointers.ts";
import { eliminateDead } from "./passes/eliminate.ts";
import { fold } from "./passes/fold.ts";
import { reducePointers } from "./passes/loops.ts";
import { numberLoads } from "./passes/number-loads.ts";
import { numberValues } from "./passes/number-values.ts";
import { pointerPhis } from "./passes/pointer-phis.ts";
import { simplify } from "./passes/simplify.ts";
import { simplifyGraph } from "./passes/simplify-graph.ts";
import { threadJumps } from "./passes/thread-jumps.ts";

/** Pure functions from IR to IR, in the order in which they run. */
export const PASSES = {
  fold,
  simplifyGraph,
  threadJumps,
  foldThreaded: fold,
  mergeGraph: simplifyGraph,
  numberLoads,
  simplify,
  pointerPhis,
  reducePointers,
  refold: fold,
  numberValues,
  advancePointers,
  eliminateDead,
} as const satisfies Readonly<Record<string, (ir: IrFunction) => IrFunction>>;
/** A row of `PASSES`. */
export type PassName = keyof typeof PASSES;

/** Watches the passes. */
export interface CompileFunctionOptions {
  /** Called with the IR behind each pass. */
  readonly onPass?: (pass: PassName, ir: IrFunction) => void;
}

/** MAX_BPF_STACK (include/linux/filter.h). */
const STACK_BYTES = 512;

/** From IR to instructions: all passes, registers and jumps. @throws XdpkitError COMPILER_STACK */
export function compileFunction(ir: IrFunction, options: CompileFunctionOptions = {}): EmittedCode {
  let current = ir;
  for (const [name, pass] of Object.entries(PASSES) as [PassName, (ir: IrFunction) => IrFunction][]) {
    current = pass(current);
    options.onPass?.(name, current);
  }
  const code = emit(allocate(select(current)));
  // Spilling looks at the stack, too; a function that spills nothing may still have put too much there.
  if (code.stackBytes > STACK_BYTES) throw xdpkitError("COMPILER_STACK", { name: ir.name, bytes: code.stackBytes });
  return code;
}
