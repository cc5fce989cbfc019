/**
 * pcapng as records, draft-ietf-opsawg-pcapng: what `readPcapng` yields and `writePcapng` takes.
 *
 * Invariant: times are nanoseconds since 1970, whatever unit and offset the interface has; `TimeUnit` converts.
 */
import { type InterfaceOption, type PacketOption, type SectionOption, valuesOf } from "./pcapng-options.ts";

/** Section Header Block, section 4.1. Interfaces count from 0 again behind it. */
export interface PcapngSection {
  readonly kind: "section";
  /** Of the section's numbers, as its magic says. */
  readonly byteOrder: "little" | "big";
  /** Of the file format: 1. */
  readonly major: number;
  /** Of the file format: 0. */
  readonly minor: number;
  /** Bytes of the section behind this block; -1n: not known. */
  readonly length: bigint;
  /** Options of the block, in its order. */
  readonly options: readonly SectionOption[];
}
/** Interface Description Block, section 4.2. */
export interface PcapngInterface {
  readonly kind: "interface";
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** Bytes; 0: no limit. */
  readonly snapLength: number;
  /** Options of the block, in its order. */
  readonly options: readonly InterfaceOption[];
}
/** Enhanced (4.3), Simple (4.4) or the obsolete Packet Block. */
export interface PcapngPacket {
  readonly kind: "packet";
  /** Which kind of block it came in. */
  readonly block: "enhanced" | "simple" | "obsolete";
  /** Counts the section's interfaces from 0; a simple packet is of the first. */
  readonly interfaceId: number;
  /** Nanoseconds since 1970; null: the block has no time. */
  readonly timestampNs: bigint | null;
  /** A view on the chunk that it came in; copy what is kept for long. */
  readonly bytes: Uint8Array;
  /** On the wire, bytes. */
  readonly originalLength: number;
  /** Options of the block, in its order. */
  readonly options: readonly PacketOption[];
  /** Of the obsolete block: packets lost before this one; 65535: not known. */
  readonly drops?: number;
}
/** Any other block (names, statistics, secrets, custom), its body in the section's byte order. */
export interface PcapngBlock {
  readonly kind: "block";
  /** Block type code. */
  readonly type: number;
  /** Without type and lengths. */
  readonly body: Uint8Array;
}

/** What a pcapng file is made of. */
export type PcapngRecord = PcapngSection | PcapngInterface | PcapngPacket | PcapngBlock;
/** With the block's place: bytes from the start of the file. */
export type PcapngRecordRead = PcapngRecord & { readonly offset: number };

export const BlockType = Object.freeze({
  Section: 0x0a0d0d0a,
  Interface: 1,
  ObsoletePacket: 2,
  Simple: 3,
  Enhanced: 6,
});
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** The unit and offset of an interface's times. */
export class TimeUnit {
  /** Units per second. */
  readonly #perSecond: bigint;
  readonly #offsetNs: bigint;
  readonly #isMicroseconds: boolean;

  constructor(options: readonly InterfaceOption[]) {
    const resolution = valuesOf(options, "timestampResolution")[0] ?? 6;
    this.#perSecond = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
    this.#offsetNs = (valuesOf(options, "timestampOffset")[0] ?? 0n) * 1_000_000_000n;
    this.#isMicroseconds = resolution === 6;
  }

  toNs(units: bigint): bigint {
    if (this.#isMicroseconds) return units * 1000n + this.#offsetNs;
    return (units * 1_000_000_000n) / this.#perSecond + this.#offsetNs;
  }

  /** Rounded up where a unit is finer than it can be told in nanoseconds, so that reading gives the same time. */
  fromNs(timestampNs: bigint): bigint {
    const scaled = (timestampNs - this.#offsetNs) * this.#perSecond;
    // A unit coarser than a nanosecond that is no power of ten: reading rounded down.
    const isDecimal = 1_000_000_000n % this.#perSecond === 0n;
    return (scaled + (isDecimal ? 0n : 999_999_999n)) / 1_000_000_000n;
  }
}
