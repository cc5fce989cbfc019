/**
 * ICMPv6, RFC 4443 section 2.1.
 *
 *   0      8      16                32
 *   | type | code | checksum        |
 *   | rest: identifier and sequence in an echo, the MTU in Packet Too Big |
 */
import { be16, be32, named, struct, u8 } from "../../schema/index.ts";
import { numbers } from "./numbers.ts";

/** IANA "ICMPv6 type numbers". */
export const Icmpv6Type = numbers({
  DestinationUnreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  EchoRequest: 128,
  EchoReply: 129,
  RouterSolicitation: 133,
  RouterAdvertisement: 134,
  NeighbourSolicitation: 135,
  NeighbourAdvertisement: 136,
  Redirect: 137,
});

/** 8 bytes. */
export class Icmpv6 extends struct({ type: named(u8, Icmpv6Type), code: u8, checksum: be16, rest: be32 }) {}
