/**
 * Maps whose values are things of the machine, not bytes: programs, interfaces, CPUs, sockets, event readers, maps.
 *
 * DEVMAP, DEVMAP_HASH (kernel/bpf/devmap.c), CPUMAP (cpumap.c), XSKMAP (net/xdp/xskmap.c), PROG_ARRAY,
 * PERF_EVENT_ARRAY (arraymap.c), ARRAY_OF_MAPS and HASH_OF_MAPS (map_in_map.c). Invariant: programs only read them.
 */
import type { BpfMap } from "../../object/index.ts";
import { errno, UpdateFlag } from "../../uapi/index.ts";
import { indexKeys } from "./array.ts";
import { type MapHost, VmMap } from "./map.ts";
import { Storage } from "./storage.ts";

/** A map from 32-bit numbers to things that user space sets; `T` is what a slot holds. */
export abstract class TargetMap<T> extends VmMap {
  readonly slots = new Map<number, T>();

  /** Indexed by position: numbers at or above `maxEntries` do not exist. DEVMAP_HASH takes any number. */
  get indexed(): boolean {
    return true;
  }

  /** Arrays of descriptors take no flags (bpf_fd_array_map_update_elem). */
  get anyOnly(): boolean {
    return false;
  }

  slot(index: number): T | undefined {
    return this.slots.get(index >>> 0);
  }

  /** 0 or a negative error number. */
  setSlot(index: number, target: T, flags: number = UpdateFlag.ANY): number {
    if (flags > (this.anyOnly ? UpdateFlag.ANY : UpdateFlag.EXIST)) return -errno.EINVAL;
    if (this.indexed) {
      if (index >= this.definition.maxEntries) return -errno.E2BIG;
      if (flags === UpdateFlag.NOEXIST) return -errno.EEXIST;
    } else if (!this.slots.has(index)) {
      // BPF_EXIST does not ask whether it exists (__dev_map_hash_update_elem).
      if (this.slots.size >= this.definition.maxEntries) return -errno.E2BIG;
    } else if (flags === UpdateFlag.NOEXIST) return -errno.EEXIST;
    this.slots.set(index, target);
    return 0;
  }

  clearSlot(index: number): number {
    if (this.slots.delete(index)) return 0;
    if (!this.indexed) return -errno.ENOENT;
    if (index < this.definition.maxEntries) return this.missing;
    return this.anyOnly ? -errno.E2BIG : -errno.EINVAL;
  }

  /** What deleting an empty slot of an indexed map answers. */
  get missing(): number {
    return 0;
  }

  override remove(key: Uint8Array): number {
    return this.clearSlot(new DataView(key.buffer, key.byteOffset).getUint32(0, true));
  }

  override *keys(): IterableIterator<Uint8Array> {
    if (this.indexed) yield* indexKeys(this.definition.maxEntries);
    else for (const index of this.slots.keys()) yield new Uint8Array(Uint32Array.of(index).buffer);
  }

  override get size(): number {
    return this.slots.size;
  }
}

/** What a DEVMAP or CPUMAP slot names. Values lie in memory too, since programs may look at them. */
export interface Target {
  /** Interface index, or queue size of a CPU. */
  readonly number: number;
  /** Name of the `xdp/devmap` or `xdp/cpumap` program that runs there. */
  readonly program?: string;
}

/** `struct bpf_devmap_val` and `struct bpf_cpumap_val`: a number, then a program's id for programs to read. */
abstract class ValuedTargetMap extends TargetMap<Target> {
  readonly #values: Storage;
  readonly #elements = new Map<number, number>();
  /** Numbers of programs as a look-up shows them; set by the machine. */
  programId: (name: string) => number = () => 0;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    const { name, valueSize, maxEntries } = definition;
    this.#values = new Storage(host.memory, {
      name: `value of map ${name}`,
      element: valueSize,
      count: maxEntries,
      readOnly: true,
    });
  }

  override lookup(key: number): number {
    const index = this.host.memory.view.getUint32(key, true);
    const target = this.slot(index);
    if (!target) return 0;
    let element = this.#elements.get(index);
    if (element === undefined) this.#elements.set(index, (element = this.#elements.size));
    const at = this.#values.address(element);
    this.host.memory.view.setUint32(at, target.number, true);
    if (this.definition.valueSize >= 8) {
      this.host.memory.view.setUint32(at + 4, target.program === undefined ? 0 : this.programId(target.program), true);
    }
    return at;
  }

  override write(key: Uint8Array, value: Uint8Array, flags: number): number {
    const view = new DataView(value.buffer, value.byteOffset);
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    const number = view.getUint32(0, true);
    if (number === 0) return this.emptyValue(index);
    return this.setSlot(index, { number }, flags);
  }

  /** A value of 0: devmap clears the slot, others refuse it. */
  protected abstract emptyValue(index: number): number;

  override read(key: Uint8Array): Uint8Array | number {
    const target = this.slot(new DataView(key.buffer, key.byteOffset).getUint32(0, true));
    if (!target) return -errno.ENOENT;
    const value = new Uint8Array(this.definition.valueSize);
    const view = new DataView(value.buffer);
    view.setUint32(0, target.number, true);
    if (value.length >= 8 && target.program !== undefined) view.setUint32(4, this.programId(target.program), true);
    return value;
  }
}

export class DevMap extends ValuedTargetMap {
  protected override emptyValue(index: number): number {
    if (index >= this.definition.maxEntries) return -errno.E2BIG;
    this.clearSlot(index);
    return 0;
  }
}

export class DevHashMap extends ValuedTargetMap {
  override get indexed(): boolean {
    return false;
  }
  protected override emptyValue(): number {
    return -errno.EINVAL;
  }
}

export class CpuMap extends ValuedTargetMap {
  override get missing(): number {
    return 0;
  }
  protected override emptyValue(index: number): number {
    if (index >= this.definition.maxEntries) return -errno.E2BIG;
    this.clearSlot(index);
    return 0;
  }
}

/** Sockets are names here: an AF_XDP socket needs a kernel. A look-up gives an address that is not null. */
export class XskMap extends TargetMap<string> {
  #socket = 0;

  /** Slots come and go, so all modes mean something (xsk_map_update_elem). */
  override setSlot(index: number, target: string, flags: number = UpdateFlag.ANY): number {
    const exists = this.slots.has(index);
    if (flags <= UpdateFlag.EXIST && index < this.definition.maxEntries) {
      if (exists && flags === UpdateFlag.NOEXIST) return -errno.EEXIST;
      if (!exists && flags === UpdateFlag.EXIST) return -errno.ENOENT;
    }
    return super.setSlot(index, target, flags === UpdateFlag.NOEXIST ? UpdateFlag.ANY : flags);
  }

  override lookup(key: number): number {
    if (this.slot(this.host.memory.view.getUint32(key, true)) === undefined) return 0;
    this.#socket ||= this.host.memory.allocate({
      kind: "data",
      name: "struct xdp_sock",
      size: 64,
      readOnly: true,
    }).start;
    return this.#socket;
  }
}

/** Values are names of programs of the same machine. */
export class ProgramArray extends TargetMap<string> {
  override get anyOnly(): boolean {
    return true;
  }
  override get missing(): number {
    return -errno.ENOENT;
  }
}

export interface PerfEvent {
  readonly cpu: number;
  readonly data: Uint8Array;
}

/** One buffer per CPU. Every slot has a reader from the start, unless `close` took it away. */
export class PerfEventArray extends TargetMap<true> {
  readonly events: PerfEvent[] = [];
  /** Records that found the buffer full. */
  lost = 0;
  /** Most records that wait to be read. */
  capacity = 65536;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    for (let cpu = 0; cpu < Math.min(definition.maxEntries, host.cpus); cpu++) this.slots.set(cpu, true);
  }

  override get anyOnly(): boolean {
    return true;
  }
  override get missing(): number {
    return -errno.ENOENT;
  }

  /** 0 or a negative error number. */
  output(cpu: number, data: Uint8Array): number {
    if (cpu >= this.definition.maxEntries) return -errno.E2BIG;
    if (!this.slots.has(cpu)) return -errno.ENOENT;
    if (this.events.length >= this.capacity) {
      this.lost++;
      return -errno.ENOSPC;
    }
    this.events.push({ cpu, data });
    return 0;
  }

  /** Takes all records. */
  drain(): PerfEvent[] {
    return this.events.splice(0);
  }
}

/** ARRAY_OF_MAPS: a look-up gives the inner map's handle. */
export class ArrayOfMaps extends TargetMap<VmMap> {
  handle: (map: VmMap) => number = () => 0;

  override get anyOnly(): boolean {
    return true;
  }
  override get missing(): number {
    return -errno.ENOENT;
  }
  override lookup(key: number): number {
    const inner = this.slot(this.host.memory.view.getUint32(key, true));
    return inner ? this.handle(inner) : 0;
  }
}

/** HASH_OF_MAPS: keys are any bytes, one character each here. */
export class HashOfMaps extends VmMap {
  readonly inner = new Map<string, VmMap>();
  handle: (map: VmMap) => number = () => 0;

  #key(bytes: Uint8Array): string {
    return String.fromCharCode(...bytes);
  }

  override lookup(key: number): number {
    const bytes = this.host.memory.bytes.subarray(key, key + this.definition.keySize);
    const map = this.inner.get(this.#key(bytes));
    return map ? this.handle(map) : 0;
  }

  get(key: Uint8Array): VmMap | undefined {
    return this.inner.get(this.#key(key));
  }

  set(key: Uint8Array, map: VmMap, flags: number): number {
    const name = this.#key(key);
    const exists = this.inner.has(name);
    if (flags > UpdateFlag.EXIST) return -errno.EINVAL;
    if (exists && flags === UpdateFlag.NOEXIST) return -errno.EEXIST;
    if (!exists && flags === UpdateFlag.EXIST) return -errno.ENOENT;
    if (!exists && this.inner.size >= this.definition.maxEntries) return -errno.E2BIG;
    this.inner.set(name, map);
    return 0;
  }

  override remove(key: Uint8Array): number {
    return this.inner.delete(this.#key(key)) ? 0 : -errno.ENOENT;
  }

  override *keys(): IterableIterator<Uint8Array> {
    for (const name of this.inner.keys()) yield Uint8Array.from(name, (letter) => letter.charCodeAt(0));
  }

  override get size(): number {
    return this.inner.size;
  }
}
