/**
 * Neighbour Discovery, RFC 4861 section 4: the five messages with their ICMPv6 header, before their options.
 *
 *   0      8      16                32
 *   | type | code | checksum        |
 *   | message …                     |
 *   | options, each a multiple of 8 bytes …
 */
import { be16, be32, bits, flag, ipv6Address, named, struct, u8 } from "../../schema/index.ts";
import { Icmpv6Type } from "./icmpv6.xdp.ts";

/** Section 4.1, 8 bytes. */
export class RouterSolicitation extends struct({
  type: named(u8, Icmpv6Type),
  code: u8,
  checksum: be16,
  reserved: be32,
}) {}

/** Section 4.2, 16 bytes. */
export class RouterAdvertisement extends struct({
  type: named(u8, Icmpv6Type),
  code: u8,
  checksum: be16,
  hopLimit: u8,
  managed: flag,
  otherConfiguration: flag,
  reserved: bits(6),
  /** Seconds; 0: not a default router. */
  lifetime: be16,
  /** Milliseconds. */
  reachableTime: be32,
  /** Milliseconds. */
  retransmissionTime: be32,
}) {}

/** Section 4.3, 24 bytes. */
export class NeighbourSolicitation extends struct({
  type: named(u8, Icmpv6Type),
  code: u8,
  checksum: be16,
  reserved: be32,
  target: ipv6Address,
}) {}

/** Section 4.4, 24 bytes. */
export class NeighbourAdvertisement extends struct({
  type: named(u8, Icmpv6Type),
  code: u8,
  checksum: be16,
  isRouter: flag,
  isSolicited: flag,
  override: flag,
  reserved: bits(29),
  target: ipv6Address,
}) {}

/** Section 4.5, 40 bytes. */
export class Redirect extends struct({
  type: named(u8, Icmpv6Type),
  code: u8,
  checksum: be16,
  reserved: be32,
  target: ipv6Address,
  destination: ipv6Address,
}) {}
