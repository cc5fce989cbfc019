/** Places in the open-addressing arrays: each entry at most `PROBES` - 1 slots behind where its key belongs. */
import { PROBES, slotOf } from "../program/lookup.xdp.ts";

export class Slots {
  readonly #slots: number;
  readonly #taken = new Set<number>();

  /** `slots`: a power of two. */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Takes the place for a key; null: there is none, the table must grow. */
  take(high: bigint, low: bigint): number | null {
    const first = slotOf(high, low, this.#slots);
    for (let i = 0; i < PROBES; i++) {
      const slot = (first + i) & (this.#slots - 1);
      if (this.#taken.has(slot)) continue;
      this.#taken.add(slot);
      return slot;
    }
    return null;
  }
}
