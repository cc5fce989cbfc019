/** At the far ends of the tests' wires: counts frames by their destination, which says where they were sent. */
import { atomic, exit, HashMap, mac, u64, XdpAction, xdp } from "xdpkit";
import { Ethernet } from "xdpkit/packet";

export const frames = new HashMap({ key: mac, value: u64, maxEntries: 64 });

export const tap = xdp((ctx) => {
  const ethernet = ctx.header(Ethernet, 0) ?? exit(XdpAction.Pass);
  const count = frames.lookupOrInsert(ethernet.destination, 0n);
  if (count) atomic.add(count, "value", 1n);
  return XdpAction.Pass;
});

/** Sends what it is given out of the interface that it seems to come from. */
export const sender = xdp(() => XdpAction.Tx);
