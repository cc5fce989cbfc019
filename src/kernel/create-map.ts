/**
 * BPF_MAP_CREATE as libbpf calls it: sizes that it fills in, the template of a map of maps, types from BTF; and in words why
 * the kernel refuses a map (src/uapi/map-rules.ts).
 */
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import { type Btf, specialFields } from "../btf/index.ts";
import type { BpfMap } from "../object/index.ts";
import {
  errno,
  errnoName,
  isMapField,
  type MapFieldName,
  MapFlag,
  type MapRefusal,
  MapType,
  refusedFields,
  refusedMap,
  ringBufferSize,
  STORAGE_MAP_TYPES,
  TYPED_MAP_TYPES,
} from "../uapi/index.ts";
import { KernelMap, tryCreateMap } from "./maps.ts";
import { pageBytes } from "./memory.ts";
import { closeFd } from "./syscall.ts";

export interface MapSurroundings {
  /** The possible ones. */
  readonly cpus: number;
  /** The object's types, and their descriptor; without one the kernel does not take them. */
  readonly btf: Btf | undefined;
  readonly btfFd: number | undefined;
}

/** @throws XdpkitError KERNEL_MAP_DEFINITION with the field and the rule, KERNEL_CALL where no rule is known */
export function createKernelMap(definition: BpfMap, around: MapSurroundings): KernelMap {
  const complete = completeMap(definition, around.cpus);
  return new KernelMap(create(complete, around), complete, around.cpus);
}

function create(map: BpfMap, around: MapSurroundings): number {
  const inner = map.inner ? create(completeMap(map.inner, around.cpus), around) : 0;
  try {
    const btf = typesOf(map, around);
    // Of two locks in a value it refuses the types, and knows of neither then.
    if (!btf && refusedFields(map, fieldsIn(map, around.btf))) throw refusedCreation(map, around.btf, -errno.E2BIG);
    let fd = tryCreateMap(map, inner, btf);
    // Some types do not suit some maps (an enum as the key of an array); libbpf then goes without, too. But a lock of which
    // the kernel knows nothing is none.
    if (fd < 0 && btf && fieldsIn(map, around.btf).length === 0) fd = tryCreateMap(map, inner);
    if (fd < 0) throw refusedCreation(map, around.btf, fd);
    return fd;
  } finally {
    if (inner > 0) closeFd(inner);
  }
}

function typesOf(map: BpfMap, { btfFd }: MapSurroundings): { fd: number; key: number; value: number } | undefined {
  // Global data: its value is the section, and its key has no type (array_map_check_btf).
  const key = map.data ? 0 : map.keyType;
  const isTyped = TYPED_MAP_TYPES.includes(map.type) && btfFd !== undefined && key !== undefined && map.valueType;
  return isTyped ? { fd: btfFd, key, value: map.valueType! } : undefined;
}

/** What libbpf fills in: sizes of perf arrays, whole pages of ring buffers, flags of global data. */
export function completeMap(definition: BpfMap, cpus: number): BpfMap {
  const { data, type, maxEntries, flags } = definition;
  if (data) {
    const readOnly = data.readOnly ? MapFlag.RDONLY_PROG : 0;
    return { ...definition, flags: flags | readOnly | MapFlag.MMAPABLE };
  }
  if (type === MapType.RINGBUF || type === MapType.USER_RINGBUF)
    return { ...definition, maxEntries: ringBufferSize(maxEntries, pageBytes()) };
  return type === MapType.PERF_EVENT_ARRAY && maxEntries === 0 ? { ...definition, maxEntries: cpus } : definition;
}

function fieldsIn({ valueType }: BpfMap, btf: Btf | undefined): MapFieldName[] {
  if (!btf || valueType === undefined) return [];
  return specialFields(btf, valueType, isMapField).map(({ name }) => name as MapFieldName);
}

function refusedCreation(map: BpfMap, btf: Btf | undefined, result: number): XdpkitError {
  const reason = reasonOf(map, btf, -result);
  const number = errnoName(result);
  if (!reason) return xdpkitError("KERNEL_CALL", { call: `BPF_MAP_CREATE of ${map.name}`, errno: number });
  return xdpkitError("KERNEL_MAP_DEFINITION", { map: map.name, ...reason, errno: number });
}

type Reason = { readonly field: MapRefusal["field"] | "inner map" | "numa_node" | "BTF"; readonly rule: string };

/** The first rule that the map breaks; what depends on this machine comes last. */
function reasonOf(map: BpfMap, btf: Btf | undefined, number: number): Reason | undefined {
  const isOfMaps = map.type === MapType.ARRAY_OF_MAPS || map.type === MapType.HASH_OF_MAPS;
  if (isOfMaps && !map.inner) return { field: "inner map", rule: "is missing: `values` says what the map holds" };
  if (STORAGE_MAP_TYPES.includes(map.type) && !btf)
    return { field: "BTF", rule: "of key and value is missing: compile with -g" };
  const broken =
    refusedFields(map, fieldsIn(map, btf)) ??
    refusedMap(map, { memory: number === errno.ENOMEM ? 0 : Number.POSITIVE_INFINITY });
  if (broken) return broken;
  if (number === errno.ENOMEM)
    return { field: "max_entries", rule: `is ${map.maxEntries}: the memory does not suffice` };
  if (number === errno.E2BIG && map.type === MapType.CPUMAP)
    return { field: "max_entries", rule: `is ${map.maxEntries}: this kernel is built for fewer CPUs` };
  if (number === errno.EINVAL && map.flags & MapFlag.NUMA_NODE)
    return { field: "numa_node", rule: `is ${map.numaNode ?? 0}, which is not online` };
  return undefined;
}
