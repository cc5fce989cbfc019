/** What a running data plane tells of itself: plain data, numbers of packets as text, for they may pass 2^53. */

import { listInterfaces } from "xdpkit/kernel";
import { printAddress } from "../control/sessions.ts";
import type { UserPlane } from "../control/user-plane.ts";
import { egress, interfaces } from "../program/tables.xdp.ts";

export interface Traffic {
  readonly packets: string;
  readonly bytes: string;
}

export interface Status {
  readonly file: string;
  readonly pid: number;
  readonly interfaces: readonly string[];
  readonly sids: number;
  readonly policies: number;
  readonly sessions: number;
  /** Next hops that are down, or whose neighbour is not known. */
  readonly unresolved: readonly string[];
  readonly generation: number;
  /** Interfaces without the program, and why. */
  readonly missing: Readonly<Record<string, string>>;
  /** Why the last reload was refused; the configuration before it goes on. */
  readonly mistake?: { readonly time: string; readonly text: string };
}

export interface Stats {
  readonly interfaces: Readonly<Record<string, { readonly received: Traffic; readonly sent: Traffic }>>;
  readonly sids: Readonly<Record<string, Traffic & { readonly behaviour: string }>>;
  readonly policies: Readonly<Record<string, Traffic & { readonly headend: string }>>;
  /** Packets by what became of them. */
  readonly outcomes: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<string, string>>;
}

interface Counted {
  readonly packets: bigint;
  readonly bytes: bigint;
}
const NOTHING: Counted = { packets: 0n, bytes: 0n };
const sum = (perCpu: readonly Counted[] | undefined): Counted =>
  (perCpu ?? []).reduce((a, b) => ({ packets: a.packets + b.packets, bytes: a.bytes + b.bytes }), NOTHING);
const printed = ({ packets, bytes }: Counted): Traffic => ({ packets: String(packets), bytes: String(bytes) });
const isSome = ({ packets }: Counted): boolean => packets > 0n;

export function statusOf(plane: UserPlane, file: string, names: readonly string[]): Status {
  const { sids = [], policies = [] } = plane.config;
  return {
    file,
    pid: process.pid,
    interfaces: names,
    sids: sids.length,
    policies: policies.length,
    sessions: plane.hasSessions ? plane.sessions.size : 0,
    unresolved: plane.unresolved.map(({ interface: name, address }) =>
      address === undefined ? name : `${address} on ${name}`,
    ),
    generation: plane.generation,
    missing: Object.fromEntries(plane.missing),
  };
}

export function statsOf(plane: UserPlane): Stats {
  const { loaded, config, numbers } = plane;
  const { tables } = plane.plane;
  const read = (map: unknown, index: number): Counted =>
    sum((loaded.map(map as never) as { get(index: number): readonly Counted[] | undefined }).get(index));
  const known = plane.inside(() => listInterfaces());
  const perInterface = known.flatMap(({ name, index }) => {
    const [received, sent] = [read(interfaces, index & 1023), read(egress, index & 1023)];
    return isSome(received) || isSome(sent)
      ? [[name, { received: printed(received), sent: printed(sent) }] as const]
      : [];
  });
  const { outcomes, answers } = plane.counts();
  const some = (counts: Record<string, bigint>) =>
    Object.fromEntries(Object.entries(counts).flatMap(([name, count]) => (count > 0n ? [[name, String(count)]] : [])));
  return {
    interfaces: Object.fromEntries(perInterface),
    sids: Object.fromEntries(
      (config.sids ?? []).map(({ sid, behaviour }) => [
        sid,
        { behaviour, ...printed(read(tables.sidCounters, numbers.sids[sid]!)) },
      ]),
    ),
    policies: Object.fromEntries(
      (config.policies ?? []).map(({ name, headend }) => [
        name,
        {
          headend,
          ...printed(plane.has("policy_counters") ? read(tables.policyCounters, numbers.policies[name]!) : NOTHING),
        },
      ]),
    ),
    outcomes: some(outcomes),
    answers: some(answers),
  };
}

/** A dropped packet as the data plane tells it. */
export interface DropReport {
  readonly number: number;
  /** Nanoseconds since 1970. */
  readonly time: string;
  readonly interface: string;
  readonly reason: string;
  /** Of the frame, bytes. */
  readonly length: number;
  /** Its first bytes, hexadecimal. */
  readonly packet: string;
}

/** Dropped packets behind a number. */
export function dropsOf(plane: UserPlane, since: number): DropReport[] {
  const fresh = plane.drops.since(since);
  if (fresh.length === 0) return [];
  const names = new Map(plane.inside(() => listInterfaces()).map(({ index, name }) => [index, name]));
  return fresh.map(({ number, time, interfaceIndex, reason, length, packet }) => ({
    number,
    time: String(time),
    interface: names.get(interfaceIndex) ?? `interface ${interfaceIndex}`,
    reason,
    length,
    packet: Buffer.from(packet).toString("hex"),
  }));
}

export interface SessionReport extends Traffic {
  readonly address: string;
  readonly teid: number;
  readonly policy: string;
}

export function sessionsOf(plane: UserPlane): SessionReport[] {
  if (!plane.hasSessions) return [];
  const names = new Map(Object.entries(plane.numbers.policies).map(([name, number]) => [number, name]));
  return Array.from(plane.sessions.list(), (session) => ({
    address: printAddress(session.address),
    teid: session.teid,
    policy: names.get(session.policy) ?? `policy ${session.policy}`,
    ...printed(session),
  }));
}
