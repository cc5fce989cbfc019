/** Maps that say what they hold at load: values, a map, an interface with a program. */
import { ArrayMap, ArrayOfMaps, DevMap, devMapProgram, HashMap, u32, u64, XdpAction, xdp } from "xdpkit";

export const limits = new HashMap({ key: u32, value: u64, maxEntries: 4, entries: () => [[1, 10n]] });
export const ports = new ArrayMap({ value: u32, maxEntries: 2, entries: () => [[1, 7]] });
export const tables = new ArrayOfMaps({ maxEntries: 2, inner: ports, entries: () => [[1, ports]] });
export const leaving = devMapProgram(() => XdpAction.Pass);
export const out = new DevMap({ maxEntries: 4, entries: () => [[2, { interface: 1, program: leaving }]] });

/** XDP_TX when everything is there. */
export const filled = xdp(() => {
  const limit = limits.lookup(1);
  if (limit?.value !== 10n) return XdpAction.Aborted;
  const port = tables.lookup(1)?.lookup(1);
  if (port?.value !== 7) return XdpAction.Drop;
  return out.redirect(2) === XdpAction.Redirect ? XdpAction.Tx : XdpAction.Pass;
});
