/**
 * Creating maps: the checks of BPF_MAP_CREATE (each type's alloc_check) and the class of each type, one row per type.
 *
 * A definition that the kernel refuses is refused here with the same error number.
 */
import { xdpkitError } from "../../base/index.ts";
import type { BpfMap } from "../../object/index.ts";
import { errno, errnoName, MapFlag, MapType, type MapTypeName, mapTypeName } from "../../uapi/index.ts";
import { MEMORY_LIMIT } from "../memory.ts";
import { ArrayMap, PerCpuArray } from "./array.ts";
import { BloomFilter } from "./bloom-filter.ts";
import { HashMap } from "./hash.ts";
import { LpmTrie } from "./lpm-trie.ts";
import type { MapHost, VmMap } from "./map.ts";
import { QueueMap } from "./queue.ts";
import { RingBuffer, UserRingBuffer } from "./ring-buffer.ts";
import {
  ArrayOfMaps,
  CpuMap,
  DevHashMap,
  DevMap,
  HashOfMaps,
  PerfEventArray,
  ProgramArray,
  XskMap,
} from "./targets.ts";

type MapClass = new (definition: BpfMap, host: MapHost, index: number) => VmMap;

interface MapRow {
  readonly create: MapClass;
  /** Flags that the type takes. */
  readonly flags: number;
  readonly keySize?: readonly number[];
  readonly valueSize?: readonly number[];
  /** What the kernel checks before the sizes, and after them; the error number of a refusal. */
  readonly before?: (definition: BpfMap) => readonly [number, string] | undefined;
  readonly check?: (definition: BpfMap) => readonly [number, string] | undefined;
}

const ACCESS = MapFlag.RDONLY | MapFlag.WRONLY | MapFlag.RDONLY_PROG | MapFlag.WRONLY_PROG;
const COMMON = ACCESS | MapFlag.NUMA_NODE;
/** PCPU_MIN_UNIT_SIZE: the most that one per-CPU allocation can hold, bytes. */
const PER_CPU_VALUE = 32768;
const PAGE = 4096;

const perCpuTypes: readonly number[] = [MapType.PERCPU_HASH, MapType.LRU_PERCPU_HASH];
const none = [0] as const;
const four = [4] as const;

/** KMALLOC_MAX_SIZE: the largest piece that most maps can allocate, bytes. */
const LARGEST = 1 << 22;
/** sizeof(struct htab_elem), sizeof(struct lpm_trie_node), struct bucket; LPM_DATA_SIZE_MAX. */
const HASH_ELEMENT = 48;
const TRIE_NODE = 24;
const TRIE_KEY = 256;
/** U32_MAX / sizeof(struct bucket), as a power of two. */
const MOST_BUCKETS = 2 ** 27;

function lruCheck(definition: BpfMap): readonly [number, string] | undefined {
  if (definition.flags & MapFlag.NO_PREALLOC) return [errno.ENOTSUPP, "an LRU map is always preallocated"];
  return undefined;
}

function lpmCheck(definition: BpfMap): readonly [number, string] | undefined {
  if (!(definition.flags & MapFlag.NO_PREALLOC)) return [errno.EINVAL, "an LPM_TRIE needs BPF_F_NO_PREALLOC"];
  const { keySize } = definition;
  if (keySize < 5 || keySize > 260)
    return [errno.EINVAL, `a key has 4 bytes of length and 1 to 256 of data, not ${keySize}`];
  if (definition.valueSize > LARGEST - TRIE_KEY - TRIE_NODE) return [errno.EINVAL, "the value is too large"];
  return undefined;
}

function hashCheck(definition: BpfMap): readonly [number, string] | undefined {
  const { keySize, valueSize, maxEntries } = definition;
  if (keySize + valueSize >= LARGEST - HASH_ELEMENT) return [errno.E2BIG, "key and value are too large"];
  if (perCpuTypes.includes(definition.type) && perCpuCheck(definition)) return perCpuCheck(definition);
  if (maxEntries > MOST_BUCKETS) return [errno.E2BIG, `${maxEntries} entries are too many`];
  const lru = definition.type === MapType.LRU_HASH || definition.type === MapType.LRU_PERCPU_HASH;
  return lru ? roomCheck({ ...definition, valueSize: keySize + valueSize }) : undefined;
}

function arrayCheck(definition: BpfMap): readonly [number, string] | undefined {
  if (definition.valueSize > 0x7fffffff) return [errno.E2BIG, "the value is too large"];
  return roomCheck(definition);
}

function queueCheck(definition: BpfMap): readonly [number, string] | undefined {
  return valueCheck(definition) ?? roomCheck(definition);
}

function valueCheck({ valueSize }: BpfMap): readonly [number, string] | undefined {
  return valueSize > LARGEST ? [errno.E2BIG, `a value has at most ${LARGEST} bytes`] : undefined;
}

/** These maps are allocated whole; the kernel's limit is the host's memory, this machine's its own. */
function roomCheck({ valueSize, maxEntries }: BpfMap): readonly [number, string] | undefined {
  const bytes = Math.ceil(valueSize / 8) * 8 * maxEntries;
  return bytes > MEMORY_LIMIT ? [errno.ENOMEM, `${maxEntries} entries take ${bytes} bytes`] : undefined;
}

function hashedPortsCheck({ maxEntries }: BpfMap): readonly [number, string] | undefined {
  return maxEntries > 2 ** 31 ? [errno.EINVAL, `${maxEntries} entries are too many`] : undefined;
}

function ringCheck({ maxEntries }: BpfMap): readonly [number, string] | undefined {
  const powerOfTwo = maxEntries > 0 && (maxEntries & (maxEntries - 1)) === 0;
  if (!powerOfTwo || maxEntries % PAGE !== 0) return [errno.EINVAL, "the size must be a power of two of whole pages"];
  return undefined;
}

function perCpuCheck({ valueSize }: BpfMap): readonly [number, string] | undefined {
  const padded = (valueSize + 7) & ~7;
  return padded > PER_CPU_VALUE ? [errno.E2BIG, `a per-CPU value has at most ${PER_CPU_VALUE} bytes`] : undefined;
}

/** CONFIG_NR_CPUS of the modelled kernel, as distributions for servers set it. */
const NR_CPUS = 8192;

function cpuCheck({ maxEntries }: BpfMap): readonly [number, string] | undefined {
  return maxEntries > NR_CPUS ? [errno.E2BIG, `there are at most ${NR_CPUS} CPUs`] : undefined;
}

const PORT_FLAGS = MapFlag.NUMA_NODE | MapFlag.RDONLY | MapFlag.WRONLY;
const HASH_FLAGS = COMMON | MapFlag.NO_PREALLOC | MapFlag.ZERO_SEED;
const LRU_FLAGS = COMMON | MapFlag.NO_PREALLOC | MapFlag.NO_COMMON_LRU | MapFlag.ZERO_SEED;
const ARRAY_FLAGS = COMMON | MapFlag.MMAPABLE | MapFlag.INNER_MAP;

const MAP_ROWS: Partial<Record<MapTypeName, MapRow>> = {
  HASH: { create: HashMap, flags: HASH_FLAGS, check: hashCheck },
  ARRAY: { create: ArrayMap, flags: ARRAY_FLAGS, keySize: four, check: arrayCheck },
  PROG_ARRAY: { create: ProgramArray, flags: PORT_FLAGS, keySize: four, valueSize: four, check: roomCheck },
  PERF_EVENT_ARRAY: {
    create: PerfEventArray,
    flags: PORT_FLAGS | MapFlag.PRESERVE_ELEMS,
    keySize: four,
    valueSize: four,
    check: roomCheck,
  },
  PERCPU_HASH: { create: HashMap, flags: HASH_FLAGS, check: hashCheck },
  PERCPU_ARRAY: {
    create: PerCpuArray,
    flags: ACCESS,
    keySize: four,
    check: (definition) => perCpuCheck(definition) ?? roomCheck(definition),
  },
  LRU_HASH: { create: HashMap, flags: LRU_FLAGS, before: lruCheck, check: hashCheck },
  LRU_PERCPU_HASH: { create: HashMap, flags: LRU_FLAGS, before: lruCheck, check: hashCheck },
  LPM_TRIE: { create: LpmTrie, flags: COMMON | MapFlag.NO_PREALLOC, check: lpmCheck },
  ARRAY_OF_MAPS: { create: ArrayOfMaps, flags: PORT_FLAGS, keySize: four, valueSize: four, check: roomCheck },
  HASH_OF_MAPS: { create: HashOfMaps, flags: HASH_FLAGS, valueSize: four, check: hashCheck },
  DEVMAP: { create: DevMap, flags: PORT_FLAGS, keySize: four, valueSize: [4, 8], check: roomCheck },
  CPUMAP: { create: CpuMap, flags: MapFlag.NUMA_NODE, keySize: four, valueSize: [4, 8], check: cpuCheck },
  XSKMAP: {
    create: XskMap,
    flags: PORT_FLAGS,
    keySize: four,
    valueSize: four,
    check: roomCheck,
  },
  QUEUE: { create: QueueMap, flags: COMMON, keySize: none, check: queueCheck },
  STACK: { create: QueueMap, flags: COMMON, keySize: none, check: queueCheck },
  DEVMAP_HASH: {
    create: DevHashMap,
    flags: PORT_FLAGS,
    keySize: four,
    valueSize: [4, 8],
    check: hashedPortsCheck,
  },
  RINGBUF: { create: RingBuffer, flags: MapFlag.NUMA_NODE, keySize: none, valueSize: none, check: ringCheck },
  BLOOM_FILTER: { create: BloomFilter, flags: COMMON | MapFlag.ZERO_SEED, keySize: none, check: valueCheck },
  USER_RINGBUF: { create: UserRingBuffer, flags: MapFlag.NUMA_NODE, keySize: none, valueSize: none, check: ringCheck },
};

/** Why the kernel would refuse the definition, and with which error number; undefined when it takes it. */
export function checkMapDefinition(definition: BpfMap): readonly [errno: number, problem: string] | undefined {
  const row = MAP_ROWS[mapTypeName(definition.type) as MapTypeName];
  if (!row) return [errno.EINVAL, "the type is not one of XDP"];
  const { keySize, valueSize, maxEntries, flags, extra } = definition;
  if ((flags & ~row.flags) !== 0)
    return [errno.EINVAL, `flags 0x${(flags & ~row.flags).toString(16)} do not belong here`];
  if ((extra ?? 0n) > (definition.type === MapType.BLOOM_FILTER ? 15n : 0n))
    return [errno.EINVAL, `map_extra ${extra} does not belong here`];
  const early = row.before?.(definition);
  if (early) return early;
  if (maxEntries === 0) return [errno.EINVAL, "max_entries is 0"];
  if (row.keySize ? !row.keySize.includes(keySize) : keySize === 0) return [errno.EINVAL, `key size ${keySize}`];
  if (row.valueSize ? !row.valueSize.includes(valueSize) : valueSize === 0) {
    return [errno.EINVAL, `value size ${valueSize}`];
  }
  return row.check?.(definition);
}

/** @throws XdpkitError VM_MAP_TYPE, VM_MAP_DEFINITION */
export function createMap(definition: BpfMap, host: MapHost, index: number): VmMap {
  const type = mapTypeName(definition.type);
  const row = type && MAP_ROWS[type];
  if (!row) throw xdpkitError("VM_MAP_TYPE", { name: definition.name, type: type ?? String(definition.type) });
  const complete = withDefaults(definition, host);
  const refused = checkMapDefinition(complete);
  if (refused) {
    const [number, problem] = refused;
    throw xdpkitError("VM_MAP_DEFINITION", { name: definition.name, problem, errno: errnoName(number) });
  }
  return new row.create(complete, host, index);
}

/** What libbpf fills in: a perf array without a size has one slot per CPU. */
function withDefaults(definition: BpfMap, host: MapHost): BpfMap {
  if (definition.type !== MapType.PERF_EVENT_ARRAY || definition.maxEntries !== 0) return definition;
  return { ...definition, maxEntries: host.cpus };
}
