/** pcap and pcapng: pinned bytes both ways, damage at every place, chunks of every size, and a stream of 300 MB. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, parseHex, printHex, XdpkitError } from "../../base/index.ts";
import { ChunkReader } from "./chunks.ts";
import {
  type PacketToWrite,
  type PcapngRecord,
  type PcapngRecordRead,
  readCapture,
  readPcap,
  readPcapng,
  valuesOf,
  writePcap,
  writePcapng,
} from "./index.ts";

const hex = (text: string) => parseHex(text) as Uint8Array;
async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const list: Uint8Array[] = [];
  for await (const chunk of chunks) list.push(chunk);
  return concatBytes(...list);
}
function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
/** What a generator yields until it ends or throws, and the error's code and byte. */
async function outcome<T>(items: AsyncIterable<T>): Promise<{ items: T[]; error: string | null }> {
  const list: T[] = [];
  try {
    for await (const item of items) list.push(item);
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    return {
      items: list,
      error: `${error.code} at ${error.at?.kind === "byte" ? error.at.offset : JSON.stringify(error.at)}`,
    };
  }
  return { items: list, error: null };
}

// draft-ietf-opsawg-pcap: one packet of four bytes at 1.000002 s (or 1.000000002 s), ten on the wire.
const PCAP = {
  "little us": "d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000  01000000 02000000 04000000 0a000000 deadbeef",
  "big us": "a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001  00000001 00000002 00000004 0000000a deadbeef",
  "little ns": "4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000  01000000 02000000 04000000 0a000000 deadbeef",
  "big ns": "a1b23c4d 0002 0004 00000000 00000000 00040000 00000001  00000001 00000002 00000004 0000000a deadbeef",
};

describe("pcap", () => {
  it.each(Object.entries(PCAP))("%s, both directions", async (form, text) => {
    const [byteOrder, resolution] = form.split(" ") as ["little" | "big", "us" | "ns"];
    const { items, error } = await outcome(readPcap([hex(text)]));
    expect(error).toBe(null);
    const timestampNs = resolution === "us" ? 1_000_002_000n : 1_000_000_002n;
    expect(items).toEqual([
      {
        kind: "header",
        byteOrder,
        resolution,
        major: 2,
        minor: 4,
        zone: 0,
        accuracy: 0,
        snapLength: 262144,
        linkType: 1,
        linkTypeFlags: 0,
      },
      { kind: "packet", timestampNs, bytes: hex("deadbeef"), originalLength: 10, offset: 24 },
    ]);
    const packet = { bytes: hex("deadbeef"), timestampNs, originalLength: 10 };
    expect(printHex(await collect(writePcap([packet], { byteOrder, resolution })))).toBe(printHex(hex(text)));
  });
  it.each([
    ["", "CAPTURE_TRUNCATED at 0", 0],
    ["d4c3b2a1", "CAPTURE_TRUNCATED at 0", 0],
    [`00000000${"00".repeat(20)}`, "CAPTURE_FORMAT at 0", 0],
    [`${PCAP["little us"]} 0100`, "CAPTURE_TRUNCATED at 44", 2],
    [`${PCAP["little us"]} 01000000 02000000 04000000 04000000 dead`, "CAPTURE_TRUNCATED at 44", 2],
    [`${PCAP["little us"]} 01000000 02000000 ffffffff 04000000 dead`, "CAPTURE_TOO_LONG at 44", 2],
    [`${PCAP["little us"]} 01000000 02000000 01000400 04000000 dead`, "CAPTURE_TOO_LONG at 44", 2],
  ])("damage: %s", async (text, error, count) => {
    const result = await outcome(readPcap([hex(text)]));
    expect([result.error, result.items.length]).toEqual([error, count]);
  });
  it("a snap length above the usual limit is believed up to 16 MiB", async () => {
    const header = "d4c3b2a1 0200 0400 00000000 00000000 ffffffff 01000000";
    expect((await outcome(readPcap([hex(`${header} 01000000 02000000 00000001 04000000`)]))).error).toBe(
      "CAPTURE_TRUNCATED at 24",
    );
    expect((await outcome(readPcap([hex(`${header} 01000000 02000000 01000001 04000000`)]))).error).toBe(
      "CAPTURE_TOO_LONG at 24",
    );
  });
  it("refuses to write what the format cannot hold", async () => {
    const write = (packet: PacketToWrite) =>
      outcome(writePcap([packet], { linkType: 1 })).then(({ error }) => error?.split(" ")[0]);
    const bytes = hex("00");
    expect(await write({ bytes, timestampNs: -1n })).toBe("CAPTURE_TIMESTAMP");
    expect(await write({ bytes, timestampNs: 2n ** 32n * 1_000_000_000n })).toBe("CAPTURE_TIMESTAMP");
    expect(await write({ bytes, timestampNs: 0n, linkType: 101 })).toBe("CAPTURE_MIXED_LINK_TYPES");
  });
  it("any packets survive, in chunks of any size", async () => {
    const packet = fc.record({
      bytes: fc.uint8Array({ maxLength: 80 }),
      timestampNs: fc.bigInt({ min: 0n, max: 2n ** 32n * 1_000_000_000n - 1n }),
      originalLength: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(packet, { maxLength: 5 }),
        fc.integer({ min: 1, max: 100 }),
        fc.constantFrom("little", "big"),
        async (packets, size, byteOrder) => {
          const file = await collect(writePcap(packets, { byteOrder: byteOrder as "little" }));
          const { items, error } = await outcome(readPcap(pieces(file, size)));
          expect(error).toBe(null);
          expect(items.slice(1).map((item) => ({ ...item, kind: undefined, offset: undefined }))).toEqual(packets);
        },
      ),
    );
  });
});

const SECTION = {
  little: "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000",
  big: "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c",
};
const section = (byteOrder: "little" | "big") =>
  ({ kind: "section", byteOrder, major: 1, minor: 0, length: -1n, options: [] }) as const;

/** One block each, as the draft draws it: little-endian unless said. */
const BLOCKS: readonly (readonly [string, string, PcapngRecord])[] = [
  [
    "interface with options",
    "01000000 34000000 0100 0000 00000400 0200 0400 65746830 0900 0100 09000000 0e00 0800 0500000000000000 0000 0000 34000000",
    {
      kind: "interface",
      linkType: 1,
      snapLength: 0x40000,
      options: [
        { kind: "name", value: "eth0" },
        { kind: "timestampResolution", value: 9 },
        { kind: "timestampOffset", value: 5n },
      ],
    },
  ],
  [
    "enhanced packet with every option",
    `06000000 78000000 00000000 00000000 02000000 05000000 0a000000 0102030405000000
     0100 0200 68690000  0200 0400 01000000  0300 0500 02aabbccdd000000  0400 0800 0700000000000000
     0500 0800 0800000000000000  0600 0400 03000000  0700 0900 02 0200000000000000 000000  0000 0000 78000000`,
    {
      kind: "packet",
      block: "enhanced",
      interfaceId: 0,
      timestampNs: 5_000_000_002n,
      bytes: hex("0102030405"),
      originalLength: 10,
      options: [
        { kind: "comment", value: "hi" },
        { kind: "flags", value: 1 },
        { kind: "hash", value: hex("02aabbccdd") },
        { kind: "dropCount", value: 7n },
        { kind: "packetId", value: 8n },
        { kind: "queue", value: 3 },
        { kind: "verdict", value: { type: 2, value: 2n } },
      ],
    },
  ],
  [
    "simple packet",
    "03000000 14000000 04000000 01020304 14000000",
    {
      kind: "packet",
      block: "simple",
      interfaceId: 0,
      timestampNs: null,
      bytes: hex("01020304"),
      originalLength: 4,
      options: [],
    },
  ],
  [
    "obsolete packet",
    "02000000 24000000 0000 0300 00000000 01000000 02000000 02000000 01020000 24000000",
    {
      kind: "packet",
      block: "obsolete",
      interfaceId: 0,
      timestampNs: 5_000_000_001n,
      bytes: hex("0102"),
      originalLength: 2,
      options: [],
      drops: 3,
    },
  ],
  [
    "custom block",
    "ad0b0000 14000000 39300000 aabbccdd 14000000",
    { kind: "block", type: 0xbad, body: hex("39300000aabbccdd") },
  ],
  [
    "statistics",
    "05000000 18000000 00000000 01000000 02000000 18000000",
    { kind: "block", type: 5, body: hex("000000000100000002000000") },
  ],
];
const HEAD = `${SECTION.little} ${BLOCKS[0]?.[1]}`;
const headLength = hex(HEAD).length;

describe("pcapng", () => {
  it.each(BLOCKS)("%s, both directions", async (_, text, record) => {
    const file = hex(record.kind === "interface" ? `${SECTION.little} ${text}` : `${HEAD} ${text}`);
    const { items, error } = await outcome(readPcapng([file]));
    expect(error).toBe(null);
    const offset = file.length - hex(text).length;
    expect(items.at(-1)).toEqual({ ...record, offset });
    expect(printHex(await collect(writePcapng(items)))).toBe(printHex(file));
  });

  const everything: PcapngRecord[] = [
    section("little"),
    ...BLOCKS.map(([, , record]) => record),
    section("big"),
    ...BLOCKS.slice(0, 4).map(([, , record]) => record),
  ];
  it("several sections in both byte orders, in chunks of every size", async () => {
    const file = await collect(writePcapng(everything));
    expect(printHex(file.subarray(0, 28))).toBe(printHex(hex(SECTION.little)));
    for (let size = 1; size < 70; size++) {
      const { items, error } = await outcome(readPcapng(pieces(file, size)));
      expect(error).toBe(null);
      expect(items.map(({ offset: _, ...record }) => record)).toEqual(everything);
    }
  });
  it("cut anywhere: the whole blocks before, then CAPTURE_TRUNCATED at the cut block", async () => {
    const file = await collect(writePcapng(everything));
    const { items } = await outcome(readPcapng([file]));
    const starts = [...items.map(({ offset }) => offset), file.length];
    for (let cut = 1; cut < file.length; cut++) {
      const whole = starts.filter((start) => start <= cut).length - 1;
      const result = await outcome(readPcapng([file.subarray(0, cut)]));
      const expected = starts.includes(cut) ? null : `CAPTURE_TRUNCATED at ${starts[whole]}`;
      expect([cut, result.items.length, result.error]).toEqual([cut, whole, expected]);
    }
  });
  it.each([
    ["no section", "01000000 14000000 0100 0000 00000400 14000000", "PCAPNG_NO_SECTION at 0"],
    ["byte-order magic", "0a0d0d0a 1c000000 deadbeef 0100 0000 ffffffffffffffff 1c000000", "PCAPNG_BYTE_ORDER at 0"],
    ["version", "0a0d0d0a 1c000000 4d3c2b1a 0200 0000 ffffffffffffffff 1c000000", "PCAPNG_VERSION at 0"],
    ["length above the limit", `${SECTION.little} 05000000 04000001 00000000`, "CAPTURE_TOO_LONG at 28"],
    ["length of 2^32 - 4", `${SECTION.little} 05000000 fcffffff 00000000`, "CAPTURE_TOO_LONG at 28"],
    ["length not a multiple of 4", `${SECTION.little} 05000000 0d000000 00000000 00`, "PCAPNG_BLOCK_LENGTH at 28"],
    ["length below 12", `${SECTION.little} 05000000 08000000 08000000`, "PCAPNG_BLOCK_LENGTH at 28"],
    ["length of 0", `${SECTION.little} 05000000 00000000 00000000`, "PCAPNG_BLOCK_LENGTH at 28"],
    ["lengths that differ", `${SECTION.little} 05000000 0c000000 10000000`, "PCAPNG_BLOCK_LENGTH at 28"],
    ["section too short", "0a0d0d0a 10000000 4d3c2b1a 10000000", "PCAPNG_BLOCK_LENGTH at 0"],
    ["interface too short", `${SECTION.little} 01000000 10000000 01000000 10000000`, "PCAPNG_BLOCK_LENGTH at 28"],
    [
      "packet longer than its block",
      `${HEAD} 06000000 20000000 00000000 00000000 00000000 ffffffff 00000000 20000000`,
      `PCAPNG_BLOCK_LENGTH at ${headLength}`,
    ],
    [
      "packet of no interface",
      `${HEAD} 06000000 20000000 01000000 00000000 00000000 00000000 00000000 20000000`,
      `PCAPNG_INTERFACE at ${headLength}`,
    ],
    [
      "simple packet of no interface",
      `${SECTION.little} 03000000 10000000 00000000 10000000`,
      "PCAPNG_INTERFACE at 28",
    ],
    [
      "option longer than its block",
      `${SECTION.little} 01000000 18000000 0100 0000 00000000 0200 0800 18000000`,
      "PCAPNG_OPTION at 44",
    ],
  ])("damage: %s", async (_, text, error) => {
    expect((await outcome(readPcapng([hex(text)]))).error).toBe(error);
  });
  it("an option of another size than its own is kept as unknown", async () => {
    const { items } = await outcome(
      readPcapng([hex(`${SECTION.little} 01000000 1c000000 0100 0000 00000000 0900 0200 09090000 1c000000`)]),
    );
    expect(items[1]).toMatchObject({ options: [{ kind: "unknown", code: 9, value: hex("0909") }] });
  });
  it.each([
    [6, undefined, 1_700_000_000_123_456_000n],
    [9, undefined, 1_700_000_000_123_456_789n],
    [0, undefined, 1_700_000_000_000_000_000n],
    [3, -3600n, 1_700_000_000_123_000_000n],
    [0x80 | 10, undefined, 1_700_000_000_123_046_875n],
    [0x80 | 20, 1_600_000_000n, 1_700_000_000_123_456_001n],
    [12, undefined, 1_700_000_000_123_456_789n - 1_690_000_000_000_000_000n],
  ])("times in units of resolution %s, offset %s", async (resolution, offset, timestampNs) => {
    const options = [
      { kind: "timestampResolution", value: resolution } as const,
      ...(offset === undefined ? [] : [{ kind: "timestampOffset", value: offset } as const]),
    ];
    const packet = {
      kind: "packet",
      block: "enhanced",
      interfaceId: 0,
      timestampNs,
      bytes: hex("00"),
      originalLength: 1,
      options: [],
    } as const;
    const file = await collect(writePcapng([{ kind: "interface", linkType: 1, snapLength: 0, options }, packet]));
    const { items } = await outcome(readPcapng([file]));
    const read = items.at(-1) as PcapngRecordRead & { kind: "packet" };
    expect(printHex(await collect(writePcapng(items)))).toBe(printHex(file));
    // A power of two of units per second has no whole nanoseconds: the time is that of the unit.
    const tolerance = resolution & 0x80 ? 1_000_000_000n >> BigInt(resolution & 0x7f) : 0n;
    expect(
      (read.timestampNs ?? 0n) - timestampNs <= tolerance && timestampNs - (read.timestampNs ?? 0n) <= tolerance,
    ).toBe(true);
  });
  it("writes a section of its own when there is none, and refuses what it cannot write", async () => {
    const { items } = await outcome(readPcapng([await collect(writePcapng([]))]));
    expect(items).toEqual([{ ...section("little"), options: [{ kind: "application", value: "xdpkit" }], offset: 0 }]);
    const packet = {
      kind: "packet",
      block: "enhanced",
      interfaceId: 0,
      timestampNs: 0n,
      bytes: hex("00"),
      originalLength: 1,
      options: [],
    } as const;
    expect((await outcome(writePcapng([packet]))).error).toBe(
      'PCAPNG_INTERFACE at {"kind":"path","path":"$.interfaceId"}',
    );
    const described = {
      kind: "interface",
      linkType: 1,
      snapLength: 0,
      options: [{ kind: "comment", value: "x".repeat(65_536) }],
    } as const;
    expect((await outcome(writePcapng([described]))).error).toBe('PCAPNG_OPTION at {"kind":"path","path":"$.comment"}');
    const early = { ...packet, timestampNs: -1_000_000_000n };
    expect((await outcome(writePcapng([{ ...described, options: [] }, early]))).error).toBe(
      'CAPTURE_TIMESTAMP at {"kind":"path","path":"$.timestampNs"}',
    );
  });
});

describe("any capture", () => {
  it("tells the formats apart, and gives link type and interface", async () => {
    const pcap = await outcome(readCapture(pieces(hex(PCAP["big ns"]), 3)));
    expect(pcap.items).toEqual([
      {
        kind: "packet",
        timestampNs: 1_000_000_002n,
        bytes: hex("deadbeef"),
        originalLength: 10,
        linkType: 1,
        interfaceId: 0,
        options: [],
        offset: 24,
      },
    ]);
    const pcapng = await outcome(readCapture([hex(`${HEAD} ${BLOCKS[1]?.[1]}`)]));
    expect(pcapng.items[0]).toMatchObject({ linkType: 1, interfaceName: "eth0", timestampNs: 5_000_000_002n });
    expect(valuesOf(pcapng.items[0]?.options ?? [], "verdict")).toEqual([{ type: 2, value: 2n }]);
  });
  it.each([
    ["", "CAPTURE_FORMAT at 0"],
    ["d4c3", "CAPTURE_FORMAT at 0"],
    ["1f8b0800 00000000", "CAPTURE_FORMAT at 0"],
  ])("refuses %j", async (text, error) => {
    expect((await outcome(readCapture([hex(text)]))).error).toBe(error);
  });
  it("closes its source when the reader stops early", async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield hex(PCAP["little us"]);
        yield hex("00");
      } finally {
        isClosed = true;
      }
    }
    for await (const _ of readCapture(source())) break;
    expect(isClosed).toBe(true);
  });
});

describe("chunks", () => {
  it("takes any sizes from any chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 200 }),
        fc.array(fc.integer({ min: 0, max: 50 })),
        async (chunks, sizes) => {
          const all = concatBytes(...chunks);
          const reader = new ChunkReader(chunks);
          let at = 0;
          for (const size of sizes) {
            const isThere = await reader.fill(size);
            expect(isThere).toBe(at + size <= all.length);
            if (!isThere) break;
            expect(reader.peek(size)).toEqual(all.subarray(at, at + size));
            expect(reader.take(size)).toEqual(all.subarray(at, at + size));
            at += size;
            expect(reader.position).toBe(at);
          }
        },
      ),
    );
  });
  it("a piece inside one chunk is a view, not a copy", async () => {
    const chunk = new Uint8Array(100);
    const reader = new ChunkReader([chunk]);
    await reader.fill(100);
    expect(reader.take(10).buffer).toBe(chunk.buffer);
  });
});

/** `count` chunks of `size` bytes of an endless repetition of `unit`, made from one buffer. */
function* repeated(head: Uint8Array, unit: Uint8Array, size: number, count: number): Generator<Uint8Array> {
  yield head;
  const ring = concatBytes(...Array.from({ length: Math.ceil(size / unit.length) + 1 }, () => unit));
  let at = 0;
  for (let i = 0; i < count; i++) {
    yield ring.subarray(at, at + size);
    at = (at + size) % unit.length;
  }
  if (at > 0) yield unit.subarray(at);
}

describe("a capture of 320 MB", () => {
  const packet = {
    kind: "packet",
    block: "enhanced",
    interfaceId: 0,
    timestampNs: 1_700_000_000_000_000_000n,
    bytes: new Uint8Array(1000),
    originalLength: 1000,
  } as const;
  it.each(["pcap", "pcapng"] as const)("%s streams in bounded memory", async (format) => {
    const described = { kind: "interface", linkType: 1, snapLength: 0, options: [] } as const;
    const whole = await collect(
      format === "pcap"
        ? writePcap([packet])
        : writePcapng([section("little"), described, { ...packet, options: [{ kind: "queue", value: 1 }] }]),
    );
    const headSize = format === "pcap" ? 24 : 48;
    const [head, unit] = [whole.subarray(0, headSize), whole.subarray(headSize)];
    const before = process.memoryUsage();
    let peak = 0;
    let count = 0;
    let bytes = 0;
    const started = performance.now();
    for await (const one of readCapture(repeated(head, unit, 65_521, 4_884))) {
      bytes += one.bytes.length;
      if (++count % 20_000 === 0) {
        const now = process.memoryUsage();
        peak = Math.max(peak, now.heapUsed + now.arrayBuffers - before.heapUsed - before.arrayBuffers);
      }
    }
    expect(count).toBe(Math.ceil((65_521 * 4_884) / unit.length));
    expect(bytes).toBe(count * 1000);
    expect(peak).toBeLessThan(128 * 1024 * 1024);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
