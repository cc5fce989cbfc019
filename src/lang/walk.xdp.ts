/** xdpkit/walk: kernel functions that find headers. Compiled into the programs that call them, like any other function. */
import { Ethernet, EtherType, IpProtocol, Ipv6Extension, VlanTag } from "../packet/index.ts";
import type { Cursor } from "./context.ts";
import { unroll } from "./control.ts";

/** What stands before the network layer: Ethernet, and tags. */
export interface Link {
  /** The header in the packet. */
  readonly ethernet: Ethernet;
  /** Of the payload, behind any tags. */
  readonly etherType: number;
  /** Ethernet and tags, bytes. */
  readonly length: number;
}

/** Ethernet and at most two VLAN tags; null when the packet is too short. */
export function takeLink(cursor: Cursor): Link | null {
  const ethernet = cursor.take(Ethernet);
  if (!ethernet) return null;
  let etherType = ethernet.etherType;
  for (const _ of unroll(2)) {
    if (etherType !== EtherType.Vlan && etherType !== EtherType.QinQ) break;
    const tag = cursor.take(VlanTag);
    if (!tag) return null;
    etherType = tag.etherType;
  }
  return { ethernet, etherType, length: cursor.offset };
}

/** Steps over Hop-by-Hop and Destination Options, at most `limit`; the protocol after them, or null when truncated. */
export function skipOptions(cursor: Cursor, nextHeader: number, limit: number): number | null {
  let protocol = nextHeader;
  for (const _ of unroll(limit)) {
    if (protocol !== IpProtocol.HopByHop && protocol !== IpProtocol.DestinationOptions) break;
    const extension = cursor.peek(Ipv6Extension);
    if (!extension) return null;
    protocol = extension.nextHeader;
    cursor.skip(extension.length);
  }
  return protocol;
}
