/** All protocols: one row per layer kind. */
import type { LayerKind, LayerOf, PlainLayer } from "../layer.ts";
import {
  icmp,
  icmpv6,
  neighbourAdvertisement,
  neighbourSolicitation,
  redirect,
  routerAdvertisement,
  routerSolicitation,
} from "./control.ts";
import { destinationOptions, fragment, hopByHop, routing, srh } from "./extension.ts";
import { ipv4, ipv6 } from "./ip.ts";
import { geneve, mpls, ppp, pppoe } from "./label.ts";
import { arp, ethernet, vlan } from "./link.ts";
import type { Protocol } from "./protocol.ts";
import { ah, esp } from "./security.ts";
import { sctp, tcp, udp } from "./transport.ts";
import { gre, gtpU, gue, vxlan } from "./tunnel.ts";

const table: { readonly [K in LayerKind]: Protocol<LayerOf<K>> } = {
  ethernet,
  vlan,
  arp,
  mpls,
  pppoe,
  ppp,
  ipv4,
  ipv6,
  hopByHop,
  destinationOptions,
  routing,
  srh,
  fragment,
  ah,
  esp,
  icmp,
  icmpv6,
  routerSolicitation,
  routerAdvertisement,
  neighbourSolicitation,
  neighbourAdvertisement,
  redirect,
  tcp,
  udp,
  sctp,
  gtpU,
  gre,
  vxlan,
  geneve,
  gue,
};

/** A protocol whose kind is known only at run time: its functions take that kind's layer. */
export type AnyProtocol = Protocol<PlainLayer<LayerKind, { readonly checksum?: number }>>;

export const LAYER_KINDS = Object.keys(table) as readonly LayerKind[];

export function protocol(kind: LayerKind): AnyProtocol {
  return table[kind] as unknown as AnyProtocol;
}

const byHeader = new Map<unknown, AnyProtocol>(LAYER_KINDS.map((kind) => [protocol(kind).header, protocol(kind)]));

/** The protocol of a bare header instance, by its class or the one that it extends. */
export function protocolOfHeader(header: object): AnyProtocol | undefined {
  let Class: unknown = header.constructor;
  while (typeof Class === "function" && !byHeader.has(Class)) Class = Object.getPrototypeOf(Class);
  return byHeader.get(Class);
}
