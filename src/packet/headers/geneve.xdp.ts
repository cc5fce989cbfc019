/**
 * Geneve, RFC 8926 section 3.4.
 *
 *   0   2         8 9 10         16              32
 *   |ver| opt len |O|C| reserved | protocol type |
 *   | virtual network identifier      | reserved |
 *   | options, opt len words …                   |
 */
import { be16, bits, flag, named, struct, u8 } from "../../schema/index.ts";
import { EtherType } from "./ethernet.xdp.ts";

/** 8 bytes before the options. */
export class Geneve extends struct({
  version: bits(2),
  /** Options in 32-bit words. */
  optionWords: bits(6),
  isControl: flag,
  hasCriticalOptions: flag,
  reservedFlags: bits(6),
  protocolType: named(be16, EtherType),
  identifier: bits(24),
  reserved: u8,
}) {}
