/** Operators of bigints: 64 bits wide, wrapping; `signedResult` says which type the result has. */
import type { AluCode, ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { bigintOf, type WideOperand } from "./convert.ts";
import type { Front } from "./front.ts";
import { folded, isStaged, signedConstant, type Value } from "./value.ts";

export const isWide = (front: Front, given: Value): boolean => {
  const value = front.settle(given);
  return value.kind === "bigint" || (isStaged(value) && typeof value.value === "bigint");
};

/** `a & b` with an unsigned side has no sign, a shift is what its left side is, and all else is signed where one side is. */
export function signedResult(operator: string, a: boolean, b: boolean): boolean {
  if (operator === "&") return a && b;
  return operator === "<<" || operator === ">>" ? a : a || b;
}

export function stagedWide(
  front: Front,
  operator: string,
  x: bigint,
  y: bigint,
  isSigned: boolean,
  node: SyntaxNode,
): Value {
  const wrap = (value: bigint): Value => (isSigned ? signedConstant(value) : folded(BigInt.asUintN(64, value)));
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

export function wide(front: Front, operator: string, left: Value, right: Value, node: SyntaxNode): Value {
  const a = bigintOf(front, left, node["left"] ?? node);
  const b = bigintOf(front, right, node["right"] ?? node);
  const code = WIDE_CODES[operator];
  if (!code) return front.unsupported(`\`${operator}\` of bigints`, "use + - * / % & | ^ << >>", node);
  const signed = signedResult(operator, a.signed, b.signed);
  if (signed && (code === "div" || code === "mod"))
    return front.unsupported(
      `\`${operator}\` of signed bigints`,
      "divide unsigned values, and put the sign back",
      node,
    );
  if (code === "shl" || code === "shr") checkWideShift(front, b, node);
  const most = operator === "%" ? remainderMax(a.max, b.constant) : wideMax(operator, a.max, b.max);
  const max = signed && most !== undefined && most >= 2n ** 63n ? undefined : most;
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

function checkWideShift(front: Front, { constant, max }: WideOperand, node: SyntaxNode): void {
  const limit = constant ?? max;
  if (limit !== undefined && limit >= 0n && limit < 64n) return;
  front.fail(
    "COMPILER_SHIFT",
    { found: limit === undefined ? "a bigint that may be large" : String(limit), limit: 63 },
    node["right"] ?? node,
  );
}

/** A divisor that may be zero leaves the dividend (RFC 9669 section 4.1). */
function remainderMax(a: bigint | undefined, divisor: bigint | undefined): bigint | undefined {
  if (divisor === undefined || divisor === 0n) return a;
  return a === undefined || divisor - 1n < a ? divisor - 1n : a;
}

function wideMax(operator: string, a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (operator === "&") return a === undefined ? b : b === undefined || a < b ? a : b;
  if (a === undefined) return undefined;
  if (operator === "/" || operator === ">>") return a;
  if (b === undefined) return undefined;
  const bits = (value: bigint): bigint => (1n << BigInt(value.toString(2).length)) - 1n;
  const max = { "+": a + b, "*": a * b, "|": bits(a | b), "^": bits(a | b), "<<": b < 64n ? a << b : 1n << 64n }[
    operator
  ];
  return max !== undefined && max < 2n ** 64n ? max : undefined;
}
