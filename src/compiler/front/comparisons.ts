/** Comparisons: the paths on which one holds and does not, and what each path learns of the ranges. */
import type { ConditionCode } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { addressOf, booleanOf, numberOf } from "./convert.ts";
import type { Front, Split } from "./front.ts";
import { isSeen } from "./seen.ts";
import { decided, equalWords, isPresent } from "./splits.ts";
import { isNothing, isStaged, MAX_SAFE, nothingOf, type Range, staged, type Value } from "./value.ts";
import { isWide } from "./wide.ts";
import { equalWide, type Order, orderWide } from "./wide-comparisons.ts";

const NEVER = new Set(["===", "!==", "==", "!="]);

const UNSIGNED: Readonly<Record<string, ConditionCode>> = { "<": "lt", "<=": "le", ">": "gt", ">=": "ge" };

const SIGNED: Readonly<Record<string, ConditionCode>> = { "<": "slt", "<=": "sle", ">": "sgt", ">=": "sge" };

export const isComparison = (operator: string): boolean => NEVER.has(operator) || operator in UNSIGNED;

/** The paths on which the comparison holds and does not. */
export function compare(front: Front, operator: string, a: Value, b: Value, node: SyntaxNode): Split {
  const [left, right] = [front.settle(a), front.settle(b)];
  if (NEVER.has(operator)) {
    const isEqual = operator === "===" || operator === "==";
    const split = equal(front, operator, left, right, node);
    return isEqual ? split : { yes: split.no, no: split.yes };
  }
  refuseOrder(front, operator, left, right, node);
  if (isStaged(left) && isStaged(right)) return decided(front, stagedOrder(operator, left.value, right.value));
  if (isWide(front, left) || isWide(front, right)) return orderWide(front, operator as Order, left, right, node);
  return compareNumbers(front, operator, left, right, node);
}

function refuseOrder(front: Front, operator: string, a: Value, b: Value, node: SyntaxNode): void {
  if (a.kind === "address" || b.kind === "address")
    front.fail("COMPILER_ADDRESS_OPERATION", { operation: `\`${operator}\`` }, node);
}

function stagedOrder(operator: string, a: unknown, b: unknown): boolean {
  const [x, y] = [a, b] as [number, number];
  return operator === "<" ? x < y : operator === "<=" ? x <= y : operator === ">" ? x > y : x >= y;
}

function compareNumbers(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Split {
  const a = numberOf(front, left, node["left"] ?? node);
  const b = numberOf(front, right, node["right"] ?? node);
  const [x, y] = [a.range, b.range];
  const always = { "<": x.max < y.min, "<=": x.max <= y.min, ">": x.min > y.max, ">=": x.min >= y.max }[operator];
  const never = { "<": x.min >= y.max, "<=": x.min > y.max, ">": x.max <= y.min, ">=": x.max < y.min }[operator];
  if (always) return decided(front, true);
  if (never) return decided(front, false);
  const [seesA, seesB] = [a, b].map((one) => one.constant !== undefined || isSeen(front, one.id())) as [
    boolean,
    boolean,
  ];
  const isNatural = x.min >= 0 && y.min >= 0;
  const code = (isNatural ? UNSIGNED : SIGNED)[operator]!;
  // A constant stands on the right, where it is an immediate.
  const split =
    a.constant === undefined
      ? front.branch(code, a.id(), b.id())
      : front.branch((isNatural ? UNSIGNED : SIGNED)[MIRRORED[operator]!]!, b.id(), a.id());
  learnOrder(
    front,
    split,
    operator,
    { value: left, range: x, isSeen: seesA },
    { value: right, range: y, isSeen: seesB },
  );
  return split;
}

const MIRRORED: Readonly<Record<string, string>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

const OPPOSITE: Readonly<Record<string, string>> = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" };

interface Compared {
  readonly value: Value;
  readonly range: Range;
  /** To the verifier its bounds are known. */
  readonly isSeen: boolean;
}

function learnOrder(front: Front, split: Split, operator: string, a: Compared, b: Compared): void {
  const learn = (state: Split["yes"], { value }: Compared, range: Range, isSeen: boolean): void => {
    if (value.kind === "number") front.learn(state, value.id, range, isSeen);
  };
  for (const [state, holds] of [
    [split.yes, operator],
    [split.no, OPPOSITE[operator]!],
  ] as const) {
    learn(state, a, bound(holds, b.range), b.isSeen);
    learn(state, b, bound(MIRRORED[holds]!, a.range), a.isSeen);
  }
}

/** What `value operator other` says of the value. */
function bound(operator: string, other: Range): Range {
  switch (operator) {
    case "<":
      return { min: -MAX_SAFE, max: other.max - 1 };
    case "<=":
      return { min: -MAX_SAFE, max: other.max };
    case ">":
      return { min: other.min + 1, max: MAX_SAFE };
    default:
      return { min: other.min, max: MAX_SAFE };
  }
}

function equal(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Split {
  if (isNothing(left)) return nothing(front, operator, left, right, node);
  if (isNothing(right)) return nothing(front, operator, right, left, node);
  if (left.kind === "nullable" || right.kind === "nullable") return nullableEqual(front, operator, left, right, node);
  if (isStaged(left) && isStaged(right)) return decided(front, left.value === right.value);
  for (const value of [left, right]) {
    if (value.kind === "place" || value.kind === "record") front.fail("COMPILER_PLACES_COMPARED", { operator }, node);
  }
  if (left.kind === "address" || right.kind === "address") return equalAddresses(front, left, right, node);
  if (left.kind === "boolean" || right.kind === "boolean") return equalBooleans(front, left, right, node);
  if (isWide(front, left) || isWide(front, right)) {
    const isMixed = isWide(front, left) !== isWide(front, right);
    return isMixed && operator.length === 3 ? decided(front, false) : equalWide(front, left, right, node);
  }
  return equalNumbers(front, left, right, node);
}

/** Whether the value is null, or undefined; `===` tells them apart. */
function nothing(front: Front, operator: string, given: Value, value: Value, node: SyntaxNode): Split {
  if (!isNothing(value) && value.kind !== "nullable") return decided(front, false);
  if (operator.length === 3) {
    if (value.kind === "nullable" && value.nothing === "either") refuseEither(front, operator, node);
    if (nothingOf([value]) !== nothingOf([given])) return decided(front, false);
  }
  if (value.kind !== "nullable") return decided(front, true);
  const { yes, no } = isPresent(front, value.present);
  return { yes: no, no: yes };
}

function refuseEither(front: Front, operator: string, node: SyntaxNode): never {
  const what = `\`${operator}\` with what is null on one path and undefined on another`;
  return front.unsupported(what, `compare by \`${operator.slice(0, 2)}\`, which does not tell them apart`, node);
}

/** `x === 3` where x may be null: false when it is. */
function nullableEqual(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Split {
  const [nullable, other] =
    left.kind === "nullable" ? [left, right] : [right as Extract<Value, { kind: "nullable" }>, left];
  const { yes, no } = isPresent(front, (nullable as Extract<Value, { kind: "nullable" }>).present);
  front.follow(yes);
  const inner = equal(front, operator, front.settle(nullable), front.settle(other), node);
  return { yes: inner.yes, no: front.joinStates([inner.no, no]) };
}

function equalNumbers(front: Front, left: Value, right: Value, node: SyntaxNode): Split {
  const a = numberOf(front, left, node["left"] ?? node);
  const b = numberOf(front, right, node["right"] ?? node);
  if (a.range.max < b.range.min || b.range.max < a.range.min) return decided(front, false);
  const [seesA, seesB] = [a, b].map((one) => one.constant !== undefined || isSeen(front, one.id())) as [
    boolean,
    boolean,
  ];
  const split = a.constant === undefined ? front.branch("eq", a.id(), b.id()) : front.branch("eq", b.id(), a.id());
  const both = { min: Math.max(a.range.min, b.range.min), max: Math.min(a.range.max, b.range.max) };
  for (const [value, other, isOtherSeen] of [
    [left, b, seesB],
    [right, a, seesA],
  ] as const) {
    if (value.kind !== "number") continue;
    front.learn(split.yes, value.id, both, isOtherSeen);
    if (other.constant === undefined) continue;
    const range = front.rangeOf(value);
    if (other.constant === range.min) front.learn(split.no, value.id, { min: range.min + 1, max: range.max });
    if (other.constant === range.max) front.learn(split.no, value.id, { min: range.min, max: range.max - 1 });
  }
  return split;
}

function equalBooleans(front: Front, left: Value, right: Value, node: SyntaxNode): Split {
  const [a, b] = [booleanOf(front, left, node["left"] ?? node), booleanOf(front, right, node["right"] ?? node)];
  const constant = a.constant ?? b.constant;
  if (constant === undefined) return front.branch("eq", a.id(), b.id());
  const split = truth(front, a.constant === undefined ? left : right, node);
  return constant ? split : { yes: split.no, no: split.yes };
}

function equalAddresses(front: Front, left: Value, right: Value, node: SyntaxNode): Split {
  const known = (left.kind === "address" ? left : right) as Extract<Value, { kind: "address" }>;
  const a = addressOf(front, left, known.family, node["left"] ?? node);
  const b = addressOf(front, right, known.family, node["right"] ?? node);
  return equalWords(
    front,
    a.map(({ id }) => id),
    b.map(({ id }) => id),
  );
}

/** The paths on which a value is true and false, as `if (value)` has it. */
export function truth(front: Front, given: Value, node: SyntaxNode): Split {
  const value = front.settle(given);
  switch (value.kind) {
    case "staged":
      return decided(front, Boolean(value.value));
    case "boolean": {
      const split = front.branch("ne", value.id, front.constant(0));
      front.learn(split.yes, value.id, { min: 1, max: MAX_SAFE });
      front.learn(split.no, value.id, { min: 0, max: 0 });
      return split;
    }
    case "number": {
      const split = compare(front, "!==", value, staged(0), node);
      return split;
    }
    case "bigint":
      return front.branch("ne", value.id, front.constant(0));
    case "nullable": {
      const { yes, no } = isPresent(front, value.present);
      front.follow(yes);
      const inner = truth(front, value.value, node);
      return { yes: inner.yes, no: front.joinStates([no, inner.no]) };
    }
    case "quotient":
      return front.fail("COMPILER_DIVISION", {}, value.node);
    default:
      return decided(front, true);
  }
}
