/** A configuration as plain data: what `srv6.yaml` says, checked, with prefixes and numbers read. */
import type { Behaviour } from "../program/behaviours.ts";

export type BehaviourName =
  | "End"
  | "End.X"
  | "End.T"
  | "End.DX2"
  | "End.DX2V"
  | "End.DX4"
  | "End.DX6"
  | "End.DT4"
  | "End.DT6"
  | "End.DT46"
  | "End.B6.Encaps"
  | "End.B6.Encaps.Red"
  | "End.B6.Insert"
  | "End.MAP"
  | "End.Limit"
  | "End.M.GTP4.E"
  | "End.M.GTP6.D"
  | "End.M.GTP6.D.Di"
  | "End.M.GTP6.E";

/** By its name in the RFCs. */
export const CODEPOINTS: Readonly<Record<BehaviourName, (typeof Behaviour)[keyof typeof Behaviour]>> = {
  End: 1,
  "End.X": 5,
  "End.T": 9,
  "End.B6.Insert": 13,
  "End.B6.Encaps": 14,
  "End.DX6": 16,
  "End.DX4": 17,
  "End.DT6": 18,
  "End.DT4": 19,
  "End.DT46": 20,
  "End.DX2": 21,
  "End.DX2V": 22,
  "End.B6.Encaps.Red": 27,
  "End.MAP": 40,
  "End.Limit": 41,
  "End.M.GTP6.D": 69,
  "End.M.GTP6.D.Di": 70,
  "End.M.GTP6.E": 71,
  "End.M.GTP4.E": 72,
};

export type FlavourName = "PSP" | "USP" | "USD" | "NEXT-CSID";
export type HeadendName = "H.Encaps" | "H.Encaps.Red" | "H.Encaps.L2" | "H.Encaps.L2.Red" | "H.Insert" | "H.M.GTP4.D";

/** A next hop: the neighbour on an interface; without address whatever is at the other end. */
export interface NextHopConfig {
  readonly interface: string;
  readonly address?: string;
}

export interface SidConfig {
  /** Locator and function, `fc00:1:0:e::/64`; without a length 128. */
  readonly sid: string;
  readonly behaviour: BehaviourName;
  readonly flavours?: readonly FlavourName[];
  readonly nextHop?: NextHopConfig;
  /** Routing table of End.T and End.DT*. */
  readonly table?: number;
  /** Name of the policy of End.B6.* and End.M.GTP6.D*. */
  readonly policy?: string;
  /** End.MAP: the SID in its place. */
  readonly map?: string;
  /** NEXT-CSID: length of the locator block, bits. */
  readonly block?: number;
  /** End.M.GTP6.E: source of the tunnel. */
  readonly source?: string;
  /** End.M.GTP4.E, End.M.GTP6.E: which PDU Session Container; default downlink. */
  readonly pduSession?: "downlink" | "uplink" | "none";
  /** TTL or hop limit of the tunnel's header; default the packet's, less one. */
  readonly ttl?: number;
  /** DSCP of the tunnel's header; default the packet's. */
  readonly dscp?: number;
  /** End.Limit: bits of the group. */
  readonly groupBits?: number;
  /** End.DX2V: VLANs and where they leave. */
  readonly vlans?: Readonly<Record<number, NextHopConfig>>;
}

export interface PathConfig {
  /** In the order of travel. For H.M.GTP4.D, End.M.GTP6.D and .Di the last may be a prefix: the arguments follow it. */
  readonly segments: readonly string[];
  /** 1 to 64; default 1. */
  readonly weight?: number;
  /** Where the first segment is reached; default by its route. */
  readonly nextHop?: NextHopConfig;
}

export interface PolicyConfig {
  readonly name: string;
  readonly headend: HeadendName;
  /** Outer source; of H.M.GTP4.D its prefix. Default the node's address. */
  readonly source?: string;
  readonly paths: readonly PathConfig[];
  /** Default "copy". */
  readonly trafficClass?: "copy" | number;
  /** Default "hash". */
  readonly flowLabel?: "hash" | "copy" | number;
  /** Default 64; "copy" is that of the packet inside, less one. */
  readonly hopLimit?: "copy" | number;
}

export interface SteeringConfig {
  /** IPv4 or IPv6, or whole frames of an interface. */
  readonly prefix?: string;
  readonly interface?: string;
  readonly policy: string;
}

export interface SessionConfig {
  /** IPv4 address that the tunnel leads to. */
  readonly address: string;
  readonly teid: number;
  readonly policy: string;
}

/** A VLAN of the kernel (`ip link add link eth0 name eth0.7 type vlan id 7`), whose frames pass by an interface. */
export interface VlanConfig {
  /** Of the kernel's device: routes and next hops name it. */
  readonly name: string;
  /** That its frames pass by, tagged. */
  readonly interface: string;
  /** 1 to 4094; of two the first is the outer one. */
  readonly tags: readonly number[];
  /** Of the outer of two tags. Default 802.1ad. */
  readonly outerProtocol?: "802.1ad" | "802.1Q";
}

export interface Srv6Config {
  /** Of ICMPv6 errors, and the default source of policies. */
  readonly address: string;
  /** Of ICMP errors. */
  readonly address4?: string;
  readonly sids?: readonly SidConfig[];
  readonly policies?: readonly PolicyConfig[];
  readonly steering?: readonly SteeringConfig[];
  readonly sessions?: readonly SessionConfig[];
  readonly vlans?: readonly VlanConfig[];
  /** Dropped packets that are shown, a second and processor; 0 to 250. Default 10. */
  readonly dropSamples?: number;
  /** Length of the IPv6 prefix before an IPv4 source, bits. Default 64. */
  readonly sourcePrefix?: number;
  readonly udpChecksum?: boolean;
  readonly refuseHmac?: boolean;
  /** Default: routes with several next hops are told apart by flow. */
  readonly multipath?: boolean;
  /** Of the table of sessions, a power of two; at least twice as many as sessions. Default 65,536 or what they need. */
  readonly sessionSlots?: number;
  /** Entries in each table that leave room to grow. */
  readonly room?: number;
}
