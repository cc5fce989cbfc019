/** xdpkit/walk: kernel functions that find headers. Compiled into the programs that call them, like any other function. */
import { Ethernet, EtherType, IpProtocol, Ipv6Extension, Ipv6Fragment, VlanTag } from "../packet/index.ts";
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

/**
 * Steps over the extension headers of RFC 8200 section 4.1 and Mobility (RFC 6275), at most `limit`: options, Routing, Fragment
 * and AH, whose length has a unit of its own. Returns the protocol after them, or null when the packet ends before.
 *
 * It stops at the Fragment header of a later fragment, and returns 44: what follows there is no header. ESP (50) is returned as it is.
 */
export function skipExtensions(cursor: Cursor, nextHeader: number, limit: number): number | null {
  let protocol = nextHeader;
  for (const _ of unroll(limit)) {
    if (protocol === IpProtocol.Fragment) {
      const fragment = cursor.peek(Ipv6Fragment);
      if (!fragment) return null;
      if (fragment.fragmentOffset !== 0) break;
      protocol = fragment.nextHeader;
      cursor.skip(Ipv6Fragment.size);
      continue;
    }
    if (!isExtension(protocol)) break;
    const extension = cursor.peek(Ipv6Extension);
    if (!extension) return null;
    // RFC 4302 section 2.2: units of 4 bytes, minus 2.
    const length = protocol === IpProtocol.Ah ? (extension.extensionLength + 2) * 4 : extension.length;
    protocol = extension.nextHeader;
    cursor.skip(length);
  }
  return protocol;
}

const isExtension = (protocol: number): boolean =>
  protocol === IpProtocol.HopByHop ||
  protocol === IpProtocol.Routing ||
  protocol === IpProtocol.Ah ||
  protocol === IpProtocol.DestinationOptions ||
  protocol === IpProtocol.Mobility;
