/**
 * Entries of a kernel map as values: `map.set("192.0.2.1", { port: 443 })`, synchronous, one system call.
 *
 * Keys and values are what the codecs make of the bytes: those of a module's schemas, or those that BTF or the size give.
 * Bytes are taken everywhere in place of a value. Per-CPU maps have lists of values.
 */
import { alignUp, inEntry } from "../base/index.ts";
import type { UpdateMode } from "../lang/index.ts";
import { type Codec, type EntryCodecs, perCpuCodec, type ValueWindow, valueWindow } from "../object/index.ts";
import { errno, MapType, updateFlags } from "../uapi/index.ts";
import { mapError } from "./map-errors.ts";
import type { KernelMap } from "./maps.ts";

/** Entries that `setAll` hands to the kernel at a time, and the bytes that it takes for them. */
const SET_BATCH = 16_384;
const SET_BYTES = 1 << 26;

/** A map with keys and values of JavaScript. */
export class EntryAccess<K, V> {
  /** The map itself, for bytes and batches. */
  readonly map: KernelMap;
  readonly #key: Codec;
  readonly #value: Codec;
  /** Over the map's own buffers. */
  readonly #keys: ValueWindow;
  readonly #values: ValueWindow;

  constructor(map: KernelMap, { key, value }: EntryCodecs) {
    const { valueSize } = map.definition;
    this.map = map;
    this.#key = key;
    this.#value = map.perCpu ? perCpuCodec(value, map.valueBytes / alignUp(valueSize, 8)) : value;
    this.#keys = valueWindow(this.#key, map.buffers.key);
    this.#values = valueWindow(this.#value, map.buffers.value);
  }

  /** Entries present: those of an array are all; others are counted by a walk. */
  get size(): number {
    const { type, maxEntries } = this.map.definition;
    if (type === MapType.ARRAY || type === MapType.PERCPU_ARRAY) return maxEntries;
    let count = 0;
    for (const batch of this.map.batches()) count += batch.count;
    return count;
  }

  /** The value; a list of one per CPU for per-CPU maps; undefined when the key is absent. */
  get(key: K): V | undefined {
    const found = this.map.read(this.#place(key));
    return found && (this.#values.read(0) as V);
  }

  /**
   * Writes an element; `mode` says whether it must exist before (`exist`) or must not (`noexist`).
   *
   * @throws XdpkitError KERNEL_MAP_FULL, KERNEL_MAP_INDEX, KERNEL_MAP_PRESENT, KERNEL_MAP_ABSENT,
   * KERNEL_MAP_READ_ONLY
   */
  set(key: K, value: V, mode: UpdateMode = "any"): void {
    this.#values.write(0, value, "$.value");
    const result = this.map.trySet(this.#place(key), this.map.buffers.value, updateFlags[mode]);
    if (result < 0) throw mapError(this.map, "update", result);
  }

  /**
   * Sets many, 16,384 with a system call. An error says which entry it was (`$[3].value.port`); those before it are set,
   * and it may be that some of the 16,384 behind a value that cannot be encoded are not.
   */
  setAll(entries: Iterable<readonly [K, V]>): void {
    const { keySize } = this.map.definition;
    const most = Math.min(SET_BATCH, Math.ceil(SET_BYTES / (keySize + this.map.valueBytes)));
    const room = Array.isArray(entries) ? Math.min(entries.length, most) : most;
    const keys = new Uint8Array(room * keySize);
    const values = new Uint8Array(room * this.map.valueBytes);
    const [keysWindow, valuesWindow] = [valueWindow(this.#key, keys), valueWindow(this.#value, values)];
    let [first, count] = [0, 0];
    const flush = (): void => {
      this.#setBatch(keys.subarray(0, count * keySize), values.subarray(0, count * this.map.valueBytes), first);
      [first, count] = [first + count, 0];
    };
    for (const [key, value] of entries) {
      try {
        keysWindow.write(count * keySize, key, "$.key");
        valuesWindow.write(count * this.map.valueBytes, value, "$.value");
      } catch (error) {
        const at = first + count;
        flush();
        throw inEntry(error, at);
      }
      if (++count === room) flush();
    }
    flush();
  }

  /** True when the key was present. @throws XdpkitError KERNEL_MAP_READ_ONLY, KERNEL_MAP_OPERATION */
  delete(key: K): boolean {
    const result = this.map.tryDelete(this.#place(key));
    if (result === -errno.ENOENT) return false;
    if (result < 0) throw mapError(this.map, "delete", result);
    return true;
  }

  /** Takes the value away; undefined when the key is absent. Hash maps, Linux 5.14. */
  take(key: K): V | undefined {
    const taken = this.map.tryTake(this.#place(key));
    if (typeof taken !== "number") return this.#value.decode(taken) as V;
    if (taken === -errno.ENOENT) return undefined;
    throw mapError(this.map, "take", taken);
  }

  /** In batches, in the kernel's order. What has been seen may be deleted on the way. */
  *entries(): IterableIterator<[K, V]> {
    const { keySize } = this.map.definition;
    const { valueBytes } = this.map;
    for (const { keys, values, count } of this.map.batches()) {
      const [keysWindow, valuesWindow] = [valueWindow(this.#key, keys), valueWindow(this.#value, values)];
      for (let at = 0; at < count; at++)
        yield [keysWindow.read(at * keySize) as K, valuesWindow.read(at * valueBytes) as V];
    }
  }

  /** The key in the map's own buffer. */
  #place(key: K): Uint8Array {
    this.#keys.write(0, key, "$.key");
    return this.map.buffers.key;
  }

  #setBatch(keys: Uint8Array, values: Uint8Array, first: number): void {
    const { done, result } = this.map.trySetAll(keys, values);
    if (result < 0) throw inEntry(mapError(this.map, "update", result), first + done);
  }
}

/** Maps without keys: QUEUE, STACK. */
export class QueueAccess<V> {
  /** The map itself. */
  readonly map: KernelMap;
  readonly #value: Codec;

  constructor(map: KernelMap, { value }: Pick<EntryCodecs, "value">) {
    this.map = map;
    this.#value = value;
  }

  /** Adds a value. @throws XdpkitError KERNEL_MAP_FULL */
  push(value: V, overwriteOldest = false): void {
    const flags = overwriteOldest ? updateFlags.replace : updateFlags.any;
    const result = this.map.trySet(NO_KEY, this.#value.encode(value, "$.value"), flags);
    if (result < 0) throw mapError(this.map, "push", result);
  }

  /** Takes the next value; undefined when there is none. */
  pop(): V | undefined {
    const taken = this.map.tryTake();
    if (typeof taken !== "number") return this.#value.decode(taken) as V;
    if (taken === -errno.ENOENT) return undefined;
    throw mapError(this.map, "pop", taken);
  }

  /** The next value, left where it is; undefined when there is none. */
  peek(): V | undefined {
    const bytes = this.map.read(NO_KEY);
    return bytes && (this.#value.decode(bytes) as V);
  }
}

/** BLOOM_FILTER. */
export class BloomAccess<V> {
  /** The map itself. */
  readonly map: KernelMap;
  readonly #value: Codec;

  constructor(map: KernelMap, { value }: Pick<EntryCodecs, "value">) {
    this.map = map;
    this.#value = value;
  }

  /** Adds a value; there is no way to take it out again. */
  add(value: V): void {
    const result = this.map.trySet(NO_KEY, this.#value.encode(value, "$.value"));
    if (result < 0) throw mapError(this.map, "add", result);
  }

  /** False means certainly not. */
  has(value: V): boolean {
    const result = this.map.tryHas(this.#value.encode(value, "$.value"));
    if (result < 0 && result !== -errno.ENOENT) throw mapError(this.map, "has", result);
    return result === 0;
  }
}

const NO_KEY = new Uint8Array(0);
