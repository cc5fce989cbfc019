/**
 * ICMP, RFC 792.
 *
 *   0      8      16                32
 *   | type | code | checksum        |
 *   | identifier  | sequence        |   in an echo; other messages use these bytes otherwise
 */
import { be16, named, struct, u8 } from "../../schema/index.ts";
import { numbers } from "./numbers.ts";

/** IANA "ICMP Type Numbers". */
export const IcmpType = numbers({ EchoReply: 0, DestinationUnreachable: 3, EchoRequest: 8, TimeExceeded: 11 });

/** 8 bytes. */
export class Icmp extends struct({
  type: named(u8, IcmpType),
  code: u8,
  checksum: be16,
  identifier: be16,
  sequence: be16,
}) {}
