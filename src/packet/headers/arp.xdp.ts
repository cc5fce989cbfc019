/**
 * ARP for IPv4 over Ethernet, RFC 826.
 *
 *   0          2          4     5     6          8
 *   | hardware | protocol | hln | pln | operation |
 *   | sender MAC (6) | sender IPv4 (4) | target MAC (6) | target IPv4 (4) |
 */
import { be16, ipv4Address, mac, named, struct, u8 } from "../../schema/index.ts";
import { EtherType } from "./ethernet.xdp.ts";
import { numbers } from "./numbers.ts";

/** IANA "ARP Parameters". */
export const ArpOperation = numbers({ Request: 1, Reply: 2 });

/** 28 bytes. */
export class Arp extends struct({
  /** 1: Ethernet. */
  hardwareType: be16,
  protocolType: named(be16, EtherType),
  /** Bytes of a hardware address: 6. */
  hardwareLength: u8,
  /** Bytes of a protocol address: 4. */
  protocolLength: u8,
  operation: named(be16, ArpOperation),
  senderMac: mac,
  senderAddress: ipv4Address,
  targetMac: mac,
  targetAddress: ipv4Address,
}) {}
