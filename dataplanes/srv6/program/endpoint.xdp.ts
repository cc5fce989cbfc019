/** Endpoint behaviours that go on along the path: End, End.X, End.T and their flavours (RFC 8986 section 4), End.MAP. */
import { assign, copyOf, exit, ipv6Address, range, u8, u64, type XdpAction, type XdpContext } from "xdpkit";
import { Ethernet, EtherType, IpProtocol, Ipv6, Ipv6Halves, SegmentRoutingHeader } from "xdpkit/packet";
import { Flavour } from "./behaviours.ts";
import { forwardPayload } from "./decapsulate.xdp.ts";
import { packetTooBig, timeExceeded6 } from "./errors.xdp.ts";
import { fits, flowOf6, leave, resolve6, type Way } from "./forward.xdp.ts";
import { drop, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";
import {
  type Behind,
  behindFirstOptions,
  behindOptions,
  checkSegments,
  payloadOf,
  START,
  srhAt,
  unexpected,
} from "./segment-list.xdp.ts";
import type { Sid } from "./tables.xdp.ts";
import { joined, shiftLeft } from "./wide.xdp.ts";

const wayOf = (plane: Plane, ipv6: Ipv6, sid: Sid): Way => ({
  adjacency: sid.adjacency,
  table: sid.table,
  flow: flowOf6(plane, ipv6),
});

/** RFC 9800 section 4.1.1: the next compressed SID moves up behind the locator block. Null: there is none. */
function nextCsid(sid: Sid, destination: Ipv6Halves): Ipv6Halves | null {
  const rest = shiftLeft(destination, sid.bits & 127);
  if (rest.high === 0n && rest.low === 0n) return null;
  const moved = shiftLeft(destination, (sid.bits - sid.block) & 127);
  return new Ipv6Halves(joined(destination, moved, sid.block & 127));
}

/** Only the destination changes: End.MAP (RFC 9433 section 6.2), NEXT-CSID. */
function redirected(plane: Plane, ctx: XdpContext, ipv6: Ipv6, way: Way, to: string): XdpAction {
  if (ipv6.hopLimit <= 1) timeExceeded6(plane, ctx, START);
  const length = Ipv6.size + ipv6.payloadLength;
  const hop = resolve6(plane, ctx, way, ipv6.source, to as typeof ipv6.source);
  if (!fits(hop, length)) packetTooBig(plane, ctx, START, hop.mtu);
  ipv6.hopLimit -= 1;
  ipv6.destination = to as typeof ipv6.source;
  return leave(plane, ctx, hop, EtherType.Ipv6, length);
}

export const endMap = (plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid): XdpAction =>
  redirected(plane, ctx, ipv6, { adjacency: sid.adjacency, table: 0, flow: flowOf6(plane, ipv6) }, sid.address);

/** Options that move up when the SRH behind them goes: units of 8 bytes, with the IPv6 header. */
const MOST_MOVED = 5 + 16;

/** The SRH at `offset` goes: what stood before it moves up, the Ethernet header with it. */
function popSrh(
  plane: Plane,
  ctx: XdpContext,
  ipv6: Ipv6,
  { offset, namedAt }: Behind,
  srh: SegmentRoutingHeader,
): void {
  const { nextHeader, length } = srh;
  ipv6.payloadLength -= length;
  const name = ctx.header(u8, namedAt) ?? truncated(plane, ctx);
  name.value = nextHeader;
  if (offset > START + MOST_MOVED * 8) exit(drop(plane, ctx, "tooLong"));
  for (const i of range(MOST_MOVED)) {
    const at = offset - 8 * (i + 1);
    if (at < START) break;
    const from = ctx.header(u64, at) ?? truncated(plane, ctx);
    const to = ctx.header(u64, at + length) ?? truncated(plane, ctx);
    to.value = from.value;
  }
  const ethernet = copyOf(ctx.header(Ethernet, 0) ?? truncated(plane, ctx));
  if (!ctx.removeHead(length)) exit(drop(plane, ctx, "noHeadroom"));
  assign(ctx.header(Ethernet, 0) ?? truncated(plane, ctx), ethernet);
}

/**
 * RFC 8986 section 4.16.2: an SRH that is used up goes where what follows is for this node: the kernel, or another SRH.
 */
function popUsed(plane: Plane, ctx: XdpContext, ipv6: Ipv6): void {
  const used = behindFirstOptions(plane, ctx, ipv6.nextHeader);
  if (used.protocol !== IpProtocol.Routing) return;
  const srh = srhAt(plane, ctx, used.offset);
  const { nextHeader } = srh;
  const isForUs =
    nextHeader === IpProtocol.Routing || nextHeader === IpProtocol.Icmpv6 || nextHeader === IpProtocol.Fragment;
  if (srh.segmentsLeft !== 0 || !isForUs || srh.length > ipv6.payloadLength) return;
  popSrh(plane, ctx, ipv6, used, srh);
}

/** The path ends here. RFC 8986 sections 4.1.1 and 4.16.3 (USD). */
function ended(plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid, behind: Behind): XdpAction {
  if ((plane.flavours & Flavour.Usd) === 0 || (sid.flavours & Flavour.Usd) === 0) return unexpected(plane, ctx, behind);
  const payload = payloadOf(plane, ctx, ipv6);
  const direction = { adjacency: sid.adjacency, table: sid.table };
  return forwardPayload(plane, ctx, payload, direction, { takes4: true, takes6: true });
}

/** RFC 8986 section 4.1, S01 to S15: End; with an adjacency End.X, with a table End.T. */
export function end(plane: Plane, ctx: XdpContext, arrived: Ipv6, sid: Sid): XdpAction {
  if ((plane.flavours & Flavour.NextCsid) !== 0 && (sid.flavours & Flavour.NextCsid) !== 0) {
    const next = nextCsid(sid, Ipv6Halves.from(arrived.destination));
    if (next) return redirected(plane, ctx, arrived, wayOf(plane, arrived, sid), ipv6Address(next));
  }
  const mayPop = (plane.flavours & Flavour.Usp) !== 0;
  if (mayPop && (sid.flavours & Flavour.Usp) !== 0) popUsed(plane, ctx, arrived);
  const ipv6 = mayPop ? (ctx.header(Ipv6, START) ?? truncated(plane, ctx)) : arrived;
  const behind = behindOptions(plane, ctx, ipv6);
  const { offset } = behind;
  // S02
  if (behind.protocol !== IpProtocol.Routing) return ended(plane, ctx, ipv6, sid, behind);
  const srh = srhAt(plane, ctx, offset);
  if (srh.segmentsLeft === 0) return unexpected(plane, ctx, behind);
  // S05 to S11
  checkSegments(plane, ctx, ipv6.hopLimit, srh, offset);
  // S12 to S15; the way out is looked for before the packet is changed, so that it can still be answered.
  const segmentsLeft = srh.segmentsLeft - 1;
  const at = offset + SegmentRoutingHeader.size + segmentsLeft * 16;
  const segment = (ctx.header(ipv6Address, at) ?? truncated(plane, ctx)).value;
  // RFC 8986 section 4.16.1, S14.1 to S14.4
  const pops = (plane.flavours & Flavour.Psp) !== 0 && (sid.flavours & Flavour.Psp) !== 0 && segmentsLeft === 0;
  const length = Ipv6.size + ipv6.payloadLength - (pops ? srh.length : 0);
  if (pops && length < Ipv6.size) return drop(plane, ctx, "lengthMismatch");
  const hop = resolve6(plane, ctx, wayOf(plane, ipv6, sid), ipv6.source, segment);
  if (!fits(hop, length)) packetTooBig(plane, ctx, START, hop.mtu + (pops ? srh.length : 0));
  ipv6.hopLimit -= 1;
  srh.segmentsLeft = segmentsLeft;
  ipv6.destination = segment;
  if (pops) popSrh(plane, ctx, ipv6, behind, srh);
  return leave(plane, ctx, hop, EtherType.Ipv6, length);
}
