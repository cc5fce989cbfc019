/**
 * What every map of the machine is: storage in linear memory, the operations of programs, the operations of user space.
 *
 * Programs pass addresses of keys and values and get an address or a negative error number back, as the kernel's map
 * operations do (include/linux/bpf.h, struct bpf_map_ops). User space passes bytes. Invariant: an operation that fails
 * changes nothing.
 */
import type { BpfMap } from "../../object/index.ts";
import { errno, MapFlag, mapTypeName, UpdateFlag } from "../../uapi/index.ts";
import type { Cpu } from "../cpu.ts";
import type { Memory, Region } from "../memory.ts";

/** What maps need of the machine. */
export interface MapHost {
  readonly memory: Memory;
  readonly core: Cpu;
  /** Simulated CPUs. */
  readonly cpus: number;
  /** The CPU that runs the current program. */
  readonly cpu: number;
  /** A key and a value of user space are laid here for operations that work on addresses. */
  readonly scratch: Scratch;
}

/** Memory that user-space operations copy keys and values into. */
export class Scratch {
  readonly #memory: Memory;
  #region: Region | undefined;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Address of `bytes` (at `slot` 0 or 1); valid until the next call with the same slot. */
  place(bytes: Uint8Array, slot: 0 | 1): number {
    const half = this.#region === undefined ? 0 : this.#region.size / 2;
    if (this.#region === undefined || bytes.length > half) {
      const size = 2 ** Math.ceil(Math.log2(Math.max(bytes.length, 4096))) * 2;
      const old =
        slot === 1 && this.#region
          ? this.#memory.bytes.slice(this.#region.start, this.#region.start + half)
          : undefined;
      this.#region = this.#memory.allocate({ kind: "scratch", name: "scratch", size });
      if (old) this.#memory.bytes.set(old, this.#region.start);
    }
    const address = this.#region.start + (slot === 0 ? 0 : this.#region.size / 2);
    this.#memory.bytes.set(bytes, address);
    return address;
  }

  /** The first place, when the second has moved the region. */
  get first(): number {
    return this.#region?.start ?? 0;
  }
}

/** sizeof(struct bpf_spin_lock). */
const LOCK_BYTES = 4;

/** BPF_F_LOCK apart from the mode of an update; flags have 64 bits, more than `&` knows. */
export function updateMode(flags: number): { readonly mode: number; readonly locked: boolean } {
  const locked = Math.floor(flags / UpdateFlag.LOCK) % 2 === 1;
  return { mode: locked ? flags - UpdateFlag.LOCK : flags, locked };
}

export abstract class VmMap {
  readonly definition: BpfMap;
  readonly host: MapHost;
  /** Its number in the machine: the handle in programs. */
  readonly index: number;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    this.definition = definition;
    this.host = host;
    this.index = index;
  }

  /** Where the value has its `bpf_spin_lock`, bytes from its start; undefined when it has none. */
  lockOffset: number | undefined;

  get name(): string {
    return this.definition.name;
  }
  get typeName(): string {
    return mapTypeName(this.definition.type) ?? `type ${this.definition.type}`;
  }
  /** True when user space sees one value per CPU, each padded to 8 bytes. */
  get perCpu(): boolean {
    return false;
  }
  get readOnlyForPrograms(): boolean {
    return (this.definition.flags & MapFlag.RDONLY_PROG) !== 0;
  }

  // For programs.

  /** Address of the value of the key at `key`, or 0. */
  lookup(_key: number): number {
    return 0;
  }
  lookupOnCpu(_key: number, _cpu: number): number {
    return 0;
  }
  update(_key: number, _value: number, _flags: number): number {
    return -errno.EOPNOTSUPP;
  }
  delete(_key: number): number {
    return -errno.EOPNOTSUPP;
  }
  push(_value: number, _flags: number): number {
    return -errno.EOPNOTSUPP;
  }
  pop(_value: number): number {
    return -errno.EOPNOTSUPP;
  }
  peek(_value: number): number {
    return -errno.EOPNOTSUPP;
  }
  /**
   * Addresses of each element's key and value for `bpf_for_each_map_elem`; undefined where the kernel has none. Walks on
   * different levels (call frames, 0 to 7) do not disturb each other.
   */
  elements(_level: number): Iterator<readonly [key: number, value: number]> | undefined {
    return undefined;
  }

  /** Copies a whole value but for its lock (copy_map_value). */
  protected copyValue(to: number, from: number): void {
    const { bytes } = this.host.memory;
    const { valueSize } = this.definition;
    const { lockOffset } = this;
    if (lockOffset === undefined) {
      bytes.copyWithin(to, from, from + valueSize);
      return;
    }
    bytes.copyWithin(to, from, from + lockOffset);
    bytes.copyWithin(to + lockOffset + LOCK_BYTES, from + lockOffset + LOCK_BYTES, from + valueSize);
  }

  // For user space: bytes in, bytes out.

  /** A copy of the value, one padded value per CPU for per-CPU maps; an error number when there is none. */
  read(key: Uint8Array): Uint8Array | number {
    const address = this.lookup(this.host.scratch.place(key, 0));
    if (address === 0) return -errno.ENOENT;
    return this.host.memory.bytes.slice(address, address + this.definition.valueSize);
  }

  /** 0 or a negative error number. */
  write(key: Uint8Array, value: Uint8Array, flags: number): number {
    this.host.scratch.place(key, 0);
    const valueAddress = this.host.scratch.place(value, 1);
    return this.update(this.host.scratch.first, valueAddress, flags);
  }

  remove(key: Uint8Array): number {
    return this.delete(this.host.scratch.place(key, 0));
  }

  /** Keys in the order of BPF_MAP_GET_NEXT_KEY. */
  *keys(): IterableIterator<Uint8Array> {}

  get size(): number {
    let count = 0;
    for (const _ of this.keys()) count++;
    return count;
  }
}

/** Bytes of a value as user space sees it in a per-CPU map. */
export const paddedValueSize = (definition: BpfMap): number => (definition.valueSize + 7) & ~7;
