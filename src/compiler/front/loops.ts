/**
 * Loops that stay loops: `for`, `while`, `do`, `range(n)`, `loop(n, body)`.
 *
 * What a body changes is found by lowering it: first as if it changed nothing, then again with a phi for each variable
 * that came back different and wider ranges for those that grew, until what comes back is what was assumed. Invariant: a
 * loop is kept only when a counter proves that it ends.
 */
import type { BlockId, ValueId, ValueType } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { compare } from "./comparisons.ts";
import { numberOf } from "./convert.ts";
import type { Front, JumpTarget, Split } from "./front.ts";
import { leak } from "./held.ts";
import { normalize, replaceAll } from "./merge.ts";
import { storeObject } from "./objects.ts";
import { binary } from "./operators.ts";
import { loadPacket } from "./packet-bounds.ts";
import { copyState, type State, sameBytes, sameValue } from "./state.ts";
import {
  clampRange,
  commonSign,
  isNothing,
  isStaged,
  MAX_SAFE,
  nothingOf,
  type Range,
  signOf,
  staged,
  union,
  type Value,
  within,
} from "./value.ts";

export interface Loop {
  readonly node: SyntaxNode;
  readonly label: string | undefined;
  /** False for `do … while`. */
  readonly isTestedFirst: boolean;
  test(): Split;
  body(): void;
  step(): void;
}

/** What is assumed of the variables that a body changes. */
export interface Assumptions {
  readonly variables: Map<number, Value>;
  /** How often a variable's range has grown. */
  readonly growth: Map<number, number>;
  /** Stack values that the body writes: they live in their slots. */
  readonly objects: Set<number>;
  /** Variables that hold something else on each round: usable inside a round only. */
  readonly removed: Set<number>;
  movesPacket: boolean;
}

/** Rounds of a loop that the verifier walks one by one. */
export const MAX_ROUNDS = 8192;
const MAX_ATTEMPTS = 40;

export function realLoop(front: Front, loop: Loop): void {
  front.unit.need(front, "a loop that is not unrolled", "5.3", loop.node);
  const entry = front.leave();
  const assumed: Assumptions = {
    variables: new Map(),
    growth: new Map(),
    objects: new Set(),
    removed: new Set(),
    movesPacket: false,
  };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const done = tryLoop(front, loop, entry, assumed);
    if (done) return;
  }
  front.fail("COMPILER_LOOP", { problem: "its variables do not settle" }, loop.node);
}

/** A phi and what it was before the loop. */
interface HeaderPhi {
  readonly variable: number;
  readonly value: Value;
  readonly ids: readonly ValueId[];
  readonly initial: readonly ValueId[];
}

function tryLoop(front: Front, loop: Loop, entry: State, assumed: Assumptions): boolean {
  front.follow(copyState(entry));
  const snapshot = takeSnapshot(front);
  for (const object of assumed.objects) storeObject(front, object);
  for (const variable of assumed.removed) front.state.variables.delete(variable);
  const { builder } = front;
  const before = front.state.block;
  const initial = new Map(
    [...assumed.variables].map(([variable, shape]) => [
      variable,
      leaves(front, front.state.variables.get(variable)!, shape),
    ]),
  );
  const header = builder.block();
  builder.end({ kind: "jump", to: header });
  front.state.block = header;
  builder.enter(header);
  const phis = [...assumed.variables].map(([variable, shape]): HeaderPhi => {
    const { value, ids } = makePhis(front, header, shape);
    front.state.variables.set(variable, value);
    return { variable, value, ids, initial: initial.get(variable)! };
  });
  front.state.loads.clear();
  if (assumed.movesPacket) {
    loadPacket(front, "a change of the packet in this loop", front.lineOf(loop.node));
    front.state.slots.clear();
    front.state.checked.clear();
  }
  const start = copyState(front.state);
  const lowered = lowerBody(front, loop);
  const { exits } = lowered;
  let { back } = lowered;
  if (back) refuseLeak(front, start, back, loop.node);
  const isSettled = !back || settles(front, start, back, entry, assumed);
  if (!isSettled) {
    restore(front, snapshot);
    return false;
  }
  if (back && loop.isTestedFirst && phis.some((phi) => leavesAnother(front, phi, back!)))
    back = withoutSecondRound(front, loop, back, exits);
  const rounds = back ? Math.min(...phis.map((phi) => roundsOf(front, phi, back))) : 1;
  if (rounds > MAX_ROUNDS)
    front.fail("COMPILER_LOOP", { problem: "no counter that grows by a constant has a limit" }, loop.node);
  close(front, header, before, phis, back);
  front.joinStates(exits);
  const once = builder.since(snapshot.mark) + front.walked - snapshot.walked;
  front.walked = snapshot.walked + rounds * once;
  return true;
}

/** What leaves by a target while `body` is lowered. */
export function withTarget(front: Front, target: JumpTarget, body: () => void): void {
  front.frame.targets.push(target);
  body();
  front.frame.targets.pop();
}

/** What a round gets must be gone before the next, and what was got before the loop is there in every round. */
function refuseLeak(front: Front, start: State, back: State, node: SyntaxNode): void {
  for (const [id, held] of back.records)
    if (!start.records.has(id) && back.facts.get(id)?.max !== 0) leak(front, held, node);
  for (const [id, released] of back.released)
    if (start.records.has(id) && !start.released.has(id)) front.fail("COMPILER_RELEASED", released, node);
}

function lowerBody(
  front: Front,
  { label, isTestedFirst, test, body, step }: Loop,
): { exits: State[]; back: State | undefined } {
  const target: JumpTarget = { label, continues: [], breaks: [] };
  const exits: State[] = [];
  const check = (): void => {
    const { yes, no } = test();
    if (no) exits.push(no);
    front.follow(yes);
  };
  if (isTestedFirst) check();
  if (front.isReachable) {
    front.frame.targets.push(target);
    body();
    front.frame.targets.pop();
  }
  front.joinStates([...(front.isReachable ? [front.leave()] : []), ...target.continues!]);
  if (front.isReachable) step();
  if (front.isReachable && !isTestedFirst) check();
  return { exits: [...exits, ...target.breaks], back: front.isReachable ? front.leave() : undefined };
}

/** Whether a round leaves behind what was assumed of it; else the assumptions are widened. */
function settles(front: Front, start: State, back: State, entry: State, assumed: Assumptions): boolean {
  let isSettled = true;
  for (const [variable, before] of start.variables) {
    const given = back.variables.get(variable);
    if (!given) {
      // Paths of the round leave what cannot be one value: text, functions, layouts.
      assumed.variables.delete(variable);
      assumed.removed.add(variable);
      isSettled = false;
      continue;
    }
    front.follow(back);
    const after = front.settle(given);
    const initial = entry.variables.get(variable);
    if (!initial || sameValue(front.settle(before), after)) continue;
    if (widen(front, variable, initial, after, assumed)) isSettled = false;
  }
  for (const [object, content] of start.objects) {
    const after = back.objects.get(object);
    if (!after || content.kind === "slot") continue;
    if (after.kind === "bytes" && sameBytes(content.bytes, after.bytes)) continue;
    assumed.objects.add(object);
    isSettled = false;
  }
  if (back.packet.generation !== start.packet.generation && !assumed.movesPacket) {
    assumed.movesPacket = true;
    isSettled = false;
  }
  return isSettled;
}

/** Makes room for a value in what is assumed of a variable; false when it was in there. */
export function widen(front: Front, variable: number, initial: Value, after: Value, assumed: Assumptions): boolean {
  const shape = assumed.variables.get(variable);
  if (shape && fitsIn(front, after, shape)) return false;
  const times = (assumed.growth.get(variable) ?? 0) + 1;
  assumed.growth.set(variable, times);
  const joined = unify(front, shape ?? initial, after, times);
  if (!joined) {
    assumed.variables.delete(variable);
    assumed.removed.add(variable);
    return true;
  }
  assumed.variables.set(variable, joined);
  return true;
}

/** Undefined for what is no number. */
export const rangeOfValue = (front: Front, value: Value): Range | undefined => {
  if (value.kind === "number") return front.rangeOf(value);
  if (isStaged(value) && typeof value.value === "number") return { min: value.value, max: value.value };
  return undefined;
};

function fitsIn(front: Front, value: Value, shape: Value): boolean {
  if (shape.kind === "number") {
    const range = rangeOfValue(front, value);
    return range !== undefined && within(range, shape.range);
  }
  if (shape.kind === "nullable") {
    if (nothingOf([shape, value]) !== shape.nothing) return false;
    if (isNothing(value)) return true;
    return fitsIn(front, value.kind === "nullable" ? value.value : value, shape.value);
  }
  if (shape.kind === "bigint") return fitsInBigint(value, shape);
  if (isStaged(value)) return isStaged(shape) ? sameValue(value, shape) : typeof value.value === shape.kind;
  return (
    value.kind === shape.kind &&
    !isStaged(shape) &&
    (value.kind !== "place" || value.schema === (shape as typeof value).schema)
  );
}

function fitsInBigint(value: Value, shape: Extract<Value, { kind: "bigint" }>): boolean {
  if (signOf(value) === undefined || commonSign([value, shape]) !== signOf(shape)) return false;
  const max = isStaged(value) ? (value.value as bigint) : (value as typeof shape).max;
  return shape.max === undefined || (max !== undefined && max >= 0n && max <= shape.max);
}

const LIMITS = [255, 65535, 0x7fffffff, 0xffffffff, MAX_SAFE];

/** The first growth is taken as it is; after that a bound that moves goes to the next round limit. */
function grow(before: Range, after: Range, times: number): Range {
  const both = union(before, after);
  if (times < 3) return both;
  const max = both.max > before.max ? LIMITS.find((limit) => limit >= both.max)! : both.max;
  const min = both.min >= before.min ? both.min : both.min >= 0 ? 0 : -LIMITS.find((limit) => limit >= -both.min)!;
  return clampRange({ min, max });
}

/** A value that holds both. Undefined when nothing does. */
function unify(front: Front, before: Value, after: Value, times: number): Value | undefined {
  if (isNothing(before) && isNothing(after)) return sameValue(before, after) ? before : undefined;
  const [x, y] = [rangeOfValue(front, before), rangeOfValue(front, after)];
  if (x && y) return { kind: "number", id: -1, range: grow(x, y, times) };
  if (isNothing(before) || isNothing(after) || before.kind === "nullable" || after.kind === "nullable")
    return unifyNullable(front, before, after, times);
  const kind = (value: Value): string => (isStaged(value) ? typeof value.value : value.kind);
  if (kind(before) !== kind(after)) return undefined;
  switch (kind(before)) {
    case "boolean":
      return { kind: "boolean", id: -1, isBit: true };
    case "bigint": {
      const sign = commonSign([before, after]);
      return sign && { kind: "bigint", id: -1, signed: sign === "signed" };
    }
    case "address":
      return after;
    case "place":
      return after.kind === "place" && before.kind === "place" && after.schema === before.schema ? after : undefined;
    default:
      return undefined;
  }
}

function unifyNullable(front: Front, before: Value, after: Value, times: number): Value | undefined {
  const inner = [before, after].flatMap((one) => (isNothing(one) ? [] : [one.kind === "nullable" ? one.value : one]));
  const [first, second = first] = inner;
  const value = first && second && unify(front, first, second, times);
  return value && { kind: "nullable", present: -1, value, nothing: nothingOf([before, after]) };
}

/** The registers that a value of a shape is made of. */
export function leaves(front: Front, given: Value, shape: Value): ValueId[] {
  const value = front.settle(given);
  switch (shape.kind) {
    case "number":
      return [value.kind === "number" ? value.id : front.constant(isStaged(value) ? (value.value as number) : 0)];
    case "bigint":
      return [value.kind === "bigint" ? value.id : front.constant(isStaged(value) ? (value.value as bigint) : 0)];
    case "boolean":
      if (value.kind === "boolean") return [value.isBit ? value.id : normalize(front, value.id)];
      return [front.constant(isStaged(value) && value.value === true ? 1 : 0)];
    case "address":
      return shape.words.map((word, index) =>
        value.kind === "address" ? value.words[index]!.id : zeroOf(front, word.size),
      );
    case "place":
      if (value.kind === "place" && value.at.kind === "memory") return [front.advance(value.at.base, value.at.offset)];
      return [front.constant(0)];
    case "nullable": {
      if (isNothing(value)) return [front.constant(0), ...leaves(front, staged(0), shape.value)];
      if (value.kind === "nullable") return [value.present, ...leaves(front, value.value, shape.value)];
      return [front.constant(1), ...leaves(front, value, shape.value)];
    }
    default:
      return [];
  }
}

const zeroOf = (front: Front, _: number): ValueId => front.constant(0);

function makePhis(front: Front, header: BlockId, shape: Value): { readonly value: Value; readonly ids: ValueId[] } {
  return fromLeaves(shape, ({ type, range }) => {
    const id = front.builder.phi(header, type);
    if (range && range.min >= 0 && range.max <= 0xffffffff) front.naturals.add(id);
    return id;
  });
}

/** A register of a value: what may be in it. */
export interface Leaf {
  readonly type: ValueType;
  readonly range?: Range;
  /** Bits that may be set; undefined when all may. */
  readonly bits?: number;
}

/** A value of a shape, of new registers: those that `leaves` takes out, in the same order. */
export function fromLeaves(
  shape: Value,
  make: (leaf: Leaf) => ValueId,
): { readonly value: Value; readonly ids: ValueId[] } {
  switch (shape.kind) {
    case "number": {
      const id = make({ type: "scalar", range: shape.range });
      return { value: { ...shape, id }, ids: [id] };
    }
    case "bigint": {
      const id = make({ type: "scalar" });
      return { value: { ...shape, id }, ids: [id] };
    }
    case "boolean": {
      const id = make({ type: "scalar", bits: 1 });
      return { value: { ...shape, id }, ids: [id] };
    }
    case "address": {
      const ids = shape.words.map(({ size }) => make({ type: "scalar", bits: 8 * size }));
      return { value: { ...shape, words: shape.words.map(({ size }, index) => ({ size, id: ids[index]! })) }, ids };
    }
    case "place": {
      if (shape.at.kind !== "memory") return { value: shape, ids: [] };
      const base = make({ type: "pointer" });
      return { value: { ...shape, at: { ...shape.at, base, offset: 0 } }, ids: [base] };
    }
    case "nullable": {
      const present = make({ type: "scalar" });
      const inner = fromLeaves(shape.value, make);
      return { value: { ...shape, present, value: inner.value }, ids: [present, ...inner.ids] };
    }
    default:
      return { value: shape, ids: [] };
  }
}

/** Ends the last round: back to the header, with the arguments of its phis. */
function close(
  front: Front,
  header: BlockId,
  before: BlockId,
  phis: readonly HeaderPhi[],
  back: State | undefined,
): void {
  const { builder } = front;
  let last: ValueId[][] = [];
  if (back) {
    front.follow(back);
    last = phis.map(({ variable, value }) => leaves(front, back.variables.get(variable)!, value));
    builder.end({ kind: "jump", to: header });
  }
  builder.seal(header);
  phis.forEach(({ ids, initial }, index) => {
    ids.forEach((id, leaf) => {
      const values = new Map([[before, initial[leaf]!]]);
      if (back) values.set(back.block, last[index]![leaf]!);
      builder.give(header, id, values);
    });
  });
  front.follow(undefined);
}

/** Rounds that only begin with one number and leave another: there is one. */
function leavesAnother(front: Front, { variable, value }: HeaderPhi, back: State): boolean {
  const after = back.variables.get(variable);
  if (value.kind !== "number" || !after || !isStaged(after) || typeof after.value !== "number") return false;
  front.follow(back);
  const { min, max } = front.rangeOf(value);
  front.leave();
  return after.value < min || after.value > max;
}

/**
 * The test after the only round. Where it is decided no edge goes back: the verifier, which may know less of the limit,
 * would see a counter that is the same number on each round, a loop without end.
 */
function withoutSecondRound(front: Front, { test }: Loop, back: State, exits: State[]): State | undefined {
  const snapshot = takeSnapshot(front);
  front.follow(copyState(back));
  const { yes, no } = test();
  if (!yes) {
    if (no) exits.push(no);
    return undefined;
  }
  restore(front, snapshot);
  return back;
}

/** How often a variable can grow (or shrink) by a constant within bounds that a test has set; else Infinity. */
function roundsOf(front: Front, phi: HeaderPhi, back: State): number {
  const { variable, value, ids } = phi;
  if (leavesAnother(front, phi, back)) return 1;
  const after = back.variables.get(variable);
  if (value.kind !== "number" || after?.kind !== "number") return Infinity;
  const operation = front.builder.definition(after.id)?.operation;
  if (operation?.kind !== "alu" || operation.a !== ids[0] || (operation.code !== "add" && operation.code !== "sub"))
    return Infinity;
  const by = front.builder.definition(operation.b)?.operation;
  if (by?.kind !== "constant" || by.value === 0n) return Infinity;
  front.follow(back);
  const { min, max } = front.rangeOf(value);
  front.leave();
  return Math.floor((max - min) / Math.abs(Number(by.value))) + 1;
}

// Going back.

export function takeSnapshot(front: Front) {
  return {
    mark: front.builder.mark(),
    exits: new Map(front.exits),
    scratch: new Map(front.scratch),
    objectSlots: new Map(front.objectSlots),
    walked: front.walked,
    lists: [...openLists(front)].map((list) => ({ list, length: list.length })),
  };
}

/** Where a body leaves paths for others: returns, breaks and continues of what is around the loop, ends of the program. */
function* openLists(front: Front): Generator<unknown[]> {
  if (front.ends) yield front.ends;
  for (const { returns, targets } of front.frames) {
    yield returns;
    for (const { breaks, continues } of targets) {
      yield breaks;
      if (continues) yield continues;
    }
  }
}

export function restore(front: Front, snapshot: ReturnType<typeof takeSnapshot>): void {
  const { mark, exits, scratch, objectSlots, walked, lists } = snapshot;
  front.walked = walked;
  front.builder.rewind(mark);
  front.forgetBits(mark.types);
  front.exits = exits;
  for (const { list, length } of lists) list.length = length;
  replaceAll(front.scratch, scratch);
  replaceAll(front.objectSlots, objectSlots);
  front.follow(undefined);
}

/** `from` up to `to - 1`, which need not be constant but must have a limit. */
export function countedLoop(
  front: Front,
  node: SyntaxNode,
  from: Value,
  to: Value,
  label: string | undefined,
  body: (index: Value) => void,
): void {
  numberOf(front, from, node["right"] ?? node);
  numberOf(front, to, node["right"] ?? node);
  const variable = front.newVariable();
  front.state.variables.set(variable, from);
  const index = (): Value => front.settle(front.state.variables.get(variable)!);
  realLoop(front, {
    node,
    label,
    isTestedFirst: true,
    test: () => compare(front, "<", index(), to, node),
    body: () => body(index()),
    step: () => void front.state.variables.set(variable, front.settle(binary(front, "+", index(), staged(1), node))),
  });
}
