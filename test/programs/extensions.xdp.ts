/** What is behind the extension headers of IPv6, and where: `skipExtensions`. */
import { ArrayMap, struct, u32, XdpAction, xdp } from "xdpkit";
import { Ethernet, Ipv6 } from "xdpkit/packet";
import { skipExtensions } from "xdpkit/walk";

export class End extends struct({ protocol: u32, offset: u32 }) {}
export const ends = new ArrayMap({ value: End, maxEntries: 1 });

/** Of a packet that ends before. */
export const TRUNCATED = 1000;

export const walk = xdp((ctx) => {
  const cursor = ctx.cursor(Ethernet.size);
  const ipv6 = cursor.take(Ipv6);
  const end = ends.at(0);
  if (!ipv6) return XdpAction.Drop;
  const protocol = skipExtensions(cursor, ipv6.nextHeader, 4);
  end.protocol = protocol ?? TRUNCATED;
  end.offset = cursor.offset;
  return XdpAction.Pass;
});
