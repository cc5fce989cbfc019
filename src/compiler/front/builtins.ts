/** What JavaScript itself offers: functions that have a meaning for values of the kernel, and those that are computed. */

import { wholeQuotient } from "./arithmetic.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { compare, truth } from "./comparisons.ts";
import { bigintOf, booleanOf, numberOf, stagedOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { joinOutcomes, outcome } from "./join.ts";
import { booleanFrom } from "./splits.ts";
import { isStaged, staged, type Value } from "./value.ts";
import { isWide } from "./wide.ts";

type Builtin = (front: Front, call: Call) => Value;

/** The smaller or larger of two values. */
const pick =
  (operator: "<" | ">"): Builtin =>
  (front, call) => {
    let chosen = argument(call, 0);
    numberOf(front, chosen, argumentNode(call, 0));
    for (let index = 1; index < call.values.length; index++) {
      const other = argument(call, index);
      numberOf(front, other, argumentNode(call, index));
      const { yes, no } = compare(front, operator, chosen, other, call.node);
      const outcomes: Outcome[] = [];
      if (yes) outcomes.push({ state: yes, value: chosen });
      if (no) outcomes.push({ state: no, value: other });
      chosen = joinOutcomes(front, outcomes, call.node);
    }
    return chosen;
  };

/** `Math.trunc(a / b)` and `Math.floor(a / b)` are integer division; the quotient itself never exists. */
const whole =
  (round: (value: number) => number): Builtin =>
  (front, call) => {
    const value = argument(call, 0);
    if (value.kind === "quotient") return wholeQuotient(front, value.left, value.right, value.node, round);
    if (isStaged(value)) return staged(round(Number(value.value)));
    numberOf(front, value, argumentNode(call, 0));
    return value;
  };

const imul: Builtin = (front, call) => {
  const [a, b] = [0, 1].map((index) => numberOf(front, argument(call, index), argumentNode(call, index)));
  if (a!.constant !== undefined && b!.constant !== undefined) return staged(Math.imul(a!.constant, b!.constant));
  const product = front.alu("mul", a!.id(), b!.id(), 32);
  const id = front.emit({ kind: "signExtend", bits: 32, a: product });
  return { kind: "number", id, range: { min: -0x80000000, max: 0x7fffffff } };
};

const abs: Builtin = (front, call) => {
  const value = argument(call, 0);
  const { range } = numberOf(front, value, argumentNode(call, 0));
  if (isStaged(value)) return staged(Math.abs(Number(value.value)));
  if (range.min >= 0) return value;
  const { yes, no } = compare(front, "<", value, staged(0), call.node);
  const outcomes: Outcome[] = [];
  if (yes) {
    front.follow(yes);
    const { id } = numberOf(front, value, call.node);
    const negated = front.emit({ kind: "negate", width: 64, a: id() });
    outcomes.push({ value: { kind: "number", id: negated, range: { min: 0, max: -range.min } }, state: front.leave() });
  }
  if (no) outcomes.push({ value, state: no });
  return joinOutcomes(front, outcomes, call.node);
};

/** BigInt(n) of a number that is not negative; `u64(n)` wraps. */
const toBigint: Builtin = (front, call) => {
  const value = argument(call, 0);
  const node = argumentNode(call, 0);
  if (isWide(front, value)) return value;
  if (front.settle(value).kind === "boolean") {
    return { kind: "bigint", signed: false, id: booleanOf(front, value, node).id(), max: 1n };
  }
  const { constant, range, id } = numberOf(front, value, node);
  if (constant !== undefined) return staged(BigInt(constant));
  if (range.min < 0) front.fail("COMPILER_NEGATIVE", { operator: "BigInt", min: range.min }, node);
  return { kind: "bigint", signed: false, id: id(), max: BigInt(range.max) };
};

const toNumber: Builtin = (front, call) => {
  const value = front.settle(argument(call, 0));
  const node = argumentNode(call, 0);
  if (isStaged(value)) return staged(Number(value.value));
  if (value.kind === "boolean")
    return { kind: "number", id: booleanOf(front, value, node).id(), range: { min: 0, max: 1 } };
  if (!isWide(front, value)) return value;
  const { max, id } = bigintOf(front, value, node);
  if (max === undefined || max > BigInt(Number.MAX_SAFE_INTEGER))
    return front.fail("COMPILER_PRODUCT", { operator: "Number", max: "2^64" }, node, "wrap it on purpose: u32(b)");
  return { kind: "number", id: id(), range: { min: 0, max: Number(max) } };
};

const toBoolean: Builtin = (front, call) => booleanFrom(front, truth(front, argument(call, 0), argumentNode(call, 0)));

const clz32: Builtin = (front, call) => {
  const value = argument(call, 0);
  if (isStaged(value)) return staged(Math.clz32(Number(value.value)));
  return front.unsupported(
    "Math.clz32 of a value of the kernel",
    "BPF has no such instruction: compare with powers of two",
    call.node,
  );
};

export const BUILTINS: ReadonlyMap<unknown, Builtin> = new Map<unknown, Builtin>([
  [Math.min, pick("<")],
  [Math.max, pick(">")],
  [Math.trunc, whole(Math.trunc)],
  [Math.floor, whole(Math.floor)],
  [Math.abs, abs],
  [Math.imul, imul],
  [Math.clz32, clz32],
  [BigInt, toBigint],
  [Number, toNumber],
  [Boolean, toBoolean],
]);

/** Methods that only read their object: computed when everything they get is known. */
const PURE: Readonly<Record<string, ReadonlySet<string>>> = {
  array: new Set([
    "entries",
    "keys",
    "values",
    "includes",
    "indexOf",
    "at",
    "slice",
    "concat",
    "flat",
    "join",
    "toReversed",
    "lastIndexOf",
    "with",
  ]),
  string: new Set([
    "startsWith",
    "endsWith",
    "includes",
    "indexOf",
    "split",
    "slice",
    "at",
    "charCodeAt",
    "toUpperCase",
    "toLowerCase",
    "padStart",
    "trim",
  ]),
  collection: new Set(["get", "has", "keys", "values", "entries"]),
  math: new Set(["pow", "log2", "ceil", "round", "sqrt", "sign"]),
  object: new Set(["keys", "values", "entries", "hasOwn"]),
};

function kindOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return "array";
  if (typeof value === "string") return "string";
  if (value instanceof Map || value instanceof Set) return "collection";
  if (value === Math) return "math";
  return value === Object ? "object" : undefined;
}

/** A method of a value of the module that is computed now; undefined when it is none of those. */
export function stagedMethod(front: Front, object: unknown, name: string, call: Call): Outcome[] | undefined {
  const kind = kindOf(object);
  if (kind === undefined || !PURE[kind]!.has(name)) return undefined;
  const values = call.values.map((value, index) =>
    stagedOf(front, value, `what ${name} gets`, argumentNode(call, index)),
  );
  const method = (object as Record<string, (...values: unknown[]) => unknown>)[name]!;
  return outcome(front, staged(method.apply(object, values)));
}
