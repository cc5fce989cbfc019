/** Maps that packets go to, maps of programs and of maps, and streams of records to and from user space. */
import { type Schema, u32 } from "../schema/index.ts";
import { ACCESS, type EventSource, type MapAccess, type UserRingAccess } from "./access.ts";
import type { XdpContext } from "./context.ts";
import type { LoopStep } from "./control.ts";
import { kernelMethod } from "./intrinsic.ts";
import { checkRecord } from "./map-shape.ts";
import { declared, MapHandle, type MapOptions } from "./maps.ts";
import type { Place } from "./place.ts";
import type { CpuMapProgram, DevMapProgram, XdpAction, XdpProgram } from "./program.ts";

/** An element of a device map: where packets leave. */
export interface DevMapEntry {
  /** Its index or name; a name is looked up when the map is filled. */
  readonly interface: number | string;
  /** Runs for each packet that leaves by it. */
  readonly program?: DevMapProgram;
}
/** A device map's size and elements. */
export interface DevMapOptions extends MapOptions {
  /** Devices that are there before the program is attached, by index. */
  readonly entries?: () => Iterable<readonly [number, DevMapEntry]>;
}

/** Interfaces by index, below `maxEntries`. Kernel 4.14; programs in entries 5.8. */
export class DevMap extends MapHandle {
  declare readonly [ACCESS]: MapAccess<number, DevMapEntry>;
  constructor(options: DevMapOptions, type: "DEVMAP" | "DEVMAP_HASH" = "DEVMAP") {
    super(declared(type, options, { key: u32, ...(options.entries ? { entries: options.entries } : {}) }));
  }
  /** XdpAction.Redirect, or `otherwise` (default Aborted) when the slot is empty. */
  redirect(index: number, otherwise?: XdpAction): XdpAction {
    return kernelMethod(this, "redirect", [index, otherwise]);
  }
  /** To every interface in the map (kernel 5.13). */
  broadcast(options?: { readonly excludeIngress?: boolean }): XdpAction {
    return kernelMethod(this, "broadcast", [options]);
  }
  /** Whether there is a device at an index. */
  has(index: number): boolean {
    return kernelMethod(this, "has", [index]);
  }
}

/** Interfaces by any u32, usually the interface index. Kernel 5.4. */
export class DevHashMap extends DevMap {
  constructor(options: DevMapOptions) {
    super(options, "DEVMAP_HASH");
  }
}

/** An element of a CPU map: a processor that packets are handed to. */
export interface CpuMapEntry {
  /** Packets, at most 16384. */
  readonly queueSize: number;
  /** Runs there, for each packet. */
  readonly program?: CpuMapProgram;
}

/** Other CPUs. Kernel 4.15; programs in entries 5.9. */
export class CpuMap extends MapHandle {
  declare readonly [ACCESS]: MapAccess<number, CpuMapEntry>;
  constructor(options: MapOptions) {
    super(declared("CPUMAP", options, { key: u32 }));
  }
  /**
   * Hands the packet to a processor; `otherwise` is the verdict when the map has no such element (default: aborted).
   */
  redirect(cpu: number, otherwise?: XdpAction): XdpAction {
    return kernelMethod(this, "redirect", [cpu, otherwise]);
  }
}

/** AF_XDP sockets by queue. Kernel 4.18. */
export class XskMap extends MapHandle {
  declare readonly [ACCESS]: MapAccess<number, { readonly socket: unknown }>;
  constructor(options: MapOptions) {
    super(declared("XSKMAP", options, { key: u32, value: u32 }));
  }
  /** To the AF_XDP socket of a queue, or `otherwise` when there is none. */
  redirect(queue: number, otherwise?: XdpAction): XdpAction {
    return kernelMethod(this, "redirect", [queue, otherwise]);
  }
  /** Whether an AF_XDP socket is bound for a queue. */
  has(queue: number): boolean {
    return kernelMethod(this, "has", [queue]);
  }
}

/** The programs of a program array. */
export interface ProgramArrayOptions extends MapOptions {
  /** Programs by index; a function, because programs and their table refer to one another. */
  readonly programs?: () => Readonly<Record<number, XdpProgram>>;
}

/** Programs to jump to. */
export class ProgramArray extends MapHandle {
  declare readonly [ACCESS]: MapAccess<number, XdpProgram>;
  /** By index. */
  readonly programs: () => Readonly<Record<number, XdpProgram>>;
  constructor(options: ProgramArrayOptions) {
    super(declared("PROG_ARRAY", options, { key: u32, value: u32 }));
    this.programs = options.programs ?? (() => ({}));
  }
  /** Does not return when the slot holds a program; what follows is the answer to an empty slot or the 33-call limit. */
  tailCall(ctx: XdpContext, index: number): void {
    kernelMethod(this, "tailCall", [ctx, index]);
  }
}

/** Maps by index; `inner` is the template that every inner map must equal in type, key and value. */
export class ArrayOfMaps<M extends MapHandle> extends MapHandle {
  declare readonly [ACCESS]: MapAccess<number, M>;
  constructor(options: MapOptions & { readonly inner: M; readonly entries?: () => Iterable<readonly [number, M]> }) {
    const { inner, entries } = options;
    super(declared("ARRAY_OF_MAPS", options, { key: u32, value: u32, inner, ...(entries ? { entries } : {}) }));
  }
  /** The map at an index; null when there is none. */
  lookup(index: number): M | null {
    return kernelMethod(this, "lookup", [index]);
  }
}

/** Maps by key (`BPF_MAP_TYPE_HASH_OF_MAPS`). */
export class HashOfMaps<K, M extends MapHandle> extends MapHandle {
  declare readonly [ACCESS]: MapAccess<K, M>;
  constructor(
    options: MapOptions & {
      readonly key: Schema<K>;
      readonly inner: M;
      readonly entries?: () => Iterable<readonly [K, M]>;
    },
  ) {
    const { key, inner, entries } = options;
    super(declared("HASH_OF_MAPS", options, { key, value: u32, inner, ...(entries ? { entries } : {}) }));
  }
  /** The map of a key; null when there is none. */
  lookup(key: K): M | null {
    return kernelMethod(this, "lookup", [key]);
  }
}

/** A ring's record and size. */
export interface RingBufferOptions<T> {
  /** Schema of a record: a scalar or struct class. */
  readonly value: Schema<T>;
  /** A power of two of whole pages (4096). */
  readonly bytes: number;
  /** At most 15 characters; the name of the exported constant when absent. */
  readonly name?: string;
}

/** Records to user space in order, one buffer for all CPUs (kernel 5.8). */
export class RingBuffer<T> extends MapHandle {
  declare readonly [ACCESS]: EventSource<T>;
  /** Schema of a record. */
  readonly record: Schema<T>;
  constructor(options: RingBufferOptions<T>) {
    super(declared("RINGBUF", { ...options, maxEntries: options.bytes }, {}));
    this.record = options.value;
    checkRecord(this.declaration, options.value);
  }
  /** A place to fill; every path must submit or discard it. Null when full. */
  reserve(): Place<T> | null {
    return kernelMethod(this, "reserve", []);
  }
  /** Hands a reserved record to the reader. Each must be submitted or discarded on every path. */
  submit(record: Place<T>): void {
    kernelMethod(this, "submit", [record]);
  }
  /** Gives a reserved record up; the reader does not see it. */
  discard(record: Place<T>): void {
    kernelMethod(this, "discard", [record]);
  }
  /** Copies a record in; false when full. */
  output(record: T): boolean {
    return kernelMethod(this, "output", [record]);
  }
}

/** Records to user space per CPU; can append packet bytes. */
export class PerfEventArray<T> extends MapHandle {
  declare readonly [ACCESS]: EventSource<T & { readonly packet?: Uint8Array }>;
  /** Schema of a sample. */
  readonly record: Schema<T>;
  constructor(options: { readonly value: Schema<T>; readonly name?: string }) {
    super(declared("PERF_EVENT_ARRAY", options, { key: u32, value: u32 }));
    this.record = options.value;
    checkRecord(this.declaration, options.value);
  }
  /**
   * `packetBytes`: so many of the packet's first bytes follow the record; false when it is shorter, or nobody reads. GPL only.
   */
  output(ctx: XdpContext, record: T, packetBytes?: number): boolean {
    return kernelMethod(this, "output", [ctx, record, packetBytes]);
  }
}

/** Records from user space (kernel 6.1). */
export class UserRingBuffer<T> extends MapHandle {
  declare readonly [ACCESS]: UserRingAccess<T>;
  /** Schema of a record. */
  readonly record: Schema<T>;
  constructor(options: RingBufferOptions<T>) {
    super(declared("USER_RINGBUF", { ...options, maxEntries: options.bytes }, {}));
    this.record = options.value;
    checkRecord(this.declaration, options.value);
  }
  /** Result: the number of records. */
  drain(body: (record: Place<T>) => LoopStep | undefined | void): number {
    return kernelMethod(this, "drain", [body]);
  }
}
