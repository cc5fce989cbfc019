/** pcap: pinned bytes both ways, damage at every place, chunks of every size. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, hex, outcome } from "../../../test/answers.ts";
import { printHex } from "../../base/index.ts";
import { type PacketToWrite, readPcap, writePcap } from "./index.ts";

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
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
