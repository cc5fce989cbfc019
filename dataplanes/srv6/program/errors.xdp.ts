/**
 * ICMP errors: time exceeded (RFC 792, RFC 4443 section 3.3), packet too big (section 3.2), fragmentation needed (RFC 1191),
 * parameter problem (RFC 4443 section 3.4, RFC 8754 section 2.1).
 *
 * A program of its own, jumped to: the fast path has no room for it. The answer is made of the offending packet, cut to what
 * may be quoted. Never in reply to an ICMP error, to a group, to a fragment behind the first, or to a source that is no
 * single host (RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 e), and at most so many a second (f).
 */
import {
  be16,
  be32,
  bits,
  bytes,
  checksum,
  checksumPacket,
  exit,
  flag,
  type Ipv4Address,
  type Ipv6Address,
  inPrefix,
  ipv6Address,
  ktimeGetNs,
  struct,
  u8,
  type XdpAction,
  type XdpContext,
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
} from "xdpkit/packet";
import { skipOptions } from "xdpkit/walk";
import { leave, resolve4, resolve6 } from "./forward.xdp.ts";
import { answers, drop, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";
import { scratch } from "./tables.xdp.ts";

/** The offending packet's IP header is `offset` bytes behind the start of the frame. */
export interface Offence {
  readonly family: 4 | 6;
  readonly offset: number;
  readonly type: number;
  readonly code: number;
  /** The word behind the checksum: an MTU, a pointer. */
  readonly rest: number;
}

/** Goes on in the program of errors. */
export function answer(plane: Plane, ctx: XdpContext, offence: Offence): never {
  const question = scratch.at(0);
  question.family = offence.family;
  question.kind = offence.type;
  question.code = offence.code;
  question.rest = offence.rest;
  question.offset = offence.offset;
  plane.programs.tailCall(ctx, 0);
  return exit(drop(plane, ctx, "answerFailed"));
}

export const timeExceeded6 = (plane: Plane, ctx: XdpContext, offset: number): never =>
  answer(plane, ctx, { family: 6, offset, type: Icmpv6Type.TimeExceeded, code: 0, rest: 0 });
export const timeExceeded4 = (plane: Plane, ctx: XdpContext, offset: number): never =>
  answer(plane, ctx, { family: 4, offset, type: IcmpType.TimeExceeded, code: 0, rest: 0 });
/** `pointer`: bytes from the start of the IPv6 header. Code 0: erroneous field; 4: unexpected upper-layer header. */
export const parameterProblem = (plane: Plane, ctx: XdpContext, offset: number, code: number, pointer: number): never =>
  answer(plane, ctx, { family: 6, offset, type: Icmpv6Type.ParameterProblem, code, rest: pointer });
/** `mtu`: what the packet as it was received may have. */
export const packetTooBig = (plane: Plane, ctx: XdpContext, offset: number, mtu: number): never =>
  answer(plane, ctx, { family: 6, offset, type: Icmpv6Type.PacketTooBig, code: 0, rest: mtu < 1280 ? 1280 : mtu });
export const fragmentationNeeded = (plane: Plane, ctx: XdpContext, offset: number, mtu: number): never =>
  answer(plane, ctx, { family: 4, offset, type: IcmpType.DestinationUnreachable, code: 4, rest: mtu & 0xffff });

/** Bytes of the offending packet: an answer is at most 576 (RFC 1812 section 4.3.2.3) or 1280 bytes (RFC 4443) long. */
const MOST4 = 576 - Ipv4.size - Icmp.size;
const MOST6 = 1280 - Ipv6.size - Icmpv6.size;
/** Errors among the ICMP types: destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ERRORS4 = [3, 4, 5, 11, 12];
/** Internetwork control (RFC 1812 section 4.3.2.5). */
const DSCP = 48;
/** RFC 4443 section 2.4 f: per processor, bursts of 50, then 500 a second. */
const INTERVAL_NS = 2_000_000n;
const BURST_NS = 50n * INTERVAL_NS;

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
/** Bytes from the start of the frame: behind an SRH of any length, or most options. */
const FURTHEST = 4095;

class Front4 extends struct({ ethernet: Ethernet, ipv4: Ipv4, icmp: Icmp }) {}
class Front6 extends struct({ ethernet: Ethernet, ipv6: Ipv6, icmp: Icmpv6 }) {}

function silent(plane: Plane, ctx: XdpContext): never {
  return exit(drop(plane, ctx, "silent"));
}

function count(isTooBig: boolean, isExpired: boolean): void {
  if (isTooBig) answers.count("packetTooBig");
  else if (isExpired) answers.count("timeExceeded");
  else answers.count("parameterProblem");
}

function answer4(plane: Plane, ctx: XdpContext, offset: number): XdpAction {
  const ip = ctx.header(Ipv4, offset) ?? truncated(plane, ctx);
  // 224.0.0.0/3: multicast, reserved, broadcast.
  if (ip.fragmentOffset !== 0 || inPrefix(ip.destination, "224.0.0.0/3") || inPrefix(ip.source, "224.0.0.0/3"))
    silent(plane, ctx);
  if (inPrefix(ip.source, "0.0.0.0/8") || inPrefix(ip.source, "127.0.0.0/8")) silent(plane, ctx);
  if (ip.protocol === IpProtocol.Icmp) {
    const type = (ctx.header(u8, offset + ip.headerLength) ?? truncated(plane, ctx)).value;
    for (const error of ERRORS4) if (type === error) silent(plane, ctx);
  }
  const { totalLength } = ip;
  const length = totalLength < MOST4 ? totalLength : MOST4;
  const offender: Ipv4Address = ip.source;
  const { kind, code, rest } = scratch.at(0);
  const words = (kind << 8) + code + (rest >>> 16) + (rest & 0xffff);
  const sum = checksumPacket(ctx, offset, length, MOST4, words) ?? truncated(plane, ctx);
  const hop = resolve4(plane, ctx, { adjacency: 0, table: 0, flow: 0 }, plane.address4 as Ipv4Address, offender);
  if (!ctx.setLength(offset + length)) return drop(plane, ctx, "answerFailed");
  const front = ctx.replaceHead(offset, Front4) ?? exit(drop(plane, ctx, "noHeadroom"));
  front.ipv4 = new Ipv4({
    version: 4,
    ihl: 5,
    dscp: DSCP,
    totalLength: Ipv4.size + Icmp.size + length,
    ttl: 64,
    protocol: IpProtocol.Icmp,
    source: plane.address4 as Ipv4Address,
    destination: offender,
  });
  front.ipv4.checksum = checksum(front.ipv4);
  front.icmp = new Icmp({
    type: kind,
    code,
    checksum: sum,
    identifier: rest >>> 16,
    sequence: rest & 0xffff,
  });
  count(kind === IcmpType.DestinationUnreachable, kind === IcmpType.TimeExceeded);
  return leave(plane, ctx, hop, EtherType.Ipv4, Ipv4.size + Icmp.size + length);
}

/** Whether an ICMPv6 error, a redirect or a later fragment begins behind the IPv6 header at `offset`. */
function isUnanswerable(plane: Plane, ctx: XdpContext, offset: number, nextHeader: number): boolean {
  const cursor = ctx.cursor(offset + Ipv6.size);
  let protocol = skipOptions(cursor, nextHeader, 2);
  if (protocol === null) return truncated(plane, ctx);
  if (protocol === IpProtocol.Fragment) {
    const fragment = cursor.take(Ipv6Fragment) ?? truncated(plane, ctx);
    if (fragment.fragmentOffset !== 0) return true; // what it is a part of cannot be seen
    protocol = fragment.nextHeader;
  }
  if (protocol !== IpProtocol.Icmpv6) return false;
  const type = (cursor.peek(u8) ?? truncated(plane, ctx)).value;
  return type < Icmpv6Type.EchoRequest || type === Icmpv6Type.Redirect;
}

function answer6(plane: Plane, ctx: XdpContext, offset: number): XdpAction {
  const ip = ctx.header(Ipv6, offset) ?? truncated(plane, ctx);
  const { kind, code, rest } = scratch.at(0);
  if (inPrefix(ip.source, "ff00::/8") || inPrefix(ip.source, "::/127")) silent(plane, ctx);
  // RFC 4443 section 2.4 e.3: packet too big may answer a group.
  if (kind !== Icmpv6Type.PacketTooBig && inPrefix(ip.destination, "ff00::/8")) silent(plane, ctx);
  if (isUnanswerable(plane, ctx, offset, ip.nextHeader)) silent(plane, ctx);
  const whole = Ipv6.size + ip.payloadLength;
  const length = whole < MOST6 ? whole : MOST6;
  const source = plane.address6 as Ipv6Address;
  const offender: Ipv6Address = ip.source;
  const payloadLength = Icmpv6.size + length;
  const pseudo = new PseudoHeader({
    source,
    destination: offender,
    length: payloadLength,
    protocol: IpProtocol.Icmpv6,
  });
  const words = 0xffff - checksum(pseudo) + (kind << 8) + code + (rest >>> 16) + (rest & 0xffff);
  const sum = checksumPacket(ctx, offset, length, MOST6, words) ?? truncated(plane, ctx);
  const hop = resolve6(plane, ctx, { adjacency: 0, table: 0, flow: 0 }, source, offender);
  if (!ctx.setLength(offset + length)) return drop(plane, ctx, "answerFailed");
  const front = ctx.replaceHead(offset, Front6) ?? exit(drop(plane, ctx, "noHeadroom"));
  front.ipv6 = new Ipv6({
    version: 6,
    trafficClass: DSCP << 2,
    payloadLength,
    nextHeader: IpProtocol.Icmpv6,
    hopLimit: 64,
    source,
    destination: offender,
  });
  front.icmp = new Icmpv6({ type: kind, code, checksum: sum, rest });
  count(kind === Icmpv6Type.PacketTooBig, kind === Icmpv6Type.TimeExceeded);
  return leave(plane, ctx, hop, EtherType.Ipv6, Ipv6.size + payloadLength);
}

/** The body of the program: the question is in `scratch`. */
export function answerError(plane: Plane, ctx: XdpContext): XdpAction {
  const question = scratch.at(0);
  const ethernet = ctx.header(Ethernet, 0) ?? truncated(plane, ctx);
  if (MacOctets.from(ethernet.destination).group) silent(plane, ctx);
  const now = ktimeGetNs();
  const next = question.nextErrorNs;
  if (next > now + BURST_NS) return drop(plane, ctx, "errorRate");
  question.nextErrorNs = (next > now ? next : now) + INTERVAL_NS;
  // Behind more headers than that nothing is looked at.
  if (question.offset > FURTHEST) silent(plane, ctx);
  const offset = question.offset & FURTHEST;
  return question.family === 4 ? answer4(plane, ctx, offset) : answer6(plane, ctx, offset);
}
