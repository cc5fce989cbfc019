/**
 * Global variables of what was loaded: `loaded.map(limit).value = 10`.
 *
 * The section's map is mapped into memory (BPF_F_MMAPABLE, Linux 5.5): writing one variable leaves its neighbours alone,
 * which an update of the whole map could not while a program runs. Variables of 4 and 8 bytes never tear.
 */
import { alignUp, xdpkitError } from "../base/index.ts";
import { type BpfMap, type BpfObject, type Codec, type GlobalVariable, variableCodec } from "../object/index.ts";
import { MapFlag } from "../uapi/index.ts";
import { isFrozen } from "./map-errors.ts";
import type { KernelMap } from "./maps.ts";
import { Mapping, pageBytes } from "./memory.ts";

export class Variable<T> {
  readonly name: string;
  readonly #map: KernelMap;
  readonly #memory: Mapping;
  readonly #codec: Codec;
  readonly #offset: number;

  constructor(map: KernelMap, memory: Mapping, { name, offset }: GlobalVariable, codec: Codec) {
    this.name = name;
    this.#map = map;
    this.#memory = memory;
    this.#codec = codec;
    this.#offset = offset;
  }

  get value(): T {
    const at = this.#offset;
    const bytes = this.#memory.bytes.slice(at, at + this.#codec.size);
    const isWhole = at % this.#codec.size === 0;
    if (this.#codec.size === 8 && isWhole)
      new BigInt64Array(bytes.buffer)[0] = Atomics.load(this.#memory.longs, at / 8);
    return this.#codec.decode(bytes) as T;
  }

  /** @throws XdpkitError KERNEL_MAP_READ_ONLY for constants; what the codec throws at `$.name` */
  set value(value: T) {
    const map = this.#map.definition.name;
    if (!this.#memory.writable) throw xdpkitError("KERNEL_MAP_READ_ONLY", { map, reason: "frozen" });
    const bytes = Uint8Array.from(this.#codec.encode(value, `$.${this.name}`));
    const at = this.#offset;
    const isWhole = at % bytes.length === 0;
    if (bytes.length === 8 && isWhole) Atomics.store(this.#memory.longs, at / 8, new BigInt64Array(bytes.buffer)[0]!);
    else if (bytes.length === 4 && isWhole) Atomics.store(this.#memory.words, at / 4, new Int32Array(bytes.buffer)[0]!);
    else this.#memory.bytes.set(bytes, at);
  }
}

/** Sections of global data that are mapped into memory, each once. */
export class Variables {
  readonly #object: BpfObject;
  readonly #mapOf: (name: string) => KernelMap;
  readonly #memories = new Map<KernelMap, Mapping>();

  constructor(object: BpfObject, mapOf: (name: string) => KernelMap) {
    this.#object = object;
    this.#mapOf = mapOf;
  }

  /** @throws XdpkitError KERNEL_UNKNOWN_VARIABLE, KERNEL_CALL when the map cannot be mapped */
  open<T>(name: string, given?: Codec): Variable<T> {
    const { section, variable } = this.#find(name);
    const map = this.#mapOf(section.name);
    const memory = this.#memories.get(map) ?? map.own(mapData(map));
    this.#memories.set(map, memory);
    const codec = variableCodec(this.#object.btf, variable, given);
    return new Variable<T>(map, memory, variable, codec);
  }

  #find(name: string): { readonly section: BpfMap; readonly variable: GlobalVariable } {
    const sections = this.#object.maps.filter(({ data }) => data);
    for (const section of sections) {
      const variable = section.data!.variables.find((one) => one.name === name);
      if (variable) return { section, variable };
    }
    const known = sections.flatMap(({ data }) => data!.variables.map((one) => one.name));
    throw xdpkitError("KERNEL_UNKNOWN_VARIABLE", { name, known });
  }
}

/** The kernel refuses to map constants for writing. */
function mapData({ fd, definition: { flags, valueSize } }: KernelMap): Mapping {
  const writable = !(flags & MapFlag.RDONLY_PROG) && !isFrozen(fd);
  return new Mapping({ fd, length: alignUp(valueSize, pageBytes()), writable });
}
