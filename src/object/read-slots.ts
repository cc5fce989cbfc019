/**
 * Static initialisation of map-in-map and program arrays: relocations of `.maps` (libbpf's
 * bpf_object__collect_map_relos), and iproute2's program sections `<id>/<index>`.
 *
 * Invariant: slots are ordered by index, and each target is a map or a program of the object.
 */
import type { BpfMap } from "./bpf-object.ts";
import type { ElfFile, ElfRelocation, ElfSection } from "./elf.ts";
import { isProgramSection } from "./elf-symbols.ts";
import { BPF_MAP_TYPE_PROG_ARRAY, type PlacedMap, requireSlotKey } from "./read-btf-maps.ts";
import type { PlacedFunction } from "./read-functions.ts";
import type { LegacyMap } from "./read-legacy-maps.ts";
import { type FunctionIndex, functionAt, relocationError } from "./read-references.ts";

type Slot = NonNullable<BpfMap["slots"]>[number];

/** Bytes of a pointer in `values`. */
const POINTER_SIZE = 8;

/** BTF maps with what the relocations of `.maps` put into them. @throws OBJECT_RELOCATION, OBJECT_CALL_TARGET, OBJECT_MAP */
export function fillSlots(elf: ElfFile, maps: readonly PlacedMap[], entries: FunctionIndex): PlacedMap[] {
  const section = elf.sections.find(({ name }) => name === ".maps");
  if (!section) return [...maps];
  const slots = new Map<PlacedMap, Slot[]>();
  for (const relocation of elf.relocations.get(section.index) ?? []) {
    const map = mapAround(maps, section, relocation);
    const index = (relocation.offset - map.offset - (map.valuesOffset ?? 0)) / POINTER_SIZE;
    const list = slots.get(map) ?? [];
    slots.set(map, list);
    list.push({ index, target: slotTarget(elf, section, maps, entries, relocation) });
  }
  return maps.map((placed) => {
    const list = slots.get(placed)?.sort((a, b) => a.index - b.index);
    return list ? { ...placed, map: { ...placed.map, slots: list } } : placed;
  });
}

/** The map whose `values` the relocation writes to. */
function mapAround(maps: readonly PlacedMap[], section: ElfSection, relocation: ElfRelocation): PlacedMap {
  const { offset } = relocation;
  const map = maps.find((placed) => offset >= placed.offset && offset < placed.offset + placed.size);
  const values = map?.valuesOffset;
  if (map) requireSlotKey(map.map);
  if (!map || values === undefined) throw relocationError(section, relocation, "no map has `values` there");
  const distance = offset - map.offset - values;
  if (distance < 0 || distance % POINTER_SIZE !== 0) {
    throw relocationError(section, relocation, `byte ${offset - map.offset} of map ${map.map.name} is no slot`);
  }
  return map;
}

function slotTarget(
  elf: ElfFile,
  section: ElfSection,
  maps: readonly PlacedMap[],
  entries: FunctionIndex,
  relocation: ElfRelocation,
): string {
  const { symbol, addend, offset } = relocation;
  const target = elf.sections[symbol.section];
  const inPlace = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
  const place =
    offset + POINTER_SIZE <= section.bytes.length ? Number(inPlace.getBigInt64(offset, elf.littleEndian)) : 0;
  const value = symbol.value + (addend ?? place);
  if (target && isProgramSection(target)) {
    return functionAt(entries, target, value, { name: "a map", at: relocation.at });
  }
  const map = target?.index === section.index ? maps.find((placed) => placed.offset === value) : undefined;
  if (!map) throw relocationError(section, relocation, "it is neither a map nor a function");
  return map.map.name;
}

/** iproute2: the program of section `7/2` belongs into slot 2 of the program array with id 7. */
export function fillLegacySlots(maps: readonly LegacyMap[], functions: readonly PlacedFunction[]): LegacyMap[] {
  return maps.map((placed) => {
    if (placed.map.type !== BPF_MAP_TYPE_PROG_ARRAY) return placed;
    const slots = functions.flatMap(({ function: { name, section } }): Slot[] => {
      const match = /^(\d+)\/(\d+)$/.exec(section);
      return match && Number(match[1]) === placed.id ? [{ index: Number(match[2]), target: name }] : [];
    });
    if (slots.length === 0) return placed;
    slots.sort((a, b) => a.index - b.index);
    return { ...placed, map: { ...placed.map, slots } };
  });
}
