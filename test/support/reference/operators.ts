/**
 * The operators of the language where it differs from JavaScript (design, section 4).
 *
 * Numbers are exact integers; `& | ^ ~ << >> >>>` take the low 32 bits of each operand and give an unsigned result, `>>`
 * included. A bigint is 64 bits wide and unsigned, unless it comes from `i64(...)`, `-x` or a field of type i64: then it is a
 * Signed, and so is what is computed from it; a constant of the module below zero is one, too. `a & b` is Signed only
 * where both are, and a shift is what its left side is. Comparisons go by value, as JavaScript's do.
 * Shifts of a bigint by 64 and more give 0, or -1 for a negative Signed.
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

const isSigned = (value: unknown): boolean => value instanceof Signed || (typeof value === "bigint" && value < 0n);

/** Which of two operands make a Signed of the result. */
type SignRule = (a: boolean, b: boolean) => boolean;
const either: SignRule = (a, b) => a || b;
const both: SignRule = (a, b) => a && b;
const left: SignRule = (a) => a;

/** The result of exact operands, wrapped into its type. */
function wide(a: unknown, b: unknown, compute: Arithmetic, rule: SignRule): unknown {
  const result = compute(plain(a) as bigint, plain(b) as bigint);
  return rule(isSigned(a), isSigned(b)) ? new Signed(result) : BigInt.asUintN(64, result);
}

const isWide = (value: unknown): boolean => typeof value === "bigint" || value instanceof Signed;

function arithmetic(onNumbers: (a: number, b: number) => number, onBigints: Arithmetic, rule: SignRule = either) {
  return (a: unknown, b: unknown): unknown => {
    if (isWide(a) && isWide(b)) return wide(a, b, onBigints, rule);
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

const compare =
  (onValues: (a: never, b: never) => boolean) =>
  (a: unknown, b: unknown): boolean =>
    onValues(plain(a) as never, plain(b) as never);

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
    both,
  ),
  "|": arithmetic(
    (a, b) => (a | b) >>> 0,
    (a, b) => a | b,
  ),
  "^": arithmetic(
    (a, b) => (a ^ b) >>> 0,
    (a, b) => a ^ b,
  ),
  "<<": arithmetic((a, b) => (a << b) >>> 0, shiftLeft, left),
  ">>": arithmetic((a, b) => notNegative(a) >>> b, shiftRight, left),
  ">>>": arithmetic((a, b) => a >>> b, shiftRight, left),
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
  "unary-": (a: unknown): unknown => (isWide(a) ? new Signed(-(plain(a) as bigint)) : 0 - (a as number)),
  "unary~": (a: unknown): unknown => (isWide(a) ? wide(a, 0n, (x) => ~x, left) : ~(a as number) >>> 0),
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
