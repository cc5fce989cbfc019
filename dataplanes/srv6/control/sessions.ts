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
  readonly spare: number;
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
/** Longer than any program runs. */
export const REST_MS = 20;
const NONE_TAKEN: ReadonlySet<number> = new Set();
const EMPTY: SessionValue = { address: 0, teid: 0, policy: 0, spare: 0, packets: 0n, bytes: 0n };

/** A tunnel by number: address and TEID. */
const keyOf = (address: number, teid: number): bigint => (BigInt(address) << 32n) | BigInt(teid);

export interface Tunnel {
  readonly address: number;
  readonly teid: number;
}

export interface NewSession extends Tunnel {
  /** Number of the policy. */
  readonly policy: number;
}

export class SessionTable {
  #map: SessionMap;
  readonly #slots: number;
  readonly #places = new Map<bigint, number>();
  readonly #policies = new Map<bigint, number>();
  readonly #taken = new Set<number>();
  /** The smaller table, and what was copied from there, by slot of this one. */
  #before: { readonly table: SessionTable; readonly counted: ReadonlyMap<number, SessionValue> } | undefined;
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

  /** Of its map. */
  get slots(): number {
    return this.#slots;
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

  /** Sessions of policies other than these, by their numbers. */
  othersThan(policies: ReadonlySet<number>): Tunnel[] {
    return [...this.#policies]
      .filter(([, policy]) => !policies.has(policy))
      .map(([key]) => ({ address: Number(key >> 32n), teid: Number(key & 0xffffffffn) }));
  }

  /** With what they counted. */
  *list(): Generator<SessionValue> {
    for (const slot of this.#places.values()) yield this.#map.get(slot)!;
  }

  /**
   * The same sessions with what they have counted in a larger map, which no program reads yet.
   *
   * @throws Srv6Error SRV6_FULL
   */
  grown(map: SessionMap, slots: number): SessionTable {
    const larger = new SessionTable(map, slots);
    const values = new Map(this.#map.entries());
    const placed = Array.from(this.#places.values(), (old): readonly [number, SessionValue] => {
      const value = values.get(old)!;
      const slot = larger.#free(value, NONE_TAKEN);
      larger.#remember(slot, value);
      return [slot, value];
    });
    map.setAll(placed);
    larger.#before = { table: this, counted: new Map(placed) };
    return larger;
  }

  /** What sessions counted in the smaller table after it was copied; no program reads that any more. */
  *uncounted(): Generator<{ readonly slot: number; readonly packets: bigint; readonly bytes: bigint }> {
    const before = this.#before;
    this.#before = undefined;
    if (!before) return;
    for (const [, { address, teid, packets, bytes }] of before.table.#map.entries()) {
      const slot = this.#places.get(keyOf(address, teid));
      const copied = slot === undefined ? undefined : before.counted.get(slot);
      if (slot === undefined || !copied || copied.packets === packets) continue;
      yield { slot, packets: packets - copied.packets, bytes: bytes - copied.bytes };
    }
  }

  /** The same table, as another program holds it. */
  use(map: SessionMap): void {
    this.#map = map;
  }

  /** Adds sessions that are not there. All or none. @throws Srv6Error as `change` */
  add(sessions: readonly NewSession[]): void {
    this.change(sessions, []);
  }

  /** What it had counted; undefined when there is none. */
  delete(address: number, teid: number): SessionValue | undefined {
    if (!this.has(address, teid)) return undefined;
    return this.change([], [{ address, teid }])[0];
  }

  /**
   * Adds and takes away, all or none; gives what had been counted by those that are gone. A session that is in both gets its new
   * entry before the old one goes, so that no packet misses it.
   *
   * @throws Srv6Error SRV6_SESSION when one is there already, SRV6_FULL when the table has no place for it
   */
  change(added: readonly NewSession[], removed: readonly Tunnel[]): SessionValue[] {
    const going = new Map(
      removed.map(({ address, teid }) => [keyOf(address, teid), this.#places.get(keyOf(address, teid))!] as const),
    );
    const taken = new Set<number>();
    const keys = new Set<bigint>();
    const placed = added.map((session): readonly [number, SessionValue] => {
      const key = keyOf(session.address, session.teid);
      if (keys.has(key) || (this.#places.has(key) && !going.has(key)))
        throw refused(session, "is there already", "delete it first");
      keys.add(key);
      const slot = this.#free(session, taken);
      taken.add(slot);
      return [slot, { ...EMPTY, ...session }];
    });
    this.#map.setAll(placed.map(([slot, value]) => [slot, { ...value, address: this.#mark(slot) }] as const));
    this.#map.setAll(placed);
    const last = Array.from(going, ([key, slot]) => {
      this.#map.set(slot, { ...this.#map.get(slot)!, address: GONE });
      this.#taken.delete(slot);
      this.#places.delete(key);
      this.#policies.delete(key);
      this.#resting.set(slot, performance.now());
      return this.#map.get(slot)!;
    });
    for (const [slot, session] of placed) {
      this.#remember(slot, session);
      this.#resting.delete(slot);
    }
    return last;
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

  /** A slot for a session, not one of `taken`. */
  #free(session: NewSession, taken: ReadonlySet<number>): number {
    const first = slotOf(BigInt(session.address), BigInt(session.teid), this.#slots);
    for (let i = 0; i < SESSION_PROBES; i++) {
      const slot = (first + i) & (this.#slots - 1);
      const since = this.#resting.get(slot);
      const isRested = since === undefined || performance.now() - since > REST_MS;
      if (isRested && !this.#taken.has(slot) && !taken.has(slot)) return slot;
    }
    const problem = `session ${printAddress(session.address)} ${session.teid} has no place in ${this.#slots} slots`;
    throw new Srv6Error("SRV6_FULL", problem, { hint: "take sessions away, or use prefixes" });
  }
}

const refused = ({ address, teid }: Tunnel, problem: string, hint: string): Srv6Error =>
  new Srv6Error("SRV6_SESSION", `session ${printAddress(address)} ${teid} ${problem}`, { hint });

export const printAddress = (address: number): string => [24, 16, 8, 0].map((by) => (address >>> by) & 255).join(".");
