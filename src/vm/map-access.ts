/**
 * Maps from user space: `vm.map("sids").set(key, value)`.
 *
 * Keys and values are plain JavaScript by the names of the object's BTF (codec.ts); Uint8Array is taken for raw bytes.
 * What the kernel refuses throws VM_MAP_OPERATION with the error number's name. One access object per map.
 */
import { inEntry, xdpkitError } from "../base/index.ts";
import type { MapCodecs, UpdateMode } from "../lang/index.ts";
import { type Codec, encodeGlobals, entryCodecs, perCpuCodec } from "../object/index.ts";
import { errno, errnoName, UpdateFlag, updateFlags } from "../uapi/index.ts";
import type { Machine } from "./machine.ts";
import {
  ArrayOfMaps,
  BloomFilter,
  CpuMap,
  DevHashMap,
  DevMap,
  HashOfMaps,
  PerfEventArray,
  ProgramArray,
  QueueMap,
  RingBuffer,
  type Target,
  TargetMap,
  UserRingBuffer,
  type VmMap,
  XskMap,
} from "./maps/index.ts";

/** A slot of a DEVMAP or CPUMAP: an interface by index or name (a queue size for CPUs), and the program that runs there. */
export interface TargetValue {
  /** Its index or name, in device maps. */
  readonly interface?: number | string;
  /** Packets, in CPU maps; at most 16,384. */
  readonly queueSize?: number;
  /** Name of the program that runs there; in program arrays of the program itself. */
  readonly program?: string;
}

const MEANINGS: Readonly<Record<string, string>> = {
  E2BIG: "the map is full, or the index is at or above max_entries",
  ENOSPC: "the map is full",
  EEXIST: "the key is present",
  ENOENT: "the key is absent",
  EINVAL: "this map type does not allow it",
  EOPNOTSUPP: "this map type has no such operation",
  ENOMEM: "nothing could be evicted",
};

/** A map of the machine, by names and types of the object's BTF; bytes where it has none. */
export class MapAccess {
  readonly #map: VmMap;
  readonly #machine: Machine;
  readonly #key: Codec;
  readonly #value: Codec;

  /** `codecs` in place of those that the object's BTF gives. */
  constructor(map: VmMap, machine: Machine, codecs: MapCodecs = {}) {
    const { key, value } = entryCodecs(machine.object.btf, map.definition, codecs);
    this.#map = map;
    this.#machine = machine;
    this.#key = key;
    this.#value = map.perCpu ? perCpuCodec(value, machine.cpus) : value;
  }

  /** As in the object. */
  get name(): string {
    return this.#map.name;
  }
  /** `HASH`, `LPM_TRIE`, … */
  get type(): string {
    return this.#map.typeName;
  }
  /** What the object declares: sizes, flags, BTF types. */
  get definition(): VmMap["definition"] {
    return this.#map.definition;
  }
  /** Elements present; `maxEntries` for arrays. */
  get size(): number {
    return this.#map.size;
  }

  /** The value; one per CPU for per-CPU maps; undefined when the key is absent. */
  get(key: unknown): unknown {
    const bytes = this.#encodeKey(key);
    const target = this.#getTarget(bytes);
    if (target !== NOT_A_TARGET) return target;
    const raw = this.#map.read(bytes);
    if (typeof raw !== "number") return this.#decode(raw);
    if (raw === -errno.ENOENT) return undefined;
    return this.#fail("lookup", raw);
  }

  /** The value's bytes, one padded value per CPU for per-CPU maps; undefined when the key is absent. */
  getBytes(key: Uint8Array): Uint8Array | undefined {
    const raw = this.#map.read(this.#encodeKey(key));
    return typeof raw === "number" ? undefined : raw;
  }

  /**
   * Writes an element; `mode` says whether it must exist before (`exist`) or must not (`noexist`).
   *
   * @throws XdpkitError VM_MAP_OPERATION when the map is full or `mode` forbids it
   */
  set(key: unknown, value: unknown, mode: UpdateMode = "any"): void {
    const bytes = this.#encodeKey(key);
    const given = this.#encodeGlobals(bytes, value) ?? value;
    const result =
      this.#setTarget(bytes, given, updateFlags[mode]) ??
      this.#map.write(bytes, this.#encode(given), updateFlags[mode]);
    if (result < 0) this.#fail("update", result);
  }

  /** Sets many; an error says which entry it was. */
  setAll(entries: Iterable<readonly [unknown, unknown]>): void {
    let index = 0;
    for (const [key, value] of entries) {
      try {
        this.set(key, value);
      } catch (error) {
        throw inEntry(error, index);
      }
      index++;
    }
  }

  /** True when the key was present. */
  delete(key: unknown): boolean {
    const result = this.#map.remove(this.#encodeKey(key));
    if (result === -errno.ENOENT) return false;
    if (result < 0) this.#fail("delete", result);
    return true;
  }

  /** Keys and values as `get` gives them; empty slots of program and device maps are left out. */
  *entries(): IterableIterator<[unknown, unknown]> {
    for (const key of this.#map.keys()) {
      const value = this.get(key);
      if (value !== undefined) yield [this.#key.decode(key), value];
    }
  }

  /** Raw keys, in the order of BPF_MAP_GET_NEXT_KEY. */
  keys(): IterableIterator<Uint8Array> {
    return this.#map.keys();
  }

  /** QUEUE, STACK. */
  push(value: unknown, overwriteOldest = false): void {
    const flags = overwriteOldest ? UpdateFlag.EXIST : UpdateFlag.ANY;
    const result = this.#map.write(NO_KEY, this.#encode(value), flags);
    if (result < 0) this.#fail("push", result);
  }

  /** QUEUE, STACK: takes the next value; undefined when there is none. */
  pop(): unknown {
    const raw = this.#map instanceof QueueMap ? this.#map.take() : -errno.EOPNOTSUPP;
    if (typeof raw !== "number") return this.#decode(raw);
    return raw === -errno.ENOENT ? undefined : this.#fail("pop", raw);
  }

  /** QUEUE, STACK: all values in the order of `pop`, left where they are. */
  values(): unknown[] {
    if (this.#map instanceof QueueMap) return Array.from(this.#map.values(), (raw) => this.#decode(raw));
    return this.#fail("values", -errno.EOPNOTSUPP);
  }

  /** BLOOM_FILTER. */
  add(value: unknown): void {
    const result = this.#map.write(NO_KEY, this.#encode(value), UpdateFlag.ANY);
    if (result < 0) this.#fail("add", result);
  }

  /** BLOOM_FILTER: false means certainly not. */
  has(value: unknown): boolean {
    if (this.#map instanceof BloomFilter) return this.#map.has(this.#encode(value));
    return this.#fail("has", -errno.EOPNOTSUPP);
  }

  /** RINGBUF, PERF_EVENT_ARRAY: takes the records that programs have written. */
  drain(): Uint8Array[] {
    if (this.#map instanceof RingBuffer) return this.#map.drain();
    if (this.#map instanceof PerfEventArray) return this.#map.drain().map(({ data }) => data);
    return this.#fail("drain", -errno.EOPNOTSUPP);
  }

  /** RINGBUF, PERF_EVENT_ARRAY: records that found no room. */
  get lost(): number {
    if (this.#map instanceof RingBuffer || this.#map instanceof PerfEventArray) return this.#map.lost;
    return 0;
  }

  /** USER_RINGBUF: a record for `bpf_user_ringbuf_drain`. */
  send(record: Uint8Array): void {
    const result = this.#send(record);
    if (result < 0) this.#fail("send", result);
  }

  /** The same; false when there is no room. */
  trySend(record: Uint8Array): boolean {
    const result = this.#send(record);
    if (result < 0 && result !== -errno.ENOSPC) this.#fail("send", result);
    return result >= 0;
  }

  #send(record: Uint8Array): number {
    return this.#map instanceof UserRingBuffer ? this.#map.send(record) : -errno.EOPNOTSUPP;
  }

  /** Variables of global data by name: those that are left out keep their values. */
  #encodeGlobals(key: Uint8Array, value: unknown): Uint8Array | undefined {
    const { data } = this.#map.definition;
    const now = data && this.#map.read(key);
    const named = typeof value === "object" && value !== null && !(value instanceof Uint8Array);
    if (!data || !named || !(now instanceof Uint8Array)) return undefined;
    return encodeGlobals(this.#machine.object, data, value as Record<string, unknown>, now, "$.value");
  }

  #encodeKey(key: unknown): Uint8Array {
    return this.#map.definition.keySize === 0 ? NO_KEY : this.#key.encode(key, "$.key");
  }

  #decode(raw: Uint8Array): unknown {
    return this.#value.decode(raw);
  }

  #encode(value: unknown): Uint8Array {
    return this.#value.encode(value, "$.value");
  }

  #getTarget(key: Uint8Array): unknown {
    const map = this.#map;
    if (map instanceof HashOfMaps) return map.get(key)?.name;
    if (!(map instanceof TargetMap)) return NOT_A_TARGET;
    const slot: unknown = map.slot(new DataView(key.buffer, key.byteOffset).getUint32(0, true));
    if (slot === undefined) return undefined;
    if (map instanceof ArrayOfMaps) return (slot as VmMap).name;
    if (map instanceof CpuMap) return withProgram({ queueSize: (slot as Target).number }, slot as Target);
    if (map instanceof DevMap || map instanceof DevHashMap) {
      return withProgram({ interface: (slot as Target).number }, slot as Target);
    }
    return slot;
  }

  /** The result of setting a slot; undefined when the map holds bytes. */
  #setTarget(key: Uint8Array, value: unknown, flags: number): number | undefined {
    const map = this.#map;
    if (map instanceof HashOfMaps) return map.set(key, this.#inner(value), flags);
    if (!(map instanceof TargetMap)) return undefined;
    if (value instanceof Uint8Array) return undefined;
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    if (map instanceof ArrayOfMaps) return map.setSlot(index, this.#inner(value), flags);
    if (map instanceof PerfEventArray) return map.setSlot(index, true, flags);
    if (map instanceof XskMap) return map.setSlot(index, String(value), flags);
    if (map instanceof ProgramArray) {
      this.#machine.program(String(value));
      return map.setSlot(index, String(value), flags);
    }
    return (map as DevMap).setSlot(index, this.#target(value), flags);
  }

  #target(value: unknown): Target {
    const given = (typeof value === "object" && value !== null ? value : { interface: value }) as TargetValue;
    if (given.program !== undefined) this.#machine.program(given.program);
    const number = given.queueSize ?? this.#interfaceIndex(given.interface);
    return { number, ...(given.program === undefined ? {} : { program: given.program }) };
  }

  #interfaceIndex(given: unknown): number {
    if (typeof given === "number" && Number.isInteger(given) && given > 0) return given;
    const named = typeof given === "string" ? this.#machine.network.interfaceNamed(given) : undefined;
    if (named) return named.index;
    throw xdpkitError(
      "VALUE_FORM",
      { found: JSON.stringify(given) ?? "nothing", size: 4 },
      { at: { kind: "path", path: "$.value.interface" } },
    );
  }

  #inner(value: unknown): VmMap {
    const found = this.#machine.mapNamed(String(value));
    if (found) return found;
    throw xdpkitError("VM_UNKNOWN_MAP", { name: String(value), known: this.#machine.maps.map(({ name }) => name) });
  }

  #fail(operation: string, result: number): never {
    const name = errnoName(result);
    throw xdpkitError("VM_MAP_OPERATION", {
      name: this.name,
      operation,
      errno: name,
      meaning: MEANINGS[name] ?? "refused",
    });
  }
}

const NO_KEY = new Uint8Array(0);
const NOT_A_TARGET = Symbol("not a target");

function withProgram(value: TargetValue, target: Target): TargetValue {
  return target.program === undefined ? value : { ...value, program: target.program };
}
