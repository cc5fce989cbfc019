/**
 * MPLS label stack entry, RFC 3032 section 2.1.
 *
 *   0                    20  23 24    32
 *   | label              | TC |S| TTL |
 */
import { bits, flag, struct, u8 } from "../../schema/index.ts";

/** 4 bytes. */
export class Mpls extends struct({
  label: bits(20),
  /** RFC 5462. */
  trafficClass: bits(3),
  /** The last label: what follows is the packet. */
  bottomOfStack: flag,
  ttl: u8,
}) {}
