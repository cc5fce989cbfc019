/**
 * IP Authentication Header, RFC 4302 section 2.
 *
 *   0             8                16         32
 *   | next header | payload length | reserved |
 *   | security parameters index               |
 *   | sequence number                         |
 *   | integrity check value …                 |
 */
import { be16, be32, named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";

/** 12 bytes before the integrity check value. */
export class AuthenticationHeader extends struct({
  nextHeader: named(u8, IpProtocol),
  /** In units of 4 bytes, minus 2: another unit than that of other extension headers. */
  payloadLength: u8,
  reserved: be16,
  spi: be32,
  sequence: be32,
}) {
  /** Bytes, the integrity check value included. */
  get length(): number {
    return (this.payloadLength + 2) * 4;
  }
}
