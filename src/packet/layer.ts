/**
 * Layers: a header with its variable part, as plain data. `parse` gives them, `encode` takes them.
 *
 * A header without a variable part may also be given to `encode` bare: `new Udp({...})`. One with options, segments
 * or extensions is made by the function of its name: `tcp({ syn: true, options: [...] })`, `srh({ segments })`.
 */
import type {
  Arp,
  AuthenticationHeader,
  DestinationOptions,
  EncapsulatingSecurity,
  Ethernet,
  Geneve,
  Gre,
  GtpOptional,
  GtpU,
  Gue,
  HopByHop,
  Icmp,
  Icmpv6,
  Ipv4,
  Ipv6,
  Ipv6Fragment,
  Mpls,
  NeighbourAdvertisement,
  NeighbourSolicitation,
  Ppp,
  Pppoe,
  Redirect,
  RouterAdvertisement,
  RouterSolicitation,
  RoutingHeader,
  Sctp,
  SegmentRoutingHeader,
  Tcp,
  Udp,
  VlanTag,
  Vxlan,
} from "./headers/index.ts";
import type { GtpExtensionValue } from "./options/gtp-extensions.ts";
import type { Ipv4Option } from "./options/ipv4-options.ts";
import type { Ipv6Option } from "./options/ipv6-options.ts";
import type { NeighbourOption } from "./options/neighbour-options.ts";
import type { SrhTlvValue } from "./options/srh-tlvs.ts";
import type { TcpOption } from "./options/tcp-options.ts";

/** A layer that is its header and no more. */
export interface PlainLayer<K extends string, H> {
  readonly kind: K;
  readonly header: H;
}
export interface OptionsLayer<K extends string, H, O> extends PlainLayer<K, H> {
  readonly options: readonly O[];
}
/** A routing header that is no SRH (RFC 8200 section 4.4). */
export interface RoutingLayer extends PlainLayer<"routing", RoutingHeader> {
  /** What is particular to its type, without the first four bytes. */
  readonly data: Uint8Array;
}
/** A segment routing header (RFC 8754). */
export interface SrhLayer extends PlainLayer<"srh", SegmentRoutingHeader> {
  /** As they lie in the packet: the last segment of the path first. */
  readonly segments: readonly string[];
  /** TLVs behind the segments, padding among them. */
  readonly tlvs: readonly SrhTlvValue[];
}
/** GTP-U with its optional fields and extension headers (TS 29.281 section 5). */
export interface GtpULayer extends PlainLayer<"gtpU", GtpU> {
  /** There when any of the flags E, S, N is set. */
  readonly optional?: GtpOptional;
  /** In the order of the packet. */
  readonly extensions: readonly GtpExtensionValue[];
}
/** The optional words that are there; `encode` sets their flags where these are left out. */
export interface GreLayer extends PlainLayer<"gre", Gre> {
  /** Null: `encode` computes it. */
  readonly checksum?: number | null;
  /** The 16 bits behind the checksum. */
  readonly reserved?: number;
  /** RFC 2890; there when the flag K is set. */
  readonly key?: number;
  /** RFC 2890; there when the flag S is set. */
  readonly sequence?: number;
}
/** Generic UDP Encapsulation. */
export interface GueLayer extends PlainLayer<"gue", Gue> {
  /** Extension fields, a multiple of 4 bytes. */
  readonly extension: Uint8Array;
}

/** IP Authentication Header (RFC 4302). */
export interface AuthenticationLayer extends PlainLayer<"ah", AuthenticationHeader> {
  /** The integrity check value with its padding: a multiple of 4 bytes. */
  readonly icv: Uint8Array;
}
/** Geneve (RFC 8926). */
export interface GeneveLayer extends PlainLayer<"geneve", Geneve> {
  /** Options as they lie in the packet, a multiple of 4 bytes. */
  readonly options: Uint8Array;
}

/** A header with what belongs to it, by `kind`. */
export type Layer =
  | PlainLayer<"ethernet", Ethernet>
  | PlainLayer<"vlan", VlanTag>
  | PlainLayer<"arp", Arp>
  | PlainLayer<"mpls", Mpls>
  | PlainLayer<"pppoe", Pppoe>
  | PlainLayer<"ppp", Ppp>
  | OptionsLayer<"ipv4", Ipv4, Ipv4Option>
  | PlainLayer<"ipv6", Ipv6>
  | OptionsLayer<"hopByHop", HopByHop, Ipv6Option>
  | OptionsLayer<"destinationOptions", DestinationOptions, Ipv6Option>
  | RoutingLayer
  | SrhLayer
  | PlainLayer<"fragment", Ipv6Fragment>
  | AuthenticationLayer
  | PlainLayer<"esp", EncapsulatingSecurity>
  | PlainLayer<"icmp", Icmp>
  | PlainLayer<"icmpv6", Icmpv6>
  | OptionsLayer<"routerSolicitation", RouterSolicitation, NeighbourOption>
  | OptionsLayer<"routerAdvertisement", RouterAdvertisement, NeighbourOption>
  | OptionsLayer<"neighbourSolicitation", NeighbourSolicitation, NeighbourOption>
  | OptionsLayer<"neighbourAdvertisement", NeighbourAdvertisement, NeighbourOption>
  | OptionsLayer<"redirect", Redirect, NeighbourOption>
  | OptionsLayer<"tcp", Tcp, TcpOption>
  | PlainLayer<"udp", Udp>
  | PlainLayer<"sctp", Sctp>
  | GtpULayer
  | GreLayer
  | PlainLayer<"vxlan", Vxlan>
  | GeneveLayer
  | GueLayer;

/** `ethernet`, `ipv6`, `srh`, … */
export type LayerKind = Layer["kind"];
/** The layer of a kind. */
export type LayerOf<K extends LayerKind> = Extract<Layer, { readonly kind: K }>;

/** Where a layer lies. Bytes from the start of the packet. */
export interface Place {
  /** Bytes from the beginning of the packet. */
  readonly offset: number;
  /** Of the header with its variable part. */
  readonly length: number;
  /** Where what it carries ends, as its length fields say, but never behind the packet. */
  readonly end: number;
}
/** A layer, and where it is in the packet. */
export type ParsedLayer = Layer & Place;

/** What is wrong with a packet: normal in hostile traffic, hence data and not an exception. */
export interface Fault {
  /**
   * `truncated`: the packet ends before the layer or what its length promises; `badVersion`, `badLength`, `badValue`,
   * `badOptions`: a field that cannot be; `tooDeep`: more layers than are followed.
   */
  readonly kind: "truncated" | "badVersion" | "badLength" | "badValue" | "badOptions" | "tooDeep";
  /** The layer, there in `layers` or, when its header did not fit, not. */
  readonly layer: LayerKind;
  /** Its index in `layers`; `layers.length` when it is not there. */
  readonly index: number;
  /** Bytes from the start of the packet. */
  readonly offset: number;
  /** One line, for people. */
  readonly message: string;
}

/** Bytes behind what the lengths cover, such as Ethernet's padding. */
export interface Padding {
  readonly kind: "padding";
  /** What stands behind the end that the IP header says. */
  readonly bytes: Uint8Array;
  /** Lengths of this layer (its index) and of those inside do not count these bytes. */
  readonly layer: number;
}

/** A packet as `parse` read it. `encode` gives its bytes again, those of a broken packet as well. */
export interface Packet {
  /** The whole packet. */
  readonly bytes: Uint8Array;
  /** From the outside to the inside. */
  readonly layers: readonly ParsedLayer[];
  /** What follows the last layer, within the lengths. A view. */
  readonly payload: Uint8Array;
  /** Bytes before what no layer has taken. */
  readonly payloadOffset: number;
  /** Innermost first. */
  readonly padding: readonly Padding[];
  /** What is wrong with the packet, and where. */
  readonly faults: readonly Fault[];
}
