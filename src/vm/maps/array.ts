/**
 * ARRAY and PERCPU_ARRAY (kernel/bpf/arraymap.c): every index exists from the start, nothing can be deleted.
 *
 * Global data is an ARRAY of one element.
 */
import type { BpfMap } from "../../object/index.ts";
import { errno, UpdateFlag } from "../../uapi/index.ts";
import { type MapHost, paddedValueSize, updateMode, VmMap } from "./map.ts";
import { Storage } from "./storage.ts";

/** Call frames: a walk runs in one of them. */
const MAX_LEVELS = 8;

function valueName(definition: BpfMap): string {
  return definition.data ? `data of section ${definition.data.section}` : `value of map ${definition.name}`;
}

/** Where walks put the index that a callback sees; one place for each level of nested walks. */
function keyCells(definition: BpfMap, host: MapHost): Storage {
  return new Storage(host.memory, {
    name: `key of map ${definition.name}`,
    element: 4,
    count: MAX_LEVELS,
    readOnly: true,
  });
}

/** The error of an update's flags: the element always exists (array_map_update_elem). */
function checkUpdate(map: VmMap, flags: number, index: number): number {
  const { mode, locked } = updateMode(flags);
  if (mode > UpdateFlag.EXIST) return -errno.EINVAL;
  if (index >= map.definition.maxEntries) return -errno.E2BIG;
  if (mode === UpdateFlag.NOEXIST) return -errno.EEXIST;
  return locked && map.lockOffset === undefined ? -errno.EINVAL : 0;
}

export class ArrayMap extends VmMap {
  readonly #values: Storage;
  readonly #keys: Storage;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    this.#values = new Storage(host.memory, {
      name: valueName(definition),
      element: definition.valueSize,
      count: definition.maxEntries,
      readOnly: this.readOnlyForPrograms || definition.data?.readOnly === true,
    });
    this.#keys = keyCells(definition, host);
  }

  #index(key: number): number {
    return this.host.memory.view.getUint32(key, true);
  }

  /** Address of an element that exists. */
  at(index: number): number {
    return this.#values.address(index);
  }

  override lookup(key: number): number {
    const index = this.#index(key);
    return index < this.definition.maxEntries ? this.#values.address(index) : 0;
  }

  override update(key: number, value: number, flags: number): number {
    const index = this.#index(key);
    const refused = checkUpdate(this, flags, index);
    if (refused !== 0) return refused;
    const address = this.#values.address(index);
    this.copyValue(address, value);
    return 0;
  }

  override delete(): number {
    return -errno.EINVAL;
  }

  override *elements(level: number): Iterator<readonly [number, number]> {
    const cell = this.#keys.address(level);
    for (let index = 0; index < this.definition.maxEntries; index++) {
      const value = this.#values.address(index);
      this.host.memory.view.setUint32(cell, index, true);
      yield [cell, value];
    }
  }

  override keys(): IterableIterator<Uint8Array> {
    return indexKeys(this.definition.maxEntries);
  }

  override get size(): number {
    return this.definition.maxEntries;
  }
}

export class PerCpuArray extends VmMap {
  readonly #values: Storage;
  readonly #keys: Storage;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    this.#values = new Storage(host.memory, {
      name: valueName(definition),
      element: definition.valueSize,
      count: definition.maxEntries,
      together: host.cpus,
    });
    this.#keys = keyCells(definition, host);
  }

  override get perCpu(): boolean {
    return true;
  }

  #address(index: number, cpu: number): number {
    return this.#values.address(index * this.host.cpus + cpu);
  }

  override lookup(key: number): number {
    return this.lookupOnCpu(key, this.host.cpu);
  }

  override lookupOnCpu(key: number, cpu: number): number {
    const index = this.host.memory.view.getUint32(key, true);
    return index < this.definition.maxEntries && cpu < this.host.cpus ? this.#address(index, cpu) : 0;
  }

  override update(key: number, value: number, flags: number): number {
    const index = this.host.memory.view.getUint32(key, true);
    const refused = checkUpdate(this, flags, index);
    if (refused !== 0) return refused;
    const address = this.#address(index, this.host.cpu);
    this.host.memory.bytes.copyWithin(address, value, value + this.definition.valueSize);
    return 0;
  }

  override delete(): number {
    return -errno.EINVAL;
  }

  override *elements(level: number): Iterator<readonly [number, number]> {
    const cell = this.#keys.address(level);
    for (let index = 0; index < this.definition.maxEntries; index++) {
      const value = this.#address(index, this.host.cpu);
      this.host.memory.view.setUint32(cell, index, true);
      yield [cell, value];
    }
  }

  override read(key: Uint8Array): Uint8Array | number {
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    if (index >= this.definition.maxEntries) return -errno.ENOENT;
    return gatherPerCpu(this, (cpu) => this.#address(index, cpu));
  }

  override write(key: Uint8Array, value: Uint8Array, flags: number): number {
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    if (flags > UpdateFlag.EXIST) return -errno.EINVAL;
    const refused = checkUpdate(this, flags, index);
    if (refused === 0) scatterPerCpu(this, value, (cpu) => this.#address(index, cpu));
    return refused;
  }

  override keys(): IterableIterator<Uint8Array> {
    return indexKeys(this.definition.maxEntries);
  }

  override get size(): number {
    return this.definition.maxEntries;
  }
}

export function* indexKeys(count: number): IterableIterator<Uint8Array> {
  for (let index = 0; index < count; index++) yield new Uint8Array(Uint32Array.of(index).buffer);
}

/** One padded value per CPU, as BPF_MAP_LOOKUP_ELEM copies them. */
export function gatherPerCpu(map: VmMap, address: (cpu: number) => number): Uint8Array {
  const padded = paddedValueSize(map.definition);
  const all = new Uint8Array(padded * map.host.cpus);
  for (let cpu = 0; cpu < map.host.cpus; cpu++) {
    // First: the element's chunk may have to be allocated, and views taken before are void then.
    const from = address(cpu);
    all.set(map.host.memory.bytes.subarray(from, from + map.definition.valueSize), cpu * padded);
  }
  return all;
}

export function scatterPerCpu(map: VmMap, value: Uint8Array, address: (cpu: number) => number): void {
  const padded = paddedValueSize(map.definition);
  for (let cpu = 0; cpu < map.host.cpus; cpu++) {
    const to = address(cpu);
    map.host.memory.bytes.set(value.subarray(cpu * padded, cpu * padded + map.definition.valueSize), to);
  }
}
