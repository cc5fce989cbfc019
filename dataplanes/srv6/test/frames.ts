/** Pieces of frames for the tables of tests. */
import {
  build,
  Ethernet,
  gtpU,
  Icmp,
  Icmpv6,
  Icmpv6Type,
  Ipv4,
  Ipv6,
  Ipv6Fragment,
  type Part,
  srh,
  Udp,
} from "xdpkit/packet";
import { type Row, STATIONS } from "./harness.ts";

export const NODE = "fc00:1::1";
export const NODE4 = "192.0.2.254";
export const HOST = "fc00:2:8::1";
export const HOST4 = "198.51.100.7";
/** Routed by the network of the tests: `forwarded` of ROUTES6 and ROUTES4. */
export const NEXT = "fc00:2::2";
export const NEXT4 = "198.51.100.9";
export const STATION = "02:00:00:00:00:01";
export const US = "02:00:00:00:00:02";

/** As it arrives, and as it leaves. */
export const arrives = new Ethernet({ source: STATION, destination: US });
export const leaves = new Ethernet({ source: STATIONS.source, destination: STATIONS.destination });
export const data = Uint8Array.from({ length: 40 }, (_, i) => i);

export const ip6 = (destination: string, more: Partial<Ipv6> = {}): Ipv6 =>
  new Ipv6({ source: HOST, destination, hopLimit: 64, trafficClass: 0, flowLabel: 0, ...more } as never);
export const ip4 = (destination: string, more: Partial<Ipv4> = {}): Ipv4 =>
  new Ipv4({ source: HOST4, destination, ttl: 64, identification: 1, ...more } as never);
export const udp = (more: Partial<Udp> = {}): Udp =>
  new Udp({ sourcePort: 1000, destinationPort: 53, ...more } as never);
/** A packet inside, `hops` further on. */
export const inner4 = (hops = 0, destination = NEXT4, more: Partial<Ipv4> = {}): Part[] => [
  ip4(destination, { ttl: 64 - hops, ...more } as never),
  udp(),
  data,
];
export const inner6 = (hops = 0, destination = NEXT, more: Partial<Ipv6> = {}): Part[] => [
  ip6(destination, { hopLimit: 64 - hops, source: "2001:db8:45::2", ...more } as never),
  udp(),
  data,
];

/** The first bytes of a frame, which its IPv6 header says are all of it. */
export function cut(parts: readonly Part[], length: number): Uint8Array {
  const frame = build(parts).slice(0, length);
  new DataView(frame.buffer).setUint16(18, length - 54);
  return frame;
}

/** A frame with one byte changed. */
export function changed(frame: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy[at] = value;
  return copy;
}

/** An ICMPv6 error for a packet, whose bytes behind the Ethernet header it quotes. */
export function error6(offending: readonly Part[], type: number, code: number, rest: number): Part[] {
  const quoted = build(offending).subarray(14, 14 + 1280 - 48);
  return [
    leaves,
    ip6(HOST, { source: NODE, trafficClass: 192, hopLimit: 64 } as never),
    new Icmpv6({ type, code, rest }),
    quoted,
  ];
}

/** An upper layer that a SID does not take (RFC 8986 section 4.1.1). `pointer`: where it begins, bytes behind the Ethernet header. */
export const refusedLayer = (name: string, packet: readonly Part[], pointer: number, at = packet): Row => ({
  name,
  packet,
  outcome: "forwarded +parameterProblem",
  gives: error6(at, Icmpv6Type.ParameterProblem, 4, pointer),
});
/** A routing header of another type with segments left (RFC 8200 section 4.4), directly behind the IPv6 header. */
export const refusedRouting = (packet: readonly Part[]): Row => ({
  name: "another routing type",
  packet,
  outcome: "forwarded +parameterProblem",
  gives: error6(packet, Icmpv6Type.ParameterProblem, 0, 40 + 2),
});
/** ICMPv6 to a SID is for the kernel. */
export const echo = new Icmpv6({ type: Icmpv6Type.EchoRequest, code: 0, rest: 1 });
export const fragment = (nextHeader: number, more: object = {}): Ipv6Fragment =>
  new Ipv6Fragment({ nextHeader, identification: 7, ...more } as never);
/** SRHs that are used up, and fragments: what every behaviour does with them. */
export const fragmentRows = (sid: string, used: Part): Row[] =>
  [
    ["a first fragment", [fragment(4, { moreFragments: true }), ...inner4()]],
    ["a later fragment", [fragment(4, { fragmentOffset: 10 }), data]],
    ["a fragment that is the whole packet", [fragment(4), ...inner4()]],
    ["a first fragment behind an SRH", [used, fragment(4, { moreFragments: true }), ...inner4()]],
  ].map(([name, parts]) => ({
    name: `${name}: for the kernel`,
    packet: [arrives, ip6(sid), ...(parts as Part[])],
    outcome: "fragment",
  }));

/** An ICMP error, likewise. */
export function error4(offending: readonly Part[], type: number, code: number, rest = 0): Part[] {
  const quoted = build(offending).subarray(14, 14 + 576 - 28);
  const header = new Ipv4({ source: NODE4, destination: HOST4, dscp: 48, ttl: 64 } as never);
  return [leaves, header, new Icmp({ type, code, identifier: rest >>> 16, sequence: rest & 0xffff }), quoted];
}

export { Ethernet, gtpU, Icmp, Icmpv6, Ipv4, Ipv6, srh };
