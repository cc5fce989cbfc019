/** A configuration as plain data: what `srv6.yaml` says, checked, with prefixes and numbers read. */
import type { Behaviour } from "../program/behaviours.ts";

/** A behaviour of RFC 8986 section 4 or RFC 9433 section 6, by its name there. */
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

/** A flavour of RFC 8986 section 4.16, or NEXT-CSID (RFC 9800). */
export type FlavourName = "PSP" | "USP" | "USD" | "NEXT-CSID";
/** A headend behaviour of RFC 8986 section 5 or RFC 9433 section 6.7, by its name there. */
export type HeadendName = "H.Encaps" | "H.Encaps.Red" | "H.Encaps.L2" | "H.Encaps.L2.Red" | "H.Insert" | "H.M.GTP4.D";

/** A next hop: the neighbour on an interface; without address whatever is at the other end. */
export interface NextHopConfig {
  /** Name of the interface. */
  readonly interface: string;
  /** Default: the packet's destination, as on a point-to-point link. */
  readonly address?: string;
}

/** A segment identifier of this node, and what it does. */
export interface SidConfig {
  /** Locator and function, `fc00:1:0:e::/64`; without a length 128. */
  readonly sid: string;
  /** What it does. */
  readonly behaviour: BehaviourName;
  /** Default: none. */
  readonly flavours?: readonly FlavourName[];
  /** Where End.X and End.DX* send packets. */
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

/** Segments, with a share of the policy's packets. */
export interface PathConfig {
  /** In the order of travel. For H.M.GTP4.D, End.M.GTP6.D and .Di the last may be a prefix: the arguments follow it. */
  readonly segments: readonly string[];
  /** 1 to 64; default 1. */
  readonly weight?: number;
  /** Where the first segment is reached; default by its route. */
  readonly nextHop?: NextHopConfig;
}

/** Segments that packets get. */
export interface PolicyConfig {
  /** What SIDs, steering and sessions call it; unique. */
  readonly name: string;
  /** How packets get the segments. */
  readonly headend: HeadendName;
  /** Outer source; of H.M.GTP4.D its prefix. Default the node's address. */
  readonly source?: string;
  /** One or more; flows are spread over them by weight. */
  readonly paths: readonly PathConfig[];
  /** Default "copy". */
  readonly trafficClass?: "copy" | number;
  /** Default "hash". */
  readonly flowLabel?: "hash" | "copy" | number;
  /** Default 64; "copy" is that of the packet inside, less one. */
  readonly hopLimit?: "copy" | number;
}

/** Packets that take a policy. */
export interface SteeringConfig {
  /** IPv4 or IPv6, or whole frames of an interface. */
  readonly prefix?: string;
  /** Whole frames that arrive there, instead of a prefix. */
  readonly interface?: string;
  /** Of tunnels that have no session, too. */
  readonly policy?: string;
  /** In place of a policy, of IPv4 prefixes: tunnels without a session are dropped. */
  readonly sessionsOnly?: true;
}

/** A tunnel of a user: TEID to policy. */
export interface SessionConfig {
  /** IPv4 address that the tunnel leads to; something under `steering` must take it. */
  readonly address: string;
  /** 0 to 4,294,967,295 (TS 29.281 section 5.1). */
  readonly teid: number;
  /** Name of the policy that its packets take. */
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

/** The configuration file's content: see docs/srv6.md. */
export interface Srv6Config {
  /** Of ICMPv6 errors, and the default source of policies. */
  readonly address: string;
  /** Of ICMP errors. */
  readonly address4?: string;
  /** Segment identifiers of this node. */
  readonly sids?: readonly SidConfig[];
  /** Segments, by name. */
  readonly policies?: readonly PolicyConfig[];
  /** Which packets take a policy. */
  readonly steering?: readonly SteeringConfig[];
  /** Users' tunnels that have a policy of their own. */
  readonly sessions?: readonly SessionConfig[];
  /** VLANs of the interfaces. */
  readonly vlans?: readonly VlanConfig[];
  /** Dropped packets that are shown, a second and processor; 0 to 250. Default 10. */
  readonly dropSamples?: number;
  /** Length of the IPv6 prefix before an IPv4 source, bits. Default 64. */
  readonly sourcePrefix?: number;
  /** Whether UDP over IPv6 leaves with a checksum. Default false: zero (RFC 6935). */
  readonly udpChecksum?: boolean;
  /** Whether packets whose SRH has an HMAC TLV are dropped. Default false. */
  readonly refuseHmac?: boolean;
  /** Of a route with several next hops each flow keeps one. Default true; false: one for all. */
  readonly multipath?: boolean;
  /** Of the table of sessions to begin with, a power of two. Default 65,536 or what they need. */
  readonly sessionSlots?: number;
  /** Entries in each table that leave room to grow. */
  readonly room?: number;
}
