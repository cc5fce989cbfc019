/**
 * Arithmetic and comparisons. Numbers are exact integers in 64-bit registers, bigints are 64 bits wide and wrap, bit
 * operations give unsigned 32-bit results; what cannot be exact is refused.
 *
 * Invariant: the range of every result holds the number that JavaScript gives, or the operation was refused.
 */
import type { AluCode, ConditionCode, ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { addressOf, bigintOf, booleanOf, type NumberOperand, numberOf, type WideOperand } from "./convert.ts";
import type { Front, Split } from "./front.ts";
import { isSeen } from "./seen.ts";
import { clampRange, folded, isNothing, isStaged, MAX_SAFE, type Range, staged, U32, type Value } from "./value.ts";

const ARITHMETIC = new Set(["+", "-", "*", "/", "%", "**"]);
const BITWISE = new Set(["&", "|", "^", "<<", ">>", ">>>"]);

export const isWide = (front: Front, given: Value): boolean => {
  const value = front.settle(given);
  return value.kind === "bigint" || (isStaged(value) && typeof value.value === "bigint");
};

export function binary(front: Front, operator: string, a: Value, b: Value, node: SyntaxNode): Value {
  const [left, right] = [front.settle(a), front.settle(b)];
  if (isStaged(left) && isStaged(right)) {
    const isSigned = [left, right].some((one) => one.isSigned || (typeof one.value === "bigint" && one.value < 0n));
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

function unsigned(operator: string, x: number, y: number): number {
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

function stagedWide(front: Front, operator: string, x: bigint, y: bigint, isSigned: boolean, node: SyntaxNode): Value {
  const wrap = (value: bigint): Value => ({
    kind: "staged",
    value: isSigned ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value),
    isFolded: true,
    ...(isSigned ? { isSigned: true } : {}),
  });
  switch (operator) {
    case "+":
      return wrap(x + y);
    case "-":
      return wrap(x - y);
    case "*":
      return wrap(x * y);
    case "/":
      return wrap(y === 0n ? 0n : x / y);
    case "%":
      return wrap(y === 0n ? x : x % y);
    case "&":
      return wrap(x & y);
    case "|":
      return wrap(x | y);
    case "^":
      return wrap(x ^ y);
    case "<<":
    case ">>":
      checkWideShift(front, { constant: y, signed: false, id: () => -1 }, node);
      return wrap(operator === "<<" ? x << y : x >> y);
    default:
      return front.unsupported(`the operator \`${operator}\` of bigints`, "use + - * / % & | ^ << >>", node);
  }
}

// Numbers.

function arithmetic(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Value {
  const a = numberOf(front, left, node["left"] ?? node);
  const b = numberOf(front, right, node["right"] ?? node);
  switch (operator) {
    case "+":
      return sum(front, a, b, node);
    case "-":
      return difference(front, a, b, node);
    case "*":
      return product(front, a, b, node);
    case "%":
      return remainder(front, a, b, node);
    case "/":
      return { kind: "quotient", left, right, node };
    default:
      return front.unsupported(`\`${operator}\``, "multiply, or compute the power when the module is evaluated", node);
  }
}

/** A result of exact arithmetic. Sums clamp at 2^53 where one side is small: no loop that ends comes there. */
function exact(
  front: Front,
  range: Range,
  operator: string,
  isSmall: boolean,
  node: SyntaxNode,
  id: () => ValueId,
): Value {
  const size = Math.max(Math.abs(range.min), Math.abs(range.max));
  if (size > MAX_SAFE && !isSmall) front.fail("COMPILER_PRODUCT", { operator, max: String(size) }, node);
  const bounded = clampRange(range);
  if (bounded.min === bounded.max) return folded(bounded.min);
  return { kind: "number", id: id(), range: bounded };
}

const sizeOf = ({ min, max }: Range): number => Math.max(Math.abs(min), Math.abs(max));
const isSmallStep = (a: NumberOperand, b: NumberOperand): boolean =>
  Math.min(sizeOf(a.range), sizeOf(b.range)) <= 2 ** 32;

function sum(front: Front, a: NumberOperand, b: NumberOperand, node: SyntaxNode): Value {
  const range = { min: a.range.min + b.range.min, max: a.range.max + b.range.max };
  return exact(
    front,
    range,
    "+",
    isSmallStep(a, b),
    node,
    () => addConstant(front, a, b) ?? front.alu("add", a.id(), b.id()),
  );
}

/** `x + c1 + c2` as one addition: offsets are sums of constants. */
function addConstant(front: Front, a: NumberOperand, b: NumberOperand): ValueId | undefined {
  if (a.constant !== undefined) return b.constant === undefined ? addTo(front, b.id(), a.constant) : undefined;
  return b.constant === undefined ? undefined : addTo(front, a.id(), b.constant);
}

function addTo(front: Front, id: ValueId, constant: number): ValueId {
  const inner = front.builder.definition(id)?.operation;
  if (inner?.kind === "alu" && inner.code === "add" && inner.width === 64) {
    const by = front.builder.definition(inner.b)?.operation;
    if (by?.kind === "constant") {
      const total = Number(by.value) + constant;
      return total === 0 ? inner.a : front.aluConstant("add", inner.a, total);
    }
  }
  return constant === 0 ? id : front.aluConstant("add", id, constant);
}

function difference(front: Front, a: NumberOperand, b: NumberOperand, node: SyntaxNode): Value {
  const range = { min: a.range.min - b.range.max, max: a.range.max - b.range.min };
  return exact(front, range, "-", isSmallStep(a, b), node, () => {
    if (b.constant !== undefined) return addTo(front, a.id(), -b.constant);
    return front.alu("sub", a.id(), b.id());
  });
}

function product(front: Front, a: NumberOperand, b: NumberOperand, node: SyntaxNode): Value {
  const corners = [a.range.min, a.range.max].flatMap((x) => [x * b.range.min, x * b.range.max]);
  const range = { min: Math.min(...corners) + 0, max: Math.max(...corners) + 0 };
  return exact(front, range, "*", false, node, () => {
    const [constant, other] = a.constant === undefined ? [b.constant, a] : [a.constant, b];
    if (constant === undefined) return front.alu("mul", a.id(), b.id());
    const power = constant > 0 ? Math.log2(constant) : Number.NaN;
    if (Number.isInteger(power)) return power === 0 ? other.id() : front.aluConstant("shl", other.id(), power);
    return front.aluConstant("mul", other.id(), constant);
  });
}

function remainder(front: Front, a: NumberOperand, b: NumberOperand, node: SyntaxNode): Value {
  requireNatural(front, "%", a.range, node["left"] ?? node);
  requireNatural(front, "%", b.range, node["right"] ?? node);
  if (b.constant === 0) return { kind: "number", id: a.id(), range: a.range };
  // By zero the dividend is left, as BPF has it (RFC 9669 section 4.1).
  const range = { min: 0, max: b.range.min === 0 ? a.range.max : Math.min(a.range.max, b.range.max - 1) };
  if (a.range.max < b.range.min) return { kind: "number", id: a.id(), range: a.range };
  const power = b.constant === undefined ? Number.NaN : Math.log2(b.constant);
  if (Number.isInteger(power)) {
    return range.max === 0
      ? folded(0)
      : { kind: "number", id: front.aluConstant("and", a.id(), b.constant! - 1), range };
  }
  return { kind: "number", id: divide(front, "mod", a, b), range };
}

/** 32-bit division is several times as fast as 64-bit division on most processors. */
function divide(front: Front, code: "div" | "mod", a: NumberOperand, b: NumberOperand): ValueId {
  const width = a.range.max <= U32.max && b.range.max <= U32.max ? 32 : 64;
  return front.alu(code, a.id(), b.id(), width);
}

export function requireNatural(front: Front, operator: string, range: Range, node: SyntaxNode): void {
  if (range.min < 0) front.fail("COMPILER_NEGATIVE", { operator, min: range.min }, node);
}

/** `Math.trunc(a / b)` or `Math.floor(a / b)`, the same where neither is negative: by zero gives zero. */
export function wholeQuotient(
  front: Front,
  left: Value,
  right: Value,
  node: SyntaxNode,
  round: (value: number) => number,
): Value {
  const a = numberOf(front, left, node["left"] ?? node);
  const b = numberOf(front, right, node["right"] ?? node);
  if (a.constant !== undefined && b.constant !== undefined)
    return folded(b.constant === 0 ? 0 : round(a.constant / b.constant));
  requireNatural(front, "/", a.range, node["left"] ?? node);
  requireNatural(front, "/", b.range, node["right"] ?? node);
  const least = Math.max(1, b.range.min);
  const range = {
    min: b.range.min === 0 ? 0 : Math.trunc(a.range.min / b.range.max),
    max: Math.trunc(a.range.max / least),
  };
  const power = b.constant === undefined || b.constant === 0 ? Number.NaN : Math.log2(b.constant);
  if (b.constant === 0 || range.max === 0) return folded(0);
  if (Number.isInteger(power)) return { kind: "number", id: front.aluConstant("shr", a.id(), power), range };
  return { kind: "number", id: divide(front, "div", a, b), range };
}

// Bit operations: ToUint32 of both sides, an unsigned result.

const BIT_CODES: Readonly<Record<string, AluCode>> = { "&": "and", "|": "or", "^": "xor" };

/** The low 32 bits of a number. */
function low32(front: Front, operand: NumberOperand): { readonly id: ValueId; readonly range: Range } {
  if (operand.constant !== undefined) {
    const value = operand.constant >>> 0;
    return { id: front.constant(value), range: { min: value, max: value } };
  }
  if (operand.range.min >= 0 && operand.range.max <= U32.max) return { id: operand.id(), range: operand.range };
  return { id: front.aluConstant("and", operand.id(), 0xffffffffn), range: U32 };
}

function bitwise(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Value {
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

function checkShift(front: Front, operator: string, { min, max }: Range, limit: number, node: SyntaxNode): void {
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

// Bigints.

const WIDE_CODES: Readonly<Record<string, AluCode>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "%": "mod",
  "&": "and",
  "|": "or",
  "^": "xor",
  "<<": "shl",
  ">>": "shr",
};

function wide(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Value {
  const a = bigintOf(front, left, node["left"] ?? node);
  const b = bigintOf(front, right, node["right"] ?? node);
  const code = WIDE_CODES[operator];
  if (!code) return front.unsupported(`\`${operator}\` of bigints`, "use + - * / % & | ^ << >>", node);
  const signed = a.signed || b.signed;
  if (signed && (code === "div" || code === "mod"))
    return front.unsupported(
      `\`${operator}\` of signed bigints`,
      "divide unsigned values, and put the sign back",
      node,
    );
  if (code === "shl" || code === "shr") checkWideShift(front, b, node);
  const max = signed ? undefined : wideMax(operator, a.max, b.max);
  const id = wideOperation(front, signed && code === "shr" ? "sar" : code, a, b);
  return { kind: "bigint", id, signed, ...(max === undefined ? {} : { max }) };
}

function wideOperation(front: Front, code: AluCode, a: WideOperand, b: WideOperand): ValueId {
  const power = b.constant === undefined ? undefined : powerOf(b.constant);
  if (power !== undefined && code === "mul") return front.aluConstant("shl", a.id(), power);
  if (power !== undefined && code === "div") return front.aluConstant("shr", a.id(), power);
  if (power !== undefined && code === "mod") return front.aluConstant("and", a.id(), b.constant! - 1n);
  const isNarrow = (operand: WideOperand): boolean => operand.max !== undefined && operand.max <= 0xffffffffn;
  const width = (code === "div" || code === "mod") && isNarrow(a) && isNarrow(b) ? 32 : 64;
  if (b.constant === 0n && code === "div") return front.constant(0);
  if (b.constant === 0n && code === "mod") return a.id();
  return front.alu(code, a.id(), b.id(), width);
}

function powerOf(value: bigint): number | undefined {
  if (value <= 0n || (value & (value - 1n)) !== 0n) return undefined;
  return value.toString(2).length - 1;
}

function checkWideShift(front: Front, { constant, max, signed }: WideOperand, node: SyntaxNode): void {
  const limit = constant ?? (signed ? undefined : max);
  if (limit !== undefined && limit >= 0n && limit < 64n) return;
  front.fail(
    "COMPILER_SHIFT",
    { found: limit === undefined ? "a bigint that may be large" : String(limit), limit: 63 },
    node["right"] ?? node,
  );
}

function wideMax(operator: string, a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (operator === "&") return a === undefined ? b : b === undefined || a < b ? a : b;
  if (operator === "%" && b !== undefined && b > 0n) return a === undefined || b - 1n < a ? b - 1n : a;
  if (a === undefined) return undefined;
  if (operator === "/" || operator === ">>" || operator === "%") return a;
  if (b === undefined) return undefined;
  const bits = (value: bigint): bigint => (1n << BigInt(value.toString(2).length)) - 1n;
  const max = { "+": a + b, "*": a * b, "|": bits(a | b), "^": bits(a | b), "<<": b < 64n ? a << b : 1n << 64n }[
    operator
  ];
  return max !== undefined && max < 2n ** 64n ? max : undefined;
}

// Unary operators.

export function unary(front: Front, operator: string, given: Value, node: SyntaxNode): Value {
  const value = front.settle(given);
  if (operator === "typeof") return typeOf(front, value, node);
  if (operator === "void") return folded(undefined);
  if (isStaged(value)) return stagedUnary(front, operator, value, node);
  if (isWide(front, value)) {
    const operand = bigintOf(front, value, node);
    if (operator === "-")
      return { kind: "bigint", signed: operand.signed, id: front.emit({ kind: "negate", width: 64, a: operand.id() }) };
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
  const { value, isSigned } = given;
  if (typeof value === "bigint" && (operator === "-" || operator === "~")) {
    const result = operator === "-" ? -value : ~value;
    if (isSigned) return { kind: "staged", value: BigInt.asIntN(64, result), isFolded: true, isSigned };
    return folded(BigInt.asUintN(64, result));
  }
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

// Comparisons.

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
  if (isWide(front, left) || isWide(front, right)) return compareWide(front, operator, left, right, node);
  return compareNumbers(front, operator, left, right, node);
}

function refuseOrder(front: Front, operator: string, a: Value, b: Value, node: SyntaxNode): void {
  if (a.kind === "address" || b.kind === "address")
    front.fail("COMPILER_ADDRESS_OPERATION", { operation: `\`${operator}\`` }, node);
}

export function decided(front: Front, answer: boolean): Split {
  const state = front.leave();
  return answer ? { yes: state, no: undefined } : { yes: undefined, no: state };
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

function compareWide(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Split {
  refuseDifference(front, left, node["left"]);
  refuseDifference(front, right, node["right"]);
  const a = wideOperand(front, left, node["left"] ?? node);
  const b = wideOperand(front, right, node["right"] ?? node);
  const signed = a.signed || b.signed;
  if (!signed) refuseSignTest(front, operator, node);
  const code = (signed ? SIGNED : UNSIGNED)[operator]!;
  if (a.constant !== undefined) return front.branch((signed ? SIGNED : UNSIGNED)[MIRRORED[operator]!]!, b.id(), a.id());
  return front.branch(code, a.id(), b.id());
}

/** `x < 0n` and `x >= 0n`, so written, ask for a sign, and unsigned bigints have none. */
function refuseSignTest(front: Front, operator: string, node: SyntaxNode): void {
  const isZero = (side: SyntaxNode | undefined) =>
    typeof side?.["bigint"] === "string" && BigInt(side["bigint"]) === 0n;
  const isTest =
    (isZero(node["right"]) && (operator === "<" || operator === ">=")) ||
    (isZero(node["left"]) && (operator === ">" || operator === "<="));
  if (isTest) front.fail("COMPILER_WRAPPING_COMPARISON", {}, node);
}

/** A number beside a bigint is that integer. */
function wideOperand(front: Front, value: Value, node: SyntaxNode): WideOperand {
  if (isWide(front, value)) return bigintOf(front, value, node);
  const { range, constant, id } = numberOf(front, value, node);
  if (constant !== undefined)
    return { signed: constant < 0, constant: BigInt(constant), id, max: BigInt(Math.max(0, constant)) };
  return { signed: range.min < 0, id, ...(range.min < 0 ? {} : { max: BigInt(range.max) }) };
}

/** `a - b < c` of unsigned bigints is never what it says when the difference wraps. */
function refuseDifference(front: Front, value: Value, node: SyntaxNode | undefined): void {
  if (value.kind !== "bigint" || value.signed || value.max !== undefined) return;
  if (node?.type === "BinaryExpression" && node["operator"] === "-")
    front.fail("COMPILER_WRAPPING_COMPARISON", {}, node);
}

function equal(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Split {
  if (isNothing(left)) return nothing(front, right, node);
  if (isNothing(right)) return nothing(front, left, node);
  if (left.kind === "nullable" || right.kind === "nullable") return nullableEqual(front, operator, left, right, node);
  if (isStaged(left) && isStaged(right)) return decided(front, left.value === right.value);
  for (const value of [left, right]) {
    if (value.kind === "place" || value.kind === "record") front.fail("COMPILER_PLACES_COMPARED", { operator }, node);
  }
  if (left.kind === "address" || right.kind === "address") return equalAddresses(front, left, right, node);
  if (left.kind === "boolean" || right.kind === "boolean") return equalBooleans(front, left, right, node);
  if (isWide(front, left) || isWide(front, right)) {
    refuseDifference(front, left, node["left"]);
    refuseDifference(front, right, node["right"]);
    const isMixed = isWide(front, left) !== isWide(front, right);
    if (isMixed && operator.length === 3) return decided(front, false);
    const [a, b] = [wideOperand(front, left, node), wideOperand(front, right, node)];
    return a.constant === undefined ? front.branch("eq", a.id(), b.id()) : front.branch("eq", b.id(), a.id());
  }
  return equalNumbers(front, left, right, node);
}

/** Whether the value is null. */
function nothing(front: Front, value: Value, node: SyntaxNode): Split {
  if (isNothing(value)) return decided(front, true);
  if (value.kind !== "nullable") return decided(front, false);
  void node;
  const { yes, no } = isPresent(front, value.present);
  return { yes: no, no: yes };
}

export function isPresent(front: Front, id: ValueId): Split {
  const split = front.branch("ne", id, front.constant(0));
  front.learn(split.yes, id, { min: 1, max: MAX_SAFE });
  front.learn(split.no, id, { min: 0, max: 0 });
  return split;
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

/** Words that must all be equal. */
export function equalWords(front: Front, a: readonly ValueId[], b: readonly ValueId[]): Split {
  const no = [];
  for (const [index, word] of a.entries()) {
    const isConstant = front.builder.definition(word)?.operation.kind === "constant";
    const [x, y] = isConstant ? [b[index]!, word] : [word, b[index]!];
    const split = front.branch("eq", x, y);
    no.push(split.no);
    front.follow(split.yes);
  }
  const yes = front.leave();
  return { yes, no: front.joinStates(no) };
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

/** A condition as a value: 1 where it holds. */
export function booleanFrom(front: Front, { yes, no }: Split): Value {
  return front.join([
    ...(yes ? [{ state: yes, value: staged(true) }] : []),
    ...(no ? [{ state: no, value: staged(false) }] : []),
  ]);
}
