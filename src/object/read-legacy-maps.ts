/**
 * Maps of the `maps` section from before BTF: rows of u32, one symbol each.
 *
 *   struct bpf_map_def   type, key_size, value_size, max_entries, map_flags                           (20 bytes)
 *   struct bpf_elf_map   the same, id, pinning, inner_id, inner_idx (iproute2)                         (28 or 36 bytes)
 *
 * iproute2 fills a map-in-map with the maps whose `id` is its `inner_id`, at their `inner_idx`, and a program array
 * with the program of section `<id>/<index>`. Invariant: all rows of the section have the same size.
 */
import { xdpkitError } from "../base/index.ts";
import type { BpfMap } from "./bpf-object.ts";
import type { ElfFile, ElfSection, ElfSymbol } from "./elf.ts";
import { symbolsOf } from "./elf-symbols.ts";
import { isMapInMap, type PlacedMap, requireSlotKey } from "./read-btf-maps.ts";

const PLAIN_SIZE = 20;
const ELF_MAP_SIZE = 36;

/** `id` and `inner_id` of iproute2, which join maps to each other and to sections. */
export interface LegacyMap extends PlacedMap {
  readonly id: number;
  readonly innerId: number;
  readonly innerIndex: number;
}

/** @throws OBJECT_MAPS_SECTION, OBJECT_MAP */
export function readLegacyMaps(elf: ElfFile): LegacyMap[] {
  const section = elf.sections.find(({ name, bytes }) => name === "maps" && bytes.length > 0);
  if (!section) return [];
  const symbols = symbolsOf(elf, section);
  const size = section.size / symbols.length;
  if (!Number.isInteger(size) || size % 4 !== 0 || size < 16) {
    const sizes = { bytes: section.size, maps: symbols.length };
    throw xdpkitError("OBJECT_MAPS_SECTION", sizes, { at: { kind: "byte", section: "maps", offset: section.offset } });
  }
  const maps = symbols.map((symbol) => readRow(elf, section, symbol, size));
  return maps.map((map) => joinInner(map, maps));
}

function readRow(elf: ElfFile, section: ElfSection, symbol: ElfSymbol, size: number): LegacyMap {
  const { value: offset, name } = symbol;
  if (offset % size !== 0 || offset + size > section.size) {
    const problem = `it begins at byte ${offset} of a section of rows of ${size} bytes`;
    throw xdpkitError("OBJECT_MAP", { map: name, problem }, { at: { kind: "byte", offset: symbol.at } });
  }
  const view = new DataView(section.bytes.buffer, section.bytes.byteOffset + offset, size);
  const words = Array.from({ length: ELF_MAP_SIZE / 4 }, (_, i) =>
    4 * i < size ? view.getUint32(4 * i, elf.littleEndian) : 0,
  );
  checkRest(view, name, section.offset + offset);
  const [type = 0, keySize = 0, valueSize = 0, maxEntries = 0, flags = 0] = words;
  const [id = 0, pinning = 0, innerId = 0, innerIndex = 0] = words.slice(PLAIN_SIZE / 4);
  const map: BpfMap = {
    name,
    style: "legacy",
    type,
    keySize,
    valueSize,
    maxEntries,
    flags,
    pinByName: pinning !== 0,
  };
  return { map, offset, size, id, innerId, innerIndex };
}

/** What a larger row says we would not know how to obey. */
function checkRest(view: DataView, map: string, at: number): void {
  for (let offset = ELF_MAP_SIZE; offset < view.byteLength; offset++) {
    if (view.getUint8(offset) === 0) continue;
    const problem = `byte ${offset} of its definition is not zero, and no known definition is that long`;
    throw xdpkitError("OBJECT_MAP", { map, problem }, { at: { kind: "byte", section: "maps", offset: at + offset } });
  }
}

function joinInner(outer: LegacyMap, maps: readonly LegacyMap[]): LegacyMap {
  if (!isMapInMap(outer.map.type) || outer.innerId === 0) return outer;
  const members = maps.filter(({ id }) => id === outer.innerId);
  const template = members[0]?.map;
  if (!template) {
    const problem = `no map has the id ${outer.innerId} of its inner map`;
    throw xdpkitError("OBJECT_MAP", { map: outer.map.name, problem });
  }
  const slots = members
    .map(({ map, innerIndex }) => ({ index: innerIndex, target: map.name }))
    .filter(({ index }) => index < outer.map.maxEntries)
    .sort((a, b) => a.index - b.index);
  if (slots.length > 0) requireSlotKey(outer.map);
  const inner = { ...template, name: `${outer.map.name}.inner`, pinByName: false };
  return { ...outer, map: { ...outer.map, inner, slots } };
}
