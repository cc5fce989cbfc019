/**
 * Whether a map that is there can stand for one that is declared: the first thing in which the two differ, in words.
 *
 * Sizes and limits are the kernel's to tell; fields are compared where both have BTF, leaf by leaf: a field that is named
 * otherwise means something else. Flags that the kernel adds by itself are not counted (kernel/bpf/devmap.c).
 */
import { type Btf, type Leaf, leavesOf } from "../btf/index.ts";
import type { BpfMap } from "../object/index.ts";
import { MapFlag, MapType, mapTypeName } from "../uapi/index.ts";

/** A map and the BTF that its types are ids of. */
export interface TypedMap {
  readonly definition: BpfMap;
  readonly btf: Btf | undefined;
}

/** Undefined when there is none. */
export function layoutDifference(wanted: TypedMap, found: TypedMap): string | undefined {
  return (
    definitionDifference(wanted.definition, found.definition) ??
    typeDifference("key", wanted, found) ??
    typeDifference("value", wanted, found)
  );
}

function definitionDifference(wanted: BpfMap, found: BpfMap): string | undefined {
  const rows = [
    ["type", (map: BpfMap) => mapTypeName(map.type) ?? map.type],
    ["maxEntries", (map: BpfMap) => map.maxEntries],
    ["flags", (map: BpfMap) => `0x${(map.flags & ~flagsOfKernel(map.type)).toString(16)}`],
    ["map_extra", (map: BpfMap) => map.extra ?? 0n],
  ] as const;
  const row = rows.find(([, of]) => of(wanted) !== of(found));
  return row && `its ${row[0]} is ${row[1](found)} where ${row[1](wanted)} is declared`;
}

function flagsOfKernel(type: number): number {
  const isDevice = type === MapType.DEVMAP || type === MapType.DEVMAP_HASH;
  return MapFlag.NUMA_NODE | (isDevice ? MapFlag.RDONLY_PROG : 0);
}

function typeDifference(what: "key" | "value", wanted: TypedMap, found: TypedMap): string | undefined {
  const leaves = [leavesIn(what, wanted), leavesIn(what, found)] as const;
  const sizes = [sizeIn(what, wanted), sizeIn(what, found)] as const;
  const field = leaves[0] && leaves[1] && leafDifference(what, leaves[0], leaves[1]);
  return (
    field ?? (sizes[0] === sizes[1] ? undefined : `its ${what} has ${sizes[1]} bytes where ${sizes[0]} are declared`)
  );
}

const sizeIn = (what: "key" | "value", { definition }: TypedMap): number =>
  what === "key" ? definition.keySize : definition.valueSize;

function leavesIn(what: "key" | "value", { definition, btf }: TypedMap): Leaf[] | undefined {
  const type = what === "key" ? definition.keyType : definition.valueType;
  return btf && type ? leavesOf(btf, type) : undefined;
}

function leafDifference(what: string, wanted: readonly Leaf[], found: readonly Leaf[]): string | undefined {
  for (const [at, one] of wanted.entries()) {
    const other = found[at];
    if (!other) return `its ${what} has no ${one.path}, which is declared`;
    const [have, want] = [printLeaf(other), printLeaf(one)];
    if (have !== want) return `its ${what} has ${have} where ${want} is declared`;
  }
  const more = found[wanted.length];
  return more && `its ${what} has ${printLeaf(more)}, which is not declared`;
}

function printLeaf({ path, bitOffset, bits, form }: Leaf): string {
  const place = bitOffset % 8 === 0 ? `byte ${bitOffset / 8}` : `bit ${bitOffset}`;
  const size = bits % 8 === 0 ? `${bits / 8} bytes` : `${bits} bits`;
  return `${path === "" ? "a number" : path} (${form}, ${size} at ${place})`;
}
