/** A module with every kind of handle that user space opens. */
import {
  ArrayMap,
  ArrayOfMaps,
  atomic,
  BloomFilter,
  CpuMap,
  DevMap,
  devMapProgram,
  global,
  HashMap,
  ipv4Address,
  ipv6Address,
  LpmTrie,
  loop,
  Outcomes,
  PerCpuArray,
  PerfEventArray,
  ProgramArray,
  Queue,
  RingBuffer,
  setting,
  struct,
  UserRingBuffer,
  u16,
  u32,
  u64,
  XdpAction,
  xdp,
} from "../../src/lang/index.ts";
import { Ipv4 } from "../../src/packet/index.ts";

export class Peer extends struct({ address: ipv6Address, port: u16, packets: u64 }) {}
export class Seen extends struct({ source: ipv4Address, length: u32 }) {}

export const peers = new HashMap({ key: ipv4Address, value: Peer, maxEntries: 2 });
export const lengths = new ArrayMap({ value: u32, maxEntries: 2, entries: () => [[1, 7]] });
export const routes = new LpmTrie({ key: ipv4Address, value: u32, maxEntries: 8 });
export const runs = new PerCpuArray({ value: u64, maxEntries: 1 });
export const work = new Queue({ value: u32, maxEntries: 4 });
export const known = new BloomFilter({ value: u32, maxEntries: 4 });
export const outcomes = new Outcomes(["short", "limited", "known"]);
export const count = global(u64, 3n);
export const strict = setting(u32, 0);
export const events = new RingBuffer({ value: Seen, bytes: 4096 });
export const samples = new PerfEventArray({ value: Seen });
export const commands = new UserRingBuffer({ value: Seen, bytes: 4096 });
export const commanded = global(u64, 0n);
export const ports = new DevMap({ maxEntries: 4 });
export const cpus = new CpuMap({ maxEntries: 4 });
export const limits = new HashMap({ key: u32, value: u32, maxEntries: 4 });
export const first = new HashMap({ key: u32, value: u32, maxEntries: 4 });
export const tenants = new ArrayOfMaps({ maxEntries: 2, inner: limits, entries: () => [[0, first]] });
export const next = new ProgramArray({ maxEntries: 2 });

export const answer = xdp(() => XdpAction.Tx);
export const leaving = devMapProgram(() => XdpAction.Drop);

export const main = xdp((ctx) => {
  const ipv4 = ctx.header(Ipv4, 14);
  if (!ipv4) return outcomes.drop("short");
  count.value = count.value + 1n;
  const taken = commands.drain((command) => {
    commanded.value = commanded.value + u64(command.length);
    return command.length === 9 ? loop.Break : undefined;
  });
  if (taken === 3) return XdpAction.Aborted;
  runs.at(0).value += 5n;
  if (strict.value === 1) next.tailCall(ctx, 1);
  const job = work.pop();
  if (job) known.add(job.value);
  const limit = tenants.lookup(1)?.lookup(3);
  if (limit && limit.value === 4) return outcomes.as("limited", ports.redirect(2));
  events.output(new Seen({ source: ipv4.source, length: lengths.at(1).value }));
  samples.output(ctx, new Seen({ source: ipv4.source, length: 1 }), 4);
  const peer = peers.lookup(ipv4.source);
  if (!peer) return routes.lookup(ipv4.destination) ? XdpAction.Aborted : cpus.redirect(1, XdpAction.Pass);
  atomic.add(peer, "packets", 1n);
  return outcomes.drop("known");
});
