/** encode, parse and print together: what is left out, what is kept, what is wrong. */
import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mixedTraffic } from "../../scripts/traffic.ts";
import { concatBytes, parseHex, printHex, XdpkitError } from "../base/index.ts";
import { struct, u8 } from "../schema/index.ts";
import {
  Ethernet,
  EtherType,
  encode,
  Gre,
  GtpExtension,
  GtpMessage,
  GtpOptional,
  GtpU,
  gre,
  gtpU,
  gue,
  hopByHop,
  Icmp,
  Icmpv6,
  IpProtocol,
  Ipv4,
  Ipv6,
  ipv4,
  type LayerKind,
  layersOf,
  neighbourSolicitation,
  type Packet,
  type Part,
  PduSessionContainer,
  padding,
  parse,
  partsOf,
  print,
  readCapture,
  recompute,
  Sctp,
  SegmentRoutingHeader,
  srh,
  Tcp,
  tcp,
  Udp,
  VlanTag,
  Vxlan,
  verifyChecksums,
  writePcap,
} from "./index.ts";

const hex = (text: string) => parseHex(text) as Uint8Array;
const samples = mixedTraffic();
const kinds = (packet: Packet) => packet.layers.map(({ kind }) => kind);
const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: "192.0.2.1", destination: "192.0.2.2", ...fields });
const v6 = (fields: ConstructorParameters<typeof Ipv6>[0] = {}) =>
  new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2", ...fields });
/** Code and path of what `run` throws. */
function refusal(run: () => unknown): [string, string | undefined] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    return [error.code, error.at?.kind === "path" ? error.at.path : undefined];
  }
  throw new Error("nothing was thrown");
}

describe("encode", () => {
  it("pins an uplink packet made of bare headers", () => {
    const bytes = encode([
      new Ethernet({ etherType: EtherType.Ipv4 }),
      new Ipv4({ ttl: 64, protocol: IpProtocol.Udp, source: "198.51.100.7", destination: "192.0.2.1" }),
      new Udp({ sourcePort: 2152, destinationPort: 2152 }),
      new GtpU({ version: 1, protocolType: true, hasExtension: true, messageType: GtpMessage.GPdu, teid: 0x11223344 }),
      new GtpOptional({ nextExtension: GtpExtension.PduSessionContainer }),
      new PduSessionContainer({ words: 1, pduType: 1, qfi: 9 }),
      new Ipv4({ ttl: 63, protocol: IpProtocol.Udp, source: "10.0.0.1", destination: "10.0.0.2" }),
    ]);
    expect(printHex(bytes)).toBe(
      printHex(
        hex(`000000000000 000000000000 0800
             4500 0040 0000 0000 4011 8e71 c6336407 c0000201
             0868 0868 002c 7e73
             34ff 001c 11223344 00000085 01100900
             4500 0014 0000 0000 3f11 67d7 0a000001 0a000002`),
      ),
    );
  });
  it("the same with nothing but what cannot be computed", () => {
    const bare = encode([
      new Ethernet(),
      v4(),
      new Udp(),
      new GtpU({ teid: 1 }),
      new GtpOptional(),
      new PduSessionContainer({ pduType: 1, qfi: 9 }),
      v4(),
      new Icmp({ type: 8 }),
    ]);
    const made = encode([
      new Ethernet(),
      v4(),
      new Udp(),
      gtpU({ teid: 1, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }] }),
      v4(),
      new Icmp({ type: 8 }),
    ]);
    expect(printHex(bare)).toBe(printHex(made));
    expect(kinds(parse(made))).toEqual(["ethernet", "ipv4", "udp", "gtpU", "ipv4", "icmp"]);
    expect(layersOf(parse(made), "udp")[0]?.header).toMatchObject({
      sourcePort: 2152,
      destinationPort: 2152,
      length: 52,
    });
  });
  const NEXT: readonly (readonly [Part[], string, string, number])[] = [
    [[new Ethernet(), v4()], "ethernet", "etherType", 0x0800],
    [[new Ethernet(), v6()], "ethernet", "etherType", 0x86dd],
    [[new Ethernet(), new VlanTag(), v6()], "ethernet", "etherType", 0x8100],
    [[new Ethernet(), new VlanTag(), new VlanTag(), v6()], "ethernet", "etherType", 0x88a8],
    [[new Ethernet(), new VlanTag(), new VlanTag(), v6()], "vlan", "etherType", 0x8100],
    [[new Ethernet(), v4(), new Tcp()], "ipv4", "protocol", 6],
    [[new Ethernet(), v4(), v6()], "ipv4", "protocol", 41],
    [[new Ethernet(), v4(), gre({}), v4()], "ipv4", "protocol", 47],
    [[new Ethernet(), v4(), new Sctp()], "ipv4", "protocol", 132],
    [[new Ethernet(), v4(), Uint8Array.of(1)], "ipv4", "protocol", 253],
    [[new Ethernet(), v4()], "ipv4", "protocol", 59],
    [[new Ethernet(), v4(), padding(Uint8Array.of(1))], "ipv4", "protocol", 59],
    [[new Ethernet(), v6(), hopByHop({}), srh({ segments: ["::1"] }), new Udp()], "ipv6", "nextHeader", 0],
    [[new Ethernet(), v6(), hopByHop({}), srh({ segments: ["::1"] }), new Udp()], "hopByHop", "nextHeader", 43],
    [[new Ethernet(), v6(), srh({ segments: ["::1"] }), new Ethernet()], "srh", "nextHeader", 143],
    [[new Ethernet(), v6(), neighbourSolicitation({ target: "::1" })], "ipv6", "nextHeader", 58],
    [[new Ethernet(), v4(), gre({}), v6()], "gre", "protocolType", 0x86dd],
    [[new Ethernet(), v4(), gre({}), new Ethernet()], "gre", "protocolType", 0x6558],
    [[new Ethernet(), v4(), new Udp(), new Vxlan(), new Ethernet()], "udp", "destinationPort", 4789],
    [[new Ethernet(), v4(), new Udp(), gue({}), v6()], "gue", "protocol", 41],
  ];
  it.each(NEXT)("what follows is announced: %#", (parts, kind, field, expected) => {
    const layer = parse(encode(parts)).layers.find((one) => one.kind === kind);
    expect(layer && Object.entries(layer.header).find(([name]) => name === field)?.[1]).toBe(expected);
  });
  it("what is given stays, zero too", () => {
    const ip = v4({ version: 0, ihl: 5, totalLength: 0, ttl: 0, protocol: 0, checksum: 0 });
    const udp = new Udp({ length: 0, checksum: 0 });
    expect(printHex(encode([ip, udp, Uint8Array.of(1)]))).toBe(
      printHex(hex("0500 0000 0000 0000 0000 0000 c0000201 c0000202 0000 0000 0000 0000 01")),
    );
    expect(printHex(encode([v4({ checksum: 0xdead })]).subarray(10, 12))).toBe("dead");
    expect(printHex(encode([v6({ payloadLength: 7, nextHeader: 6, hopLimit: 0 })]).subarray(4, 8))).toBe("00070600");
  });
  it("a field that is assigned later is given as well", () => {
    const header = v4();
    header.totalLength = 9;
    expect(printHex(encode([header]).subarray(2, 4))).toBe("0009");
  });
  it("does not touch what it was given", () => {
    const header = v4();
    encode([header, new Udp()]);
    expect([header.totalLength, header.checksum, header.version]).toEqual([0, 0, 0]);
  });
  it("pads options, SRH TLVs and Hop-by-Hop options to their unit", () => {
    expect(
      layersOf(parse(encode([ipv4({ options: [{ kind: "noOperation" }] })]), { linkType: 228 }), "ipv4")[0]?.header.ihl,
    ).toBe(6);
    expect(printHex(encode([hopByHop({ options: [{ kind: "routerAlert", value: 0 }] })]))).toBe(
      "3b000502" + "00000100",
    );
    expect(
      printHex(
        encode([srh({ segments: ["::1"], tlvs: [{ kind: "unknown", type: 9, body: new Uint8Array(5) }] })]).subarray(
          24,
        ),
      ),
    ).toBe("0905000000000000");
  });
  it("GRE words follow from what is given", () => {
    expect(printHex(encode([gre({ key: 1, sequence: 2, hasChecksum: true }), Uint8Array.of(1, 2)]))).toBe(
      "b0000000" + "4efa0000" + "00000001" + "00000002" + "0102",
    );
    expect(printHex(encode([gre({ checksum: 0xbeef })]))).toBe("80000000" + "beef0000");
    expect(printHex(encode([gre({ hasKey: true })]))).toBe("20000000" + "00000000");
    expect(printHex(encode([new Gre({ hasKey: true })]))).toBe("20000000");
  });
  it("SRv6: the active segment is the destination, the last one is in the checksum", () => {
    const segments = ["fc00:3::", "fc00:2::", "fc00:1::"];
    const bytes = encode([
      new Ipv6({ source: "2001:db8::1" }),
      srh({ segments }),
      new Udp({ sourcePort: 1, destinationPort: 2 }),
    ]);
    const [outer, , udp] = parse(bytes, { linkType: 229 }).layers;
    expect(outer?.kind === "ipv6" && outer.header.destination).toBe("fc00:1::");
    // The checksum of the same datagram straight to the last segment.
    const straight = encode([
      v6({ source: "2001:db8::1", destination: "fc00:3::" }),
      new Udp({ sourcePort: 1, destinationPort: 2 }),
    ]);
    expect(udp?.kind === "udp" && udp.header.checksum).toBe((straight[46] as number) * 256 + (straight[47] as number));
    const arrived = encode([new Ipv6({ source: "2001:db8::1" }), srh({ segments, segmentsLeft: 0 })]);
    expect(layersOf(parse(arrived, { linkType: 229 }), "ipv6")[0]?.header.destination).toBe("fc00:3::");
  });
  it("a UDP sum of zero is sent as all ones", () => {
    const header = new Udp({ sourcePort: 0, destinationPort: 0 });
    const sum = encode([v4(), header, Uint8Array.of(0, 0)]).subarray(26, 28);
    expect(printHex(encode([v4(), header, sum]).subarray(26, 28))).toBe("ffff");
  });
  it("any struct is a part; what is none has an error", () => {
    class Note extends struct({ a: u8, b: u8 }) {}
    expect(printHex(encode([v4(), new Udp(), new Note({ a: 1, b: 2 })]))).toBe(
      printHex(encode([v4(), new Udp(), Uint8Array.of(1, 2)])),
    );
    expect(refusal(() => encode([new Ethernet(), new Date()]))).toEqual(["PACKET_NOT_A_LAYER", "$[1]"]);
    expect(refusal(() => encode([null as never]))).toEqual(["PACKET_NOT_A_LAYER", "$[0]"]);
    expect(refusal(() => encode([new Ethernet(), v4({ ttl: 256 })]))).toEqual(["SCHEMA_RANGE", "$[1].ttl"]);
    expect(refusal(() => encode([v4({ source: "nowhere" })]))).toEqual(["SCHEMA_ADDRESS", "$[0].source"]);
    expect(refusal(() => encode([v4(), new Uint8Array(65_516)]))).toEqual(["SCHEMA_RANGE", "$[0].totalLength"]);
    expect(refusal(() => encode([tcp({ options: [{ kind: "windowScale", shift: 300 }] })]))).toEqual([
      "SCHEMA_RANGE",
      "$[0].shift",
    ]);
    expect(
      refusal(() =>
        encode([
          tcp({ options: Array.from({ length: 11 }, () => ({ kind: "maximumSegmentSize", value: 1 }) as const) }),
        ]),
      ),
    ).toEqual(["SCHEMA_RANGE", "$[0].dataOffset"]);
  });
});

describe("parse and encode", () => {
  it("the checked-in capture is the mixed traffic", async () => {
    const file = new URL("../../examples/captures/mixed.pcap", import.meta.url);
    const read: string[] = [];
    for await (const { bytes } of readCapture([readFileSync(file)])) read.push(printHex(bytes));
    expect(read).toEqual(samples.map(({ bytes }) => printHex(bytes)));
  });
  it.each(samples.map((sample) => [sample.name, sample] as const))("%s", (_, { bytes, isBroken }) => {
    const packet = parse(bytes);
    expect(printHex(encode(packet))).toBe(printHex(bytes));
    expect(printHex(encode(partsOf(packet)))).toBe(printHex(bytes));
    if (isBroken) return;
    expect(packet.faults).toEqual([]);
    expect(verifyChecksums(packet).filter(({ verdict }) => verdict === "wrong")).toEqual([]);
    // The fields that can be computed are computed to what they were: but for a datagram that has no checksum, and
    // checksums of fragments, which cover more than is here.
    const hasSums = verifyChecksums(packet).every(({ verdict }) => verdict === "right");
    if (hasSums && packet.layers.every((layer) => layer.kind !== "ipv4" || !layer.header.isFragment)) {
      expect(printHex(encode(recompute(packet)))).toBe(printHex(bytes));
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
          expect(encode(packet)).toEqual(bytes);
          for (const { offset, length, end } of packet.layers) {
            expect(length).toBeGreaterThan(0);
            expect(offset + length).toBeLessThanOrEqual(bytes.length);
            expect(end).toBeLessThanOrEqual(bytes.length);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  /** Random stacks of headers that may follow each other. */
  const link: fc.Arbitrary<Part[]> = fc
    .array(fc.nat(4095), { maxLength: 2 })
    .map((tags) => [new Ethernet({ source: "02:00:00:00:00:01" }), ...tags.map((vlan) => new VlanTag({ vlan }))]);
  const ip: fc.Arbitrary<Part[]> = fc.oneof(
    fc.record({ ttl: fc.nat(255), identification: fc.nat(65535), source: fc.ipV4() }).map((fields) => [v4(fields)]),
    fc.record({ hopLimit: fc.nat(255), flowLabel: fc.nat(0xfffff) }).map((fields) => [v6(fields)]),
    fc
      .array(fc.ipV6(), { minLength: 1, maxLength: 4 })
      .map((segments) => [new Ipv6({ source: "::1" }), srh({ segments })]),
    fc.nat(65535).map((value) => [v6(), hopByHop({ options: [{ kind: "routerAlert", value }] })]),
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
      link,
      ip,
      tunnel,
      ip,
      upper,
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(stack, ([first, outer, wrapped, inner, last, payload, pad]) => {
        const bytes = encode([...first, ...outer, ...wrapped, ...inner, ...last, payload, padding(pad)]);
        const packet = parse(bytes);
        expect(packet.faults).toEqual([]);
        const expected = [...first, ...outer, ...wrapped, ...inner, ...last].map((part) =>
          "kind" in part ? (part.kind as LayerKind) : part.constructor.name.toLowerCase().replace("vlantag", "vlan"),
        );
        expect(kinds(packet)).toEqual(expected);
        expect(packet.payload).toEqual(payload);
        expect(concatBytes(...packet.padding.map((one) => one.bytes))).toEqual(pad);
        expect(verifyChecksums(packet).every(({ verdict }) => verdict === "right")).toBe(true);
        expect(encode(recompute(packet))).toEqual(bytes);
        expect(encode(packet)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe("faults", () => {
  const eth = new Ethernet();
  const CASES: readonly (readonly [string, Uint8Array, string])[] = [
    ["nothing at all", new Uint8Array(0), "truncated ethernet 0 at 0"],
    ["half of Ethernet", new Uint8Array(7), "truncated ethernet 0 at 0"],
    ["no IPv4 behind Ethernet", encode([new Ethernet({ etherType: 0x0800 })]), "truncated ipv4 1 at 14"],
    ["IPv4 of version 5", encode([eth, v4({ version: 5 })]), "badVersion ipv4 1 at 14"],
    ["IPv4 header of 16 bytes", encode([eth, v4({ ihl: 4 })]), "badLength ipv4 1 at 14"],
    ["IPv4 header longer than the packet", encode([eth, v4({ ihl: 15 })]), "truncated ipv4 1 at 14"],
    ["IPv4 total length below the header", encode([eth, v4({ totalLength: 19 })]), "badLength ipv4 1 at 14"],
    ["IPv4 total length beyond the packet", encode([eth, v4({ totalLength: 21 })]), "truncated ipv4 1 at 14"],
    [
      "IPv4 options that do not add up",
      encode([eth, ipv4({ options: [{ kind: "raw", bytes: hex("07ff0000") }] })]),
      "badOptions ipv4 1 at 14",
    ],
    ["IPv6 of version 4", encode([eth, v6({ version: 4 })]), "badVersion ipv6 1 at 14"],
    ["IPv6 payload missing", encode([eth, v6({ payloadLength: 1 })]), "truncated ipv6 1 at 14"],
    [
      "SRH with too many segments",
      encode([eth, v6(), srh({ segments: ["::1"], lastEntry: 1 })]),
      "badLength srh 2 at 54",
    ],
    [
      "SRH with no room for a segment",
      encode([eth, v6(), new SegmentRoutingHeader({ segmentsLeft: 1 })]),
      "badLength srh 2 at 54",
    ],
    [
      "SRH with segments left beyond the list",
      encode([eth, v6(), srh({ segments: ["::1"], segmentsLeft: 2 })]),
      "badValue srh 2 at 54",
    ],
    [
      "SRH TLV beyond its end",
      encode([eth, v6(), srh({ segments: ["::1"], tlvs: [{ kind: "raw", bytes: hex("0509000000000000") }] })]),
      "badOptions srh 2 at 54",
    ],
    [
      "extension header cut",
      encode([eth, v6({ nextHeader: 60 }), hex("1101 0000 0000 0000")]),
      "truncated destinationOptions 2 at 54",
    ],
    ["TCP data offset 4", encode([eth, v4(), new Tcp({ dataOffset: 4 })]), "badLength tcp 2 at 34"],
    ["TCP options cut", encode([eth, v4(), new Tcp({ dataOffset: 6 })]), "truncated tcp 2 at 34"],
    [
      "TCP options that do not add up",
      encode([eth, v4(), tcp({ options: [{ kind: "raw", bytes: hex("02000000") }] })]),
      "badOptions tcp 2 at 34",
    ],
    ["UDP length 7", encode([eth, v4(), new Udp({ length: 7 })]), "badLength udp 2 at 34"],
    ["UDP length beyond the packet", encode([eth, v4(), new Udp({ length: 9 })]), "truncated udp 2 at 34"],
    ["GTP of version 2", encode([eth, v4(), new Udp(), new GtpU({ version: 2 })]), "badVersion gtpU 3 at 42"],
    ["GTP prime", encode([eth, v4(), new Udp(), new GtpU({ protocolType: false })]), "badVersion gtpU 3 at 42"],
    [
      "GTP optional word missing",
      encode([eth, v4(), new Udp(), new GtpU({ hasSequence: true })]),
      "truncated gtpU 3 at 42",
    ],
    ["GTP length beyond the packet", encode([eth, v4(), new Udp(), new GtpU({ length: 1 })]), "truncated gtpU 3 at 42"],
    ["GRE of version 1", encode([eth, v4(), new Gre({ version: 1 })]), "badVersion gre 2 at 34"],
    ["GRE key missing", encode([eth, v4(), new Gre({ hasKey: true })]), "truncated gre 2 at 34"],
    [
      "VXLAN without its flag",
      encode([eth, v4(), new Udp(), new Vxlan({ hasIdentifier: false })]),
      "badValue vxlan 3 at 42",
    ],
    ["neighbour solicitation cut", encode([eth, v6(), new Icmpv6({ type: 135 })]), "truncated icmpv6 2 at 54"],
    ["802.3 length beyond the packet", encode([new Ethernet({ etherType: 100 })]), "truncated ethernet 0 at 0"],
  ];
  it.each(CASES)("%s", (_, bytes, expected) => {
    const packet = parse(bytes);
    expect(packet.faults.map((fault) => `${fault.kind} ${fault.layer} ${fault.index} at ${fault.offset}`)).toEqual([
      expected,
    ]);
    expect(encode(packet)).toEqual(bytes);
  });
  it("follows eight packets inside each other, and no more", () => {
    const nested = (count: number) =>
      encode([new Ethernet(), ...Array.from({ length: count }, () => v4()), new Icmp()]);
    expect(parse(nested(7)).faults).toEqual([]);
    expect(parse(nested(8)).faults.map(({ kind, layer, index }) => `${kind} ${layer} ${index}`)).toEqual([
      "tooDeep ipv4 8",
    ]);
  });
  it("follows 64 layers, and no more", () => {
    const tags = encode([new Ethernet(), ...Array.from({ length: 100 }, () => new VlanTag()), v4()]);
    const packet = parse(tags);
    expect([packet.layers.length, packet.faults[0]?.kind, packet.faults.length]).toEqual([64, "tooDeep", 1]);
    expect(encode(packet)).toEqual(tags);
  });
  it("Ethernet padding is no payload", () => {
    const packet = parse(
      encode([
        new Ethernet(),
        v4(),
        new Udp({ sourcePort: 9, destinationPort: 9 }),
        Uint8Array.of(1, 2),
        padding(new Uint8Array(16)),
      ]),
    );
    expect(packet.payload).toEqual(Uint8Array.of(1, 2));
    expect(packet.padding).toEqual([{ kind: "padding", bytes: new Uint8Array(16), layer: 1 }]);
  });
  it("padding of an inner frame belongs to the outer payload", () => {
    const inner = [new Ethernet(), v4(), new Udp({ sourcePort: 9, destinationPort: 9 })];
    const bytes = encode([
      new Ethernet(),
      v4(),
      new Udp(),
      new Vxlan(),
      encode([...inner, padding(new Uint8Array(5))]),
      padding(new Uint8Array(3)),
    ]);
    const packet = parse(
      encode([
        new Ethernet(),
        v4(),
        new Udp({ destinationPort: 4789 }),
        new Vxlan(),
        encode([...inner, padding(new Uint8Array(5))]),
        padding(new Uint8Array(3)),
      ]),
    );
    expect(packet.padding.map((one) => [one.bytes.length, one.layer])).toEqual([
      [5, 5],
      [3, 1],
    ]);
    expect(encode(recompute(packet))).toEqual(packet.bytes);
    expect(bytes.length).toBe(packet.bytes.length);
  });
});

describe("verifyChecksums", () => {
  it("names layer, place, what is there and what should be", () => {
    const bytes = encode([new Ethernet(), v4({ checksum: 1 }), new Udp({ checksum: 0 }), Uint8Array.of(1)]);
    expect(verifyChecksums(parse(bytes))).toEqual([
      { layer: "ipv4", index: 1, offset: 24, stored: 1, expected: 0xf6cc, verdict: "wrong" },
      { layer: "udp", index: 2, offset: 40, stored: 0, expected: expect.any(Number), verdict: "absent" },
    ]);
  });
  it("does not judge fragments and truncated packets", () => {
    const udp = new Udp({ sourcePort: 1, destinationPort: 2, length: 100 });
    const verdicts = (bytes: Uint8Array) =>
      verifyChecksums(parse(bytes)).map(({ layer, verdict }) => `${layer} ${verdict}`);
    expect(verdicts(encode([new Ethernet(), v4({ moreFragments: true }), udp, new Uint8Array(8)]))).toEqual([
      "ipv4 right",
      "udp unknown",
    ]);
    expect(verdicts(encode([new Ethernet(), v4(), new Tcp(), new Uint8Array(8)]).subarray(0, 58))).toEqual([
      "ipv4 right",
      "tcp unknown",
    ]);
  });
});

describe("print", () => {
  it.each([
    [
      "10.0.0.1 → 10.0.0.2 UDP 52 40000 → 53 Len=10",
      [
        v4({ source: "10.0.0.1", destination: "10.0.0.2" }),
        new Udp({ sourcePort: 40000, destinationPort: 53 }),
        new Uint8Array(10),
      ],
    ],
    [
      "192.0.2.1 → 192.0.2.2 TCP 54 1 → 2 [SYN, ACK] Seq=5 Ack=6 Win=7 Len=0",
      [
        v4(),
        new Tcp({
          sourcePort: 1,
          destinationPort: 2,
          sequence: 5,
          acknowledgement: 6,
          window: 7,
          syn: true,
          ack: true,
        }),
      ],
    ],
    [
      "2001:db8::1 → fc00:1:: UDP 102 1 → 2 Len=0 | SRv6 left 1",
      [
        v6({ destination: "fc00:1::" }),
        srh({ segments: ["fc00:2::", "fc00:1::"] }),
        new Udp({ sourcePort: 1, destinationPort: 2 }),
      ],
    ],
    [
      "10.45.0.2 → 192.0.2.9 ICMP 82 Echo request id=1 seq=2 | GTP-U TEID 0x00001234 QFI 9 | 192.0.2.1 → 192.0.2.2",
      [
        v4(),
        new Udp(),
        gtpU({ teid: 0x1234, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }] }),
        v4({ source: "10.45.0.2", destination: "192.0.2.9" }),
        new Icmp({ type: 8, identifier: 1, sequence: 2 }),
        new Uint8Array(0),
      ],
    ],
  ] as [string, Part[]][])("%s", (line, parts) => {
    const bytes = encode([new Ethernet(), ...parts]);
    expect(print(bytes)).toBe(line.replace(/ (\d+) (?=\d+ →|Echo)/, ` ${bytes.length} `));
  });
  it("lines of the mixed traffic", () => {
    const golden = new URL("../../test/golden/packet-print.txt", import.meta.url);
    const text = samples.map(({ name, bytes }) => `${name}: ${print(bytes)}\n`).join("");
    if (process.env["XDPKIT_GOLDEN"] === "write") writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, "utf8"));
  });
  it("packets of no known link type", () => {
    expect(print(new Uint8Array(5), { linkType: 147 })).toBe("5 bytes");
    expect(print(new Uint8Array(3))).toBe("3 bytes [truncated: ethernet at 0, the header takes 14 bytes, 3 are left]");
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
