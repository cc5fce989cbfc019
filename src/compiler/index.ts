/** compiler: TypeScript to eBPF. Staging, the front (AST to IR), passes, instruction selection, registers. */

export type { Compiled } from "../lang/index.ts";
export type { EmittedCode } from "./backend/emit.ts";
export type { CompilableProgram } from "./compilable-program.ts";
export {
  type CompileOptions,
  type CompileResult,
  compile,
  compileOrThrow,
  type Diagnostic,
  programsOf,
} from "./compile.ts";
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
