/**
 * The way out: an adjacency that the control plane resolved, or what the kernel's tables say, kept per CPU for as long as
 * nothing changes there.
 *
 * Both are trusted while the control plane renews its lease (`control.validUntil`), for only then is a change seen.
 * Invariant: the generation is read before the tables are asked, so that an answer that a change overtook is asked again.
 */
import {
  assign,
  checksumReplace,
  type FibLookup,
  FibResult,
  fibLookup,
  type Ipv4Address,
  type Ipv6Address,
  ipv4Address,
  ipv6Address,
  jiffies64,
  overlay,
  redirect,
  subprogram,
  u32,
  u64,
  type XdpAction,
  type XdpContext,
} from "xdpkit";
import { Ethernet, EtherType, Ipv4, Ipv6, Ipv6Halves } from "xdpkit/packet";
import { findSid, IPV4, MIX, SPREAD, slotOf } from "./lookup.xdp.ts";
import { drop, outcomes, pass, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";
import { control, egress, type NextHop, ports, type Route, Stations, scratch } from "./tables.xdp.ts";
import { pushTags } from "./tags.xdp.ts";

/** The answer for the destination of `route`, kept there. */
function remember(route: Route, next: FibLookup): void {
  if (next.found) {
    route.hop.interfaceIndex = next.interfaceIndex;
    route.hop.mtu = next.mtu;
    route.hop.stations.destination = next.destination;
    route.hop.stations.source = next.source;
  } else {
    route.hop.interfaceIndex = 0;
    route.hop.refusal = next.result;
    route.generation = 0;
  }
}

/** Without a way out the kernel gets the packet, and needs the frame's own header before whatever the packet has become. */
function keepEthernet(ctx: XdpContext): void {
  const ethernet = ctx.header(Ethernet, 0);
  if (ethernet) assign(scratch.at(0).ethernet, ethernet);
}

/** The interface that rules go by: that of the frame's VLAN, which is 0 where there are none. */
function arrivedAt(ctx: XdpContext): number {
  const { port } = scratch.at(0);
  return port === 0 ? ctx.ingressInterface : port;
}

/** A VLAN has no way out of its own: its frames leave by the interface below, with tags. */
function throughVlan(plane: Plane, { hop }: Route): void {
  hop.port = hop.interfaceIndex;
  hop.outer = 0;
  hop.inner = 0;
  const below = plane.tables.taggedOutputs.lookup(hop.interfaceIndex);
  if (!below) return;
  hop.interfaceIndex = below.interfaceIndex;
  hop.outer = below.outer;
  hop.inner = below.inner;
}

/** Asks the kernel's tables. The length is asked about later, when it is known. */
const ask6 = subprogram((ctx: XdpContext, route: Route, table: number, flowInfo: number): boolean => {
  const { source } = scratch.at(0);
  const destination = ipv6Address(new Ipv6Halves({ high: route.high, low: route.low }));
  const interfaceIndex = arrivedAt(ctx);
  const to = { source, destination, payloadLength: 0 };
  if (table !== 0) remember(route, fibLookup(ctx, to, { direct: true, tableId: table, interfaceIndex, flowInfo }));
  else remember(route, fibLookup(ctx, to, { interfaceIndex, flowInfo }));
  if (route.hop.interfaceIndex === 0) keepEthernet(ctx);
  return route.hop.interfaceIndex !== 0;
});
const ask4 = subprogram((ctx: XdpContext, route: Route, table: number, from: number): boolean => {
  const source = ipv4Address(from);
  const destination = ipv4Address(u32(route.low));
  const interfaceIndex = arrivedAt(ctx);
  const to = { source, destination, totalLength: 0 };
  if (table !== 0) remember(route, fibLookup(ctx, to, { direct: true, tableId: table, interfaceIndex }));
  else remember(route, fibLookup(ctx, to, { interfaceIndex }));
  if (route.hop.interfaceIndex === 0) keepEthernet(ctx);
  return route.hop.interfaceIndex !== 0;
});

/** The slot for a destination, or null with the slot cleared for a new answer. */
function slotFor(plane: Plane, high: bigint, low: bigint, context: bigint): { route: Route; isKnown: boolean } {
  const { generation, validUntil, keeps } = control.at(0);
  const route = plane.tables.routes.at(slotOf(high, low ^ context, plane.routeSlots));
  const isSame = route.high === high && route.low === low && route.context === context;
  if (isSame && route.generation === generation && jiffies64() < validUntil) return { route, isKnown: true };
  route.high = high;
  route.low = low;
  route.context = context;
  route.generation = keeps === 0 ? 0 : generation;
  return { route, isKnown: false };
}

/** What the answer depends on besides the destination: the table and, where routes have several next hops, the flow. */
const contextOf = (plane: Plane, table: number, flow: number): bigint =>
  plane.isMultipath ? (u64(table) << 32n) | u64(flow & FLOWS) : u64(table) << 32n;
/** And the family: of an IPv4 address there may be an IPv6 address with the same halves. */
const FAMILY4 = 64n;
/** Flows that are told apart, less one: more would not fit among the answers that are kept. */
const FLOWS = 63;
/** A flow label (RFC 6437), by which the kernel chooses a next hop. */
const labelOf = (plane: Plane, flow: number): number =>
  plane.isMultipath ? (((flow & FLOWS) + 1) * 0x3d09) & 0xfffff : 0;

/** The next hop of an adjacency, or null: not resolved, or not to be trusted. */
function adjacent(plane: Plane, id: number): NextHop | null {
  const adjacency = plane.tables.adjacencies.at(id & (plane.adjacencies - 1));
  const hop = adjacency.halves[adjacency.active & 1]!;
  return hop.interfaceIndex !== 0 && jiffies64() < control.at(0).validUntil ? hop : null;
}

/** Six bits of a flow where routes may have several next hops, else nothing: cheaper than a hash that keeps secrets. */
export const flowOf4 = (plane: Plane, ip: Ipv4): number =>
  plane.isMultipath ? u32((((u64(u32(ip.source)) << 32n) | u64(u32(ip.destination))) * MIX) >> 58n) : 0;
export function flowOf6(plane: Plane, ip: Ipv6): number {
  if (!plane.isMultipath) return 0;
  const source = Ipv6Halves.from(ip.source);
  const destination = Ipv6Halves.from(ip.destination);
  return u32(((source.high ^ (source.low * SPREAD) ^ destination.low ^ u64(ip.flowLabel)) * MIX) >> 58n);
}

/** Where an entry of the tables leads. */
export interface Direction {
  /** 0: by the destination. */
  readonly adjacency: number;
  /** 0: what the rules give. */
  readonly table: number;
}
export interface Way extends Direction {
  /** Hash of the flow; a constant 0 where it does not matter. */
  readonly flow: number;
}

/** The next hop for an IPv6 packet; it may turn out to be none (`leave` then hands the packet to the kernel). */
export function resolve6(plane: Plane, ctx: XdpContext, way: Way, from: Ipv6Address, to: Ipv6Address): NextHop {
  let { high, low } = Ipv6Halves.from(to);
  if (way.adjacency !== 0) {
    const hop = adjacent(plane, way.adjacency);
    if (hop) return hop;
    const gateway = plane.tables.adjacencies.at(way.adjacency & (plane.adjacencies - 1));
    if (gateway.high !== 0n) {
      high = gateway.high;
      low = gateway.low;
    }
  }
  const { route, isKnown } = slotFor(plane, high, low, contextOf(plane, way.table, way.flow));
  if (isKnown) return route.hop;
  // A table of its own, such as a customer's, does not lead to our SIDs.
  const mayVisit = plane.visitsAgain && way.adjacency === 0 && way.table === 0;
  if (mayVisit && findSid(plane, new Ipv6Halves({ high, low }))) {
    keepEthernet(ctx);
    route.hop.interfaceIndex = 0;
    route.hop.refusal = LOCAL_SID;
    route.generation = 0;
    return route.hop;
  }
  scratch.at(0).source = from;
  ask6(ctx, route, way.table, labelOf(plane, way.flow));
  if (plane.isTagged) throughVlan(plane, route);
  return route.hop;
}

export function resolve4(plane: Plane, ctx: XdpContext, way: Way, from: Ipv4Address, to: Ipv4Address): NextHop {
  let low = u64(u32(to));
  if (way.adjacency !== 0) {
    const hop = adjacent(plane, way.adjacency);
    if (hop) return hop;
    const gateway = plane.tables.adjacencies.at(way.adjacency & (plane.adjacencies - 1));
    if (gateway.high !== 0n) low = gateway.low;
  }
  const { route, isKnown } = slotFor(plane, IPV4, low, contextOf(plane, way.table, way.flow) | FAMILY4);
  if (isKnown) return route.hop;
  ask4(ctx, route, way.table, u32(from));
  if (plane.isTagged) throughVlan(plane, route);
  return route.hop;
}

/** The interface that the kernel would say a frame came from. */
export const portOf = (plane: Plane, ctx: XdpContext): number =>
  plane.isTagged ? scratch.at(0).port : ctx.ingressInterface;

/** Beside the answers of the kernel's tables: the packet's next segment is one of ours, too. */
const LOCAL_SID = 256;
/** Where the program for such packets is among the programs. */
export const AGAIN = 3;

/** The kernel takes the hop limit or TTL down itself: what it gets has it once more (RFC 8200 section 3, RFC 1812 section 5.3.1). */
function untake(plane: Plane, ctx: XdpContext, etherType: number): void {
  if (etherType === EtherType.Ipv6) {
    const ip = ctx.header(Ipv6, Ethernet.size) ?? truncated(plane, ctx);
    if (ip.hopLimit < 255) ip.hopLimit += 1;
  } else {
    const ip = ctx.header(Ipv4, Ethernet.size) ?? truncated(plane, ctx);
    if (ip.ttl === 255) return;
    ip.checksum = checksumReplace(ip.checksum, ip.ttl << 8, (ip.ttl + 1) << 8);
    ip.ttl += 1;
  }
}

/** The kernel may know better, or resolve the neighbour: it gets the packet as it is now. */
function refused(plane: Plane, ctx: XdpContext, result: number, etherType: number): XdpAction {
  const ethernet = ctx.header(Ethernet, 0) ?? truncated(plane, ctx);
  assign(ethernet, scratch.at(0).ethernet);
  const port = ports.at(portOf(plane, ctx) & 1023);
  if (port.isKnown) ethernet.destination = port.station;
  ethernet.etherType = etherType;
  if (result === LOCAL_SID) {
    plane.programs.tailCall(ctx, AGAIN);
    return drop(plane, ctx, "answerFailed");
  }
  if (result === FibResult.Blackhole) return drop(plane, ctx, "blackhole");
  if (result === FibResult.Unreachable) return drop(plane, ctx, "unreachable");
  if (result === FibResult.Prohibit) return drop(plane, ctx, "prohibited");
  untake(plane, ctx, etherType);
  if (result === FibResult.NoNeighbour) return pass(plane, ctx, "noNeighbour");
  if (result === FibResult.NotForwarded) return pass(plane, ctx, "notForwarded");
  if (result === FibResult.ForwardingDisabled) return pass(plane, ctx, "forwardingDisabled");
  return pass(plane, ctx, "fibOther");
}

/** The frame, whose Ethernet header is in place, leaves. `length`: of the IP packet, for the counters. */
export function leave(plane: Plane, ctx: XdpContext, hop: NextHop, etherType: number, length: number): XdpAction {
  if (hop.interfaceIndex === 0) return refused(plane, ctx, hop.refusal, etherType);
  const ethernet = ctx.header(Ethernet, 0) ?? truncated(plane, ctx);
  assign(overlay(Stations, ethernet), hop.stations);
  ethernet.etherType = etherType;
  return send(plane, ctx, hop, length);
}

/** As it is, out of an interface, or with the tags of a VLAN. */
export function send(plane: Plane, ctx: XdpContext, hop: NextHop, length: number): XdpAction {
  if (plane.isTagged && hop.outer !== 0) {
    if (!pushTags(ctx, hop.outer, hop.inner)) return drop(plane, ctx, "noHeadroom");
    count(hop.port, length);
  }
  count(hop.interfaceIndex, length);
  return outcomes.as("forwarded", redirect(hop.interfaceIndex));
}

function count(interfaceIndex: number, length: number): void {
  const counter = egress.at(interfaceIndex & 1023);
  counter.packets += 1n;
  counter.bytes += u64(length);
}

/** Whether a packet of so many bytes fits; it does where the way is not known. */
export const fits = (hop: NextHop, length: number): boolean => hop.interfaceIndex === 0 || length <= hop.mtu;
