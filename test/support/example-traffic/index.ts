/**
 * Packets and map contents for the programs of examples/: `trafficFor` reaches every branch and breaks packets in every
 * way, `typicalFor` is what the benchmark sends, `stateFor` makes look-ups hit.
 *
 * Everything follows from the seed. Maps hold bytes, so that a TypeScript object and its C twin get the same ones.
 */
import { Random } from "../random.ts";
import { filters, icmpErrors } from "./filters.ts";
import { loadBalancer, staticNat } from "./flows.ts";
import { Type, tagged } from "./frames.ts";
import { gtp4Decap, gtp4Encap } from "./mobile.ts";
import { end, endPsp, tlvDispatch } from "./srv6.ts";
import type { MapEntry, Subject } from "./subject.ts";

export { ExampleNetwork } from "./network.ts";
export type { MapEntry } from "./subject.ts";

const SUBJECTS = new Map(
  [end, endPsp, gtp4Decap, gtp4Encap, loadBalancer, staticNat, tlvDispatch, ...filters, icmpErrors].map((subject) => [
    subject.name,
    subject,
  ]),
);

export const subjectNames: readonly string[] = [...SUBJECTS.keys()];

function subjectOf(name: string): Subject {
  const subject = SUBJECTS.get(name);
  if (!subject) throw new Error(`no traffic for ${name}; there is some for ${subjectNames.join(", ")}`);
  return subject;
}

/** BPF_PROG_TEST_RUN wants a whole Ethernet header. */
const SHORTEST = 14;
/** Behind this many bytes lies payload only. */
const LONGEST_CUT = 220;

/**
 * `count` packets. Every fifth is a typical one cut short, so that a few hundred cover every length; of the others some
 * have VLAN tags, are cut, or have bytes changed.
 */
export function trafficFor(name: string, seed: number, count: number): Uint8Array[] {
  const subject = subjectOf(name);
  const random = new Random(seed);
  const cuts = everyCut(subject.typical);
  let cut = seed % cuts.length;
  return Array.from({ length: count }, (_, i) => {
    if (i % 5 === 4) return cuts[cut++ % cuts.length]!;
    return damage(random, withTags(random, subject.make(random)));
  });
}

export const typicalFor = (name: string): readonly Uint8Array[] => subjectOf(name).typical;

/** `egress`: index of the interface behind `ports`. */
export const stateFor = (name: string, egress = 1): readonly MapEntry[] => subjectOf(name).state(egress);

function everyCut(packets: readonly Uint8Array[]): Uint8Array[] {
  return packets.flatMap((packet) =>
    Array.from({ length: Math.min(packet.length, LONGEST_CUT) - SHORTEST + 1 }, (_, i) =>
      packet.slice(0, SHORTEST + i),
    ),
  );
}

function withTags(random: Random, frame: Uint8Array): Uint8Array {
  if (random.chance(0.8)) return frame;
  const types = random.pick([[Type.vlan], [Type.qinq], [Type.qinq, Type.vlan], [Type.vlan, Type.vlan, Type.vlan]]);
  return tagged(frame, ...types);
}

function damage(random: Random, frame: Uint8Array): Uint8Array {
  if (random.chance(0.08)) return frame.slice(0, random.between(SHORTEST, frame.length));
  if (!random.chance(0.15)) return frame;
  const changed = frame.slice();
  for (let i = random.between(1, 4); i > 0; i--) changed[random.between(0, frame.length - 1)] = random.u32() & 0xff;
  return changed;
}
