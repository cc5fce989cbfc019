// xdpkit types ../objects/maps.o -o maps.types.ts: change the object and run it again, not this file.
import { readFileSync } from "node:fs";
import {
  type BloomAccess,
  type EventSource,
  Foreign,
  type ForeignCpuMap,
  type ForeignDevMap,
  type ForeignMap,
  type ForeignPerCpuMap,
  type ForeignProgramArray,
  type ForeignQueue,
  type Given,
  type MapAccess,
  type UserRingAccess,
} from "xdpkit";
import { type BpfObject, readElf } from "xdpkit/object";

/** Programs, for what takes one by its name. */
export const programs = {
  /** `SEC("xdp")` */
  touch_maps: "touch_maps",
} as const;
export type ProgramName = keyof typeof programs;

/** ARRAY, max_entries 8, key 4 bytes, value 8 bytes. */
export const array = new Foreign<ForeignMap<number, bigint>>("array");

/** HASH, max_entries 8, key 4 bytes, value 8 bytes. */
export const hash = new Foreign<ForeignMap<number, bigint>>("hash");

/** PERCPU_HASH, max_entries 8, key 4 bytes, value 8 bytes. */
export const percpu_hash = new Foreign<ForeignPerCpuMap<number, bigint>>("percpu_hash");

/** LRU_HASH, max_entries 64, key 4 bytes, value 8 bytes. */
export const lru_hash = new Foreign<ForeignMap<number, bigint>>("lru_hash");

/** LRU_PERCPU_HASH, max_entries 64, key 4 bytes, value 8 bytes. */
export const lru_percpu_hash = new Foreign<ForeignPerCpuMap<number, bigint>>("lru_percpu_hash");

/** HASH, max_entries 8, key 4 bytes, value 8 bytes. */
export const placed = new Foreign<ForeignMap<number, bigint>>("placed");

/** CPUMAP, max_entries 8, key 4 bytes, value 8 bytes. */
export const cpumap = new Foreign<ForeignCpuMap<number, ProgramName>>("cpumap");

/** PERCPU_ARRAY, max_entries 8, key 4 bytes, value 8 bytes. */
export const percpu_array = new Foreign<ForeignPerCpuMap<number, bigint>>("percpu_array");

/** DEVMAP, max_entries 8, key 4 bytes, value 4 bytes. */
export const devmap = new Foreign<ForeignDevMap<number, ProgramName>>("devmap");

/** DEVMAP_HASH, max_entries 8, key 4 bytes, value 8 bytes. */
export const devmap_hash = new Foreign<ForeignDevMap<number, ProgramName>>("devmap_hash");

/** XSKMAP, max_entries 8, key 4 bytes, value 4 bytes. */
export const xskmap = new Foreign<MapAccess<number, unknown>>("xskmap");

/** LPM_TRIE, max_entries 8, key 8 bytes, value 4 bytes. */
export const trie = new Foreign<ForeignMap<bigint, number>>("trie");

/** ARRAY, max_entries 1, key 4 bytes, value 8 bytes. */
export const pinned_by_name = new Foreign<ForeignMap<number, bigint>>("pinned_by_name");

/** PROG_ARRAY, max_entries 8, key 4 bytes, value 4 bytes. */
export const programs_ = new Foreign<ForeignProgramArray<number, ProgramName>>("programs");

/** PERF_EVENT_ARRAY, max_entries 0, key 4 bytes, value 4 bytes. Records are bytes: --record says what they are. */
export const perf = new Foreign<EventSource<Uint8Array>>("perf");

/** RINGBUF, max_entries 65536, key 0 bytes, value 0 bytes. Records are bytes: --record says what they are. */
export const ring = new Foreign<EventSource<Uint8Array>>("ring");

/** USER_RINGBUF, max_entries 65536, key 0 bytes, value 0 bytes. Records are bytes: --record says what they are. */
export const user_ring = new Foreign<UserRingAccess<Uint8Array>>("user_ring");

/** BLOOM_FILTER, max_entries 64, key 0 bytes, value 4 bytes. */
export const bloom = new Foreign<BloomAccess<Given<number>>>("bloom");

/** QUEUE, max_entries 8, key 0 bytes, value 4 bytes. */
export const queue = new Foreign<ForeignQueue<number>>("queue");

/** STACK, max_entries 8, key 0 bytes, value 4 bytes. */
export const stack = new Foreign<ForeignQueue<number>>("stack");

/** The object. */
export function object(): BpfObject {
  const file = new URL("../objects/maps.o", import.meta.url);
  return readElf(readFileSync(file), { name: "maps.o" });
}
