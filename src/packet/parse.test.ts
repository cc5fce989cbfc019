/** Packets with something wrong: the fault, its layer and its place. */
import { describe, expect, it } from "vitest";
import { hex } from "../../test/answers.ts";
import {
  build,
  Ethernet,
  Gre,
  GtpU,
  Icmp,
  Icmpv6,
  Ipv4,
  Ipv6,
  ipv4,
  padding,
  parse,
  recompute,
  SegmentRoutingHeader,
  srh,
  Tcp,
  tcp,
  Udp,
  VlanTag,
  Vxlan,
} from "./index.ts";

const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: "192.0.2.1", destination: "192.0.2.2", ...fields });
const v6 = (fields: ConstructorParameters<typeof Ipv6>[0] = {}) =>
  new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2", ...fields });
describe("faults", () => {
  const eth = new Ethernet();
  const CASES: readonly (readonly [string, Uint8Array, string])[] = [
    ["nothing at all", new Uint8Array(0), "truncated ethernet 0 at 0"],
    ["half of Ethernet", new Uint8Array(7), "truncated ethernet 0 at 0"],
    ["no IPv4 behind Ethernet", build([new Ethernet({ etherType: 0x0800 })]), "truncated ipv4 1 at 14"],
    ["IPv4 of version 5", build([eth, v4({ version: 5 })]), "badVersion ipv4 1 at 14"],
    ["IPv4 header of 16 bytes", build([eth, v4({ ihl: 4 })]), "badLength ipv4 1 at 14"],
    ["IPv4 header longer than the packet", build([eth, v4({ ihl: 15 })]), "truncated ipv4 1 at 14"],
    ["IPv4 total length below the header", build([eth, v4({ totalLength: 19 })]), "badLength ipv4 1 at 14"],
    ["IPv4 total length beyond the packet", build([eth, v4({ totalLength: 21 })]), "truncated ipv4 1 at 14"],
    [
      "IPv4 options that do not add up",
      build([eth, ipv4({ options: [{ kind: "raw", bytes: hex("07ff0000") }] })]),
      "badOptions ipv4 1 at 14",
    ],
    ["IPv6 of version 4", build([eth, v6({ version: 4 })]), "badVersion ipv6 1 at 14"],
    ["IPv6 payload missing", build([eth, v6({ payloadLength: 1 })]), "truncated ipv6 1 at 14"],
    [
      "SRH with too many segments",
      build([eth, v6(), srh({ segments: ["::1"], lastEntry: 1 })]),
      "badLength srh 2 at 54",
    ],
    [
      "SRH with no room for a segment",
      build([eth, v6(), new SegmentRoutingHeader({ segmentsLeft: 1 })]),
      "badLength srh 2 at 54",
    ],
    [
      "SRH with segments left beyond the list",
      build([eth, v6(), srh({ segments: ["::1"], segmentsLeft: 2 })]),
      "badValue srh 2 at 54",
    ],
    [
      "SRH TLV beyond its end",
      build([eth, v6(), srh({ segments: ["::1"], tlvs: [{ kind: "raw", bytes: hex("0509000000000000") }] })]),
      "badOptions srh 2 at 54",
    ],
    [
      "extension header cut",
      build([eth, v6({ nextHeader: 60 }), hex("1101 0000 0000 0000")]),
      "truncated destinationOptions 2 at 54",
    ],
    ["TCP data offset 4", build([eth, v4(), new Tcp({ dataOffset: 4 })]), "badLength tcp 2 at 34"],
    ["TCP options cut", build([eth, v4(), new Tcp({ dataOffset: 6 })]), "truncated tcp 2 at 34"],
    [
      "TCP options that do not add up",
      build([eth, v4(), tcp({ options: [{ kind: "raw", bytes: hex("02000000") }] })]),
      "badOptions tcp 2 at 34",
    ],
    ["UDP length 7", build([eth, v4(), new Udp({ length: 7 })]), "badLength udp 2 at 34"],
    ["UDP length beyond the packet", build([eth, v4(), new Udp({ length: 9 })]), "truncated udp 2 at 34"],
    ["GTP of version 2", build([eth, v4(), new Udp(), new GtpU({ version: 2 })]), "badVersion gtpU 3 at 42"],
    ["GTP prime", build([eth, v4(), new Udp(), new GtpU({ protocolType: false })]), "badVersion gtpU 3 at 42"],
    [
      "GTP optional word missing",
      build([eth, v4(), new Udp(), new GtpU({ hasSequence: true })]),
      "truncated gtpU 3 at 42",
    ],
    ["GTP length beyond the packet", build([eth, v4(), new Udp(), new GtpU({ length: 1 })]), "truncated gtpU 3 at 42"],
    ["GRE of version 1", build([eth, v4(), new Gre({ version: 1 })]), "badVersion gre 2 at 34"],
    ["GRE key missing", build([eth, v4(), new Gre({ hasKey: true })]), "truncated gre 2 at 34"],
    [
      "VXLAN without its flag",
      build([eth, v4(), new Udp(), new Vxlan({ hasIdentifier: false })]),
      "badValue vxlan 3 at 42",
    ],
    ["neighbour solicitation cut", build([eth, v6(), new Icmpv6({ type: 135 })]), "truncated icmpv6 2 at 54"],
    ["802.3 length beyond the packet", build([new Ethernet({ etherType: 100 })]), "truncated ethernet 0 at 0"],
  ];
  it.each(CASES)("%s", (_, bytes, expected) => {
    const packet = parse(bytes);
    expect(packet.faults.map((fault) => `${fault.kind} ${fault.layer} ${fault.index} at ${fault.offset}`)).toEqual([
      expected,
    ]);
    expect(build(packet)).toEqual(bytes);
  });
  it("follows eight packets inside each other, and no more", () => {
    const nested = (count: number) => build([new Ethernet(), ...Array.from({ length: count }, () => v4()), new Icmp()]);
    expect(parse(nested(7)).faults).toEqual([]);
    expect(parse(nested(8)).faults.map(({ kind, layer, index }) => `${kind} ${layer} ${index}`)).toEqual([
      "tooDeep ipv4 8",
    ]);
  });
  it("follows 64 layers, and no more", () => {
    const tags = build([new Ethernet(), ...Array.from({ length: 100 }, () => new VlanTag()), v4()]);
    const packet = parse(tags);
    expect([packet.layers.length, packet.faults[0]?.kind, packet.faults.length]).toEqual([64, "tooDeep", 1]);
    expect(build(packet)).toEqual(tags);
  });
  it("Ethernet padding is no payload", () => {
    const packet = parse(
      build([
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
    const bytes = build([
      new Ethernet(),
      v4(),
      new Udp(),
      new Vxlan(),
      build([...inner, padding(new Uint8Array(5))]),
      padding(new Uint8Array(3)),
    ]);
    const packet = parse(
      build([
        new Ethernet(),
        v4(),
        new Udp({ destinationPort: 4789 }),
        new Vxlan(),
        build([...inner, padding(new Uint8Array(5))]),
        padding(new Uint8Array(3)),
      ]),
    );
    expect(packet.padding.map((one) => [one.bytes.length, one.layer])).toEqual([
      [5, 5],
      [3, 1],
    ]);
    expect(build(recompute(packet))).toEqual(packet.bytes);
    expect(bytes.length).toBe(packet.bytes.length);
  });
});
