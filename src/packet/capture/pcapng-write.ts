/**
 * Writes records as a stream of pcapng blocks.
 *
 * Invariant: what `readPcapng` yields gives the same blocks again; a packet is written only behind its interface.
 */
import { xdpkitError } from "../../base/index.ts";
import { ByteWriter } from "./byte-writer.ts";
import { interfaceRows, obsoletePacketRows, packetRows, sectionRows, writeOptions } from "./pcapng-options.ts";
import {
  BlockType,
  BYTE_ORDER_MAGIC,
  type PcapngInterface,
  type PcapngPacket,
  type PcapngRecord,
  type PcapngSection,
  TimeUnit,
} from "./pcapng-records.ts";

/** A section as this library writes it when the records begin without one. */
const PLAIN_SECTION: PcapngSection = {
  kind: "section",
  byteOrder: "little",
  major: 1,
  minor: 0,
  length: -1n,
  options: [{ kind: "application", value: "xdpkit" }],
};

/**
 * The chunks of a pcapng file, one per block; a section header comes first when the records have none. Throws
 * PCAPNG_INTERFACE, CAPTURE_TIMESTAMP, PCAPNG_OPTION.
 */
export async function* writePcapng(
  records: AsyncIterable<PcapngRecord> | Iterable<PcapngRecord>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new PcapngWriter();
  for await (const record of records) {
    if (!writer.isOpen && record.kind !== "section") yield writer.block(PLAIN_SECTION);
    yield writer.block(record);
  }
  if (!writer.isOpen) yield writer.block(PLAIN_SECTION);
}

/** The same one record at a time, for callers that are no streams. */
export class PcapngWriter {
  #little = true;
  #times: TimeUnit[] = [];
  /** Whether the section header has been written. */
  isOpen = false;

  /** The bytes of a record's block. */
  block(record: PcapngRecord): Uint8Array {
    switch (record.kind) {
      case "section":
        return this.#section(record);
      case "interface":
        return this.#interface(record);
      case "packet":
        return this.#packet(record);
      case "block":
        return this.#frame(record.type, record.body);
    }
  }

  #frame(type: number, ...body: readonly Uint8Array[]): Uint8Array {
    const content = body.reduce((sum, part) => sum + part.length, 0);
    const length = Math.ceil(content / 4) * 4 + 12;
    const writer = new ByteWriter(this.#little, length).u32(type).u32(length);
    for (const part of body) writer.bytes(part);
    return writer.align(4).u32(length).finish();
  }

  #section({ byteOrder, major, minor, length, options }: PcapngSection): Uint8Array {
    this.isOpen = true;
    this.#little = byteOrder === "little";
    this.#times = [];
    const fields = new ByteWriter(this.#little)
      .u32(BYTE_ORDER_MAGIC)
      .u16(major)
      .u16(minor)
      .u64(BigInt.asUintN(64, length));
    return this.#frame(BlockType.Section, fields.finish(), writeOptions(sectionRows, options, this.#little));
  }

  #interface({ linkType, snapLength, options }: PcapngInterface): Uint8Array {
    this.#times.push(new TimeUnit(options));
    const fields = new ByteWriter(this.#little).u16(linkType).u16(0).u32(snapLength);
    return this.#frame(BlockType.Interface, fields.finish(), writeOptions(interfaceRows, options, this.#little));
  }

  #packet(packet: PcapngPacket): Uint8Array {
    const { block, interfaceId, bytes, originalLength } = packet;
    const time = this.#times[interfaceId];
    if (!time) throw xdpkitError("PCAPNG_INTERFACE", { interfaceId, known: this.#times.length }, place("interfaceId"));
    const fields = new ByteWriter(this.#little, bytes.length + 64);
    if (block === "simple") return this.#frame(BlockType.Simple, fields.u32(originalLength).bytes(bytes).finish());
    if (block === "enhanced") fields.u32(interfaceId);
    else fields.u16(interfaceId).u16(packet.drops ?? 0xffff);
    const units = unitsOf(packet, time);
    fields.u32(Number(units >> 32n)).u32(Number(units & 0xffffffffn));
    fields.u32(bytes.length).u32(originalLength).bytes(bytes).align(4);
    if (block === "enhanced") fields.bytes(writeOptions(packetRows, packet.options, this.#little));
    else fields.bytes(writeOptions(obsoletePacketRows, packet.options as never, this.#little));
    return this.#frame(block === "enhanced" ? BlockType.Enhanced : BlockType.ObsoletePacket, fields.finish());
  }
}

const place = (field: string) => ({ at: { kind: "path", path: `$.${field}` } }) as const;

function unitsOf({ timestampNs }: PcapngPacket, time: TimeUnit): bigint {
  if (timestampNs === null) return 0n;
  const units = time.fromNs(timestampNs);
  if (units >= 0n && units >> 64n === 0n) return units;
  throw xdpkitError("CAPTURE_TIMESTAMP", { timestampNs }, place("timestampNs"));
}
