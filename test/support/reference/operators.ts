/**
 * The operators of the language where it differs from JavaScript (design, section 4).
 *
 * Numbers are exact integers; `& | ^ ~ << >> >>>` take the low 32 bits of each operand and give an unsigned result, `>>`
 * included. A bigint is 64 bits wide and unsigned, unless it comes from `i64(...)` or a field of type i64: then it is a
 * Signed, and so is what is computed from it. Shifts of a bigint by 64 and more give 0, or -1 for a negative Signed.
 * Division by zero gives zero; `x % 0` gives x, as the BPF instruction does.
 */

/** A signed 64-bit integer; the only value of kernel code that is not the JavaScript value itself. */
export class Signed {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = BigInt.asIntN(64, value);
  }
  toString(): string {
    return String(this.value);
  }
}

/** The value without the class: a negative bigint when it is Signed and below zero. */
export const plain = (value: unknown): unknown => (value instanceof Signed ? value.value : value);

export const isTrue = (value: unknown): boolean => Boolean(plain(value));

type Arithmetic = (a: bigint, b: bigint) => bigint;

/** Wraps into the common type of both operands. */
function wide(a: unknown, b: unknown, compute: Arithmetic): unknown {
  const signed = a instanceof Signed || b instanceof Signed;
  const wrap = signed ? BigInt.asIntN : BigInt.asUintN;
  const result = compute(wrap(64, plain(a) as bigint), wrap(64, plain(b) as bigint));
  return signed ? new Signed(result) : BigInt.asUintN(64, result);
}

const isWide = (value: unknown): boolean => typeof value === "bigint" || value instanceof Signed;

function arithmetic(onNumbers: (a: number, b: number) => number, onBigints: Arithmetic) {
  return (a: unknown, b: unknown): unknown => {
    if (isWide(a) && isWide(b)) return wide(a, b, onBigints);
    requireNumbers(a, b);
    return onNumbers(a as number, b as number);
  };
}

/** `true + 1`, `1n + 1` and text never get as far as here in a program that tsc accepts. */
function requireNumbers(a: unknown, b: unknown): void {
  if (typeof a === "number" && typeof b === "number") return;
  throw new TypeError(`no operator for ${describe(a)} and ${describe(b)}`);
}
const describe = (value: unknown): string => `${typeof value} ${String(value)}`;

function compare(onValues: (a: never, b: never) => boolean) {
  return (a: unknown, b: unknown): boolean => {
    const [left, right] = comparable(a, b);
    return onValues(left as never, right as never);
  };
}

/** A bigint compared with a Signed is signed; with a number both are exact. */
function comparable(a: unknown, b: unknown): readonly [unknown, unknown] {
  if (a instanceof Signed && typeof b === "bigint") return [a.value, BigInt.asIntN(64, b)];
  if (b instanceof Signed && typeof a === "bigint") return [BigInt.asIntN(64, a), b.value];
  return [plain(a), plain(b)];
}

const quotient: Arithmetic = (a, b) => (b === 0n ? 0n : a / b);
const remainder: Arithmetic = (a, b) => (b === 0n ? a : a % b);
const shiftLeft: Arithmetic = (a, b) => (b > 63n ? 0n : a << b);
const shiftRight: Arithmetic = (a, b) => a >> (b > 63n ? 64n : b);

/** By their text in the source; `unary-` and its kin take one operand. */
export const OPERATORS = {
  "+": (a: unknown, b: unknown): unknown => (typeof a === "string" && typeof b === "string" ? a + b : sum(a, b)),
  "-": arithmetic(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  "*": arithmetic(
    (a, b) => exact(a * b),
    (a, b) => a * b,
  ),
  "/": arithmetic((a, b) => (b === 0 ? 0 : a / b), quotient),
  "%": arithmetic((a, b) => (b === 0 ? a : notNegative(a) % b), remainder),
  "&": arithmetic(
    (a, b) => (a & b) >>> 0,
    (a, b) => a & b,
  ),
  "|": arithmetic(
    (a, b) => (a | b) >>> 0,
    (a, b) => a | b,
  ),
  "^": arithmetic(
    (a, b) => (a ^ b) >>> 0,
    (a, b) => a ^ b,
  ),
  "<<": arithmetic((a, b) => (a << b) >>> 0, shiftLeft),
  ">>": arithmetic((a, b) => notNegative(a) >>> b, shiftRight),
  ">>>": arithmetic((a, b) => a >>> b, shiftRight),
  "===": compare((a, b) => a === b),
  "!==": compare((a, b) => a !== b),
  // biome-ignore lint/suspicious/noDoubleEquals: what the program says
  "==": compare((a, b) => a == b),
  // biome-ignore lint/suspicious/noDoubleEquals: what the program says
  "!=": compare((a, b) => a != b),
  "<": compare((a, b) => a < b),
  ">": compare((a, b) => a > b),
  "<=": compare((a, b) => a <= b),
  ">=": compare((a, b) => a >= b),
  "unary-": (a: unknown): unknown => (isWide(a) ? wide(0n, a, (x, y) => x - y) : 0 - (a as number)),
  "unary~": (a: unknown): unknown => (isWide(a) ? wide(a, 0n, (x) => ~x) : ~(a as number) >>> 0),
  "unary!": (a: unknown): boolean => !isTrue(a),
  "&&": (a: unknown, b: () => unknown): unknown => (isTrue(a) ? b() : a),
  "||": (a: unknown, b: () => unknown): unknown => (isTrue(a) ? a : b()),
} as const;

const sum = arithmetic(
  (a, b) => exact(a + b),
  (a, b) => a + b,
);

/** Beyond 2^53 a number would no longer be the integer that the register holds: the language refuses it. */
function exact(value: number): number {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new RangeError(`${value} is beyond 2^53`);
  return value;
}

/** `>>` and `%` of a number that may be negative are refused: JavaScript and BPF do not agree. */
function notNegative(value: number): number {
  if (value < 0) throw new RangeError(`${value} is negative, and may not be shifted right or divided with a remainder`);
  return value;
}

export type Operator = keyof typeof OPERATORS;
