/**
 * Segment Routing Header (SRH), RFC 8754 section 2.
 *
 *   0             8          16               24             32
 *   | next header | length   | routing type 4 | segments left |
 *   | last entry  | flags    | tag                            |
 *   | segment list[0], the last segment of the path (16)      |
 *   | …                                                       |
 *   | TLVs, to a multiple of 8 bytes                          |
 */
import { array, be16, be32, bits, flag, ipv6Address, named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";
import { numbers } from "./numbers.ts";
import { RoutingType } from "./routing.xdp.ts";

/** IANA "Segment Routing Header TLVs". */
export const SrhTlvType = numbers({ Pad1: 0, PadN: 4, Hmac: 5 });

/** 8 bytes without segments. */
export class SegmentRoutingHeader extends struct({
  nextHeader: named(u8, IpProtocol),
  extensionLength: u8,
  routingType: named(u8, RoutingType),
  segmentsLeft: u8,
  /** Index of the last element of the segment list. */
  lastEntry: u8,
  flags: u8,
  tag: be16,
}) {
  /** Bytes, segments and TLVs included. */
  get length(): number {
    return (this.extensionLength + 1) * 8;
  }
}

/** RFC 8754 section 2.1: type and length of a TLV's value, 2 bytes. */
export class SrhTlv extends struct({ kind: named(u8, SrhTlvType), length: u8 }) {}

/** RFC 9433 section 6.1, 5 bytes: the arguments of a mobile SID. */
export class ArgsMobSession extends struct({ qfi: bits(6), reflective: flag, unused: flag, session: be32 }) {}

/** `count` segments behind a header, for layouts known at compile time. */
export const segmentList = (count: number) => array(ipv6Address, count);
