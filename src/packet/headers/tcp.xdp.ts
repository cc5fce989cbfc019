/**
 * TCP, RFC 9293 section 3.1.
 *
 *   0                        16                      32
 *   | source port            | destination port      |
 *   | sequence number                                |
 *   | acknowledgement number                         |
 *   |offs|rsvd|C|E|U|A|P|R|S|F| window               |
 *   | checksum               | urgent pointer        |
 *   | options, to a multiple of 4 bytes …            |
 */
import { be16, be32, bits, flag, struct } from "../../schema/index.ts";

/** 20 bytes without options. */
export class Tcp extends struct({
  sourcePort: be16,
  destinationPort: be16,
  sequence: be32,
  acknowledgement: be32,
  /** In 32-bit words: 5 to 15. */
  dataOffset: bits(4),
  reserved: bits(4),
  cwr: flag,
  ece: flag,
  urg: flag,
  ack: flag,
  psh: flag,
  rst: flag,
  syn: flag,
  fin: flag,
  window: be16,
  checksum: be16,
  urgentPointer: be16,
}) {
  /** Bytes, options included. */
  get headerLength(): number {
    return this.dataOffset * 4;
  }
}
