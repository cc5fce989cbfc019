/**
 * PPP over Ethernet, RFC 2516 section 4, and the PPP protocol field behind it in sessions (RFC 1661 section 2).
 *
 *   0     4      8      16           32
 *   | ver | type | code | session id |
 *   | length            | PPP protocol, of sessions
 */
import { be16, bits, named, struct, u8 } from "../../schema/index.ts";
import { numbers } from "./numbers.ts";

/** RFC 2516 sections 5 and 6. */
export const PppoeCode = numbers({
  Session: 0,
  Offer: 7,
  Initiation: 9,
  Request: 25,
  Confirmation: 101,
  Terminate: 167,
});

/** IANA "Point-to-Point (PPP) Protocol Field Assignments", PPP DLL Protocol Numbers. */
export const PppProtocol = numbers({ Ipv4: 0x0021, Ipv6: 0x0057, Ipcp: 0x8021, Ipv6cp: 0x8057, Lcp: 0xc021 });

/** 6 bytes. */
export class Pppoe extends struct({
  version: bits(4),
  type: bits(4),
  code: named(u8, PppoeCode),
  session: be16,
  /** What follows, bytes. */
  length: be16,
}) {}

/** 2 bytes: the protocol field, not compressed, as PPPoE has it (RFC 2516 section 7). */
export class Ppp extends struct({ protocol: named(be16, PppProtocol) }) {}
