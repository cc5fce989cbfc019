/**
 * The intermediate representation: typed SSA over a control-flow graph, as plain data.
 *
 * A value is a number, defined once by a phi or an instruction; every scalar is 64 bits wide, as a BPF register is.
 * Passes take a function and return a new one. Invariant: a use is dominated by its definition; phis stand first in their
 * block and have one argument per predecessor, in the order of `predecessors`.
 */
import type { SourceLocation } from "../../base/index.ts";
import type { KernelField } from "../kernel-types.ts";

/** Number of a value, unique in its function. */
export type ValueId = number;
/** Index into the function's blocks. */
export type BlockId = number;

/** `pointer` values may only be moved, offset by a scalar, compared with each other, and dereferenced. */
export type ValueType = "scalar" | "pointer";

export const ALU_CODES = [
  "add",
  "sub",
  "mul",
  "div",
  "mod",
  "sdiv",
  "smod",
  "and",
  "or",
  "xor",
  "shl",
  "shr",
  "sar",
] as const;
/** An operation of arithmetic. */
export type AluCode = (typeof ALU_CODES)[number];
/** Operations whose operands may be exchanged. */
export const COMMUTATIVE: ReadonlySet<AluCode> = new Set<AluCode>(["add", "mul", "and", "or", "xor"]);

export const CONDITION_CODES = ["eq", "ne", "gt", "ge", "lt", "le", "sgt", "sge", "slt", "sle", "set"] as const;
/** Unsigned unless the name begins with `s`; `set` is `(a & b) != 0`. */
export type ConditionCode = (typeof CONDITION_CODES)[number];

export const ATOMIC_CODES = ["add", "or", "and", "xor", "exchange", "compareExchange"] as const;
/** An atomic operation on memory. */
export type AtomicCode = (typeof ATOMIC_CODES)[number];

/** Bytes of a memory access. */
export type AccessSize = 1 | 2 | 4 | 8;

/** What the linker puts in: the address of a map, of global data, of a function, or of an extern. */
export type LinkSymbol =
  | { readonly kind: "map"; readonly map: string }
  | { readonly kind: "mapValue"; readonly map: string; readonly offset: number }
  | { readonly kind: "function"; readonly function: string }
  | { readonly kind: "extern"; readonly extern: string };

/** What an instruction does, by `kind`. */
export type Operation =
  /** A 64-bit number, signed. */
  | { readonly kind: "constant"; readonly value: bigint }
  /** Argument n (0 to 4) of the function; argument 0 of a program is the context. */
  /** `isContext`: `struct xdp_md`. Other pointers may lead to any memory. */
  | { readonly kind: "argument"; readonly index: number; readonly isContext?: boolean }
  /** 32-bit operations work on the low halves and zero the high half of the result. */
  | { readonly kind: "alu"; readonly code: AluCode; readonly width: 32 | 64; readonly a: ValueId; readonly b: ValueId }
  | { readonly kind: "negate"; readonly width: 32 | 64; readonly a: ValueId }
  /** Sign-extends the low bits. */
  | { readonly kind: "signExtend"; readonly bits: 8 | 16 | 32; readonly a: ValueId }
  /** Exchanges the low bytes and zeroes the rest. */
  | { readonly kind: "swap"; readonly bits: 16 | 32 | 64; readonly a: ValueId }
  | {
      readonly kind: "load";
      readonly size: AccessSize;
      readonly signed: boolean;
      readonly base: ValueId;
      readonly offset: number;
      /** A field of the kernel's own: its offset is found when the object is loaded. */
      readonly field?: KernelField;
    }
  | {
      readonly kind: "store";
      readonly size: AccessSize;
      readonly base: ValueId;
      readonly offset: number;
      readonly value: ValueId;
    }
  | {
      readonly kind: "atomic";
      readonly code: AtomicCode;
      readonly size: 4 | 8;
      readonly base: ValueId;
      readonly offset: number;
      readonly value: ValueId;
      /** `compareExchange` only. */
      readonly expected?: ValueId;
      /** Whether the old value is the result. Always for the two exchanges. */
      readonly fetch: boolean;
    }
  /**
   * A pointer plus a scalar. `most`: the scalar is large, and known by a test to be at most this; what is made behind
   * another test is another pointer to the verifier.
   */
  | { readonly kind: "offset"; readonly base: ValueId; readonly by: ValueId; readonly most?: number }
  /** The address of a stack slot of the function. */
  | { readonly kind: "stack"; readonly slot: number }
  | { readonly kind: "symbol"; readonly symbol: LinkSymbol }
  /** A helper by number. */
  | { readonly kind: "call"; readonly helper: number; readonly arguments: readonly ValueId[] }
  /** A function of the object, or a kernel function. */
  | {
      readonly kind: "callFunction";
      readonly target: Extract<LinkSymbol, { kind: "function" | "extern" }>;
      readonly arguments: readonly ValueId[];
    };

/** An operation, and the value that it sets. */
export interface IrInstruction {
  /** The value that it sets. */
  readonly id: ValueId;
  /** Type of that value. */
  readonly type: ValueType;
  /** What it does. */
  readonly operation: Operation;
  /** Place in the module, for line information and messages. */
  readonly source?: SourceLocation;
}

/** A value that depends on the block that one came from. */
export interface Phi {
  /** The value that it sets. */
  readonly id: ValueId;
  /** Type of that value. */
  readonly type: ValueType;
  /** One per predecessor. */
  readonly arguments: readonly ValueId[];
}

/** How a block ends, by `kind`. */
export type Terminator =
  | { readonly kind: "jump"; readonly to: BlockId; readonly source?: SourceLocation }
  | {
      readonly kind: "branch";
      readonly code: ConditionCode;
      readonly width: 32 | 64;
      readonly a: ValueId;
      readonly b: ValueId;
      readonly whenTrue: BlockId;
      readonly whenFalse: BlockId;
      readonly source?: SourceLocation;
    }
  | { readonly kind: "exit"; readonly value: ValueId; readonly source?: SourceLocation };

/** Instructions that run one after the other, and how they end. */
export interface Block {
  /** Blocks that lead here; phis have an argument for each, in this order. */
  readonly predecessors: readonly BlockId[];
  /** Values that depend on where one came from. */
  readonly phis: readonly Phi[];
  /** In their order. */
  readonly instructions: readonly IrInstruction[];
  /** Where it goes on. */
  readonly terminator: Terminator;
}

/** A place on the stack. */
export interface StackSlot {
  /** Bytes, at most 512 for all slots together. */
  readonly size: number;
  /** Bytes. */
  readonly align: 1 | 2 | 4 | 8;
}

/** A function in SSA form: each value is set in one place. */
export interface IrFunction {
  /** For printing. */
  readonly name: string;
  /** Block 0 is the entry; it has no predecessors. */
  readonly blocks: readonly Block[];
  /** Its places on the stack, by number. */
  readonly slots: readonly StackSlot[];
  /** One above the highest value. */
  readonly values: number;
  /** Phis that are known to be 0 to 2^32 - 1, though no instruction shows it: counters. */
  readonly naturals?: ReadonlySet<ValueId>;
}

/** The values that an operation reads. */
export function operands(operation: Operation): readonly ValueId[] {
  switch (operation.kind) {
    case "constant":
    case "argument":
    case "stack":
    case "symbol":
      return [];
    case "alu":
      return [operation.a, operation.b];
    case "negate":
    case "signExtend":
    case "swap":
      return [operation.a];
    case "load":
      return [operation.base];
    case "store":
      return [operation.base, operation.value];
    case "atomic":
      return operation.expected === undefined
        ? [operation.base, operation.value]
        : [operation.base, operation.value, operation.expected];
    case "offset":
      return [operation.base, operation.by];
    case "call":
    case "callFunction":
      return operation.arguments;
  }
}

/** The same operation over other values: itself where none is another. */
export function mapOperands(operation: Operation, map: (value: ValueId) => ValueId): Operation {
  switch (operation.kind) {
    case "constant":
    case "argument":
    case "stack":
    case "symbol":
      return operation;
    case "alu": {
      const [a, b] = [map(operation.a), map(operation.b)];
      return a === operation.a && b === operation.b ? operation : { ...operation, a, b };
    }
    case "negate":
    case "signExtend":
    case "swap": {
      const a = map(operation.a);
      return a === operation.a ? operation : { ...operation, a };
    }
    case "load": {
      const base = map(operation.base);
      return base === operation.base ? operation : { ...operation, base };
    }
    case "store": {
      const [base, value] = [map(operation.base), map(operation.value)];
      return base === operation.base && value === operation.value ? operation : { ...operation, base, value };
    }
    case "atomic": {
      const [base, value] = [map(operation.base), map(operation.value)];
      const expected = operation.expected === undefined ? undefined : map(operation.expected);
      if (base === operation.base && value === operation.value && expected === operation.expected) return operation;
      return { ...operation, base, value, ...(expected === undefined ? {} : { expected }) };
    }
    case "offset": {
      const [base, by] = [map(operation.base), map(operation.by)];
      return base === operation.base && by === operation.by ? operation : { ...operation, base, by };
    }
    case "call":
    case "callFunction": {
      const mapped = operation.arguments.map(map);
      return mapped.every((value, index) => value === operation.arguments[index])
        ? operation
        : { ...operation, arguments: mapped };
    }
  }
}

/** An instruction over other values: itself where none is another. */
export function mapInstruction(instruction: IrInstruction, map: (value: ValueId) => ValueId): IrInstruction {
  const operation = mapOperands(instruction.operation, map);
  return operation === instruction.operation ? instruction : { ...instruction, operation };
}

/** The values that a terminator reads. */
export function terminatorOperands(terminator: Terminator): readonly ValueId[] {
  if (terminator.kind === "branch") return [terminator.a, terminator.b];
  return terminator.kind === "exit" ? [terminator.value] : [];
}

export function mapTerminator(terminator: Terminator, map: (value: ValueId) => ValueId): Terminator {
  if (terminator.kind === "branch") {
    const [a, b] = [map(terminator.a), map(terminator.b)];
    return a === terminator.a && b === terminator.b ? terminator : { ...terminator, a, b };
  }
  if (terminator.kind === "jump") return terminator;
  const value = map(terminator.value);
  return value === terminator.value ? terminator : { ...terminator, value };
}

/** The blocks that a terminator may go to. */
export function successors(terminator: Terminator): readonly BlockId[] {
  if (terminator.kind === "branch") return [terminator.whenTrue, terminator.whenFalse];
  return terminator.kind === "jump" ? [terminator.to] : [];
}

/** Operations whose result depends on their operands alone: they may be moved, merged and dropped. */
export function isPure({ kind }: Operation): boolean {
  switch (kind) {
    case "load":
    case "store":
    case "atomic":
    case "call":
    case "callFunction":
      return false;
    default:
      return true;
  }
}

/** Operations that must stay though nobody reads their result. A load may go: a fault is no effect in verified code. */
export function hasEffect({ kind }: Operation): boolean {
  return kind === "store" || kind === "atomic" || kind === "call" || kind === "callFunction";
}
