/**
 * Comparisons with a bigint, by value as JavaScript has them: a signed operand below zero is less than every unsigned one,
 * and a number beside a bigint is that integer.
 *
 * BPF compares 64 bits as signed or as unsigned. Invariant: it is asked only where both operands fit that reading; what is
 * left are a signed and an unsigned operand, of which the sign is tested first.
 */
import type { ConditionCode, ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { bigintOf, numberOf } from "./convert.ts";
import type { Front, Split } from "./front.ts";
import { decided } from "./splits.ts";
import type { Value } from "./value.ts";
import { isWide } from "./wide.ts";

export type Order = "<" | "<=" | ">" | ">=";

const UNSIGNED: Readonly<Record<Order, ConditionCode>> = { "<": "lt", "<=": "le", ">": "gt", ">=": "ge" };

const SIGNED: Readonly<Record<Order, ConditionCode>> = { "<": "slt", "<=": "sle", ">": "sgt", ">=": "sge" };

const MIRRORED: Readonly<Record<Order, Order>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

const SIGN_BIT = 2n ** 63n;

/** An operand with its least and greatest value. */
interface Bounded {
  readonly signed: boolean;
  readonly min: bigint;
  readonly max: bigint;
  readonly isConstant: boolean;
  id(): ValueId;
}

export function orderWide(front: Front, operator: Order, left: Value, right: Value, node: SyntaxNode): Split {
  const [a, b] = operands(front, left, right, node);
  if (!a.signed && !b.signed) refuseSignTest(front, operator, node);
  if (isAlways(operator, a, b)) return decided(front, true);
  if (isAlways(NEGATED[operator], a, b)) return decided(front, false);
  if (isUnsigned(a) && isUnsigned(b)) return branch(front, UNSIGNED, operator, a, b);
  if (isSigned(a) && isSigned(b)) return branch(front, SIGNED, operator, a, b);
  const isLess = operator === "<" || operator === "<=";
  return bySign(front, a, b, isUnsigned(b) === isLess, () => branch(front, UNSIGNED, operator, a, b));
}

/** `==` and `===` of two bigints, and `==` of a bigint and a number. */
export function equalWide(front: Front, left: Value, right: Value, node: SyntaxNode): Split {
  const [a, b] = operands(front, left, right, node);
  if (a.max < b.min || b.max < a.min) return decided(front, false);
  const compared = (): Split =>
    a.isConstant ? front.branch("eq", b.id(), a.id()) : front.branch("eq", a.id(), b.id());
  if ((isUnsigned(a) && isUnsigned(b)) || (isSigned(a) && isSigned(b))) return compared();
  return bySign(front, a, b, false, compared);
}

const NEGATED: Readonly<Record<Order, Order>> = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" };

function isAlways(operator: Order, a: Bounded, b: Bounded): boolean {
  switch (operator) {
    case "<":
      return a.max < b.min;
    case "<=":
      return a.max <= b.min;
    case ">":
      return a.min > b.max;
    case ">=":
      return a.min >= b.max;
  }
}

const isUnsigned = ({ min }: Bounded): boolean => min >= 0n;

const isSigned = ({ max }: Bounded): boolean => max < SIGN_BIT;

/** A constant stands on the right, where it is an immediate. */
function branch(
  front: Front,
  codes: Readonly<Record<Order, ConditionCode>>,
  operator: Order,
  a: Bounded,
  b: Bounded,
): Split {
  return a.isConstant
    ? front.branch(codes[MIRRORED[operator]], b.id(), a.id())
    : front.branch(codes[operator], a.id(), b.id());
}

/** What may be below zero is tested for it: `below` is the answer then, and the others are compared as they are. */
function bySign(front: Front, a: Bounded, b: Bounded, below: boolean, compared: () => Split): Split {
  const { yes: negative, no: natural } = front.branch("slt", (isUnsigned(a) ? b : a).id(), front.constant(0));
  front.follow(natural);
  const { yes, no } = compared();
  return below ? { yes: front.joinStates([negative, yes]), no } : { yes, no: front.joinStates([negative, no]) };
}

function operands(front: Front, left: Value, right: Value, node: SyntaxNode): [Bounded, Bounded] {
  refuseDifference(front, left, node["left"]);
  refuseDifference(front, right, node["right"]);
  return [bounded(front, left, node["left"] ?? node), bounded(front, right, node["right"] ?? node)];
}

function bounded(front: Front, value: Value, node: SyntaxNode): Bounded {
  if (!isWide(front, value)) {
    const { range, constant, id } = numberOf(front, value, node);
    const [min, max] = [BigInt(range.min), BigInt(range.max)];
    return { signed: min < 0n, min, max, isConstant: constant !== undefined, id };
  }
  const { signed, constant, max, id } = bigintOf(front, value, node);
  if (constant !== undefined) return { signed, min: constant, max: constant, isConstant: true, id };
  const least = signed && max === undefined ? -SIGN_BIT : 0n;
  return { signed, min: least, max: max ?? (signed ? SIGN_BIT - 1n : 2n * SIGN_BIT - 1n), isConstant: false, id };
}

/** `x < 0n` and `x >= 0n`, so written, ask for a sign, and unsigned bigints have none. */
function refuseSignTest(front: Front, operator: Order, node: SyntaxNode): void {
  const isZero = (side: SyntaxNode | undefined) =>
    typeof side?.["bigint"] === "string" && BigInt(side["bigint"]) === 0n;
  const isTest =
    (isZero(node["right"]) && (operator === "<" || operator === ">=")) ||
    (isZero(node["left"]) && (operator === ">" || operator === "<="));
  if (isTest) front.fail("COMPILER_WRAPPING_COMPARISON", {}, node);
}

/** `a - b < c` of unsigned bigints is never what it says when the difference wraps. */
function refuseDifference(front: Front, value: Value, node: SyntaxNode | undefined): void {
  if (value.kind !== "bigint" || value.signed || value.max !== undefined) return;
  if (node?.type === "BinaryExpression" && node["operator"] === "-")
    front.fail("COMPILER_WRAPPING_COMPARISON", {}, node);
}
