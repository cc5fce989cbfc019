/** IANA "Assigned Internet Protocol Numbers": IPv4 protocol and IPv6 next header. */
import { numbers } from "./numbers.ts";

/** Numbers of IP protocols and IPv6 extension headers (IANA, Assigned Internet Protocol Numbers). */
export const IpProtocol = numbers({
  HopByHop: 0,
  Icmp: 1,
  Ipv4: 4,
  Tcp: 6,
  Udp: 17,
  Ipv6: 41,
  Routing: 43,
  Fragment: 44,
  Gre: 47,
  Esp: 50,
  Ah: 51,
  Icmpv6: 58,
  NoNext: 59,
  DestinationOptions: 60,
  Sctp: 132,
  Mobility: 135,
  Mpls: 137,
  Ethernet: 143,
  /** RFC 3692: use for experimentation and testing. */
  Experiment: 253,
});
