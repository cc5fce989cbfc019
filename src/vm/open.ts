/**
 * What user space gets when it opens a handle of a kernel module: `vm.map(sids)`.
 *
 * Most maps are MapAccess with the codecs of the handle's schemas. Maps of programs, devices and maps hold names in the
 * machine and handles in the module; outcomes, variables and streams have accesses of their own.
 */
import { xdpkitError } from "../base/index.ts";
import {
  array,
  countersOf,
  type EventSource,
  Foreign,
  Global,
  isMapHandle,
  mapCodecs,
  Outcomes,
  PerfEventArray,
  RingBuffer,
  schemaCodec,
  type UpdateMode,
  UserRingBuffer,
  u64,
  withProgram,
} from "../lang/index.ts";
import { type Codec, recordCodec } from "../object/index.ts";
import { MapType } from "../uapi/index.ts";
import type { Machine } from "./machine.ts";
import { MapAccess } from "./map-access.ts";
import {
  PerfEventArray as PerfMap,
  RingBuffer as RingMap,
  UserRingBuffer as UserRingMap,
  type VmMap,
} from "./maps/index.ts";
import { hasVariable, Variable } from "./variables.ts";

/** Handles and their names in the object. */
export class Handles {
  readonly #machine: Machine;
  readonly #names: ReadonlyMap<object, string>;
  readonly #open = new Map<object, unknown>();
  readonly #waiting = new Set<() => void>();

  constructor(machine: Machine, names: ReadonlyMap<object, string>) {
    this.#machine = machine;
    this.#names = names;
  }

  /** @throws XdpkitError VM_UNKNOWN_MAP, VM_UNKNOWN_VARIABLE for what the object does not use */
  open(handle: object): unknown {
    let access = this.#open.get(handle);
    if (access === undefined) this.#open.set(handle, (access = this.#access(handle)));
    return access;
  }

  /** Fills maps whose handles say what they hold at load. */
  fill(): void {
    for (const handle of this.#names.keys()) {
      if (!isMapHandle(handle) || !handle.declaration.entries) continue;
      const access = this.open(handle) as { set(key: unknown, value: unknown): void };
      for (const [key, value] of handle.declaration.entries()) access.set(key, value);
    }
  }

  /** A program has run: readers of streams look again. */
  wake(): void {
    for (const look of this.#waiting) look();
  }

  /** What a handle is called here; another's own name, so that a handle also opens the map of a clang object. */
  nameOf(handle: object): string {
    return this.#names.get(handle) ?? (handle as { readonly name: string }).name;
  }

  /** The template of a map of maps is one of its maps, made when it is opened. */
  #innerMap(handle: object, name: string): VmMap | undefined {
    for (const [outer, outerName] of this.#names) {
      if (!isMapHandle(outer) || outer.declaration.inner !== handle) continue;
      const definition = this.#machine.mapNamed(outerName)?.definition.inner;
      if (definition) return this.#machine.addMap({ ...definition, name });
    }
    return undefined;
  }

  handleOf(name: unknown): unknown {
    for (const handle of [...this.#names.keys(), ...this.#open.keys()]) if (this.nameOf(handle) === name) return handle;
    return name;
  }

  #access(handle: object): unknown {
    const machine = this.#machine;
    const name = this.nameOf(handle);
    if (handle instanceof Global) return new Variable(machine, name, schemaCodec(handle.schema));
    if (handle instanceof Foreign && hasVariable(machine, name)) return new Variable(machine, name);
    const map = machine.mapNamed(name) ?? this.#innerMap(handle, name);
    if (!map) throw xdpkitError("VM_UNKNOWN_MAP", { name, known: machine.maps.map((one) => one.name) });
    if (handle instanceof Outcomes)
      return countersOf(
        handle.names,
        new MapAccess(map, machine, { value: schemaCodec(array(u64, handle.names.length)) }),
      );
    if (handle instanceof Foreign) return this.#foreign(map, handle);
    const access = new MapAccess(map, machine, isMapHandle(handle) ? mapCodecs(handle) : {});
    if (handle instanceof RingBuffer || handle instanceof PerfEventArray)
      return new Records(access, schemaCodec(handle.record), this.#waiting);
    if (handle instanceof UserRingBuffer) return { send: sender(access, schemaCodec(handle.record)) };
    const translation = translationOf(map.definition.type);
    return translation ? new HandleMap(access, this, translation) : access;
  }

  /** By the map's own type, and the object's BTF. */
  #foreign(map: VmMap, { record }: Foreign<unknown>): unknown {
    const access = new MapAccess(map, this.#machine);
    const isStream = map instanceof RingMap || map instanceof PerfMap;
    if (!isStream && !(map instanceof UserRingMap)) return access;
    const codec = record === undefined ? BYTES : recordCodec(this.#machine.object.btf, record);
    return isStream ? new Records(access, codec, this.#waiting) : { send: sender(access, codec) };
  }
}

/** Records of any length whose type nobody says. */
const BYTES: Codec = {
  size: Number.POSITIVE_INFINITY,
  decode: (bytes) => bytes.slice(),
  encode: (value) => value as Uint8Array,
};

function sender(access: MapAccess, codec: Codec): (record: unknown) => boolean {
  return (record) => access.trySend(codec.encode(record, "$"));
}

/** Which part of a map's value is a handle. */
interface Translation {
  in(value: unknown, handles: Handles): unknown;
  out(value: unknown, handles: Handles): unknown;
}

const PROGRAM: Translation = {
  in: (value, handles) => (typeof value === "object" && value !== null ? handles.nameOf(value) : value),
  out: (value, handles) => handles.handleOf(value),
};

const MAP: Translation = {
  in(value, handles) {
    if (typeof value === "object" && value !== null && isMapHandle(value)) handles.open(value);
    return PROGRAM.in(value, handles);
  },
  out: PROGRAM.out,
};

const PROGRAM_OF_ENTRY: Translation = {
  in: (value, handles) => withProgram(value, (program) => PROGRAM.in(program, handles)),
  out: (value, handles) => withProgram(value, (program) => PROGRAM.out(program, handles)),
};

function translationOf(type: number): Translation | undefined {
  switch (type) {
    case MapType.PROG_ARRAY:
      return PROGRAM;
    case MapType.DEVMAP:
    case MapType.DEVMAP_HASH:
    case MapType.CPUMAP:
      return PROGRAM_OF_ENTRY;
    case MapType.ARRAY_OF_MAPS:
    case MapType.HASH_OF_MAPS:
      return MAP;
    default:
      return undefined;
  }
}

/** A map whose values are handles, or have one. */
class HandleMap {
  readonly #access: MapAccess;
  readonly #handles: Handles;
  readonly #translation: Translation;

  constructor(access: MapAccess, handles: Handles, translation: Translation) {
    this.#access = access;
    this.#handles = handles;
    this.#translation = translation;
  }

  get size(): number {
    return this.#access.size;
  }
  get(key: unknown): unknown {
    return this.#out(this.#access.get(key));
  }
  set(key: unknown, value: unknown, mode?: UpdateMode): void {
    this.#access.set(key, this.#translation.in(value, this.#handles), mode);
  }
  setAll(entries: Iterable<readonly [unknown, unknown]>): void {
    this.#access.setAll([...entries].map(([key, value]) => [key, this.#translation.in(value, this.#handles)]));
  }
  delete(key: unknown): boolean {
    return this.#access.delete(key);
  }
  *entries(): IterableIterator<[unknown, unknown]> {
    for (const [key, value] of this.#access.entries()) yield [key, this.#out(value)];
  }

  #out(value: unknown): unknown {
    return this.#translation.out(value, this.#handles);
  }
}

/** Records of a ring buffer or perf array. One reader gets each record: whoever looks first. */
class Records implements EventSource<unknown> {
  readonly #access: MapAccess;
  readonly #codec: Codec;
  readonly #waiting: Set<() => void>;

  constructor(access: MapAccess, codec: Codec, waiting: Set<() => void>) {
    this.#access = access;
    this.#codec = codec;
    this.#waiting = waiting;
  }

  get lost(): bigint {
    return BigInt(this.#access.lost);
  }

  drain(): unknown[] {
    return this.#access.drain().map((bytes) => this.#decode(bytes));
  }

  on(listener: (record: unknown) => void): () => void {
    const look = () => {
      for (const record of this.drain()) listener(record);
    };
    this.#waiting.add(look);
    look();
    return () => this.#waiting.delete(look);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<unknown> {
    for (;;) {
      yield* this.drain();
      await new Promise<void>((resolve) => {
        const look = () => {
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      });
    }
  }

  /** Bytes of the packet that follow a record of a perf array are its `packet`. */
  #decode(bytes: Uint8Array): unknown {
    const { size } = this.#codec;
    const record = this.#codec.decode(bytes.subarray(0, size));
    const isStruct = typeof record === "object" && record !== null;
    return isStruct && bytes.length > size ? Object.assign(record, { packet: bytes.slice(size) }) : record;
  }
}
