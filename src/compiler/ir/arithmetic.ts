/**
 * The arithmetic of BPF registers on bigints (RFC 9669 sections 4 and 5): what constant folding computes.
 *
 * Values are signed 64-bit numbers, as `constant` holds them. Invariant: every function agrees with the interpreter
 * (src/vm/interpreter.ts); the random programs of test/compiler compare them.
 */
import type { AluCode, ConditionCode } from "./ir.ts";

const signed = (bits: number, value: bigint): bigint => BigInt.asIntN(bits, value);
const unsigned = (bits: number, value: bigint): bigint => BigInt.asUintN(bits, value);

export function evaluateAlu(code: AluCode, width: 32 | 64, a: bigint, b: bigint): bigint {
  const result = unsigned(width, compute(code, width, a, b));
  return signed(64, result);
}

function compute(code: AluCode, width: 32 | 64, a: bigint, b: bigint): bigint {
  const [x, y] = [unsigned(width, a), unsigned(width, b)];
  const shift = y & BigInt(width - 1);
  switch (code) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return x * y;
    case "div":
      return y === 0n ? 0n : x / y;
    case "mod":
      return y === 0n ? x : x % y;
    case "sdiv":
      return y === 0n ? 0n : signed(width, x) / signed(width, y);
    case "smod":
      return y === 0n ? x : signed(width, x) % signed(width, y);
    case "and":
      return x & y;
    case "or":
      return x | y;
    case "xor":
      return x ^ y;
    case "shl":
      return x << shift;
    case "shr":
      return x >> shift;
    case "sar":
      return signed(width, x) >> shift;
  }
}

export function evaluateNegate(width: 32 | 64, a: bigint): bigint {
  return signed(64, unsigned(width, -a));
}

export function evaluateSignExtend(bits: 8 | 16 | 32, a: bigint): bigint {
  return signed(bits, a);
}

export function evaluateSwap(bits: 16 | 32 | 64, a: bigint): bigint {
  let swapped = 0n;
  for (let byte = 0; byte < bits; byte += 8) swapped = (swapped << 8n) | ((a >> BigInt(byte)) & 0xffn);
  return signed(64, swapped);
}

export function evaluateCondition(code: ConditionCode, width: 32 | 64, a: bigint, b: bigint): boolean {
  const sign = code.startsWith("s") && code !== "set";
  const [x, y] = sign ? [signed(width, a), signed(width, b)] : [unsigned(width, a), unsigned(width, b)];
  switch (code) {
    case "eq":
      return x === y;
    case "ne":
      return x !== y;
    case "gt":
    case "sgt":
      return x > y;
    case "ge":
    case "sge":
      return x >= y;
    case "lt":
    case "slt":
      return x < y;
    case "le":
    case "sle":
      return x <= y;
    case "set":
      return (x & y) !== 0n;
  }
}
