/**
 * End.Limit, RFC 9433 section 6.8: the rate of a group of flows, both in the SID, then as End.
 *
 *   | locator and function | group (groupBits) | limit (32): kbit/s | 0 |
 *
 * A token bucket for each group, of all processors together; it holds 100 ms of its rate and at least 16 KiB.
 */
import { exit, ktimeGetNs, u32, u64, withLock, type XdpAction, type XdpContext } from "xdpkit";
import { Ipv6, Ipv6Halves } from "xdpkit/packet";
import { end } from "./endpoint.xdp.ts";
import { drop } from "./outcomes.xdp.ts";
import type { Plane } from "./plane.ts";
import { Bucket, type Sid } from "./tables.xdp.ts";
import { shiftRight } from "./wide.xdp.ts";

const LEAST_BITS = 131_072n;
const NS_PER_MS = 1_000_000n;
/** Longer pauses count as this: the product stays below 2^64. */
const LONGEST_NS = 1_000_000_000n;

export function limit(plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid): XdpAction {
  const value = shiftRight(Ipv6Halves.from(ipv6.destination), (96 - sid.bits - sid.groupBits) & 127).low;
  const kbits = u64(u32(value));
  const group = (value >> 32n) & (0xffffffffn >> (u64(32 - sid.groupBits) & 31n));
  const now = ktimeGetNs();
  const most = kbits * 100n < LEAST_BITS ? LEAST_BITS : kbits * 100n;
  const bucket =
    plane.tables.limits.lookupOrInsert((u64(sid.slot) << 32n) | group, new Bucket({ bits: most, updatedNs: now })) ??
    exit(drop(plane, ctx, "limited"));
  const needed = u64(Ipv6.size + ipv6.payloadLength) * 8n;
  const isWithin = withLock(bucket.lock, () => {
    if (now > bucket.updatedNs) {
      const passed = now - bucket.updatedNs;
      // A bit every 1,000,000 / kbits ns.
      const grown = bucket.bits + ((passed > LONGEST_NS ? LONGEST_NS : passed) * kbits) / NS_PER_MS;
      bucket.bits = grown > most ? most : grown;
      bucket.updatedNs = now;
    }
    if (bucket.bits < needed) return false;
    bucket.bits -= needed;
    return true;
  });
  if (!isWithin) return drop(plane, ctx, "limited");
  return end(plane, ctx, ipv6, sid);
}
