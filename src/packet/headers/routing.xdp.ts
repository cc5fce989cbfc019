/**
 * IPv6 Routing header, RFC 8200 section 4.4, of any type; the Segment Routing Header is the one that we read further.
 *
 *   0             8          16             24              32
 *   | next header | length   | routing type | segments left | type-specific data …
 */
import { named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";
import { numbers } from "./numbers.ts";

/** IANA "IPv6 Routing Types". */
export const RoutingType = numbers({ SegmentRouting: 4 });

/** 4 bytes. */
export class RoutingHeader extends struct({
  nextHeader: named(u8, IpProtocol),
  /** In units of 8 bytes, the first 8 not counted. */
  extensionLength: u8,
  routingType: named(u8, RoutingType),
  segmentsLeft: u8,
}) {
  /** Bytes, data included. */
  get length(): number {
    return (this.extensionLength + 1) * 8;
  }
}
