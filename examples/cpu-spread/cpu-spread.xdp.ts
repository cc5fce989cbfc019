/**
 * Spreads flows over CPUs by a hash of addresses and ports, for interfaces with fewer queues than CPUs: packets of one
 * flow stay on one CPU. There a second program runs: it drops what the first had no time for.
 */
import {
  ArrayMap,
  CpuMap,
  type Cursor,
  cpuMapProgram,
  exit,
  jhash,
  jhashWords,
  Outcomes,
  setting,
  u32,
  XdpAction,
  xdp,
} from "xdpkit";
import { EtherType, IpProtocol, Ipv4, Ipv6, Ports } from "xdpkit/packet";
import { takeLink } from "xdpkit/walk";

const SEED = 0x9e3779b9;

/** CPUs in use: entries 0 to count - 1 of `chosen` are their numbers. */
export const count = setting(u32, 1);
export const chosen = new ArrayMap({ value: u32, maxEntries: 256 });
export const cpus = new CpuMap({ maxEntries: 256 });
export const outcomes = new Outcomes(["truncated", "spread", "noCpu", "badVersion", "delivered"]);

/** Both ports as one number; 0 for protocols without. */
function portsOf(cursor: Cursor, protocol: number): number {
  if (protocol !== IpProtocol.Tcp && protocol !== IpProtocol.Udp) return 0;
  const ports = cursor.peek(Ports);
  if (!ports) return 0;
  return (ports.source << 16) | ports.destination;
}

/** A number for the flow; every fragment of a packet has the same, for only the first has ports. */
function hashOf(cursor: Cursor, etherType: number): number {
  if (etherType === EtherType.Ipv4) {
    const ip = cursor.take(Ipv4);
    if (!ip) return 0;
    if (ip.ihl !== 5) return 0;
    const ports = ip.isFragment ? 0 : portsOf(cursor, ip.protocol);
    return jhashWords(jhash(ip.source, SEED), jhash(ip.destination, SEED), ports, ip.protocol);
  }
  if (etherType === EtherType.Ipv6) {
    const ip = cursor.take(Ipv6);
    if (!ip) return 0;
    const ports = portsOf(cursor, ip.nextHeader);
    return jhashWords(jhash(ip.source, SEED), jhash(ip.destination, SEED), ports, ip.nextHeader);
  }
  return 0;
}

export const spread = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor) ?? exit(outcomes.drop("truncated"));
  if (count.value === 0) return outcomes.pass("noCpu");
  const cpu = chosen.lookup(hashOf(cursor, link.etherType) % count.value) ?? exit(outcomes.pass("noCpu"));
  const verdict = cpus.redirect(cpu.value, XdpAction.Pass);
  return verdict === XdpAction.Redirect ? outcomes.as("spread", verdict) : outcomes.pass("noCpu");
});

export const onCpu = cpuMapProgram((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor) ?? exit(outcomes.drop("truncated"));
  if (link.etherType === EtherType.Ipv4) {
    const ip = cursor.take(Ipv4) ?? exit(outcomes.drop("truncated"));
    if (ip.version !== 4) return outcomes.drop("badVersion");
  } else if (link.etherType === EtherType.Ipv6) {
    const ip = cursor.take(Ipv6) ?? exit(outcomes.drop("truncated"));
    if (ip.version !== 6) return outcomes.drop("badVersion");
  }
  return outcomes.pass("delivered");
});
