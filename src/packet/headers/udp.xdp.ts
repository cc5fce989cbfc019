/**
 * UDP, RFC 768.
 *
 *   0             16                 32
 *   | source port | destination port |
 *   | length      | checksum         |
 */
import { be16, struct } from "../../schema/index.ts";
import { numbers } from "./numbers.ts";

/** IANA "Service Name and Transport Protocol Port Number Registry". */
export const Port = numbers({ Dns: 53, Https: 443, GtpU: 2152, Vxlan: 4789, Gue: 6080, Geneve: 6081, Mpls: 6635 });

/** 8 bytes. */
export class Udp extends struct({
  sourcePort: be16,
  destinationPort: be16,
  /** Header and payload, bytes. */
  length: be16,
  checksum: be16,
}) {}

/** The two ports that TCP, UDP and SCTP begin with, 4 bytes. */
export class Ports extends struct({ source: be16, destination: be16 }) {}
