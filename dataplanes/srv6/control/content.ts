/**
 * What the tables hold for a configuration: data, for the kernel and the virtual machine alike.
 *
 * Invariant: policy 0, path 0 and adjacency 0 are never used, so that 0 is "none" wherever the program reads an index.
 */
import { IpProtocol, Ipv6, RoutingType, SegmentRoutingHeader } from "xdpkit/packet";
import { Headend, PathFlag } from "../program/behaviours.ts";
import { PROBES, SESSION_PROBES, sessionsOnlyOf } from "../program/lookup.xdp.ts";
import type { Plan } from "../program/plan.ts";
import { MAX_SEGMENTS, type Tables } from "../program/tables.xdp.ts";
import {
  CODEPOINTS,
  type NextHopConfig,
  type PathConfig,
  type PolicyConfig,
  type SidConfig,
  type Srv6Config,
} from "./config.ts";
import { type Numbering, numberingOf } from "./numbering.ts";
import { dropInPolicies, FLAVOURS, flagsOf, HEADENDS, keepsDestination, segmentsInSrh } from "./plan.ts";
import { address6, highOf, lowOf, networkOf, parsePrefix } from "./prefix.ts";
import { Slots } from "./slots.ts";
import { tagsOf } from "./vlans.ts";

/** An element of a table of the program. */
export interface Entry {
  /** Which table. */
  readonly table: keyof Tables | "ports";
  /** As the table's schema has it. */
  readonly key: unknown;
  /** As the table's schema has it. */
  readonly value: object | number;
}

/** What the tables of a program hold. */
export interface Content {
  /** Rows of all tables. */
  readonly entries: readonly Entry[];
  /** Next hops to resolve, by their index in `adjacencies`. */
  readonly nextHops: ReadonlyMap<number, NextHopConfig>;
}

const MOBILE4_BITS = 72;
const MOBILE6_BITS = 40;
/** Chances among the paths of a policy. */
const SHARES = 64;

/** Numbers of next hops: each stands once. */
class NextHopNumbers {
  readonly #byText = new Map<string, number>();
  readonly nextHops = new Map<number, NextHopConfig>();

  /** 0 without a next hop. */
  indexOf(nextHop: NextHopConfig | undefined): number {
    if (!nextHop) return 0;
    const text = `${nextHop.interface} ${nextHop.address ?? ""}`;
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const index = this.nextHops.size + 1;
    this.#byText.set(text, index);
    this.nextHops.set(index, nextHop);
    return index;
  }
}

/** Shares of the 64 chances in proportion to the weights, by the largest remainder; each path gets at least one. */
export function sharesOf(weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map((weight) => (weight / sum) * SHARES);
  const shares = exact.map((share) => Math.max(1, Math.floor(share)));
  while (shares.reduce((a, b) => a + b, 0) < SHARES) {
    const rests = exact.map((share, i) => share - shares[i]!);
    shares[rests.indexOf(Math.max(...rests))]! += 1;
  }
  while (shares.reduce((a, b) => a + b, 0) > SHARES) shares[shares.indexOf(Math.max(...shares))]! -= 1;
  return shares;
}

const slotsOf = (weights: readonly number[]): number[] =>
  sharesOf(weights).flatMap((share, i) => Array<number>(share).fill(i));

/** By how many bits the arguments are shifted into the last segment. */
function shiftOf(policy: PolicyConfig, last: string, isTunnel6: boolean): number {
  if (policy.headend !== "H.M.GTP4.D" && !isTunnel6) return 0;
  const width = policy.headend === "H.M.GTP4.D" ? MOBILE4_BITS : MOBILE6_BITS;
  return Math.max(0, 128 - width - parsePrefix(last).bits);
}

/** Whether the last segment of a drop-in path is a prefix that leaves room for the arguments: another End.M.GTP6.E. */
const takesArguments = (last: string): boolean => parsePrefix(last).bits + MOBILE6_BITS <= 128;

function encodePath(
  config: Srv6Config,
  policy: PolicyConfig,
  path: PathConfig,
  adjacency: number,
  uses: { readonly dropIn: ReadonlySet<string>; readonly tunnels6: ReadonlySet<string> },
) {
  const travel = path.segments.map((segment) => address6(networkOf(parsePrefix(segment))));
  const isKept = keepsDestination(policy, uses.dropIn);
  const count = segmentsInSrh(policy, travel.length, uses.dropIn);
  const listed = [...(isKept ? ["::"] : []), ...[...travel].reverse()].slice(0, count);
  const hopLimit = policy.hopLimit ?? 64;
  const last = path.segments.at(-1)!;
  const isFilled = uses.dropIn.has(policy.name) && takesArguments(last);
  return {
    adjacency,
    count,
    // A whole SRH of one segment: the arguments go where the packet goes, too.
    flags:
      flagsOf(policy) |
      (isFilled ? PathFlag.ArgumentsInSegment : 0) |
      (count > 0 && travel.length === 1 && isKept === isFilled ? PathFlag.ArgumentsInDestination : 0),
    shift: shiftOf(policy, last, uses.tunnels6.has(policy.name) || isFilled),
    hopLimit: hopLimit === "copy" ? 0 : hopLimit,
    outer: {
      ipv6: new Ipv6({
        version: 6,
        trafficClass: typeof policy.trafficClass === "number" ? policy.trafficClass : 0,
        flowLabel: typeof policy.flowLabel === "number" ? policy.flowLabel : 0,
        payloadLength: 0,
        nextHeader: count > 0 ? IpProtocol.Routing : 0,
        hopLimit: hopLimit === "copy" ? 0 : hopLimit,
        source: sourceOf(config, policy),
        destination: travel[0]!,
      }),
      srh: new SegmentRoutingHeader({
        nextHeader: 0,
        extensionLength: 2 * count,
        routingType: RoutingType.SegmentRouting,
        segmentsLeft: isKept ? travel.length : travel.length - 1,
        lastEntry: Math.max(0, count - 1),
        flags: 0,
        tag: 0,
      }),
      segments: Array.from({ length: MAX_SEGMENTS }, (_, i) => listed[i] ?? "::"),
    },
  };
}

/** Of H.M.GTP4.D without what the IPv4 source and the port take the place of. */
function sourceOf({ address, sourcePrefix = 64 }: Srv6Config, { headend, source = address }: PolicyConfig): string {
  const prefix = parsePrefix(source);
  const bits = headend === "H.M.GTP4.D" ? Math.min(prefix.bits, sourcePrefix) : prefix.bits;
  return address6(networkOf({ ...prefix, bits }));
}

/** VLANs of a SID that names no table are its own. */
const vlanTableOf = ({ table }: SidConfig, counter: number): number => table ?? 0xffff0000 + counter;

function encodeSid(sid: SidConfig, slot: number, counter: number, adjacency: number, policy: number) {
  const prefix = parsePrefix(sid.sid);
  const network = networkOf(prefix);
  const pduTypes = { downlink: 0, uplink: 1, none: 255 };
  return {
    high: highOf(network),
    low: lowOf(network),
    behaviour: CODEPOINTS[sid.behaviour],
    flavours: (sid.flavours ?? []).reduce((bits, name) => bits | FLAVOURS[name], 0),
    bits: prefix.bits,
    block: sid.block ?? 0,
    counter,
    adjacency,
    table: sid.behaviour === "End.DX2V" ? vlanTableOf(sid, counter) : (sid.table ?? 0),
    policy,
    hopLimit: sid.ttl ?? 0,
    dscp: sid.dscp ?? 255,
    pduType: pduTypes[sid.pduSession ?? "downlink"],
    groupBits: sid.groupBits ?? 0,
    address: sid.map ?? sid.source ?? "::",
    slot,
    spare: 0,
  };
}

/** What an interface is to the program. `station`: its MAC address, where it is known. */
export const portEntry = (index: number, policy: number, station?: string): Entry => ({
  table: "ports",
  key: index & 1023,
  value: { policy, station: station ?? "00:00:00:00:00:00", isKnown: station !== undefined, spare: 0 },
});

/** `interfaces`: indices by name. Null: a table is too small for its entries; the plan needs more room. */
export function contentOf(
  config: Srv6Config,
  plan: Plan,
  interfaces: Readonly<Record<string, number>>,
  numbers: Numbering = numberingOf(config),
): Content | null {
  const { sids = [], policies = [], steering = [], sessions = [] } = config;
  const adjacencies = new NextHopNumbers();
  const entries: Entry[] = [];
  const tunnels6 = new Set(
    sids.filter(({ behaviour }) => behaviour === "End.M.GTP6.D").map(({ policy }) => policy ?? ""),
  );
  const uses = { dropIn: dropInPolicies(config), tunnels6 };

  let nextPath = 1;
  for (const policy of policies) {
    const first = nextPath;
    for (const path of policy.paths) {
      const value = encodePath(config, policy, path, adjacencies.indexOf(path.nextHop), uses);
      entries.push({ table: "paths", key: nextPath++, value });
    }
    const slots = slotsOf(policy.paths.map(({ weight = 1 }) => weight));
    const { kind } = HEADENDS[policy.headend];
    const value = { kind, count: policy.paths.length, spare: 0, first, rest: 0n, slots };
    entries.push({ table: "policies", key: numbers.policies[policy.name]!, value });
  }

  const places = new Slots(plan.sidSlots, PROBES);
  for (const sid of sids) {
    const network = networkOf(parsePrefix(sid.sid));
    const slot = places.take(highOf(network), lowOf(network));
    if (slot === null) return null;
    const policy = numbers.policies[sid.policy ?? ""] ?? 0;
    const value = encodeSid(sid, slot, numbers.sids[sid.sid]!, adjacencies.indexOf(sid.nextHop), policy);
    entries.push({ table: "sids", key: slot, value });
    for (const [vlan, nextHop] of Object.entries(sid.vlans ?? {})) {
      const key = { table: vlanTableOf(sid, numbers.sids[sid.sid]!), vlan: Number(vlan) };
      entries.push({ table: "vlans", key, value: adjacencies.indexOf(nextHop) });
    }
  }

  for (const vlan of config.vlans ?? []) {
    const [port, below] = [interfaces[vlan.name]!, interfaces[vlan.interface]!];
    const tags = tagsOf(vlan);
    entries.push({ table: "taggedInputs", key: { interfaceIndex: below, ...tags }, value: port });
    entries.push({ table: "taggedOutputs", key: port, value: { interfaceIndex: below, ...tags } });
  }

  const sessionsOnly = sessionsOnlyOf(plan);
  if (steering.some((one) => one.sessionsOnly)) {
    const value = {
      kind: Headend.MGtp4D,
      count: 0,
      spare: 0,
      first: 0,
      rest: 0n,
      slots: Array<number>(SHARES).fill(0),
    };
    entries.push({ table: "policies", key: sessionsOnly, value });
  }
  for (const { prefix, interface: name, policy } of steering) {
    const number = policy === undefined ? sessionsOnly : numbers.policies[policy]!;
    if (name !== undefined) entries.push(portEntry(interfaces[name]!, number));
    if (prefix === undefined) continue;
    const { family, bits, address } = parsePrefix(prefix);
    entries.push({ table: family === 4 ? "steering4" : "steering6", key: `${address}/${bits}`, value: number });
  }

  const sessionPlaces = new Slots(plan.sessionSlots, SESSION_PROBES);
  for (const { address, teid, policy } of sessions) {
    const { value } = parsePrefix(address);
    const slot = sessionPlaces.take(value, BigInt(teid));
    if (slot === null) return null;
    const number = numbers.policies[policy]!;
    const session = { address: Number(value), teid, policy: number, spare: 0, packets: 0n, bytes: 0n };
    entries.push({ table: "sessions", key: slot, value: session });
  }
  return { entries, nextHops: adjacencies.nextHops };
}
