/**
 * Limits connection attempts per source: SYNs are counted in a time window, and dropped above a limit; packets of
 * connections that were seen to open pass without being counted.
 *
 * Both tables are LRU maps: an attack with many addresses pushes out what is old, and never fills them.
 */
import {
  atomic,
  be16,
  type Cursor,
  exit,
  type Ipv4Address,
  type Ipv6Address,
  ipv4Address,
  ipv6Address,
  ktimeGetNs,
  LruHashMap,
  Outcomes,
  setting,
  struct,
  u32,
  u64,
  XdpAction,
  xdp,
} from "xdpkit";
import { EtherType, IpProtocol, Ipv4, Ipv6, Tcp } from "xdpkit/packet";
import { takeLink } from "xdpkit/walk";

/** SYNs of one source in one window. */
export const limit = setting(u32, 20);
export const windowNs = setting(u64, 1_000_000_000n);
/** A connection that was silent for so long has to open again. */
export const idleNs = setting(u64, 300_000_000_000n);

export class Attempts extends struct({ started: u64, count: u64 }) {}
export class Flow4 extends struct({
  source: ipv4Address,
  destination: ipv4Address,
  sourcePort: be16,
  destinationPort: be16,
}) {}
export class Flow6 extends struct({
  source: ipv6Address,
  destination: ipv6Address,
  sourcePort: be16,
  destinationPort: be16,
}) {}
export class Connection extends struct({ seen: u64 }) {}

export const outcomes = new Outcomes([
  "truncated",
  "options",
  "fragment",
  "counted",
  "limited",
  "tableFull",
  "opened",
  "established",
  "closed",
  "unknown",
]);

interface Family<A> {
  readonly attempts: LruHashMap<A, Attempts>;
  readonly connections: LruHashMap<
    { source: A; destination: A; sourcePort: number; destinationPort: number },
    Connection
  >;
}
const ipv4: Family<Ipv4Address> = {
  attempts: new LruHashMap({ name: "attempts4", key: ipv4Address, value: Attempts, maxEntries: 65536 }),
  connections: new LruHashMap({ name: "connections4", key: Flow4, value: Connection, maxEntries: 1 << 18 }),
};
const ipv6: Family<Ipv6Address> = {
  attempts: new LruHashMap({ name: "attempts6", key: ipv6Address, value: Attempts, maxEntries: 65536 }),
  connections: new LruHashMap({ name: "connections6", key: Flow6, value: Connection, maxEntries: 1 << 18 }),
};
export const families = { ipv4, ipv6 };

function truncated(): never {
  return exit(outcomes.drop("truncated"));
}

/** One more SYN of this source. */
function attempt<A extends Ipv4Address | Ipv6Address>(family: Family<A>, source: A, now: bigint): XdpAction {
  const attempts =
    family.attempts.lookupOrInsert(source, new Attempts({ started: now })) ?? exit(outcomes.pass("tableFull"));
  if (now > attempts.started + windowNs.value) {
    // Two CPUs may both begin the window: a SYN more or less does not matter.
    attempts.started = now;
    attempts.count = 0n;
  }
  if (attempts.count >= u64(limit.value)) return outcomes.drop("limited");
  atomic.add(attempts, "count", 1n);
  return outcomes.pass("counted");
}

function track<A extends Ipv4Address | Ipv6Address>(
  family: Family<A>,
  cursor: Cursor,
  source: A,
  destination: A,
): XdpAction {
  const tcp = cursor.take(Tcp) ?? truncated();
  const now = ktimeGetNs();
  if (tcp.syn && !tcp.ack) return attempt(family, source, now);
  const key = { source, destination, sourcePort: tcp.sourcePort, destinationPort: tcp.destinationPort };
  const known = family.connections.lookup(key);
  if (known && known.seen + idleNs.value > now) {
    if (tcp.rst || tcp.fin) {
      family.connections.delete(key); // it may be gone already
      return outcomes.pass("closed");
    }
    known.seen = now;
    return outcomes.pass("established");
  }
  // The third packet of a handshake: its source has been seen to send a SYN.
  if (!tcp.ack || tcp.syn || tcp.rst || !family.attempts.lookup(source)) return outcomes.pass("unknown");
  family.connections.update(key, new Connection({ seen: now }));
  return outcomes.pass("opened");
}

export const guard = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor);
  if (!link) return XdpAction.Pass;
  if (link.etherType === EtherType.Ipv4) {
    const ip = cursor.take(Ipv4) ?? truncated();
    if (ip.protocol !== IpProtocol.Tcp) return XdpAction.Pass;
    if (ip.ihl !== 5) return outcomes.drop("options");
    if (ip.isFragment) return outcomes.drop("fragment");
    return track(ipv4, cursor, ip.source, ip.destination);
  }
  if (link.etherType === EtherType.Ipv6) {
    const ip = cursor.take(Ipv6) ?? truncated();
    if (ip.nextHeader === IpProtocol.Fragment) return outcomes.drop("fragment");
    if (ip.nextHeader !== IpProtocol.Tcp) return XdpAction.Pass;
    return track(ipv6, cursor, ip.source, ip.destination);
  }
  return XdpAction.Pass;
});
