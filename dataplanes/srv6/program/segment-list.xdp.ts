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
/** Extension headers that are walked: options around the SRH (RFC 8200 section 4.1), and SRHs that are used up. */
const MAX_EXTENSIONS = 4;
/** Hop-by-Hop and Destination Options that may stand before the SRH. */
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

/**
 * Behind the options and the SRHs without segments left: RFC 8986 section 4.1, S02 goes on with the next header, which may be a
 * second SRH of the same SID. What H.Insert puts before SRv6 traffic arrives so.
 */
export function behindOptions(plane: Plane, ctx: XdpContext, ipv6: Ipv6): Behind {
  let offset = BEHIND;
  let protocol = ipv6.nextHeader;
  let namedAt = NEXT_HEADER;
  for (const _ of unroll(MAX_EXTENSIONS)) {
    if (protocol === IpProtocol.Routing) {
      const srh = ctx.header(SegmentRoutingHeader, offset) ?? truncated(plane, ctx);
      if (srh.segmentsLeft !== 0) break;
      if (plane.refuseHmac) srhAt(plane, ctx, offset);
    } else if (protocol !== IpProtocol.HopByHop && protocol !== IpProtocol.DestinationOptions) break;
    const extension = ctx.header(Ipv6Extension, offset) ?? truncated(plane, ctx);
    protocol = extension.nextHeader;
    namedAt = offset;
    offset += extension.length;
  }
  if (offset > BEHIND + ipv6.payloadLength) exit(drop(plane, ctx, "lengthMismatch"));
  return { offset, protocol, namedAt };
}

/** Behind the options before the first SRH, whatever that has left. */
export function behindFirstOptions(plane: Plane, ctx: XdpContext, nextHeader: number): Behind {
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

/** TLVs that are looked at. */
const MAX_TLVS = 8;

/**
 * RFC 8754 section 2.1.2: by policy a packet with an HMAC TLV is dropped; the TLV is ignored otherwise. Of more TLVs than are
 * looked at one may be an HMAC.
 */
function refuseHmac(plane: Plane, ctx: XdpContext, srh: SegmentRoutingHeader, offset: number): void {
  const end = offset + srh.length;
  let at = offset + SegmentRoutingHeader.size + (srh.lastEntry + 1) * 16;
  for (const _ of unroll(MAX_TLVS)) {
    if (at >= end) return;
    const kind = (ctx.header(u8, at & 0xfff) ?? truncated(plane, ctx)).value;
    if (kind === SrhTlvType.Hmac) exit(drop(plane, ctx, "hmac"));
    if (kind === SrhTlvType.Pad1) at += 1;
    else at += SrhTlv.size + (ctx.header(u8, (at + 1) & 0xfff) ?? truncated(plane, ctx)).value;
  }
  if (at < end) exit(drop(plane, ctx, "hmac"));
}

/** The SRH at `offset`. A routing header of another type with segments left is answered (RFC 8200 section 4.4). */
export function srhAt(plane: Plane, ctx: XdpContext, offset: number): SegmentRoutingHeader {
  const srh = ctx.header(SegmentRoutingHeader, offset) ?? truncated(plane, ctx);
  if (srh.routingType === RoutingType.SegmentRouting) {
    if (plane.refuseHmac) refuseHmac(plane, ctx, srh, offset);
  } else if (srh.segmentsLeft !== 0) parameterProblem(plane, ctx, START, 0, offset - START + 2);
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

/** What is behind the headers of a SID. */
export interface UpperLayer {
  /** Bytes from the start of the frame. */
  readonly offset: number;
  readonly protocol: number;
}

/** What an SRv6 packet carries to a SID that ends its path. */
export interface Payload extends UpperLayer {
  readonly length: number;
}

/**
 * The upper layer of a packet whose path ends here: no SRH, or one without segments left (RFC 8986 section 4.4, S02), and no
 * byte beyond what the IPv6 header says.
 */
export function payloadOf(plane: Plane, ctx: XdpContext, ipv6: Ipv6): Payload {
  const end = BEHIND + ipv6.payloadLength;
  const { offset, protocol } = behindOptions(plane, ctx, ipv6);
  if (protocol === IpProtocol.Routing) {
    srhAt(plane, ctx, offset);
    parameterProblem(plane, ctx, START, 0, offset - START + 3);
  }
  return { offset, protocol, length: end - offset };
}

/**
 * RFC 8986 section 4.1.1: ICMPv6 to a SID is for the kernel, and so are fragments, which it puts together; anything else that
 * the behaviour does not take is answered with "SR upper-layer header error" (code 4).
 */
export function unexpected(plane: Plane, ctx: XdpContext, { protocol, offset }: UpperLayer): never {
  if (protocol === IpProtocol.Icmpv6) exit(pass(plane, ctx, "localDelivery"));
  if (protocol === IpProtocol.Fragment) exit(pass(plane, ctx, "fragment"));
  return parameterProblem(plane, ctx, START, 4, offset - START);
}
