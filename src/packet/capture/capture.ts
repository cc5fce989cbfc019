/**
 * Packets of a capture file, pcap or pcapng, told apart by its first bytes.
 *
 * Invariant: the packets come as they are read, one at a time: a capture of any size takes the memory of one chunk.
 */
import { printHex, xdpkitError } from "../../base/index.ts";
import { type ByteSource, ChunkReader } from "./chunks.ts";
import { isPcap, pcapRecords } from "./pcap.ts";
import { type PacketOption, valuesOf } from "./pcapng-options.ts";
import { isPcapng, pcapngRecords } from "./pcapng-read.ts";
import type { PcapngInterface } from "./pcapng-records.ts";

/** A packet of either format. */
export interface CapturedPacket {
  /** Nanoseconds since 1970; null when the file does not say. */
  readonly timestampNs: bigint | null;
  /** A view on the chunk that it came in; copy what is kept for long. */
  readonly bytes: Uint8Array;
  /** On the wire, bytes. */
  readonly originalLength: number;
  /** LINKTYPE_ number, for `parse`. */
  readonly linkType: number;
  /** Counts the section's interfaces; 0 in pcap. */
  readonly interfaceId: number;
  /** As the capture says. */
  readonly interfaceName?: string;
  /** Of pcapng; empty in pcap. */
  readonly options: readonly PacketOption[];
  /** Of its record, bytes from the start of the file. */
  readonly offset: number;
}

/**
 * The packets of a capture. Throws CAPTURE_FORMAT, and what `readPcap` and `readPcapng` throw.
 *
 * @throws XdpkitError CAPTURE_FORMAT
 */
export async function* readCapture(source: ByteSource): AsyncGenerator<CapturedPacket, void, undefined> {
  const reader = new ChunkReader(source);
  try {
    const magic = reader.peek((await reader.fill(4)) ? 4 : reader.available);
    if (magic.length === 4 && isPcap(magic)) yield* fromPcap(reader);
    else if (magic.length === 4 && isPcapng(magic)) yield* fromPcapng(reader);
    else throw xdpkitError("CAPTURE_FORMAT", { magic: printHex(magic) }, { at: { kind: "byte", offset: 0 } });
  } finally {
    await reader.close();
  }
}

const NO_OPTIONS: readonly PacketOption[] = [];

async function* fromPcap(reader: ChunkReader): AsyncGenerator<CapturedPacket, void, undefined> {
  let linkType = 0;
  for await (const record of pcapRecords(reader)) {
    if (record.kind === "header") linkType = record.linkType;
    else {
      const { timestampNs, bytes, originalLength, offset } = record;
      yield { timestampNs, bytes, originalLength, linkType, interfaceId: 0, options: NO_OPTIONS, offset };
    }
  }
}

async function* fromPcapng(reader: ChunkReader): AsyncGenerator<CapturedPacket, void, undefined> {
  let interfaces: PcapngInterface[] = [];
  for await (const record of pcapngRecords(reader)) {
    if (record.kind === "section") interfaces = [];
    else if (record.kind === "interface") interfaces.push(record);
    else if (record.kind === "packet") {
      const { linkType, options } = interfaces[record.interfaceId] as PcapngInterface;
      const name = valuesOf(options, "name")[0];
      yield { ...record, linkType, ...(name !== undefined && { interfaceName: name }) };
    }
  }
}
