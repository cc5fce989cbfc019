/**
 * SCTP common header, RFC 9260 section 3.1. The checksum is CRC-32C over the packet, its bytes in reflected order.
 *
 *   0             16                 32
 *   | source port | destination port |
 *   | verification tag               |
 *   | checksum                       |
 *   | chunks …                       |
 */
import { be16, be32, struct } from "../../schema/index.ts";

/** 12 bytes. */
export class Sctp extends struct({
  sourcePort: be16,
  destinationPort: be16,
  verificationTag: be32,
  checksum: be32,
}) {}
