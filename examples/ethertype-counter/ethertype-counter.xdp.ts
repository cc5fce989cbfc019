/** Counts packets and bytes by EtherType, behind any VLAN tags, and passes all: where most people begin with XDP. */
import { be16, exit, Outcomes, PerCpuHashMap, struct, u64, XdpAction, xdp } from "xdpkit";
import { takeLink } from "xdpkit/walk";

export class Traffic extends struct({ packets: u64, bytes: u64 }) {}

export const traffic = new PerCpuHashMap({ key: be16, value: Traffic, maxEntries: 256 });
export const outcomes = new Outcomes(["truncated", "tableFull"]);

export const count = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor) ?? exit(outcomes.pass("truncated"));
  const seen = traffic.lookupOrInsert(link.etherType, new Traffic()) ?? exit(outcomes.pass("tableFull"));
  seen.packets += 1n; // per CPU: nobody else writes
  seen.bytes += BigInt(ctx.length);
  return XdpAction.Pass;
});
