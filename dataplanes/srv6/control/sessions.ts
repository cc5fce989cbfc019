/**
 * The table of sessions while the program reads it: open addressing in an array, changed entry by entry.
 *
 * A slot whose session has gone keeps a mark, so that sessions behind it are still found; it is used again after a rest, when
 * no processor can still read it. An entry appears by its last word: first everything but the address, then the address.
 */
import { SESSION_PROBES, slotOf } from "../program/lookup.xdp.ts";
import { Srv6Error } from "./error.ts";

export interface SessionValue {
  readonly address: number;
  readonly teid: number;
  readonly policy: number;
  readonly flags: number;
  readonly packets: bigint;
  readonly bytes: bigint;
}

interface SessionMap {
  get(slot: number): SessionValue | undefined;
  set(slot: number, value: SessionValue): void;
  setAll(entries: Iterable<readonly [number, SessionValue]>): void;
  entries(): Iterable<readonly [number, SessionValue]>;
}

/** No session has this address: 255.255.255.255. */
const GONE = 0xffffffff;
const REST_MS = 20;
const EMPTY: SessionValue = { address: 0, teid: 0, policy: 0, flags: 0, packets: 0n, bytes: 0n };

/** A tunnel by number: address and TEID. */
const keyOf = (address: number, teid: number): bigint => (BigInt(address) << 32n) | BigInt(teid);

export interface NewSession {
  readonly address: number;
  readonly teid: number;
  /** Number of the policy. */
  readonly policy: number;
}

export class SessionTable {
  readonly #map: SessionMap;
  readonly #slots: number;
  readonly #places = new Map<bigint, number>();
  readonly #policies = new Map<bigint, number>();
  readonly #taken = new Set<number>();
  /** Since when a slot rests. */
  readonly #resting = new Map<number, number>();

  /** `slots`: of the map. What it holds is taken over. */
  constructor(map: SessionMap, slots: number) {
    this.#map = map;
    this.#slots = slots;
    for (const [slot, { address, teid, policy }] of map.entries()) {
      if (address === 0) continue;
      if (address === GONE) this.#resting.set(slot, 0);
      else this.#remember(slot, { address, teid, policy });
    }
  }

  get size(): number {
    return this.#places.size;
  }

  has(address: number, teid: number): boolean {
    return this.#places.has(keyOf(address, teid));
  }

  /** The number of its policy. */
  policyOf(address: number, teid: number): number | undefined {
    return this.#policies.get(keyOf(address, teid));
  }

  /** Sessions of a policy. */
  countOf(policy: number): number {
    let count = 0;
    for (const one of this.#policies.values()) if (one === policy) count++;
    return count;
  }

  /** With what they counted. */
  *list(): Generator<SessionValue> {
    for (const slot of this.#places.values()) yield this.#map.get(slot)!;
  }

  /**
   * Adds sessions that are not there. All or none.
   *
   * @throws Srv6Error SRV6_SESSION when one is there already, or the table has no place for it
   */
  add(sessions: readonly NewSession[]): void {
    const placed: [number, SessionValue][] = [];
    try {
      for (const session of sessions) {
        const slot = this.#take(session);
        this.#remember(slot, session);
        placed.push([slot, { ...EMPTY, ...session }]);
      }
    } catch (error) {
      for (const [slot, session] of placed) this.#forget(slot, session);
      throw error;
    }
    this.#map.setAll(placed.map(([slot, value]) => [slot, { ...value, address: this.#mark(slot) }] as const));
    this.#map.setAll(placed);
    for (const [slot] of placed) this.#resting.delete(slot);
  }

  /** What it had counted; undefined when there is none. */
  delete(address: number, teid: number): SessionValue | undefined {
    const slot = this.#places.get(keyOf(address, teid));
    if (slot === undefined) return undefined;
    const last = this.#map.get(slot)!;
    this.#map.set(slot, { ...last, address: GONE });
    this.#forget(slot, last);
    this.#resting.set(slot, performance.now());
    return this.#map.get(slot);
  }

  /** What a slot holds while its new content is written. */
  #mark(slot: number): number {
    return this.#resting.has(slot) ? GONE : 0;
  }

  #remember(slot: number, { address, teid, policy }: NewSession): void {
    this.#taken.add(slot);
    this.#places.set(keyOf(address, teid), slot);
    this.#policies.set(keyOf(address, teid), policy);
  }

  #forget(slot: number, { address, teid }: NewSession): void {
    this.#taken.delete(slot);
    this.#places.delete(keyOf(address, teid));
    this.#policies.delete(keyOf(address, teid));
  }

  #take({ address, teid }: NewSession): number {
    const problem = (message: string, hint: string) => new Srv6Error("SRV6_SESSION", message, { hint });
    const name = `session ${printAddress(address)} ${teid}`;
    if (this.has(address, teid)) throw problem(`${name} is there already`, "delete it first");
    const first = slotOf(BigInt(address), BigInt(teid), this.#slots);
    for (let i = 0; i < SESSION_PROBES; i++) {
      const slot = (first + i) & (this.#slots - 1);
      const since = this.#resting.get(slot);
      if (!this.#taken.has(slot) && (since === undefined || performance.now() - since > REST_MS)) return slot;
    }
    throw problem(
      `the table of ${this.#slots} slots has no place for ${name}`,
      "set sessionSlots to twice as many, and start again",
    );
  }
}

export const printAddress = (address: number): string => [24, 16, 8, 0].map((by) => (address >>> by) & 255).join(".");
