/** Checksums that are right, wrong, absent or out of reach. */
import { describe, expect, it } from "vitest";
import { build, Ethernet, Ipv4, parse, Tcp, Udp, verifyChecksums } from "./index.ts";

const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: "192.0.2.1", destination: "192.0.2.2", ...fields });
describe("verifyChecksums", () => {
  it("names layer, place, what is there and what should be", () => {
    const bytes = build([new Ethernet(), v4({ checksum: 1 }), new Udp({ checksum: 0 }), Uint8Array.of(1)]);
    expect(verifyChecksums(parse(bytes))).toEqual([
      { layer: "ipv4", index: 1, offset: 24, stored: 1, expected: 0xf6cc, verdict: "wrong" },
      { layer: "udp", index: 2, offset: 40, stored: 0, expected: expect.any(Number), verdict: "absent" },
    ]);
  });
  it("does not judge fragments and truncated packets", () => {
    const udp = new Udp({ sourcePort: 1, destinationPort: 2, length: 100 });
    const verdicts = (bytes: Uint8Array) =>
      verifyChecksums(parse(bytes)).map(({ layer, verdict }) => `${layer} ${verdict}`);
    expect(verdicts(build([new Ethernet(), v4({ moreFragments: true }), udp, new Uint8Array(8)]))).toEqual([
      "ipv4 right",
      "udp unknown",
    ]);
    expect(verdicts(build([new Ethernet(), v4(), new Tcp(), new Uint8Array(8)]).subarray(0, 58))).toEqual([
      "ipv4 right",
      "tcp unknown",
    ]);
  });
});
