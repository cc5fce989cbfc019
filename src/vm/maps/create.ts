/**
 * Creating maps: a class for each type of the table of map rules (src/uapi/map-rules.ts).
 *
 * A definition that the kernel refuses is refused here with the same error number.
 */
import { xdpkitError } from "../../base/index.ts";
import { type Btf, type SpecialField, specialFields } from "../../btf/index.ts";
import type { BpfMap } from "../../object/index.ts";
import {
  errnoName,
  isMapField,
  type MapFieldName,
  type MapRefusal,
  MapType,
  type MapTypeName,
  mapTypeName,
  refusedFields,
  refusedMap,
  ringBufferSize,
} from "../../uapi/index.ts";
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

const CLASSES: Partial<Record<MapTypeName, MapClass>> = {
  HASH: HashMap,
  ARRAY: ArrayMap,
  PROG_ARRAY: ProgramArray,
  PERF_EVENT_ARRAY: PerfEventArray,
  PERCPU_HASH: HashMap,
  PERCPU_ARRAY: PerCpuArray,
  LRU_HASH: HashMap,
  LRU_PERCPU_HASH: HashMap,
  LPM_TRIE: LpmTrie,
  ARRAY_OF_MAPS: ArrayOfMaps,
  HASH_OF_MAPS: HashOfMaps,
  DEVMAP: DevMap,
  CPUMAP: CpuMap,
  XSKMAP: XskMap,
  QUEUE: QueueMap,
  STACK: QueueMap,
  DEVMAP_HASH: DevHashMap,
  RINGBUF: RingBuffer,
  BLOOM_FILTER: BloomFilter,
  USER_RINGBUF: UserRingBuffer,
};

/** Why the kernel would refuse the definition; undefined when it takes it. What is allocated whole must fit into the machine. */
export const checkMapDefinition = (definition: BpfMap): MapRefusal | undefined =>
  refusedMap(definition, { memory: MEMORY_LIMIT });

/** @throws XdpkitError VM_MAP_TYPE, VM_MAP_DEFINITION */
export function createMap(definition: BpfMap, host: MapHost, index: number, btf?: Btf): VmMap {
  const type = mapTypeName(definition.type);
  const create = type && CLASSES[type];
  if (!create) throw xdpkitError("VM_MAP_TYPE", { name: definition.name, type: type ?? String(definition.type) });
  const complete = withDefaults(definition, host);
  const fields = fieldsIn(complete, btf);
  const refused =
    checkMapDefinition(complete) ??
    refusedFields(
      complete,
      fields.map(({ name }) => name as MapFieldName),
    );
  if (refused) {
    const problem = `${refused.field} ${refused.rule}`;
    throw xdpkitError("VM_MAP_DEFINITION", { name: definition.name, problem, errno: errnoName(refused.errno) });
  }
  const map = new create(complete, host, index);
  map.lockOffset = fields.find(({ name }) => name === "bpf_spin_lock")?.offset;
  return map;
}

function fieldsIn({ valueType }: BpfMap, btf: Btf | undefined): SpecialField[] {
  return btf && valueType !== undefined ? specialFields(btf, valueType, isMapField) : [];
}

/** What libbpf fills in: a perf array without a size has one slot per CPU, and ring buffers are of whole pages. */
function withDefaults(definition: BpfMap, host: MapHost): BpfMap {
  const { type, maxEntries } = definition;
  if (type === MapType.PERF_EVENT_ARRAY && maxEntries === 0) return { ...definition, maxEntries: host.cpus };
  const isRing = type === MapType.RINGBUF || type === MapType.USER_RINGBUF;
  return isRing ? { ...definition, maxEntries: ringBufferSize(maxEntries) } : definition;
}
