/** compiler: TypeScript to eBPF. So far its middle and its back: SSA IR, passes, instruction selection, registers. */
export type { EmittedCode } from "./backend/emit.ts";
export { type CompileFunctionOptions, compileFunction, PASSES, type PassName } from "./compile-function.ts";
export { IrBuilder } from "./ir/builder.ts";
export { verifyIr } from "./ir/cfg.ts";
export type {
  AccessSize,
  AluCode,
  AtomicCode,
  Block,
  BlockId,
  ConditionCode,
  IrFunction,
  IrInstruction,
  LinkSymbol,
  Operation,
  Phi,
  StackSlot,
  Terminator,
  ValueId,
  ValueType,
} from "./ir/ir.ts";
export { printIr } from "./ir/print.ts";
export { type Instrumented, type InstrumentOptions, instrument, isInstrumented } from "./stage/instrument.ts";
export { parseModule, sourceLocation } from "./stage/parse.ts";
export { stripTypes } from "./stage/strip-types.ts";
export type { SyntaxNode } from "./stage/syntax.ts";
