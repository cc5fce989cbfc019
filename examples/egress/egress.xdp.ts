/**
 * A bridge by destination MAC whose ports run a program on the way out: it gives every frame the source MAC of the
 * interface that it leaves by. User space puts `{ interface, program: rewriteSource }` into `ports`.
 */
import { DevMap, devMapProgram, exit, HashMap, mac, Outcomes, struct, u32, XdpAction, xdp } from "xdpkit";
import { Ethernet } from "xdpkit/packet";

export class Station extends struct({ port: u32 }) {}

/** Which port a station is behind. */
export const stations = new HashMap({ key: mac, value: Station, maxEntries: 8192 });
/** By port number. */
export const ports = new DevMap({ maxEntries: 64 });
/** MAC addresses of our interfaces, by interface index. */
export const addresses = new HashMap({ key: u32, value: mac, maxEntries: 64 });
export const outcomes = new Outcomes(["truncated", "unknownStation", "noPort", "forwarded", "noAddress", "rewritten"]);

export const bridge = xdp((ctx) => {
  const ethernet = ctx.header(Ethernet, 0) ?? exit(outcomes.drop("truncated"));
  const station = stations.lookup(ethernet.destination) ?? exit(outcomes.pass("unknownStation"));
  const verdict = ports.redirect(station.port, XdpAction.Pass);
  return verdict === XdpAction.Redirect ? outcomes.as("forwarded", verdict) : outcomes.pass("noPort");
});

export const rewriteSource = devMapProgram((ctx) => {
  const ethernet = ctx.header(Ethernet, 0) ?? exit(outcomes.drop("truncated"));
  const address = addresses.lookup(ctx.egressInterface) ?? exit(outcomes.drop("noAddress"));
  ethernet.source = address.value;
  return outcomes.pass("rewritten");
});
