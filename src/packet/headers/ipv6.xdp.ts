/**
 * IPv6, RFC 8200 section 3.
 *
 *   0    4             12                             32
 *   |ver | traffic class | flow label                 |
 *   | payload length         | next header | hop limit |
 *   | source (16)                                     |
 *   | destination (16)                                |
 */
import { be16, be64, bits, ipv6Address, named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";

/** 40 bytes. */
export class Ipv6 extends struct({
  version: bits(4),
  trafficClass: bits(8),
  flowLabel: bits(20),
  /** Everything after this header, bytes. */
  payloadLength: be16,
  nextHeader: named(u8, IpProtocol),
  hopLimit: u8,
  source: ipv6Address,
  destination: ipv6Address,
}) {}

/** An IPv6 address as two halves, for arithmetic on prefixes and arguments: `Ipv6Halves.from(address)`. 16 bytes. */
export class Ipv6Halves extends struct({ high: be64, low: be64 }) {}
