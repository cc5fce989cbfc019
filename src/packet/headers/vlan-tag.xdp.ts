/**
 * VLAN tag, IEEE 802.1Q section 9.6 (EtherType 0x8100) and 802.1ad (0x88a8), behind the EtherType that announced it.
 *
 *   0   3 4            16               32
 *   |PCP|D| VLAN id    | EtherType      |
 */
import { be16, bits, flag, named, struct } from "../../schema/index.ts";
import { EtherType } from "./ethernet.xdp.ts";

/** 4 bytes. */
export class VlanTag extends struct({
  priority: bits(3),
  dropEligible: flag,
  vlan: bits(12),
  etherType: named(be16, EtherType),
}) {}
