/**
 * Which registers hold values at once: a bit for each pair, and the neighbours of each as a list.
 *
 * Machine registers have bits but no lists: they are coloured already, and nobody walks through what they touch.
 */
import { isPhysical } from "./liveness.ts";
import type { Register } from "./machine.ts";

export class Interference {
  /** Rows of `#stride` words. */
  readonly #bits: Uint32Array;
  readonly #stride: number;
  readonly neighbours: readonly Register[][];

  constructor(registers: number) {
    this.#stride = (registers + 31) >> 5;
    this.#bits = new Uint32Array(registers * this.#stride);
    this.neighbours = Array.from({ length: registers }, () => []);
  }

  has(a: Register, b: Register): boolean {
    return (this.#bits[a * this.#stride + (b >> 5)]! & (1 << (b & 31))) !== 0;
  }

  /** False when the pair was there. */
  add(a: Register, b: Register): boolean {
    const at = a * this.#stride + (b >> 5);
    const bit = 1 << (b & 31);
    if ((this.#bits[at]! & bit) !== 0) return false;
    this.#bits[at]! |= bit;
    this.#bits[b * this.#stride + (a >> 5)]! |= 1 << (a & 31);
    if (!isPhysical(a)) this.neighbours[a]!.push(b);
    if (!isPhysical(b)) this.neighbours[b]!.push(a);
    return true;
  }
}
