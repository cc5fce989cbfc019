/**
 * Handles of what another compiler made: `new Foreign<ForeignMap<Flow, Connection>>("connections")`, as `xdpkit types` writes
 * them. The object's BTF says what bytes mean, when the handle is opened; the type says what comes out of that.
 *
 * Invariant: a handle is a name and a type. The types here are what `decodeValue` (src/btf) gives and `encodeValue` takes.
 */
import type { ACCESS, CellAccess, EventSource, MapAccess, PerCpuAccess, QueueAccess, Shared } from "./access.ts";

/** A map or a variable of an object, by its name there. */
export class Foreign<A> implements Shared<A> {
  declare readonly [ACCESS]: A;
  /** In the object. */
  readonly name: string;
  /** Of a stream: the name in C of what its records are, which no map says. */
  readonly record: string | undefined;

  constructor(name: string, { record }: { readonly record?: string } = {}) {
    this.name = name;
    this.record = record;
  }
}

/**
 * What may be given for a value of type T: integers as number or bigint, and of structs some members. The others are zero,
 * as C's initialisers leave them; of a union the members that are given are written in their order.
 */
export type Given<T> = T extends number | bigint
  ? number | bigint
  : T extends string | boolean
    ? T
    : T extends readonly (infer E)[]
      ? readonly Given<E>[]
      : GivenMembers<T>;
type GivenMembers<T> = { readonly [K in keyof T]?: Given<T[K]> };

/** A map of an object that is not ours; types are those of its BTF. */
export type ForeignMap<K, V> = MapAccess<K, V, Given<K>, Given<V>>;
/** The same with a value for each processor. */
export type ForeignPerCpuMap<K, V> = PerCpuAccess<K, V, Given<K>, Given<V>>;
/** A queue or stack of an object that is not ours. */
export type ForeignQueue<V> = QueueAccess<V, Given<V>>;

/** A global variable of an object that is not ours. */
export interface ForeignVariable<T> {
  /** Reads and writes it. */
  get value(): T;
  set value(value: Given<T>);
}
/** In `.rodata`: fixed when the object is loaded. */
export type ForeignConstant<T> = Readonly<CellAccess<T>>;

/** Records of a perf array with the packet's bytes that the program has put behind. */
export type ForeignSamples<T> = EventSource<T & { readonly packet?: Uint8Array }>;

/** Names of the object's own programs; the ids of others that stand there (kernel only). */
export type ForeignProgramArray<K, Program extends string> = MapAccess<K, Program | number, Given<K>, Program>;

/** An element of a device map. */
export interface ForeignDevice<Program> {
  /** Index of the interface. */
  interface: number;
  /** Runs before the packet leaves. */
  program?: Program;
}
/** A device map of an object that is not ours. */
export type ForeignDevMap<K, Program extends string> = MapAccess<
  K,
  ForeignDevice<Program | number>,
  Given<K>,
  number | string | { readonly interface: number | string; readonly program?: Program }
>;

/** An element of a CPU map. */
export interface ForeignCpu<Program> {
  /** Packets. */
  queueSize: number;
  /** Runs on that processor, for each packet. */
  program?: Program;
}
/** A CPU map of an object that is not ours. */
export type ForeignCpuMap<K, Program extends string> = MapAccess<
  K,
  ForeignCpu<Program | number>,
  Given<K>,
  number | Readonly<ForeignCpu<Program>>
>;

/** Names of the object's own maps; the ids of others that stand there (kernel only). */
export type ForeignMapOfMaps<K, Inner extends string> = MapAccess<K, Inner | number, Given<K>, Inner>;
