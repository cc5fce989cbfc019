/** Open addressing in an array: the slot of a SID or session, found with one cache line in nearly every case. */

import { type Ipv4Address, type Ipv6Address, u32, u64, unroll } from "xdpkit";
import { Ipv6Halves } from "xdpkit/packet";
import type { Plan } from "./plan.ts";
import type { Plane } from "./plane.ts";
import type { Session, Sid } from "./tables.xdp.ts";

/** Slots that are looked at: the control plane finds a larger table where an entry would lie further from its place. */
export const PROBES = 4;
/** Of sessions, which may be many: a quarter of the slots taken, one in a million lies further from its place. */
export const SESSION_PROBES = 16;

/** Odd numbers with well-spread bits (the golden ratio; the first prime of xxHash64). */
export const SPREAD = 0x9e3779b97f4a7c15n;
export const MIX = 0x9e3779b185ebca87n;

/** 0 to `slots` - 1, for a power of two. The control plane computes the same (`../control/table.ts`). */
export function slotOf(high: bigint, low: bigint, slots: number): number {
  return u32(((high ^ (low * SPREAD)) * MIX) >> BigInt(64 - Math.log2(slots))) & (slots - 1);
}

const ONES = 0xffffffffffffffffn;
const maskHigh = (bits: number): bigint => (bits >= 64 ? ONES : (ONES << BigInt(64 - bits)) & ONES);
const maskLow = (bits: number): bigint => (bits <= 64 ? 0n : (ONES << BigInt(128 - bits)) & ONES);

function probe(plane: Plane, high: bigint, low: bigint, bits: number): Sid | null {
  const { sids } = plane.tables;
  const first = slotOf(high, low, plane.sidSlots);
  for (const i of unroll(PROBES)) {
    const sid = sids.at((first + i) & (plane.sidSlots - 1));
    if (sid.high === high && sid.low === low && (plane.sidPrefixes.length === 1 || sid.bits === bits)) return sid;
    if (sid.high === 0n) return null;
  }
  return null;
}

/** The local SID with the longest prefix of the destination. */
export function findSid(plane: Plane, destination: Ipv6Halves): Sid | null {
  const { high, low } = destination;
  for (const bits of plane.sidPrefixes) {
    const sid = probe(plane, high & maskHigh(bits), low & maskLow(bits), bits);
    if (sid) return sid;
  }
  return null;
}

export function findSession(plane: Plane, address: number, teid: number): Session | null {
  const { sessions } = plane.tables;
  const first = slotOf(BigInt(address), BigInt(teid), plane.sessionSlots);
  for (const i of unroll(SESSION_PROBES)) {
    const session = sessions.at((first + i) & (plane.sessionSlots - 1));
    if (session.teid === teid && session.address === address) return session;
    if (session.address === 0) return null;
  }
  return null;
}

/** What addresses are steered into whose tunnels need a session: no policy has this number. */
export const sessionsOnlyOf = ({ policies }: Plan): number => policies - 1;

/** The upper half of an IPv4 address in a table of both families. Packets may have IPv6 addresses that begin so. */
export const IPV4 = 1n;

/**
 * The policy that an IPv4 destination is steered into; 0: none. Tries are asked once for each destination and processor: what
 * they hold does not change while the program lives.
 */
export function policyOf4(plane: Plane, destination: Ipv4Address): number {
  const low = u64(u32(destination));
  const known = plane.tables.steered.at(slotOf(IPV4, low, plane.routeSlots));
  if (known.low === low && known.family === 4) return known.policy;
  const policy = plane.tables.steering4.lookup(destination)?.value ?? 0;
  known.family = 4;
  known.low = low;
  known.policy = policy;
  return policy;
}

export function policyOf6(plane: Plane, destination: Ipv6Address): number {
  const { high, low } = Ipv6Halves.from(destination);
  const known = plane.tables.steered.at(slotOf(high, low, plane.routeSlots));
  if (known.low === low && known.high === high && known.family === 6) return known.policy;
  const policy = plane.tables.steering6.lookup(destination)?.value ?? 0;
  known.family = 6;
  known.high = high;
  known.low = low;
  known.policy = policy;
  return policy;
}
