/** Options of Hop-by-Hop and Destination Options headers: RFC 8200 section 4.2 and the IANA registry. */
import { be16, be32, ipv6Address, u8 } from "../../schema/index.ts";
import { bodyLengthFraming, type OptionInputOf, type OptionOf, optionTable, row, rowWithOctets } from "./format.ts";

const rows = {
  pad1: row(0, {}),
  padN: rowWithOctets(1, {}, "bytes"),
  /** RFC 2473 section 4.1.1. */
  tunnelEncapsulationLimit: row(4, { limit: u8 }),
  /** RFC 2711. */
  routerAlert: row(5, { value: be16 }),
  /** RFC 2675. */
  jumboPayload: row(0xc2, { length: be32 }),
  /** RFC 6275 section 6.3. */
  homeAddress: row(0xc9, { address: ipv6Address }),
};

/** An option of hop-by-hop or destination options (RFC 8200 section 4.2), by `kind`. */
export type Ipv6Option = OptionOf<typeof rows>;
export type Ipv6OptionInput = OptionInputOf<typeof rows>;
export const ipv6Options = optionTable(bodyLengthFraming, rows);
