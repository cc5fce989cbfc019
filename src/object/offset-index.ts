/**
 * Rows that belong to bytes of a section, found by range: relocations, lines, symbols of one function among thousands.
 *
 * Invariant: rows of a range keep the order that they came in, when their offsets are equal.
 */
export class OffsetIndex<T> {
  readonly #rows: readonly T[];
  readonly #offsets: readonly number[];

  constructor(rows: readonly T[], offsetOf: (row: T) => number) {
    this.#rows = [...rows].sort((a, b) => offsetOf(a) - offsetOf(b));
    this.#offsets = this.#rows.map(offsetOf);
  }

  /** Rows from `start` to before `end`. */
  within(start: number, end: number): readonly T[] {
    return this.#rows.slice(this.#first(start), this.#first(end));
  }

  /** The last row at or before an offset. */
  before(offset: number): T | undefined {
    return this.#rows[this.#first(offset + 1) - 1];
  }

  /** Position of the first row at or behind an offset. */
  #first(offset: number): number {
    let [low, high] = [0, this.#offsets.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#offsets[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
