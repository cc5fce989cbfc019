/** Link layers: Ethernet, VLAN tags, ARP. */

import { etherTypeOf, kindOfEtherType } from "../follow.ts";
import { Arp, ArpOperation, Ethernet, EtherType, VlanTag } from "../headers/index.ts";
import type { LayerOf } from "../layer.ts";
import { type Dissected, type Following, type Input, nextKind, type Protocol, plain, promisedEnd } from "./protocol.ts";

/** Below this the EtherType field is a length (IEEE 802.3 section 3.2.6). */
const FIRST_ETHER_TYPE = 1536;

function behindEtherType(etherType: number, length: number, input: Input): Omit<Dissected, "layer" | "length"> {
  if (etherType >= FIRST_ETHER_TYPE) return { next: kindOfEtherType(etherType) };
  return { next: null, ...promisedEnd(input, input.offset + length + etherType, "the 802.3 length") };
}

/** Of the part that follows. The outer of two tags is a service tag (802.1ad). */
function etherTypeBefore(following: Following): number {
  const kind = nextKind(following);
  if (kind === "vlan" && following.parts[1]?.kind === "vlan") return EtherType.QinQ;
  // Discovery of PPPoE has no PPP.
  if (kind === "pppoe" && following.parts[1]?.kind !== "ppp") return EtherType.PppoeDiscovery;
  return kind === null || kind === "payload" ? 0 : (etherTypeOf(kind) ?? 0);
}

export const ethernet: Protocol<LayerOf<"ethernet">> = {
  ...plain("ethernet", Ethernet, ({ etherType }, input) => behindEtherType(etherType, Ethernet.size, input)),
  computed: [],
  announces: "etherType",
  fill: (_, following) => ({ etherType: etherTypeBefore(following) }),
};

export const vlan: Protocol<LayerOf<"vlan">> = {
  ...plain("vlan", VlanTag, ({ etherType }, input) => behindEtherType(etherType, VlanTag.size, input)),
  computed: [],
  announces: "etherType",
  fill: (_, following) => ({ etherType: etherTypeBefore(following) }),
  summary: ({ header }) => `VLAN ${header.vlan}`,
};

const FIXED = { hardwareType: 1, protocolType: EtherType.Ipv4, hardwareLength: 6, protocolLength: 4 };

function isEthernetIpv4(header: Arp): boolean {
  return (Object.keys(FIXED) as (keyof typeof FIXED)[]).every((field) => header[field] === FIXED[field]);
}

export const arp: Protocol<LayerOf<"arp">> = {
  ...plain("arp", Arp, (header, input) => {
    if (isEthernetIpv4(header)) return { next: null, end: input.offset + Arp.size };
    return { next: null, fault: { kind: "badValue", message: "ARP not for IPv4 over Ethernet" } };
  }),
  computed: [],
  fill: () => ({ ...FIXED, operation: ArpOperation.Request }),
  summary({ header }) {
    if (header.operation === ArpOperation.Reply) return `${header.senderAddress} is at ${header.senderMac}`;
    return `Who has ${header.targetAddress}? Tell ${header.senderAddress}`;
  },
};
