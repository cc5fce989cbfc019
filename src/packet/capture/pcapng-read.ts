/**
 * Reads pcapng as a stream of records.
 *
 *   | type | total length | body, to a multiple of 4 bytes … | total length |
 *
 * Invariant: no length is trusted before it is checked against `MAX_BLOCK_LENGTH` and the block's own minimum; every
 * whole block before a fault is yielded.
 */
import { ByteReader, type XdpkitError, xdpkitError } from "../../base/index.ts";
import { type ByteSource, ChunkReader } from "./chunks.ts";
import { truncated } from "./pcap.ts";
import { interfaceRows, obsoletePacketRows, packetRows, readOptions, sectionRows } from "./pcapng-options.ts";
import {
  BlockType,
  BYTE_ORDER_MAGIC,
  type PcapngInterface,
  type PcapngPacket,
  type PcapngRecord,
  type PcapngRecordRead,
  TimeUnit,
} from "./pcapng-records.ts";

/** A block that says more is taken for damage. */
export const MAX_BLOCK_LENGTH = 16 * 1024 * 1024;
const FRAME_SIZE = 12;

/** True when these four bytes begin a pcapng file. */
export function isPcapng(magic: Uint8Array): boolean {
  return new DataView(magic.buffer, magic.byteOffset, 4).getUint32(0) === BlockType.Section;
}

/**
 * The records in order. Throws CAPTURE_TRUNCATED, CAPTURE_TOO_LONG, PCAPNG_BLOCK_LENGTH, PCAPNG_BYTE_ORDER,
 * PCAPNG_VERSION, PCAPNG_NO_SECTION, PCAPNG_INTERFACE or PCAPNG_OPTION at the block's byte.
 */
export async function* readPcapng(source: ByteSource): AsyncGenerator<PcapngRecordRead, void, undefined> {
  const reader = new ChunkReader(source);
  try {
    yield* pcapngRecords(reader);
  } finally {
    await reader.close();
  }
}

/** The same from a reader that somebody else closes. */
export async function* pcapngRecords(reader: ChunkReader): AsyncGenerator<PcapngRecordRead, void, undefined> {
  const section = new Section();
  while (await reader.fill(1)) {
    const offset = reader.position;
    if (reader.available < FRAME_SIZE && !(await reader.fill(FRAME_SIZE)))
      throw truncated(reader, "a block", FRAME_SIZE);
    const { type, length } = section.frame(reader.peek(FRAME_SIZE), offset);
    if (reader.available < length && !(await reader.fill(length))) throw truncated(reader, "a block", length);
    const record = section.read(type, reader.take(length), offset);
    yield { ...record, offset };
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const nameOf = (type: number) =>
  Object.entries(BlockType)
    .find(([, known]) => known === type)?.[0]
    .toLowerCase() ?? `0x${type.toString(16)}`;

interface Described {
  readonly snapLength: number;
  readonly time: TimeUnit;
}

/** What one section has said so far: its byte order and its interfaces. */
class Section {
  #little = true;
  #isOpen = false;
  #interfaces: Described[] = [];

  /** Type and checked length from a block's first 12 bytes; a section header tells its byte order in the last four. */
  frame(bytes: Uint8Array, offset: number): { type: number; length: number } {
    const view = viewOf(bytes);
    const isSection = view.getUint32(0) === BlockType.Section;
    if (isSection) this.#little = readByteOrder(view, offset);
    const type = isSection ? BlockType.Section : view.getUint32(0, this.#little);
    if (!isSection && !this.#isOpen)
      throw xdpkitError("PCAPNG_NO_SECTION", { block: `the block ${nameOf(type)}` }, place(offset));
    const length = view.getUint32(4, this.#little);
    if (length > MAX_BLOCK_LENGTH) {
      const parameters = { what: `the block ${nameOf(type)}`, length, limit: MAX_BLOCK_LENGTH };
      throw xdpkitError("CAPTURE_TOO_LONG", parameters, place(offset));
    }
    if (length % 4 !== 0) throw badLength(type, length, "not a multiple of 4", offset);
    if (length < FRAME_SIZE) throw badLength(type, length, "less than a block's own 12 bytes", offset);
    return { type, length };
  }

  read(type: number, block: Uint8Array, offset: number): PcapngRecord {
    const trailer = viewOf(block).getUint32(block.length - 4, this.#little);
    if (trailer !== block.length) throw badLength(type, block.length, `${trailer} at its end`, offset);
    const short = () => badLength(type, block.length, "too short for its fields", offset);
    const body = new ByteReader(block.subarray(8, -4), { littleEndian: this.#little, short, base: offset + 8 });
    switch (type) {
      case BlockType.Section:
        return this.#section(body, offset);
      case BlockType.Interface:
        return this.#interface(body);
      case BlockType.Enhanced:
        return this.#enhanced(body, offset);
      case BlockType.Simple:
        return this.#simple(body, offset);
      case BlockType.ObsoletePacket:
        return this.#obsolete(body, offset);
      default:
        return { kind: "block", type, body: body.take(body.remaining) };
    }
  }

  #area(body: ByteReader) {
    const offset = body.base + body.offset;
    return { bytes: body.take(body.remaining), littleEndian: this.#little, offset };
  }

  #section(body: ByteReader, offset: number): PcapngRecord {
    body.u32();
    const major = body.u16();
    const minor = body.u16();
    if (major !== 1) throw xdpkitError("PCAPNG_VERSION", { major, minor }, place(offset));
    const length = BigInt.asIntN(64, body.u64());
    this.#isOpen = true;
    this.#interfaces = [];
    const byteOrder = this.#little ? "little" : "big";
    return { kind: "section", byteOrder, major, minor, length, options: readOptions(sectionRows, this.#area(body)) };
  }

  #interface(body: ByteReader): PcapngInterface {
    const linkType = body.u16();
    body.u16();
    const snapLength = body.u32();
    const options = readOptions(interfaceRows, this.#area(body));
    this.#interfaces.push({ snapLength, time: new TimeUnit(options) });
    return { kind: "interface", linkType, snapLength, options };
  }

  #described(interfaceId: number, offset: number): Described {
    const described = this.#interfaces[interfaceId];
    if (described) return described;
    throw xdpkitError("PCAPNG_INTERFACE", { interfaceId, known: this.#interfaces.length }, place(offset));
  }

  #enhanced(body: ByteReader, offset: number): PcapngPacket {
    const interfaceId = body.u32();
    const { time } = this.#described(interfaceId, offset);
    const timestampNs = time.toNs((BigInt(body.u32()) << 32n) | BigInt(body.u32()));
    const captured = body.u32();
    const originalLength = body.u32();
    const bytes = takePadded(body, captured);
    const options = readOptions(packetRows, this.#area(body));
    return { kind: "packet", block: "enhanced", interfaceId, timestampNs, bytes, originalLength, options };
  }

  /** Section 4.4: the captured length is not said; it follows from the snap length. */
  #simple(body: ByteReader, offset: number): PcapngPacket {
    const { snapLength } = this.#described(0, offset);
    const originalLength = body.u32();
    const captured = snapLength === 0 ? originalLength : Math.min(snapLength, originalLength);
    const bytes = takePadded(body, captured);
    return { kind: "packet", block: "simple", interfaceId: 0, timestampNs: null, bytes, originalLength, options: [] };
  }

  #obsolete(body: ByteReader, offset: number): PcapngPacket {
    const interfaceId = body.u16();
    const { time } = this.#described(interfaceId, offset);
    const drops = body.u16();
    const timestampNs = time.toNs((BigInt(body.u32()) << 32n) | BigInt(body.u32()));
    const captured = body.u32();
    const originalLength = body.u32();
    const bytes = takePadded(body, captured);
    const options = readOptions(obsoletePacketRows, this.#area(body));
    return { kind: "packet", block: "obsolete", interfaceId, timestampNs, bytes, originalLength, options, drops };
  }
}

function takePadded(body: ByteReader, length: number): Uint8Array {
  const bytes = body.take(length);
  body.take((4 - (length % 4)) % 4);
  return bytes;
}

function readByteOrder(view: DataView, offset: number): boolean {
  if (view.getUint32(8, true) === BYTE_ORDER_MAGIC) return true;
  if (view.getUint32(8, false) === BYTE_ORDER_MAGIC) return false;
  throw xdpkitError("PCAPNG_BYTE_ORDER", { magic: view.getUint32(8).toString(16).padStart(8, "0") }, place(offset));
}

const place = (offset: number) => ({ at: { kind: "byte", offset } }) as const;

function badLength(type: number, length: number, problem: string, offset: number): XdpkitError {
  return xdpkitError("PCAPNG_BLOCK_LENGTH", { block: `the block ${nameOf(type)}`, length, problem }, place(offset));
}
