/** TCP options: RFC 9293 section 3.1, RFC 7323 (window scale, timestamps), RFC 2018 (SACK). */
import { be16, be32, struct, u8 } from "../../schema/index.ts";
import { type OptionInputOf, type OptionOf, optionTable, row, rowWithList, totalLengthFraming } from "./format.ts";

class SackBlock extends struct({ left: be32, right: be32 }) {}

const rows = {
  noOperation: row(1, {}),
  /** Bytes. */
  maximumSegmentSize: row(2, { value: be16 }),
  /** The window counts 2^shift bytes. */
  windowScale: row(3, { shift: u8 }),
  sackPermitted: row(4, {}),
  sack: rowWithList(5, {}, "blocks", SackBlock),
  timestamps: row(8, { value: be32, echo: be32 }),
};

/** An option of the TCP header (RFC 9293 section 3.1), by `kind`. */
export type TcpOption = OptionOf<typeof rows>;
export type TcpOptionInput = OptionInputOf<typeof rows>;
export const tcpOptions = optionTable(totalLengthFraming, rows);
