/** parse and build together: the mixed traffic, any stack of headers, any bytes at all. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mixedTraffic } from "../../scripts/traffic/index.ts";
import { hex } from "../../test/answers.ts";
import { extent } from "../../test/support/extent.ts";
import { concatBytes, printHex } from "../base/index.ts";
import {
  ah,
  build,
  Ethernet,
  geneve,
  gre,
  gtpU,
  hopByHop,
  Icmp,
  Ipv4,
  Ipv6,
  type LayerKind,
  layersOf,
  Mpls,
  type Packet,
  type Part,
  Ppp,
  Pppoe,
  padding,
  parse,
  partsOf,
  readCapture,
  recompute,
  Sctp,
  srh,
  tcp,
  Udp,
  VlanTag,
  Vxlan,
  verifyChecksums,
  writePcap,
} from "./index.ts";

const samples = mixedTraffic();
const kinds = (packet: Packet) => packet.layers.map(({ kind }) => kind);
const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: "192.0.2.1", destination: "192.0.2.2", ...fields });
const v6 = (fields: ConstructorParameters<typeof Ipv6>[0] = {}) =>
  new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2", ...fields });
describe("parse and build", () => {
  it("the checked-in capture is the mixed traffic", async () => {
    const file = new URL("../../examples/captures/mixed.pcap", import.meta.url);
    const read: string[] = [];
    for await (const { bytes } of readCapture([readFileSync(file)])) read.push(printHex(bytes));
    expect(read).toEqual(samples.map(({ bytes }) => printHex(bytes)));
  });
  it.each(samples.map((sample) => [sample.name, sample] as const))("%s", (_, { bytes, isBroken }) => {
    const packet = parse(bytes);
    expect(printHex(build(packet))).toBe(printHex(bytes));
    expect(printHex(build(partsOf(packet)))).toBe(printHex(bytes));
    if (isBroken) return;
    expect(packet.faults).toEqual([]);
    expect(verifyChecksums(packet).filter(({ verdict }) => verdict === "wrong")).toEqual([]);
    // The fields that can be computed are computed to what they were: but for a datagram that has no checksum, and
    // checksums of fragments, which cover more than is here.
    const hasSums = verifyChecksums(packet).every(({ verdict }) => verdict === "right");
    if (hasSums && packet.layers.every((layer) => layer.kind !== "ipv4" || !layer.header.isFragment)) {
      expect(printHex(build(recompute(packet)))).toBe(printHex(bytes));
    }
  });
  it("a Node Buffer is bytes like any other, and is not kept", () => {
    const { bytes } = samples.find(({ name }) => name === "tcp with an experimental option") as { bytes: Uint8Array };
    const buffer = Buffer.from(bytes);
    const packet = parse(buffer);
    const options = layersOf(packet, "tcp")[0]?.options;
    expect(options).toEqual([{ kind: "unknown", type: 253, body: hex("1234") }]);
    buffer.fill(0);
    expect(options).toEqual([{ kind: "unknown", type: 253, body: hex("1234") }]);
  });
  it("any bytes survive", () => {
    const mutated = fc
      .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat())
      .map(([{ bytes }, edits, cut]) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, value] of edits) copy[at % copy.length] = value;
        return cut % 3 === 0 ? copy.subarray(0, cut % (copy.length + 1)) : copy;
      });
    fc.assert(
      fc.property(
        fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })),
        fc.constantFrom(1, 101, 228, 229, 147),
        (bytes, linkType) => {
          const packet = parse(bytes, { linkType });
          expect(build(packet)).toEqual(bytes);
          for (const { offset, length, end } of packet.layers) {
            expect(length).toBeGreaterThan(0);
            expect(offset + length).toBeLessThanOrEqual(bytes.length);
            expect(end).toBeLessThanOrEqual(bytes.length);
          }
        },
      ),
      { numRuns: extent(600, 3_000) },
    );
  });

  /** Random stacks of headers that may follow each other. */
  const link: fc.Arbitrary<Part[]> = fc
    .array(fc.nat(4095), { maxLength: 2 })
    .map((tags) => [new Ethernet({ source: "02:00:00:00:00:01" }), ...tags.map((vlan) => new VlanTag({ vlan }))]);
  const label: fc.Arbitrary<Part[]> = fc.oneof(
    { arbitrary: fc.constant([] as Part[]), weight: 2 },
    fc
      .array(fc.integer({ min: 16, max: 0xfffff }), { minLength: 1, maxLength: 3 })
      .map((labels) => labels.map((one) => new Mpls({ label: one }))),
    fc.nat(65535).map((session) => [new Pppoe({ session }), new Ppp()]),
  );
  const ip: fc.Arbitrary<Part[]> = fc.oneof(
    fc.record({ ttl: fc.nat(255), identification: fc.nat(65535), source: fc.ipV4() }).map((fields) => [v4(fields)]),
    fc.record({ hopLimit: fc.nat(255), flowLabel: fc.nat(0xfffff) }).map((fields) => [v6(fields)]),
    fc
      .array(fc.ipV6(), { minLength: 1, maxLength: 4 })
      .map((segments) => [new Ipv6({ source: "::1" }), srh({ segments })]),
    fc.nat(65535).map((value) => [v6(), hopByHop({ options: [{ kind: "routerAlert", value }] })]),
    fc.nat(0xffffffff).map((spi) => [v6(), ah({ spi, sequence: 1 })]),
    fc.tuple(fc.nat(0xffffffff), fc.nat(3)).map(([spi, n]) => [v4(), ah({ spi, icv: new Uint8Array(4 * n) })]),
  );
  const tunnel: fc.Arbitrary<Part[]> = fc.oneof(
    fc.constant([] as Part[]),
    fc
      .tuple(fc.nat(0xffffffff), fc.nat(63))
      .map(([teid, qfi]) => [
        new Udp(),
        gtpU({ teid, extensions: [{ kind: "pduSession", direction: "uplink", qfi }] }),
      ]),
    fc.record({ key: fc.nat(0xffffffff), hasChecksum: fc.boolean() }).map((fields) => [gre(fields)]),
    fc.nat(0xffffff).map((identifier) => [new Udp({ sourcePort: 50_000 }), new Vxlan({ identifier }), new Ethernet()]),
    fc
      .tuple(fc.nat(0xffffff), fc.nat(3))
      .map(([identifier, n]) => [
        new Udp({ sourcePort: 50_000 }),
        geneve({ identifier, options: new Uint8Array(4 * n) }),
        new Ethernet(),
      ]),
  );
  const upper: fc.Arbitrary<Part[]> = fc.oneof(
    fc
      .tuple(fc.integer({ min: 10_000, max: 20_000 }), fc.integer({ min: 20_001, max: 30_000 }))
      .map(([sourcePort, destinationPort]) => [new Udp({ sourcePort, destinationPort })]),
    fc
      .record({ sequence: fc.nat(0xffffffff), window: fc.nat(65535), syn: fc.boolean() })
      .map((fields) => [tcp({ ...fields, options: [{ kind: "windowScale", shift: 3 }] })]),
    fc.nat(65535).map((sequence) => [new Icmp({ type: 8, sequence })]),
    fc.nat(0xffffffff).map((verificationTag) => [new Sctp({ verificationTag })]),
  );
  it("any stack of headers: the same layers, right checksums, computed again to the same bytes", () => {
    const stack = fc.tuple(
      fc.tuple(link, label).map(([frame, labels]) => [...frame, ...labels]),
      ip,
      tunnel,
      ip,
      upper,
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(stack, ([first, outer, wrapped, inner, last, payload, pad]) => {
        const bytes = build([...first, ...outer, ...wrapped, ...inner, ...last, payload, padding(pad)]);
        const packet = parse(bytes);
        expect(packet.faults).toEqual([]);
        const expected = [...first, ...outer, ...wrapped, ...inner, ...last].map((part) =>
          "kind" in part ? (part.kind as LayerKind) : part.constructor.name.toLowerCase().replace("vlantag", "vlan"),
        );
        expect(kinds(packet)).toEqual(expected);
        expect(packet.payload).toEqual(payload);
        expect(concatBytes(...packet.padding.map((one) => one.bytes))).toEqual(pad);
        expect(verifyChecksums(packet).every(({ verdict }) => verdict === "right")).toBe(true);
        expect(build(recompute(packet))).toEqual(bytes);
        expect(build(packet)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a capture of what was built", () => {
  it("gives the packets again", async () => {
    const packets = samples.map(({ bytes }, i) => ({ bytes, timestampNs: BigInt(i) }));
    const read: Uint8Array[] = [];
    for await (const { bytes } of readCapture(writePcap(packets))) read.push(bytes);
    expect(read.map((bytes) => printHex(bytes))).toEqual(packets.map(({ bytes }) => printHex(bytes)));
  });
});
