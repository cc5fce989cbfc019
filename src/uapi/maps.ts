/** Map types and flags (include/uapi/linux/bpf.h). */
import { MAP_TYPES } from "./map-types.gen.ts";

export type MapTypeName = (typeof MAP_TYPES)[number]["name"];

/** `MapType.HASH` is 1: `enum bpf_map_type` by name. */
export const MapType = Object.fromEntries(MAP_TYPES.map(({ name, id }) => [name, id])) as Readonly<
  Record<MapTypeName, number>
>;

const names = new Map<number, MapTypeName>(MAP_TYPES.map(({ name, id }) => [id, name]));
export const mapTypeName = (type: number): MapTypeName | undefined => names.get(type);

/** The kernel that brought a type of map. */
export const mapTypeSince = (name: MapTypeName): string | undefined =>
  MAP_TYPES.find((row) => row.name === name)?.since;

/** Types whose values are bytes to user space. */
export const VALUE_MAP_TYPES: readonly number[] = [
  MapType.HASH,
  MapType.ARRAY,
  MapType.PERCPU_HASH,
  MapType.PERCPU_ARRAY,
  MapType.LRU_HASH,
  MapType.LRU_PERCPU_HASH,
  MapType.LPM_TRIE,
];

/** Storage of sockets and their kin, which the kernel refuses without BTF (bpf_local_storage_map_alloc_check). */
export const STORAGE_MAP_TYPES: readonly number[] = [
  MapType.SK_STORAGE,
  MapType.INODE_STORAGE,
  MapType.TASK_STORAGE,
  MapType.CGRP_STORAGE,
];

/** Types whose maps get BTF for keys and values. */
export const TYPED_MAP_TYPES: readonly number[] = [...VALUE_MAP_TYPES, ...STORAGE_MAP_TYPES];

/** Types with a value for every possible CPU, each padded to 8 bytes where user space sees them. */
export const PER_CPU_MAP_TYPES: readonly number[] = [
  MapType.PERCPU_HASH,
  MapType.PERCPU_ARRAY,
  MapType.LRU_PERCPU_HASH,
];

/** Flags of BPF_MAP_CREATE. */
export const MapFlag = {
  NO_PREALLOC: 1 << 0,
  NO_COMMON_LRU: 1 << 1,
  NUMA_NODE: 1 << 2,
  RDONLY: 1 << 3,
  WRONLY: 1 << 4,
  STACK_BUILD_ID: 1 << 5,
  ZERO_SEED: 1 << 6,
  RDONLY_PROG: 1 << 7,
  WRONLY_PROG: 1 << 8,
  CLONE: 1 << 9,
  MMAPABLE: 1 << 10,
  PRESERVE_ELEMS: 1 << 11,
  INNER_MAP: 1 << 12,
} as const;

/** Flags of BPF_MAP_UPDATE_ELEM and `bpf_map_update_elem`. */
export const UpdateFlag = { ANY: 0, NOEXIST: 1, EXIST: 2, LOCK: 4 } as const;

/** The same by the modes of user space. */
export const updateFlags = { any: UpdateFlag.ANY, create: UpdateFlag.NOEXIST, replace: UpdateFlag.EXIST } as const;
