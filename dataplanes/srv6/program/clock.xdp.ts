/** What time the program reads: the kernel's ticks, which cost one load. User space runs this to know them. */
import { global, jiffies64, u64, XdpAction, xdp } from "xdpkit";

export const ticks = global(u64);

export const clock = xdp(
  () => {
    ticks.value = jiffies64();
    return XdpAction.Pass;
  },
  { name: "srv6_clock" },
);
