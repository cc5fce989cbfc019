/** Decapsulation: End.DX2, DX2V, DX4, DX6, DT4, DT6, DT46. RFC 8986 sections 4.4 to 4.12. */
import { checksumReplace, exit, type XdpAction, type XdpContext } from "xdpkit";
import { Ethernet, EtherType, IpProtocol, Ipv4, Ipv6, VlanTag } from "xdpkit/packet";
import { fragmentationNeeded, packetTooBig, timeExceeded4, timeExceeded6 } from "./errors.xdp.ts";
import { type Direction, fits, flowOf4, flowOf6, leave, resolve4, resolve6, send } from "./forward.xdp.ts";
import { drop, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";
import { type Payload, payloadOf, unexpected } from "./segment-list.xdp.ts";
import type { Sid } from "./tables.xdp.ts";

export interface Takes {
  readonly takes4: boolean;
  readonly takes6: boolean;
}

/** Removes what is before `offset`, and leaves room for an Ethernet header that `leave` writes. */
function strip(plane: Plane, ctx: XdpContext, offset: number): void {
  if (!ctx.removeHead(offset - Ethernet.size)) exit(drop(plane, ctx, "noHeadroom"));
}

function forward4(plane: Plane, ctx: XdpContext, payload: Payload, direction: Direction): XdpAction {
  const { offset } = payload;
  const ip = ctx.header(Ipv4, offset) ?? truncated(plane, ctx);
  if (ip.version !== 4 || ip.ihl < 5) return drop(plane, ctx, "unknownInner");
  const { totalLength } = ip;
  if (totalLength > payload.length || totalLength < ip.headerLength) return drop(plane, ctx, "lengthMismatch");
  if (ip.ttl <= 1) timeExceeded4(plane, ctx, offset);
  const way = { adjacency: direction.adjacency, table: direction.table, flow: flowOf4(plane, ip) };
  const hop = resolve4(plane, ctx, way, ip.source, ip.destination);
  if (!fits(hop, totalLength)) {
    if (!ip.dontFragment) return drop(plane, ctx, "tooBig");
    fragmentationNeeded(plane, ctx, offset, hop.mtu);
  }
  // TTL and protocol are one word of the checksum.
  ip.checksum = checksumReplace(ip.checksum, ip.ttl << 8, (ip.ttl - 1) << 8);
  ip.ttl -= 1;
  strip(plane, ctx, offset);
  return leave(plane, ctx, hop, EtherType.Ipv4, totalLength);
}

function forward6(plane: Plane, ctx: XdpContext, payload: Payload, direction: Direction): XdpAction {
  const { offset } = payload;
  const ip = ctx.header(Ipv6, offset) ?? truncated(plane, ctx);
  if (ip.version !== 6) return drop(plane, ctx, "unknownInner");
  const length = Ipv6.size + ip.payloadLength;
  if (length > payload.length) return drop(plane, ctx, "lengthMismatch");
  if (ip.hopLimit <= 1) timeExceeded6(plane, ctx, offset);
  const way = { adjacency: direction.adjacency, table: direction.table, flow: flowOf6(plane, ip) };
  const hop = resolve6(plane, ctx, way, ip.source, ip.destination);
  if (!fits(hop, length)) packetTooBig(plane, ctx, offset, hop.mtu);
  ip.hopLimit -= 1;
  strip(plane, ctx, offset);
  return leave(plane, ctx, hop, EtherType.Ipv6, length);
}

/** The IP packet inside goes on by itself. */
export const decapsulate = (plane: Plane, ctx: XdpContext, ipv6: Ipv6, direction: Direction, takes: Takes): XdpAction =>
  forwardPayload(plane, ctx, payloadOf(plane, ctx, ipv6), direction, takes);

/** `takes4`, `takes6`: constants. */
export function forwardPayload(
  plane: Plane,
  ctx: XdpContext,
  payload: Payload,
  direction: Direction,
  { takes4, takes6 }: Takes,
): XdpAction {
  if (takes4 && payload.protocol === IpProtocol.Ipv4) return forward4(plane, ctx, payload, direction);
  if (takes6 && payload.protocol === IpProtocol.Ipv6) return forward6(plane, ctx, payload, direction);
  return unexpected(plane, ctx, payload);
}

/** End.DX2 and End.DX2V: the frame inside leaves as it is, out of the interface of the adjacency or of its VLAN. */
export function decapsulateL2(plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid, byVlan: boolean): XdpAction {
  const payload = payloadOf(plane, ctx, ipv6);
  if (payload.protocol !== IpProtocol.Ethernet) return unexpected(plane, ctx, payload);
  if (payload.length < Ethernet.size) return drop(plane, ctx, "lengthMismatch");
  let adjacency = sid.adjacency;
  if (byVlan) {
    const inner = ctx.header(Ethernet, payload.offset) ?? truncated(plane, ctx);
    if (inner.etherType !== EtherType.Vlan && inner.etherType !== EtherType.QinQ) return drop(plane, ctx, "noPath");
    const tag = ctx.header(VlanTag, payload.offset + Ethernet.size) ?? truncated(plane, ctx);
    const port = plane.tables.vlans.lookup({ table: sid.table, vlan: tag.vlan }) ?? exit(drop(plane, ctx, "noPath"));
    adjacency = port.value;
  }
  const out = plane.tables.adjacencies.at(adjacency & (plane.adjacencies - 1));
  const hop = out.halves[out.active & 1]!;
  if (hop.interfaceIndex === 0) return drop(plane, ctx, "noPath");
  // The MTU of an interface does not count its Ethernet header and one tag.
  if (payload.length > hop.mtu + Ethernet.size + VlanTag.size) return drop(plane, ctx, "tooBig");
  if (!ctx.removeHead(payload.offset)) return drop(plane, ctx, "noHeadroom");
  return send(plane, ctx, hop, payload.length);
}
