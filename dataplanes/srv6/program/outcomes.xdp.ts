/**
 * What became of a packet. Invariant: each packet that was received counts exactly one of these: received = forwarded +
 * passed by reason + dropped by reason. An answer (an ICMP error made of the packet) counts as forwarded, and is named in
 * `answers` besides.
 */
import { exit, Outcomes } from "xdpkit";

export const PASSED = [
  "notOurs",
  "localDelivery",
  "noNeighbour",
  "notForwarded",
  "forwardingDisabled",
  "fibOther",
  "echo",
  "endMarker",
  "errorIndication",
  "otherMessage",
  "fragment",
] as const;

export const DROPPED = [
  "truncated",
  "badHeader",
  "lengthMismatch",
  "badSrh",
  "unknownInner",
  "badExtension",
  "tooManyExtensions",
  "noSession",
  "noPath",
  "noHeadroom",
  "tooBig",
  "tooLong",
  "limited",
  "blackhole",
  "unreachable",
  "prohibited",
  "hmac",
  "silent",
  "errorRate",
  "answerFailed",
] as const;

export const outcomes = new Outcomes(["forwarded", ...PASSED, ...DROPPED]);
export const answers = new Outcomes(["timeExceeded", "packetTooBig", "parameterProblem"]);

export function truncated(): never {
  return exit(outcomes.drop("truncated"));
}
