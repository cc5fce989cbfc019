/**
 * What user space gets when it opens a handle of a kernel module that was loaded: `loaded.map(sids)`.
 *
 * The kernel's twin of src/vm/open.ts. Most maps are EntryAccess with the codecs of the handle's schemas. Programs and maps
 * in maps are descriptors on the way in and ids on the way out: both are handles here.
 */
import { xdpkitError } from "../base/index.ts";
import {
  array,
  BloomFilter,
  countersOf,
  Foreign,
  Global,
  isForeignProgram,
  isMapHandle,
  isProgram,
  mapCodecs,
  Outcomes,
  PerfEventArray,
  Queue,
  RingBuffer,
  type Shared,
  schemaCodec,
  UserRingBuffer,
  u64,
  withProgram,
} from "../lang/index.ts";
import { type BpfMap, type BpfObject, type EntryCodecs, entryCodecs } from "../object/index.ts";
import { MapType } from "../uapi/index.ts";
import { openForeign } from "./foreign.ts";
import { HandleAccess, type Translation } from "./handle-access.ts";
import { BloomAccess, EntryAccess, QueueAccess } from "./map-access.ts";
import { KernelMap } from "./maps.ts";
import { objectId } from "./object-info.ts";
import { PerfReader } from "./perf-array.ts";
import { sampleDecoder } from "./perf-sample.ts";
import { Records } from "./records.ts";
import { RingReader, RingWriter } from "./ring-buffer.ts";
import { targetCodec } from "./target-codecs.ts";
import { Variables } from "./variables.ts";

/** What was loaded, by the names that the object has. */
export interface LoadedMaps {
  /** What was loaded. */
  readonly object: BpfObject;
  /** By name. */
  readonly maps: ReadonlyMap<string, KernelMap>;
  /** By name. @throws XdpkitError KERNEL_UNKNOWN_MAP, KERNEL_MAP_DEFINITION for one that the kernel has refused */
  map(name: string): KernelMap;
  /** By name; loads it if it is not loaded yet. */
  program(name: string): { readonly fd: number };
  /** A new map like an inner one. */
  newMap(definition: BpfMap): KernelMap;
}

/** Maps and variables of a loaded object by the handles of its module. */
export class KernelHandles implements Disposable {
  readonly #loaded: LoadedMaps;
  readonly #names: ReadonlyMap<object, string>;
  readonly #open = new Map<object, unknown>();
  /** Inner maps of maps of maps, made when they are first opened or put into one. */
  readonly #inner = new Map<object, KernelMap>();
  readonly #variables: Variables;

  /** `names`: what the object calls the handles of the module that it was compiled from. */
  constructor(loaded: LoadedMaps, names: ReadonlyMap<object, string> = new Map()) {
    this.#loaded = loaded;
    this.#names = names;
    this.#variables = new Variables(loaded.object, (name) => this.mapNamed(name));
  }

  /**
   * What reads and writes a handle's map.
   *
   * @throws XdpkitError KERNEL_UNKNOWN_MAP, KERNEL_UNKNOWN_VARIABLE for what the object does not use
   */
  open<A>(handle: Shared<A>): A {
    let access = this.#open.get(handle);
    if (access === undefined) this.#open.set(handle, (access = this.#access(handle)));
    return access as A;
  }

  /** Fills maps whose handles say what they hold at load, but for those called `kept`. */
  fill(kept: ReadonlySet<string> = new Set()): void {
    for (const [handle, name] of this.#names) {
      if (!isMapHandle(handle) || !handle.declaration.entries || kept.has(name)) continue;
      const access = this.open(handle as unknown as Shared<EntryAccess<unknown, unknown>>);
      access.setAll(handle.declaration.entries());
    }
  }

  /** Closes the inner maps that were made here; the others belong to what was loaded. */
  [Symbol.dispose](): void {
    for (const map of this.#inner.values()) map[Symbol.dispose]();
    this.#inner.clear();
  }

  /** What a handle is called here; another's own name, so that a handle also opens the map of a clang object. */
  #nameOf(handle: object): string {
    return this.#names.get(handle) ?? (handle as { readonly name: string }).name;
  }

  /**
   * The map itself, for bytes and batches.
   *
   * @throws XdpkitError KERNEL_UNKNOWN_MAP, KERNEL_MAP_DEFINITION for one that the kernel has refused
   */
  mapNamed(name: string): KernelMap {
    return this.#loaded.map(name);
  }

  #access(handle: object): unknown {
    if (handle instanceof Global) return this.#variables.open(this.#nameOf(handle), schemaCodec(handle.schema));
    if (handle instanceof Foreign) return this.#foreign(handle);
    const map = this.#mapOf(handle);
    const stream = streamOf(handle, map);
    if (stream) return stream;
    const codecs = this.#codecsOf(handle, map.definition);
    if (handle instanceof Outcomes) return countersOf(handle.names, new EntryAccess(map, codecs));
    if (handle instanceof Queue) return new QueueAccess(map, codecs);
    if (handle instanceof BloomFilter) return new BloomAccess(map, codecs);
    const access = new EntryAccess<unknown, unknown>(map, codecs);
    const translation = this.#translationOf(map.definition);
    return translation ? new HandleAccess(access, translation) : access;
  }

  #foreign({ name, record }: Foreign<unknown>): unknown {
    const variable = this.#loaded.object.maps.some(({ data }) => data?.variables.some((one) => one.name === name));
    return variable ? this.#variables.open(name) : openForeign(this.#loaded, this.mapNamed(name), record);
  }

  #codecsOf(handle: object, definition: BpfMap): EntryCodecs {
    const { btf } = this.#loaded.object;
    if (handle instanceof Outcomes)
      return entryCodecs(btf, definition, { value: schemaCodec(array(u64, handle.names.length)) });
    const target = targetCodec(definition.type, definition.valueSize);
    const given = isMapHandle(handle) ? mapCodecs(handle) : {};
    return entryCodecs(btf, definition, { ...given, ...(target ? { value: target } : {}) });
  }

  #mapOf(handle: object): KernelMap {
    const known = this.#inner.get(handle) ?? this.#loaded.maps.get(this.#nameOf(handle));
    if (known) return known;
    for (const [outer, name] of this.#names) {
      if (isMapHandle(outer) && outer.declaration.inner === handle) return this.#makeInner(handle, name);
    }
    return this.mapNamed(this.#nameOf(handle));
  }

  /** A map like the template of the map of maps called `outer`. */
  #makeInner(handle: object, outer: string): KernelMap {
    const template = this.mapNamed(outer).definition.inner;
    if (!template) throw xdpkitError("KERNEL_UNKNOWN_MAP", { name: this.#nameOf(handle), known: [] });
    const definition = { ...template, name: this.#nameOf(handle) || template.name };
    const map = this.#loaded.newMap(definition);
    this.#inner.set(handle, map);
    return map;
  }

  #translationOf({ name, type }: BpfMap): Translation | undefined {
    const program: Translation = { in: (value) => this.#programIn(value), out: (id) => this.#programOut(id) };
    switch (type) {
      case MapType.PROG_ARRAY:
        return program;
      case MapType.DEVMAP:
      case MapType.DEVMAP_HASH:
      case MapType.CPUMAP:
        return { in: (value) => withProgram(value, program.in), out: (value) => withProgram(value, program.out) };
      case MapType.ARRAY_OF_MAPS:
      case MapType.HASH_OF_MAPS:
        return { in: (value) => this.#innerIn(value, name), out: (id) => this.#innerOut(id) };
      default:
        return undefined;
    }
  }

  #programIn(value: unknown): unknown {
    return isProgram(value) || isForeignProgram(value) ? this.#loaded.program(this.#nameOf(value as object)).fd : value;
  }

  /** The handle; the id of a program that others put there. */
  #programOut(id: unknown): unknown {
    for (const [handle, name] of this.#names)
      if ((isProgram(handle) || isForeignProgram(handle)) && objectId(this.#loaded.program(name).fd) === id)
        return handle;
    return id;
  }

  #innerIn(value: unknown, outer: string): unknown {
    if (value instanceof KernelMap) return value.fd;
    if (typeof value !== "object" || value === null || !isMapHandle(value)) return value;
    const known = this.#inner.get(value) ?? this.#loaded.maps.get(this.#nameOf(value));
    return (known ?? this.#makeInner(value, outer)).fd;
  }

  #innerOut(id: unknown): unknown {
    for (const [handle, map] of this.#inner) if (objectId(map.fd) === id) return handle;
    for (const [handle, name] of this.#names) {
      const map = isMapHandle(handle) ? this.#loaded.maps.get(name) : undefined;
      if (map && objectId(map.fd) === id) return handle;
    }
    return id;
  }
}

/** Records from or to programs; undefined for what is no stream. */
function streamOf(handle: object, map: KernelMap): unknown {
  if (handle instanceof RingBuffer) {
    const { decode, size } = schemaCodec(handle.record);
    return map.own(new Records(new RingReader(map), (bytes) => decode(bytes.subarray(0, size))));
  }
  if (handle instanceof PerfEventArray)
    return map.own(new Records(new PerfReader(map), sampleDecoder(schemaCodec(handle.record))));
  if (!(handle instanceof UserRingBuffer)) return undefined;
  const { encode } = schemaCodec(handle.record);
  const writer = map.own(new RingWriter(map));
  return { send: (record: unknown) => writer.send(encode(record, "$")) };
}
