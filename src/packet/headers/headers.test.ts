/** Every header class: its size, a pinned vector in both directions, and random fields and bytes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHex, printHex } from "../../base/index.ts";
import { decode, encode, type Layout, layoutOf, type Schema, type StructLayout } from "../../schema/index.ts";
import * as headers from "./index.ts";

type HeaderClass = Schema<object> & (new (fields?: object) => object);

/** Bytes from RFC figures and from frames that tshark decodes to these fields. */
const VECTORS: readonly (readonly [name: keyof typeof headers, hex: string, fields: object])[] = [
  [
    "Ethernet",
    "ffffffffffff 020000000001 0806",
    { destination: "ff:ff:ff:ff:ff:ff", source: "02:00:00:00:00:01", etherType: 0x0806 },
  ],
  [
    "AuthenticationHeader",
    "11 04 0000 00001001 00000007",
    { nextHeader: 17, payloadLength: 4, reserved: 0, spi: 0x1001, sequence: 7 },
  ],
  ["EncapsulatingSecurity", "00001002 00000008", { spi: 0x1002, sequence: 8 }],
  ["Mpls", "00010 b 40", { label: 16, trafficClass: 5, bottomOfStack: true, ttl: 64 }],
  [
    "Geneve",
    "02 c0 6558 00002a 00",
    {
      version: 0,
      optionWords: 2,
      isControl: true,
      hasCriticalOptions: true,
      reservedFlags: 0,
      protocolType: 0x6558,
      identifier: 42,
      reserved: 0,
    },
  ],
  ["Pppoe", "11 a7 0005 0010", { version: 1, type: 1, code: 0xa7, session: 5, length: 16 }],
  ["Ppp", "0057", { protocol: 0x57 }],
  ["VlanTag", "b064 86dd", { priority: 5, dropEligible: true, vlan: 100, etherType: 0x86dd }],
  [
    "Arp",
    "0001 0800 06 04 0002 020000000001 c0000201 020000000002 c0000202",
    {
      hardwareType: 1,
      protocolType: 0x0800,
      hardwareLength: 6,
      protocolLength: 4,
      operation: 2,
      senderMac: "02:00:00:00:00:01",
      senderAddress: "192.0.2.1",
      targetMac: "02:00:00:00:00:02",
      targetAddress: "192.0.2.2",
    },
  ],
  [
    "Ipv4",
    "45b9 0073 abcd 6001 40 11 b861 c0a80001 c0a800c7",
    {
      version: 4,
      ihl: 5,
      dscp: 46,
      ecn: 1,
      totalLength: 115,
      identification: 0xabcd,
      reserved: false,
      dontFragment: true,
      moreFragments: true,
      fragmentOffset: 1,
      ttl: 64,
      protocol: 17,
      checksum: 0xb861,
      source: "192.168.0.1",
      destination: "192.168.0.199",
    },
  ],
  [
    "Ipv6",
    "6b812345 0020 2b ff 20010db8000000000000000000000001 fc00000100000000000000000000000e",
    {
      version: 6,
      trafficClass: 0xb8,
      flowLabel: 0x12345,
      payloadLength: 32,
      nextHeader: 43,
      hopLimit: 255,
      source: "2001:db8::1",
      destination: "fc00:1::e",
    },
  ],
  ["Ipv6Halves", "20010db800000000 0000000000000001", { high: 0x20010db800000000n, low: 1n }],
  ["HopByHop", "11 00", { nextHeader: 17, extensionLength: 0 }],
  ["DestinationOptions", "3b 02", { nextHeader: 59, extensionLength: 2 }],
  ["Ipv6Extension", "11 00 050200000100", { nextHeader: 17, extensionLength: 0, body: parseHex("050200000100") }],
  ["RoutingHeader", "3a 02 02 01", { nextHeader: 58, extensionLength: 2, routingType: 2, segmentsLeft: 1 }],
  [
    "SegmentRoutingHeader",
    "29 04 04 01 01 08 abcd",
    { nextHeader: 41, extensionLength: 4, routingType: 4, segmentsLeft: 1, lastEntry: 1, flags: 8, tag: 0xabcd },
  ],
  ["SrhTlv", "05 26", { kind: 5, length: 38 }],
  ["ArgsMobSession", "26 11223344", { qfi: 9, reflective: true, unused: false, session: 0x11223344 }],
  [
    "Ipv6Fragment",
    "11 00 05a9 deadbeef",
    {
      nextHeader: 17,
      reserved: 0,
      fragmentOffset: 181,
      reservedBits: 0,
      moreFragments: true,
      identification: 0xdeadbeef,
    },
  ],
  ["Icmp", "08 00 f7fd 0001 0001", { type: 8, code: 0, checksum: 0xf7fd, identifier: 1, sequence: 1 }],
  ["Icmpv6", "02 00 1234 00000500", { type: 2, code: 0, checksum: 0x1234, rest: 1280 }],
  ["RouterSolicitation", "85 00 1234 00000000", { type: 133, code: 0, checksum: 0x1234, reserved: 0 }],
  [
    "RouterAdvertisement",
    "86 00 1234 40 c0 0708 00007530 000003e8",
    {
      type: 134,
      code: 0,
      checksum: 0x1234,
      hopLimit: 64,
      managed: true,
      otherConfiguration: true,
      reserved: 0,
      lifetime: 1800,
      reachableTime: 30000,
      retransmissionTime: 1000,
    },
  ],
  [
    "NeighbourSolicitation",
    "87 00 1234 00000000 fe800000000000000000000000000001",
    { type: 135, code: 0, checksum: 0x1234, reserved: 0, target: "fe80::1" },
  ],
  [
    "NeighbourAdvertisement",
    "88 00 1234 60000000 fe800000000000000000000000000001",
    {
      type: 136,
      code: 0,
      checksum: 0x1234,
      isRouter: false,
      isSolicited: true,
      override: true,
      reserved: 0,
      target: "fe80::1",
    },
  ],
  [
    "Redirect",
    "89 00 1234 00000000 fe800000000000000000000000000003 20010db8000000000000000000000009",
    { type: 137, code: 0, checksum: 0x1234, reserved: 0, target: "fe80::3", destination: "2001:db8::9" },
  ],
  [
    "Tcp",
    "c350 01bb 01020304 05060708 8052 faf0 beef 0001",
    {
      sourcePort: 50000,
      destinationPort: 443,
      sequence: 0x01020304,
      acknowledgement: 0x05060708,
      dataOffset: 8,
      reserved: 0,
      cwr: false,
      ece: true,
      urg: false,
      ack: true,
      psh: false,
      rst: false,
      syn: true,
      fin: false,
      window: 64240,
      checksum: 0xbeef,
      urgentPointer: 1,
    },
  ],
  ["Udp", "0868 0868 0010 abcd", { sourcePort: 2152, destinationPort: 2152, length: 16, checksum: 0xabcd }],
  ["Ports", "0035 d431", { source: 53, destination: 54321 }],
  [
    "Sctp",
    "8e3c 8e3d 01020304 a1b2c3d4",
    { sourcePort: 36412, destinationPort: 36413, verificationTag: 0x01020304, checksum: 0xa1b2c3d4 },
  ],
  [
    "GtpU",
    "34 ff 0030 11223344",
    {
      version: 1,
      protocolType: true,
      reserved: false,
      hasExtension: true,
      hasSequence: false,
      hasNpdu: false,
      messageType: 255,
      length: 48,
      teid: 0x11223344,
    },
  ],
  ["GtpOptional", "1267 05 85", { sequence: 0x1267, npdu: 5, nextExtension: 0x85 }],
  ["GtpExtensionLength", "02", { words: 2 }],
  [
    "PduSessionContainer",
    "01 10 49 00",
    { words: 1, pduType: 1, spare: 0, pagingPolicy: false, reflective: true, qfi: 9, nextExtension: 0 },
  ],
  [
    "Gre",
    "b000 0800",
    {
      hasChecksum: true,
      hasRouting: false,
      hasKey: true,
      hasSequence: true,
      reserved: 0,
      version: 0,
      protocolType: 0x0800,
    },
  ],
  [
    "Vxlan",
    "08 000000 001388 00",
    { reservedHigh: 0, hasIdentifier: true, reservedFlags: 0, reservedMiddle: 0, identifier: 5000, reservedLow: 0 },
  ],
  ["Gue", "21 04 0001", { version: 0, isControl: true, extensionWords: 1, protocol: 4, flags: 1 }],
];

/** Any value that a layout can hold. */
function anyValue(layout: Layout): fc.Arbitrary<unknown> {
  switch (layout.kind) {
    case "integer":
      return layout.size === 8
        ? fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
        : fc.integer({ min: 0, max: 2 ** (8 * layout.size) - 1 });
    case "bits":
      return layout.isFlag ? fc.boolean() : fc.integer({ min: 0, max: 2 ** layout.width - 1 });
    case "address":
      return fc.uint8Array({ minLength: layout.size, maxLength: layout.size }).map((bytes) => {
        if (layout.family === "ipv4") return bytes.join(".");
        if (layout.family === "mac") return printHex(bytes, ":");
        return decode(headers.Ipv6, new Uint8Array([...new Array(24).fill(0), ...bytes])).destination;
      });
    default:
      return fc.uint8Array({ minLength: layout.size, maxLength: layout.size });
  }
}

const classes = Object.entries(headers).filter(
  ([, value]) => typeof value === "function" && "offsetOf" in value,
) as unknown as [string, HeaderClass][];

const classOf = new Map(classes);

describe("headers", () => {
  it("every class has a vector", () => {
    expect(VECTORS.map(([name]) => name).sort()).toEqual(classes.map(([name]) => name).sort());
  });
  it.each(VECTORS)("%s", (name, hex, fields) => {
    const Header = classOf.get(name) as HeaderClass;
    const bytes = parseHex(hex) as Uint8Array;
    expect(Header.size).toBe(bytes.length);
    expect({ ...decode(Header, bytes) }).toEqual(fields);
    expect(printHex(encode(Header, new Header(fields)))).toBe(printHex(bytes));
    expect((layoutOf(Header) as StructLayout).align).toBe(1);
  });
  it.each(classes)("%s: random fields, random bytes", (_, Header) => {
    const { fields } = layoutOf(Header) as StructLayout;
    const values = fc.record(Object.fromEntries(fields.map(({ name, layout }) => [name, anyValue(layout)])));
    fc.assert(
      fc.property(values, (value) => {
        expect({ ...decode(Header, encode(Header, new Header(value))) }).toEqual(value);
      }),
    );
    const bytes = fc.uint8Array({ minLength: Header.size, maxLength: Header.size });
    fc.assert(fc.property(bytes, (value) => void expect(encode(Header, decode(Header, value))).toEqual(value)));
  });
  it("getters read the fields that they stand for", () => {
    expect(new headers.Ipv4({ ihl: 6 }).headerLength).toBe(24);
    expect(
      [new headers.Ipv4({ fragmentOffset: 1 }), new headers.Ipv4({ moreFragments: true }), new headers.Ipv4()].map(
        (one) => one.isFragment,
      ),
    ).toEqual([true, true, false]);
    expect(new headers.SegmentRoutingHeader({ extensionLength: 4 }).length).toBe(40);
    expect(new headers.HopByHop({ extensionLength: 1 }).length).toBe(16);
    expect(new headers.Ipv6Extension({ extensionLength: 255 }).length).toBe(2048);
    expect(new headers.Tcp({ dataOffset: 15 }).headerLength).toBe(60);
    expect(headers.segmentList(3).size).toBe(48);
  });
});
