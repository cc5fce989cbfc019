/** 64-bit multiplication and division on pairs of 32-bit halves; BigInt only where 53 bits are not enough. */

/** regs[d], regs[d + 1] *= regs[s], regs[s + 1], modulo 2^64. */
export function multiply64(regs: Int32Array, d: number, s: number): void {
  const al = regs[d]!;
  const bl = regs[s]!;
  const cross = (Math.imul(al, regs[s + 1]!) + Math.imul(regs[d + 1]!, bl)) | 0;
  const a0 = al & 0xffff;
  const a1 = al >>> 16;
  const b0 = bl & 0xffff;
  const b1 = bl >>> 16;
  const p00 = Math.imul(a0, b0);
  const p01 = Math.imul(a0, b1);
  const p10 = Math.imul(a1, b0);
  const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff);
  regs[d] = (middle << 16) | (p00 & 0xffff);
  regs[d + 1] = (Math.imul(a1, b1) + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16) + cross) | 0;
}

const TWO_32 = 4294967296;

function wide(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function store(regs: Int32Array, d: number, value: bigint): void {
  regs[d] = Number(BigInt.asIntN(32, value));
  regs[d + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** Unsigned; division by zero gives 0, modulo zero leaves the dividend (RFC 9669 section 4.1). */
export function divide64(regs: Int32Array, d: number, s: number, remainder: boolean): void {
  const ah = regs[d + 1]! >>> 0;
  const bh = regs[s + 1]! >>> 0;
  if (bh === 0 && regs[s] === 0) {
    if (!remainder) regs[d] = regs[d + 1] = 0;
    return;
  }
  if (ah >= 0x200000 || bh >= 0x200000) {
    const a = wide(regs[d]!, ah);
    const b = wide(regs[s]!, bh);
    store(regs, d, remainder ? a % b : a / b);
    return;
  }
  // Both below 2^53: a double's quotient is at most one off, and the products are exact.
  const a = ah * TWO_32 + (regs[d]! >>> 0);
  const b = bh * TWO_32 + (regs[s]! >>> 0);
  const rest = a % b;
  const value = remainder ? rest : (a - rest) / b;
  regs[d] = value | 0;
  regs[d + 1] = Math.floor(value / TWO_32) | 0;
}

/** Signed, truncating towards zero (RFC 9669 section 4.1); the smallest number divided by -1 is itself. */
export function divideSigned64(regs: Int32Array, d: number, s: number, remainder: boolean): void {
  const b = BigInt.asIntN(64, wide(regs[s]!, regs[s + 1]!));
  if (b === 0n) {
    if (!remainder) regs[d] = regs[d + 1] = 0;
    return;
  }
  const a = BigInt.asIntN(64, wide(regs[d]!, regs[d + 1]!));
  store(regs, d, BigInt.asIntN(64, remainder ? a % b : a / b));
}

/** Unsigned 32-bit division or remainder; the result is zero-extended. */
export function divide32(a: number, b: number, remainder: boolean): number {
  if (b === 0) return remainder ? a : 0;
  return (remainder ? (a >>> 0) % (b >>> 0) : (a >>> 0) / (b >>> 0)) | 0;
}

/** Signed 32-bit division or remainder. */
export function divideSigned32(a: number, b: number, remainder: boolean): number {
  if (b === 0) return remainder ? a : 0;
  return (remainder ? a % b : a / b) | 0;
}

/** Exchanges the bytes of a 32-bit number. */
export function swap32(value: number): number {
  return (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24) | 0;
}
