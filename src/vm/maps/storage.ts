/**
 * Elements of equal size in linear memory, in chunks: a map of a million entries takes memory as it fills.
 *
 * Invariant: an element's address never changes, because programs hold it; behind each element lies a gap of at least
 * eight bytes, so that running over its end is a fault.
 */
import type { Memory, Region } from "../memory.ts";

const CHUNK_BYTES = 1 << 20;

export class Storage {
  readonly #memory: Memory;
  readonly #name: string;
  readonly #element: number;
  readonly #stride: number;
  readonly #perChunk: number;
  readonly #readOnly: boolean;
  readonly #chunks: Region[] = [];

  /** `together` elements (one per CPU) are never divided between chunks. */
  constructor(
    memory: Memory,
    options: { name: string; element: number; count: number; together?: number; readOnly?: boolean },
  ) {
    const together = options.together ?? 1;
    this.#memory = memory;
    this.#name = options.name;
    this.#element = options.element;
    this.#stride = Math.ceil(options.element / 8) * 8 + 8;
    const most = Math.max(1, Math.floor(CHUNK_BYTES / this.#stride));
    this.#perChunk = Math.min(Math.ceil(most / together), options.count) * together;
    this.#readOnly = options.readOnly ?? false;
  }

  /** Address of element `index`; zeroed the first time. */
  address(index: number): number {
    const number = Math.floor(index / this.#perChunk);
    const chunk = this.#chunks[number] ?? this.#allocate(number);
    return chunk.start + (index - number * this.#perChunk) * this.#stride;
  }

  #allocate(number: number): Region {
    return (this.#chunks[number] = this.#memory.allocate({
      kind: "map",
      name: this.#name,
      size: this.#perChunk * this.#stride,
      stride: this.#stride,
      element: this.#element,
      readOnly: this.#readOnly,
    }));
  }
}
