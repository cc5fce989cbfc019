/**
 * Maps of the `.maps` section, which BTF describes (libbpf's parse_btf_map_def).
 *
 *   struct { int (*type)[BPF_MAP_TYPE_HASH]; struct key *key; struct { … } *values[]; } flows SEC(".maps");
 *
 * A number is the length of an array that a pointer points to, a type is what a pointer points to. Invariant: a map
 * has its type and every member is one that libbpf takes.
 */
import { xdpkitError } from "../base/index.ts";
import { type Btf, type BtfMember, type BtfType, resolve, resolveId, sizeOf, type TypeId } from "../btf/index.ts";
import type { BpfMap } from "./bpf-object.ts";

/** include/uapi/linux/bpf.h */
export const BPF_MAP_TYPE_PROG_ARRAY = 3;
const BPF_MAP_TYPE_ARRAY_OF_MAPS = 12;
const BPF_MAP_TYPE_HASH_OF_MAPS = 13;

export function isMapInMap(type: number): boolean {
  return type === BPF_MAP_TYPE_ARRAY_OF_MAPS || type === BPF_MAP_TYPE_HASH_OF_MAPS;
}

/** A map with its place in `.maps`, for the relocations that name it or fill its slots. */
export interface PlacedMap {
  readonly map: BpfMap;
  readonly offset: number;
  readonly size: number;
  /** Bytes from the map's start to `values`. */
  readonly valuesOffset?: number;
}

/** @throws OBJECT_MAP, BTF_* */
export function readBtfMaps(btf: Btf): PlacedMap[] {
  const section = btf.types.find((type) => type.kind === "section" && type.name === ".maps");
  if (section?.kind !== "section") return [];
  return section.variables.map((row) => {
    const variable = btf.types[row.type];
    if (variable?.kind !== "variable") throw problem(".maps", "a row of the section is no variable");
    const draft = readDefinition(btf, variable.name, variable.type, false);
    const { valuesOffset, ...map } = draft;
    const placed = { map, offset: row.offset, size: row.size };
    return valuesOffset === undefined ? placed : { ...placed, valuesOffset };
  });
}

function problem(map: string, text: string) {
  return xdpkitError("OBJECT_MAP", { map, problem: text });
}

/** Slots are numbered, so libbpf wants keys of 4 bytes of a hash of maps that has some. @throws OBJECT_MAP */
export function requireSlotKey({ name, type, keySize }: BpfMap): void {
  if (type === BPF_MAP_TYPE_HASH_OF_MAPS && keySize !== 4)
    throw problem(name, `a hash of maps with initial \`values\` has a key of 4 bytes, not ${keySize}`);
}

type Draft = { -readonly [K in keyof BpfMap]: BpfMap[K] } & { valuesOffset?: number };

function readDefinition(btf: Btf, name: string, id: TypeId, inner: boolean): Draft {
  const struct = resolve(btf, id);
  if (struct.kind !== "struct") throw problem(name, `its type is a ${struct.kind}, not a struct`);
  const draft: Draft = {
    name,
    style: "btf",
    type: 0,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    pinByName: false,
  };
  for (const member of struct.members) readMember({ btf, draft, inner }, member);
  if (draft.type === 0) throw problem(name, "it has no `type`");
  if (isMapInMap(draft.type) && !draft.inner && !inner) return draft;
  return draft;
}

interface Place {
  readonly btf: Btf;
  readonly draft: Draft;
  readonly inner: boolean;
}

function readMember(place: Place, member: BtfMember): void {
  const read = MEMBERS[member.name as keyof typeof MEMBERS];
  if (!Object.hasOwn(MEMBERS, member.name)) throw problem(place.draft.name, `unknown member \`${member.name}\``);
  read(place, member);
}

/** What libbpf takes as members of a map definition. */
const MEMBERS = {
  type: (place, member) => {
    place.draft.type = number(place, member);
  },
  max_entries: (place, member) => {
    place.draft.maxEntries = number(place, member);
  },
  map_flags: (place, member) => {
    place.draft.flags = number(place, member);
  },
  numa_node: (place, member) => {
    place.draft.numaNode = number(place, member);
  },
  map_extra: (place, member) => {
    place.draft.extra = BigInt(number(place, member));
  },
  key_size: (place, member) => setSize(place, "key", number(place, member)),
  value_size: (place, member) => setSize(place, "value", number(place, member)),
  key: (place, member) => setType(place, "key", member),
  value: (place, member) => setType(place, "value", member),
  pinning: readPinning,
  values: readValues,
} as const satisfies Record<string, (place: Place, member: BtfMember) => void>;

/** `int (*name)[N]`, or an enum of one value (`__ulong`). */
function number({ btf, draft }: Place, member: BtfMember): number {
  const type = resolve(btf, member.type);
  if (type.kind === "enum64" || type.kind === "enum")
    return Number(BigInt.asUintN(64, BigInt(type.values[0]?.value ?? 0)));
  const array = type.kind === "pointer" ? resolve(btf, type.type) : type;
  if (type.kind !== "pointer" || array.kind !== "array") {
    throw problem(draft.name, `\`${member.name}\` is no pointer to an array, as __uint declares it`);
  }
  return array.length;
}

function pointee({ btf, draft }: Place, member: BtfMember): TypeId {
  const type = resolve(btf, member.type);
  if (type.kind !== "pointer") throw problem(draft.name, `\`${member.name}\` is no pointer, as __type declares it`);
  return type.type;
}

function setSize({ draft }: Place, part: "key" | "value", size: number): void {
  const field = `${part}Size` as const;
  if (draft[field] !== 0 && draft[field] !== size) {
    throw problem(draft.name, `its ${part} has ${draft[field]} bytes by one member and ${size} by another`);
  }
  draft[field] = size;
}

function setType(place: Place, part: "key" | "value", member: BtfMember): void {
  const id = pointee(place, member);
  setSize(place, part, sizeOf(place.btf, id));
  place.draft[`${part}Type`] = id;
}

/** LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME. */
function readPinning(place: Place, member: BtfMember): void {
  const value = number(place, member);
  if (value > 1) throw problem(place.draft.name, `\`pinning\` is ${value}, only 0 and LIBBPF_PIN_BY_NAME (1) exist`);
  if (place.inner && value !== 0) throw problem(place.draft.name, "an inner map cannot be pinned by name");
  place.draft.pinByName = value === 1;
}

/** `struct inner *values[]` of a map-in-map, `int (*values[])(void *)` of a program array. */
function readValues(place: Place, member: BtfMember): void {
  const { btf, draft, inner } = place;
  const array = resolve(btf, member.type);
  const element = array.kind === "array" ? resolve(btf, array.element) : undefined;
  if (inner || element?.kind !== "pointer")
    throw problem(draft.name, "`values` is no array of pointers, as __array declares it");
  if (!isMapInMap(draft.type) && draft.type !== BPF_MAP_TYPE_PROG_ARRAY) {
    throw problem(draft.name, "only map-in-map and program arrays have `values`, and their `type` stands before it");
  }
  setSize(place, "value", 4);
  draft.valuesOffset = member.bitOffset / 8;
  const target = resolveId(btf, element.type);
  if (isMapInMap(draft.type)) {
    const { valuesOffset: _, ...template } = readDefinition(btf, `${draft.name}.inner`, target, true);
    draft.inner = template;
    return;
  }
  expectFunction(draft.name, resolve(btf, target));
}

function expectFunction(name: string, type: BtfType): void {
  if (type.kind !== "prototype") throw problem(name, "`values` of a program array are pointers to functions");
}
