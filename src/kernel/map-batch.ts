/**
 * Many entries with one system call (kernel/bpf/hashtab.c, generic_map_*_batch of kernel/bpf/syscall.c), and the walk for
 * types that have no batches.
 *
 * The kernel keeps the place of a walk in a token: the bucket of a hash, elsewhere the last key. Invariant: a walk is one
 * batch ahead of whoever consumes it, so that deleting what was seen never takes the token away.
 */
import { xdpkitError } from "../base/index.ts";
import type { BpfMap } from "../object/index.ts";
import { errno, MapType } from "../uapi/index.ts";
import { mapError } from "./map-errors.ts";
import { attributes, BpfCommand, tryBpf } from "./syscall.ts";

/** What a walk needs of a map. */
export interface EntryMap {
  readonly fd: number;
  readonly definition: BpfMap;
  /** Bytes of a value as user space sees it. */
  readonly valueBytes: number;
  keys(): Generator<Uint8Array>;
  read(key: Uint8Array): Uint8Array | undefined;
  tryTake(key: Uint8Array): Uint8Array | number;
  tryDelete(key: Uint8Array): number;
}

/** Keys and values, each one after the other. */
export interface EntryBytes {
  /** Keys, one after the other. */
  readonly keys: Uint8Array;
  /** Values, one after the other; of per-CPU maps those of all processors, 8 bytes aligned. */
  readonly values: Uint8Array;
}

/** Elements that one call has read. */
export interface Batch extends EntryBytes {
  /** Elements. */
  readonly count: number;
}

/** Bytes of keys and values of a batch when nobody says how many entries it has. */
const BATCH_BYTES = 1 << 20;
/** A hash keeps the bucket's number in the token, an array or trie a key. */
const LEAST_TOKEN = 8;

const isMissing = (result: number): boolean =>
  result === -errno.ENOTSUPP || result === -errno.EOPNOTSUPP || result === -errno.EINVAL;

interface BatchOptions {
  /** Entries. */
  readonly size?: number;
  readonly take: boolean;
}

export function batchesOf(map: EntryMap, { size = defaultSize(map), take }: BatchOptions): Generator<Batch> {
  const command = take ? BpfCommand.MapLookupAndDeleteBatch : BpfCommand.MapLookupBatch;
  const entries = Math.max(1, Math.min(size, map.definition.maxEntries));
  const walk = byBatch(map, command, entries, take ? () => taken(map, entries) : () => walked(map, entries));
  return take ? walk : bounded(map, ahead(walk));
}

/** Buckets end; a walk from key to key begins anew when its key is gone, and might never end. */
function* bounded(map: EntryMap, batches: Generator<Batch>): Generator<Batch> {
  const { type, maxEntries, name } = map.definition;
  let seen = 0;
  for (const batch of batches) {
    seen += batch.count;
    if (seen > 2 * maxEntries && !HASHES.includes(type))
      throw xdpkitError("KERNEL_MAP_WALK", { map: name, maxEntries });
    yield batch;
  }
}

function defaultSize({ definition, valueBytes }: EntryMap): number {
  return Math.max(16, Math.floor(BATCH_BYTES / (definition.keySize + valueBytes)));
}

/** The same items, each fetched before the one in front of it is given away. */
function* ahead<T>(items: Iterator<T>): Generator<T> {
  for (let next = items.next(); !next.done; ) {
    const { value } = next;
    next = items.next();
    yield value;
  }
}

function* byBatch(map: EntryMap, command: number, size: number, without: () => Generator<Batch>): Generator<Batch> {
  const tokenBytes = Math.max(LEAST_TOKEN, map.definition.keySize);
  let token: Uint8Array | undefined;
  let nextToken: Uint8Array = new Uint8Array(tokenBytes);
  let room = [bufferOf(map, size), bufferOf(map, size)] as const;
  let entries = size;
  for (let turn = 0; ; turn ^= 1) {
    const { keys, values } = room[turn as 0 | 1];
    const { result, count } = callBatch(map, command, { keys, values }, entries, token, nextToken);
    if (isMissing(result) && !token) return yield* without();
    if (result === -errno.ENOSPC) {
      // One bucket of the hash holds more than fits.
      entries *= 2;
      room = [bufferOf(map, entries), bufferOf(map, entries)];
      continue;
    }
    if (result < 0 && result !== -errno.ENOENT) throw mapError(map, "lookup", result);
    if (count > 0) yield portion(map, keys, values, count);
    if (result === -errno.ENOENT) return;
    [token, nextToken] = [nextToken, token ?? new Uint8Array(tokenBytes)];
  }
}

function bufferOf({ definition, valueBytes }: EntryMap, entries: number): EntryBytes {
  return { keys: new Uint8Array(entries * definition.keySize), values: new Uint8Array(entries * valueBytes) };
}

function portion(map: EntryMap, keys: Uint8Array, values: Uint8Array, count: number): Batch {
  const { keySize } = map.definition;
  return { count, keys: keys.subarray(0, count * keySize), values: values.subarray(0, count * map.valueBytes) };
}

/** Offsets of `struct { … } batch` in union bpf_attr. */
function callBatch(
  map: EntryMap,
  command: number,
  { keys, values }: EntryBytes,
  count: number,
  token?: Uint8Array,
  nextToken?: Uint8Array,
): { readonly result: number; readonly count: number } {
  const filled = attributes()
    .pointer(0, token)
    .pointer(8, nextToken)
    .pointer(16, keys)
    .pointer(24, values)
    .u32(32, count)
    .u32(36, map.fd);
  const result = tryBpf(command, filled);
  return { result, count: filled.view.getUint32(32, true) };
}

/** Entries by BPF_MAP_GET_NEXT_KEY and BPF_MAP_LOOKUP_ELEM; empty slots of program and device maps are left out. */
function* walked(map: EntryMap, size: number): Generator<Batch> {
  const { keySize } = map.definition;
  let batch = bufferOf(map, size);
  let count = 0;
  for (const key of map.keys()) {
    const value = map.read(key);
    if (!value) continue;
    batch.keys.set(key, count * keySize);
    batch.values.set(value, count * map.valueBytes);
    if (++count < size) continue;
    yield portion(map, batch.keys, batch.values, count);
    [batch, count] = [bufferOf(map, size), 0];
  }
  if (count > 0) yield portion(map, batch.keys, batch.values, count);
}

/** Takes what the walk has found: with the value as it was when it went, where the type can give that. */
function* taken(map: EntryMap, size: number): Generator<Batch> {
  const { keySize } = map.definition;
  for (const { keys, values, count } of ahead(walked(map, size))) {
    for (let at = 0; at < count; at++) {
      const key = keys.subarray(at * keySize, (at + 1) * keySize);
      const value = HASHES.includes(map.definition.type) ? map.tryTake(key) : -errno.EOPNOTSUPP;
      if (typeof value !== "number") values.set(value, at * map.valueBytes);
      else map.tryDelete(key);
    }
    yield { keys, values, count };
  }
}

/** Types whose batches go by bucket, with BPF_MAP_LOOKUP_AND_DELETE_ELEM by key. */
const HASHES: readonly number[] = [MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH];

/** Runs a batch that changes entries, or `one` per entry where there is no such command for the map. */
export function tryBatch(
  map: EntryMap,
  command: number | undefined,
  entries: EntryBytes,
  one: (key: Uint8Array, value: Uint8Array) => number,
): { readonly done: number; readonly result: number } {
  const { keySize } = map.definition;
  const total = entries.keys.length / keySize;
  if (total === 0) return { done: 0, result: 0 };
  if (command !== undefined) {
    const { result, count } = callBatch(map, command, entries, total);
    // What is refused as a whole leaves the count as it was.
    const done = result < 0 && count === total ? 0 : count;
    if (!isMissing(result)) return { done, result };
  }
  for (let done = 0; done < total; done++) {
    const value = entries.values.subarray(done * map.valueBytes, (done + 1) * map.valueBytes);
    const result = one(entries.keys.subarray(done * keySize, (done + 1) * keySize), value);
    if (result < 0) return { done, result };
  }
  return { done: total, result: 0 };
}
