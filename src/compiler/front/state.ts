/**
 * What is known at a point of the program: the block that is being filled, the variables, facts about values, and which
 * memory has been read already.
 *
 * Invariant: a state belongs to one open block; branching copies it. Facts are about SSA values, so they stay true in all
 * that follows; they are lost only where paths meet that know different things.
 */
import type { BlockId, ValueId } from "../ir/ir.ts";
import type { ObjectBytes, Pointer, Range, Value } from "./value.ts";

/** A value that was loaded from, or stored to, memory. */
export interface KnownLoad {
  readonly value: Value;
  /** What a store must not overlap: `region` names the kind of memory, `base` the pointer. */
  readonly region: string;
  readonly base: ValueId;
  readonly start: number;
  readonly end: number;
}

/** A place that was overwritten as a whole, and when. */
export interface Overwrite {
  readonly base: ValueId;
  readonly start: number;
  readonly end: number;
  readonly stamp: number;
  readonly line: number;
}

/** The context of a function that has not got it, and its `data` and `data_end`. */
export const NOWHERE: ValueId = -1;

export interface PacketState {
  readonly generation: number;
  readonly data: ValueId;
  readonly end: ValueId;
  /** The call that ended the generation before. */
  readonly killer: string | undefined;
  readonly killerLine: number;
}

/** A byte of a stack value: a constant, or byte `index` of a register, the lowest being 0. */
export type ByteSource = number | { readonly id: ValueId; readonly index: number };

/** The content of a stack value. */
export type ObjectContent =
  /** In registers; `clean` when the object's slot holds the same bytes. */
  | { readonly kind: "bytes"; readonly bytes: readonly ByteSource[]; readonly clean: boolean }
  | { readonly kind: "slot" };

/** What tests have shown of a value. */
export interface Fact extends Range {
  /** The greatest that it can be to the verifier, when it has followed such a test. */
  readonly seen?: number;
}

/**
 * A ring-buffer record until it is submitted or discarded, a connection until it is released, a new one until it is
 * inserted: with the line that got it.
 */
export interface Held {
  readonly kind: "record" | "connection" | "newConnection";
  readonly line: number;
}

/**
 * Why a connection is no longer held under its register: released or inserted in that line, or, found there, taken over by a
 * phi.
 */
export interface Released {
  readonly line: number;
  readonly isTaken: boolean;
  readonly isInserted: boolean;
}

export interface State {
  block: BlockId;
  readonly objects: Map<number, ObjectContent>;
  readonly variables: Map<number, Value>;
  readonly facts: Map<ValueId, Fact>;
  readonly loads: Map<string, KnownLoad>;
  overwrites: readonly Overwrite[];
  packet: PacketState;
  /** Constants and keys that stand in a stack slot already, by what they hold. */
  readonly slots: Map<string, number>;
  /** Bytes behind a packet pointer that are known to be inside. */
  readonly checked: Map<ValueId, number>;
  /** What is held on some path that leads here. */
  records: ReadonlyMap<ValueId, Held>;
  /** Connections that are not held on some path that leads here. */
  released: ReadonlyMap<ValueId, Released>;
  /** The line of the `withLock` that this code is under. */
  lockedSince: number | undefined;
}

export function copyState(state: State): State {
  return {
    ...state,
    variables: new Map(state.variables),
    objects: new Map(state.objects),
    facts: new Map(state.facts),
    loads: new Map(state.loads),
    slots: new Map(state.slots),
    checked: new Map(state.checked),
  };
}

/** Facts that hold on all paths, at their widest. */
export function mergeFacts(states: readonly State[]): Map<ValueId, Fact> {
  const [first, ...others] = states as readonly [State, ...State[]];
  const merged = new Map<ValueId, Fact>();
  for (const [id, fact] of first.facts) {
    let { min, max, seen } = fact;
    let isKnown = true;
    for (const { facts } of others) {
      const other = facts.get(id);
      if (!other) {
        isKnown = false;
        break;
      }
      min = Math.min(min, other.min);
      max = Math.max(max, other.max);
      seen = seen === undefined || other.seen === undefined ? undefined : Math.max(seen, other.seen);
    }
    if (isKnown) merged.set(id, { min, max, ...(seen === undefined ? {} : { seen }) });
  }
  return merged;
}

/** Loads that all paths have made. */
export function mergeLoads(states: readonly State[]): Map<string, KnownLoad> {
  const [first, ...others] = states as readonly [State, ...State[]];
  const merged = new Map<string, KnownLoad>();
  for (const [key, load] of first.loads) {
    if (others.every(({ loads }) => sameValue(loads.get(key)?.value, load.value))) merged.set(key, load);
  }
  return merged;
}

/** The same value: identical, or made of the same SSA values with nothing else known of them. */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (!a || !b || a.kind !== b.kind) return false;
  switch (a.kind) {
    case "staged":
      return Object.is(a.value, (b as typeof a).value) && a.isSigned === (b as typeof a).isSigned;
    case "number": {
      // On one path a test may have shown more: that must not be taken for all.
      const { id, range } = b as typeof a;
      return a.id === id && a.range.min === range.min && a.range.max === range.max;
    }
    case "boolean":
      return a.id === (b as typeof a).id;
    case "bigint": {
      const { id, signed, max } = b as typeof a;
      return a.id === id && a.signed === signed && a.max === max;
    }
    case "address": {
      const other = b as typeof a;
      return a.words.length === other.words.length && a.words.every((word, at) => word.id === other.words[at]!.id);
    }
    case "place": {
      const other = b as typeof a;
      return a.schema === other.schema && a.isCell === other.isCell && sameMemory(a.at, other.at);
    }
    case "nullable": {
      const other = b as typeof a;
      return a.present === other.present && a.nothing === other.nothing && sameValue(a.value, other.value);
    }
    case "record": {
      const other = b as typeof a;
      if (a.fields.size !== other.fields.size) return false;
      return [...a.fields].every(([name, value]) => sameValue(value, other.fields.get(name)));
    }
    case "quotient":
      return false;
    case "context":
      return true;
    case "cursor":
      return a.variable === (b as typeof a).variable;
    case "closure":
      return a.node === (b as typeof a).node && a.scope === (b as typeof a).scope;
    case "connection":
      return a.id === (b as typeof a).id && a.isNew === (b as typeof a).isNew;
    case "innerMap":
      return a.id === (b as typeof a).id;
  }
}

export function sameMemory(a: Pointer | ObjectBytes, b: Pointer | ObjectBytes): boolean {
  if (a.kind === "memory") return b.kind === "memory" && a.base === b.base && a.offset === b.offset;
  return b.kind === "object" && a.object === b.object && a.offset === b.offset;
}

export function sameBytes(a: readonly ByteSource[], b: readonly ByteSource[]): boolean {
  return a.every((byte, at) => sameByte(byte, b[at]!));
}

export function sameByte(a: ByteSource, b: ByteSource): boolean {
  if (typeof a === "number" || typeof b === "number") return a === b;
  return a.id === b.id && a.index === b.index;
}

/** Bytes that were checked on all paths. */
export function mergeChecked(states: readonly State[]): Map<ValueId, number> {
  const [first, ...others] = states as readonly [State, ...State[]];
  const merged = new Map<ValueId, number>();
  for (const [base, bytes] of first.checked) {
    const least = Math.min(bytes, ...others.map(({ checked }) => checked.get(base) ?? 0));
    if (least > 0) merged.set(base, least);
  }
  return merged;
}
