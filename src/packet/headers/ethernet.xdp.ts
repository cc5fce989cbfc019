/**
 * Ethernet II, IEEE 802.3 section 3.1: the frame without preamble and check sequence.
 *
 *   0        6        12     14
 *   | destination | source | EtherType (below 1536: length) | payload
 */
import { be16, mac, named, struct } from "../../schema/index.ts";
import { numbers } from "./numbers.ts";

/** IEEE registry "EtherType". */
export const EtherType = numbers({
  Ipv4: 0x0800,
  Arp: 0x0806,
  TransparentEthernet: 0x6558,
  Vlan: 0x8100,
  Ipv6: 0x86dd,
  Mpls: 0x8847,
  MplsMulticast: 0x8848,
  PppoeDiscovery: 0x8863,
  PppoeSession: 0x8864,
  QinQ: 0x88a8,
});

/** 14 bytes. */
export class Ethernet extends struct({ destination: mac, source: mac, etherType: named(be16, EtherType) }) {}
