/** 128 bits as two bigints: where the arguments of SIDs are cut out and put in. */
export interface Wide {
  readonly high: bigint;
  readonly low: bigint;
}

/** By 0 to 127 bits. */
export function shiftLeft({ high, low }: Wide, by: number): Wide {
  const count = BigInt(by) & 63n;
  if (by >= 64) return { high: low << count, low: 0n };
  return { high: (high << count) | ((low >> 1n) >> ((63n - count) & 63n)), low: low << count };
}

/** By 0 to 127 bits; zeros come in. */
export function shiftRight({ high, low }: Wide, by: number): Wide {
  const count = BigInt(by) & 63n;
  if (by >= 64) return { high: 0n, low: high >> count };
  return { high: high >> count, low: (low >> count) | ((high << 1n) << ((63n - count) & 63n)) };
}

/** The first `bits` bits of `first`, then those of `second`; 0 to 127. */
export function joined(first: Wide, second: Wide, bits: number): Wide {
  const count = BigInt(bits) & 63n;
  const ones = 0xffffffffffffffffn >> count; // those of the second
  if (bits >= 64) return { high: first.high, low: (first.low & ~ones) | (second.low & ones) };
  return { high: (first.high & ~ones) | (second.high & ones), low: second.low };
}
