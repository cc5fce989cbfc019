/** pcapng: pinned blocks both ways, damage at every place, chunks of every size. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, hex, outcome } from "../../../test/answers.ts";
import { printHex } from "../../base/index.ts";
import { type PcapngRecord, type PcapngRecordRead, readPcapng, writePcapng } from "./index.ts";

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
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

/** A section of any byte order with one to three interfaces in nanoseconds, and packets of every block on them. */
const anySection: fc.Arbitrary<PcapngRecord[]> = fc.integer({ min: 1, max: 3 }).chain((count) => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const text = fc.string({ maxLength: 9 });
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const common = {
    kind: fc.constant("packet" as const),
    interfaceId: fc.nat(count - 1),
    timestampNs: u64,
    bytes,
    originalLength: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  };
  const option = fc.oneof(
    fc.record({ kind: fc.constant("comment" as const), value: text }),
    fc.record({ kind: fc.constant("flags" as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
    fc.record({ kind: fc.constant("hash" as const), value: bytes }),
    fc.record({ kind: fc.constantFrom("dropCount" as const, "packetId" as const), value: u64 }),
    fc.record({
      kind: fc.constant("verdict" as const),
      value: fc.record({ type: fc.constantFrom(1, 2), value: u64 }),
    }),
  );
  const enhanced = fc.record({
    ...common,
    block: fc.constant("enhanced" as const),
    options: fc.array(option, { maxLength: 3 }),
  });
  const simple = bytes.map((value) => ({
    kind: "packet" as const,
    block: "simple" as const,
    interfaceId: 0,
    timestampNs: null,
    bytes: value,
    originalLength: value.length,
    options: [],
  }));
  const obsolete = fc.record({
    ...common,
    block: fc.constant("obsolete" as const),
    options: fc.constant([]),
    drops: fc.integer({ min: 0, max: 65535 }),
  });
  const other = fc.record({
    kind: fc.constant("block" as const),
    type: fc.integer({ min: 0x100, max: 0x7fffffff }).filter((type) => type !== 0x0a0d0d0a),
    body: fc.nat(9).chain((words) => fc.uint8Array({ minLength: 4 * words, maxLength: 4 * words })),
  });
  const oneInterface = fc.tuple(fc.integer({ min: 0, max: 65535 }), text).map(([linkType, name]) => ({
    kind: "interface" as const,
    linkType,
    snapLength: 0,
    options: [
      { kind: "name" as const, value: name },
      { kind: "timestampResolution" as const, value: 9 },
    ],
  }));
  return fc
    .tuple(
      fc.constantFrom("little" as const, "big" as const),
      fc.array(oneInterface, { minLength: count, maxLength: count }),
      fc.array(fc.oneof(enhanced, simple, obsolete, other), { maxLength: 6 }),
    )
    .map(([byteOrder, interfaces, records]) => [section(byteOrder), ...interfaces, ...records]);
});

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
  it("any sections survive, in chunks of any size, and give the same bytes again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySection, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 200 }),
        async (sections, size) => {
          const file = await collect(writePcapng(sections.flat()));
          const { items, error } = await outcome(readPcapng(pieces(file, size)));
          expect(error).toBe(null);
          expect(items.map(({ offset: _, ...record }) => record)).toEqual(sections.flat());
          expect(await collect(writePcapng(items))).toEqual(file);
        },
      ),
    );
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
    expect((await outcome(writePcapng([packet]))).error).toBe("PCAPNG_INTERFACE at $.interfaceId");
    const described = {
      kind: "interface",
      linkType: 1,
      snapLength: 0,
      options: [{ kind: "comment", value: "x".repeat(65_536) }],
    } as const;
    expect((await outcome(writePcapng([described]))).error).toBe("PCAPNG_OPTION at $.comment");
    const early = { ...packet, timestampNs: -1_000_000_000n };
    expect((await outcome(writePcapng([{ ...described, options: [] }, early]))).error).toBe(
      "CAPTURE_TIMESTAMP at $.timestampNs",
    );
  });
});
