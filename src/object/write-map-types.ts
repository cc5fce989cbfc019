/**
 * BTF for maps that have none: the definitions that `__uint`, `__type` and `__array` would declare, so that maps made
 * by code, or declared before BTF, load as libbpf loads them.
 *
 * New types are appended: ids that others hold stay valid. Invariant: each map of the result has a row in `.maps`.
 */
import { alignUp } from "../base/index.ts";
import type { Btf, BtfMember, BtfType, TypeId } from "../btf/index.ts";
import type { BpfMap } from "./bpf-object.ts";
import { isMapInMap, type PlacedMap, readBtfMaps } from "./read-btf-maps.ts";

const POINTER_SIZE = 8;

/** Types whose keys and values the kernel lets BTF describe; for the others sizes are all there is. */
const DESCRIBED_TYPES: ReadonlySet<number> = new Set([1, 2, 5, 6, 9, 10, 11]);
const BPF_MAP_TYPE_LPM_TRIE = 11;

export interface MapTypes {
  readonly btf: Btf;
  /** Where each map stands in `.maps`, by name. */
  readonly places: ReadonlyMap<string, PlacedMap>;
  /** Bytes of `.maps`. */
  readonly size: number;
}

/** Types for `maps`; those that BTF declares already are left as they are. */
export function completeMapTypes(btf: Btf | undefined, maps: readonly BpfMap[]): MapTypes | null {
  if (maps.length === 0) return null;
  const declared = btf ? readBtfMaps(btf) : [];
  const names = new Set(declared.map(({ map }) => map.name));
  // libbpf fills a map-in-map when it makes it: its members must have been made before.
  const missing = maps
    .filter((map) => !names.has(map.name))
    .sort((a, b) => Number(isMapInMap(a.type)) - Number(isMapInMap(b.type)));
  const builder = new TypeBuilder(btf);
  const sectionId = builder.types.findIndex((type) => type.kind === "section" && type.name === ".maps");
  const before = builder.types[sectionId];
  const section = before?.kind === "section" ? before : { variables: [], size: 0 };
  // What BTF says of a map is its place; the map itself may have got slots since.
  const byName = new Map(maps.map((map) => [map.name, map]));
  const places = new Map<string, PlacedMap>();
  for (const placed of declared) {
    const map = byName.get(placed.map.name);
    if (map) places.set(map.name, { ...placed, map });
  }
  const variables = [...section.variables];
  let size = section.size;
  for (const map of missing) {
    const placed = { map, offset: alignUp(size, 8), ...builder.definition(map) };
    const type = builder.add({ kind: "variable", name: map.name, type: placed.type, linkage: "global" });
    variables.push({ type, offset: placed.offset, size: placed.size });
    places.set(map.name, placed);
    size = placed.offset + placed.size;
  }
  if (missing.length > 0) builder.replace(sectionId, { kind: "section", name: ".maps", size, variables });
  return { btf: { types: builder.types }, places, size };
}

class TypeBuilder {
  readonly types: BtfType[];

  constructor(btf: Btf | undefined) {
    this.types = [...(btf?.types ?? [{ kind: "void" as const }])];
  }

  add(type: BtfType): TypeId {
    return this.types.push(type) - 1;
  }

  /** Puts a type in the place of another, or behind all when there was none. */
  replace(id: number, type: BtfType): void {
    if (id < 0) this.add(type);
    else this.types[id] = type;
  }

  int(name: string, size: number, signed: boolean): TypeId {
    const known = this.types.findIndex((type) => type.kind === "int" && type.name === name);
    if (known >= 0) return known;
    return this.add({ kind: "int", name, size, bits: 8 * size, bitOffset: 0, signed, char: false, bool: false });
  }

  array(element: TypeId, length: number): TypeId {
    return this.add({ kind: "array", element, index: this.int("int", 4, true), length });
  }

  pointer(type: TypeId): TypeId {
    return this.add({ kind: "pointer", type });
  }

  /** `struct { int (*type)[1]; … }` of a map, with the bytes that the map takes in `.maps`. */
  definition(map: BpfMap): { type: TypeId; size: number; valuesOffset?: number } {
    const fields = this.#fields(map);
    const valuesOffset = POINTER_SIZE * fields.length;
    const values = this.#values(map);
    if (values !== null) fields.push({ name: "values", type: values });
    const members = fields.map(
      ({ name, type }, i): BtfMember => ({ name, type, bitOffset: 8 * POINTER_SIZE * i, bitSize: 0 }),
    );
    const type = this.add({ kind: "struct", name: "", size: valuesOffset, bitfields: false, members });
    if (values === null) return { type, size: valuesOffset };
    const slots = (map.slots ?? []).reduce((count, { index }) => Math.max(count, index + 1), 0);
    return { type, size: valuesOffset + POINTER_SIZE * slots, valuesOffset };
  }

  #fields(map: BpfMap): { name: string; type: TypeId }[] {
    const numbers = [
      ["type", map.type],
      ["max_entries", map.maxEntries],
      ["map_flags", map.flags],
      ["numa_node", map.numaNode],
      ["map_extra", map.extra === undefined ? undefined : Number(map.extra)],
      ["pinning", map.pinByName ? 1 : undefined],
    ] as const;
    const fields = numbers.flatMap(([name, value]) =>
      value === undefined || (value === 0 && name === "map_flags") ? [] : [{ name, type: this.#number(value) }],
    );
    return [...fields, ...this.#part(map, "key"), ...this.#part(map, "value")];
  }

  /** `int (*)[value]` */
  #number(value: number): TypeId {
    return this.pointer(this.array(this.int("int", 4, true), value));
  }

  /** `key` with its type, or `key_size`; nothing for maps without keys. */
  #part(map: BpfMap, part: "key" | "value"): { name: string; type: TypeId }[] {
    const size = map[`${part}Size`];
    const type =
      map[`${part}Type`] ?? (DESCRIBED_TYPES.has(map.type) && size > 0 ? this.#blank(map, part, size) : null);
    if (type !== null) return [{ name: part, type: this.pointer(type) }];
    return size > 0 ? [{ name: `${part}_size`, type: this.#number(size) }] : [];
  }

  /** An unsigned integer of the size, or a struct of bytes. The kernel wants structs as keys of LPM tries. */
  #blank(map: BpfMap, part: "key" | "value", size: number): TypeId {
    const isPrefix = map.type === BPF_MAP_TYPE_LPM_TRIE && part === "key";
    if ([1, 2, 4, 8].includes(size) && !isPrefix) return this.int(`__u${8 * size}`, size, false);
    const bytes = this.array(this.int("__u8", 1, false), size);
    const members = [{ name: "bytes", type: bytes, bitOffset: 0, bitSize: 0 }];
    return this.add({ kind: "struct", name: `${identifier(map.name)}_${part}`, size, bitfields: false, members });
  }

  /** The array of `__array(values, …)`; null for a map that holds neither maps nor programs by declaration. */
  #values(map: BpfMap): TypeId | null {
    if (isMapInMap(map.type) && map.inner) return this.array(this.pointer(this.definition(map.inner).type), 0);
    if (isMapInMap(map.type) || !map.slots) return null;
    const parameters = [{ name: "", type: this.pointer(0) }];
    const prototype = this.add({ kind: "prototype", returns: this.int("int", 4, true), parameters });
    return this.array(this.pointer(prototype), 0);
  }
}

const identifier = (name: string) => name.replace(/\W/g, "_");
