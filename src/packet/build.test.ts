/** build: what is left out, what is given, what is refused. */

import { describe, expect, it } from "vitest";
import { hex, refusal } from "../../test/answers.ts";
import { printHex } from "../base/index.ts";
import { struct, u8 } from "../schema/index.ts";
import {
  build,
  Ethernet,
  EtherType,
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
  IpProtocol,
  Ipv4,
  Ipv6,
  ipv4,
  layersOf,
  neighbourSolicitation,
  type Packet,
  type Part,
  PduSessionContainer,
  padding,
  parse,
  Sctp,
  srh,
  Tcp,
  tcp,
  Udp,
  VlanTag,
  Vxlan,
} from "./index.ts";

const kinds = (packet: Packet) => packet.layers.map(({ kind }) => kind);
const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: "192.0.2.1", destination: "192.0.2.2", ...fields });
const v6 = (fields: ConstructorParameters<typeof Ipv6>[0] = {}) =>
  new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2", ...fields });
describe("build", () => {
  it("pins an uplink packet made of bare headers", () => {
    const bytes = build([
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
    const bare = build([
      new Ethernet(),
      v4(),
      new Udp(),
      new GtpU({ teid: 1 }),
      new GtpOptional(),
      new PduSessionContainer({ pduType: 1, qfi: 9 }),
      v4(),
      new Icmp({ type: 8 }),
    ]);
    const made = build([
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
    const layer = parse(build(parts)).layers.find((one) => one.kind === kind);
    expect(layer && Object.entries(layer.header).find(([name]) => name === field)?.[1]).toBe(expected);
  });
  it("what is given stays, zero too", () => {
    const ip = v4({ version: 0, ihl: 5, totalLength: 0, ttl: 0, protocol: 0, checksum: 0 });
    const udp = new Udp({ length: 0, checksum: 0 });
    expect(printHex(build([ip, udp, Uint8Array.of(1)]))).toBe(
      printHex(hex("0500 0000 0000 0000 0000 0000 c0000201 c0000202 0000 0000 0000 0000 01")),
    );
    expect(printHex(build([v4({ checksum: 0xdead })]).subarray(10, 12))).toBe("dead");
    expect(printHex(build([v6({ payloadLength: 7, nextHeader: 6, hopLimit: 0 })]).subarray(4, 8))).toBe("00070600");
  });
  it("a field that is assigned later is given as well", () => {
    const header = v4();
    header.totalLength = 9;
    expect(printHex(build([header]).subarray(2, 4))).toBe("0009");
  });
  it("a class that extends a header is that header", () => {
    class Marked extends Udp {}
    expect(printHex(build([v4(), new Marked({ sourcePort: 1 })]))).toBe(
      printHex(build([v4(), new Udp({ sourcePort: 1 })])),
    );
  });
  it("does not touch what it was given", () => {
    const header = v4();
    build([header, new Udp()]);
    expect([header.totalLength, header.checksum, header.version]).toEqual([0, 0, 0]);
  });
  it("pads options, SRH TLVs and Hop-by-Hop options to their unit", () => {
    expect(
      layersOf(parse(build([ipv4({ options: [{ kind: "noOperation" }] })]), { linkType: 228 }), "ipv4")[0]?.header.ihl,
    ).toBe(6);
    expect(printHex(build([hopByHop({ options: [{ kind: "routerAlert", value: 0 }] })]))).toBe("3b000502" + "00000100");
    expect(
      printHex(
        build([srh({ segments: ["::1"], tlvs: [{ kind: "unknown", type: 9, body: new Uint8Array(5) }] })]).subarray(24),
      ),
    ).toBe("0905000000000000");
  });
  it("GRE words follow from what is given", () => {
    expect(printHex(build([gre({ key: 1, sequence: 2, hasChecksum: true }), Uint8Array.of(1, 2)]))).toBe(
      "b0000000" + "4efa0000" + "00000001" + "00000002" + "0102",
    );
    expect(printHex(build([gre({ checksum: 0xbeef })]))).toBe("80000000" + "beef0000");
    expect(printHex(build([gre({ hasKey: true })]))).toBe("20000000" + "00000000");
    expect(printHex(build([new Gre({ hasKey: true })]))).toBe("20000000");
  });
  it("SRv6: the active segment is the destination, the last one is in the checksum", () => {
    const segments = ["fc00:3::", "fc00:2::", "fc00:1::"];
    const bytes = build([
      new Ipv6({ source: "2001:db8::1" }),
      srh({ segments }),
      new Udp({ sourcePort: 1, destinationPort: 2 }),
    ]);
    const [outer, , udp] = parse(bytes, { linkType: 229 }).layers;
    expect(outer?.kind === "ipv6" && outer.header.destination).toBe("fc00:1::");
    // The checksum of the same datagram straight to the last segment.
    const straight = build([
      v6({ source: "2001:db8::1", destination: "fc00:3::" }),
      new Udp({ sourcePort: 1, destinationPort: 2 }),
    ]);
    expect(udp?.kind === "udp" && udp.header.checksum).toBe((straight[46] as number) * 256 + (straight[47] as number));
    const arrived = build([new Ipv6({ source: "2001:db8::1" }), srh({ segments, segmentsLeft: 0 })]);
    expect(layersOf(parse(arrived, { linkType: 229 }), "ipv6")[0]?.header.destination).toBe("fc00:3::");
  });
  it("a UDP sum of zero is sent as all ones", () => {
    const header = new Udp({ sourcePort: 0, destinationPort: 0 });
    const sum = build([v4(), header, Uint8Array.of(0, 0)]).subarray(26, 28);
    expect(printHex(build([v4(), header, sum]).subarray(26, 28))).toBe("ffff");
  });
  it("any struct is a part; what is none has an error", () => {
    class Note extends struct({ a: u8, b: u8 }) {}
    expect(printHex(build([v4(), new Udp(), new Note({ a: 1, b: 2 })]))).toBe(
      printHex(build([v4(), new Udp(), Uint8Array.of(1, 2)])),
    );
    expect(refusal(() => build([new Ethernet(), new Date()]))).toEqual(["PACKET_NOT_A_LAYER", "$[1]"]);
    expect(refusal(() => build([null as never]))).toEqual(["PACKET_NOT_A_LAYER", "$[0]"]);
    expect(refusal(() => build([{ kind: "tcp", header: {}, options: [] }]))).toEqual(["PACKET_NOT_A_LAYER", "$[0]"]);
    expect(refusal(() => build([{ kind: "tcp", header: v4(), options: [] }]))).toEqual(["PACKET_NOT_A_LAYER", "$[0]"]);
    expect(refusal(() => build([{ kind: "no such layer" }]))).toEqual(["PACKET_NOT_A_LAYER", "$[0]"]);
    expect(refusal(() => build([new Ethernet(), v4({ ttl: 256 })]))).toEqual(["SCHEMA_RANGE", "$[1].ttl"]);
    expect(refusal(() => build([v4({ source: "nowhere" })]))).toEqual(["SCHEMA_ADDRESS", "$[0].source"]);
    expect(refusal(() => build([v4(), new Uint8Array(65_516)]))).toEqual(["SCHEMA_RANGE", "$[0].totalLength"]);
    expect(refusal(() => build([tcp({ options: [{ kind: "windowScale", shift: 300 }] })]))).toEqual([
      "SCHEMA_RANGE",
      "$[0].shift",
    ]);
    expect(
      refusal(() =>
        build([
          tcp({ options: Array.from({ length: 11 }, () => ({ kind: "maximumSegmentSize", value: 1 }) as const) }),
        ]),
      ),
    ).toEqual(["SCHEMA_RANGE", "$[0].dataOffset"]);
  });
});
