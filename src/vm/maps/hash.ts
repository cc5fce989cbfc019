/**
 * HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH (kernel/bpf/hashtab.c).
 *
 * Invariant: an update of a shared value takes a fresh element and frees the old one, as the kernel does: a program that
 * still holds the old value's address reads the old value. Per-CPU values are overwritten in place.
 */
import type { BpfMap } from "../../object/index.ts";
import { errno, MapFlag, MapType, UpdateFlag } from "../../uapi/index.ts";
import { gatherPerCpu, scatterPerCpu } from "./array.ts";
import { LruList } from "./lru-list.ts";
import { type MapHost, updateMode, VmMap } from "./map.ts";
import { Storage } from "./storage.ts";

const NONE = -1;

export class HashMap extends VmMap {
  readonly #keys: Storage;
  readonly #values: Storage;
  readonly #lru: LruList | undefined;
  #buckets = new Int32Array(64).fill(NONE);
  #next = new Int32Array(64);
  #hashes = new Int32Array(64);
  /** 1 while the element is in the table. */
  #used = new Uint8Array(64);
  readonly #free: number[] = [];
  #fresh = 0;
  #count = 0;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    const { keySize, valueSize, name, flags } = definition;
    const capacity = this.#capacity();
    const spare = host.cpus;
    const together = this.perCpu ? host.cpus : 1;
    this.#keys = new Storage(host.memory, { name: `key of map ${name}`, element: keySize, count: capacity + spare });
    const readOnly = this.readOnlyForPrograms;
    this.#values = new Storage(host.memory, {
      name: `value of map ${name}`,
      element: valueSize,
      count: capacity + spare,
      together,
      readOnly,
    });
    if (this.#isLru) {
      const perCpu = (flags & MapFlag.NO_COMMON_LRU) !== 0;
      this.#lru = new LruList({ elements: capacity, cpus: host.cpus, perCpu, evict: (e) => this.#unlink(e) });
      this.#fresh = capacity;
    }
  }

  override get perCpu(): boolean {
    const { type } = this.definition;
    return type === MapType.PERCPU_HASH || type === MapType.LRU_PERCPU_HASH;
  }
  get #isLru(): boolean {
    const { type } = this.definition;
    return type === MapType.LRU_HASH || type === MapType.LRU_PERCPU_HASH;
  }

  /** Per-CPU LRU lists need the same number of elements each (htab_map_alloc). */
  #capacity(): number {
    const { maxEntries, flags } = this.definition;
    if (!this.#isLru || (flags & MapFlag.NO_COMMON_LRU) === 0) return maxEntries;
    return Math.ceil(maxEntries / this.host.cpus) * this.host.cpus;
  }

  // For programs.

  override lookup(key: number): number {
    const element = this.#find(key);
    if (element === NONE) return 0;
    this.#lru?.reference(element);
    return this.#value(element, this.host.cpu);
  }

  override lookupOnCpu(key: number, cpu: number): number {
    const element = this.#find(key);
    if (element === NONE || cpu >= this.host.cpus) return 0;
    this.#lru?.reference(element);
    return this.#value(element, cpu);
  }

  override update(key: number, value: number, flags: number): number {
    const { memory } = this.host;
    const { valueSize } = this.definition;
    return this.#update(key, flags, (element, fresh) => {
      if (fresh && this.perCpu) {
        for (let cpu = 0; cpu < this.host.cpus; cpu++) {
          const at = this.#value(element, cpu);
          memory.bytes.fill(0, at, at + valueSize);
        }
      }
      const at = this.#value(element, this.host.cpu);
      // A fresh element's lock is free, whatever its memory held before.
      if (fresh && this.lockOffset !== undefined) memory.view.setUint32(at + this.lockOffset, 0, true);
      this.copyValue(at, value);
    });
  }

  override delete(key: number): number {
    const element = this.#find(key);
    if (element === NONE) return -errno.ENOENT;
    this.#unlink(element);
    this.#release(element);
    return 0;
  }

  override *elements(): Iterator<readonly [number, number]> {
    for (const element of this.#live()) yield [this.#keys.address(element), this.#value(element, this.host.cpu)];
  }

  // For user space.

  override read(key: Uint8Array): Uint8Array | number {
    const element = this.#find(this.host.scratch.place(key, 0));
    if (element === NONE) return -errno.ENOENT;
    if (this.perCpu) return gatherPerCpu(this, (cpu) => this.#value(element, cpu));
    const at = this.#value(element, 0);
    return this.host.memory.bytes.slice(at, at + this.definition.valueSize);
  }

  override write(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (!this.perCpu) return super.write(key, value, flags);
    return this.#update(this.host.scratch.place(key, 0), flags, (element) =>
      scatterPerCpu(this, value, (cpu) => this.#value(element, cpu)),
    );
  }

  override *keys(): IterableIterator<Uint8Array> {
    for (const element of this.#live()) {
      const at = this.#keys.address(element);
      yield this.host.memory.bytes.slice(at, at + this.definition.keySize);
    }
  }

  override get size(): number {
    return this.#count;
  }

  // The table.

  *#live(): Generator<number> {
    for (let element = 0; element < this.#fresh && element < this.#used.length; element++) {
      if (this.#used[element] === 1) yield element;
    }
  }

  #value(element: number, cpu: number): number {
    return this.#values.address(this.perCpu ? element * this.host.cpus + cpu : element);
  }

  #update(key: number, flags: number, store: (element: number, fresh: boolean) => void): number {
    const { mode, locked } = updateMode(flags);
    if (mode > UpdateFlag.EXIST || (locked && this.lockOffset === undefined)) return -errno.EINVAL;
    if (locked) return this.#updateLocked(key, mode, store);
    return this.#lru ? this.#updateLru(this.#lru, key, mode, store) : this.#updatePlain(key, mode, store);
  }

  /** With the value's lock held an element is changed where it lies (htab_map_update_elem). */
  #updateLocked(key: number, flags: number, store: (element: number, fresh: boolean) => void): number {
    const old = this.#find(key);
    if (old === NONE) return this.#updatePlain(key, flags, store);
    const refused = checkFlags(true, flags);
    if (refused === 0) store(old, false);
    return refused;
  }

  #updatePlain(key: number, flags: number, store: (element: number, fresh: boolean) => void): number {
    const old = this.#find(key);
    const refused = checkFlags(old !== NONE, flags);
    if (refused !== 0) return refused;
    if (old !== NONE && this.perCpu) {
      store(old, false);
      return 0;
    }
    if (old === NONE && this.#count >= this.definition.maxEntries) return -errno.E2BIG;
    const element = this.#free.pop() ?? this.#fresh++;
    this.#writeKey(element, key);
    store(element, true);
    if (old !== NONE) this.#unlink(old);
    this.#link(element);
    if (old !== NONE) this.#release(old);
    return 0;
  }

  /** The fresh element is taken before the old one is looked for, so an update may evict (htab_lru_map_update_elem). */
  #updateLru(lru: LruList, key: number, flags: number, store: (element: number, fresh: boolean) => void): number {
    const needsElement = !(this.perCpu && flags === UpdateFlag.EXIST);
    const element = needsElement ? lru.popFree(this.host.cpu) : NONE;
    if (needsElement && element === NONE) return -errno.ENOMEM;
    const old = this.#find(key);
    const refused = checkFlags(old !== NONE, flags);
    if (refused !== 0 || (old !== NONE && this.perCpu)) {
      if (refused === 0) {
        lru.reference(old);
        store(old, false);
      }
      if (element !== NONE) lru.pushFree(element);
      return refused;
    }
    this.#writeKey(element, key);
    store(element, true);
    this.#link(element);
    if (old === NONE) return 0;
    lru.reference(element);
    this.#unlink(old);
    lru.pushFree(old);
    return 0;
  }

  #release(element: number): void {
    if (this.#lru) this.#lru.pushFree(element);
    else this.#free.push(element);
  }

  #writeKey(element: number, key: number): void {
    const at = this.#keys.address(element);
    this.host.memory.bytes.copyWithin(at, key, key + this.definition.keySize);
  }

  #find(key: number): number {
    const hash = hashBytes(this.host.memory.bytes, key, this.definition.keySize);
    let element = this.#buckets[hash & (this.#buckets.length - 1)]!;
    while (element !== NONE && !(this.#hashes[element] === hash && this.#sameKey(element, key))) {
      element = this.#next[element]!;
    }
    return element;
  }

  #sameKey(element: number, key: number): boolean {
    const { bytes } = this.host.memory;
    const at = this.#keys.address(element);
    for (let i = 0; i < this.definition.keySize; i++) if (bytes[at + i] !== bytes[key + i]) return false;
    return true;
  }

  /** The element's key must have been written. */
  #link(element: number): void {
    if (element >= this.#next.length) this.#widen(element);
    if (this.#count >= this.#buckets.length) this.#rehash();
    const hash = hashBytes(this.host.memory.bytes, this.#keys.address(element), this.definition.keySize);
    const bucket = hash & (this.#buckets.length - 1);
    this.#hashes[element] = hash;
    this.#next[element] = this.#buckets[bucket]!;
    this.#buckets[bucket] = element;
    this.#used[element] = 1;
    this.#count++;
  }

  /** False when the element is not in the table. */
  #unlink(element: number): boolean {
    if (this.#used[element] !== 1) return false;
    const bucket = this.#hashes[element]! & (this.#buckets.length - 1);
    let at = this.#buckets[bucket]!;
    if (at === element) this.#buckets[bucket] = this.#next[element]!;
    else {
      while (this.#next[at] !== element) at = this.#next[at]!;
      this.#next[at] = this.#next[element]!;
    }
    this.#used[element] = 0;
    this.#count--;
    return true;
  }

  #widen(element: number): void {
    const length = Math.max(this.#next.length * 2, element + 1);
    const widen = <T extends Int32Array | Uint8Array>(old: T, wide: T): T => {
      wide.set(old);
      return wide;
    };
    this.#next = widen(this.#next, new Int32Array(length));
    this.#hashes = widen(this.#hashes, new Int32Array(length));
    this.#used = widen(this.#used, new Uint8Array(length));
  }

  #rehash(): void {
    this.#buckets = new Int32Array(this.#buckets.length * 2).fill(NONE);
    for (const element of this.#live()) {
      const bucket = this.#hashes[element]! & (this.#buckets.length - 1);
      this.#next[element] = this.#buckets[bucket]!;
      this.#buckets[bucket] = element;
    }
  }
}

function checkFlags(exists: boolean, flags: number): number {
  if (exists && flags === UpdateFlag.NOEXIST) return -errno.EEXIST;
  return !exists && flags === UpdateFlag.EXIST ? -errno.ENOENT : 0;
}

/** Multiply and xor over the bytes; the kernel's order of buckets depends on a random seed, so none is modelled. */
function hashBytes(bytes: Uint8Array, start: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}
