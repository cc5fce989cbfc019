/**
 * Fuzz targets of the packet layer: hostile packets and capture files.
 *
 * Invariant: a target returns, or throws what is a bug. XdpkitErrors of the catalogue are answers; INTERNAL_ ones,
 * other exceptions, and bytes that do not survive parse and build are bugs.
 */
import { equalBytes, invariant, XdpkitError } from "../../src/base/index.ts";
import {
  build,
  LinkType,
  type PcapngRecord,
  parse,
  print,
  readCapture,
  readPcapng,
  recompute,
  verifyChecksums,
  writePcap,
  writePcapng,
} from "../../src/packet/index.ts";
import { mixedTraffic } from "../traffic/index.ts";
import type { FuzzTarget } from "./target.ts";

/** Passes over an error that is an answer to bad input. */
function answered(error: unknown): void {
  if (!(error instanceof XdpkitError) || error.code.startsWith("INTERNAL_")) throw error;
  invariant(error.at !== undefined, `${error.code} has no place`);
}

function runPacket(bytes: Uint8Array): void {
  for (const linkType of [LinkType.Ethernet, LinkType.Raw]) {
    const packet = parse(bytes, { linkType });
    invariant(equalBytes(build(packet), bytes), "parse and build give other bytes");
    invariant(print(packet).length > 0, "print gives nothing");
    verifyChecksums(packet);
    try {
      build(recompute(packet));
    } catch (error) {
      answered(error);
    }
  }
}

/** The file in pieces of 1 to 64 bytes: every piece that is taken crosses chunks now and then. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  let size = 1;
  for (let at = 0; at < bytes.length; at += size) {
    size = (size * 7 + 3) % 64 || 1;
    yield bytes.subarray(at, at + size);
  }
}

async function runCapture(bytes: Uint8Array): Promise<void> {
  try {
    for await (const packet of readCapture(pieces(bytes))) {
      invariant(packet.offset < bytes.length, "a packet behind the end");
      parse(packet.bytes, { linkType: packet.linkType });
    }
  } catch (error) {
    answered(error);
  }
}

async function runPcapng(bytes: Uint8Array): Promise<void> {
  const records: PcapngRecord[] = [];
  try {
    for await (const record of readPcapng(pieces(bytes))) records.push(record);
  } catch (error) {
    answered(error);
  }
  await runCapture(bytes);
  const written = await writtenAgain(records);
  if (written) await readBack(written, records.length);
}

/** Null when a record cannot be written: a time outside the 64 bits of its unit. */
async function writtenAgain(records: readonly PcapngRecord[]): Promise<Uint8Array | null> {
  try {
    return await collect(writePcapng(records));
  } catch (error) {
    answered(error);
    return null;
  }
}

/** What we write we read, without any complaint. */
async function readBack(bytes: Uint8Array, expected: number): Promise<void> {
  let count = 0;
  for await (const _ of readPcapng([bytes])) count++;
  invariant(count === Math.max(1, expected), `${count} records of ${expected} are read back`);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: number[] = [];
  for await (const chunk of chunks) parts.push(...chunk);
  return Uint8Array.from(parts);
}

async function pcapSeeds(): Promise<Uint8Array[]> {
  const packets = mixedTraffic()
    .slice(0, 5)
    .map(({ bytes }, i) => ({ bytes, timestampNs: BigInt(i) }));
  const forms = [{}, { byteOrder: "big" }, { resolution: "us" }] as const;
  return Promise.all(forms.map((form) => collect(writePcap(packets, form))));
}

/** Every kind of block and option, in one byte order. */
function everyBlock(byteOrder: "little" | "big"): PcapngRecord[] {
  const bytes = mixedTraffic()[0]?.bytes ?? new Uint8Array(0);
  const packet = {
    kind: "packet",
    interfaceId: 0,
    timestampNs: 1_700_000_000_000_000_000n,
    bytes,
    originalLength: 99,
  } as const;
  const enhanced = { ...packet, block: "enhanced" } as const;
  return [
    { kind: "section", byteOrder, major: 1, minor: 0, length: -1n, options: [{ kind: "comment", value: "a section" }] },
    {
      kind: "interface",
      linkType: 1,
      snapLength: 65_535,
      options: [
        { kind: "name", value: "eth0" },
        { kind: "timestampResolution", value: 9 },
        { kind: "timestampOffset", value: 5n },
      ],
    },
    { kind: "interface", linkType: 101, snapLength: 0, options: [{ kind: "timestampResolution", value: 0x94 }] },
    {
      ...enhanced,
      options: [
        { kind: "flags", value: 1 },
        { kind: "verdict", value: { type: 2, value: 2n } },
        { kind: "packetId", value: 1n },
        { kind: "queue", value: 3 },
        { kind: "dropCount", value: 4n },
      ],
    },
    { ...enhanced, interfaceId: 1, options: [{ kind: "unknown", code: 2988, value: Uint8Array.of(0, 0, 0, 1, 7) }] },
    { ...packet, block: "simple", timestampNs: null, originalLength: bytes.length, options: [] },
    { ...packet, block: "obsolete", drops: 3, options: [{ kind: "comment", value: "old" }] },
    { kind: "block", type: 5, body: new Uint8Array(12) },
    { kind: "block", type: 0xbad, body: Uint8Array.of(0, 0, 0x12, 0x34) },
  ];
}

export const packetTargets: Readonly<Record<string, FuzzTarget>> = {
  packet: { seeds: () => mixedTraffic().map(({ bytes }) => bytes), run: runPacket },
  pcap: { seeds: pcapSeeds, run: runCapture },
  pcapng: {
    seeds: () => Promise.all((["little", "big"] as const).map((order) => collect(writePcapng(everyBlock(order))))),
    run: runPcapng,
  },
};
