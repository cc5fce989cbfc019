/**
 * The machine's one linear memory and its regions.
 *
 * `xdp_md` holds 32-bit addresses, so every BPF pointer is an offset in this memory. Each region begins on a page of
 * its own, which makes "whose address is this?" one table look-up. Regions of elements (stack frames, map values) have
 * a stride larger than the element: the gap catches accesses that run over the end.
 *
 * Invariant: page 0 and everything above the memory belong to region 0, the region of no access.
 */
import { alignUp, createLinearMemory, invariant, type LinearMemory, xdpkitError } from "../base/index.ts";

const PAGE = 4096;
const WASM_PAGE = 65536;
const MAX_REGIONS = 16384;
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

export class Memory {
  readonly linear: LinearMemory;
  bytes: Uint8Array;
  view: DataView;
  readonly regions: Region[] = [];
  /** Region of each page. */
  readonly pageRegion = new Uint16Array(2 ** 20);
  // Bounds by region, as the interpreter reads them: [start, end) is what may be accessed now.
  readonly starts = new Int32Array(MAX_REGIONS);
  readonly ends = new Int32Array(MAX_REGIONS);
  readonly strides = new Int32Array(MAX_REGIONS);
  readonly elements = new Int32Array(MAX_REGIONS);
  readonly writable = new Uint8Array(MAX_REGIONS);
  #next = PAGE;

  constructor() {
    this.linear = createLinearMemory(16, MEMORY_LIMIT / WASM_PAGE);
    this.bytes = new Uint8Array(this.linear.buffer);
    this.view = new DataView(this.linear.buffer);
    this.#register({ kind: "none", name: "no memory", size: 0 }, 0);
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

  regionAt(address: number): Region {
    return this.regions[this.pageRegion[address >>> 12]!]!;
  }

  /** Narrows or widens what may be accessed, as `adjust_head` does with the packet. */
  setBounds(region: Region, start: number, end: number): void {
    this.starts[region.id] = start;
    this.ends[region.id] = end;
  }

  #register(options: RegionOptions, start: number): Region {
    const id = this.regions.length;
    const { kind, name, size, stride = 0, element = 0, readOnly = false } = options;
    const region: Region = { id, kind, name, start, size, stride, element, readOnly };
    invariant(id < MAX_REGIONS, "the machine has run out of regions");
    this.regions.push(region);
    this.starts[id] = start;
    this.ends[id] = start + size;
    this.strides[id] = stride;
    this.elements[id] = element;
    this.writable[id] = readOnly ? 0 : 1;
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
