/** `+ - * / %` of numbers: exact in 64 bits, or refused. Division by zero gives 0, as BPF has it (RFC 9669 section 4.1). */
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { type NumberOperand, numberOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { clampRange, folded, MAX_SAFE, type Range, U32, type Value } from "./value.ts";

export function arithmetic(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Value {
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

/** Many rounds of a callback come further than the verifier would walk. */
const isSmallStep = ({ rounds }: Front, a: NumberOperand, b: NumberOperand): boolean =>
  Math.min(sizeOf(a.range), sizeOf(b.range)) <= Math.min(2 ** 32, 2 ** 53 / rounds);

function sum(front: Front, a: NumberOperand, b: NumberOperand, node: SyntaxNode): Value {
  const range = { min: a.range.min + b.range.min, max: a.range.max + b.range.max };
  return exact(
    front,
    range,
    "+",
    isSmallStep(front, a, b),
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
  return exact(front, range, "-", isSmallStep(front, a, b), node, () => {
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
export function divide(front: Front, code: "div" | "mod", a: NumberOperand, b: NumberOperand): ValueId {
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
