/**
 * Operators by the kinds of their operands: known values are computed, the others go to arithmetic.ts, bit-operations.ts
 * and wide.ts. Numbers are exact integers in 64-bit registers; what cannot be exact is refused.
 *
 * Invariant: the range of every result holds the number that JavaScript gives, or the operation was refused.
 */
import type { SyntaxNode } from "../stage/syntax.ts";
import { arithmetic } from "./arithmetic.ts";
import { bitwise, checkShift, low32, unsigned } from "./bit-operations.ts";
import { bigintOf, numberOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { folded, isStaged, signedConstant, signOf, U32, type Value } from "./value.ts";
import { isWide, signedResult, stagedWide, wide } from "./wide.ts";

const ARITHMETIC = new Set(["+", "-", "*", "/", "%", "**"]);

const BITWISE = new Set(["&", "|", "^", "<<", ">>", ">>>"]);

export function binary(front: Front, operator: string, a: Value, b: Value, node: SyntaxNode): Value {
  const [left, right] = [front.settle(a), front.settle(b)];
  if (isStaged(left) && isStaged(right)) {
    const isSigned = signedResult(operator, signOf(left) === "signed", signOf(right) === "signed");
    return stagedBinary(front, operator, left.value, right.value, isSigned, node);
  }
  if (ARITHMETIC.has(operator) || BITWISE.has(operator)) refuseText(front, operator, left, right, node);
  if (isWide(front, left) || isWide(front, right)) return wide(front, operator, left, right, node);
  if (ARITHMETIC.has(operator)) return arithmetic(front, operator, left, right, node);
  if (BITWISE.has(operator)) return bitwise(front, operator, left, right, node);
  return front.unsupported(`the operator \`${operator}\``, "use + - * % & | ^ << >> >>> and comparisons", node);
}

function refuseText(front: Front, operator: string, a: Value, b: Value, node: SyntaxNode): void {
  const isText = (value: Value): boolean =>
    value.kind === "address" || (isStaged(value) && typeof value.value === "string");
  if (isText(a) || isText(b)) front.fail("COMPILER_ADDRESS_OPERATION", { operation: `\`${operator}\`` }, node);
}

/** Both sides are known: the language's answer, which is JavaScript's but for the unsigned bit operations. */
function stagedBinary(
  front: Front,
  operator: string,
  a: unknown,
  b: unknown,
  isSigned: boolean,
  node: SyntaxNode,
): Value {
  const [x, y] = [a, b] as [number, number];
  if (typeof a === "bigint" && typeof b === "bigint") return stagedWide(front, operator, a, b, isSigned, node);
  if (typeof a === "number" && typeof b === "number" && BITWISE.has(operator)) {
    checkShift(front, operator, { min: y, max: y }, 31, node);
    return folded(unsigned(operator, x, y));
  }
  switch (operator) {
    case "+":
      return folded(x + y);
    case "-":
      return folded(x - y);
    case "*":
      return folded(x * y);
    case "/":
      return folded(y === 0 ? 0 : x / y);
    case "%":
      return folded(y === 0 ? x : x % y);
    case "**":
      return folded(x ** y);
    case "in":
      return folded((a as string) in (b as object));
    case "instanceof":
      return folded(a instanceof (b as () => void));
    default:
      return front.unsupported(`the operator \`${operator}\``, "compute it when the module is evaluated", node);
  }
}

export function unary(front: Front, operator: string, given: Value, node: SyntaxNode): Value {
  const value = front.settle(given);
  if (operator === "typeof") return typeOf(front, value, node);
  if (operator === "void") return folded(undefined);
  if (isStaged(value)) return stagedUnary(front, operator, value, node);
  if (isWide(front, value)) {
    const operand = bigintOf(front, value, node);
    if (operator === "-")
      return { kind: "bigint", signed: true, id: front.emit({ kind: "negate", width: 64, a: operand.id() }) };
    if (operator === "~")
      return { kind: "bigint", signed: operand.signed, id: front.aluConstant("xor", operand.id(), -1) };
    return front.unsupported(`\`${operator}\` of a bigint`, "use -x or ~x", node);
  }
  const operand = numberOf(front, value, node["argument"] ?? node);
  if (operator === "+") return value;
  if (operator === "-") {
    const range = { min: -operand.range.max, max: -operand.range.min };
    return { kind: "number", range, id: front.emit({ kind: "negate", width: 64, a: operand.id() }) };
  }
  if (operator === "~") {
    return { kind: "number", range: U32, id: front.aluConstant("xor", low32(front, operand).id, 0xffffffffn, 64) };
  }
  return front.unsupported(`\`${operator}\``, "kernel code has no such operator", node);
}

function stagedUnary(
  front: Front,
  operator: string,
  given: Extract<Value, { kind: "staged" }>,
  node: SyntaxNode,
): Value {
  const { value } = given;
  if (typeof value === "bigint" && operator === "-") return signedConstant(-value);
  if (typeof value === "bigint" && operator === "~")
    return signOf(given) === "signed" ? signedConstant(~value) : folded(BigInt.asUintN(64, ~value));
  switch (operator) {
    case "-":
      // A literal with its sign is still written down: it must fit where it is stored.
      return { ...given, value: -(value as number) + 0 };
    case "+":
      return folded(+(value as number));
    case "~":
      return folded(~(value as number) >>> 0);
    default:
      return front.unsupported(`\`${operator}\``, "kernel code has no such operator", node);
  }
}

function typeOf(front: Front, value: Value, node: SyntaxNode): Value {
  if (isStaged(value)) return folded(typeof value.value);
  switch (value.kind) {
    case "number":
    case "bigint":
    case "boolean":
      return folded(value.kind);
    case "address":
      return folded("string");
    case "closure":
      return folded("function");
    case "nullable":
      return front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(node["argument"]) }, node);
    default:
      return folded("object");
  }
}
