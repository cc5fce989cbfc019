/**
 * Sends the datagrams of each flow to a port of its own, and writes into each which version of the program had it: what the
 * upgrade test replaces under traffic.
 */
import { atomic, HashMap, setting, struct, u16, u32, u64, XdpAction, xdp } from "xdpkit";
import { EtherType, IpProtocol, Ipv4, Udp } from "xdpkit/packet";
import { takeLink } from "xdpkit/walk";

/** The payload of a datagram; `version` is 0 when it is sent. */
export class Probe extends struct({ sequence: u32, version: u32, flow: u32 }) {}
export class Route extends struct({ port: u16, padding: u16, unused: u32, packets: u64 }) {}

/** By flow; pinned, so that every version has the same. */
export const routes = new HashMap({ key: u32, value: Route, maxEntries: 16, pin: true });
export const version = setting(u32, 0);

/** Where datagrams are sent to. */
const PORT = 4000;

export const steer = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor);
  if (!link || link.etherType !== EtherType.Ipv4) return XdpAction.Pass;
  const ip = cursor.take(Ipv4);
  if (ip?.ihl !== 5 || ip.protocol !== IpProtocol.Udp) return XdpAction.Pass;
  const udp = cursor.take(Udp);
  if (!udp || udp.destinationPort !== PORT) return XdpAction.Pass;
  const probe = cursor.take(Probe);
  if (!probe) return XdpAction.Pass;
  const route = routes.lookup(probe.flow);
  if (!route) return XdpAction.Drop;
  atomic.add(route, "packets", 1n);
  udp.destinationPort = route.port;
  udp.checksum = 0; // none, RFC 768
  probe.version = version.value;
  return XdpAction.Pass;
});
