/**
 * VXLAN, RFC 7348 section 5.
 *
 *   0       4 5          8              24         32
 *   | rsvd  |I| reserved | reserved                |
 *   | VXLAN network identifier          | reserved |
 */
import { bits, flag, struct, u8 } from "../../schema/index.ts";

/** 8 bytes. */
export class Vxlan extends struct({
  reservedHigh: bits(4),
  /** Must be set. */
  hasIdentifier: flag,
  reservedFlags: bits(3),
  reservedMiddle: bits(24),
  identifier: bits(24),
  reservedLow: u8,
}) {}
