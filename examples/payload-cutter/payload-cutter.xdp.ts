/**
 * Cuts the payload of TCP and UDP off behind its first bytes, for mirror ports and captures that want headers only.
 *
 * Lengths and the IPv4 header checksum are right afterwards. The checksums of TCP and UDP stay those of the whole packet:
 * they cover bytes that are gone.
 */
import { type Cursor, checksumReplace, exit, Outcomes, setting, u32, XdpAction, type XdpContext, xdp } from "xdpkit";
import { EtherType, IpProtocol, Ipv4, Ipv6, Tcp, Udp } from "xdpkit/packet";
import { skipOptions, takeLink } from "xdpkit/walk";

/** Bytes of payload that stay. */
export const kept = setting(u32, 16);
export const outcomes = new Outcomes(["truncated", "badHeader", "fragment", "otherProtocol", "short", "failed", "cut"]);

function truncated(): never {
  return exit(outcomes.pass("truncated"));
}

/** Bytes of the transport header, which the cursor stays before. */
function transportLength(cursor: Cursor, protocol: number): number {
  if (protocol === IpProtocol.Tcp) {
    const tcp = cursor.peek(Tcp) ?? truncated();
    if (tcp.dataOffset < 5) exit(outcomes.pass("badHeader"));
    return tcp.headerLength;
  }
  if (protocol === IpProtocol.Udp) {
    cursor.peek(Udp) ?? truncated();
    return Udp.size;
  }
  return exit(outcomes.pass("otherProtocol"));
}

/** Where the packet shall end; ends the program when it is not longer than that. `end`: where its IP header says so. */
function endOf(ctx: XdpContext, cursor: Cursor, protocol: number, end: number): number {
  if (end > ctx.length) exit(outcomes.pass("truncated"));
  const length = transportLength(cursor, protocol);
  const wanted = cursor.offset + length + kept.value;
  if (wanted >= end) exit(outcomes.pass("short"));
  return wanted;
}

/** The last write, and the cut. */
function cutAt(ctx: XdpContext, cursor: Cursor, protocol: number, end: number): XdpAction {
  if (protocol === IpProtocol.Udp) {
    const udp = cursor.peek(Udp) ?? truncated();
    udp.length = end - cursor.offset;
  }
  if (!ctx.adjustTail(end - ctx.length)) return outcomes.drop("failed");
  return outcomes.pass("cut");
}

function cutIpv4(ctx: XdpContext, cursor: Cursor): XdpAction {
  const start = cursor.offset;
  const ip = cursor.take(Ipv4) ?? truncated();
  if (ip.version !== 4 || ip.ihl < 5) return outcomes.pass("badHeader");
  if (ip.isFragment) return outcomes.pass("fragment");
  cursor.skip(ip.headerLength - Ipv4.size);
  const end = endOf(ctx, cursor, ip.protocol, start + ip.totalLength);
  const total = end - start;
  ip.checksum = checksumReplace(ip.checksum, ip.totalLength, total);
  ip.totalLength = total;
  return cutAt(ctx, cursor, ip.protocol, end);
}

function cutIpv6(ctx: XdpContext, cursor: Cursor): XdpAction {
  const ip = cursor.take(Ipv6) ?? truncated();
  if (ip.version !== 6) return outcomes.pass("badHeader");
  const start = cursor.offset;
  const protocol = skipOptions(cursor, ip.nextHeader, 2);
  if (protocol === null) return truncated();
  if (protocol === IpProtocol.Fragment) return outcomes.pass("fragment");
  const end = endOf(ctx, cursor, protocol, start + ip.payloadLength);
  ip.payloadLength = end - start;
  return cutAt(ctx, cursor, protocol, end);
}

export const cut = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor);
  if (!link) return XdpAction.Pass;
  if (link.etherType === EtherType.Ipv4) return cutIpv4(ctx, cursor);
  if (link.etherType === EtherType.Ipv6) return cutIpv6(ctx, cursor);
  return XdpAction.Pass;
});
