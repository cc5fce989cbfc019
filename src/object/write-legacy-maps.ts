/**
 * Maps of the `maps` section: the reverse of read-legacy-maps.ts.
 *
 * Rows have 20 bytes, or as many as BTF says of them; where a map is pinned, or filled by identities, all rows are iproute2's of 36. Invariant: the
 * identity of a program array is the number in the section names of its programs.
 */
import type { BpfMap, BpfObject } from "./bpf-object.ts";
import { BPF_MAP_TYPE_PROG_ARRAY, isMapInMap } from "./read-btf-maps.ts";

const PLAIN_WORDS = 5;
const ELF_MAP_WORDS = 9;
/** PIN_GLOBAL_NS of iproute2. */
const PIN_GLOBAL = 2;

/** The contents of the section, and the bytes of one row. */
export function writeLegacyMaps(object: BpfObject, maps: readonly BpfMap[]): { bytes: Uint8Array; rowSize: number } {
  const needsIdentity = maps.some((map) => map.pinByName || map.slots !== undefined || map.inner !== undefined);
  const words = Math.max(needsIdentity ? ELF_MAP_WORDS : PLAIN_WORDS, declaredWords(object));
  const identities = identify(object, maps);
  const view = new DataView(new ArrayBuffer(4 * words * maps.length));
  for (const [row, map] of maps.entries()) {
    const values = rowOf(map, maps, identities).slice(0, words);
    for (const [i, value] of values.entries()) view.setUint32(4 * (row * words + i), value, true);
  }
  return { bytes: new Uint8Array(view.buffer), rowSize: 4 * words };
}

/** Words of a row as BTF declares the section's variables: longer definitions end with zeros. */
function declaredWords({ btf }: BpfObject): number {
  const section = btf?.types.find((type) => type.kind === "section" && type.name === "maps");
  const sizes = section?.kind === "section" ? section.variables.map(({ size }) => size) : [];
  return Math.ceil(Math.max(0, ...sizes) / 4);
}

function rowOf(map: BpfMap, maps: readonly BpfMap[], identities: ReadonlyMap<string, number>): number[] {
  const outer = maps.find(({ type, slots }) => isMapInMap(type) && slots?.some(({ target }) => target === map.name));
  const index = outer?.slots?.find(({ target }) => target === map.name)?.index ?? 0;
  const member = isMapInMap(map.type) ? map.slots?.[0]?.target : undefined;
  const inner = member === undefined ? 0 : (identities.get(member) ?? 0);
  const { type, keySize, valueSize, maxEntries, flags, pinByName } = map;
  const identity = identities.get(map.name) ?? 0;
  return [type, keySize, valueSize, maxEntries, flags, identity, pinByName ? PIN_GLOBAL : 0, inner, index];
}

/** Program arrays by their programs' sections; members of a map-in-map share one number that nobody else has. */
function identify(object: BpfObject, maps: readonly BpfMap[]): ReadonlyMap<string, number> {
  const identities = new Map<string, number>();
  const sections = new Map(object.functions.map(({ name, section }) => [name, section]));
  for (const { name, type, slots } of maps) {
    const section = type === BPF_MAP_TYPE_PROG_ARRAY ? sections.get(slots?.[0]?.target ?? "") : undefined;
    const match = /^(\d+)\/\d+$/.exec(section ?? "");
    if (match) identities.set(name, Number(match[1]));
  }
  let free = 1 + [...identities.values()].reduce((largest, identity) => Math.max(largest, identity), 0);
  for (const { type, slots } of maps) {
    if (!isMapInMap(type) || !slots) continue;
    for (const { target } of slots) identities.set(target, free);
    free++;
  }
  return identities;
}
