/** Maps whose values are handles of a module (programs, maps), or have one: descriptors on the way in, ids on the way out. */
import type { UpdateMode } from "../lang/index.ts";
import type { EntryAccess } from "./map-access.ts";
import type { KernelMap } from "./maps.ts";

export interface Translation {
  in(value: unknown): unknown;
  out(value: unknown): unknown;
}

export class HandleAccess {
  readonly map: KernelMap;
  readonly #access: EntryAccess<unknown, unknown>;
  readonly #translation: Translation;

  constructor(access: EntryAccess<unknown, unknown>, translation: Translation) {
    this.map = access.map;
    this.#access = access;
    this.#translation = translation;
  }

  /** Slots that hold something. */
  get size(): number {
    return this.#access.size;
  }

  get(key: unknown): unknown {
    const value = this.#access.get(key);
    return value === undefined ? undefined : this.#translation.out(value);
  }

  set(key: unknown, value: unknown, mode?: UpdateMode): void {
    this.#access.set(key, this.#translation.in(value), mode);
  }

  /** One system call each: the kernel waits for readers after a batch, and not all of these types have one. */
  setAll(entries: Iterable<readonly [unknown, unknown]>): void {
    for (const [key, value] of entries) this.set(key, value);
  }

  delete(key: unknown): boolean {
    return this.#access.delete(key);
  }

  *entries(): IterableIterator<[unknown, unknown]> {
    for (const [key, value] of this.#access.entries()) yield [key, this.#translation.out(value)];
  }
}
