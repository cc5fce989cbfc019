/** Every header class and its constants. */
export { Arp, ArpOperation } from "./arp.xdp.ts";
export { AuthenticationHeader } from "./authentication.xdp.ts";
export { EncapsulatingSecurity } from "./encapsulating-security.xdp.ts";
export { Ethernet, EtherType } from "./ethernet.xdp.ts";
export { Geneve } from "./geneve.xdp.ts";
export { Gre } from "./gre.xdp.ts";
export { GtpExtension, GtpExtensionLength, GtpMessage, GtpOptional, GtpU, PduSessionContainer } from "./gtp-u.xdp.ts";
export { Gue } from "./gue.xdp.ts";
export { Icmp, IcmpType } from "./icmp.xdp.ts";
export { Icmpv6, Icmpv6Type } from "./icmpv6.xdp.ts";
export { IpProtocol } from "./ip-protocol.xdp.ts";
export { Ipv4 } from "./ipv4.xdp.ts";
export { Ipv6, Ipv6Halves } from "./ipv6.xdp.ts";
export { DestinationOptions, HopByHop, Ipv6Extension } from "./ipv6-extension.xdp.ts";
export { Ipv6Fragment } from "./ipv6-fragment.xdp.ts";
export { Mpls } from "./mpls.xdp.ts";
export {
  NeighbourAdvertisement,
  NeighbourSolicitation,
  Redirect,
  RouterAdvertisement,
  RouterSolicitation,
} from "./neighbour-discovery.xdp.ts";
export { Ppp, Pppoe, PppoeCode, PppProtocol } from "./pppoe.xdp.ts";
export { RoutingHeader, RoutingType } from "./routing.xdp.ts";
export { Sctp } from "./sctp.xdp.ts";
export { ArgsMobSession, SegmentRoutingHeader, SrhTlv, SrhTlvType, segmentList } from "./segment-routing-header.xdp.ts";
export { Tcp } from "./tcp.xdp.ts";
export { Port, Ports, Udp } from "./udp.xdp.ts";
export { VlanTag } from "./vlan-tag.xdp.ts";
export { Vxlan } from "./vxlan.xdp.ts";
