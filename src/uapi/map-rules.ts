/**
 * What the kernel takes as a map: the checks of BPF_MAP_CREATE (kernel/bpf/syscall.c) and of each type's `map_alloc_check`,
 * in their order, with the error number of a refusal. One row per type.
 *
 * The language, the machine and the loader all ask here, so that what no kernel takes is neither compiled nor run, and a
 * refusal of the kernel has its reason.
 */
import { errno } from "./errno.ts";
import { MapFlag, MapType, type MapTypeName, mapTypeName } from "./maps.ts";

/** What BPF_MAP_CREATE is asked for. */
export interface MapShape {
  /** `enum bpf_map_type`. */
  readonly type: number;
  /** Bytes. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_*. */
  readonly flags: number;
  /** `map_extra`. */
  readonly extra?: bigint;
}

/** Why a map is refused. */
export interface MapRefusal {
  /** The kernel's error number. */
  readonly errno: number;
  /** As `union bpf_attr` calls it. */
  readonly field: "map_type" | "key_size" | "value_size" | "max_entries" | "map_flags" | "map_extra" | "value";
  /** A sentence without its subject: what the field is, and what it has to be. */
  readonly rule: string;
}

export interface MapLimits {
  /** Bytes that a map may have that is allocated whole. */
  readonly memory: number;
}

type Check = (map: MapShape, limits: MapLimits) => MapRefusal | undefined;

interface MapRow {
  /** Flags that the type takes. */
  readonly flags: number;
  /** Sizes that it takes, bytes; any but 0 when absent. */
  readonly keySize?: readonly number[];
  readonly valueSize?: readonly number[];
  /** What the kernel checks before the sizes, and after them. */
  readonly before?: Check;
  readonly check?: Check;
}

/** Bytes; architectures with larger pages want ring buffers of whole pages of theirs. */
export const PAGE = 4096;
/** KMALLOC_MAX_SIZE: the largest piece that most maps can allocate, bytes. */
const LARGEST = 1 << 22;
/** PCPU_MIN_UNIT_SIZE: the most that one per-CPU allocation can hold, bytes. */
const PER_CPU_VALUE = 32768;
/** sizeof(struct htab_elem), sizeof(struct lpm_trie_node); LPM_DATA_SIZE_MAX. */
const HASH_ELEMENT = 48;
const TRIE_NODE = 24;
const TRIE_KEY = 256;
/** U32_MAX / sizeof(struct bucket), as a power of two. */
const MOST_BUCKETS = 2 ** 27;
/** The largest CONFIG_NR_CPUS, as distributions for servers set it. */
const NR_CPUS = 8192;

const refusal = (number: number, field: MapRefusal["field"], rule: string): MapRefusal => ({
  errno: number,
  field,
  rule,
});

const count = (value: number): string => value.toLocaleString("en-US");

const named =
  (type: MapTypeName, ...more: readonly MapTypeName[]) =>
  (map: MapShape): boolean =>
    [type, ...more].some((one) => MapType[one] === map.type);
const isPerCpu = named("PERCPU_HASH", "LRU_PERCPU_HASH");
const isLru = named("LRU_HASH", "LRU_PERCPU_HASH");

const hashFlags: Check = (map) => {
  const { flags } = map;
  if (flags & MapFlag.NO_COMMON_LRU && !isLru(map))
    return refusal(errno.EINVAL, "map_flags", "have BPF_F_NO_COMMON_LRU, which only LRU maps take");
  if (flags & MapFlag.NO_PREALLOC && isLru(map))
    return refusal(errno.ENOTSUPP, "map_flags", "have BPF_F_NO_PREALLOC: an LRU map is always preallocated");
  if (flags & MapFlag.NUMA_NODE && (isPerCpu(map) || flags & MapFlag.NO_COMMON_LRU))
    return refusal(errno.EINVAL, "map_flags", "have BPF_F_NUMA_NODE, though the memory is that of each CPU");
  return undefined;
};

const hashSizes: Check = (map, limits) => {
  const { keySize, valueSize, maxEntries } = map;
  if (keySize + valueSize >= LARGEST - HASH_ELEMENT) {
    const most = count(LARGEST - HASH_ELEMENT - 1);
    const rule = `is ${count(valueSize)} and key_size ${count(keySize)}; together at most ${most} bytes`;
    return refusal(errno.E2BIG, "value_size", rule);
  }
  const wide = isPerCpu(map) ? perCpuValue(map, limits) : undefined;
  if (wide) return wide;
  if (maxEntries > MOST_BUCKETS)
    return refusal(errno.E2BIG, "max_entries", `is ${count(maxEntries)}; a hash has at most ${count(MOST_BUCKETS)}`);
  return isLru(map) ? room({ ...map, valueSize: keySize + valueSize }, limits) : undefined;
};

const perCpuValue: Check = ({ valueSize }) =>
  Math.ceil(valueSize / 8) * 8 > PER_CPU_VALUE
    ? refusal(
        errno.E2BIG,
        "value_size",
        `is ${count(valueSize)}; a per-CPU value has at most ${count(PER_CPU_VALUE)} bytes`,
      )
    : undefined;

/** These maps are allocated whole. */
const room: Check = ({ valueSize, maxEntries }, { memory }) => {
  const bytes = Math.ceil(valueSize / 8) * 8 * maxEntries;
  if (bytes <= memory) return undefined;
  return refusal(errno.ENOMEM, "max_entries", `is ${count(maxEntries)}: entries of ${count(bytes)} bytes in all`);
};

const arrayValue: Check = ({ valueSize }) =>
  valueSize > 0x7fffffff
    ? refusal(errno.E2BIG, "value_size", `is ${count(valueSize)}; at most ${count(0x7fffffff)} bytes`)
    : undefined;

const largestValue: Check = ({ valueSize }) =>
  valueSize > LARGEST
    ? refusal(errno.E2BIG, "value_size", `is ${count(valueSize)}; at most ${count(LARGEST)} bytes`)
    : undefined;

const preallocatedTrie: Check = ({ flags }) =>
  flags & MapFlag.NO_PREALLOC
    ? undefined
    : refusal(errno.EINVAL, "map_flags", "lack BPF_F_NO_PREALLOC, which an LPM_TRIE needs");

const trieSizes: Check = ({ keySize, valueSize }) => {
  if (keySize < 5 || keySize > 4 + TRIE_KEY)
    return refusal(errno.EINVAL, "key_size", `is ${keySize}: 4 bytes of prefix length and 1 to ${TRIE_KEY} of data`);
  const most = LARGEST - TRIE_KEY - TRIE_NODE;
  if (valueSize > most)
    return refusal(errno.EINVAL, "value_size", `is ${count(valueSize)}; at most ${count(most)} bytes`);
  return undefined;
};

const hashedPorts: Check = ({ maxEntries }) =>
  maxEntries > 2 ** 31
    ? refusal(errno.EINVAL, "max_entries", `is ${count(maxEntries)}; at most ${count(2 ** 31)}`)
    : undefined;

const wholePages: Check = ({ maxEntries }) =>
  isPowerOfTwo(maxEntries) && maxEntries % PAGE === 0
    ? undefined
    : refusal(
        errno.EINVAL,
        "max_entries",
        `is ${count(maxEntries)} bytes; a power of two of whole pages of ${PAGE} bytes`,
      );

const knownCpus: Check = ({ maxEntries }) =>
  maxEntries > NR_CPUS
    ? refusal(errno.E2BIG, "max_entries", `is ${count(maxEntries)}; there are at most ${count(NR_CPUS)} CPUs`)
    : undefined;

const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

/** One check after another. */
const all =
  (...checks: readonly Check[]): Check =>
  (map, limits) => {
    for (const check of checks) {
      const found = check(map, limits);
      if (found) return found;
    }
    return undefined;
  };

const none = [0] as const;
const four = [4] as const;
/** An index, and where the kernel has it (5.8) a program. */
const target = [4, 8] as const;

const ACCESS = MapFlag.RDONLY | MapFlag.WRONLY | MapFlag.RDONLY_PROG | MapFlag.WRONLY_PROG;
const COMMON = ACCESS | MapFlag.NUMA_NODE;
const PORT_FLAGS = MapFlag.NUMA_NODE | MapFlag.RDONLY | MapFlag.WRONLY;
const HASH_FLAGS = COMMON | MapFlag.NO_PREALLOC | MapFlag.NO_COMMON_LRU | MapFlag.ZERO_SEED;

const HASH: MapRow = { flags: HASH_FLAGS, before: hashFlags, check: hashSizes };
const PORTS: MapRow = { flags: PORT_FLAGS, keySize: four, valueSize: target, check: room };
const HANDLES: MapRow = { flags: PORT_FLAGS, keySize: four, valueSize: four, check: room };
const RING: MapRow = { flags: MapFlag.NUMA_NODE, keySize: none, valueSize: none, check: wholePages };
const QUEUE: MapRow = { flags: COMMON, keySize: none, check: all(largestValue, room) };

/** The types that XDP programs use. */
const ROWS: Partial<Record<MapTypeName, MapRow>> = {
  HASH,
  PERCPU_HASH: HASH,
  LRU_HASH: HASH,
  LRU_PERCPU_HASH: HASH,
  HASH_OF_MAPS: { ...HASH, valueSize: four },
  ARRAY: { flags: COMMON | MapFlag.MMAPABLE | MapFlag.INNER_MAP, keySize: four, check: all(arrayValue, room) },
  PERCPU_ARRAY: { flags: ACCESS, keySize: four, check: all(perCpuValue, room) },
  PROG_ARRAY: HANDLES,
  PERF_EVENT_ARRAY: { ...HANDLES, flags: PORT_FLAGS | MapFlag.PRESERVE_ELEMS },
  ARRAY_OF_MAPS: HANDLES,
  XSKMAP: HANDLES,
  LPM_TRIE: { flags: COMMON | MapFlag.NO_PREALLOC, before: preallocatedTrie, check: trieSizes },
  DEVMAP: PORTS,
  DEVMAP_HASH: { ...PORTS, check: hashedPorts },
  CPUMAP: { ...PORTS, flags: MapFlag.NUMA_NODE, check: knownCpus },
  QUEUE,
  STACK: QUEUE,
  RINGBUF: RING,
  USER_RINGBUF: RING,
  BLOOM_FILTER: { flags: COMMON | MapFlag.ZERO_SEED, keySize: none, check: largestValue },
};

/** Why the kernel would refuse the map, the first reason in its order; undefined when it takes it. */
export function refusedMap(map: MapShape, limits: MapLimits): MapRefusal | undefined {
  const row = ROWS[mapTypeName(map.type) as MapTypeName];
  if (!row) return refusal(errno.EINVAL, "map_type", `is ${map.type}, which is none of XDP`);
  return refusedExtra(map) ?? refusedFlags(map, row) ?? row.before?.(map, limits) ?? refusedSizes(map, row, limits);
}

function refusedExtra({ type, extra = 0n }: MapShape): MapRefusal | undefined {
  const isBloom = type === MapType.BLOOM_FILTER;
  if (extra <= (isBloom ? 15n : 0n)) return undefined;
  const rule = isBloom ? "is the number of hashes, at most 15" : "is for bloom filters alone";
  return refusal(errno.EINVAL, "map_extra", `is ${extra}; it ${rule}`);
}

function refusedFlags({ flags }: MapShape, row: MapRow): MapRefusal | undefined {
  const unknown = (flags & ~row.flags) >>> 0;
  if (unknown !== 0)
    return refusal(errno.EINVAL, "map_flags", `have ${printFlags(unknown)}, which the type does not take`);
  const both = (a: number, b: number): boolean => (flags & a) !== 0 && (flags & b) !== 0;
  if (both(MapFlag.RDONLY, MapFlag.WRONLY) || both(MapFlag.RDONLY_PROG, MapFlag.WRONLY_PROG))
    return refusal(errno.EINVAL, "map_flags", "say read-only and write-only at once");
  return undefined;
}

function printFlags(flags: number): string {
  const known = Object.entries(MapFlag).filter(([, bit]) => (flags & bit) !== 0);
  const rest = known.reduce((left, [, bit]) => left & ~bit, flags) >>> 0;
  return [...known.map(([name]) => `BPF_F_${name}`), ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])].join(" | ");
}

function refusedSizes(map: MapShape, row: MapRow, limits: MapLimits): MapRefusal | undefined {
  if (map.maxEntries === 0) return refusal(errno.EINVAL, "max_entries", "is 0; a map has at least one entry");
  const wrong =
    refusedSize("key_size", map.keySize, row.keySize) ?? refusedSize("value_size", map.valueSize, row.valueSize);
  return wrong ?? row.check?.(map, limits);
}

function refusedSize(
  field: "key_size" | "value_size",
  size: number,
  sizes: readonly number[] | undefined,
): MapRefusal | undefined {
  if (sizes ? sizes.includes(size) : size !== 0) return undefined;
  const wanted = sizes ? `is ${size}; it has to be ${sizes.join(" or ")}` : "is 0; at least 1 byte";
  return refusal(errno.EINVAL, field, wanted);
}

/** The size of a ring buffer as libbpf makes it: rounded up to a power of two of whole pages (`adjust_ringbuf_sz`). */
export function ringBufferSize(bytes: number, page = PAGE): number {
  if (bytes === 0 || (bytes % page === 0 && isPowerOfTwo(bytes / page))) return bytes;
  for (let size = page; size <= 0xffffffff; size *= 2) if (size > bytes) return size;
  return bytes;
}
