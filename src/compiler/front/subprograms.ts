/**
 * Functions of their own: `subprogram(fn)` is compiled once for each way in which it is called (which arguments are numbers,
 * which are places of which memory), and not inlined; a callback is compiled for the helper that calls it.
 *
 * Arguments and the result are registers. Invariant: what the caller knew of memory is forgotten behind the call, and its
 * packet places die when the subprogram moves the packet.
 */

import { isSubprogram } from "../../lang/index.ts";
import type { ValueId, ValueType } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Call } from "./call.ts";
import { bigintOf, booleanOf, numberOf } from "./convert.ts";
import { Front, type Outcome } from "./front.ts";
import { requireReleased } from "./held.ts";
import { outcome } from "./join.ts";
import { addressOfPlace } from "./packet.ts";
import { loadPacket } from "./packet-bounds.ts";
import { type KernelFunction, Scope } from "./scope.ts";
import type { Subprogram } from "./unit.ts";
import {
  describeValue,
  isStaged,
  type PlaceValue,
  type Range,
  type Region,
  signOf,
  U32,
  UNDEFINED,
  type Value,
  within,
} from "./value.ts";

/** A value without its register: a parameter or a result. */
type Shape = (id: ValueId) => Value;

interface Argument {
  readonly id: ValueId;
  readonly type: ValueType;
  /** Equal for arguments that one compiled function can take. */
  readonly key: string;
  readonly shape: Shape;
}

export function subprogramCall(front: Front, fn: object, kernel: KernelFunction, call: Call): Outcome[] | undefined {
  if (!isSubprogram(fn)) return undefined;
  const { lockedSince, records } = front.state;
  if (lockedSince !== undefined) front.fail("COMPILER_UNDER_LOCK", { what: "a call", line: lockedSince }, call.node);
  if (call.values.length > 5)
    front.unsupported("a subprogram with more than five arguments", "hand over a struct", call.node);
  const list = call.values.map((value, index) => argumentOf(front, value, call.nodes[index] ?? call.node));
  const key = list.map((one) => one.key).join();
  const name: string = kernel.name || call.node["callee"]?.name || "subprogram";
  const subprogram = front.unit.subprogram(fn, key, name, (made) => lower(front, kernel, list, made, call.node));
  if (!subprogram.body) front.fail("COMPILER_RECURSION", { name }, call.node);
  const { result, killer } = subprogram.body;
  if (killer !== undefined && Array.from(records.values()).some(({ kind }) => kind === "record"))
    front.unsupported(
      "a subprogram that moves the packet while a record is reserved",
      "submit the record first",
      call.node,
    );
  const id = front.emit({
    kind: "callFunction",
    target: { kind: "function", function: subprogram.name },
    arguments: list.map((one) => one.id),
  });
  front.state.loads.clear();
  if (killer !== undefined) loadPacket(front, killer, front.lineOf(call.node));
  return outcome(front, front.settle(result(id)));
}

const I32: Range = { min: -0x80000000, max: 0x7fffffff };

function argumentOf(front: Front, given: Value, node: SyntaxNode): Argument {
  const value = front.settle(given);
  if (value.kind === "context") return { id: front.context, type: "pointer", key: "ctx", shape: () => value };
  if (value.kind === "place") return placeArgument(front, value, node);
  if (value.kind === "boolean" || (isStaged(value) && typeof value.value === "boolean"))
    return { id: booleanOf(front, value, node).id(), type: "scalar", key: "bool", shape: booleanShape };
  if (value.kind === "bigint" || (isStaged(value) && typeof value.value === "bigint")) {
    const { id, signed } = bigintOf(front, value, node);
    return { id: id(), type: "scalar", key: signed ? "i64" : "u64", shape: bigintShape(signed) };
  }
  if (value.kind !== "number" && !(isStaged(value) && typeof value.value === "number"))
    return front.fail(
      "COMPILER_TYPE",
      { expected: "a number, a bigint, a boolean or a place", found: describeValue(value) },
      node,
    );
  const { range, id } = numberOf(front, value, node);
  const bounds = [U32, I32].find((one) => within(range, one));
  if (!bounds)
    return front.fail(
      "COMPILER_TYPE",
      { expected: "a number of 32 bits", found: describeValue(value) },
      node,
      "wrap it: u32(…)",
    );
  return { id: id(), type: "scalar", key: bounds === U32 ? "u32" : "i32", shape: numberShape(bounds) };
}

const booleanShape: Shape = (id) => ({ kind: "boolean", id, isBit: true });
const bigintShape =
  (signed: boolean): Shape =>
  (id) => ({ kind: "bigint", id, signed });
const numberShape =
  (range: Range): Shape =>
  (id) => ({ kind: "number", id, range });

function placeArgument(front: Front, place: PlaceValue, node: SyntaxNode): Argument {
  const id = addressOfPlace(front, place, true, node);
  const region: Region = place.at.kind === "memory" ? place.at.region : OTHER_STACK;
  if (region.kind === "record")
    front.unsupported("a record as an argument of a subprogram", "fill it where it was reserved", node);
  const align = place.at.kind === "memory" ? place.at.align : 8;
  return {
    id,
    type: "pointer",
    key: `${front.unit.idOf(place.schema)}${place.isCell ? "c" : ""}@${regionKey(front, region)}/${align}`,
    // A packet place is one of the packet as the subprogram finds it.
    shape: (base) => ({
      ...place,
      at: { kind: "memory", base, offset: 0, region: seenInside(region), align },
      stamp: 0,
    }),
  };
}

/**
 * The address of a function for a helper to call: it answers 1 where `body` returns something true, else 0. `parameters`
 * makes the arguments of `body` from its registers.
 */
export function callbackAddress(
  front: Front,
  body: Value,
  count: number,
  parameters: (inner: Front, registers: readonly ValueId[]) => Value[],
  node: SyntaxNode,
): ValueId {
  const fn = isStaged(body) ? (body.value as object) : body.kind === "closure" ? body.node : undefined;
  if (!fn) return front.fail("COMPILER_TYPE", { expected: "a function", found: describeValue(body) }, node);
  // Of what is inlined in several places each copy has callbacks of its own: their arguments may be other maps.
  const key = `callback ${front.unit.callbacks++}`;
  const { name } = front.unit.subprogram(fn, key, `${front.name}_callback`, (made) => {
    const inner = new Front(front.unit, front.language, made.name, false, front.isDeviceBound, front.variableMark);
    inner.frames.push({ fn: { ...front.frame.fn, node: { ...node } }, scope: new Scope(), returns: [], targets: [] });
    inner.start();
    inner.at(node);
    const registers = Array.from({ length: count }, (_, index) => inner.emit({ kind: "argument", index }, "pointer"));
    const outcomes = inner.language.callValue(inner, body, parameters(inner, registers), node);
    for (const { state, value } of outcomes) {
      inner.follow(state);
      const { yes, no } = inner.language.truth(inner, value, node);
      for (const [path, answer] of [
        [yes, 1],
        [no, 0],
      ] as const) {
        if (!path) continue;
        inner.follow(path);
        requireReleased(inner, node);
        inner.exitWith(inner.constant(answer));
      }
    }
    made.body = { ir: inner.finish(), result: () => UNDEFINED, killer: undefined };
  });
  return front.emit({ kind: "symbol", symbol: { kind: "function", function: name } }, "pointer");
}

/** The caller's stack, all of it: two places there may be one. */
export const OTHER_STACK: Region = { kind: "stack", slot: -1 };

export function seenInside(region: Region): Region {
  if (region.kind === "stack") return OTHER_STACK;
  return region.kind === "packet" || region.kind === "metadata" ? { ...region, generation: 0 } : region;
}

function regionKey(front: Front, region: Region): string {
  if (region.kind === "map") return `map${front.unit.idOf(region.map)}`;
  if (region.kind === "global") return `global${front.unit.idOf(region.variable)}`;
  return region.kind;
}

function lower(
  caller: Front,
  kernel: KernelFunction,
  list: readonly Argument[],
  made: Subprogram,
  node: SyntaxNode,
): void {
  const front = new Front(caller.unit, caller.language, made.name, false, caller.isDeviceBound);
  front.frames.push({ fn: { ...kernel, node: { ...kernel.node } }, scope: new Scope(), returns: [], targets: [] });
  front.start();
  front.at(kernel.node);
  const values = list.map(({ type, shape, key }, index): Value => {
    const id = front.emit({ kind: "argument", index, isContext: key === "ctx" }, type);
    if (key === "ctx") front.context = id;
    return shape(id);
  });
  if (list.some(({ key }) => key === "ctx")) loadPacket(front, undefined, 0);
  const outcomes = front.language.call(front, kernel, values, undefined, kernel.node);
  const killer = outcomes.map(({ state }) => state.packet).find(({ generation }) => generation !== 0)?.killer;
  const results = outcomes.map((one) => endAt(front, one, kernel, node));
  const first = results.find((one) => !one.isEither) ?? results[0] ?? NOTHING;
  const other = results.find(({ kind, isEither }) => kind !== first.kind && !(isEither && first.kind === SIGNED));
  if (other) front.fail("COMPILER_TYPE", { expected: first.kind, found: other.kind }, kernel.node);
  const ranges = results.flatMap(({ range }) => range ?? []);
  const result: Shape =
    first.kind === "a number"
      ? numberShape({ min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) })
      : first.shape;
  made.body = { ir: front.finish(), result, killer };
}

interface Result {
  readonly kind: string;
  /** A bigint that is the same signed and unsigned. */
  readonly isEither?: boolean;
  readonly shape: Shape;
  readonly range?: Range;
}

const SIGNED = "a signed bigint";
const NOTHING: Result = { kind: "nothing", shape: () => UNDEFINED };

/** Ends the subprogram with what one path returns. */
function endAt(front: Front, { state, value, from }: Outcome, kernel: KernelFunction, call: SyntaxNode): Result {
  front.follow(state);
  const node: SyntaxNode = from ?? kernel.node;
  requireReleased(front, node);
  const given = front.settle(value);
  const type = isStaged(given) ? typeof given.value : given.kind;
  switch (type) {
    case "undefined":
      front.exitWith(front.constant(0));
      return NOTHING;
    case "boolean":
      front.exitWith(booleanOf(front, given, node).id());
      return { kind: "a boolean", shape: booleanShape };
    case "bigint": {
      const { id, signed } = bigintOf(front, given, node);
      front.exitWith(id());
      const isEither = signOf(given) === "either";
      return { kind: signed ? SIGNED : "a bigint", isEither, shape: bigintShape(signed) };
    }
    case "number": {
      const { id, range } = numberOf(front, given, node);
      front.exitWith(id());
      return { kind: "a number", shape: numberShape(range), range };
    }
    default:
      return front.fail(
        "COMPILER_TYPE",
        {
          expected: "a number, a bigint, a boolean or nothing as the result of a subprogram",
          found: describeValue(given),
        },
        from ? (node["argument"] ?? node) : call,
      );
  }
}
