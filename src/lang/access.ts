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
  get(key: GivenK): V | undefined;
  set(key: GivenK, value: GivenV, mode?: UpdateMode): void;
  /** Many at once; an error says which entry it was: `$[3].value.port`. Those before it are set. */
  setAll(entries: Iterable<readonly [GivenK, GivenV]>): void;
  /** True when the key was present. */
  delete(key: GivenK): boolean;
  entries(): IterableIterator<[K, V]>;
  readonly size: number;
}

export interface PerCpuAccess<K, V, GivenK = K, GivenV = V> {
  /** One value per possible CPU. */
  get(key: GivenK): V[] | undefined;
  set(key: GivenK, value: GivenV | GivenV[]): void;
  delete(key: GivenK): boolean;
  entries(): IterableIterator<[K, V[]]>;
}

export interface QueueAccess<V, GivenV = V> {
  push(value: GivenV): void;
  pop(): V | undefined;
}

export interface BloomAccess<V> {
  add(value: V): void;
  /** False means certainly not. */
  has(value: V): boolean;
}

export interface EventSource<T> extends AsyncIterable<T> {
  /** Takes the records that are there now. */
  drain(): T[];
  /** Returns what ends the subscription. */
  on(listener: (record: T) => void): () => void;
  /** Records that found no room. */
  readonly lost: bigint;
}

export interface UserRingAccess<T> {
  /** False when there is no room. */
  send(record: T): boolean;
}

export interface OutcomesAccess<Name extends string> {
  /** Sums over all CPUs. */
  read(): Record<Name, bigint>;
}

export type CellAccess<T> = Cell<T>;
