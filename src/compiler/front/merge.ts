/**
 * Where paths meet: one state of several, phis for what differs.
 *
 * Variables that are something else on each path are forgotten, and only their use is an error: most of them are out of
 * scope. Invariant: what a phi needs is made at the end of the block that it comes from, before that block is ended.
 */
import { invariant } from "../../base/index.ts";
import { parseAddress } from "../../schema/index.ts";
import type { BlockId, ValueId, ValueType } from "../ir/ir.ts";
import { assemble, bytesOf } from "./bytes.ts";
import type { Front } from "./front.ts";
import { slotOfObject, storeObject } from "./objects.ts";
import { loadPacket } from "./packet-bounds.ts";
import { isSeen } from "./seen.ts";
import {
  type ByteSource,
  mergeChecked,
  mergeFacts,
  mergeLoads,
  type ObjectContent,
  type State,
  sameByte,
  sameMemory,
  sameValue,
} from "./state.ts";
import {
  type Connection,
  commonSign,
  isNothing,
  isStaged,
  nothingOf,
  type PlaceValue,
  type Range,
  type Region,
  UNDEFINED,
  union,
  type Value,
  type Word,
} from "./value.ts";

/** Thrown inside when values cannot become one. */
const DIFFERENT = Symbol("different");

export class Merger {
  readonly #front: Front;
  readonly #states: readonly State[];
  readonly #block: BlockId;
  /** By what they choose from: a field that says which record it is, and what only that record has, are tested as one. */
  readonly #made = new Map<string, ValueId>();
  readonly #phis: { readonly id: ValueId; readonly values: readonly ValueId[] }[] = [];

  constructor(front: Front, states: readonly State[], block: BlockId) {
    this.#front = front;
    this.#states = states;
    this.#block = block;
  }

  /** Runs at the end of the nth path. */
  #on<T>(index: number, body: () => T): T {
    this.#front.follow(this.#states[index]!);
    return body();
  }

  phi(type: ValueType, values: readonly ValueId[]): ValueId {
    const [first] = values as readonly [ValueId];
    if (values.every((value) => value === first)) return first;
    const key = `${type}:${values.map((value) => this.#nameOf(value)).join()}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const id = this.#front.builder.phi(this.#block, type);
    this.#phis.push({ id, values });
    this.#made.set(key, id);
    if (type === "scalar" && values.some((value, index) => !this.#on(index, () => isSeen(this.#front, value))))
      this.#front.markUnseen(id);
    this.#pairBits(id, key);
    return id;
  }

  /** Remembers the phi of the opposite bits. */
  #pairBits(id: ValueId, key: string): void {
    if (!/^scalar:=[01](,=[01])*$/.test(key)) return;
    const opposite = this.#made.get(key.replace(/=[01]/g, (bit) => (bit === "=0" ? "=1" : "=0")));
    if (opposite === undefined) return;
    this.#front.opposites.set(id, opposite).set(opposite, id);
  }

  #nameOf(id: ValueId): string {
    const operation = this.#front.builder.definition(id)?.operation;
    return operation?.kind === "constant" ? `=${operation.value}` : String(id);
  }

  /** Ends the paths and fills the phis. */
  finish(): void {
    const { builder } = this.#front;
    for (const { block } of this.#states) {
      builder.enter(block);
      builder.end({ kind: "jump", to: this.#block });
    }
    builder.seal(this.#block);
    for (const { id, values } of this.#phis) {
      builder.give(this.#block, id, new Map(this.#states.map(({ block }, index) => [block, values[index]!])));
    }
  }

  /** The values of one thing on all paths as one; undefined when that cannot be. */
  tryValue(values: readonly Value[]): Value | undefined {
    const [first] = values as readonly [Value];
    if (first.kind !== "nullable" && values.every((value) => value === first)) return first;
    return this.#attempt(() => this.value(values));
  }

  /** Of values that cannot become one nothing is left: no code at the ends of the paths, no stores of what they are made of. */
  #attempt<T>(body: () => T): T | undefined {
    const { builder, objectSlots } = this.#front;
    const mark = builder.markEnds([...this.#states.map(({ block }) => block), this.#block]);
    const states = this.#states.map(({ objects, records, released }) => ({
      objects: new Map(objects),
      records,
      released,
    }));
    const [made, slots, phis] = [new Map(this.#made), new Map(objectSlots), this.#phis.length];
    try {
      return body();
    } catch (thrown) {
      if (thrown !== DIFFERENT) throw thrown;
      builder.rewindEnds(mark);
      this.#front.forgetBits(mark.types);
      this.#phis.length = phis;
      replaceAll(this.#made, made);
      replaceAll(objectSlots, slots);
      for (const [index, { objects, records, released }] of states.entries()) {
        const state = this.#states[index]!;
        replaceAll(state.objects, objects);
        Object.assign(state, { records, released });
      }
      return undefined;
    }
  }

  value(given: readonly Value[]): Value {
    // What is one value on all paths stays that value, whatever some of them know about it.
    if (given[0]!.kind !== "nullable" && given.every((value) => sameValue(value, given[0]!))) return given[0]!;
    const values = given.map((value, index) => this.#on(index, () => this.#front.settle(value)));
    const first = values[0]!;
    if (values.every((value) => sameValue(value, first))) return first;
    if (values.some((value) => isNothing(value) || value.kind === "nullable")) return this.#nullable(values);
    return this.#present(values);
  }

  #nullable(values: readonly Value[]): Value {
    const present = values.map((value, index) =>
      value.kind === "nullable"
        ? value.present
        : value.kind === "connection"
          ? value.id
          : this.#on(index, () => this.#front.constant(isNothing(value) ? 0 : 1)),
    );
    const inner = values.map((value) =>
      isNothing(value) ? undefined : value.kind === "nullable" ? value.value : value,
    );
    const nothing = nothingOf(values);
    if (inner.every((value) => value === undefined)) throw DIFFERENT;
    const type = present.some((id) => this.#front.builder.typeOf(id) === "pointer") ? "pointer" : "scalar";
    return { kind: "nullable", present: this.phi(type, present), value: this.#present(inner), nothing };
  }

  /** Undefined entries are on paths where the value is null: anything will do there. */
  #present(values: readonly (Value | undefined)[]): Value {
    const known = values.filter((value) => value !== undefined);
    const first = known[0]!;
    const isEverywhere = isStaged(first) || known.length === values.length;
    if (isEverywhere && known.every((value) => sameValue(value, first))) return first;
    const kinds = new Set(known.map((value) => (isStaged(value) ? typeof value.value : value.kind)));
    if (kinds.has("nullable")) throw DIFFERENT;
    if (kinds.has("address") || kinds.has("string")) return this.#address(values);
    if (kinds.size !== 1) throw DIFFERENT;
    const [kind] = kinds;
    switch (kind) {
      case "number":
        return this.#number(values);
      case "bigint":
        return this.#bigint(values);
      case "boolean":
        return { kind: "boolean", isBit: true, id: this.phi("scalar", this.#scalars(values, bit)) };
      case "place":
        return this.#place(values as (PlaceValue | undefined)[]);
      case "record":
        return this.#record(values as (Extract<Value, { kind: "record" }> | undefined)[]);
      case "innerMap": {
        const ids = values.map(
          (value, index) => (value as Extract<Value, { kind: "innerMap" }>)?.id ?? this.#zero(index),
        );
        return { ...(first as Extract<Value, { kind: "innerMap" }>), id: this.phi("pointer", ids) };
      }
      case "connection":
        return this.#connection(values as (Connection | undefined)[]);
      default:
        throw DIFFERENT;
    }
  }

  /** The phi takes over what the paths hold. */
  #connection(values: readonly (Connection | undefined)[]): Value {
    const isNew = values.some((value) => value?.isNew);
    if (values.some((value) => value && value.isNew !== isNew)) throw DIFFERENT;
    const id = this.phi(
      "pointer",
      values.map((value, index) => value?.id ?? this.#zero(index)),
    );
    for (const [index, value] of values.entries()) {
      const state = this.#states[index]!;
      if (!value || value.id === id || state.records.has(id) || state.released.has(id)) continue;
      const held = state.records.get(value.id);
      if (held) {
        state.records = new Map([...[...state.records].filter(([one]) => one !== value.id), [id, held]]);
        state.released = new Map([
          ...state.released,
          [value.id, { line: held.line, isTaken: true, isInserted: false }],
        ]);
      } else {
        const released = state.released.get(value.id);
        if (released) state.released = new Map([...state.released, [id, released]]);
      }
    }
    return { kind: "connection", id, isNew };
  }

  #zero(index: number): ValueId {
    return this.#on(index, () => this.#front.constant(0));
  }

  #scalars(values: readonly (Value | undefined)[], make: (front: Front, value: Value) => ValueId): ValueId[] {
    return values.map((value, index) =>
      value === undefined ? this.#zero(index) : this.#on(index, () => make(this.#front, value)),
    );
  }

  #number(values: readonly (Value | undefined)[]): Value {
    const ranges = values.flatMap((value, index): Range[] => {
      if (value === undefined) return [];
      if (value.kind === "number") return [this.#on(index, () => this.#front.rangeOf(value))];
      const constant = (value as { value: number }).value;
      if (!Number.isSafeInteger(constant)) throw DIFFERENT;
      return [{ min: constant, max: constant }];
    });
    const ids = this.#scalars(values, (front, value) =>
      value.kind === "number" ? value.id : front.constant((value as { value: number }).value),
    );
    return { kind: "number", id: this.phi("scalar", ids), range: ranges.reduce(union) };
  }

  #bigint(values: readonly (Value | undefined)[]): Value {
    const sign = commonSign(values.filter((value) => value !== undefined));
    if (sign === undefined) throw DIFFERENT;
    const ids = this.#scalars(values, (front, value) =>
      value.kind === "bigint" ? value.id : front.constant((value as { value: bigint }).value),
    );
    const limits = values.flatMap((value) =>
      value === undefined ? [] : value.kind === "bigint" ? [value.max] : [(value as { value: bigint }).value],
    );
    const isBounded = limits.every((limit) => limit !== undefined && limit >= 0n);
    const max = isBounded ? (limits as bigint[]).reduce((a, b) => (a > b ? a : b)) : undefined;
    const id = this.phi("scalar", ids);
    return { kind: "bigint", id, signed: sign === "signed", ...(max === undefined ? {} : { max }) };
  }

  #address(values: readonly (Value | undefined)[]): Value {
    const family = familyOf(values);
    const words = values.map((value, index): readonly Word[] => {
      if (value?.kind === "address") {
        if (value.family !== family) throw DIFFERENT;
        return value.words;
      }
      if (value !== undefined && typeof (value as { value: unknown }).value !== "string") throw DIFFERENT;
      const text = (value as { value: string } | undefined)?.value;
      const bytes = text === undefined ? new Uint8Array(16) : octetsOf(text, family);
      if (!bytes) throw DIFFERENT;
      return this.#on(index, () => addressWords(this.#front, family, bytes));
    });
    return {
      kind: "address",
      family,
      words: WORD_SIZES[family].map((size, at) => ({
        size,
        id: this.phi(
          "scalar",
          words.map((one) => one[at]!.id),
        ),
      })),
    };
  }

  #place(values: readonly (PlaceValue | undefined)[]): Value {
    const [first] = values.filter((value) => value !== undefined) as [PlaceValue];
    for (const value of values) {
      if (value && (value.schema !== first.schema || value.isCell !== first.isCell)) throw DIFFERENT;
    }
    const places = values.map((value, index) => value && this.#on(index, () => inMemory(this.#front, value)));
    const region = mergeRegions(places.flatMap((place) => (place ? [place.at.region] : [])));
    if (!region) throw DIFFERENT;
    const memory = places.filter((place) => place !== undefined);
    const align = Math.min(...memory.map(({ at }) => at.align));
    if (memory.every(({ at }) => sameMemory(at, memory[0]!.at)) && memory.length === places.length) return memory[0]!;
    const bases = places.map((place, index) =>
      place === undefined
        ? this.#zero(index)
        : this.#on(index, () => this.#front.advance(place.at.base, place.at.offset)),
    );
    const base = this.phi("pointer", bases);
    const stamp = Math.min(...memory.map((place) => place.stamp));
    return { ...first, at: { kind: "memory", base, offset: 0, region, align }, stamp };
  }

  #record(values: readonly (Extract<Value, { kind: "record" }> | undefined)[]): Value {
    const known = values.filter((value) => value !== undefined);
    const [first] = known as [Extract<Value, { kind: "record" }>];
    const isList = known.some(({ isTuple }) => isTuple);
    if (isList && known.some(({ isTuple, fields }) => !isTuple || fields.size !== first.fields.size)) throw DIFFERENT;
    const names = new Set(values.flatMap((value) => [...(value?.fields.keys() ?? [])]));
    const fields = new Map<string, Value>();
    for (const name of names) {
      // A field that only some of the records have is undefined in the others.
      const merged = this.tryField(
        values.map((value) => (value === undefined ? undefined : (value.fields.get(name) ?? UNDEFINED))),
      );
      if (merged) fields.set(name, merged);
    }
    return { kind: "record", isTuple: first.isTuple, fields };
  }

  tryField(field: readonly (Value | undefined)[]): Value | undefined {
    const known = field.filter((value) => value !== undefined);
    return this.#attempt(() => {
      if (known.length === field.length) return this.value(known);
      if (known.some((value) => isNothing(value) || value.kind === "nullable")) {
        return this.value(field.map((value) => value ?? { kind: "staged", value: null }));
      }
      return this.#present(field);
    });
  }

  /** The contents of a stack value on all paths. */
  object(object: number, contents: readonly ObjectContent[]): ObjectContent {
    if (contents.every((content) => content.kind === "bytes")) return this.#bytes(object, contents);
    contents.forEach((content, index) => {
      if (content.kind === "bytes") this.#on(index, () => storeObject(this.#front, object));
    });
    return { kind: "slot" };
  }

  #bytes(object: number, contents: readonly Extract<ObjectContent, { kind: "bytes" }>[]): ObjectContent {
    const size = this.#front.objectSizes.get(object)!;
    const [first] = contents as [Extract<ObjectContent, { kind: "bytes" }>];
    const differs = (at: number): boolean => contents.some(({ bytes }) => !sameByte(bytes[at]!, first.bytes[at]!));
    const merged: ByteSource[] = [...first.bytes];
    for (let at = 0; at < size; ) {
      if (!differs(at)) {
        at++;
        continue;
      }
      const length = [8, 4, 2, 1].find((one) => at % one === 0 && at + one <= size)!;
      const words = contents.map(({ bytes }, index) =>
        this.#on(index, () => assemble(this.#front, bytes.slice(at, at + length))),
      );
      const id = this.phi("scalar", words);
      this.#front.setBits(id, 8 * length);
      merged.splice(at, length, ...bytesOf(id, length));
      at += length;
    }
    return { kind: "bytes", bytes: merged, clean: contents.every(({ clean }) => clean) };
  }
}

/** The entries of another map in place of a map's own. */
export function replaceAll<K, V>(target: Map<K, V>, source: ReadonlyMap<K, V>): void {
  target.clear();
  for (const [key, value] of source) target.set(key, value);
}

const bit = (front: Front, value: Value): ValueId => {
  if (isStaged(value)) return front.constant(value.value === true ? 1 : 0);
  invariant(value.kind === "boolean", "a boolean is merged");
  return value.isBit ? value.id : normalize(front, value.id);
};

type Family = "mac" | "ipv4" | "ipv6";

/** Of values that are addresses, or text that can be nothing but one. */
function familyOf(values: readonly (Value | undefined)[]): Family {
  const families = values.flatMap((value): Family[] => {
    if (value?.kind === "address") return [value.family];
    const text = value && isStaged(value) ? value.value : undefined;
    if (typeof text !== "string") return [];
    return (["ipv4", "mac", "ipv6"] as const).filter((one) => octetsOf(text, one));
  });
  const [first] = families;
  if (first === undefined) throw DIFFERENT;
  return values.find((value) => value?.kind === "address")?.family ?? first;
}

function octetsOf(text: string, family: Family): Uint8Array | undefined {
  try {
    return parseAddress(family, text);
  } catch {
    return undefined;
  }
}

/** Pieces of an address, in memory order. */
export function addressWords(front: Front, family: "mac" | "ipv4" | "ipv6", bytes: Uint8Array): Word[] {
  let at = 0;
  return WORD_SIZES[family].map((size) => {
    let value = 0n;
    for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[at + index]!);
    at += size;
    return { size, id: front.constant(value) };
  });
}

/** 1 for everything but 0: -x or x has the highest bit set. */
export function normalize(front: Front, id: ValueId): ValueId {
  const negated = front.emit({ kind: "negate", width: 64, a: id });
  return front.aluConstant("shr", front.alu("or", negated, id), 63);
}

export const WORD_SIZES = { mac: [4, 2], ipv4: [4], ipv6: [8, 8] } as const;

function inMemory(front: Front, place: PlaceValue): PlaceValue & { at: Extract<PlaceValue["at"], { kind: "memory" }> } {
  if (place.at.kind === "memory") return place as ReturnType<typeof inMemory>;
  const { object, offset } = place.at;
  storeObject(front, object);
  const slot = slotOfObject(front, object);
  const base = front.stackAddress(slot);
  return { ...place, at: { kind: "memory", base, offset, region: { kind: "stack", slot }, align: 8 } };
}

function mergeRegions(regions: readonly Region[]): Region | undefined {
  const [first] = regions as [Region];
  if (regions.some(({ kind }) => kind !== first.kind)) return undefined;
  switch (first.kind) {
    case "packet":
    case "metadata":
      return {
        ...first,
        generation: regions.reduce((a, b) => Math.min(a, (b as typeof first).generation), first.generation),
      };
    case "map":
      return { ...first, isShared: regions.some((region) => (region as typeof first).isShared) };
    case "stack":
      return regions.every((region) => (region as typeof first).slot === first.slot) ? first : undefined;
    case "global":
      return { ...first, isReadOnly: regions.some((region) => (region as typeof first).isReadOnly) };
    case "record":
      return first;
  }
}

/** See Language.merge. The rows are values of the expression that was evaluated, one per path. */
export function mergePaths(front: Front, states: readonly State[], rows: readonly (readonly Value[])[]): Value[] {
  const block = front.builder.block();
  const merger = new Merger(front, states, block);
  const [first] = states as readonly [State, ...State[]];
  const values = rows.map((row) => merger.tryValue(row));
  const variables = new Map<number, Value>();
  for (const variable of first.variables.keys()) {
    const row = states.map((state) => state.variables.get(variable));
    if (row.some((value) => value === undefined)) continue;
    const merged = merger.tryValue(row as Value[]);
    if (merged) variables.set(variable, merged);
  }
  const objects = new Map<number, ObjectContent>();
  for (const object of first.objects.keys()) {
    const row = states.map((state) => state.objects.get(object));
    if (row.every((content) => content !== undefined)) objects.set(object, merger.object(object, row));
  }
  merger.finish();
  front.follow(mergedState(states, block, variables, objects));
  settlePacket(front, states);
  if (values.some((value) => value === undefined)) throw DIFFERENT_VALUES;
  return values as Value[];
}

/** The expression's own values cannot become one. */
export const DIFFERENT_VALUES = Symbol("different values");

function mergedState(
  states: readonly State[],
  block: BlockId,
  variables: Map<number, Value>,
  objects: Map<number, ObjectContent>,
): State {
  const [first] = states as readonly [State, ...State[]];
  const slots = new Map(
    [...first.slots].filter(([key, slot]) => states.every((state) => state.slots.get(key) === slot)),
  );
  return {
    block,
    variables,
    objects,
    facts: mergeFacts(states),
    loads: mergeLoads(states),
    slots,
    checked: mergeChecked(states),
    overwrites: [...new Set(states.flatMap(({ overwrites }) => overwrites))],
    packet: first.packet,
    // A record that is known to be null on a path was never reserved there.
    records: new Map(states.flatMap(({ records, facts }) => [...records].filter(([id]) => facts.get(id)?.max !== 0))),
    released: new Map(states.flatMap(({ released }) => [...released])),
    lockedSince: first.lockedSince,
  };
}

/** Paths that have changed the packet differently: its bounds are read again, and every place is dead. */
function settlePacket(front: Front, states: readonly State[]): void {
  const generations = new Set(states.map(({ packet }) => packet.generation));
  if (generations.size === 1) return;
  const newest = states.map(({ packet }) => packet).reduce((a, b) => (a.generation > b.generation ? a : b));
  loadPacket(front, newest.killer ?? "a change of the packet", newest.killerLine);
}
