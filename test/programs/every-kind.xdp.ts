/**
 * What objects can hold and the examples have no need of: maps of maps, queues, variables of all sections, subprograms,
 * `xdp.frags`.
 */
import {
  ArrayOfMaps,
  atomic,
  BloomFilter,
  cpuMapProgram,
  DevHashMap,
  devMapProgram,
  global,
  HashMap,
  HashOfMaps,
  ipv4Address,
  LruPerCpuHashMap,
  PerCpuArray,
  Queue,
  Stack,
  setting,
  spinLock,
  struct,
  subprogram,
  u32,
  u64,
  withLock,
  XdpAction,
  xdp,
} from "xdpkit";

export class Guarded extends struct({ lock: spinLock, count: u32 }) {}

const flows = new HashMap({ key: ipv4Address, value: u64, maxEntries: 16 });
export const tenants = new ArrayOfMaps({ inner: flows, maxEntries: 4 });
export const zones = new HashOfMaps({ key: u64, inner: flows, maxEntries: 4 });
export const guarded = new HashMap({ key: u32, value: Guarded, maxEntries: 4 });
export const recent = new LruPerCpuHashMap({ key: u32, value: u64, maxEntries: 64 });
export const waiting = new Queue({ value: u32, maxEntries: 4 });
export const last = new Stack({ value: u64, maxEntries: 4 });
export const seen = new BloomFilter({ value: u32, maxEntries: 100, hashes: 3 });
export const ways = new DevHashMap({ maxEntries: 8 });
export const limit = setting(u32, 100);
export const total = global(u64, 0n);
export const step = global(u32, 7);

const addTo = subprogram((place: Totals, bytes: number): void => {
  place.packets += 1n;
  place.bytes += u64(bytes);
});
export class Totals extends struct({ packets: u64, bytes: u64 }) {}
export const totals = new PerCpuArray({ value: Totals, maxEntries: 1 });

export const whole = xdp(
  (ctx) => {
    const queue = ctx.rxQueue;
    const tenant = tenants.lookup(queue)?.lookup("192.0.2.1");
    if (tenant) atomic.add(tenant, "value", 1n);
    const zone = zones.lookup(5n)?.lookup("192.0.2.2");
    if (zone) atomic.add(zone, "value", 1n);
    const one = guarded.lookup(queue);
    if (one) {
      withLock(one.lock, () => {
        one.count += 1;
      });
    }
    recent.update(queue, 1n);
    waiting.push(queue);
    last.push(total.value);
    if (!seen.has(queue)) seen.add(queue);
    total.value += 1n;
    addTo(totals.at(0), ctx.length);
    if (ctx.totalLength > limit.value + step.value) return XdpAction.Drop;
    return ways.redirect(queue, XdpAction.Pass);
  },
  { fragments: true },
);

export const leaving = devMapProgram((ctx) => (ctx.egressInterface === 1 ? XdpAction.Drop : XdpAction.Pass), {
  fragments: true,
});

export const delivered = cpuMapProgram((ctx) => (ctx.length > 100 ? XdpAction.Drop : XdpAction.Pass), {
  fragments: true,
});
