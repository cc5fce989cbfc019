/**
 * Mixed traffic, deterministic: every header that the packet layer knows, as it occurs in networks, and some broken
 * packets at the end. `make-capture.ts` writes it to examples/captures, tests compare it with tshark.
 *
 * Invariant: nothing here depends on time or chance.
 */
import {
  Arp,
  ArpOperation,
  destinationOptions,
  Ethernet,
  EtherType,
  encode,
  GtpMessage,
  gre,
  gtpU,
  gue,
  hopByHop,
  Icmp,
  IcmpType,
  Icmpv6,
  Icmpv6Type,
  IpProtocol,
  Ipv4,
  Ipv6,
  Ipv6Fragment,
  ipv4,
  neighbourAdvertisement,
  neighbourSolicitation,
  type Part,
  Port,
  padding,
  redirect,
  routerAdvertisement,
  routerSolicitation,
  routing,
  Sctp,
  srh,
  Tcp,
  tcp,
  Udp,
  VlanTag,
  Vxlan,
} from "../src/packet/index.ts";

export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** True for packets that are broken on purpose. */
  readonly isBroken: boolean;
}

const HOST = "02:00:00:00:00:01";
const PEER = "02:00:00:00:00:02";
const BROADCAST = "ff:ff:ff:ff:ff:ff";
const CLIENT4 = "192.0.2.10";
const SERVER4 = "198.51.100.20";
const CLIENT6 = "2001:db8:1::10";
const SERVER6 = "2001:db8:2::20";
const LINK_LOCAL = "fe80::1";

const text = (value: string) => new TextEncoder().encode(value);
/** Bytes that look like content: 0, 1, 2, … */
const counting = (length: number, first = 0) => Uint8Array.from({ length }, (_, i) => first + i);

const out = new Ethernet({ destination: PEER, source: HOST });
const back = new Ethernet({ destination: HOST, source: PEER });

/** Frames below 60 bytes are padded, as a NIC does. */
function frame(...parts: readonly Part[]): Uint8Array {
  const bytes = encode(parts);
  return bytes.length >= 60 ? bytes : encode([...parts, padding(new Uint8Array(60 - bytes.length))]);
}

const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: CLIENT4, destination: SERVER4, ...fields });
const v6 = (fields: ConstructorParameters<typeof Ipv6>[0] = {}) =>
  new Ipv6({ source: CLIENT6, destination: SERVER6, ...fields });

/** The name of a DNS query, as labels. */
function dnsName(name: string): number[] {
  return [...name.split(".").flatMap((label) => [label.length, ...text(label)]), 0];
}
const dnsQuery = (id: number, name: string, type: number) =>
  Uint8Array.of(id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...dnsName(name), 0, type, 0, 1);
function dnsAnswer(id: number, name: string, type: number, data: readonly number[]): Uint8Array {
  const question = [...dnsName(name), 0, type, 0, 1];
  const answer = [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data];
  return Uint8Array.of(id >> 8, id & 0xff, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...question, ...answer);
}

type Named = readonly [name: string, bytes: Uint8Array];

function arp(): Named[] {
  const request = new Arp({
    operation: ArpOperation.Request,
    senderMac: HOST,
    senderAddress: CLIENT4,
    targetAddress: "192.0.2.1",
  });
  const reply = new Arp({
    operation: ArpOperation.Reply,
    senderMac: PEER,
    senderAddress: "192.0.2.1",
    targetMac: HOST,
    targetAddress: CLIENT4,
  });
  return [
    ["arp request", frame(new Ethernet({ destination: BROADCAST, source: HOST }), request)],
    ["arp reply", frame(back, reply)],
  ];
}

function ping(count: number): Named[] {
  const echo = (type: number, sequence: number) => new Icmp({ type, identifier: 0x1234, sequence });
  return Array.from({ length: count }, (_, i): Named[] => [
    ["ping", frame(out, v4({ identification: i }), echo(IcmpType.EchoRequest, i), counting(56))],
    ["pong", frame(back, v4({ source: SERVER4, destination: CLIENT4 }), echo(IcmpType.EchoReply, i), counting(56))],
  ]).flat();
}

function ping6(count: number): Named[] {
  const echo = (type: number, sequence: number) => new Icmpv6({ type, rest: 0x12340000 + sequence });
  return Array.from({ length: count }, (_, i): Named[] => [
    ["ping6", frame(out, v6({ flowLabel: i }), echo(Icmpv6Type.EchoRequest, i), counting(56))],
    ["pong6", frame(back, v6({ source: SERVER6, destination: CLIENT6 }), echo(Icmpv6Type.EchoReply, i), counting(56))],
  ]).flat();
}

function dns(count: number): Named[] {
  const udp = (i: number) => new Udp({ sourcePort: 40_000 + i, destinationPort: Port.Dns });
  const answered = (i: number) => new Udp({ sourcePort: Port.Dns, destinationPort: 40_000 + i });
  const name = (i: number) => `host${i}.example.net`;
  return Array.from({ length: count }, (_, i): Named[] => {
    const four = dnsAnswer(i, name(i), 1, [198, 51, 100, i]);
    const six = dnsAnswer(i, name(i), 28, [0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), i]);
    return [
      ["dns", frame(out, v4(), udp(i), dnsQuery(i, name(i), 1))],
      ["dns answer", frame(back, v4({ source: SERVER4, destination: CLIENT4 }), answered(i), four)],
      ["dns over IPv6", frame(out, v6(), udp(i), dnsQuery(i, name(i), 28))],
      ["dns over IPv6 answer", frame(back, v6({ source: SERVER6, destination: CLIENT6 }), answered(i), six)],
    ];
  }).flat();
}

/** One side of a TCP connection: counts what it has sent. */
class TcpSide {
  readonly #ports: { sourcePort: number; destinationPort: number };
  sent: number;
  constructor(sourcePort: number, destinationPort: number, first: number) {
    this.#ports = { sourcePort, destinationPort };
    this.sent = first;
  }
  segment(flags: Partial<Pick<Tcp, "syn" | "ack" | "fin" | "psh">>, peer: TcpSide, payload = 0): Part {
    const sequence = this.sent;
    this.sent += payload + (flags.syn || flags.fin ? 1 : 0);
    const options = flags.syn
      ? ([
          { kind: "maximumSegmentSize", value: 1460 },
          { kind: "sackPermitted" },
          { kind: "timestamps", value: 1000, echo: flags.ack ? 900 : 0 },
          { kind: "noOperation" },
          { kind: "windowScale", shift: 7 },
        ] as const)
      : ([{ kind: "noOperation" }, { kind: "noOperation" }, { kind: "timestamps", value: 1001, echo: 900 }] as const);
    return tcp({
      ...this.#ports,
      sequence,
      acknowledgement: flags.ack ? peer.sent : 0,
      window: 64_240,
      ...flags,
      options,
    });
  }
}

function connection(name: string, port: number, isIpv6: boolean, request: Uint8Array, answer: Uint8Array): Named[] {
  const client = new TcpSide(50_000 + port, port, 1_000_000);
  const server = new TcpSide(port, 50_000 + port, 2_000_000);
  const there = isIpv6 ? v6() : v4({ dontFragment: true });
  const here = isIpv6 ? v6({ source: SERVER6, destination: CLIENT6 }) : v4({ source: SERVER4, destination: CLIENT4 });
  return [
    [`${name} SYN`, frame(out, there, client.segment({ syn: true }, server))],
    [`${name} SYN ACK`, frame(back, here, server.segment({ syn: true, ack: true }, client))],
    [`${name} ACK`, frame(out, there, client.segment({ ack: true }, server))],
    [`${name} request`, frame(out, there, client.segment({ ack: true, psh: true }, server, request.length), request)],
    [`${name} ACK`, frame(back, here, server.segment({ ack: true }, client))],
    [`${name} answer`, frame(back, here, server.segment({ ack: true, psh: true }, client, answer.length), answer)],
    [`${name} ACK`, frame(out, there, client.segment({ ack: true }, server))],
    [`${name} FIN`, frame(out, there, client.segment({ fin: true, ack: true }, server))],
    [`${name} FIN ACK`, frame(back, here, server.segment({ fin: true, ack: true }, client))],
    [`${name} last ACK`, frame(out, there, client.segment({ ack: true }, server))],
  ];
}

function web(): Named[] {
  const request = text("GET / HTTP/1.1\r\nHost: example.net\r\n\r\n");
  const answer = text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  const applicationData = Uint8Array.of(0x17, 3, 3, 0, 64, ...counting(64, 7));
  return [
    ...connection("http", 80, false, request, answer),
    ...connection("http over IPv6", 80, true, request, answer),
    ...connection("tls", 443, false, applicationData, applicationData),
  ];
}

function discovery(): Named[] {
  const hop = { hopLimit: 255 };
  const link = (address: string) => ({ kind: "sourceLinkLayer", address }) as const;
  const prefix = {
    kind: "prefixInformation",
    prefixLength: 64,
    onLink: true,
    autonomous: true,
    validLifetime: 86_400,
    preferredLifetime: 14_400,
    prefix: "2001:db8:1::",
  } as const;
  const servers = { kind: "recursiveDnsServers", lifetime: 600, servers: ["2001:db8::53"] } as const;
  const multicast = (last: string) => new Ethernet({ destination: `33:33:00:00:00:${last}`, source: HOST });
  const advertisement = routerAdvertisement({
    hopLimit: 64,
    lifetime: 1800,
    otherConfiguration: true,
    options: [link(PEER), { kind: "mtu", mtu: 1500 }, prefix, servers],
  });
  const quoted = encode([v6(), new Udp({ sourcePort: 1, destinationPort: 2 }), counting(16)]);
  return [
    [
      "router solicitation",
      frame(
        multicast("02"),
        v6({ ...hop, source: LINK_LOCAL, destination: "ff02::2" }),
        routerSolicitation({ options: [link(HOST)] }),
      ),
    ],
    [
      "router advertisement",
      frame(multicast("01"), v6({ ...hop, source: "fe80::2", destination: "ff02::1" }), advertisement),
    ],
    [
      "neighbour solicitation",
      frame(
        multicast("10"),
        v6({ ...hop, source: LINK_LOCAL, destination: "ff02::1:ff00:10" }),
        neighbourSolicitation({ target: CLIENT6, options: [link(HOST)] }),
      ),
    ],
    [
      "neighbour advertisement",
      frame(
        back,
        v6({ ...hop, source: CLIENT6, destination: LINK_LOCAL }),
        neighbourAdvertisement({
          isSolicited: true,
          override: true,
          target: CLIENT6,
          options: [{ kind: "targetLinkLayer", address: PEER }],
        }),
      ),
    ],
    [
      "redirect",
      frame(
        back,
        v6({ ...hop, source: "fe80::2", destination: CLIENT6 }),
        redirect({
          target: "fe80::3",
          destination: SERVER6,
          options: [
            { kind: "targetLinkLayer", address: PEER },
            { kind: "redirectedHeader", packet: quoted },
          ],
        }),
      ),
    ],
    [
      "packet too big",
      frame(
        back,
        v6({ source: SERVER6, destination: CLIENT6 }),
        new Icmpv6({ type: Icmpv6Type.PacketTooBig, rest: 1280 }),
        quoted,
      ),
    ],
    [
      "time exceeded",
      frame(
        back,
        v4({ source: "192.0.2.1", destination: CLIENT4 }),
        new Icmp({ type: IcmpType.TimeExceeded }),
        encode([v4({ ttl: 1 }), new Udp({ sourcePort: 33_434, destinationPort: 33_435 })]),
      ),
    ],
  ];
}

function tagged(count: number): Named[] {
  const echo = (i: number) => new Icmp({ type: IcmpType.EchoRequest, identifier: 7, sequence: i });
  return Array.from({ length: count }, (_, i): Named[] => [
    ["vlan", frame(out, new VlanTag({ vlan: 100 + i, priority: i % 8 }), v4(), echo(i), counting(32))],
    [
      "qinq",
      frame(
        out,
        new VlanTag({ vlan: 200 }),
        new VlanTag({ vlan: 300 + i }),
        v6(),
        new Udp({ sourcePort: 5000, destinationPort: 5001 }),
        counting(20),
      ),
    ],
  ]).flat();
}

const SEGMENTS = ["fc00:3::d6", "fc00:2::e", "fc00:1::e"];

function segmentRouted(count: number): Named[] {
  const outer = () => new Ipv6({ source: "2001:db8:a::1", trafficClass: 0xb8, flowLabel: 0x12345 });
  const hmac = { kind: "hmac", keyId: 7, digest: counting(32, 0x40) } as const;
  const inner = (i: number) => [
    v4({ identification: i }),
    new Udp({ sourcePort: 6000 + i, destinationPort: 6001 }),
    counting(24),
  ];
  return Array.from({ length: count }, (_, i): Named[] => [
    ["srv6 with IPv4 inside", frame(out, outer(), srh({ segments: SEGMENTS, segmentsLeft: i % 3 }), ...inner(i))],
    [
      "srv6 with IPv6 inside",
      frame(
        out,
        outer(),
        srh({ segments: SEGMENTS.slice(1), tag: i }),
        v6(),
        new Udp({ sourcePort: 7000, destinationPort: 7001 }),
        counting(8),
      ),
    ],
    [
      "srv6 with HMAC",
      frame(
        out,
        outer(),
        srh({ segments: SEGMENTS, flags: 0, tlvs: [hmac] }),
        v6(),
        tcp({ sourcePort: 8000, destinationPort: 80, syn: true }),
      ),
    ],
    [
      "srv6 with a TLV",
      frame(
        out,
        outer(),
        srh({ segments: SEGMENTS.slice(2), tlvs: [{ kind: "unknown", type: 124, body: counting(4) }] }),
        ...inner(i),
      ),
    ],
    [
      "srv6 inline",
      frame(
        out,
        outer(),
        srh({ segments: [SERVER6, ...SEGMENTS.slice(1)] }),
        new Udp({ sourcePort: 9000, destinationPort: 9001 }),
        counting(16),
      ),
    ],
  ]).flat();
}

const USER = "10.45.0.2";
const teid = 0x11223344;

function mobile(count: number): Named[] {
  const outer = () => new Ipv4({ source: "192.0.2.101", destination: "192.0.2.102" });
  const tunnel = () => new Udp({ sourcePort: Port.GtpU, destinationPort: Port.GtpU });
  const user = (i: number) => [
    new Ipv4({ source: USER, destination: SERVER4, identification: i }),
    new Udp({ sourcePort: 1024 + i, destinationPort: 443 }),
    counting(40),
  ];
  return Array.from({ length: count }, (_, i): Named[] => [
    [
      "gtp uplink",
      frame(
        out,
        outer(),
        tunnel(),
        gtpU({ teid, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }] }),
        ...user(i),
      ),
    ],
    [
      "gtp downlink",
      frame(
        back,
        outer(),
        tunnel(),
        gtpU({ teid, extensions: [{ kind: "pduSession", direction: "downlink", qfi: 5, reflective: true }] }),
        ...user(i),
      ),
    ],
    [
      "gtp without extension",
      frame(
        out,
        outer(),
        tunnel(),
        gtpU({ teid }),
        v6(),
        new Udp({ sourcePort: 2000, destinationPort: 2001 }),
        counting(12),
      ),
    ],
  ]).flat();
}

function mobileControl(): Named[] {
  const outer = () => new Ipv4({ source: "192.0.2.101", destination: "192.0.2.102" });
  const tunnel = () => new Udp({ sourcePort: Port.GtpU, destinationPort: Port.GtpU });
  const recovery = Uint8Array.of(14, 0);
  const long = {
    kind: "pduSession",
    direction: "downlink",
    qfi: 63,
    pagingPolicy: 5,
    timestamp: 0xe5f8_0000_8000_0000n,
    sequence: 0x0a0b0c,
  } as const;
  const measured = {
    kind: "pduSession",
    direction: "uplink",
    qfi: 1,
    timestamps: [1n << 32n, 2n << 32n, 3n << 32n],
    downlinkDelay: 4,
    uplinkDelay: 5,
    sequence: 6,
    n3n9Delay: 7,
  } as const;
  const user = [
    new Ipv4({ source: USER, destination: SERVER4 }),
    new Udp({ sourcePort: 1, destinationPort: 9999 }),
    counting(4),
  ];
  return [
    ["gtp echo request", frame(out, outer(), tunnel(), gtpU({ messageType: GtpMessage.EchoRequest, sequence: 1 }))],
    [
      "gtp echo response",
      frame(back, outer(), tunnel(), gtpU({ messageType: GtpMessage.EchoResponse, sequence: 1 }), recovery),
    ],
    ["gtp end marker", frame(out, outer(), tunnel(), gtpU({ messageType: GtpMessage.EndMarker, teid }))],
    [
      "gtp error indication",
      frame(
        back,
        outer(),
        tunnel(),
        gtpU({ messageType: GtpMessage.ErrorIndication, sequence: 0 }),
        Uint8Array.of(16, 0, 0, 0, 9, 133, 0, 4, 192, 0, 2, 102),
      ),
    ],
    ["gtp long downlink container", frame(out, outer(), tunnel(), gtpU({ teid, extensions: [long] }), ...user)],
    ["gtp long uplink container", frame(out, outer(), tunnel(), gtpU({ teid, extensions: [measured] }), ...user)],
    [
      "gtp two extensions",
      frame(
        out,
        outer(),
        tunnel(),
        gtpU({
          teid,
          extensions: [
            { kind: "pdcpNumber", number: 77 },
            { kind: "pduSession", direction: "uplink", qfi: 3 },
          ],
        }),
        ...user,
      ),
    ],
    ["gtp with sequence", frame(out, outer(), tunnel(), gtpU({ teid, sequence: 4711 }), ...user)],
    [
      "gtp over IPv6",
      frame(
        out,
        v6(),
        tunnel(),
        gtpU({ teid, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 2 }] }),
        ...user,
      ),
    ],
  ];
}

function tunnels(count: number): Named[] {
  const user = (i: number) => [
    new Ipv4({ source: USER, destination: SERVER4, identification: i }),
    new Icmp({ type: IcmpType.EchoRequest, sequence: i }),
    counting(16),
  ];
  const inner = new Ethernet({ destination: "02:00:00:00:01:02", source: "02:00:00:00:01:01" });
  const vxlan = (i: number) => [
    new Udp({ sourcePort: 49_152 + i, destinationPort: Port.Vxlan }),
    new Vxlan({ identifier: 5000 + i }),
    inner,
  ];
  return Array.from({ length: count }, (_, i): Named[] => [
    ["ipip", frame(out, v4(), ...user(i))],
    ["ipv4 in ipv6", frame(out, v6(), ...user(i))],
    ["ipv6 in ipv4", frame(out, v4(), v6(), new Udp({ sourcePort: 3000, destinationPort: 3001 }), counting(8))],
    ["gre", frame(out, v4(), gre({}), ...user(i))],
    ["gre with key", frame(out, v4(), gre({ key: 0xabc, sequence: i, hasChecksum: true }), ...user(i))],
    ["gre with ethernet", frame(out, v6(), gre({ key: i }), inner, ...user(i))],
    ["vxlan", frame(out, v4(), ...vxlan(i), ...user(i))],
    [
      "vxlan over IPv6",
      frame(out, v6(), ...vxlan(i), v6(), new Udp({ sourcePort: 3002, destinationPort: 3003 }), counting(8)),
    ],
  ]).flat();
}

function others(): Named[] {
  const udp = new Udp({ sourcePort: 4000, destinationPort: 4001 });
  const whole = encode([v4(), new Udp({ sourcePort: 4002, destinationPort: 4003 }), counting(120)]).subarray(20);
  const whole6 = encode([v6(), new Udp({ sourcePort: 4004, destinationPort: 4005 }), counting(120)]).subarray(40);
  const piece = (from: number, to: number) =>
    frame(
      out,
      v4({ identification: 99, moreFragments: to < whole.length, fragmentOffset: from / 8, protocol: IpProtocol.Udp }),
      whole.subarray(from, to),
    );
  const piece6 = (from: number, to: number) =>
    frame(
      out,
      v6(),
      new Ipv6Fragment({
        identification: 77,
        moreFragments: to < whole6.length,
        fragmentOffset: from / 8,
        nextHeader: IpProtocol.Udp,
      }),
      whole6.subarray(from, to),
    );
  const homeAddress = Uint8Array.of(0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, ...counting(12, 0x20));
  const route = { kind: "recordRoute", pointer: 8, addresses: ["192.0.2.1", "0.0.0.0"] } as const;
  const alert = { kind: "routerAlert", value: 0 } as const;
  const addresses = { source: CLIENT4, destination: SERVER4 };
  const chunk = Uint8Array.of(1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1);
  const sack = {
    kind: "sack",
    blocks: [
      { left: 2000, right: 3000 },
      { left: 4000, right: 5000 },
    ],
  } as const;
  return [
    ["fragment 1 of 3", piece(0, 48)],
    ["fragment 2 of 3", piece(48, 96)],
    ["fragment 3 of 3", piece(96, whole.length)],
    ["ipv6 fragment 1 of 2", piece6(0, 64)],
    ["ipv6 fragment 2 of 2", piece6(64, whole6.length)],
    [
      "ipv4 record route",
      frame(out, ipv4({ ...addresses, options: [route, { kind: "noOperation" }] }), udp, counting(8)),
    ],
    ["ipv4 router alert", frame(out, ipv4({ ...addresses, options: [alert] }), udp, counting(8))],
    ["hop by hop", frame(out, v6(), hopByHop({ options: [alert] }), udp, counting(8))],
    [
      "destination options",
      frame(
        out,
        v6(),
        destinationOptions({ options: [{ kind: "tunnelEncapsulationLimit", limit: 4 }] }),
        udp,
        counting(8),
      ),
    ],
    [
      "hop by hop before srh",
      frame(
        out,
        v6({ destination: SEGMENTS[2] as string }),
        hopByHop({ options: [{ kind: "padN", bytes: new Uint8Array(4) }] }),
        srh({ segments: [SERVER6, SEGMENTS[2] as string] }),
        udp,
        counting(8),
      ),
    ],
    [
      "routing type 2",
      frame(out, v6(), routing({ routingType: 2, segmentsLeft: 1, data: homeAddress }), udp, counting(8)),
    ],
    [
      "gue",
      frame(out, v4(), new Udp({ sourcePort: 30_000, destinationPort: Port.Gue }), gue({}), v4(), udp, counting(8)),
    ],
    [
      "gue variant 1",
      frame(out, v4(), new Udp({ sourcePort: 30_001, destinationPort: Port.Gue }), v4(), udp, counting(8)),
    ],
    ["sctp", frame(out, v4(), new Sctp({ sourcePort: 36_412, destinationPort: 36_413, verificationTag: 0 }), chunk)],
    [
      "tcp with SACK",
      frame(
        out,
        v4(),
        tcp({
          sourcePort: 50_500,
          destinationPort: 9,
          ack: true,
          acknowledgement: 1,
          options: [{ kind: "noOperation" }, { kind: "noOperation" }, sack],
        }),
      ),
    ],
    [
      "tcp with an experimental option",
      frame(
        out,
        v4(),
        tcp({
          sourcePort: 50_501,
          destinationPort: 9,
          syn: true,
          options: [{ kind: "unknown", type: 253, body: Uint8Array.of(0x12, 0x34) }],
        }),
      ),
    ],
    [
      "udp without checksum",
      frame(out, v4(), new Udp({ sourcePort: 4010, destinationPort: 4011, checksum: 0 }), counting(8)),
    ],
    ["udp of odd length", frame(out, v4(), udp, counting(33))],
    [
      "tcp reset",
      frame(out, v4(), new Tcp({ sourcePort: 50_502, destinationPort: 9, rst: true, ack: true, acknowledgement: 5 })),
    ],
  ];
}

function broken(): Named[] {
  const udp = new Udp({ sourcePort: 4000, destinationPort: 4001 });
  const whole = frame(out, v4(), udp, counting(64));
  return [
    ["truncated in IPv4", whole.subarray(0, 24)],
    ["truncated in the payload", whole.subarray(0, 60)],
    ["truncated SRH", frame(out, v6(), srh({ segments: SEGMENTS })).subarray(0, 80)],
    ["ipv4 with ihl 3", encode([out, v4({ ihl: 3 }), udp, counting(32)])],
    ["ipv4 of version 5", encode([out, v4({ version: 5 }), udp, counting(32)])],
    ["ipv4 checksum wrong", encode([out, v4({ checksum: 0xdead }), udp, counting(32)])],
    [
      "udp length too long",
      encode([out, v4(), new Udp({ sourcePort: 1, destinationPort: 2, length: 4000 }), counting(32)]),
    ],
    [
      "udp checksum wrong",
      encode([out, v4(), new Udp({ sourcePort: 1, destinationPort: 2, checksum: 0xdead }), counting(32)]),
    ],
    [
      "tcp data offset 2",
      encode([out, v4(), new Tcp({ sourcePort: 1, destinationPort: 2, dataOffset: 2 }), counting(32)]),
    ],
    ["srh last entry too large", encode([out, v6(), srh({ segments: SEGMENTS, lastEntry: 9 }), udp, counting(8)])],
    ["gtp length too long", encode([out, v4(), new Udp(), gtpU({ teid, length: 900 }), v4(), udp])],
    [
      "gtp extension of length 0",
      encode([
        out,
        v4(),
        new Udp(),
        gtpU({
          teid,
          hasExtension: true,
          extensions: [{ kind: "unknown", type: 0x85, body: new Uint8Array(2), next: 0x85 }],
        }),
        Uint8Array.of(0, 0, 0, 0),
      ]),
    ],
    [
      "ethernet of unknown type",
      encode([
        new Ethernet({ destination: PEER, source: HOST, etherType: EtherType.Mpls }),
        Uint8Array.of(0, 1, 0x01, 0x40),
        counting(42),
      ]),
    ],
  ];
}

/** About 240 packets. */
export function mixedTraffic(): readonly Sample[] {
  const whole = [
    ...arp(),
    ...ping(8),
    ...dns(8),
    ...web(),
    ...discovery(),
    ...ping6(8),
    ...tagged(6),
    ...segmentRouted(5),
    ...mobile(8),
    ...mobileControl(),
    ...tunnels(4),
    ...others(),
  ];
  const sample =
    (isBroken: boolean) =>
    ([name, bytes]: Named) => ({ name, bytes, isBroken });
  return [...whole.map(sample(false)), ...broken().map(sample(true))];
}
