/**
 * Maps through bpf(2): create, look up, update, delete, walk. Offsets are those of union bpf_attr.
 *
 * A map keeps one key buffer, one value buffer and the attribute blocks that name them: a lookup is one system call and
 * nothing else. Invariant: calls are synchronous, so nobody sees the buffers change but through `read`.
 */
import { alignUp, xdpkitError } from "../base/index.ts";
import type { BpfMap } from "../object/index.ts";
import { errno, PER_CPU_MAP_TYPES } from "../uapi/index.ts";
import { Descriptor } from "./descriptor.ts";
import { type Batch, batchesOf, type EntryBytes, tryBatch } from "./map-batch.ts";
import { mapError } from "./map-errors.ts";
import { attributes, BpfCommand, bpf, PreparedCall, tryBpf } from "./syscall.ts";

/** Bytes of the attributes that a command on one element reads; it refuses what follows unless it is zero. */
const ELEMENT_BYTES = 32;
const DELETE_BYTES = 16;
const NEXT_KEY_BYTES = 24;
const SHORT_BYTES = 32;

interface Element {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly call: PreparedCall;
}

/** A map of the kernel. Per-CPU maps have one value per possible CPU, each padded to 8 bytes. */
export class KernelMap extends Descriptor {
  /** As it was created. */
  readonly definition: BpfMap;
  /** Whether it has a value for each processor. */
  readonly perCpu: boolean;
  /** Bytes of a value as user space sees it. */
  readonly valueBytes: number;
  readonly #owned: Disposable[] = [];
  #lazyElement: Element | undefined;
  #lazyNext: { readonly key: Uint8Array; readonly call: PreparedCall } | undefined;

  /** `cpus`: the possible ones, of which a per-CPU map has a value each. */
  constructor(fd: number, definition: BpfMap, cpus: number) {
    const { type, valueSize } = definition;
    super(fd);
    this.definition = definition;
    this.perCpu = PER_CPU_MAP_TYPES.includes(type);
    this.valueBytes = this.perCpu ? alignUp(valueSize, 8) * cpus : valueSize;
  }

  /** A copy of the value, or undefined when the key is absent. @throws XdpkitError KERNEL_MAP_OPERATION, VALUE_SIZE */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.read(key)?.slice();
  }

  /** As `get`, without the copy: the bytes are the map's own and change with its next call. */
  read(key: Uint8Array): Uint8Array | undefined {
    const { call, value } = this.#element(key);
    const result = call.run(BpfCommand.MapLookup);
    if (result === 0) return value;
    if (result === -errno.ENOENT) return undefined;
    throw mapError(this, "lookup", result);
  }

  /** The map's own key and value: `read` and `trySet` with them copy nothing. */
  get buffers(): { readonly key: Uint8Array; readonly value: Uint8Array } {
    return (this.#lazyElement ??= this.#prepare());
  }

  /** 0 or a negative error number. `flags` are BPF_NOEXIST, BPF_EXIST, BPF_F_LOCK. @throws XdpkitError VALUE_SIZE */
  trySet(key: Uint8Array, value: Uint8Array, flags = 0): number {
    const { call } = this.#element(key, value);
    if (flags === 0) return call.run(BpfCommand.MapUpdate);
    call.u32(24, flags);
    const result = call.run(BpfCommand.MapUpdate);
    call.u32(24, 0);
    return result;
  }

  /** 0 or a negative error number. @throws XdpkitError VALUE_SIZE */
  tryDelete(key: Uint8Array): number {
    return this.#element(key).call.run(BpfCommand.MapDelete, DELETE_BYTES);
  }

  /**
   * Takes the value away (hash maps since Linux 5.14): a copy, or the negative error number. Queues and stacks have no keys
   * and give the next value (4.20).
   */
  tryTake(key: Uint8Array = NONE): Uint8Array | number {
    const { call, value } = this.#element(key);
    const result = call.run(BpfCommand.MapLookupAndDelete);
    return result < 0 ? result : value.slice();
  }

  /** QUEUE, STACK: takes the next value; undefined when there is none. */
  pop(): Uint8Array | undefined {
    const value = this.tryTake();
    return typeof value === "number" ? undefined : value;
  }

  /** BLOOM_FILTER: 0 when the value may be there, -ENOENT when it is not. */
  tryHas(value: Uint8Array): number {
    return this.#element(NONE, value).call.run(BpfCommand.MapLookup);
  }

  /** Keys in the kernel's order. A key that is deleted before the walk has passed it makes the walk begin anew. */
  *keys(): Generator<Uint8Array> {
    for (let key = this.#nextKey(undefined); key; key = this.#nextKey(key)) yield key;
  }

  /**
   * All entries, about `size` at a time, with one system call each where the type can (Linux 5.6 for hashes, 5.8 for
   * arrays); others are walked. What a step yields is overwritten by the second step after it. Entries that it has yielded
   * may be deleted on the way.
   *
   * @throws XdpkitError KERNEL_MAP_OPERATION; KERNEL_MAP_WALK when others delete so much that a walk does not end
   */
  batches(size?: number): Generator<Batch> {
    return batchesOf(this, { ...(size === undefined ? {} : { size }), take: false });
  }

  /** As `batches`, and takes the entries away: those of a batch are gone when it is yielded. Hash maps. */
  takeBatches(size?: number): Generator<Batch> {
    return batchesOf(this, { ...(size === undefined ? {} : { size }), take: true });
  }

  /**
   * Sets `keys.length / keySize` entries with one system call, or one each where the type has no batches or `flags` is not
   * 0. `done` of them are set; `result` is 0 or the negative error number of the one behind. @throws XdpkitError VALUE_SIZE
   */
  trySetAll(keys: Uint8Array, values: Uint8Array, flags = 0): { readonly done: number; readonly result: number } {
    const { keySize, name } = this.definition;
    const need = (keys.length / keySize) * this.valueBytes;
    if (values.length !== need) throw xdpkitError("VALUE_SIZE", { name, what: "value", need, have: values.length });
    const one = (key: Uint8Array, value: Uint8Array): number => this.trySet(key, value, flags);
    return tryBatch(this, flags === 0 ? BpfCommand.MapUpdateBatch : undefined, { keys, values }, one);
  }

  /** Deletes; as `trySetAll`. */
  tryDeleteAll(keys: Uint8Array): { readonly done: number; readonly result: number } {
    const entries: EntryBytes = { keys, values: NONE };
    return tryBatch(this, BpfCommand.MapDeleteBatch, entries, (key) => this.tryDelete(key));
  }

  /** No more writes from user space (Linux 5.2). @throws XdpkitError KERNEL_CALL */
  freeze(): void {
    bpf(BpfCommand.MapFreeze, attributes().u32(0, this.fd), "BPF_MAP_FREEZE");
  }

  /** Disposes of `thing` (a reader, a mapping) before the map is closed. */
  own<T extends Disposable>(thing: T): T {
    this.#owned.push(thing);
    return thing;
  }

  override [Symbol.dispose](): void {
    for (const thing of this.#owned.splice(0)) thing[Symbol.dispose]();
    super[Symbol.dispose]();
    for (const one of [this.#lazyElement, this.#lazyNext]) one?.call.u32(0, this.fd);
  }

  #element(key: Uint8Array, value?: Uint8Array): Element {
    const element = (this.#lazyElement ??= this.#prepare());
    this.#put(element.key, key, "key");
    if (value) this.#put(element.value, value, "value");
    return element;
  }

  #prepare(): Element {
    const key = new Uint8Array(this.definition.keySize);
    const value = new Uint8Array(this.valueBytes);
    const call = new PreparedCall(ELEMENT_BYTES).u32(0, this.fd).pointer(8, key).pointer(16, value);
    return { key, value, call };
  }

  #put(own: Uint8Array, given: Uint8Array, what: "key" | "value"): void {
    if (given.length !== own.length) {
      const { name } = this.definition;
      throw xdpkitError("VALUE_SIZE", { name, what, need: own.length, have: given.length });
    }
    if (own === given) return;
    // Uint8Array.set costs more than a short loop.
    if (given.length > SHORT_BYTES) own.set(given);
    else for (let at = 0; at < given.length; at++) own[at] = given[at]!;
  }

  #nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const { key: own } = (this.#lazyElement ??= this.#prepare());
    const next = (this.#lazyNext ??= this.#prepareNext(own));
    if (key) own.set(key);
    const result = key ? next.call.run(BpfCommand.MapNextKey, NEXT_KEY_BYTES) : this.#firstKey(next.key);
    if (result === -errno.ENOENT) return undefined;
    if (result < 0) throw mapError(this, "a walk of its keys", result);
    return next.key.slice();
  }

  #prepareNext(own: Uint8Array) {
    const key = new Uint8Array(this.definition.keySize);
    return { key, call: new PreparedCall(NEXT_KEY_BYTES).u32(0, this.fd).pointer(8, own).pointer(16, key) };
  }

  #firstKey(key: Uint8Array): number {
    return tryBpf(BpfCommand.MapNextKey, attributes().u32(0, this.fd).pointer(16, key));
  }
}

const NONE = new Uint8Array(0);

/** The descriptor, or a negative error number. */
export function tryCreateMap(
  definition: BpfMap,
  innerFd = 0,
  btf?: { fd: number; key: number; value: number },
): number {
  const filled = attributes()
    .u32(0, definition.type)
    .u32(4, definition.keySize)
    .u32(8, definition.valueSize)
    .u32(12, definition.maxEntries)
    .u32(16, definition.flags)
    .u32(20, innerFd)
    .u32(24, definition.numaNode ?? 0)
    .name(28, definition.name);
  if (btf) filled.u32(48, btf.fd).u32(52, btf.key).u32(56, btf.value);
  return tryBpf(BpfCommand.MapCreate, filled.u64(64, definition.extra ?? 0n));
}
