/** Random numbers from a seed, so that a failing run can be repeated: `XDPKIT_SEED=… npm test`. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to 2^32 - 1 (mulberry32). */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  }
  /** `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + (this.u32() % (to - from + 1));
  }
  chance(probability: number): boolean {
    return this.u32() < probability * 2 ** 32;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.u32() % items.length]!;
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.u32() & 0xff);
  }
  /** A 32-bit number that is often one of those where arithmetic goes wrong. */
  interesting(): number {
    const edges = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -0x80000000, -1, -2];
    return this.chance(0.5) ? this.pick(edges) : this.u32() | 0;
  }
}

/** The run's seed: XDPKIT_SEED, else from the clock. */
export function runSeed(): number {
  const given = Number(process.env["XDPKIT_SEED"]);
  return Number.isInteger(given) && given > 0 ? given : Date.now() % 0x7fffffff;
}
