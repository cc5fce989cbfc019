/**
 * Generic UDP Encapsulation, variant 0, draft-ietf-intarea-gue-09 section 3. Variant 1 has no header: IP follows UDP.
 *
 *   0   2 3     8                  16      32
 *   |ver|C| hlen| protocol or type | flags  |
 *   | extension fields, hlen words …        |
 */
import { be16, bits, flag, named, struct, u8 } from "../../schema/index.ts";
import { IpProtocol } from "./ip-protocol.xdp.ts";

/** 4 bytes without extension fields. */
export class Gue extends struct({
  version: bits(2),
  isControl: flag,
  /** Extension fields in 32-bit words. */
  extensionWords: bits(5),
  protocol: named(u8, IpProtocol),
  flags: be16,
}) {}
