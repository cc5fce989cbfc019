/**
 * The same handles from user space: `loaded.map(sids)`, `vm.map(sids)`. A handle names a map; it never is one.
 *
 * Invariant: `Shared<A>` carries the type of its access and nothing at run time.
 */
import type { Cell } from "./place.ts";

/** The key under which a handle's type says what user space gets; no handle has such a property. */
export const ACCESS: unique symbol = Symbol("xdpkit.access");

/** Anything that user space can open: every map class, a Global, an Outcomes. */
export interface Shared<A> {
  readonly [ACCESS]: A;
}

/** `any`, `create` (only when absent) or `replace` (only when present). */
export type UpdateMode = "any" | "create" | "replace";

/** `GivenK` and `GivenV`: what is taken, where that is more than what is given. */
export interface MapAccess<K, V, GivenK = K, GivenV = V> {
  /** A copy of the value; undefined when there is no such key. */
  get(key: GivenK): V | undefined;
  /** Writes an element; `mode` says whether it must exist before (`exist`) or must not (`noexist`). */
  set(key: GivenK, value: GivenV, mode?: UpdateMode): void;
  /** Many at once; an error says which entry it was: `$[3].value.port`. Those before it are set. */
  setAll(entries: Iterable<readonly [GivenK, GivenV]>): void;
  /** True when the key was present. */
  delete(key: GivenK): boolean;
  /** Copies of all elements. Elements that come or go meanwhile may be missed or seen twice, as with bpf(2). */
  entries(): IterableIterator<[K, V]>;
  /** Elements that are there now. It walks the map. */
  readonly size: number;
}

/** A map that has a value for each processor. */
export interface PerCpuAccess<K, V, GivenK = K, GivenV = V> {
  /** One value per possible CPU. */
  get(key: GivenK): V[] | undefined;
  /** The same value for all processors, or one for each in the order of their numbers. */
  set(key: GivenK, value: GivenV | GivenV[]): void;
  /** Whether there was such a key. */
  delete(key: GivenK): boolean;
  /** Keys with the values of all processors. */
  entries(): IterableIterator<[K, V[]]>;
}

/** A queue or stack, from user space. */
export interface QueueAccess<V, GivenV = V> {
  /** Adds a value. @throws XdpkitError KERNEL_CALL in the kernel when it is full */
  push(value: GivenV): void;
  /** Takes the next value; undefined when there is none. */
  pop(): V | undefined;
}

/** A bloom filter, from user space. @throws XdpkitError KERNEL_CALL in the kernel */
export interface BloomAccess<V> {
  /** Adds a value; there is no way to take it out again. */
  add(value: V): void;
  /** False means certainly not. */
  has(value: V): boolean;
}

/** Records that programs send, as an asynchronous iterable: `for await (const record of source)`. */
export interface EventSource<T> extends AsyncIterable<T> {
  /** Takes the records that are there now. */
  drain(): T[];
  /** Returns what ends the subscription. */
  on(listener: (record: T) => void): () => void;
  /** Records that found no room. */
  readonly lost: bigint;
}

/** A ring that user space writes and programs drain. */
export interface UserRingAccess<T> {
  /** False when there is no room. */
  send(record: T): boolean;
}

/** What became of packets, by name. */
export interface OutcomesAccess<Name extends string> {
  /** Sums over all CPUs. */
  read(): Record<Name, bigint>;
}

/** A global variable, from user space: `value` reads and writes it. */
export type CellAccess<T> = Cell<T>;
