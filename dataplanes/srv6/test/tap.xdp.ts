/** At the far ends of the tests' wires: counts frames by their destination and VLAN, which say where they were sent. */
import { atomic, exit, HashMap, mac, struct, u16, u64, XdpAction, xdp } from "xdpkit";
import { Ethernet, EtherType, VlanTag } from "xdpkit/packet";

export class Arrived extends struct({ destination: mac, vlan: u16 }) {}
export const frames = new HashMap({ key: Arrived, value: u64, maxEntries: 64 });

export const tap = xdp((ctx) => {
  const ethernet = ctx.header(Ethernet, 0) ?? exit(XdpAction.Pass);
  const tag = ethernet.etherType === EtherType.Vlan ? ctx.header(VlanTag, Ethernet.size) : null;
  const count = frames.lookupOrInsert({ destination: ethernet.destination, vlan: tag ? tag.vlan : 0 }, 0n);
  if (count) atomic.add(count, "value", 1n);
  return XdpAction.Pass;
});

/** Sends what it is given out of the interface that it seems to come from. */
export const sender = xdp(() => XdpAction.Tx);
