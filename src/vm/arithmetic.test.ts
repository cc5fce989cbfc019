/** Arithmetic on pairs of halves against BigInt (RFC 9669 section 4.1). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { divide32, divide64, divideSigned32, divideSigned64, multiply64, swap32 } from "./arithmetic.ts";

const RUNS = { numRuns: 3000 };
/** Numbers where halves, doubles and signs meet. */
const EDGES = [0n, 1n, 2n, 3n, 7n, 10n]
  .flatMap((n) => [15n, 16n, 31n, 32n, 33n, 52n, 53n, 54n, 63n].flatMap((k) => [(1n << k) + n, (1n << k) - n, n, -n]))
  .map((n) => BigInt.asUintN(64, n));
const number64 = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const number32 = fc.oneof(
  fc.constantFrom(0, 1, 2, -1, 0x7fffffff, -0x80000000, 0x10000, 0xffff),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
);

type Operation = (regs: Int32Array, d: number, s: number) => void;

/** Runs an operation on registers 1 and 3, which others surround. */
function run(operation: Operation, a: bigint, b: bigint): bigint {
  const regs = new Int32Array(10).fill(0x5a5a5a5a);
  const place = (value: bigint, at: number): void => {
    regs[at] = Number(BigInt.asIntN(32, value));
    regs[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
  };
  place(a, 2);
  place(b, 6);
  operation(regs, 2, 6);
  const rest = [0, 1, 4, 5, 8, 9].map((i) => regs[i]);
  expect(rest).toEqual(new Array(6).fill(0x5a5a5a5a));
  return (BigInt(regs[3]! >>> 0) << 32n) | BigInt(regs[2]! >>> 0);
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const CASES: readonly (readonly [string, Operation, (a: bigint, b: bigint) => bigint])[] = [
  ["multiply64", multiply64, (a, b) => a * b],
  ["divide64", (r, d, s) => divide64(r, d, s, false), (a, b) => (b === 0n ? 0n : a / b)],
  ["divide64, remainder", (r, d, s) => divide64(r, d, s, true), (a, b) => (b === 0n ? a : a % b)],
  ["divideSigned64", (r, d, s) => divideSigned64(r, d, s, false), (a, b) => (b === 0n ? 0n : signed(a) / signed(b))],
  [
    "divideSigned64, remainder",
    (r, d, s) => divideSigned64(r, d, s, true),
    (a, b) => (b === 0n ? a : signed(a) % signed(b)),
  ],
];

describe("64 bits", () => {
  it.each(CASES)("%s", (_, operation, model) => {
    fc.assert(
      fc.property(number64, number64, (a, b) => {
        expect(run(operation, a, b)).toBe(BigInt.asUintN(64, model(a, b)));
      }),
      RUNS,
    );
  });

  it.each(CASES)("%s of a register with itself", (_, operation, model) => {
    fc.assert(
      fc.property(number64, (a) => {
        const regs = Int32Array.of(Number(BigInt.asIntN(32, a)), Number(BigInt.asIntN(32, a >> 32n)));
        operation(regs, 0, 0);
        const got = (BigInt(regs[1]! >>> 0) << 32n) | BigInt(regs[0]! >>> 0);
        expect(got).toBe(BigInt.asUintN(64, model(a, a)));
      }),
    );
  });
});

describe("32 bits", () => {
  const cases: readonly (readonly [string, (a: number, b: number) => number, (a: number, b: number) => number])[] = [
    ["divide32", (a, b) => divide32(a, b, false), (a, b) => (b === 0 ? 0 : Math.floor((a >>> 0) / (b >>> 0)))],
    ["divide32, remainder", (a, b) => divide32(a, b, true), (a, b) => (b === 0 ? a : (a >>> 0) % (b >>> 0))],
    ["divideSigned32", (a, b) => divideSigned32(a, b, false), (a, b) => (b === 0 ? 0 : Number(BigInt(a) / BigInt(b)))],
    [
      "divideSigned32, remainder",
      (a, b) => divideSigned32(a, b, true),
      (a, b) => (b === 0 ? a : Number(BigInt(a) % BigInt(b))),
    ],
  ];
  it.each(cases)("%s", (_, operation, model) => {
    fc.assert(
      fc.property(number32, number32, (a, b) => {
        expect(operation(a, b)).toBe(model(a, b) | 0);
      }),
      RUNS,
    );
  });

  it("swap32 exchanges the bytes", () => {
    fc.assert(
      fc.property(number32, (value) => {
        const view = new DataView(new ArrayBuffer(4));
        view.setInt32(0, value, true);
        expect(swap32(value)).toBe(view.getInt32(0, false));
      }),
    );
  });
});
