/** QUEUE and STACK (kernel/bpf/queue_stack_maps.c): no keys; push, pop and peek copy whole values. */
import type { BpfMap } from "../../object/index.ts";
import { errno, MapType, UpdateFlag } from "../../uapi/index.ts";
import { type MapHost, VmMap } from "./map.ts";
import { Storage } from "./storage.ts";

export class QueueMap extends VmMap {
  readonly #values: Storage;
  /** Position of the oldest element in the ring of `maxEntries` places. */
  #tail = 0;
  #count = 0;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    const { name, valueSize, maxEntries } = definition;
    this.#values = new Storage(host.memory, { name: `value of map ${name}`, element: valueSize, count: maxEntries });
  }

  #at(position: number): number {
    return this.#values.address((this.#tail + position) % this.definition.maxEntries);
  }

  override push(value: number, flags: number): number {
    if (flags !== UpdateFlag.ANY && flags !== UpdateFlag.EXIST) return -errno.EINVAL;
    if (this.#count === this.definition.maxEntries) {
      if (flags !== UpdateFlag.EXIST) return -errno.E2BIG;
      this.#dropOldest();
    }
    const to = this.#at(this.#count++);
    this.host.memory.bytes.copyWithin(to, value, value + this.definition.valueSize);
    return 0;
  }

  override pop(value: number): number {
    const result = this.peek(value);
    if (result !== 0) return result;
    if (this.definition.type === MapType.QUEUE) this.#dropOldest();
    else this.#count--;
    return 0;
  }

  /** The value is zeroed when there is none. */
  override peek(value: number): number {
    const { bytes } = this.host.memory;
    const { valueSize, type } = this.definition;
    if (this.#count === 0) {
      bytes.fill(0, value, value + valueSize);
      return -errno.ENOENT;
    }
    const from = this.#at(type === MapType.QUEUE ? 0 : this.#count - 1);
    this.host.memory.bytes.copyWithin(value, from, from + valueSize);
    return 0;
  }

  #dropOldest(): void {
    this.#tail = (this.#tail + 1) % this.definition.maxEntries;
    this.#count--;
  }

  /** User space pushes by an update without a key. */
  override write(_key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.push(this.host.scratch.place(value, 1), flags);
  }

  /** User space peeks by a look-up without a key. */
  override read(): Uint8Array | number {
    return this.#take((at) => this.peek(at));
  }

  /** BPF_MAP_LOOKUP_AND_DELETE_ELEM. */
  take(): Uint8Array | number {
    return this.#take((at) => this.pop(at));
  }

  #take(operation: (at: number) => number): Uint8Array | number {
    const at = this.host.scratch.place(new Uint8Array(this.definition.valueSize), 1);
    const result = operation(at);
    return result < 0 ? result : this.host.memory.bytes.slice(at, at + this.definition.valueSize);
  }

  /** Values from the next that `pop` would give. */
  *values(): IterableIterator<Uint8Array> {
    for (let i = 0; i < this.#count; i++) {
      const from = this.#at(this.definition.type === MapType.QUEUE ? i : this.#count - 1 - i);
      yield this.host.memory.bytes.slice(from, from + this.definition.valueSize);
    }
  }

  override get size(): number {
    return this.#count;
  }
}
