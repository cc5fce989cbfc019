/**
 * GTP-U towards us. 3GPP TS 29.281 section 5, TS 38.415 section 5.5.
 *
 * Frame ≥ IP length ≥ UDP length ≥ GTP length: padding never becomes payload.
 */
import { exit, u8, unroll, type XdpContext } from "xdpkit";
import {
  GtpExtension,
  GtpExtensionLength,
  GtpMessage,
  GtpOptional,
  GtpU,
  Ipv4,
  Ipv6,
  PduSessionContainer,
  Port,
  Udp,
} from "xdpkit/packet";
import { answerEcho } from "./echo.xdp.ts";
import { type Inner, innerOf4, innerOf6 } from "./headend.xdp.ts";
import { drop, pass, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";

/** Extension headers that are looked at before a packet is refused. */
const MAX_EXTENSIONS = 6;

/** A G-PDU. */
export interface Tunnelled {
  readonly teid: number;
  readonly qfi: number;
  /** R of Args.Mob.Session: reflective QoS. */
  readonly reflective: number;
  readonly sourcePort: number;
  /** Of the packet inside, bytes from the start of the frame. */
  readonly offset: number;
  readonly length: number;
}

/** Null: not GTP-U. `end`: of the IP packet, bytes from the start of the frame. */
export function takeGtp(plane: Plane, ctx: XdpContext, family: 4 | 6, udpAt: number, end: number): Tunnelled | null {
  const udp = ctx.header(Udp, udpAt) ?? truncated(plane, ctx);
  if (udp.destinationPort !== Port.GtpU) return null;
  if (end > ctx.length || udpAt + udp.length > end) exit(drop(plane, ctx, "lengthMismatch"));
  const gtp = ctx.header(GtpU, udpAt + Udp.size) ?? truncated(plane, ctx);
  if (gtp.version !== 1 || !gtp.protocolType) exit(drop(plane, ctx, "badHeader"));
  switch (gtp.messageType) {
    case GtpMessage.GPdu:
      break;
    case GtpMessage.EchoRequest:
      return answerEcho(plane, ctx, family, udpAt);
    case GtpMessage.EchoResponse:
      return exit(pass(plane, ctx, "echo"));
    case GtpMessage.EndMarker:
      return exit(pass(plane, ctx, "endMarker"));
    case GtpMessage.ErrorIndication:
      return exit(pass(plane, ctx, "errorIndication"));
    default:
      return exit(pass(plane, ctx, "otherMessage"));
  }
  const gtpEnd = udpAt + Udp.size + GtpU.size + gtp.length;
  if (gtpEnd > udpAt + udp.length) exit(drop(plane, ctx, "lengthMismatch"));
  const { teid } = gtp;
  const { sourcePort } = udp;
  let qfi = 0;
  let reflective = 0;
  const cursor = ctx.cursor(udpAt + Udp.size + GtpU.size);
  if (gtp.hasExtension || gtp.hasSequence || gtp.hasNpdu) {
    const optional = cursor.take(GtpOptional) ?? truncated(plane, ctx);
    // The octets are there when any flag is set, but each counts only when its own flag is.
    let next = gtp.hasExtension ? optional.nextExtension : GtpExtension.None;
    for (const _ of unroll(MAX_EXTENSIONS)) {
      if (next === GtpExtension.None) break;
      const size = (cursor.peek(GtpExtensionLength) ?? truncated(plane, ctx)).words * 4;
      if (size === 0 || cursor.offset + size > gtpEnd) exit(drop(plane, ctx, "badExtension"));
      if (next === GtpExtension.PduSessionContainer) {
        const session = cursor.peek(PduSessionContainer) ?? truncated(plane, ctx);
        qfi = session.qfi;
        // The bit is RQI downlink only (TS 38.415 section 5.5.2.1).
        reflective = session.pduType === 0 && session.reflective ? 1 : 0;
      }
      next = (cursor.peek(u8, size - 1) ?? truncated(plane, ctx)).value;
      cursor.skip(size);
    }
    if (next !== GtpExtension.None) exit(drop(plane, ctx, "tooManyExtensions"));
  }
  if (cursor.offset > gtpEnd) exit(drop(plane, ctx, "lengthMismatch"));
  return { teid, qfi, reflective, sourcePort, offset: cursor.offset, length: gtpEnd - cursor.offset };
}

/**
 * The packet inside as the outer header sees it; what is neither IPv4 nor IPv6 is refused. `hopLimit`: of the tunnel's
 * header, less one.
 */
export function innerOf(plane: Plane, ctx: XdpContext, { offset, length }: Tunnelled, hopLimit: number): Inner {
  const version = (ctx.header(u8, offset) ?? truncated(plane, ctx)).value >> 4;
  if (version === 4) {
    const ip = ctx.header(Ipv4, offset) ?? truncated(plane, ctx);
    if (length < Ipv4.size) exit(drop(plane, ctx, "lengthMismatch"));
    const { trafficClass, flowLabel, hash, protocol } = innerOf4(plane, ip);
    return { trafficClass, flowLabel, hash, hopLimit, protocol, length };
  }
  if (version !== 6) exit(drop(plane, ctx, "unknownInner"));
  const ip = ctx.header(Ipv6, offset) ?? truncated(plane, ctx);
  if (length < Ipv6.size) exit(drop(plane, ctx, "lengthMismatch"));
  const { trafficClass, flowLabel, hash, protocol } = innerOf6(plane, ip);
  return { trafficClass, flowLabel, hash, hopLimit, protocol, length };
}
