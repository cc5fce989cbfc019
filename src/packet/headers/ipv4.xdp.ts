/**
 * IPv4, RFC 791 section 3.1; DSCP and ECN after RFC 2474 and RFC 3168.
 *
 *   0    4    8        14 16                          32
 *   |ver | IHL| DSCP   |ECN| total length             |
 *   | identification       |0|D|M| fragment offset    |
 *   | TTL     | protocol   | header checksum          |
 *   | source                                          |
 *   | destination                                     |
 *   | options, to a multiple of 4 bytes …             |
 */
import { be16, bits, flag, ipv4Address, named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";

/** 20 bytes without options. */
export class Ipv4 extends struct({
  version: bits(4),
  /** In 32-bit words: 5 to 15. */
  ihl: bits(4),
  dscp: bits(6),
  ecn: bits(2),
  /** Header and payload, bytes. */
  totalLength: be16,
  identification: be16,
  reserved: flag,
  dontFragment: flag,
  moreFragments: flag,
  /** In units of 8 bytes. */
  fragmentOffset: bits(13),
  ttl: u8,
  protocol: named(u8, IpProtocol),
  checksum: be16,
  source: ipv4Address,
  destination: ipv4Address,
}) {
  /** Bytes, options included. */
  get headerLength(): number {
    return this.ihl * 4;
  }
  /** Whether it is one of several: more fragments follow, or it is not the first (RFC 791 section 3.1). */
  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffset !== 0;
  }
}
