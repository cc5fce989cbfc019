/** A module that counts in a pinned map, in versions that may lay the map out in another way. */
import type { HashMap, Setting, XdpProgram } from "../../src/lang/index.ts";
import { loadText } from "./load-module.ts";

export interface Counting {
  readonly count: XdpProgram;
  readonly hits: HashMap<number, { packets: bigint }>;
  readonly step: Setting<bigint>;
  readonly limits: HashMap<number, bigint>;
}

/** A version; `fields` and `maxEntries` are what a new version of it may change. */
export function counting(file: string, fields = "packets: u64", maxEntries = 8): Counting {
  const text = `
import { atomic, HashMap, setting, struct, u16, u32, u64, XdpAction, xdp } from "xdpkit";
export class Hits extends struct({ ${fields} }) {}
export const hits = new HashMap({ key: u32, value: Hits, maxEntries: ${maxEntries}, pin: true });
export const limits = new HashMap({ key: u32, value: u64, maxEntries: 4, entries: () => [[1, 10n]] });
export const step = setting(u64, 1n);
export const count = xdp((ctx) => {
  const place = hits.lookupOrInsert(7, new Hits({}));
  if (place === null) return XdpAction.Aborted;
  atomic.add(place, "packets", step.value);
  const limit = limits.lookup(1);
  return limit !== null && place.packets > limit.value ? XdpAction.Drop : XdpAction.Pass;
});`;
  return loadText(text, file) as unknown as Counting;
}
