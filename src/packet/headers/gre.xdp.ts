/**
 * GRE, RFC 2784 section 2, with key and sequence number, RFC 2890.
 *
 *   0 1 2 3 4          13  16                        32
 *   |C|0|K|S| reserved |ver| protocol type           |
 *   | checksum             | reserved                |   when C is set
 *   | key                                            |   when K is set
 *   | sequence number                                |   when S is set
 */
import { be16, bits, flag, named, struct } from "../../schema/index.ts";
import { EtherType } from "./ethernet.xdp.ts";

/** 4 bytes without the optional words. */
export class Gre extends struct({
  hasChecksum: flag,
  /** Bit 1 of RFC 1701, routing; must be 0. */
  hasRouting: flag,
  hasKey: flag,
  hasSequence: flag,
  reserved: bits(9),
  version: bits(3),
  protocolType: named(be16, EtherType),
}) {}
