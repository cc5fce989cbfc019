/**
 * GTP-U, 3GPP TS 29.281 section 5.1, and the PDU Session Container, TS 38.415 section 5.5.2.
 *
 *   0   3  4 5 6 7 8              16             32
 *   |ver|PT|0|E|S|N| message type | length       |   length: everything after these 8 bytes
 *   | TEID                                       |
 *   | sequence              | N-PDU | next ext.  |   present when any of E, S, N is set
 *   | words | extension content …   | next ext.  |   while "next" is not 0
 */
import { be16, be32, bits, flag, named, struct, u8 } from "../../schema/index.ts";
import { numbers } from "./numbers.ts";

/** TS 29.281 section 6.1. */
export const GtpMessage = numbers({
  EchoRequest: 1,
  EchoResponse: 2,
  ErrorIndication: 26,
  EndMarker: 254,
  GPdu: 255,
});
/** TS 29.281 section 5.2.1. */
export const GtpExtension = numbers({
  None: 0,
  ServiceClass: 0x20,
  UdpPort: 0x40,
  LongPdcpNumber: 0x82,
  NrRanContainer: 0x84,
  PduSessionContainer: 0x85,
  PdcpNumber: 0xc0,
});

/** 8 bytes. */
export class GtpU extends struct({
  version: bits(3),
  /** 1: GTP, 0: GTP'. */
  protocolType: flag,
  reserved: flag,
  hasExtension: flag,
  hasSequence: flag,
  hasNpdu: flag,
  messageType: named(u8, GtpMessage),
  /** Everything after these 8 bytes. */
  length: be16,
  teid: be32,
}) {}

/** Present when any of the three flags is set, 4 bytes; each field counts only when its own flag is set. */
export class GtpOptional extends struct({ sequence: be16, npdu: u8, nextExtension: named(u8, GtpExtension) }) {}

/** Length of an extension header in units of 4 bytes; its last byte is the type of the next. */
export class GtpExtensionLength extends struct({ words: u8 }) {}

/** The smallest form of the container, with its length and next type: 4 bytes. */
export class PduSessionContainer extends struct({
  words: u8,
  /** 0 downlink, 1 uplink. */
  pduType: bits(4),
  spare: bits(4),
  pagingPolicy: flag,
  reflective: flag,
  qfi: bits(6),
  nextExtension: named(u8, GtpExtension),
}) {}
