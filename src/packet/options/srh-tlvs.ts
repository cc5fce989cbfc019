/** TLVs of the Segment Routing Header: RFC 8754 section 2.1. */
import { be32, bits, flag } from "../../schema/index.ts";
import { SrhTlvType } from "../headers/index.ts";
import { bodyLengthFraming, type OptionInputOf, type OptionOf, optionTable, row, rowWithOctets } from "./format.ts";

const rows = {
  pad1: row(SrhTlvType.Pad1, {}),
  padN: rowWithOctets(SrhTlvType.PadN, {}, "bytes"),
  /** Section 2.1.2. `skipDestination` is the D bit: the destination address is not verified. */
  hmac: rowWithOctets(SrhTlvType.Hmac, { skipDestination: flag, reserved: bits(15), keyId: be32 }, "digest"),
};

/** A TLV of a segment routing header (RFC 8754 section 2.1), by `kind`. */
export type SrhTlvValue = OptionOf<typeof rows>;
export type SrhTlvInput = OptionInputOf<typeof rows>;
export const srhTlvs = optionTable(bodyLengthFraming, rows);
