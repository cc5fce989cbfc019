/** Where the segment list of a packet is, and the checks that every endpoint behaviour begins with. */
import { exit, u8, unroll, type XdpContext } from "xdpkit";
import {
  Ethernet,
  IpProtocol,
  Ipv6,
  Ipv6Extension,
  RoutingType,
  SegmentRoutingHeader,
  SrhTlv,
  SrhTlvType,
} from "xdpkit/packet";
import { parameterProblem, timeExceeded6 } from "./errors.xdp.ts";
import { drop, pass, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";

/** The IPv6 header of a frame without tags. */
export const START = Ethernet.size;
/** What follows the IPv6 header. */
export const BEHIND = START + Ipv6.size;
/** Hop-by-Hop and Destination Options that may stand before the SRH, RFC 8200 section 4.1. */
const MAX_OPTIONS = 2;

/** What is behind an IPv6 header and its options. */
export interface Behind {
  /** Bytes from the start of the frame. */
  readonly offset: number;
  readonly protocol: number;
  /** Of the byte that names this protocol, bytes from the start of the frame. */
  readonly namedAt: number;
}

const NEXT_HEADER = START + 6;

export function behindOptions(plane: Plane, ctx: XdpContext, nextHeader: number): Behind {
  let offset = BEHIND;
  let protocol = nextHeader;
  let namedAt = NEXT_HEADER;
  for (const _ of unroll(MAX_OPTIONS)) {
    if (protocol !== IpProtocol.HopByHop && protocol !== IpProtocol.DestinationOptions) break;
    const extension = ctx.header(Ipv6Extension, offset) ?? truncated(plane, ctx);
    protocol = extension.nextHeader;
    namedAt = offset;
    offset += extension.length;
  }
  return { offset, protocol, namedAt };
}

/** RFC 8754 section 2.1.2: by policy a packet with an HMAC TLV is dropped; the TLV is ignored otherwise. */
function refuseHmac(plane: Plane, ctx: XdpContext, srh: SegmentRoutingHeader, offset: number): void {
  const end = offset + srh.length;
  let at = offset + SegmentRoutingHeader.size + (srh.lastEntry + 1) * 16;
  for (const _ of unroll(4)) {
    if (at + SrhTlv.size > end) break;
    const kind = (ctx.header(u8, at & 0xfff) ?? truncated(plane, ctx)).value;
    if (kind === SrhTlvType.Hmac) exit(drop(plane, ctx, "hmac"));
    if (kind === SrhTlvType.Pad1) at += 1;
    else at += SrhTlv.size + (ctx.header(u8, (at + 1) & 0xfff) ?? truncated(plane, ctx)).value;
  }
}

/** The SRH at `offset`, or null: a routing header of another type. */
export function srhAt(plane: Plane, ctx: XdpContext, offset: number): SegmentRoutingHeader | null {
  const srh = ctx.header(SegmentRoutingHeader, offset) ?? truncated(plane, ctx);
  if (srh.routingType !== RoutingType.SegmentRouting) return null;
  if (plane.refuseHmac) refuseHmac(plane, ctx, srh, offset);
  return srh;
}

/** RFC 8986 section 4.1, S05 to S11. */
export function checkSegments(
  plane: Plane,
  ctx: XdpContext,
  hopLimit: number,
  srh: SegmentRoutingHeader,
  offset: number,
): void {
  if (hopLimit <= 1) timeExceeded6(plane, ctx, START);
  const lastEntry = (srh.extensionLength >> 1) - 1;
  if (srh.lastEntry > lastEntry || srh.segmentsLeft > srh.lastEntry + 1)
    parameterProblem(plane, ctx, START, 0, offset - START + 3);
}

/** What an SRv6 packet carries to a SID that ends its path. */
export interface Payload {
  /** Bytes from the start of the frame. */
  readonly offset: number;
  readonly protocol: number;
  readonly length: number;
}

/**
 * The upper layer of a packet whose path ends here: no SRH, or one without segments left (RFC 8986 section 4.4, S02), and no
 * byte beyond what the IPv6 header says.
 */
export function payloadOf(plane: Plane, ctx: XdpContext, ipv6: Ipv6): Payload {
  const end = BEHIND + ipv6.payloadLength;
  let { offset, protocol } = behindOptions(plane, ctx, ipv6.nextHeader);
  if (protocol === IpProtocol.Routing) {
    const srh = srhAt(plane, ctx, offset) ?? exit(pass(plane, ctx, "localDelivery"));
    if (srh.segmentsLeft !== 0) parameterProblem(plane, ctx, START, 0, offset - START + 3);
    protocol = srh.nextHeader;
    offset += srh.length;
  }
  if (offset > end) exit(drop(plane, ctx, "lengthMismatch"));
  return { offset, protocol, length: end - offset };
}

/**
 * RFC 8986 section 4.1.1: ICMPv6 to a SID is for the kernel; anything else that the behaviour does not take is answered with
 * "SR upper-layer header error" (code 4).
 */
export function unexpected(plane: Plane, ctx: XdpContext, { protocol, offset }: Payload): never {
  if (protocol === IpProtocol.Icmpv6) exit(pass(plane, ctx, "localDelivery"));
  return parameterProblem(plane, ctx, START, 4, offset - START);
}
