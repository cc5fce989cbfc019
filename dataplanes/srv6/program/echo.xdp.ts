/**
 * Echo requests of GTP-U are answered: the other end watches the path by them. 3GPP TS 29.281 sections 4.3.1, 7.2.1, 7.2.2.
 *
 * A program of its own, jumped to, as the errors are. An answer is two bytes longer than the shortest request.
 */
import {
  assign,
  be16,
  be32,
  checksum,
  copyOf,
  exit,
  ipv4Address,
  ipv6Address,
  struct,
  u8,
  type XdpAction,
  type XdpContext,
} from "xdpkit";
import { Ethernet, EtherType, GtpMessage, GtpOptional, GtpU, IpProtocol, Ipv4, Ipv6, Port, Udp } from "xdpkit/packet";
import { leave, resolve4, resolve6 } from "./forward.xdp.ts";
import { answers, drop, truncated } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";
import { scratch } from "./tables.xdp.ts";

/** Bytes from the start of the frame. */
const FURTHEST = 511;
/** A checksum of zero is sent so: zero would say that there is none (RFC 768), which IPv6 forbids (RFC 8200 section 8.1). */
const NEGATIVE_ZERO = 0xffff;

/** TS 29.281 section 8.2: restart counters are not used any more, and zero. */
class Recovery extends struct({ type: u8, counter: u8 }) {}
const RECOVERY = 14;

class EchoResponse extends struct({ udp: Udp, gtp: GtpU, optional: GtpOptional, recovery: Recovery }) {}
class Frame4 extends struct({ ethernet: Ethernet, ipv4: Ipv4, response: EchoResponse }) {}
class Frame6 extends struct({ ethernet: Ethernet, ipv6: Ipv6, response: EchoResponse }) {}
/** RFC 768; RFC 8200 section 8.1. */
class Pseudo4 extends struct({ source: ipv4Address, destination: ipv4Address, protocol: be16, length: be16 }) {}
class Pseudo6 extends struct({ source: ipv6Address, destination: ipv6Address, length: be32, protocol: be32 }) {}

/** Goes on in the program of echoes. `udpAt`: bytes from the start of the frame. */
export function answerEcho(plane: Plane, ctx: XdpContext, family: 4 | 6, udpAt: number): never {
  const question = scratch.at(0);
  question.family = family;
  question.offset = udpAt;
  plane.programs.tailCall(ctx, 1);
  return exit(drop(plane, ctx, "answerFailed"));
}

function responseTo(port: number, sequence: number): EchoResponse {
  return new EchoResponse({
    udp: new Udp({ sourcePort: Port.GtpU, destinationPort: port, length: EchoResponse.size }),
    gtp: new GtpU({
      version: 1,
      protocolType: true,
      hasSequence: true,
      messageType: GtpMessage.EchoResponse,
      length: GtpOptional.size + Recovery.size,
    }),
    optional: new GtpOptional({ sequence }),
    recovery: new Recovery({ type: RECOVERY }),
  });
}

function respond4(plane: Plane, ctx: XdpContext, end: number, response: EchoResponse): XdpAction {
  const { dscp, source: asker, destination: asked } = copyOf(ctx.header(Ipv4, Ethernet.size) ?? truncated(plane, ctx));
  const pseudo = { source: asked, destination: asker, protocol: IpProtocol.Udp, length: EchoResponse.size };
  response.udp.checksum = checksum(new Pseudo4(pseudo), response) || NEGATIVE_ZERO;
  const hop = resolve4(plane, ctx, { adjacency: 0, table: 0, flow: 0 }, asked, asker);
  if (!ctx.setLength(end)) return drop(plane, ctx, "answerFailed");
  const frame = ctx.replaceHead(end, Frame4) ?? exit(drop(plane, ctx, "noHeadroom"));
  const totalLength = Ipv4.size + EchoResponse.size;
  frame.ipv4 = new Ipv4({
    version: 4,
    ihl: 5,
    dscp,
    totalLength,
    ttl: 64,
    protocol: IpProtocol.Udp,
    source: asked,
    destination: asker,
  });
  frame.ipv4.checksum = checksum(frame.ipv4);
  assign(frame.response, response);
  answers.count("echo");
  return leave(plane, ctx, hop, EtherType.Ipv4, totalLength);
}

function respond6(plane: Plane, ctx: XdpContext, end: number, response: EchoResponse): XdpAction {
  const {
    trafficClass,
    source: asker,
    destination: asked,
  } = copyOf(ctx.header(Ipv6, Ethernet.size) ?? truncated(plane, ctx));
  const pseudo = { source: asked, destination: asker, protocol: IpProtocol.Udp, length: EchoResponse.size };
  response.udp.checksum = checksum(new Pseudo6(pseudo), response) || NEGATIVE_ZERO;
  const hop = resolve6(plane, ctx, { adjacency: 0, table: 0, flow: 0 }, asked, asker);
  if (!ctx.setLength(end)) return drop(plane, ctx, "answerFailed");
  const frame = ctx.replaceHead(end, Frame6) ?? exit(drop(plane, ctx, "noHeadroom"));
  frame.ipv6 = new Ipv6({
    version: 6,
    trafficClass,
    payloadLength: EchoResponse.size,
    nextHeader: IpProtocol.Udp,
    hopLimit: 64,
    source: asked,
    destination: asker,
  });
  assign(frame.response, response);
  answers.count("echo");
  return leave(plane, ctx, hop, EtherType.Ipv6, Ipv6.size + EchoResponse.size);
}

/** The body of the program: where the request is, is in `scratch`. */
export function respondToEcho(plane: Plane, ctx: XdpContext): XdpAction {
  const { family, offset } = scratch.at(0);
  // Nobody asks behind more options than that.
  if (offset > FURTHEST) return drop(plane, ctx, "tooLong");
  const udpAt = offset & FURTHEST;
  const { sourcePort: port, length } = ctx.header(Udp, udpAt) ?? truncated(plane, ctx);
  const gtpAt = udpAt + Udp.size;
  const { hasSequence } = ctx.header(GtpU, gtpAt) ?? truncated(plane, ctx);
  const { sequence } = ctx.header(GtpOptional, gtpAt + GtpU.size) ?? truncated(plane, ctx);
  if (length < Udp.size + GtpU.size + GtpOptional.size) return drop(plane, ctx, "lengthMismatch");
  // It has to have one (section 7.2.1).
  if (!hasSequence) return drop(plane, ctx, "badHeader");
  const end = gtpAt + GtpU.size + GtpOptional.size;
  const response = responseTo(port, sequence);
  return family === 4 ? respond4(plane, ctx, end, response) : respond6(plane, ctx, end, response);
}
