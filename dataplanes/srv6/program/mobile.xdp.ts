/**
 * The mobile user plane. RFC 9433 section 6.
 *
 *   Args.Mob.Session   QFI (6) R (1) U (1) PDU session, the TEID (32)
 *   SID of GTP4        | locator and function | IPv4 destination (32) | Args.Mob.Session (40) | 0 |
 *   SID of GTP6        | locator and function | Args.Mob.Session (40) | 0 |
 *   source of GTP4     | prefix               | IPv4 source (32)      | UDP source port (16)  | 0 |
 */
import {
  atomic,
  checksum,
  checksumAdd,
  exit,
  type Ipv6Address,
  ipv4Address,
  ipv6Address,
  u32,
  u64,
  type XdpAction,
  type XdpContext,
} from "xdpkit";
import {
  EtherType,
  GtpExtension,
  GtpMessage,
  GtpOptional,
  GtpU,
  IpProtocol,
  Ipv4,
  Ipv6,
  Ipv6Halves,
  PduSessionContainer,
  Port,
  SegmentRoutingHeader,
  Udp,
} from "xdpkit/packet";
import { PathFlag } from "./behaviours.ts";
import { fragmentationNeeded, packetTooBig, parameterProblem, timeExceeded4, timeExceeded6 } from "./errors.xdp.ts";
import { fits, leave, resolve4, resolve6 } from "./forward.xdp.ts";
import { Gtp4, Gtp4Session, Gtp6, Gtp6Session } from "./frames.xdp.ts";
import { innerOf, type Tunnelled, takeGtp } from "./gtp.xdp.ts";
import { countOf, hopOf, overhead, pathOf, push } from "./headend.xdp.ts";
import { findSession, MIX, sessionsOnlyOf } from "./lookup.xdp.ts";
import { drop, pass, truncated } from "./outcomes.xdp.ts";
import { packetSum } from "./packet-sum.xdp.ts";
import type { Plane } from "./plane.ts";
import { BEHIND, behindFirstOptions, behindOptions, payloadOf, START, srhAt, unexpected } from "./segment-list.xdp.ts";
import type { Path, Sid } from "./tables.xdp.ts";
import { shiftLeft, shiftRight, type Wide } from "./wide.xdp.ts";

/** 40 bits. U is 0. */
const argumentsOf = ({ qfi, reflective, teid }: Tunnelled): bigint =>
  (u64((qfi << 2) | (reflective << 1)) << 32n) | u64(teid);

/** A ready-made SID with `value` put in, `shift` bits from its end. */
function filled(ready: Ipv6Address, value: Wide, shift: number): Ipv6Address {
  const { high, low } = Ipv6Halves.from(ready);
  const moved = shiftLeft(value, shift & 127);
  return ipv6Address(new Ipv6Halves({ high: high | moved.high, low: low | moved.low }));
}

/** The SID of a path that takes the arguments: its last segment. */
const lastOf = (plane: Plane, path: Path): Ipv6Address =>
  countOf(plane, path) === 0 ? path.outer.ipv6.destination : path.outer.segments[0];
/** Of a drop-in path: the one before the packet's own destination. */
const lastButOne = (path: Path): Ipv6Address => path.outer.segments[1];

/** H.M.GTP4.D, RFC 9433 section 6.7, S01 to S07. Null: no GTP-U. `policy`: of the tunnel's address. */
export function gtp4Decapsulate(plane: Plane, ctx: XdpContext, ip: Ipv4, policyOfAddress: number): XdpAction | null {
  if (ip.protocol !== IpProtocol.Udp) return null;
  if (ip.version !== 4 || ip.ihl < 5) return drop(plane, ctx, "badHeader");
  if (ip.isFragment) return pass(plane, ctx, "fragment");
  const end = START + ip.totalLength;
  // S01
  const tunnelled = takeGtp(plane, ctx, 4, START + ip.headerLength, end);
  if (!tunnelled) return null;
  if (ip.ttl <= 1) timeExceeded4(plane, ctx, START);
  const { offset, length } = tunnelled;
  const inner = innerOf(plane, ctx, tunnelled, ip.ttl - 1);

  let policy = policyOfAddress;
  if (plane.hasSessions) {
    const session = findSession(plane, u32(ip.destination), tunnelled.teid);
    if (session) {
      policy = session.policy;
      atomic.add(session, "packets", 1n);
      atomic.add(session, "bytes", u64(length));
    }
    if (policy === sessionsOnlyOf(plane)) return drop(plane, ctx, "noSession");
  }
  const path = pathOf(plane, policy, inner.hash, length);
  // S03: 72 bits, the address and the arguments.
  const address = u32(ip.destination);
  const args = argumentsOf(tunnelled);
  const sid = filled(lastOf(plane, path), { high: u64(address >>> 24), low: (u64(address) << 40n) | args }, path.shift);
  // S04: 48 bits, the address and the port.
  const from = (u64(u32(ip.source)) << 16n) | u64(tunnelled.sourcePort);
  const source = filled(path.outer.ipv6.source, { high: 0n, low: from }, 80 - plane.sourcePrefix);
  const to = countOf(plane, path) === 0 ? sid : path.outer.ipv6.destination;
  const hop = hopOf(plane, ctx, path, inner.hash, to);
  const total = overhead(plane, path) + length;
  if (!fits(hop, total)) {
    if (!ip.dontFragment) return drop(plane, ctx, "tooBig");
    fragmentationNeeded(plane, ctx, START, hop.mtu - overhead(plane, path) + (offset - START));
  }
  if (ctx.length !== offset + length && !ctx.setLength(offset + length)) return truncated(plane, ctx);
  // S02, S05, S06
  push(plane, ctx, path, offset, inner, { sid, source, kept: null });
  // S07
  return leave(plane, ctx, hop, EtherType.Ipv6, total);
}

/** End.M.GTP6.D (section 6.3) and, `dropIn`, End.M.GTP6.D.Di (section 6.4). */
export function gtp6Decapsulate(plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid, dropIn: boolean): XdpAction {
  const end = BEHIND + ipv6.payloadLength;
  const behind = behindOptions(plane, ctx, ipv6);
  // S01: UDP, port GTP-U; else as section 4.1.1 of RFC 8986.
  const tunnelled = behind.protocol === IpProtocol.Udp ? takeGtp(plane, ctx, 6, behind.offset, end) : null;
  if (!tunnelled) return unexpected(plane, ctx, behind);
  if (ipv6.hopLimit <= 1) timeExceeded6(plane, ctx, START);
  const { offset, length } = tunnelled;
  const inner = innerOf(plane, ctx, tunnelled, ipv6.hopLimit - 1);
  const path = pathOf(plane, sid.policy, inner.hash, length);
  // S02, S08: the arguments in the path's last SID; drop-in: the original destination comes behind it.
  const args = { high: 0n, low: argumentsOf(tunnelled) };
  const last = filled(dropIn ? lastButOne(path) : lastOf(plane, path), args, path.shift);
  const kept = dropIn ? ipv6.destination : null;
  const { source } = path.outer.ipv6;
  const isFirst = countOf(plane, path) === 0 || (dropIn && (path.flags & PathFlag.ArgumentsInDestination) !== 0);
  const to = isFirst ? last : path.outer.ipv6.destination;
  const hop = hopOf(plane, ctx, path, inner.hash, to);
  const total = overhead(plane, path) + length;
  if (!fits(hop, total)) packetTooBig(plane, ctx, START, hop.mtu - overhead(plane, path) + (offset - START));
  if (ctx.length !== offset + length && !ctx.setLength(offset + length)) return truncated(plane, ctx);
  push(plane, ctx, path, offset, inner, { sid: last, source, kept });
  return leave(plane, ctx, hop, EtherType.Ipv6, total);
}

interface Arguments {
  readonly qfi: number;
  readonly reflective: boolean;
  readonly teid: number;
}

/** A tunnel is a flow. */
const flowOf = (plane: Plane, { teid }: Arguments): number => (plane.isMultipath ? u32((u64(teid) * MIX) >> 58n) : 0);

/** `low` ends with Args.Mob.Session. */
const readArguments = (low: bigint): Arguments => ({
  qfi: u32(low >> 34n) & 63,
  reflective: (low & (1n << 33n)) !== 0n,
  teid: u32(low),
});

/** What the GTP-U header and the container behind it are, for `length` bytes of payload. */
function writeGtp(
  outer: Gtp4 | Gtp4Session | Gtp6 | Gtp6Session,
  args: Arguments,
  length: number,
  extra: number,
): void {
  outer.gtp = new GtpU({
    version: 1,
    protocolType: true,
    hasExtension: extra > 0,
    messageType: GtpMessage.GPdu,
    length: length + extra,
    teid: args.teid,
  });
}
function writeSession(outer: Gtp4Session | Gtp6Session, args: Arguments, pduType: number): void {
  outer.optional = new GtpOptional({ nextExtension: GtpExtension.PduSessionContainer });
  outer.session = new PduSessionContainer({
    words: 1,
    pduType,
    qfi: args.qfi,
    // RQI exists downlink only.
    reflective: args.reflective && pduType === 0,
    nextExtension: GtpExtension.None,
  });
}
const EXTRA = GtpOptional.size + PduSessionContainer.size;

/** End.M.GTP4.E, RFC 9433 section 6.6. */
export function gtp4Encapsulate(plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid): XdpAction {
  const payload = gtpPayload(plane, ctx, ipv6);
  if (ipv6.hopLimit <= 1) timeExceeded6(plane, ctx, START);
  // 72 bits behind the locator: the address and the arguments.
  const value = shiftRight(Ipv6Halves.from(ipv6.destination), (56 - sid.bits) & 127);
  const destination = ipv4Address(u32((value.high << 24n) | (value.low >> 40n)));
  const args = readArguments(value.low);
  const from = shiftRight(Ipv6Halves.from(ipv6.source), 80 - plane.sourcePrefix).low;
  const source = ipv4Address(u32(from >> 16n));
  const port = u32(from) & 0xffff;
  const ttl = sid.hopLimit === 0 ? ipv6.hopLimit - 1 : sid.hopLimit;
  const dscp = sid.dscp > 63 ? ipv6.trafficClass >> 2 : sid.dscp;
  const ecn = ipv6.trafficClass & 3;
  const { offset, length } = payload;
  const { pduType } = sid;
  const extra = pduType > 15 ? 0 : EXTRA;
  const total = Ipv4.size + Udp.size + GtpU.size + extra + length;
  if (total > 0xffff) return drop(plane, ctx, "tooLong");
  const hop = resolve4(
    plane,
    ctx,
    { adjacency: sid.adjacency, table: sid.table, flow: flowOf(plane, args) },
    source,
    destination,
  );
  if (!fits(hop, total)) packetTooBig(plane, ctx, START, hop.mtu - total + Ipv6.size + ipv6.payloadLength);
  if (ctx.length !== offset + length && !ctx.setLength(offset + length)) return truncated(plane, ctx);
  for (const Frame of [Gtp4, Gtp4Session]) {
    if ((Frame === Gtp4) !== (extra === 0)) continue;
    const outer = ctx.replaceHead(offset, Frame) ?? exit(drop(plane, ctx, "noHeadroom"));
    outer.ipv4 = new Ipv4({
      version: 4,
      ihl: 5,
      dscp,
      ecn,
      totalLength: total,
      dontFragment: true,
      ttl,
      protocol: IpProtocol.Udp,
      source,
      destination,
    });
    outer.ipv4.checksum = checksum(outer.ipv4);
    outer.udp = new Udp({
      sourcePort: port === 0 ? Port.GtpU : port,
      destinationPort: Port.GtpU,
      length: total - Ipv4.size,
    });
    writeGtp(outer, args, length, Frame === Gtp4 ? 0 : EXTRA);
    if (outer instanceof Gtp4Session) writeSession(outer, args, pduType);
    return leave(plane, ctx, hop, EtherType.Ipv4, total);
  }
  return drop(plane, ctx, "noPath");
}

/** End.M.GTP6.E, RFC 9433 section 6.5: one segment is left, the destination of the tunnel. */
export function gtp6Encapsulate(plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid): XdpAction {
  const end = BEHIND + ipv6.payloadLength;
  const behind = behindFirstOptions(plane, ctx, ipv6.nextHeader);
  if (behind.protocol !== IpProtocol.Routing) return unexpected(plane, ctx, behind);
  const srh = srhAt(plane, ctx, behind.offset);
  // S02
  if (srh.segmentsLeft !== 1) parameterProblem(plane, ctx, START, 0, behind.offset - START + 3);
  if (ipv6.hopLimit <= 1) timeExceeded6(plane, ctx, START);
  const offset = behind.offset + srh.length;
  const protocol = srh.nextHeader;
  const length = end - offset;
  if (length < 0 || srh.extensionLength < 2) return drop(plane, ctx, "badSrh");
  if (protocol !== IpProtocol.Ipv4 && protocol !== IpProtocol.Ipv6) return unexpected(plane, ctx, { protocol, offset });
  const destination = (ctx.header(ipv6Address, behind.offset + SegmentRoutingHeader.size) ?? truncated(plane, ctx))
    .value;
  const args = readArguments(shiftRight(Ipv6Halves.from(ipv6.destination), (88 - sid.bits) & 127).low);
  const source = sid.address;
  const hopLimit = sid.hopLimit === 0 ? ipv6.hopLimit - 1 : sid.hopLimit;
  const trafficClass = sid.dscp > 63 ? ipv6.trafficClass : (sid.dscp << 2) | (ipv6.trafficClass & 3);
  const { flowLabel } = ipv6;
  const { pduType } = sid;
  const extra = pduType > 15 ? 0 : EXTRA;
  const payloadLength = Udp.size + GtpU.size + extra + length;
  if (payloadLength > 0xffff) return drop(plane, ctx, "tooLong");
  const hop = resolve6(
    plane,
    ctx,
    { adjacency: sid.adjacency, table: sid.table, flow: flowOf(plane, args) },
    source,
    destination,
  );
  if (!fits(hop, Ipv6.size + payloadLength))
    packetTooBig(plane, ctx, START, hop.mtu - payloadLength + ipv6.payloadLength);
  if (ctx.length !== offset + length && !ctx.setLength(offset + length)) return truncated(plane, ctx);
  for (const Frame of [Gtp6, Gtp6Session]) {
    if ((Frame === Gtp6) !== (extra === 0)) continue;
    const outer = ctx.replaceHead(offset, Frame) ?? exit(drop(plane, ctx, "noHeadroom"));
    outer.ipv6 = new Ipv6({
      version: 6,
      trafficClass,
      flowLabel,
      payloadLength,
      nextHeader: IpProtocol.Udp,
      hopLimit,
      source,
      destination,
    });
    outer.udp = new Udp({ sourcePort: Port.GtpU, destinationPort: Port.GtpU, length: payloadLength });
    writeGtp(outer, args, length, Frame === Gtp6 ? 0 : EXTRA);
    if (outer instanceof Gtp6Session) writeSession(outer, args, pduType);
    if (plane.udpChecksum) {
      const pseudo = checksumAdd(checksumAdd(IpProtocol.Udp + payloadLength, source), destination);
      const sum = packetSum(ctx, payloadLength, pseudo) ?? truncated(plane, ctx);
      const udp = ctx.header(Udp, BEHIND) ?? truncated(plane, ctx);
      udp.checksum = sum === 0 ? 0xffff : sum;
    }
    return leave(plane, ctx, hop, EtherType.Ipv6, Ipv6.size + payloadLength);
  }
  return drop(plane, ctx, "noPath");
}

/** The IP packet that goes into a GTP-U tunnel. */
function gtpPayload(plane: Plane, ctx: XdpContext, ipv6: Ipv6) {
  const payload = payloadOf(plane, ctx, ipv6);
  if (payload.protocol !== IpProtocol.Ipv4 && payload.protocol !== IpProtocol.Ipv6) unexpected(plane, ctx, payload);
  return payload;
}
