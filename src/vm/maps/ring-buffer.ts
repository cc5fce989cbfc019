/**
 * RINGBUF (kernel/bpf/ringbuf.c): records in order, one buffer for all CPUs.
 *
 *   record: | length and flags (u32) | page offset (u32) | data, padded to 8 |
 *
 * The kernel maps the data twice in a row, so that no record wraps; here the area is twice as long. Invariant: positions
 * count bytes since the start and never go back; a record that was discarded still takes its room until it is read.
 */
import type { BpfMap } from "../../object/index.ts";
import { errno } from "../../uapi/index.ts";
import type { MemoryObject, Region } from "../memory.ts";
import { type MapHost, VmMap } from "./map.ts";

const HEADER = 8;
const NO_WAKEUP = 1;
const FORCE_WAKEUP = 2;

interface RingRecord {
  readonly address: number;
  readonly size: number;
  readonly end: number;
  /** What the program may reach while it holds the record. */
  readonly object: MemoryObject;
  /** Pointers into it by way of a dynamic pointer: they end with it. */
  readonly slices: MemoryObject[];
  state: "reserved" | "submitted" | "discarded";
}

export class RingBuffer extends VmMap {
  readonly #region: Region;
  readonly #records: RingRecord[] = [];
  /** Those that a program holds: rarely more than one. */
  #reserved: RingRecord[] = [];
  #producer = 0;
  #consumer = 0;
  /** Reservations and outputs that found no room. */
  lost = 0;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    const size = definition.maxEntries;
    this.#region = host.memory.allocate({
      kind: "record",
      name: `record of ring buffer ${definition.name}`,
      size: 2 * size,
    });
  }

  /** Address of the record's data, or 0 when there is no room. `made`: position of the call in the text. */
  reserve(size: number, made: number): number {
    const room = this.definition.maxEntries;
    const length = (size + HEADER + 7) & ~7;
    const end = this.#producer + length;
    // One byte always stays free, so that full and empty differ.
    if (length > room || end - this.#consumer > room - 1) {
      this.lost++;
      return 0;
    }
    const address = this.#region.start + (this.#producer % room) + HEADER;
    const object = this.host.memory.addObject(this.#region, size, address, made);
    const record: RingRecord = { address, size, end, object, slices: [], state: "reserved" };
    this.#records.push(record);
    this.#reserved.push(record);
    this.#producer = end;
    this.host.core.clear(address, size);
    return address;
  }

  /** What a pointer to a reserved record may reach. */
  objectAt(address: number): number {
    return this.#reserved.find((one) => one.address === address)!.object.id;
  }

  /** A further pointer into a reserved record. */
  addSlice(address: number, object: MemoryObject): void {
    this.#reserved.find((one) => address >= one.address && address < one.end)?.slices.push(object);
  }

  /** False when the address is not that of a reserved record. Pointers to it are stale from `position` on. */
  finish(address: number, discard: boolean, position: number): boolean {
    const record = this.#reserved.find((one) => one.address === address);
    if (!record) return false;
    record.state = discard ? "discarded" : "submitted";
    this.#reserved = this.#reserved.filter((one) => one !== record);
    for (const object of [record.object, ...record.slices]) this.host.memory.endObject(object, position);
    return true;
  }

  output(data: number, size: number, flags: number): number {
    if (flags > (NO_WAKEUP | FORCE_WAKEUP)) return -errno.EINVAL;
    const address = this.reserve(size, 0);
    if (address === 0) return -errno.EAGAIN;
    this.host.memory.bytes.copyWithin(address, data, data + size);
    this.finish(address, false, 0);
    return 0;
  }

  /** BPF_RB_AVAIL_DATA, RING_SIZE, CONS_POS, PROD_POS; 0 for anything else. */
  query(what: number): number {
    return [this.#producer - this.#consumer, this.definition.maxEntries, this.#consumer, this.#producer][what] ?? 0;
  }

  /** Gives back what a program had reserved when it was stopped: a reader would wait for it for ever. */
  abandon(): void {
    for (const record of this.#reserved) record.state = "discarded";
    this.#reserved = [];
  }

  /** Takes submitted records up to the first that is still reserved. */
  drain(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    while (this.#records[0] && this.#records[0].state !== "reserved") {
      const record = this.#records.shift()!;
      this.#consumer = record.end;
      const { bytes } = this.host.memory;
      if (record.state === "submitted") taken.push(bytes.slice(record.address, record.address + record.size));
    }
    return taken;
  }

  override get size(): number {
    return this.#records.filter(({ state }) => state === "submitted").length;
  }
}

/** USER_RINGBUF (kernel/bpf/ringbuf.c): records from user space, drained by `bpf_user_ringbuf_drain`. */
export class UserRingBuffer extends VmMap {
  readonly #region: Region;
  readonly #records: { readonly address: number; readonly size: number; readonly end: number }[] = [];
  #producer = 0;
  #consumer = 0;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    const size = 2 * definition.maxEntries;
    this.#region = host.memory.allocate({
      kind: "record",
      name: `record of ring buffer ${definition.name}`,
      size,
      readOnly: true,
    });
  }

  /** 0, or -ENOSPC when there is no room. */
  send(data: Uint8Array): number {
    const room = this.definition.maxEntries;
    const length = (data.length + HEADER + 7) & ~7;
    if (this.#producer + length - this.#consumer > room) return -errno.ENOSPC;
    const address = this.#region.start + (this.#producer % room) + HEADER;
    this.host.memory.bytes.set(data, address);
    this.#producer += length;
    this.#records.push({ address, size: data.length, end: this.#producer });
    return 0;
  }

  /** The oldest record, taken; undefined when there is none. */
  next(): { readonly address: number; readonly size: number } | undefined {
    const record = this.#records.shift();
    if (record) this.#consumer = record.end;
    return record;
  }

  override get size(): number {
    return this.#records.length;
  }
}
