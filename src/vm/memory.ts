/**
 * The machine's one linear memory: its regions, and the objects that pointers may reach.
 *
 * `xdp_md` holds 32-bit addresses, so every BPF pointer is an offset in this memory. Each region begins on a page of
 * its own, which makes "whose address is this?" one table look-up: helpers that read any address ask so. What a program
 * accesses is judged otherwise: by the object that its pointer was made for (origin.ts), whose number indexes `limits`.
 *
 * Invariants: page 0 and everything above the memory belong to region 0, the region of no access; an object that has
 * ended has a limit of -1 for as long as a register may name it.
 */
import { alignUp, createLinearMemory, invariant, type LinearMemory, xdpkitError } from "../base/index.ts";

const PAGE = 4096;
const WASM_PAGE = 65536;
const MAX_REGIONS = 16384;
/** Where the first region begins: an offset of an instruction does not lead from it below address 0. */
const FIRST = 65536;
/** Bytes. Below 2^31, so that addresses are small integers to the JavaScript engine; above are handles (text.ts). */
export const MEMORY_LIMIT = 0x7000_0000;

export type RegionKind = "none" | "context" | "stack" | "packet" | "fragments" | "map" | "data" | "record" | "scratch";

export interface Region {
  readonly id: number;
  readonly kind: RegionKind;
  /** For messages: `packet`, `value of map sids`. */
  readonly name: string;
  readonly start: number;
  /** Bytes that belong to the region, its last gap included. */
  readonly size: number;
  /** Distance of elements; 0 when the region is one piece. */
  readonly stride: number;
  /** Bytes of one element that may be accessed. */
  readonly element: number;
  readonly readOnly: boolean;
}

export interface RegionOptions {
  readonly kind: RegionKind;
  readonly name: string;
  readonly size: number;
  readonly stride?: number;
  readonly element?: number;
  readonly readOnly?: boolean;
}

/**
 * What a pointer may reach. Every region is one (of each of its elements), under the region's number; others live during
 * one run: what a packet pointer sees until the packet moves, a ring-buffer record until it is given away.
 */
export interface MemoryObject {
  readonly id: number;
  region: Region;
  /** Address that offsets in messages count from. */
  zero: number;
  /** Position in the text of the instruction that made the pointer. */
  made: number;
  /** Position of the call that ended it; -1 while it may be reached. */
  ended: number;
}

/** Objects with a meaning of their own to the interpreter, which spells these numbers out. */
export const ObjectId = {
  /** `xdp_md`: a load of an address makes a packet pointer. */
  Context: 1,
  /** A frame: what was never written there is known byte by byte. */
  Stack: 2,
  /** Maps and functions: no memory at all. */
  Handle: 3,
} as const;

export class Memory {
  readonly linear: LinearMemory;
  bytes: Uint8Array;
  view: DataView;
  readonly regions: Region[] = [];
  /** Region of each page. */
  readonly pageRegion = new Uint16Array(2 ** 20);
  /** Bytes from an object's base that may be loaded, by object; -1 when nothing may. */
  limits = new Int32Array(2 * MAX_REGIONS).fill(-1);
  /** The same for stores. */
  stores = new Int32Array(2 * MAX_REGIONS).fill(-1);
  /** Objects of this run; the first has the number MAX_REGIONS. */
  readonly #objects: MemoryObject[] = [];
  #used = 0;
  /** What may be reached by address alone, by region. */
  readonly #bounds: { start: number; end: number }[] = [];
  #next = FIRST;

  constructor() {
    this.linear = createLinearMemory(16, MEMORY_LIMIT / WASM_PAGE);
    this.bytes = new Uint8Array(this.linear.buffer);
    this.view = new DataView(this.linear.buffer);
    this.#register({ kind: "none", name: "no memory", size: 0 }, 0);
    this.limits[0] = -1;
  }

  /** Reserves zeroed memory. Views of `bytes` and `view` taken before are void afterwards. */
  allocate(options: RegionOptions): Region {
    const start = this.#next;
    const end = start + alignUp(Math.max(options.size, 1), PAGE);
    if (end > MEMORY_LIMIT) throw xdpkitError("VM_MEMORY", { need: end, limit: MEMORY_LIMIT });
    if (end > this.bytes.length) this.#grow(end);
    this.#next = end;
    const region = this.#register(options, start);
    this.pageRegion.fill(region.id, start / PAGE, end / PAGE);
    return region;
  }

  /** A number for something that is no memory, in the order of `ObjectId`. */
  reserve(name: string): Region {
    const region = this.#register({ kind: "none", name, size: 0 }, 0);
    this.limits[region.id] = this.stores[region.id] = -1;
    return region;
  }

  regionAt(address: number): Region {
    return this.regions[this.pageRegion[address >>> 12]!]!;
  }

  /** Narrows or widens what may be reached by address alone, as `adjust_head` does with the packet. */
  setBounds(region: Region, start: number, end: number): void {
    this.#bounds[region.id] = { start, end };
  }

  /** Whether `size` bytes at an address lie in one region, and in one element of it. */
  readable(address: number, size: number): boolean {
    const region = this.regionAt(address);
    const { start, end } = this.#bounds[region.id]!;
    if (address < start || address + size > end) return false;
    return region.stride === 0 || ((address - region.start) % region.stride) + size <= region.element;
  }

  /** Begins a run: the objects of the run before are forgotten. */
  forgetObjects(): void {
    this.#used = 0;
  }

  /**
   * A further object of `limit` bytes, until `endObject`. `zero`: what messages count from; `made`: position of the
   * instruction that makes its pointer.
   */
  addObject(region: Region, limit: number, zero: number, made: number): MemoryObject {
    const id = MAX_REGIONS + this.#used;
    if (id >= this.limits.length) {
      this.limits = widen(this.limits);
      this.stores = widen(this.stores);
    }
    // Objects of earlier runs are used again: a run of a small program makes no garbage.
    const object = (this.#objects[this.#used++] ??= { id, region, zero, made, ended: -1 });
    object.region = region;
    object.zero = zero;
    object.made = made;
    object.ended = -1;
    this.limits[id] = limit;
    this.stores[id] = region.readOnly ? -1 : limit;
    return object;
  }

  /** From now on a pointer to it is stale. */
  endObject(object: MemoryObject, position: number): void {
    object.ended = position;
    this.limits[object.id] = this.stores[object.id] = -1;
  }

  /** An object of this run; undefined for regions. */
  objectOf(id: number): MemoryObject | undefined {
    return this.#objects[id - MAX_REGIONS];
  }

  /** The region that an object is part of. */
  regionOf(id: number): Region {
    return this.objectOf(id)?.region ?? this.regions[id] ?? this.regions[0]!;
  }

  #register(options: RegionOptions, start: number): Region {
    const id = this.regions.length;
    const { kind, name, size, stride = 0, element = 0, readOnly = false } = options;
    const region: Region = { id, kind, name, start, size, stride, element, readOnly };
    invariant(id < MAX_REGIONS, "the machine has run out of regions");
    this.regions.push(region);
    this.#bounds.push({ start, end: start + size });
    this.limits[id] = stride === 0 ? size : element;
    this.stores[id] = readOnly ? -1 : this.limits[id]!;
    return region;
  }

  #grow(end: number): void {
    const pages = Math.ceil(end / WASM_PAGE);
    const have = this.bytes.length / WASM_PAGE;
    const wanted = Math.min(Math.max(pages, have * 2), MEMORY_LIMIT / WASM_PAGE);
    try {
      this.linear.grow(wanted - have);
    } catch (cause) {
      throw xdpkitError("VM_MEMORY", { need: end, limit: this.bytes.length }, { cause });
    }
    this.bytes = new Uint8Array(this.linear.buffer);
    this.view = new DataView(this.linear.buffer);
  }
}

function widen(limits: Int32Array): Int32Array<ArrayBuffer> {
  const wide = new Int32Array(2 * limits.length).fill(-1);
  wide.set(limits);
  return wide;
}
