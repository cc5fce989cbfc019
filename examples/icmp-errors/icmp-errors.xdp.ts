/**
 * Answers what a router may not forward with an ICMP error: time exceeded (RFC 792, RFC 4443 section 3.3) and, for IPv6,
 * packet too big (section 3.2). The answer is made of the packet itself: cut to what the error may quote, two headers
 * put before it, sent back to where it came from.
 *
 * Never in reply to an ICMP error, to multicast or broadcast of either layer, to a fragment behind the first, or to a
 * source that is no single host (RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 e; packet too big for multicast is left out).
 */
import {
  assign,
  be16,
  be32,
  bits,
  bytes,
  type Cursor,
  checksum,
  checksumFinish,
  copyOf,
  exit,
  flag,
  type Ipv4Address,
  type Ipv6Address,
  inPrefix,
  ipv4Address,
  ipv6Address,
  Outcomes,
  range,
  setting,
  struct,
  u8,
  u32,
  unroll,
  XdpAction,
  type XdpContext,
  xdp,
} from "xdpkit";
import {
  Ethernet,
  EtherType,
  Icmp,
  IcmpType,
  Icmpv6,
  Icmpv6Type,
  IpProtocol,
  Ipv4,
  Ipv6,
  Ipv6Fragment,
  VlanTag,
} from "xdpkit/packet";
import { type Link, skipOptions, takeLink } from "xdpkit/walk";

/** What the errors come from. */
export const address4 = setting(ipv4Address, "192.0.2.254");
export const address6 = setting(ipv6Address, "2001:db8::fe");
/** Of the way out for IPv6, bytes; at least 1280. */
export const mtu = setting(u32, 1400);

export const outcomes = new Outcomes([
  "truncated",
  "badHeader",
  "silent",
  "failed",
  "timeExceeded4",
  "timeExceeded6",
  "packetTooBig",
]);

/** Bytes of the offending packet: an answer is at most 576 (RFC 1812 section 4.3.2.3) or 1280 (RFC 4443 section 2.4 c) long. */
const MOST4 = 576 - Ipv4.size - Icmp.size;
const MOST6 = 1280 - Ipv6.size - Icmpv6.size;
/** Errors among the ICMP types: destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ERRORS4 = [3, 4, 5, 11, 12];
/** Internetwork control (RFC 1812 section 4.3.2.5), as a DSCP and as a traffic class. */
const DSCP = 48;

/** The first octet's last bit tells groups from single stations. */
class MacOctets extends struct({ first: bits(7), group: flag, rest: bytes(5) }) {}
/** RFC 8200 section 8.1. */
class PseudoHeader extends struct({
  source: ipv6Address,
  destination: ipv6Address,
  length: be32,
  zero: be16,
  protocol: be16,
}) {}

class Untagged extends struct({ ethernet: Ethernet }) {}
class Tagged extends struct({ ethernet: Ethernet, tag: VlanTag }) {}
class DoubleTagged extends struct({ ethernet: Ethernet, outer: VlanTag, inner: VlanTag }) {}
class Headers4 extends struct({ ipv4: Ipv4, icmp: Icmp }) {}
class Headers6 extends struct({ ipv6: Ipv6, icmp: Icmpv6 }) {}
const FRONTS = [Untagged, Tagged, DoubleTagged];

function truncated(): never {
  return exit(outcomes.drop("truncated"));
}
function silent(): never {
  return exit(outcomes.drop("silent"));
}

/**
 * The sum (RFC 1071) of `length` bytes at `offset`, at most `most`. Words are read as this machine does, four bytes at once:
 * one's complement sums do not mind, and one swap at the end puts the octets right.
 */
function sumOf(ctx: XdpContext, offset: number, length: number, most: number): number {
  const words = length >> 2;
  let sum = 0;
  for (const i of range(most >> 2)) {
    if (i >= words) break;
    sum += (ctx.header(u32, offset + i * 4) ?? truncated()).value;
  }
  for (const i of unroll(3)) {
    const at = words * 4 + i;
    if (at >= length) break;
    const byte = (ctx.header(u8, offset + at) ?? truncated()).value;
    sum += i === 1 ? byte << 8 : byte;
  }
  const folded = 0xffff - checksumFinish(sum);
  return ((folded & 0xff) << 8) | (folded >> 8);
}

/** Makes room for `count` bytes behind the link layer, which goes back where it came from. */
function makeRoom(ctx: XdpContext, front: number, count: number): void {
  for (const Front of FRONTS) {
    if (front !== Front.size) continue;
    const saved = copyOf(ctx.header(Front, 0) ?? truncated());
    if (!ctx.adjustHead(-count)) exit(outcomes.drop("failed"));
    const moved = ctx.header(Front, 0) ?? truncated();
    assign(moved, saved);
    moved.ethernet.destination = saved.ethernet.source;
    moved.ethernet.source = saved.ethernet.destination;
  }
}

/** The answer to a packet whose IP header is at `start`, of which `length` bytes are quoted. */
function exceeded4(ctx: XdpContext, start: number, length: number, offender: Ipv4Address): XdpAction {
  if (!ctx.setLength(start + length)) return outcomes.drop("failed");
  const sum = sumOf(ctx, start, length, MOST4);
  makeRoom(ctx, start, Headers4.size);
  const headers = ctx.header(Headers4, start) ?? truncated();
  headers.ipv4 = new Ipv4({
    version: 4,
    ihl: 5,
    dscp: DSCP,
    totalLength: Headers4.size + length,
    dontFragment: true,
    ttl: 64,
    protocol: IpProtocol.Icmp,
    source: address4.value,
    destination: offender,
  });
  headers.ipv4.checksum = checksum(headers.ipv4);
  headers.icmp = new Icmp({
    type: IcmpType.TimeExceeded,
    checksum: checksumFinish(sum + (IcmpType.TimeExceeded << 8)),
  });
  return outcomes.as("timeExceeded4", XdpAction.Tx);
}

function answer4(ctx: XdpContext, cursor: Cursor, group: boolean): XdpAction {
  const start = cursor.offset;
  const ip = cursor.take(Ipv4) ?? truncated();
  if (ip.ttl > 1) return XdpAction.Pass;
  if (ip.version !== 4 || ip.ihl < 5 || ip.totalLength < ip.headerLength) return outcomes.drop("badHeader");
  if (start + ip.totalLength > ctx.length) return outcomes.drop("badHeader");
  // 224.0.0.0/3: multicast, reserved, broadcast.
  if (group || ip.fragmentOffset !== 0 || inPrefix(ip.destination, "224.0.0.0/3")) silent();
  if (inPrefix(ip.source, "224.0.0.0/3") || inPrefix(ip.source, "0.0.0.0/8") || inPrefix(ip.source, "127.0.0.0/8"))
    silent();
  if (ip.protocol === IpProtocol.Icmp) {
    const type = (ctx.header(u8, start + ip.headerLength) ?? truncated()).value;
    for (const error of ERRORS4) if (type === error) silent();
  }
  const length = ip.totalLength < MOST4 ? ip.totalLength : MOST4;
  return exceeded4(ctx, start, length, ip.source);
}

/** As above; `type` and `rest` are those of the ICMPv6 header. */
function error6(
  ctx: XdpContext,
  start: number,
  length: number,
  offender: Ipv6Address,
  type: number,
  rest: number,
): void {
  if (!ctx.setLength(start + length)) exit(outcomes.drop("failed"));
  const payloadLength = Icmpv6.size + length;
  const pseudo = new PseudoHeader({
    source: address6.value,
    destination: offender,
    length: payloadLength,
    protocol: IpProtocol.Icmpv6,
  });
  const before = 0xffff - checksum(pseudo) + (type << 8) + (rest >>> 16) + (rest & 0xffff);
  const sum = before + sumOf(ctx, start, length, MOST6);
  makeRoom(ctx, start, Headers6.size);
  const headers = ctx.header(Headers6, start) ?? truncated();
  headers.ipv6 = new Ipv6({
    version: 6,
    trafficClass: DSCP << 2,
    payloadLength,
    nextHeader: IpProtocol.Icmpv6,
    hopLimit: 64,
    source: address6.value,
    destination: offender,
  });
  headers.icmp = new Icmpv6({ type, checksum: checksumFinish(sum), rest });
}

/** Whether the cursor, behind the IPv6 header, stands before an ICMPv6 error or a redirect. */
function isError6(cursor: Cursor, nextHeader: number): boolean {
  let protocol = skipOptions(cursor, nextHeader, 2);
  if (protocol === null) return truncated();
  if (protocol === IpProtocol.Fragment) {
    const fragment = cursor.take(Ipv6Fragment) ?? truncated();
    if (fragment.fragmentOffset !== 0) return true; // what it is a part of cannot be seen
    protocol = fragment.nextHeader;
  }
  if (protocol !== IpProtocol.Icmpv6) return false;
  const type = (cursor.peek(u8) ?? truncated()).value;
  return type < Icmpv6Type.EchoRequest || type === Icmpv6Type.Redirect;
}

function answer6(ctx: XdpContext, cursor: Cursor, group: boolean): XdpAction {
  const start = cursor.offset;
  const ip = cursor.take(Ipv6) ?? truncated();
  const whole = Ipv6.size + ip.payloadLength;
  const expired = ip.hopLimit <= 1;
  if (!expired && whole <= mtu.value) return XdpAction.Pass;
  if (ip.version !== 6 || start + whole > ctx.length) return outcomes.drop("badHeader");
  if (group || inPrefix(ip.destination, "ff00::/8") || inPrefix(ip.source, "ff00::/8") || inPrefix(ip.source, "::/127"))
    silent();
  if (isError6(cursor, ip.nextHeader)) silent();
  const length = whole < MOST6 ? whole : MOST6;
  if (expired) {
    error6(ctx, start, length, ip.source, Icmpv6Type.TimeExceeded, 0);
    return outcomes.as("timeExceeded6", XdpAction.Tx);
  }
  error6(ctx, start, length, ip.source, Icmpv6Type.PacketTooBig, mtu.value);
  return outcomes.as("packetTooBig", XdpAction.Tx);
}

const isGroup = (link: Link): boolean => MacOctets.from(link.ethernet.destination).group;

export const answer = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor);
  if (!link) return XdpAction.Pass;
  if (link.etherType === EtherType.Ipv4) return answer4(ctx, cursor, isGroup(link));
  if (link.etherType === EtherType.Ipv6) return answer6(ctx, cursor, isGroup(link));
  return XdpAction.Pass;
});
