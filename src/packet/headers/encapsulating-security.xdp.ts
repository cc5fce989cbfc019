/** IP Encapsulating Security Payload, RFC 4303 section 2: what stands before the encrypted bytes. */
import { be32, struct } from "../../schema/index.ts";

/** 8 bytes. */
export class EncapsulatingSecurity extends struct({
  /** Security parameters index. */
  spi: be32,
  sequence: be32,
}) {}
