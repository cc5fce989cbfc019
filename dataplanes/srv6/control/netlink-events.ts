/** What of the kernel's news matters to a data plane, and what it asks of the kernel. */
import { keepNeighbour, listRules, type NetworkChange, resolveRoute } from "xdpkit/kernel";
import type { Srv6Config } from "./config.ts";
import { parsePrefix } from "./prefix.ts";

type Inside = <T>(body: () => T) => T;

/** Neighbours as they were last heard of: most news of them say the same again. */
export class NeighbourCache {
  /** Usable MAC addresses. */
  readonly #macs = new Map<string, string>();

  /** Whether a change is one, or is no change of a neighbour. */
  matters({ kind, neighbour }: NetworkChange): boolean {
    if (kind !== "neighbour" || !neighbour) return true;
    const { interfaceIndex, address, state, mac = "" } = neighbour;
    const key = `${interfaceIndex} ${address}`;
    const usable = state === "none" || state === "failed" || state === "incomplete" ? "" : mac;
    if (this.#macs.get(key) === usable) return false;
    if (state === "none") this.#macs.delete(key);
    else this.#macs.set(key, usable);
    return true;
  }
}

/**
 * Whether rules ask for more than the destination, so that an answer is good for one packet only. Where they cannot be read:
 * true, the careful way.
 */
export function rulesHaveSelectors(inside: Inside): boolean {
  try {
    return inside(() => listRules().some(({ selectors }) => selectors.length > 0));
  } catch {
    return true;
  }
}

/**
 * Has the kernel keep the neighbours that policies lead to by their routes: packets that are sent past it do not. A route
 * that is not there yet is looked for again when routes change.
 */
export function keepGateways({ policies = [] }: Srv6Config, inside: Inside): void {
  const firsts = new Set(
    policies.flatMap(({ paths }) => paths.filter(({ nextHop }) => !nextHop).map(({ segments }) => segments[0]!)),
  );
  for (const segment of firsts) {
    try {
      const { address } = parsePrefix(segment);
      inside(() => {
        const route = resolveRoute(address);
        if (route?.type === "unicast" && route.interfaceIndex !== undefined)
          keepNeighbour(route.interfaceIndex, route.gateway ?? address);
      });
    } catch {
      // A neighbour that cannot be kept is resolved when packets come.
    }
  }
}
