/**
 * pcap, draft-ietf-opsawg-pcap: read and written as streams.
 *
 *   | magic | major, minor | zone | accuracy | snap length | link type |   24 bytes
 *   | seconds | µs or ns | captured | original | bytes … |               per packet
 *
 * Invariant: a reader never allocates what a length says before it has checked it, and yields every whole packet that
 * stands before a fault.
 */
import { type XdpkitError, xdpkitError } from "../../base/index.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type ByteSource, ChunkReader } from "./chunks.ts";

/** The beginning of a pcap file. */
export interface PcapHeader {
  readonly kind: "header";
  /** Of the file's numbers, as its magic says. */
  readonly byteOrder: "little" | "big";
  /** Of the file's timestamps: micro- or nanoseconds, as its magic says. */
  readonly resolution: "us" | "ns";
  /** Of the file format: 2. */
  readonly major: number;
  /** Of the file format: 4. */
  readonly minor: number;
  /** Seconds; zero in practice. */
  readonly zone: number;
  /** Called `sigfigs` once; 0 in all files. */
  readonly accuracy: number;
  /** Bytes that were captured of a packet at most; 0: no limit. */
  readonly snapLength: number;
  /** LINKTYPE_ number, 16 bits. */
  readonly linkType: number;
  /** The upper half of the link type: length of the frame check sequence. */
  readonly linkTypeFlags: number;
}

/** A packet of a pcap file. */
export interface PcapPacket {
  readonly kind: "packet";
  /** Nanoseconds since 1970. */
  readonly timestampNs: bigint;
  /** A view on the chunk that it came in; copy what is kept for long. */
  readonly bytes: Uint8Array;
  /** On the wire, bytes. */
  readonly originalLength: number;
  /** Of its record, bytes from the start of the file. */
  readonly offset: number;
}

/** What a pcap file is made of. */
export type PcapRecord = PcapHeader | PcapPacket;

const HEADER_SIZE = 24;
const RECORD_SIZE = 16;
/** What libpcap and Wireshark take at most, whatever the snap length says. */
const USUAL_LIMIT = 262_144;
/** No packet is longer than this. */
export const MAX_RECORD_LENGTH = 16 * 1024 * 1024;

/** The four magics: big-endian number of the first four bytes. */
const MAGICS = new Map<number, Pick<PcapHeader, "byteOrder" | "resolution">>([
  [0xa1b2c3d4, { byteOrder: "big", resolution: "us" }],
  [0xd4c3b2a1, { byteOrder: "little", resolution: "us" }],
  [0xa1b23c4d, { byteOrder: "big", resolution: "ns" }],
  [0x4d3cb2a1, { byteOrder: "little", resolution: "ns" }],
]);

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** True when these four bytes begin a pcap file. */
export function isPcap(magic: Uint8Array): boolean {
  return MAGICS.has(viewOf(magic).getUint32(0));
}

/** CAPTURE_TRUNCATED at the beginning of what is cut. */
export function truncated(reader: ChunkReader, what: string, need: number, offset = reader.position): XdpkitError {
  const have = reader.available + reader.position - offset;
  return xdpkitError("CAPTURE_TRUNCATED", { what, need, have }, { at: { kind: "byte", offset } });
}

/**
 * The header, then the packets. Throws CAPTURE_FORMAT, CAPTURE_TRUNCATED, CAPTURE_TOO_LONG at their byte, after every
 * whole packet before.
 */
export async function* readPcap(source: ByteSource): AsyncGenerator<PcapRecord, void, undefined> {
  const reader = new ChunkReader(source);
  try {
    yield* pcapRecords(reader);
  } finally {
    await reader.close();
  }
}

/** The same from a reader that somebody else closes. */
export async function* pcapRecords(reader: ChunkReader): AsyncGenerator<PcapRecord, void, undefined> {
  if (!(await reader.fill(HEADER_SIZE))) throw truncated(reader, "the file header", HEADER_SIZE);
  const header = readHeader(reader.take(HEADER_SIZE));
  yield header;
  const little = header.byteOrder === "little";
  const unit = header.resolution === "us" ? 1000n : 1n;
  while (await reader.fill(1)) {
    const offset = reader.position;
    if (reader.available < RECORD_SIZE && !(await reader.fill(RECORD_SIZE))) {
      throw truncated(reader, "a packet's header", RECORD_SIZE);
    }
    const view = viewOf(reader.take(RECORD_SIZE));
    const length = view.getUint32(8, little);
    checkLength(length, header, offset);
    if (reader.available < length && !(await reader.fill(length))) {
      throw truncated(reader, "a packet", RECORD_SIZE + length, offset);
    }
    const timestampNs = BigInt(view.getUint32(0, little)) * 1_000_000_000n + BigInt(view.getUint32(4, little)) * unit;
    yield {
      kind: "packet",
      timestampNs,
      bytes: reader.take(length),
      originalLength: view.getUint32(12, little),
      offset,
    };
  }
}

function readHeader(bytes: Uint8Array): PcapHeader {
  const view = viewOf(bytes);
  const magic = view.getUint32(0);
  const form = MAGICS.get(magic);
  if (!form) throw xdpkitError("CAPTURE_FORMAT", { magic: magic.toString(16) }, { at: { kind: "byte", offset: 0 } });
  const little = form.byteOrder === "little";
  const linkType = view.getUint32(20, little);
  return {
    kind: "header",
    ...form,
    major: view.getUint16(4, little),
    minor: view.getUint16(6, little),
    zone: view.getInt32(8, little),
    accuracy: view.getUint32(12, little),
    snapLength: view.getUint32(16, little),
    linkType: linkType & 0xffff,
    linkTypeFlags: linkType >>> 16,
  };
}

function checkLength(length: number, { snapLength }: PcapHeader, offset: number): void {
  const limit = Math.max(USUAL_LIMIT, Math.min(snapLength, MAX_RECORD_LENGTH));
  if (length <= limit) return;
  throw xdpkitError("CAPTURE_TOO_LONG", { what: "a packet's header", length, limit }, { at: { kind: "byte", offset } });
}

/** What the file's header says. */
export interface PcapWriteOptions {
  /** LINKTYPE_ number; 1 (Ethernet) when absent. */
  readonly linkType?: number;
  /** Default "little". */
  readonly byteOrder?: "little" | "big";
  /** Default "ns"; a finer time is cut off. */
  readonly resolution?: "us" | "ns";
  /** Most bytes of a packet, as the header says. Default 262144. */
  readonly snapLength?: number;
}

/** What is written of a packet; a record that was read will do. */
export interface PacketToWrite {
  /** From the link-layer header on. */
  readonly bytes: Uint8Array;
  /** Nanoseconds since 1970; null where there is none. */
  readonly timestampNs: bigint | null;
  /** The length of `bytes` when absent. */
  readonly originalLength?: number;
  /** Compared with that of the file, when it is there. */
  readonly linkType?: number;
}

/**
 * The chunks of a pcap file: one for the header, one per packet. Throws CAPTURE_TIMESTAMP, CAPTURE_MIXED_LINK_TYPES.
 *
 * @throws XdpkitError CAPTURE_TIMESTAMP, CAPTURE_MIXED_LINK_TYPES
 */
export async function* writePcap(
  packets: AsyncIterable<PacketToWrite> | Iterable<PacketToWrite>,
  options: PcapWriteOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { linkType = 1, resolution = "ns", snapLength = USUAL_LIMIT } = options;
  const little = options.byteOrder !== "big";
  const header = new ByteWriter(little, HEADER_SIZE).u32(resolution === "us" ? 0xa1b2c3d4 : 0xa1b23c4d);
  yield header.u16(2).u16(4).u32(0).u32(0).u32(snapLength).u32(linkType).finish();
  for await (const packet of packets) {
    checkLinkType(packet, linkType);
    yield writeRecord(packet, little, resolution === "us" ? 1000n : 1n);
  }
}

function checkLinkType(packet: PacketToWrite, expected: number): void {
  if (packet.linkType === undefined || packet.linkType === expected) return;
  throw xdpkitError(
    "CAPTURE_MIXED_LINK_TYPES",
    { expected, found: packet.linkType },
    { at: { kind: "path", path: "$.linkType" } },
  );
}

function writeRecord({ bytes, timestampNs, originalLength }: PacketToWrite, little: boolean, unit: bigint): Uint8Array {
  const time = timestampNs ?? 0n;
  const seconds = time / 1_000_000_000n;
  if (time < 0n || seconds > 0xffffffffn) {
    throw xdpkitError("CAPTURE_TIMESTAMP", { timestampNs: time }, { at: { kind: "path", path: "$.timestampNs" } });
  }
  const record = new ByteWriter(little, RECORD_SIZE + bytes.length).u32(Number(seconds));
  record
    .u32(Number((time % 1_000_000_000n) / unit))
    .u32(bytes.length)
    .u32(originalLength ?? bytes.length);
  return record.bytes(bytes).finish();
}
