/**
 * Methods of the context and of cursors: headers behind bounds checks, and everything that moves the packet.
 *
 * A header is `data + offset` (or a variable offset, added once) and one comparison of its end with `data_end`; what is
 * known to be inside is not compared again. Laws (docs/decisions/code-generation.md): the check and the accesses use one
 * pointer, with constant offsets; a variable offset is at most 65535; places die when the packet moves.
 */
import { layoutOf, type Schema } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call, type Method } from "./call.ts";
import { bounded, numberOf } from "./convert.ts";
import { copyOfPlace, isInPacket } from "./copies.ts";
import { schemaOf } from "./expressions.ts";
import type { Front, Outcome, Split } from "./front.ts";
import { HINT_METHODS } from "./hints.ts";
import { outcome } from "./join.ts";
import { placeAt, requireUsable } from "./memory.ts";
import { flushObject, storeObject } from "./objects.ts";
import { binary } from "./operators.ts";
import { contextField, loadPacket, XDP_MD } from "./packet-bounds.ts";
import { cursorOffset, property } from "./property.ts";
import { isSeen } from "./seen.ts";
import { NULL, type PlaceValue, type Range, type Region, staged, UNDEFINED, type Value } from "./value.ts";
import { forget, pointerOf } from "./words.ts";

/** The verifier compares no end of an access that may lie further behind `data` (MAX_PACKET_OFF, kernel/bpf/verifier.c). */
const MAX_OFFSET = 0xffff;

/** A pointer into the packet: a base, and constant bytes behind it. */
interface Position {
  readonly base: ValueId;
  readonly offset: number;
}

/** The position of `size` bytes, and the path on which they would end behind MAX_OFFSET, where no packet goes: no position is left when that is certain. */
function positionOf(
  front: Front,
  given: Value,
  size: number,
  node: SyntaxNode,
): { readonly position: Position | undefined; readonly beyond: Split["no"] } {
  const { range, constant, isFolded, id } = numberOf(front, given, node, "an offset in bytes");
  // A constant that is written down and lies beyond is a mistake, one that was computed is an offset like any other.
  const isWritten = constant !== undefined && isFolded !== true;
  const limit = isWritten ? MAX_OFFSET - size : MAX_OFFSET;
  if (range.min < 0 || range.max > limit || size > MAX_OFFSET)
    front.fail("COMPILER_OFFSET", { min: range.min, max: range.max, limit: Math.max(0, limit) }, node);
  const { data } = front.state.packet;
  if (constant !== undefined && constant + size > MAX_OFFSET) return { position: undefined, beyond: front.leave() };
  if (constant !== undefined) return { position: { base: data, offset: constant }, beyond: undefined };
  const parts = partsOf(front, id(), range);
  const { variable, most, beyond } = tested(front, parts, range, MAX_OFFSET - size, node);
  return { position: { base: baseAt(front, variable, most), offset: parts.added }, beyond };
}

/** `data` and a variable: one pointer for all headers there, as far as the verifier knows the same bound of it. */
function baseAt(front: Front, variable: ValueId, most: number): ValueId {
  const { data } = front.state.packet;
  const isLarge = most > MAX_OFFSET >> 1;
  const key = `base:${data}:${variable}:${isLarge ? most : ""}`;
  let base = front.state.slots.get(key);
  if (base === undefined) {
    const operation = { kind: "offset", base: data, by: variable, ...(isLarge ? { most } : {}) } as const;
    base = front.emit(operation, "pointer");
    front.state.slots.set(key, base);
  }
  return base;
}

/**
 * The variable part, so that the verifier knows that it and `added` are at most `limit`. Where a mask would leave no room
 * for the header itself, or the offset may be too large, it is compared.
 */
function tested(
  front: Front,
  { variable, added }: OffsetParts,
  range: Range,
  limit: number,
  node: SyntaxNode,
): { readonly variable: ValueId; readonly most: number; readonly beyond: Split["no"] } {
  const [least, most] = [Math.max(0, range.min - added), range.max - added];
  if (range.max <= limit) {
    if (isSeen(front, variable, most)) return { variable, most, beyond: undefined };
    if (most <= MAX_OFFSET >> 1)
      return { variable: bounded(front, variable, { min: least, max: most }, node), most, beyond: undefined };
  }
  const reached = Math.min(most, limit - added);
  const { yes: beyond, no } = front.branch("gt", variable, front.constant(reached));
  front.learn(no, variable, { min: least, max: reached }, true);
  front.follow(no);
  return { variable, most: reached, beyond };
}

interface OffsetParts {
  readonly variable: ValueId;
  readonly added: number;
}

/** `x + c` where x alone may be added to a pointer: headers behind x then share one base. */
function partsOf(front: Front, id: ValueId, range: Range): OffsetParts {
  const operation = front.builder.definition(id)?.operation;
  if (operation?.kind === "alu" && operation.code === "add" && operation.width === 64) {
    const by = front.builder.definition(operation.b)?.operation;
    const added = by?.kind === "constant" ? Number(by.value) : -1;
    if (added > 0 && added < 0x4000 && range.min - added >= 0) return { variable: operation.a, added };
  }
  return { variable: id, added: 0 };
}

/** The paths on which so many bytes from `position` are inside the packet, and not. */
function bounds(front: Front, { base, offset }: Position, size: number): Split {
  const end = offset + size;
  if ((front.state.checked.get(base) ?? 0) >= end) return { yes: front.leave(), no: undefined };
  const last = front.advance(base, end);
  const { yes: no, no: yes } = front.branch("gt", last, front.state.packet.end);
  yes.checked.set(base, end);
  return { yes, no };
}

function packetPlace(front: Front, schema: Schema<unknown>, { base, offset }: Position): PlaceValue {
  const region: Region = { kind: "packet", generation: front.state.packet.generation };
  return placeAt(front, schema, { kind: "memory", base, offset, region, align: 1 });
}

/** The place of a header, or null: two paths. */
export function headerAt(front: Front, schema: Schema<unknown>, offset: Value, node: SyntaxNode): Outcome[] {
  const { size } = layoutOf(schema);
  const { position, beyond } = positionOf(front, offset, size, node);
  if (!position) return beyond ? [{ state: beyond, value: NULL }] : [];
  const { yes, no: short } = bounds(front, position, size);
  const outcomes: Outcome[] = [];
  if (yes) {
    front.follow(yes);
    const value = packetPlace(front, schema, position);
    outcomes.push({ state: front.leave(), value });
  }
  const no = beyond ? front.joinStates([beyond, short]) : short;
  front.follow(undefined);
  if (no) outcomes.push({ state: no, value: NULL });
  return outcomes;
}

// Cursors.

export type CursorValue = Extract<Value, { kind: "cursor" }>;

function moveCursor(front: Front, cursor: CursorValue, by: Value, node: SyntaxNode): void {
  const moved = front.settle(binary(front, "+", cursorOffset(front, cursor, node), by, node));
  front.assign(cursor.variable, moved, node);
}

export const CURSOR_METHODS: Readonly<Record<string, Method<CursorValue>>> = {
  take: (front, cursor, call) => {
    const schema = schemaOf(front, argument(call, 0), argumentNode(call, 0));
    const outcomes = headerAt(front, schema, cursorOffset(front, cursor, call.node), call.node);
    for (const { state, value } of outcomes) {
      if (value === NULL) continue;
      front.follow(state);
      moveCursor(front, cursor, staged(layoutOf(schema).size), call.node);
      front.leave();
    }
    return outcomes;
  },
  peek: (front, cursor, call) => {
    const schema = schemaOf(front, argument(call, 0), argumentNode(call, 0));
    const ahead = call.values.length > 1 ? argument(call, 1) : staged(0);
    const offset = front.settle(binary(front, "+", cursorOffset(front, cursor, call.node), ahead, call.node));
    return headerAt(front, schema, offset, argumentNode(call, 1));
  },
  skip: (front, cursor, call) => {
    numberOf(front, argument(call, 0), argumentNode(call, 0), "a number of bytes");
    moveCursor(front, cursor, argument(call, 0), call.node);
    return outcome(front, UNDEFINED);
  },
};

// The context.

type ContextMethod = Method<Value>;

/** Two paths: the helper answered 0, and not. The packet has moved on both. */
function moved(front: Front, helper: string, delta: ValueId, name: string, node: SyntaxNode): Split {
  front.unit.needHelper(front, helper, node);
  const result = front.call(front.unit.helper(helper), [front.context, delta]);
  loadPacket(front, name, front.lineOf(node));
  return front.branch("eq", result, front.constant(0));
}

function asBoolean({ yes, no }: Split): Outcome[] {
  return [...(yes ? [{ state: yes, value: staged(true) }] : []), ...(no ? [{ state: no, value: staged(false) }] : [])];
}

const adjust =
  (helper: string, name: string): ContextMethod =>
  (front, _, call) => {
    if (!call.isUsed) front.fail("COMPILER_IGNORED_RESULT", { name }, call.node);
    const { id } = numberOf(front, argument(call, 0), argumentNode(call, 0), "a number of bytes");
    return asBoolean(moved(front, helper, id(), name, call.node));
  };

/** Adjusts the head and takes the first `schema` of the packet: null on failure. */
function newFront(front: Front, delta: Value, schema: Schema<unknown>, name: string, call: Call): Outcome[] {
  if (!call.isUsed) front.fail("COMPILER_IGNORED_RESULT", { name }, call.node);
  const { constant, id } = numberOf(front, delta, call.node);
  const failed: Split["no"][] = [];
  if (constant !== 0) {
    const { yes, no } = moved(front, "bpf_xdp_adjust_head", id(), name, call.node);
    failed.push(no);
    front.follow(yes);
  } else renew(front, name, front.lineOf(call.node));
  const outcomes = headerAt(front, schema, staged(0), call.node);
  const places = outcomes.filter(({ value }) => value !== NULL);
  failed.push(...outcomes.filter(({ value }) => value === NULL).map(({ state }) => state));
  const no = front.joinStates(failed);
  front.follow(undefined);
  return [...places, ...(no ? [{ state: no, value: NULL }] : [])];
}

/** A new generation of places, though nothing has moved: the language's rule does not depend on numbers. */
function renew(front: Front, killer: string, killerLine: number): void {
  const { state } = front;
  state.packet = { ...state.packet, generation: front.newGeneration(), killer, killerLine };
}

function setLength(front: Front, call: Call): Outcome[] {
  if (!call.isUsed) front.fail("COMPILER_IGNORED_RESULT", { name: "setLength" }, call.node);
  const wanted = argument(call, 0);
  numberOf(front, wanted, argumentNode(call, 0), "a number of bytes");
  const current = property(front, { kind: "context" }, "length", call.node);
  const delta = front.settle(binary(front, "-", wanted, current, call.node));
  const { id } = numberOf(front, delta, call.node);
  const change = id();
  // Most packets have no padding: they need no call.
  const { yes, no } = front.branch("eq", change, front.constant(0));
  front.follow(no);
  const tail = moved(front, "bpf_xdp_adjust_tail", change, "setLength", call.node);
  const { packet } = tail.yes!;
  front.follow(yes);
  const unchanged = front.leave();
  // Both ways of going on know the packet by their own pointers: one of a kind behind the join.
  const value = joinBounds(front, [unchanged, tail.yes!], packet.generation);
  return [
    { state: value, value: staged(true) },
    { state: tail.no!, value: staged(false) },
  ];
}

/** Paths with different bounds of the packet, as one generation. */
function joinBounds(
  front: Front,
  states: readonly NonNullable<Split["yes"]>[],
  generation: number,
): NonNullable<Split["yes"]> {
  const bounds = states.map(({ packet }) => packet);
  for (const state of states) {
    state.packet = { ...bounds.at(-1)!, generation };
    state.checked.clear();
    for (const [key, { region }] of state.loads)
      if (region === "packet" || region === "packet-length") state.loads.delete(key);
  }
  const blocks = states.map(({ block }) => block);
  front.joinStates(states);
  const { state, builder } = front;
  const phi = (pick: (packet: (typeof bounds)[number]) => ValueId): ValueId => {
    const id = builder.phi(state.block, "pointer");
    builder.give(state.block, id, new Map(blocks.map((block, index) => [block, pick(bounds[index]!)])));
    return id;
  };
  state.packet = { ...state.packet, data: phi(({ data }) => data), end: phi(({ end }) => end) };
  return front.leave();
}

/** Metadata of so many bytes: `data_meta` to `data`. */
function metadataPlace(front: Front, schema: Schema<unknown>): Outcome[] {
  const { size } = layoutOf(schema);
  const { packet } = front.state;
  const base = contextField(front, XDP_MD.dataMeta, "pointer");
  const { yes: no, no: yes } = front.branch("gt", front.advance(base, size), packet.data);
  front.follow(yes);
  const region: Region = { kind: "metadata", generation: packet.generation };
  const value = placeAt(front, schema, { kind: "memory", base, offset: 0, region, align: 4 });
  return [
    { state: front.leave(), value },
    { state: no, value: NULL },
  ];
}

/** The address of a place, for a helper that reads or writes its bytes. */
export function addressOfPlace(front: Front, place: PlaceValue, isWritten: boolean, node: SyntaxNode): ValueId {
  requireUsable(front, place, node);
  const { at } = place;
  if (at.kind === "memory") return front.advance(at.base, at.offset);
  if (isWritten) storeObject(front, at.object);
  else flushObject(front, at.object);
  const pointer = pointerOf(front, at);
  return front.advance(pointer.base, pointer.offset);
}

function transfer(helper: string, isLoad: boolean): ContextMethod {
  return (front, _, call) => {
    const place = argument(call, 1);
    if (place.kind !== "place")
      return front.fail("COMPILER_TYPE", { expected: "a place", found: "something else" }, argumentNode(call, 1));
    const { id, range } = numberOf(front, argument(call, 0), argumentNode(call, 0), "an offset in bytes");
    if (range.min < 0)
      front.fail("COMPILER_OFFSET", { min: range.min, max: range.max, limit: MAX_OFFSET }, argumentNode(call, 0));
    front.unit.needHelper(front, helper, call.node);
    // These helpers see memory, not the packet itself.
    if (isLoad && isInPacket(place))
      front.fail(
        "COMPILER_TYPE",
        { expected: "a place outside the packet", found: "one in it" },
        argumentNode(call, 1),
      );
    const pointer = isInPacket(place)
      ? front.stackAddress(flushObject(front, copyOfPlace(front, place, argumentNode(call, 1))))
      : addressOfPlace(front, place, isLoad, call.node);
    const size = front.constant(place.layout.size);
    const result = front.call(front.unit.helper(helper), [front.context, id(), pointer, size]);
    if (isLoad) forget(front, place.at, place.at.offset, place.at.offset + place.layout.size);
    else for (const [key, { region }] of front.state.loads) if (region === "packet") front.state.loads.delete(key);
    if (!call.isUsed) front.fail("COMPILER_IGNORED_RESULT", { name: isLoad ? "loadBytes" : "storeBytes" }, call.node);
    return asBoolean(front.branch("eq", result, front.constant(0)));
  };
}

export const CONTEXT_METHODS: Readonly<Record<string, ContextMethod>> = {
  ...HINT_METHODS,
  header: (front, _, call) =>
    headerAt(
      front,
      schemaOf(front, argument(call, 0), argumentNode(call, 0)),
      argument(call, 1),
      argumentNode(call, 1),
    ),
  cursor: (front, _, call) => {
    const variable = front.newVariable();
    front.state.variables.set(variable, call.values.length > 0 ? argument(call, 0) : staged(0));
    return outcome(front, { kind: "cursor", variable });
  },
  adjustHead: adjust("bpf_xdp_adjust_head", "adjustHead"),
  adjustTail: adjust("bpf_xdp_adjust_tail", "adjustTail"),
  adjustMeta: adjust("bpf_xdp_adjust_meta", "adjustMeta"),
  removeHead: adjust("bpf_xdp_adjust_head", "removeHead"),
  setLength: (front, _, call) => setLength(front, call),
  prepend: (front, _, call) => {
    const schema = schemaOf(front, argument(call, 0), argumentNode(call, 0));
    return newFront(front, staged(-layoutOf(schema).size), schema, "prepend", call);
  },
  replaceHead: (front, _, call) => {
    const schema = schemaOf(front, argument(call, 1), argumentNode(call, 1));
    const delta = front.settle(binary(front, "-", argument(call, 0), staged(layoutOf(schema).size), call.node));
    return newFront(front, delta, schema, "replaceHead", call);
  },
  metadata: (front, _, call) => metadataPlace(front, schemaOf(front, argument(call, 0), argumentNode(call, 0))),
  prependMetadata: (front, _, call) => {
    if (!call.isUsed) front.fail("COMPILER_IGNORED_RESULT", { name: "prependMetadata" }, call.node);
    const schema = schemaOf(front, argument(call, 0), argumentNode(call, 0));
    const by = front.constant(-Math.ceil(layoutOf(schema).size / 4) * 4);
    const { yes, no } = moved(front, "bpf_xdp_adjust_meta", by, "prependMetadata", call.node);
    front.follow(yes);
    const outcomes = metadataPlace(front, schema);
    const failed = front.joinStates([no, ...outcomes.filter(({ value }) => value === NULL).map(({ state }) => state)]);
    front.follow(undefined);
    return [...outcomes.filter(({ value }) => value !== NULL), ...(failed ? [{ state: failed, value: NULL }] : [])];
  },
  loadBytes: transfer("bpf_xdp_load_bytes", true),
  storeBytes: transfer("bpf_xdp_store_bytes", false),
};
