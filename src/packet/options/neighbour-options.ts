/** Options of Neighbour Discovery: RFC 4861 section 4.6, RFC 4191 (routes), RFC 8106 (DNS). */
import { be16, be32, bits, flag, ipv6Address, mac, u8 } from "../../schema/index.ts";
import {
  type OptionInputOf,
  type OptionOf,
  optionTable,
  row,
  rowWithList,
  rowWithOctets,
  wordLengthFraming,
} from "./format.ts";

const rows = {
  sourceLinkLayer: row(1, { address: mac }),
  targetLinkLayer: row(2, { address: mac }),
  /** Lifetimes in seconds. */
  prefixInformation: row(3, {
    prefixLength: u8,
    onLink: flag,
    autonomous: flag,
    reservedFlags: bits(6),
    validLifetime: be32,
    preferredLifetime: be32,
    reserved: be32,
    prefix: ipv6Address,
  }),
  /** As much of the packet as fits; a multiple of 8 bytes. */
  redirectedHeader: rowWithOctets(4, { reserved: be16, reservedLow: be32 }, "packet"),
  mtu: row(5, { reserved: be16, mtu: be32 }),
  routeInformation: rowWithOctets(24, { prefixLength: u8, flags: u8, lifetime: be32 }, "prefix"),
  recursiveDnsServers: rowWithList(25, { reserved: be16, lifetime: be32 }, "servers", ipv6Address),
  /** Names as in RFC 1035, padded with zeros. */
  dnsSearchList: rowWithOctets(31, { reserved: be16, lifetime: be32 }, "names"),
};

/** An option of neighbour discovery (RFC 4861 section 4.6), by `kind`. */
export type NeighbourOption = OptionOf<typeof rows>;
export type NeighbourOptionInput = OptionInputOf<typeof rows>;
export const neighbourOptions = optionTable(wordLengthFraming, rows);
