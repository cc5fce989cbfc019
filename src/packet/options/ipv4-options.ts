/** IPv4 options: RFC 791 section 3.1, RFC 2113 (router alert). */
import { be16, ipv4Address, u8 } from "../../schema/index.ts";
import {
  type OptionInputOf,
  type OptionOf,
  optionTable,
  row,
  rowWithList,
  rowWithOctets,
  totalLengthFraming,
} from "./format.ts";

const rows = {
  noOperation: row(1, {}),
  /** `pointer` is the octet, from 1, where the next address goes. */
  recordRoute: rowWithList(7, { pointer: u8 }, "addresses", ipv4Address),
  timestamp: rowWithOctets(68, { pointer: u8, overflowAndFlag: u8 }, "data"),
  looseSourceRoute: rowWithList(131, { pointer: u8 }, "addresses", ipv4Address),
  strictSourceRoute: rowWithList(137, { pointer: u8 }, "addresses", ipv4Address),
  routerAlert: row(148, { value: be16 }),
};

/** An option of the IPv4 header (RFC 791 section 3.1), by `kind`. */
export type Ipv4Option = OptionOf<typeof rows>;
export type Ipv4OptionInput = OptionInputOf<typeof rows>;
export const ipv4Options = optionTable(totalLengthFraming, rows);
