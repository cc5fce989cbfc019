/** Everyday traffic: ARP, ping, DNS, web, Neighbour Discovery. */
import {
  Arp,
  ArpOperation,
  build,
  Ethernet,
  Icmp,
  IcmpType,
  Icmpv6,
  Icmpv6Type,
  neighbourAdvertisement,
  neighbourSolicitation,
  type Part,
  Port,
  redirect,
  routerAdvertisement,
  routerSolicitation,
  type Tcp,
  tcp,
  Udp,
} from "../../src/packet/index.ts";

import {
  BROADCAST,
  back,
  CLIENT4,
  CLIENT6,
  counting,
  frame,
  HOST,
  LINK_LOCAL,
  type Named,
  out,
  PEER,
  SERVER4,
  SERVER6,
  text,
  v4,
  v6,
} from "./frames.ts";

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

export function arp(): Named[] {
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

export function ping(count: number): Named[] {
  const echo = (type: number, sequence: number) => new Icmp({ type, identifier: 0x1234, sequence });
  return Array.from({ length: count }, (_, i): Named[] => [
    ["ping", frame(out, v4({ identification: i }), echo(IcmpType.EchoRequest, i), counting(56))],
    ["pong", frame(back, v4({ source: SERVER4, destination: CLIENT4 }), echo(IcmpType.EchoReply, i), counting(56))],
  ]).flat();
}

export function ping6(count: number): Named[] {
  const echo = (type: number, sequence: number) => new Icmpv6({ type, rest: 0x12340000 + sequence });
  return Array.from({ length: count }, (_, i): Named[] => [
    ["ping6", frame(out, v6({ flowLabel: i }), echo(Icmpv6Type.EchoRequest, i), counting(56))],
    ["pong6", frame(back, v6({ source: SERVER6, destination: CLIENT6 }), echo(Icmpv6Type.EchoReply, i), counting(56))],
  ]).flat();
}

export function dns(count: number): Named[] {
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

export function web(): Named[] {
  const request = text("GET / HTTP/1.1\r\nHost: example.net\r\n\r\n");
  const answer = text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  const applicationData = Uint8Array.of(0x17, 3, 3, 0, 64, ...counting(64, 7));
  return [
    ...connection("http", 80, false, request, answer),
    ...connection("http over IPv6", 80, true, request, answer),
    ...connection("tls", 443, false, applicationData, applicationData),
  ];
}

export function discovery(): Named[] {
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
  const quoted = build([v6(), new Udp({ sourcePort: 1, destinationPort: 2 }), counting(16)]);
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
        build([v4({ ttl: 1 }), new Udp({ sourcePort: 33_434, destinationPort: 33_435 })]),
      ),
    ],
  ];
}
