/**
 * The packet and its context in the machine's memory.
 *
 *   | xdp_frame 40 | headroom … | metadata | data … data_end | tailroom … | skb_shared_info 320 |
 *     hard start                  data_meta
 *
 * The numbers are those of a driver with frames of one page (net/core/xdp.c, net/core/filter.c). What does not fit into
 * the linear part of a multi-buffer packet lies in fragments, which programs reach by `bpf_xdp_load_bytes` only.
 * Invariants: `xdp_md` in memory always agrees with `dataMeta`, `data` and `dataEnd`; a program that grows its packet at the
 * front sees garbage (Cpu.clear), at the end zeros, never bytes of an earlier packet: a run does not depend on those
 * before it.
 */
import { alignUp, concatBytes, xdpkitError } from "../base/index.ts";
import { errno } from "../uapi/index.ts";
import type { Cpu } from "./cpu.ts";
import type { Memory, MemoryObject, Region } from "./memory.ts";

/** sizeof(struct xdp_frame): the headroom's first bytes belong to the kernel. */
const FRAME_STRUCT = 40;
/** SKB_DATA_ALIGN(sizeof(struct skb_shared_info)): the tail belongs to the kernel. */
const SHARED_INFO = 320;
const PAGE = 4096;
const ETHERNET = 14;
const SLAB = 65536;
const NO_BYTES = new Uint8Array(0);
/** Largest packet, bytes, and room for the largest headroom. */
const MAX_PACKET = 1 << 18;
/** type_max of skb_shared_info.meta_len, aligned to 4. */
export const MAX_METADATA = 252;
/** XDP_PACKET_HEADROOM. */
export const DEFAULT_HEADROOM = 256;
/** The kernel's own bytes; and what leaves half a page to the packet. */
export const MIN_HEADROOM = FRAME_STRUCT;
export const MAX_HEADROOM = 2048;

/** Offsets in `xdp_md` of the words that are addresses. */
const DATA = 0;
const DATA_END = 4;
const DATA_META = 8;

export interface PacketOptions {
  /** Bytes before the packet, XDP_PACKET_HEADROOM (256) by default. */
  readonly headroom: number;
  readonly metadata: Uint8Array;
  /** The program accepts fragments: what passes the page goes there. */
  readonly fragments: boolean;
  /** Most bytes before the fragments, where a driver leaves fewer than fit into the page. */
  readonly linear?: number;
  readonly ingressInterface: number;
  readonly rxQueue: number;
  readonly egressInterface: number;
}

export class PacketBuffer {
  readonly #memory: Memory;
  readonly #cpu: Cpu;
  readonly region: Region;
  readonly context: Region;
  readonly fragmentRegion: Region;
  /** Bytes of each fragment. */
  #fragments: number[] = [];
  #slab = new Uint8Array(SLAB);
  #slabUsed = 0;
  #hardStart = 0;
  #hardEnd = 0;
  /** The lowest place that a program has written since the headroom was last zeroed. */
  #lowest = 0;
  /** Pointers into the packet where it lies now, one for each instruction that made one. */
  readonly #pointers: MemoryObject[] = [];
  dataMeta = 0;
  data = 0;
  dataEnd = 0;
  ingressInterface = 0;

  constructor(memory: Memory, cpu: Cpu) {
    this.#memory = memory;
    this.#cpu = cpu;
    this.context = cpu.context;
    cpu.packetPointer = (pc, offset, place) => this.#pointer(pc, offset, place);
    this.region = memory.allocate({ kind: "packet", name: "packet", size: MAX_PACKET + 2 * PAGE });
    this.#lowest = this.region.start;
    this.fragmentRegion = memory.allocate({ kind: "fragments", name: "packet fragments", size: MAX_PACKET });
    memory.setBounds(this.fragmentRegion, 0, 0);
    memory.limits[this.fragmentRegion.id] = memory.stores[this.fragmentRegion.id] = -1;
  }

  /** Lays a packet out. @throws XdpkitError VM_PACKET_SIZE, VM_METADATA */
  load(packet: Uint8Array, options: PacketOptions): void {
    const { headroom, metadata } = options;
    this.#pointers.length = 0;
    if (packet.length < ETHERNET || packet.length > MAX_PACKET) {
      throw xdpkitError("VM_PACKET_SIZE", { have: packet.length, from: ETHERNET, to: MAX_PACKET });
    }
    if (metadata.length % 4 !== 0 || metadata.length > Math.min(MAX_METADATA, headroom - FRAME_STRUCT)) {
      throw xdpkitError("VM_METADATA", { have: metadata.length });
    }
    const page = PAGE - SHARED_INFO - headroom;
    const linear = options.fragments ? Math.min(packet.length, page, options.linear ?? page) : packet.length;
    this.#hardStart = this.region.start;
    this.#hardEnd = this.#hardStart + Math.max(PAGE, alignUp(headroom + linear + SHARED_INFO, PAGE)) - SHARED_INFO;
    this.data = this.#hardStart + headroom;
    this.dataMeta = this.data - metadata.length;
    this.dataEnd = this.data + linear;
    const { bytes } = this.#memory;
    if (this.#lowest < this.dataMeta) this.#cpu.clear(this.#lowest, this.dataMeta - this.#lowest);
    this.#lowest = this.dataMeta;
    if (metadata.length > 0) bytes.set(metadata, this.dataMeta);
    bytes.set(linear === packet.length ? packet : packet.subarray(0, linear), this.data);
    if (linear < packet.length || this.#fragments.length > 0) this.#loadFragments(packet.subarray(linear));
    this.ingressInterface = options.ingressInterface;
    const { view } = this.#memory;
    view.setUint32(this.context.start + 12, options.ingressInterface, true);
    view.setUint32(this.context.start + 16, options.rxQueue, true);
    view.setUint32(this.context.start + 20, options.egressInterface, true);
    this.#publish();
  }

  /** What a further program (devmap, cpumap) sees: the packet as it is, another interface. */
  setInterfaces(ingress: number, egress: number): void {
    this.#memory.view.setUint32(this.context.start + 12, ingress, true);
    this.#memory.view.setUint32(this.context.start + 20, egress, true);
  }

  #loadFragments(rest: Uint8Array): void {
    this.#memory.bytes.set(rest, this.fragmentRegion.start);
    this.#fragments = [];
    for (let at = 0; at < rest.length; at += PAGE) this.#fragments.push(Math.min(PAGE, rest.length - at));
  }

  #publish(): void {
    const { view } = this.#memory;
    view.setUint32(this.context.start, this.data, true);
    view.setUint32(this.context.start + 4, this.dataEnd, true);
    view.setUint32(this.context.start + 8, this.dataMeta, true);
    this.#memory.setBounds(this.region, this.dataMeta, this.dataEnd);
    if (this.dataMeta < this.#lowest) this.#lowest = this.dataMeta;
  }

  /** A load of an address from the context: its register becomes a pointer that lives until the packet moves. */
  #pointer(pc: number, offset: number, place: number): boolean {
    if (offset > DATA_META || (offset & 3) !== 0) return false;
    const { origins } = this.#cpu;
    origins[place] = this.#objectOf(pc, offset).id;
    origins[place + 1] = offset === DATA ? this.data : offset === DATA_END ? this.dataEnd : this.dataMeta;
    return true;
  }

  #objectOf(pc: number, offset: number): MemoryObject {
    for (const object of this.#pointers) if (object.made === pc) return object;
    const limit = offset === DATA ? this.length : offset === DATA_END ? 0 : this.data - this.dataMeta;
    const object = this.#memory.addObject(this.region, limit, this.data, pc);
    this.#pointers.push(object);
    return object;
  }

  /** A pointer into the packet that something else made: it ends with the others. */
  addPointer(object: MemoryObject): void {
    this.#pointers.push(object);
  }

  /** Address of bytes that lie in one piece (bpf_xdp_pointer); 0 when they do not, or are not there. */
  pieceAt(offset: number, count: number): number {
    if (offset > 0xffff || count > 0xffff || offset + count > this.totalLength) return 0;
    if (offset < this.length) return offset + count <= this.length ? this.data + offset : 0;
    let start = this.length;
    for (const size of this.#fragments) {
      if (offset < start + size) {
        return offset + count <= start + size ? this.fragmentRegion.start + offset - this.length : 0;
      }
      start += size;
    }
    return 0;
  }

  /** A call that may move the packet ends all pointers into it, whether it succeeds or not (clear_all_pkt_pointers). */
  endPointers(position: number): void {
    for (const object of this.#pointers) this.#memory.endObject(object, position);
    this.#pointers.length = 0;
  }

  /** Bytes of the linear part. */
  get length(): number {
    return this.dataEnd - this.data;
  }
  get #fragmentBytes(): number {
    return this.#fragments.reduce((sum, size) => sum + size, 0);
  }
  /** Bytes of the whole packet (`xdp_get_buff_len`). */
  get totalLength(): number {
    return this.length + this.#fragmentBytes;
  }

  /** A copy of the whole packet. */
  copy(): Uint8Array {
    const linear = this.#copyOf(this.data, this.dataEnd);
    if (this.#fragments.length === 0) return linear;
    const { start } = this.fragmentRegion;
    return concatBytes(linear, this.#memory.bytes.subarray(start, start + this.#fragmentBytes));
  }

  /** A copy of the metadata. */
  copyMetadata(): Uint8Array {
    return this.dataMeta === this.data ? NO_BYTES : this.#copyOf(this.dataMeta, this.data);
  }

  /** Remembers the packet; the function that is returned puts it back. */
  save(): () => void {
    const { dataMeta, data, dataEnd } = this;
    const { start } = this.fragmentRegion;
    const fragments = [...this.#fragments];
    const linear = this.#memory.bytes.slice(dataMeta, dataEnd);
    const rest = this.#memory.bytes.slice(start, start + this.#fragmentBytes);
    return () => {
      Object.assign(this, { dataMeta, data, dataEnd });
      this.#fragments = fragments;
      this.#memory.bytes.set(linear, dataMeta);
      this.#memory.bytes.set(rest, start);
      this.#publish();
    };
  }

  /** Small copies share a slab: an ArrayBuffer of its own would cost more than running a small program. */
  #copyOf(from: number, to: number): Uint8Array {
    const size = to - from;
    if (size > SLAB / 16) return this.#memory.bytes.slice(from, to);
    if (this.#slabUsed + size > SLAB) {
      this.#slab = new Uint8Array(SLAB);
      this.#slabUsed = 0;
    }
    const copy = this.#slab.subarray(this.#slabUsed, this.#slabUsed + size);
    copy.set(this.#memory.bytes.subarray(from, to));
    this.#slabUsed += size;
    return copy;
  }

  /** `bpf_xdp_adjust_head`. */
  adjustHead(delta: number): number {
    const metadata = this.data - this.dataMeta;
    const data = this.data + delta;
    if (data < this.#hardStart + FRAME_STRUCT + metadata || data > this.dataEnd - ETHERNET) return -errno.EINVAL;
    if (metadata > 0) this.#memory.bytes.copyWithin(this.dataMeta + delta, this.dataMeta, this.data);
    this.dataMeta += delta;
    this.data = data;
    this.#publish();
    return 0;
  }

  /** `bpf_xdp_adjust_tail`: growth is zeroed. */
  adjustTail(delta: number): number {
    if (this.#fragments.length > 0) return delta < 0 ? this.#shrinkFragments(-delta) : this.#growFragment(delta);
    const end = this.dataEnd + delta;
    if (end > this.#hardEnd || end < this.data + ETHERNET) return -errno.EINVAL;
    if (delta > 0) this.#memory.bytes.fill(0, this.dataEnd, end);
    this.dataEnd = end;
    this.#publish();
    return 0;
  }

  #growFragment(delta: number): number {
    const last = this.#fragments.length - 1;
    if (this.#fragments[last]! + delta > PAGE) return -errno.EINVAL;
    const end = this.fragmentRegion.start + this.#fragmentBytes;
    this.#memory.bytes.fill(0, end, end + delta);
    this.#fragments[last]! += delta;
    return 0;
  }

  #shrinkFragments(count: number): number {
    // The kernel negates the number in 32 bits: the smallest stays negative, and nothing is done.
    if ((count | 0) > this.totalLength - ETHERNET) return -errno.EINVAL;
    if ((count | 0) < 0) return 0;
    let left = count;
    while (left > 0 && this.#fragments.length > 0) {
      const size = this.#fragments.pop()!;
      if (size > left) this.#fragments.push(size - left);
      left -= Math.min(size, left);
    }
    this.dataEnd -= left;
    this.#publish();
    return 0;
  }

  /** `bpf_xdp_adjust_meta`. */
  adjustMeta(delta: number): number {
    const meta = this.dataMeta + delta;
    if (meta < this.#hardStart + FRAME_STRUCT || meta > this.data) return -errno.EINVAL;
    const size = this.data - meta;
    if (size % 4 !== 0 || size > MAX_METADATA) return -errno.EACCES;
    this.dataMeta = meta;
    this.#publish();
    return 0;
  }

  /** `bpf_xdp_load_bytes` (store: `bpf_xdp_store_bytes`) between the packet and memory at `address`. */
  transfer(offset: number, address: number, count: number, store: boolean): number {
    if (offset > 0xffff || count > 0xffff) return -errno.EFAULT;
    if (offset + count > this.totalLength) return -errno.EINVAL;
    const { bytes } = this.#memory;
    const linear = Math.max(0, Math.min(count, this.length - offset));
    const behind = this.fragmentRegion.start + Math.max(0, offset - this.length);
    const move = (packet: number, memory: number, size: number): void => {
      if (store) bytes.copyWithin(packet, memory, memory + size);
      else bytes.copyWithin(memory, packet, packet + size);
    };
    move(this.data + offset, address, linear);
    move(behind, address + linear, count - linear);
    return 0;
  }
}
