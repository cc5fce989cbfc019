/** What the test of cycles loads: a map with content, a variable, a program that uses both. */
import { atomic, global, HashMap, u32, u64, XdpAction, xdp } from "xdpkit";

export const seen = new HashMap({ key: u32, value: u64, maxEntries: 1024, entries: () => [[1, 1n]] });
export const total = global(u64, 0n);

export const cycle = xdp(() => {
  const place = seen.lookup(1);
  if (place !== null) atomic.add(place, "value", 1n);
  total.value = total.value + 1n;
  return XdpAction.Pass;
});
