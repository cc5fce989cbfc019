/** Captures of either format, and a stream of 320 MB. */

import { describe, expect, it } from "vitest";
import { collect, hex, outcome } from "../../../test/answers.ts";
import { concatBytes } from "../../base/index.ts";
import { type PcapngRecord, readCapture, valuesOf, writePcap, writePcapng } from "./index.ts";

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
const LITTLE_US =
  "d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000  01000000 02000000 04000000 0a000000 deadbeef";
const BIG_NS = "a1b23c4d 0002 0004 00000000 00000000 00040000 00000001  00000001 00000002 00000004 0000000a deadbeef";

describe("any capture", () => {
  it("tells the formats apart, and gives link type and interface", async () => {
    const pcap = await outcome(readCapture(pieces(hex(BIG_NS), 3)));
    expect(pcap.items).toEqual([
      {
        timestampNs: 1_000_000_002n,
        bytes: hex("deadbeef"),
        originalLength: 10,
        linkType: 1,
        interfaceId: 0,
        options: [],
        offset: 24,
      },
    ]);
    const records: PcapngRecord[] = [
      {
        kind: "interface",
        linkType: 1,
        snapLength: 0,
        options: [
          { kind: "name", value: "eth0" },
          { kind: "timestampResolution", value: 9 },
        ],
      },
      {
        kind: "packet",
        block: "enhanced",
        interfaceId: 0,
        timestampNs: 5_000_000_002n,
        bytes: hex("01"),
        originalLength: 1,
        options: [{ kind: "verdict", value: { type: 2, value: 2n } }],
      },
    ];
    const pcapng = await outcome(readCapture(writePcapng(records)));
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
        yield hex(LITTLE_US);
        yield hex("00");
      } finally {
        isClosed = true;
      }
    }
    for await (const _ of readCapture(source())) break;
    expect(isClosed).toBe(true);
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
    options: [],
  } as const;
  it.each(["pcap", "pcapng"] as const)("%s streams in bounded memory", async (format) => {
    const described = { kind: "interface", linkType: 1, snapLength: 0, options: [] } as const;
    const write = (packets: readonly (typeof packet)[]) =>
      collect(format === "pcap" ? writePcap(packets) : writePcapng([described, ...packets]));
    const whole = await write([packet]);
    const headSize = (await write([])).length;
    const [head, unit] = [whole.subarray(0, headSize), whole.subarray(headSize)];
    const before = process.memoryUsage();
    let peak = 0;
    let count = 0;
    let bytes = 0;
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
  });
});
