/**
 * Headends: H.Encaps and H.Encaps.L2 with their reduced forms (RFC 8986 section 5), End.B6.Encaps (section 4.13), and H.Insert,
 * End.B6.Insert (draft-filsfils-spring-srv6-net-pgm-insertion). Reduced or not is a matter of the path's ready-made header.
 *
 * Paths hold that header as it will be, with zeros where the packet has a say: lengths, next header, and by policy traffic
 * class, flow label and hop limit.
 */
import {
  assign,
  be32,
  checksumReplace,
  copyOf,
  exit,
  type Ipv6Address,
  ipv6Address,
  jhash,
  jhashWords,
  overlay,
  struct,
  u32,
  u64,
  type XdpAction,
  type XdpContext,
} from "xdpkit";
import { EtherType, IpProtocol, Ipv4, Ipv6, SegmentRoutingHeader } from "xdpkit/packet";
import { PathFlag } from "./behaviours.ts";
import { fragmentationNeeded, packetTooBig, timeExceeded4, timeExceeded6 } from "./errors.xdp.ts";
import { fits, flowOf4, flowOf6, leave, resolve6 } from "./forward.xdp.ts";
import { Frame6, ROUTED } from "./frames.xdp.ts";
import { drop, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";
import { BEHIND, behindOptions, checkSegments, START, srhAt, unexpected } from "./segment-list.xdp.ts";
import { COUNTERS, type NextHop, type Path, type Sid } from "./tables.xdp.ts";

/** Version, traffic class and flow label as one word. */
class FirstWord extends struct({ word: be32 }) {}

/** What the outer header takes from the packet inside. */
export interface Inner {
  /** Traffic class: DSCP and ECN. */
  readonly trafficClass: number;
  /** 20 bits; 0 where there is none. */
  readonly flowLabel: number;
  /** 32 bits. */
  readonly hash: number;
  /** Hop limit or TTL after this hop. */
  readonly hopLimit: number;
  readonly protocol: number;
  /** Bytes. */
  readonly length: number;
}

/** Whether the hash of a packet decides more than the next hop. */
const needsHash = (plane: Plane): boolean => plane.isWeighted || (plane.pathFlags & PathFlag.HashLabel) !== 0;

export const innerOf4 = (plane: Plane, ip: Ipv4): Inner => ({
  trafficClass: (ip.dscp << 2) | ip.ecn,
  flowLabel: 0,
  hash: needsHash(plane) ? jhashWords(u32(ip.source), u32(ip.destination), ip.protocol, 0) : flowOf4(plane, ip),
  hopLimit: ip.ttl - 1,
  protocol: IpProtocol.Ipv4,
  length: ip.totalLength,
});
export const innerOf6 = (plane: Plane, ip: Ipv6): Inner => ({
  trafficClass: ip.trafficClass,
  flowLabel: ip.flowLabel,
  hash: needsHash(plane) ? jhash(ip.source, jhash(ip.destination, ip.flowLabel)) : flowOf6(plane, ip),
  hopLimit: ip.hopLimit - 1,
  protocol: IpProtocol.Ipv6,
  length: Ipv6.size + ip.payloadLength,
});

/** The path that a policy takes for a flow; counts. */
export function pathOf(plane: Plane, id: number, hash: number, length: number): Path {
  const policy = plane.tables.policies.at(id & (plane.policies - 1));
  const counter = plane.tables.policyCounters.at(id & (COUNTERS - 1));
  counter.packets += 1n;
  counter.bytes += u64(length);
  let index = policy.first;
  if (plane.isWeighted && policy.count !== 1) index += policy.slots[hash & 63]!;
  return plane.tables.paths.at(index & (plane.paths - 1));
}

/** The next hop of a path: ahead, or by its destination, which may be another than the path's own. */
export function hopOf(plane: Plane, ctx: XdpContext, path: Path, hash: number, to: Ipv6Address): NextHop {
  const way = { adjacency: path.adjacency, table: 0, flow: plane.isMultipath ? hash : 0 };
  return resolve6(plane, ctx, way, path.outer.ipv6.source, to);
}

/** Segments in the SRH of a path: a constant where all paths have as many. */
export const countOf = (plane: Plane, path: Path): number =>
  plane.segmentCounts.length === 1 ? plane.segmentCounts[0]! : path.count;

/** Bytes that a path puts before the packet. */
export function overhead(plane: Plane, path: Path): number {
  const count = countOf(plane, path);
  return count === 0 ? Ipv6.size : Ipv6.size + SegmentRoutingHeader.size + count * 16;
}

/** Where the arguments of a mobile SID go: the SID itself. */
export interface Mobile {
  readonly sid: Ipv6Address;
  readonly source: Ipv6Address;
  /** Drop-in: the packet's own destination, which comes behind the path's segments. */
  readonly kept: Ipv6Address | null;
}

/** What the packet has a say in. */
function complete(plane: Plane, path: Path, outer: Ipv6, inner: Inner, mobile: Mobile | null, isPlain: boolean): void {
  const { flags } = path;
  outer.payloadLength = overhead(plane, path) - Ipv6.size + inner.length;
  if (path.hopLimit === 0) outer.hopLimit = inner.hopLimit;
  const takes = (flag: number): boolean => (plane.pathFlags & flag) !== 0 && (flags & flag) !== 0;
  if (takes(PathFlag.CopyClass)) overlay(FirstWord, outer).word |= inner.trafficClass << 20;
  if (takes(PathFlag.CopyLabel)) overlay(FirstWord, outer).word |= inner.flowLabel;
  if (takes(PathFlag.HashLabel)) overlay(FirstWord, outer).word |= inner.hash & 0xfffff;
  if (!mobile) return;
  outer.source = mobile.source;
  if (isPlain || (flags & PathFlag.ArgumentsInDestination) !== 0) outer.destination = mobile.sid;
}

/** The segments of a mobile path that the packet has a say in. */
function listMobile(path: Path, segments: Ipv6Address[], count: number, { sid, kept }: Mobile): void {
  if (kept === null) {
    segments[0] = sid;
    return;
  }
  segments[0] = kept;
  if (count > 1 && (path.flags & PathFlag.ArgumentsInSegment) !== 0) segments[1] = sid;
}

/** Writes the path's headers in place of the first `removed` bytes; `leave` completes the frame. */
export function push(
  plane: Plane,
  ctx: XdpContext,
  path: Path,
  removed: number,
  inner: Inner,
  mobile: Mobile | null,
): void {
  if (plane.segmentCounts.includes(0) && countOf(plane, path) === 0) {
    const { ipv6 } = ctx.replaceHead(removed, Frame6) ?? exit(drop(plane, ctx, "noHeadroom"));
    assign(ipv6, path.outer.ipv6);
    ipv6.nextHeader = inner.protocol;
    complete(plane, path, ipv6, inner, mobile, true);
    return;
  }
  for (const { count, Outer, Frame } of ROUTED) {
    if (!plane.segmentCounts.includes(count) || countOf(plane, path) !== count) continue;
    const { outer } = ctx.replaceHead(removed, Frame) ?? exit(drop(plane, ctx, "noHeadroom"));
    assign(outer, overlay(Outer, path.outer));
    outer.srh.nextHeader = inner.protocol;
    complete(plane, path, outer.ipv6, inner, mobile, false);
    if (mobile) listMobile(path, outer.segments, count, mobile);
    return;
  }
  exit(drop(plane, ctx, "noPath"));
}

/** H.Encaps of an IPv4 packet directly behind the Ethernet header. */
export function encapsulate4(plane: Plane, ctx: XdpContext, ip: Ipv4, policy: number): XdpAction {
  if (ip.version !== 4 || ip.ihl < 5 || ip.totalLength < Ipv4.size) return drop(plane, ctx, "badHeader");
  if (START + ip.totalLength > ctx.length) return drop(plane, ctx, "lengthMismatch");
  if (ip.ttl <= 1) timeExceeded4(plane, ctx, START);
  const inner = innerOf4(plane, ip);
  const path = pathOf(plane, policy, inner.hash, inner.length);
  const total = overhead(plane, path) + inner.length;
  const hop = hopOf(plane, ctx, path, inner.hash, path.outer.ipv6.destination);
  if (!fits(hop, total)) {
    if (!ip.dontFragment) return drop(plane, ctx, "tooBig");
    fragmentationNeeded(plane, ctx, START, hop.mtu - overhead(plane, path));
  }
  ip.checksum = checksumReplace(ip.checksum, ip.ttl << 8, (ip.ttl - 1) << 8);
  ip.ttl -= 1;
  if (ctx.length !== START + inner.length && !ctx.setLength(START + inner.length)) return truncated(plane, ctx);
  push(plane, ctx, path, START, inner, null);
  return leave(plane, ctx, hop, EtherType.Ipv6, total);
}

/** What is done to a packet once it is certain that it leaves: an error quotes it as it came. */
type Advance = () => void;
const stays: Advance = () => {};

/** Encapsulation of an IPv6 packet; its hop limit has been checked and is taken down here. */
function wrap6(plane: Plane, ctx: XdpContext, ip: Ipv6, policy: number, advance: Advance): XdpAction {
  const inner = innerOf6(plane, ip);
  const path = pathOf(plane, policy, inner.hash, inner.length);
  const total = overhead(plane, path) + inner.length;
  const hop = hopOf(plane, ctx, path, inner.hash, path.outer.ipv6.destination);
  if (!fits(hop, total)) packetTooBig(plane, ctx, START, hop.mtu - overhead(plane, path));
  advance();
  ip.hopLimit -= 1;
  if (ctx.length !== START + inner.length && !ctx.setLength(START + inner.length)) return truncated(plane, ctx);
  push(plane, ctx, path, START, inner, null);
  return leave(plane, ctx, hop, EtherType.Ipv6, total);
}

export function encapsulate6(plane: Plane, ctx: XdpContext, ip: Ipv6, policy: number): XdpAction {
  if (ip.version !== 6) return drop(plane, ctx, "badHeader");
  if (BEHIND + ip.payloadLength > ctx.length) return drop(plane, ctx, "lengthMismatch");
  if (ip.hopLimit <= 1) timeExceeded6(plane, ctx, START);
  return wrap6(plane, ctx, ip, policy, stays);
}

/** H.Encaps.L2: the whole frame. */
export function encapsulateL2(plane: Plane, ctx: XdpContext, policy: number): XdpAction {
  const inner: Inner = {
    trafficClass: 0,
    flowLabel: 0,
    hash: 0,
    hopLimit: 64,
    protocol: IpProtocol.Ethernet,
    length: ctx.length,
  };
  const path = pathOf(plane, policy, inner.hash, inner.length);
  const total = overhead(plane, path) + inner.length;
  const hop = hopOf(plane, ctx, path, inner.hash, path.outer.ipv6.destination);
  if (!fits(hop, total)) return drop(plane, ctx, "tooBig");
  push(plane, ctx, path, 0, inner, null);
  return leave(plane, ctx, hop, EtherType.Ipv6, total);
}

/** H.Insert: an SRH behind the IPv6 header; the destination becomes its last segment, for which the path has room. */
export const insert = (plane: Plane, ctx: XdpContext, ip: Ipv6, policy: number): XdpAction =>
  insertBefore(plane, ctx, ip, policy, stays);

function insertBefore(plane: Plane, ctx: XdpContext, ip: Ipv6, policy: number, advance: Advance): XdpAction {
  if (BEHIND + ip.payloadLength > ctx.length) return drop(plane, ctx, "lengthMismatch");
  if (ip.hopLimit <= 1) timeExceeded6(plane, ctx, START);
  const length = Ipv6.size + ip.payloadLength;
  const hash = innerOf6(plane, ip).hash;
  const path = pathOf(plane, policy, hash, length);
  const added = overhead(plane, path) - Ipv6.size;
  const hop = hopOf(plane, ctx, path, hash, path.outer.ipv6.destination);
  if (!fits(hop, length + added)) packetTooBig(plane, ctx, START, hop.mtu - added);
  advance();
  const before = copyOf(ip);
  for (const { count, Outer, Frame } of ROUTED) {
    if (!plane.segmentCounts.includes(count) || countOf(plane, path) !== count) continue;
    const { outer } = ctx.replaceHead(BEHIND, Frame) ?? exit(drop(plane, ctx, "noHeadroom"));
    assign(outer, overlay(Outer, path.outer));
    outer.srh.nextHeader = before.nextHeader;
    outer.segments[0] = before.destination;
    outer.ipv6 = before;
    outer.ipv6.payloadLength = length - Ipv6.size + added;
    outer.ipv6.hopLimit -= 1;
    outer.ipv6.nextHeader = IpProtocol.Routing;
    outer.ipv6.destination = path.outer.ipv6.destination;
    return leave(plane, ctx, hop, EtherType.Ipv6, length + added);
  }
  return drop(plane, ctx, "noPath");
}

/** End.B6.Encaps, S01 to S16, and likewise End.B6.Insert: the active segment is done, then the policy applies. */
export function bindingSid(plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid, inserts: boolean): XdpAction {
  const behind = behindOptions(plane, ctx, ipv6);
  const { offset } = behind;
  if (behind.protocol !== IpProtocol.Routing) return unexpected(plane, ctx, behind);
  const srh = srhAt(plane, ctx, offset);
  if (srh.segmentsLeft === 0) return unexpected(plane, ctx, behind);
  checkSegments(plane, ctx, ipv6.hopLimit, srh, offset);
  const segmentsLeft = srh.segmentsLeft - 1;
  const at = offset + SegmentRoutingHeader.size + segmentsLeft * 16;
  const segment = (ctx.header(ipv6Address, at) ?? truncated(plane, ctx)).value;
  const advance = (): void => {
    srh.segmentsLeft = segmentsLeft;
    ipv6.destination = segment;
  };
  if (inserts) return insertBefore(plane, ctx, ipv6, sid.policy, advance);
  return wrap6(plane, ctx, ipv6, sid.policy, advance);
}
