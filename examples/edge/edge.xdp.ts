/**
 * An edge router's first look at a packet: answers pings itself, hands GTP-U and SRv6 to their ports, drops what is
 * malformed, on the deny list or a fragment of a tunnel, and leaves the rest to the kernel. Every verdict has a reason.
 */
import {
  atomic,
  type Cursor,
  checksumReplace,
  ipv4Address,
  LpmTrie,
  Outcomes,
  redirect,
  setting,
  u32,
  u64,
  XdpAction,
  type XdpContext,
  xdp,
} from "xdpkit";
import {
  type Ethernet,
  EtherType,
  Icmp,
  IcmpType,
  IpProtocol,
  Ipv4,
  Ipv6,
  Port,
  RoutingType,
  SegmentRoutingHeader,
  Udp,
} from "xdpkit/packet";
import { takeLink } from "xdpkit/walk";

/** IPv4 sources that nobody wants to hear from, with the packets that they sent. */
export const denied = new LpmTrie({ key: ipv4Address, value: u64, maxEntries: 1024 });
/** Interfaces of the mobile user plane and of the SRv6 domain. */
export const gtpPort = setting(u32, 2);
export const srv6Port = setting(u32, 3);

export const reasons = new Outcomes([
  "truncated",
  "badHeader",
  "denied",
  "fragment",
  "notIp",
  "control",
  "pingAnswered",
  "gtpU",
  "srv6",
  "other",
]);

/** Request becomes reply: the first word of the checksum's range changes, and the addresses trade places. */
function answerPing(ethernet: Ethernet, ipv4: Ipv4, icmp: Icmp): void {
  icmp.checksum = checksumReplace(icmp.checksum, IcmpType.EchoRequest << 8, IcmpType.EchoReply << 8);
  icmp.type = IcmpType.EchoReply;
  const { source, destination } = ipv4;
  ipv4.source = destination;
  ipv4.destination = source;
  const { source: from, destination: to } = ethernet;
  ethernet.source = to;
  ethernet.destination = from;
}

function seeIpv4(ctx: XdpContext, cursor: Cursor, ethernet: Ethernet): XdpAction {
  const start = cursor.offset;
  const ipv4 = cursor.take(Ipv4);
  if (!ipv4) return reasons.drop("truncated");
  const { version, ihl, totalLength, protocol } = ipv4;
  if (version !== 4 || ihl < 5 || totalLength < ihl * 4 || start + totalLength > ctx.length)
    return reasons.drop("badHeader");
  const hits = denied.lookup(ipv4.source);
  if (hits) {
    atomic.add(hits, "value", 1n);
    return reasons.drop("denied");
  }
  if (ihl !== 5) return reasons.pass("other");
  if (ipv4.isFragment) return reasons.as("fragment", protocol === IpProtocol.Udp ? XdpAction.Drop : XdpAction.Pass);
  if (protocol === IpProtocol.Icmp) {
    const icmp = cursor.take(Icmp);
    if (!icmp) return reasons.drop("truncated");
    if (icmp.type !== IcmpType.EchoRequest) return reasons.pass("control");
    answerPing(ethernet, ipv4, icmp);
    return reasons.as("pingAnswered", XdpAction.Tx);
  }
  if (protocol === IpProtocol.Udp) {
    const udp = cursor.take(Udp);
    if (!udp) return reasons.drop("truncated");
    if (udp.destinationPort === Port.GtpU) return reasons.as("gtpU", redirect(gtpPort.value));
  }
  return reasons.pass("other");
}

function seeIpv6(ctx: XdpContext, cursor: Cursor): XdpAction {
  const ipv6 = cursor.take(Ipv6);
  if (!ipv6) return reasons.drop("truncated");
  if (ipv6.version !== 6 || cursor.offset + ipv6.payloadLength > ctx.length) return reasons.drop("badHeader");
  if (ipv6.nextHeader === IpProtocol.Icmpv6) return reasons.pass("control");
  if (ipv6.nextHeader !== IpProtocol.Routing) return reasons.pass("other");
  const srh = cursor.take(SegmentRoutingHeader);
  if (!srh) return reasons.drop("truncated");
  // RFC 8754 section 2: what the header says of its segments must fit into its length.
  const { routingType, lastEntry, extensionLength, segmentsLeft } = srh;
  if (routingType !== RoutingType.SegmentRouting || lastEntry * 2 + 2 > extensionLength || segmentsLeft > lastEntry)
    return reasons.drop("badHeader");
  return reasons.as("srv6", redirect(srv6Port.value));
}

export const edge = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor);
  if (!link) return reasons.drop("truncated");
  if (link.etherType === EtherType.Ipv4) return seeIpv4(ctx, cursor, link.ethernet);
  if (link.etherType === EtherType.Ipv6) return seeIpv6(ctx, cursor);
  return reasons.pass("notIp");
});
