/**
 * Next hops as the program needs them: interface, MTU, MAC addresses; from the kernel's links and neighbours.
 *
 * An adjacency has two halves, of which `active` names the valid one: the other is written, then the number is switched. A
 * half that was valid until just now may still be in use on another processor, so it rests before it is written again.
 */
import { findNeighbour, keepNeighbour, type NetworkInterface, tryFindInterface } from "xdpkit/kernel";
import type { NextHopConfig, VlanConfig } from "./config.ts";
import { parsePrefix } from "./prefix.ts";
import { tagsOf } from "./vlans.ts";

export interface Hop {
  readonly interfaceIndex: number;
  readonly mtu: number;
  readonly stations: { readonly destination: string; readonly source: string };
  readonly refusal: number;
  /** Of a VLAN: its index, and the tags with which its frames leave by the interface. */
  readonly port: number;
  readonly outer: number;
  readonly inner: number;
}
const UNTAGGED = { port: 0, outer: 0, inner: 0 };

const NO_MAC = "00:00:00:00:00:00";
/** `FibResult.NoNeighbour`. */
const NO_NEIGHBOUR = 7;
export const UNRESOLVED: Hop = {
  interfaceIndex: 0,
  mtu: 0,
  stations: { destination: NO_MAC, source: NO_MAC },
  refusal: NO_NEIGHBOUR,
  ...UNTAGGED,
};
/** Longer than any packet takes; an adjacency changes less often. */
const REST_MS = 20;

const UNUSABLE: readonly string[] = ["none", "incomplete", "failed"];

/** In the thread's namespace. `keep`: the kernel is asked to find the neighbour and keep it. */
export function resolveNextHop(
  { interface: name, address }: NextHopConfig,
  vlans: readonly VlanConfig[],
  keep: boolean,
): Hop {
  const found = usable(name);
  if (!found) return UNRESOLVED;
  const { index, mtu, mac = NO_MAC } = found;
  const out = wayOut(found, vlans);
  if (!out) return UNRESOLVED;
  if (address === undefined) return { mtu, stations: { destination: NO_MAC, source: mac }, refusal: 0, ...out };
  if (keep) keepNeighbour(index, address);
  const neighbour = findNeighbour(index, address);
  if (!neighbour?.mac || UNUSABLE.includes(neighbour.state)) return UNRESOLVED;
  return { mtu, stations: { destination: neighbour.mac, source: mac }, refusal: 0, ...out };
}

function usable(name: string): NetworkInterface | undefined {
  const found = tryFindInterface(name);
  return found?.up && found.carrier ? found : undefined;
}

/** Frames of a VLAN leave by the interface below. */
function wayOut({ name, index }: NetworkInterface, vlans: readonly VlanConfig[]) {
  const vlan = vlans.find((one) => one.name === name);
  if (!vlan) return { interfaceIndex: index, ...UNTAGGED };
  const below = usable(vlan.interface);
  return below && { interfaceIndex: below.index, port: index, ...tagsOf(vlan) };
}

const sameHop = (a: Hop, b: Hop): boolean => JSON.stringify(a) === JSON.stringify(b);

interface Writable {
  set(index: number, value: object): void;
}

/** The `adjacencies` of one program. */
export class Adjacencies {
  readonly #map: Writable;
  readonly #nextHops: ReadonlyMap<number, NextHopConfig>;
  readonly #vlans: readonly VlanConfig[];
  readonly #states = new Map<number, { active: 0 | 1; halves: [Hop, Hop]; switchedAt: number }>();
  readonly #inside: <T>(body: () => T) => T;
  #waiting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    map: Writable,
    nextHops: ReadonlyMap<number, NextHopConfig>,
    vlans: readonly VlanConfig[],
    inside: <T>(body: () => T) => T,
  ) {
    this.#map = map;
    this.#nextHops = nextHops;
    this.#vlans = vlans;
    this.#inside = inside;
  }

  /** Resolves all, for the first time: the program does not run yet. */
  fill(): void {
    for (const [index, nextHop] of this.#nextHops) {
      const hop = this.#inside(() => resolveNextHop(nextHop, this.#vlans, true));
      this.#states.set(index, { active: 0, halves: [hop, UNRESOLVED], switchedAt: 0 });
      this.#write(index);
    }
  }

  /** Resolves again what may have changed, and writes what has. */
  update(): void {
    for (const [index, nextHop] of this.#nextHops) {
      const state = this.#states.get(index)!;
      const hop = this.#inside(() => resolveNextHop(nextHop, this.#vlans, false));
      if (sameHop(hop, state.halves[state.active])) continue;
      const rested = performance.now() - state.switchedAt;
      if (rested < REST_MS) {
        this.#later(REST_MS - rested);
        // Nobody may be sent to what is wrong: an adjacency without interface is asked of the routes.
        this.#invalidate(index);
        continue;
      }
      const next = state.active === 0 ? 1 : 0;
      state.halves[next] = hop;
      this.#write(index);
      state.active = next;
      state.switchedAt = performance.now();
      this.#write(index);
    }
  }

  close(): void {
    clearTimeout(this.#waiting);
  }

  get unresolved(): readonly NextHopConfig[] {
    return [...this.#states]
      .filter(([, { active, halves }]) => halves[active].interfaceIndex === 0)
      .map(([index]) => this.#nextHops.get(index)!);
  }

  #later(ms: number): void {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.update(), ms);
  }

  /** One word: the interface of the valid half. */
  #invalidate(index: number): void {
    const state = this.#states.get(index)!;
    state.halves[state.active] = { ...state.halves[state.active], interfaceIndex: 0, refusal: NO_NEIGHBOUR };
    this.#write(index);
  }

  #write(index: number): void {
    const { active, halves } = this.#states.get(index)!;
    const address = this.#nextHops.get(index)!.address;
    const gateway = address === undefined ? undefined : parsePrefix(address);
    const [high, low] = !gateway
      ? [0n, 0n]
      : gateway.family === 4
        ? [1n, gateway.value]
        : [gateway.value >> 64n, gateway.value & 0xffffffffffffffffn];
    this.#map.set(index, { active, spare: 0, halves, high, low, rest: Array<bigint>(4).fill(0n) });
  }
}
