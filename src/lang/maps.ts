/**
 * Maps as handles: `export const sids = new HashMap({ key: ipv6Address, value: Sid, maxEntries: 1024 })`.
 *
 * A handle is data (`definition`); its methods are kernel code. Invariant: a handle's definition is what the object will
 * declare, so nothing of it changes after construction.
 */
import { type Schema, u32 } from "../schema/index.ts";
import { MapFlag, type MapTypeName } from "../uapi/index.ts";
import {
  ACCESS,
  type BloomAccess,
  type MapAccess,
  type PerCpuAccess,
  type QueueAccess,
  type UpdateMode,
} from "./access.ts";
import type { LoopStep } from "./control.ts";
import { kernelMethod } from "./intrinsic.ts";
import { checkDeclaration, type DeclaredShape } from "./map-shape.ts";
import { checkName, kernelName } from "./names.ts";
import type { Place } from "./place.ts";

/** What all maps have. */
export interface MapOptions {
  /** 1 to 2^32 - 1. */
  readonly maxEntries: number;
  /** At most 15 characters; the name of the constant that holds the map when absent. */
  readonly name?: string;
  /** Pin by name below the bpffs directory given at load. */
  readonly pin?: boolean;
  /** Number of the NUMA node of its memory. Default: any. */
  readonly numaNode?: number;
}

/** Schemas of keys and values, and what is in the map from the beginning. */
export interface KeyedOptions<K, V> extends MapOptions {
  /** Schema of a key: a scalar or struct class. */
  readonly key: Schema<K>;
  /** Schema of a value: a scalar or struct class. */
  readonly value: Schema<V>;
  /** Content at load. */
  readonly entries?: () => Iterable<readonly [K, V]>;
}

/** A hash map's key, value, size and flags. */
export interface HashOptions<K, V> extends KeyedOptions<K, V> {
  /** Default true. */
  readonly preallocate?: boolean;
}

/** An array's value and size. */
export interface IndexedOptions<V> extends MapOptions {
  /** Schema of a value: a scalar or struct class. */
  readonly value: Schema<V>;
  /** Values that are there before the program is attached, by index. */
  readonly entries?: () => Iterable<readonly [number, V]>;
}

/** What a map handle declares. */
export interface MapDeclaration extends DeclaredShape {
  /** Whether the loader pins it by its name. */
  readonly pin: boolean;
  /** Number of the NUMA node of its memory. */
  readonly numaNode?: number;
  /** What the maps in it are like. */
  readonly inner?: MapHandle;
  /** What is in it from the beginning. */
  readonly entries?: () => Iterable<readonly [unknown, unknown]>;
}

/**
 * The base of every map class. `A` is what user space gets when it opens the map.
 *
 * @throws XdpkitError LANG_MAP_OPTION for a map that no kernel takes, LANG_NAME
 */
export abstract class MapHandle {
  /** What the object says of the map. */
  readonly declaration: MapDeclaration;

  constructor(declaration: MapDeclaration) {
    checkName(declaration.name);
    checkDeclaration(declaration);
    this.declaration = Object.freeze(declaration);
  }

  /** The name in the kernel: the option's, else that of the constant that holds the map. */
  get name(): string {
    return kernelName(this, this.declaration.name);
  }
}

export function declared(
  type: MapTypeName,
  options: Partial<MapOptions>,
  more: Partial<MapDeclaration>,
): MapDeclaration {
  const { name, pin = false, numaNode, maxEntries = 0 } = options;
  const flags = (more.flags ?? 0) | (numaNode === undefined ? 0 : MapFlag.NUMA_NODE);
  return {
    type,
    maxEntries,
    pin,
    ...(name === undefined ? {} : { name }),
    ...(numaNode === undefined ? {} : { numaNode }),
    ...more,
    flags,
  };
}

function keyed<K, V>(type: MapTypeName, options: HashOptions<K, V>, flags = 0): MapDeclaration {
  const { key, value, entries, preallocate = true } = options;
  return declared(type, options, {
    key,
    value,
    flags: flags | (preallocate ? 0 : MapFlag.NO_PREALLOC),
    ...(entries ? { entries: entries as () => Iterable<readonly [unknown, unknown]> } : {}),
  } as Partial<MapDeclaration>);
}

abstract class Keyed<K, V> extends MapHandle {
  /** The place of the value, or null. */
  lookup(key: K): Place<V> | null {
    return kernelMethod(this, "lookup", [key]);
  }
  /** False when the map is full or `mode` forbids it. */
  update(key: K, value: V, mode?: UpdateMode): boolean {
    return kernelMethod(this, "update", [key, value, mode]);
  }
  /** False when the key was absent. */
  delete(key: K): boolean {
    return kernelMethod(this, "delete", [key]);
  }
  /** `bpf_for_each_map_elem` (kernel 5.13): return `loop.Break` to leave. Result: the elements visited. */
  forEach(body: (value: Place<V>, key: K) => LoopStep | undefined | void): number {
    return kernelMethod(this, "forEach", [body]);
  }
}

abstract class SharedHash<K, V> extends Keyed<K, V> {
  declare readonly [ACCESS]: MapAccess<K, V>;
  /** Looks up, inserts `initial` when absent, looks up again. Null only when the map is full. */
  lookupOrInsert(key: K, initial: V): Place<V> | null {
    return kernelMethod(this, "lookupOrInsert", [key, initial]);
  }
}

abstract class PerCpuHash<K, V> extends Keyed<K, V> {
  declare readonly [ACCESS]: PerCpuAccess<K, V>;
  lookupOrInsert(key: K, initial: V): Place<V> | null {
    return kernelMethod(this, "lookupOrInsert", [key, initial]);
  }
  /** Another CPU's value (kernel 5.19). */
  lookupOnCpu(key: K, cpu: number): Place<V> | null {
    return kernelMethod(this, "lookupOnCpu", [key, cpu]);
  }
}

/** Values by key (`BPF_MAP_TYPE_HASH`). `maxEntries` is a limit: one more is refused. */
export class HashMap<K, V> extends SharedHash<K, V> {
  constructor(options: HashOptions<K, V>) {
    super(keyed("HASH", options));
  }
}
/** Evicts the least recently used, roughly; entries go before the map is full (kernel/bpf/bpf_lru_list.c). */
export class LruHashMap<K, V> extends SharedHash<K, V> {
  constructor(options: HashOptions<K, V>) {
    super(keyed("LRU_HASH", options));
  }
}
/** As HashMap, with a value for each processor (`BPF_MAP_TYPE_PERCPU_HASH`). */
export class PerCpuHashMap<K, V> extends PerCpuHash<K, V> {
  constructor(options: HashOptions<K, V>) {
    super(keyed("PERCPU_HASH", options));
  }
}
/** As LruHashMap, with a value for each processor (`BPF_MAP_TYPE_LRU_PERCPU_HASH`). */
export class LruPerCpuHashMap<K, V> extends PerCpuHash<K, V> {
  constructor(options: HashOptions<K, V>) {
    super(keyed("LRU_PERCPU_HASH", options));
  }
}

abstract class Indexed<V> extends MapHandle {
  lookup(index: number): Place<V> | null {
    return kernelMethod(this, "lookup", [index]);
  }
  /** Never null: the compiler must be able to prove `index < maxEntries`. */
  at(index: number): Place<V> {
    return kernelMethod(this, "at", [index]);
  }
  update(index: number, value: V): boolean {
    return kernelMethod(this, "update", [index, value]);
  }
}

function indexed<V>(type: MapTypeName, options: IndexedOptions<V>): MapDeclaration {
  const { value, entries } = options;
  return declared(type, options, { key: u32, value, ...(entries ? { entries } : {}) });
}

/** Values by index, all there from the beginning, zero (`BPF_MAP_TYPE_ARRAY`). */
export class ArrayMap<V> extends Indexed<V> {
  declare readonly [ACCESS]: MapAccess<number, V>;
  constructor(options: IndexedOptions<V>) {
    super(indexed("ARRAY", options));
  }
}

/** As ArrayMap, with a value for each processor (`BPF_MAP_TYPE_PERCPU_ARRAY`). */
export class PerCpuArray<V> extends Indexed<V> {
  declare readonly [ACCESS]: PerCpuAccess<number, V>;
  constructor(options: IndexedOptions<V>) {
    super(indexed("PERCPU_ARRAY", options));
  }
  /** Another CPU's value (kernel 5.19). */
  lookupOnCpu(index: number, cpu: number): Place<V> | null {
    return kernelMethod(this, "lookupOnCpu", [index, cpu]);
  }
}

/** The key of a prefix in user space: `"10.0.0.0/8"`, or the bits and the data of a struct key. */
export type PrefixKey<K> = K extends string ? string : { readonly prefixLength: number; readonly data: K };

/** A trie's key, value and size. */
export interface LpmTrieOptions<K, V> extends MapOptions {
  /** Schema of an address: its bytes, without the prefix length. */
  readonly key: Schema<K>;
  /** Schema of a value: a scalar or struct class. */
  readonly value: Schema<V>;
  /** Prefixes that are there before the program is attached. */
  readonly entries?: () => Iterable<readonly [PrefixKey<K>, V]>;
}

/** Longest-prefix match. `lookup` takes a full key; user space sets prefixes. */
export class LpmTrie<K, V> extends MapHandle {
  declare readonly [ACCESS]: MapAccess<PrefixKey<K>, V>;
  constructor(options: LpmTrieOptions<K, V>) {
    const { key, value, entries } = options;
    super(declared("LPM_TRIE", options, { key, value, flags: MapFlag.NO_PREALLOC, ...(entries ? { entries } : {}) }));
  }
  /** The value of the longest prefix that the key is in; null when there is none. */
  lookup(key: K): Place<V> | null {
    return kernelMethod(this, "lookup", [key]);
  }
  /** `prefixLength` in bits. */
  update(key: K, prefixLength: number, value: V): boolean {
    return kernelMethod(this, "update", [key, prefixLength, value]);
  }
  /** Whether there was this prefix; `prefixLength` is in bits. */
  delete(key: K, prefixLength: number): boolean {
    return kernelMethod(this, "delete", [key, prefixLength]);
  }
}

/** A queue's or stack's value and size. */
export interface QueueOptions<V> extends MapOptions {
  /** Schema of a value: a scalar or struct class. */
  readonly value: Schema<V>;
}

/** First in, first out. Kernel 4.20. */
export class Queue<V> extends MapHandle {
  declare readonly [ACCESS]: QueueAccess<V>;
  constructor(options: QueueOptions<V>, type: "QUEUE" | "STACK" = "QUEUE") {
    super(declared(type, options, { value: options.value }));
  }
  /** False when it is full, unless the oldest may be overwritten. */
  push(value: V, overwriteOldest?: boolean): boolean {
    return kernelMethod(this, "push", [value, overwriteOldest]);
  }
  /** A stack copy, or null when empty. */
  pop(): Place<V> | null {
    return kernelMethod(this, "pop", []);
  }
  /** The value that would be popped next; null when there is none. */
  peek(): Place<V> | null {
    return kernelMethod(this, "peek", []);
  }
}

/** Last in, first out. Kernel 4.20. */
export class Stack<V> extends Queue<V> {
  constructor(options: QueueOptions<V>) {
    super(options, "STACK");
  }
}

/** Kernel 5.16. */
export class BloomFilter<V> extends MapHandle {
  declare readonly [ACCESS]: BloomAccess<V>;
  /** `hashes`: 1 to 15, default 5. */
  constructor(options: QueueOptions<V> & { readonly hashes?: number }) {
    const { value, hashes } = options;
    super(declared("BLOOM_FILTER", options, { value, ...(hashes === undefined ? {} : { hashes }) }));
  }
  /** Adds a value. */
  add(value: V): boolean {
    return kernelMethod(this, "add", [value]);
  }
  /** False means certainly not. */
  has(value: V): boolean {
    return kernelMethod(this, "has", [value]);
  }
}

/** Also of another copy of the package: what a module that Node's loader imported has. */
export const isMapHandle = (handle: object): handle is MapHandle => "declaration" in handle;
