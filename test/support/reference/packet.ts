/**
 * The packet in its frame, with the limits of a driver whose frames are one page (net/core/filter.c), as src/vm models
 * them: 256 bytes of headroom, 40 of them the kernel's; the tail of the page belongs to skb_shared_info.
 *
 * Invariant: bytes that a program never wrote are zero; bytes that left the packet at its head stay where they are.
 */
import { Location, Region } from "./memory.ts";

const HEADROOM = 256;
const FRAME_STRUCT = 40;
const SHARED_INFO = 320;
const PAGE = 4096;
const ETHERNET = 14;
const MAX_METADATA = 252;

export class PacketMemory {
  readonly region: Region;
  dataMeta = HEADROOM;
  data = HEADROOM;
  dataEnd: number;

  constructor(packet: Uint8Array) {
    if (packet.length < ETHERNET) throw new RangeError("a packet has at least 14 bytes");
    const frame = Math.max(PAGE, Math.ceil((HEADROOM + packet.length + SHARED_INFO) / PAGE) * PAGE);
    this.region = new Region(new Uint8Array(frame - SHARED_INFO));
    this.dataEnd = HEADROOM + packet.length;
    this.region.bytes.set(packet, HEADROOM);
  }

  get length(): number {
    return this.dataEnd - this.data;
  }
  copy(): Uint8Array {
    return this.region.bytes.slice(this.data, this.dataEnd);
  }
  copyMetadata(): Uint8Array {
    return this.region.bytes.slice(this.dataMeta, this.data);
  }

  /** `size` bytes at `offset`, or null when the packet ends before them. */
  at(offset: number, size: number): Location | null {
    if (!Number.isInteger(offset) || offset < 0 || offset > 0xffff)
      throw new RangeError(`offset ${offset} of a header`);
    return offset + size > this.length ? null : new Location(this.region, this.data + offset, size);
  }

  metadata(size: number): Location | null {
    return this.dataMeta + size > this.data ? null : new Location(this.region, this.dataMeta, size);
  }

  /** `bpf_xdp_adjust_head`. Places die also when it fails: the verifier thinks so. */
  adjustHead(delta: number): boolean {
    this.region.epoch += 1;
    const metadata = this.data - this.dataMeta;
    const data = this.data + delta;
    if (data < FRAME_STRUCT + metadata || data > this.dataEnd - ETHERNET) return false;
    this.region.bytes.copyWithin(this.dataMeta + delta, this.dataMeta, this.data);
    this.dataMeta += delta;
    this.data = data;
    return true;
  }

  /** `bpf_xdp_adjust_tail`: growth is zeroed. */
  adjustTail(delta: number): boolean {
    this.region.epoch += 1;
    const end = this.dataEnd + delta;
    if (end > this.region.bytes.length || end < this.data + ETHERNET) return false;
    if (delta > 0) this.region.bytes.fill(0, this.dataEnd, end);
    this.dataEnd = end;
    return true;
  }

  /** `bpf_xdp_adjust_meta`. */
  adjustMeta(delta: number): boolean {
    this.region.epoch += 1;
    const meta = this.dataMeta + delta;
    const size = this.data - meta;
    if (meta < FRAME_STRUCT || size < 0 || size % 4 !== 0 || size > MAX_METADATA) return false;
    this.dataMeta = meta;
    return true;
  }
}
