/**
 * The operands that an instruction's text may have (the words in braces of table.ts): which fields of the instruction
 * each fills, how it is written and how it is read.
 *
 * Invariant: reading what `write` wrote gives the same fields back.
 */
import type { Instruction } from "./instruction.ts";
import type { TokenReader } from "./tokens.ts";

export type Field = "dst" | "src" | "offset" | "imm" | "high";
export type Fields = Partial<Record<Field, number>>;

/** What the text says beyond the fields: a jump or call to a label, an address of a symbol. */
export interface Draft {
  readonly fields: Fields;
  target?: { readonly field: "offset" | "imm"; readonly label: string; readonly token: number };
  symbol?: { readonly name: string; readonly addend: number; readonly token: number };
}

export interface Operand {
  readonly fields: readonly Field[];
  /** What a reader of an error message understands. */
  readonly what: string;
  readonly write: (instruction: Instruction, note: string) => string;
  /** Consumes tokens into the draft; false when they are something else. */
  readonly read: (tokens: TokenReader, draft: Draft) => boolean;
}

const hex = (value: number | bigint): string => (value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`);
const spaced = (value: number): string => (value < 0 ? `- 0x${(-value).toString(16)}` : `+ 0x${value.toString(16)}`);
const signed = (value: number): string => (value < 0 ? hex(value) : `+${hex(value)}`);

/** The 64 bits of an `ld_imm64` as a signed number. */
export function wideImmediate(instruction: Instruction): bigint {
  return (BigInt(instruction.high ?? 0) << 32n) | BigInt(instruction.imm >>> 0);
}

/** Sets a field, or checks that an operand which occurs twice is the same both times. */
function fill(draft: Draft, field: Field, value: number): boolean {
  const known = draft.fields[field];
  draft.fields[field] = value;
  return known === undefined || known === value;
}

function register(field: "dst" | "src", letter: "r" | "w"): Operand {
  return {
    fields: [field],
    what: letter === "r" ? "a register (r0 to r10)" : "a half register (w0 to w10)",
    write: (instruction) => `${letter}${instruction[field]}`,
    read: (tokens, draft) => {
      const index = tokens.register(letter, draft.fields[field]);
      return index !== null && fill(draft, field, index);
    },
  };
}

function address(field: "dst" | "src"): Operand {
  return {
    fields: [field, "offset"],
    what: "an address (r1 + 0x4)",
    write: (instruction) => `r${instruction[field]} ${spaced(instruction.offset)}`,
    read: (tokens, draft) => {
      const index = tokens.register("r");
      if (index === null || !fill(draft, field, index)) return false;
      if (!tokens.isSign()) return fill(draft, "offset", 0);
      const offset = tokens.integer(-0x8000n, 0x7fffn);
      return offset !== null && fill(draft, "offset", Number(offset));
    },
  };
}

/** A distance in slots from the next instruction: `+0x5`, `-0x2`, or a label; objdump's `<name>` is skipped. */
function distance(field: "offset" | "imm", bits: 16 | 32, what: string): Operand {
  const limit = 1n << BigInt(bits - 1);
  return {
    fields: [field],
    what,
    write: (instruction, note) => `${signed(instruction[field])}${note}`,
    read: (tokens, draft) => {
      if (!tokens.isSign()) {
        const token = tokens.position;
        const label = tokens.name();
        if (label === null) return false;
        draft.target = { field, label, token };
        return true;
      }
      const value = tokens.integer(-limit, limit - 1n);
      return value !== null && fill(draft, field, Number(value)) && tokens.skipNote();
    },
  };
}

function half(shift: 0 | 16): Operand {
  return {
    fields: ["imm"],
    what: "an address space (0 to 0xffff)",
    write: (instruction) => hex((instruction.imm >>> shift) & 0xffff),
    read: (tokens, draft) => {
      const value = tokens.integer(0n, 0xffffn);
      if (value === null) return false;
      draft.fields.imm = (draft.fields.imm ?? 0) | (Number(value) << shift) | 0;
      return true;
    },
  };
}

const IMMEDIATE = "a number of 32 bits (0x5)";

/** 32 bits, written signed or unsigned. */
function immediate(what: string, write: (imm: number) => string): Operand {
  return {
    fields: ["imm"],
    what,
    write: (instruction) => write(instruction.imm),
    read: (tokens, draft) => {
      const value = tokens.integer(-0x8000_0000n, 0xffff_ffffn);
      return value !== null && fill(draft, "imm", Number(BigInt.asIntN(32, value)));
    },
  };
}

/** Written only when it is not zero. */
function optional(field: "imm" | "high", sign: string, write: (value: number) => string): Operand {
  return {
    fields: [field],
    what: `\`${sign}\` and a number`,
    write: (instruction) => ((instruction[field] ?? 0) === 0 ? "" : write(instruction[field] ?? 0)),
    read: (tokens, draft) => {
      const present = sign === "," ? tokens.literal(",") : tokens.isSign();
      if (!present) return fill(draft, field, 0);
      const value = tokens.integer(-0x8000_0000n, 0xffff_ffffn);
      return value !== null && fill(draft, field, Number(BigInt.asIntN(32, value)));
    },
  };
}

/** A number, or a symbol with an addend: `r1 = counters + 8 ll`. */
const wide: Operand = {
  fields: ["imm", "high"],
  what: "a number of 64 bits or a symbol",
  write: (instruction) => hex(wideImmediate(instruction)),
  read: (tokens, draft) => {
    const token = tokens.position;
    const name = tokens.symbol();
    if (name !== null) {
      const addend = tokens.isSign() ? tokens.integer(-0x8000_0000n, 0x7fff_ffffn) : 0n;
      if (addend === null) return false;
      draft.symbol = { name, addend: Number(addend), token };
      return fill(draft, "imm", 0) && fill(draft, "high", 0);
    }
    const value = tokens.integer(-(1n << 63n), (1n << 64n) - 1n);
    if (value === null) return false;
    return (
      fill(draft, "imm", Number(BigInt.asIntN(32, value))) &&
      fill(draft, "high", Number(BigInt.asIntN(32, value >> 32n)))
    );
  },
};

export const OPERANDS = {
  dst: register("dst", "r"),
  src: register("src", "r"),
  dst32: register("dst", "w"),
  src32: register("src", "w"),
  "dst+offset": address("dst"),
  "src+offset": address("src"),
  imm: immediate(IMMEDIATE, hex),
  unsigned: immediate(IMMEDIATE, (imm) => hex(imm >>> 0)),
  "+imm": optional("imm", "+", (value) => ` ${spaced(value)}`),
  ",high": optional("high", ",", (value) => `, ${hex(value >>> 0)}`),
  "imm.high16": half(16),
  "imm.low16": half(0),
  imm64: wide,
  jump: distance("offset", 16, "a distance (+0x5) or a label"),
  longJump: distance("imm", 32, "a distance (+0x5) or a label"),
  relative: distance("imm", 32, "a distance (+0x5) or a function"),
} as const satisfies Record<string, Operand>;

export type OperandName = keyof typeof OPERANDS;
