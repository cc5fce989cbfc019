/** The machine's maps. */
export { ArrayMap } from "./array.ts";
export { BloomFilter } from "./bloom-filter.ts";
export { checkMapDefinition, createMap } from "./create.ts";
export { type MapHost, Scratch, VmMap } from "./map.ts";
export { QueueMap } from "./queue.ts";
export { RingBuffer, UserRingBuffer } from "./ring-buffer.ts";
export {
  ArrayOfMaps,
  CpuMap,
  DevHashMap,
  DevMap,
  HashOfMaps,
  PerfEventArray,
  ProgramArray,
  type Target,
  TargetMap,
  XskMap,
} from "./targets.ts";
