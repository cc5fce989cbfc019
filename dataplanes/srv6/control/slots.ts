/** Places in the open-addressing arrays: each entry in one of the slots that the program looks at. */
import { slotOf } from "../program/lookup.xdp.ts";

export class Slots {
  readonly #slots: number;
  readonly #probes: number;
  readonly #taken = new Set<number>();

  /** `slots`: a power of two. `probes`: how many the program looks at. */
  constructor(slots: number, probes: number) {
    this.#slots = slots;
    this.#probes = probes;
  }

  /** Takes the place for a key; null: there is none, the table must grow. */
  take(high: bigint, low: bigint): number | null {
    const first = slotOf(high, low, this.#slots);
    for (let i = 0; i < this.#probes; i++) {
      const slot = (first + i) & (this.#slots - 1);
      if (this.#taken.has(slot)) continue;
      this.#taken.add(slot);
      return slot;
    }
    return null;
  }
}
