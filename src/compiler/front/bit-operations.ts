/** Bit operations of numbers: ToUint32 of both sides, an unsigned result. */
import type { AluCode, ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { requireNatural } from "./arithmetic.ts";
import { type NumberOperand, numberOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { folded, type Range, U32, type Value } from "./value.ts";

export function unsigned(operator: string, x: number, y: number): number {
  switch (operator) {
    case "&":
      return (x & y) >>> 0;
    case "|":
      return (x | y) >>> 0;
    case "^":
      return (x ^ y) >>> 0;
    case "<<":
      return (x << y) >>> 0;
    default:
      // `>>` of 2^31 and above would be negative in JavaScript: here numbers of 32 bits are unsigned.
      return x >>> y;
  }
}

const BIT_CODES: Readonly<Record<string, AluCode>> = { "&": "and", "|": "or", "^": "xor" };

/** The low 32 bits of a number. */
export function low32(front: Front, operand: NumberOperand): { readonly id: ValueId; readonly range: Range } {
  if (operand.constant !== undefined) {
    const value = operand.constant >>> 0;
    return { id: front.constant(value), range: { min: value, max: value } };
  }
  if (operand.range.min >= 0 && operand.range.max <= U32.max) return { id: operand.id(), range: operand.range };
  return { id: front.aluConstant("and", operand.id(), 0xffffffffn), range: U32 };
}

export function bitwise(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Value {
  const a = numberOf(front, left, node["left"] ?? node);
  const b = numberOf(front, right, node["right"] ?? node);
  if (operator === "<<" || operator === ">>" || operator === ">>>") return shifted(front, operator, a, b, node);
  const [x, y] = [masked(front, operator, a, b), masked(front, operator, b, a)];
  const range = bitRange(operator, x.range, y.range);
  if (range.min === range.max) return folded(range.min);
  return { kind: "number", id: front.alu(BIT_CODES[operator]!, x.id, y.id), range };
}

/** `x & constant` needs no cut to 32 bits: the constant cuts. */
function masked(
  front: Front,
  operator: string,
  operand: NumberOperand,
  other: NumberOperand,
): { id: ValueId; range: Range } {
  const cuts = operator === "&" && other.constant !== undefined && other.constant >= 0 && other.constant <= 0x7fffffff;
  if (cuts && operand.constant === undefined) {
    const isNatural = operand.range.min >= 0 && operand.range.max <= U32.max;
    return { id: operand.id(), range: isNatural ? operand.range : U32 };
  }
  return low32(front, operand);
}

function bitRange(operator: string, a: Range, b: Range): Range {
  if (operator === "&") return { min: 0, max: Math.min(a.max, b.max) };
  const bits = Math.max(a.max, b.max) === 0 ? 0 : Math.floor(Math.log2(Math.max(a.max, b.max))) + 1;
  return { min: operator === "|" ? Math.max(a.min, b.min) : 0, max: 2 ** bits - 1 };
}

export function checkShift(front: Front, operator: string, { min, max }: Range, limit: number, node: SyntaxNode): void {
  if (operator !== "<<" && operator !== ">>" && operator !== ">>>") return;
  if (min >= 0 && max <= limit) return;
  const found = min === max ? String(min) : `${min} to ${max}`;
  front.fail("COMPILER_SHIFT", { found, limit }, node["right"] ?? node);
}

function shifted(front: Front, operator: string, a: NumberOperand, b: NumberOperand, node: SyntaxNode): Value {
  checkShift(front, operator, b.range, 31, node);
  if (operator === ">>") requireNatural(front, ">>", a.range, node["left"] ?? node);
  const x = low32(front, a);
  // Of 2^31 and above JavaScript would see a negative number; the language's result is unsigned.
  if (operator !== "<<") {
    const range = { min: Math.floor(x.range.min / 2 ** b.range.max), max: Math.floor(x.range.max / 2 ** b.range.min) };
    return range.max === 0 ? folded(0) : { kind: "number", id: front.alu("shr", x.id, b.id()), range };
  }
  const max = x.range.max * 2 ** b.range.max;
  if (max <= U32.max) {
    return { kind: "number", id: front.alu("shl", x.id, b.id()), range: { min: x.range.min * 2 ** b.range.min, max } };
  }
  return { kind: "number", id: front.alu("shl", x.id, b.id(), 32), range: U32 };
}
