/**
 * Which layer follows which number, and the other way round: EtherTypes, IP protocols, UDP ports, PPP protocols.
 *
 * Invariant: one table each, read in both directions, so that what `encode` writes `parse` follows.
 */
import { EtherType, IpProtocol, Port, PppProtocol, RoutingType } from "./headers/index.ts";
import type { LayerKind } from "./layer.ts";

const ETHER_TYPES: readonly (readonly [LayerKind, number])[] = [
  ["ipv4", EtherType.Ipv4],
  ["ipv6", EtherType.Ipv6],
  ["arp", EtherType.Arp],
  ["vlan", EtherType.Vlan],
  ["vlan", EtherType.QinQ],
  ["ethernet", EtherType.TransparentEthernet],
  ["mpls", EtherType.Mpls],
  ["mpls", EtherType.MplsMulticast],
  ["pppoe", EtherType.PppoeSession],
  ["pppoe", EtherType.PppoeDiscovery],
];

const IP_PROTOCOLS: readonly (readonly [LayerKind, number])[] = [
  ["hopByHop", IpProtocol.HopByHop],
  ["icmp", IpProtocol.Icmp],
  ["ipv4", IpProtocol.Ipv4],
  ["tcp", IpProtocol.Tcp],
  ["udp", IpProtocol.Udp],
  ["ipv6", IpProtocol.Ipv6],
  ["routing", IpProtocol.Routing],
  ["srh", IpProtocol.Routing],
  ["fragment", IpProtocol.Fragment],
  ["gre", IpProtocol.Gre],
  ["esp", IpProtocol.Esp],
  ["ah", IpProtocol.Ah],
  ["icmpv6", IpProtocol.Icmpv6],
  ["routerSolicitation", IpProtocol.Icmpv6],
  ["routerAdvertisement", IpProtocol.Icmpv6],
  ["neighbourSolicitation", IpProtocol.Icmpv6],
  ["neighbourAdvertisement", IpProtocol.Icmpv6],
  ["redirect", IpProtocol.Icmpv6],
  ["destinationOptions", IpProtocol.DestinationOptions],
  ["sctp", IpProtocol.Sctp],
  ["mpls", IpProtocol.Mpls],
  ["ethernet", IpProtocol.Ethernet],
];

const UDP_PORTS: readonly (readonly [LayerKind, number])[] = [
  ["gtpU", Port.GtpU],
  ["vxlan", Port.Vxlan],
  ["gue", Port.Gue],
  ["geneve", Port.Geneve],
  ["mpls", Port.Mpls],
];

const PPP_PROTOCOLS: readonly (readonly [LayerKind, number])[] = [
  ["ipv4", PppProtocol.Ipv4],
  ["ipv6", PppProtocol.Ipv6],
];

type Table = readonly (readonly [LayerKind, number])[];
/** The first row of a number or kind counts. */
const byNumber = (table: Table) => new Map([...table].reverse().map(([kind, number]) => [number, kind]));
const byKind = (table: Table) => new Map([...table].reverse());

const etherTypeKinds = byNumber(ETHER_TYPES);
const etherTypes = byKind(ETHER_TYPES);
const protocolKinds = byNumber(IP_PROTOCOLS);
const protocols = byKind(IP_PROTOCOLS);
const portKinds = byNumber(UDP_PORTS);
const ports = byKind(UDP_PORTS);
const pppKinds = byNumber(PPP_PROTOCOLS);
const pppProtocols = byKind(PPP_PROTOCOLS);

/** Null: payload. */
export const kindOfEtherType = (etherType: number): LayerKind | null => etherTypeKinds.get(etherType) ?? null;
export const etherTypeOf = (kind: LayerKind): number | undefined => etherTypes.get(kind);
export const kindOfPort = (port: number): LayerKind | null => portKinds.get(port) ?? null;
export const portOf = (kind: LayerKind): number | undefined => ports.get(kind);
export const kindOfPpp = (protocol: number): LayerKind | null => pppKinds.get(protocol) ?? null;
export const pppProtocolOf = (kind: LayerKind): number | undefined => pppProtocols.get(kind);

/** The layer of an IP protocol number at `offset`; a Routing header's type tells whether it is an SRH. */
export function kindOfProtocol(protocol: number, bytes: Uint8Array, offset: number): LayerKind | null {
  const kind = protocolKinds.get(protocol) ?? null;
  if (kind !== "routing") return kind;
  return bytes[offset + 2] === RoutingType.SegmentRouting ? "srh" : "routing";
}

/** The protocol number of what follows: of a layer, of bytes of no known protocol, of nothing. */
export function protocolOf(next: LayerKind | "payload" | null): number {
  if (next === null) return IpProtocol.NoNext;
  return next === "payload" ? IpProtocol.Experiment : (protocols.get(next) ?? IpProtocol.Experiment);
}

/** IPv4 or IPv6 by the version in the first four bits; null when it is neither. */
export function kindOfVersion(bytes: Uint8Array, offset: number, end: number): LayerKind | null {
  const version = offset < end ? (bytes[offset] as number) >> 4 : 0;
  return version === 4 ? "ipv4" : version === 6 ? "ipv6" : null;
}
