/** What frames begin with. */
import { array, ipv6Address, struct } from "xdpkit";
import { Ethernet, GtpOptional, GtpU, Ipv4, Ipv6, PduSessionContainer, SegmentRoutingHeader, Udp } from "xdpkit/packet";
import { MAX_SEGMENTS } from "./tables.xdp.ts";

export class Frame6 extends struct({ ethernet: Ethernet, ipv6: Ipv6 }) {}

/** The outer headers of a path with so many segments in its SRH. */
export const ROUTED = Array.from({ length: MAX_SEGMENTS }, (_, at) => {
  const count = at + 1;
  class Outer extends struct({ ipv6: Ipv6, srh: SegmentRoutingHeader, segments: array(ipv6Address, count) }) {}
  class Frame extends struct({ ethernet: Ethernet, outer: Outer }) {}
  return { count, Outer, Frame };
});

/** GTP-U over IPv4 and IPv6, without and with a PDU Session Container. */
export class Gtp4 extends struct({ ethernet: Ethernet, ipv4: Ipv4, udp: Udp, gtp: GtpU }) {}
export class Gtp4Session extends struct({
  ethernet: Ethernet,
  ipv4: Ipv4,
  udp: Udp,
  gtp: GtpU,
  optional: GtpOptional,
  session: PduSessionContainer,
}) {}
export class Gtp6 extends struct({ ethernet: Ethernet, ipv6: Ipv6, udp: Udp, gtp: GtpU }) {}
export class Gtp6Session extends struct({
  ethernet: Ethernet,
  ipv6: Ipv6,
  udp: Udp,
  gtp: GtpU,
  optional: GtpOptional,
  session: PduSessionContainer,
}) {}
