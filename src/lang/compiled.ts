/** What a compiler makes of programs, as machine and kernel take it. */
import type { BpfObject } from "../object/index.ts";

/** Compiled once, it can be given to `createVm` and `load` as often as it is needed. */
export interface Compiled {
  /** To be written, disassembled, run or loaded. */
  readonly object: BpfObject;
  /** What maps, outcomes and programs are called in the object, by handle. */
  readonly names: ReadonlyMap<object, string>;
}

/** Whether a value is what `compileOrThrow` returned. */
export const isCompiled = (source: object): source is Compiled => "object" in source && "names" in source;
