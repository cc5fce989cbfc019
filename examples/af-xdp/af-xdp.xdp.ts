/**
 * Steers UDP packets for one port to the AF_XDP socket of their receive queue; everything else, and everything while no
 * socket is there, goes to the kernel.
 */
import { type Cursor, exit, Outcomes, setting, u16, XdpAction, XskMap, xdp } from "xdpkit";
import { EtherType, IpProtocol, Ipv4, Ipv6, Udp } from "xdpkit/packet";
import { skipOptions, takeLink } from "xdpkit/walk";

export const port = setting(u16, 4789);
/** By receive queue. */
export const sockets = new XskMap({ maxEntries: 64 });
export const outcomes = new Outcomes(["truncated", "badHeader", "fragment", "noSocket", "toSocket"]);

function truncated(): never {
  return exit(outcomes.pass("truncated"));
}

/** True for UDP; the cursor is then before its header. */
function findUdp(cursor: Cursor, etherType: number): boolean {
  if (etherType === EtherType.Ipv4) {
    const ip = cursor.take(Ipv4) ?? truncated();
    if (ip.protocol !== IpProtocol.Udp) return false;
    if (ip.ihl < 5) exit(outcomes.pass("badHeader"));
    if (ip.isFragment) exit(outcomes.pass("fragment"));
    cursor.skip(ip.headerLength - Ipv4.size);
    return true;
  }
  if (etherType === EtherType.Ipv6) {
    const ip = cursor.take(Ipv6) ?? truncated();
    const protocol = skipOptions(cursor, ip.nextHeader, 2);
    if (protocol === null) return truncated();
    return protocol === IpProtocol.Udp;
  }
  return false;
}

export const steer = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor);
  if (!link) return XdpAction.Pass;
  if (!findUdp(cursor, link.etherType)) return XdpAction.Pass;
  const udp = cursor.take(Udp) ?? truncated();
  if (udp.destinationPort !== port.value) return XdpAction.Pass;
  const verdict = sockets.redirect(ctx.rxQueue, XdpAction.Pass);
  return verdict === XdpAction.Redirect ? outcomes.as("toSocket", verdict) : outcomes.pass("noSocket");
});
