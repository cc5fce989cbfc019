/**
 * IPv6 Fragment header, RFC 8200 section 4.5.
 *
 *   0             8          16                      29  31 32
 *   | next header | reserved | fragment offset        |Res|M|
 *   | identification                                        |
 */
import { be32, bits, flag, named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";

/** 8 bytes. */
export class Ipv6Fragment extends struct({
  nextHeader: named(u8, IpProtocol),
  reserved: u8,
  /** In units of 8 bytes. */
  fragmentOffset: bits(13),
  reservedBits: bits(2),
  moreFragments: flag,
  identification: be32,
}) {}
