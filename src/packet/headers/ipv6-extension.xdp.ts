/**
 * IPv6 extension headers, RFC 8200 section 4: Hop-by-Hop Options, Destination Options, and what all but Fragment
 * begin with.
 *
 *   0             8                  16
 *   | next header | length / 8 - 1   | options or type-specific data …
 */
import { bytes, named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";

/** The first 8 bytes of any extension header but Fragment, for stepping over it. */
export class Ipv6Extension extends struct({
  nextHeader: named(u8, IpProtocol),
  /** In units of 8 bytes, the first 8 not counted. */
  extensionLength: u8,
  body: bytes(6),
}) {
  /** Bytes. */
  get length(): number {
    return (this.extensionLength + 1) * 8;
  }
}

/** RFC 8200 section 4.3, 2 bytes before the options. */
export class HopByHop extends struct({
  nextHeader: named(u8, IpProtocol),
  /** In units of 8 bytes, the first 8 not counted. */
  extensionLength: u8,
}) {
  /** Bytes, options included. */
  get length(): number {
    return (this.extensionLength + 1) * 8;
  }
}

/** RFC 8200 section 4.6, 2 bytes before the options. */
export class DestinationOptions extends struct({
  nextHeader: named(u8, IpProtocol),
  /** In units of 8 bytes, the first 8 not counted. */
  extensionLength: u8,
}) {
  /** Bytes, options included. */
  get length(): number {
    return (this.extensionLength + 1) * 8;
  }
}
