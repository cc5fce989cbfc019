/** packet: headers, build, parse, print, checksums, pcap and pcapng. Imports base and schema. */

export { build, type Part, padding, partsOf, recompute } from "./build.ts";
export * from "./capture/index.ts";
export {
  crc32c,
  finishChecksum,
  internetChecksum,
  type PseudoHeader,
  sumPseudoHeader,
  sumWords,
  updateChecksum,
} from "./checksum.ts";
export * from "./headers/index.ts";
export type {
  AuthenticationLayer,
  Fault,
  GeneveLayer,
  GreLayer,
  GtpULayer,
  GueLayer,
  Layer,
  LayerKind,
  LayerOf,
  Packet,
  Padding,
  ParsedLayer,
  Place,
  RoutingLayer,
  SrhLayer,
} from "./layer.ts";
export {
  ah,
  destinationOptions,
  geneve,
  gre,
  gtpU,
  gue,
  hopByHop,
  ipv4,
  neighbourAdvertisement,
  neighbourSolicitation,
  redirect,
  routerAdvertisement,
  routerSolicitation,
  routing,
  srh,
  tcp,
} from "./make.ts";
export type { GtpExtensionValue } from "./options/gtp-extensions.ts";
export type { Ipv4Option } from "./options/ipv4-options.ts";
export type { Ipv6Option } from "./options/ipv6-options.ts";
export type { NeighbourOption } from "./options/neighbour-options.ts";
export type { DownlinkPduSession, PduSession, UplinkPduSession } from "./options/pdu-session.ts";
export type { SrhTlvValue } from "./options/srh-tlvs.ts";
export type { TcpOption } from "./options/tcp-options.ts";
export { LinkType, layersOf, MAX_DEPTH, MAX_LAYERS, type ParseOptions, parse } from "./parse.ts";
export { print } from "./print.ts";
export { type ChecksumResult, verifyChecksums } from "./verify.ts";
