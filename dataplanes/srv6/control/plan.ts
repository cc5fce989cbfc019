/** The shape of a configuration: what the program must be made for. */
import { Flavour, Headend, PathFlag } from "../program/behaviours.ts";
import type { Plan } from "../program/plan.ts";
import { MAX_SEGMENTS } from "../program/tables.xdp.ts";
import { CODEPOINTS, type FlavourName, type HeadendName, type PolicyConfig, type Srv6Config } from "./config.ts";
import { type Numbering, numberingOf } from "./numbering.ts";
import { parsePrefix } from "./prefix.ts";

export const FLAVOURS: Readonly<Record<FlavourName, number>> = {
  PSP: Flavour.Psp,
  USP: Flavour.Usp,
  USD: Flavour.Usd,
  "NEXT-CSID": Flavour.NextCsid,
};

/** What the program does, and whether the first segment is left out of the SRH. */
export const HEADENDS: Readonly<Record<HeadendName, { readonly kind: number; readonly isReduced: boolean }>> = {
  "H.Encaps": { kind: Headend.Encaps, isReduced: false },
  "H.Encaps.Red": { kind: Headend.Encaps, isReduced: true },
  "H.Encaps.L2": { kind: Headend.EncapsL2, isReduced: false },
  "H.Encaps.L2.Red": { kind: Headend.EncapsL2, isReduced: true },
  "H.Insert": { kind: Headend.Insert, isReduced: false },
  "H.M.GTP4.D": { kind: Headend.MGtp4D, isReduced: true },
};

export const flagsOf = ({ trafficClass = "copy", flowLabel = "hash" }: PolicyConfig): number =>
  (trafficClass === "copy" ? PathFlag.CopyClass : 0) |
  (flowLabel === "hash" ? PathFlag.HashLabel : flowLabel === "copy" ? PathFlag.CopyLabel : 0);

/** Policies of End.M.GTP6.D.Di: the packet's own destination comes behind their segments, as in an insertion. */
export const dropInPolicies = ({ sids = [] }: Srv6Config): ReadonlySet<string> =>
  new Set(sids.filter(({ behaviour }) => behaviour === "End.M.GTP6.D.Di").map(({ policy }) => policy ?? ""));

/** Whether the packet's own destination is the last segment. */
export const keepsDestination = (policy: PolicyConfig, dropIn: ReadonlySet<string>): boolean =>
  HEADENDS[policy.headend].kind === Headend.Insert || dropIn.has(policy.name);

/** Segments in the SRH of a path of so many. */
export function segmentsInSrh(policy: PolicyConfig, segments: number, dropIn: ReadonlySet<string>): number {
  const all = keepsDestination(policy, dropIn) ? segments + 1 : segments;
  return HEADENDS[policy.headend].isReduced ? all - 1 : all;
}

/** A power of two, at least twice what is there. */
const powerOfTwo = (count: number, least: number): number => 2 ** Math.ceil(Math.log2(Math.max(least, 2 * count)));

/** What the program must be made for. @throws Srv6Error SRV6_CONFIG */
export function planOf(config: Srv6Config, numbers: Numbering = numberingOf(config)): Plan {
  const { sids = [], policies = [], steering = [], sessions = [], vlans = [], dropSamples = 10, room = 64 } = config;
  const dropIn = dropInPolicies(config);
  const paths = policies.flatMap((policy) =>
    policy.paths.map((path) => segmentsInSrh(policy, path.segments.length, dropIn)),
  );
  const steersTo = new Set([...steering, ...sessions].map(({ policy }) => policy));
  const isSessionsOnly = steering.some(({ sessionsOnly }) => sessionsOnly);
  const adjacencies = sids.length + paths.length + sids.flatMap(({ vlans = {} }) => Object.keys(vlans)).length;
  return {
    sidPrefixes: [...new Set(sids.map(({ sid }) => parsePrefix(sid).bits))].sort((a, b) => b - a),
    behaviours: new Set(sids.map(({ behaviour }) => CODEPOINTS[behaviour])),
    flavours: sids.flatMap(({ flavours = [] }) => flavours).reduce((bits, name) => bits | FLAVOURS[name], 0),
    headends: new Set(
      policies
        .filter(({ name, headend }) => steersTo.has(name) || (isSessionsOnly && headend === "H.M.GTP4.D"))
        .map(({ headend }) => HEADENDS[headend].kind),
    ),
    segmentCounts: [...new Set(paths)].filter((count) => count <= MAX_SEGMENTS).sort((a, b) => a - b),
    pathFlags: policies.reduce((flags, policy) => flags | flagsOf(policy), 0),
    isWeighted: policies.some((policy) => policy.paths.length > 1),
    isMultipath: config.multipath ?? true,
    hasSessions: sessions.length > 0 || isSessionsOnly || config.sessionSlots !== undefined,
    sourcePrefix: config.sourcePrefix ?? 64,
    visitsAgain: sids.length > 1 || (sids.length > 0 && policies.length > 0),
    isTagged: vlans.length > 0,
    sampleInterval: dropSamples === 0 ? 0n : BigInt(Math.round(1e9 / dropSamples)),
    udpChecksum: config.udpChecksum ?? false,
    refuseHmac: config.refuseHmac ?? false,
    address4: config.address4 ?? "192.0.0.8", // RFC 7600: the dummy address of IPv4 errors
    address6: config.address,
    sidSlots: powerOfTwo(sids.length + room, 64),
    sessionSlots: config.sessionSlots ?? powerOfTwo(sessions.length, 65536),
    routeSlots: 4096,
    policies: powerOfTwo(Math.max(0, ...Object.values(numbers.policies)) / 2 + 1, 16),
    paths: powerOfTwo(paths.length + 1, 16),
    adjacencies: powerOfTwo(adjacencies + 1, 16),
    steeringEntries: powerOfTwo(steering.length, 64),
    vlanPorts: powerOfTwo(vlans.length, 16),
    vlans: powerOfTwo(sids.flatMap(({ vlans = {} }) => Object.keys(vlans)).length, 16),
  };
}
