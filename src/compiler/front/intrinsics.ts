/** The functions of xdpkit that kernel code calls: each by its name in the language. */
import { Global } from "../../lang/index.ts";
import { layoutOf } from "../../schema/index.ts";
import type { AtomicCode, ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call, type Handler, value } from "./call.ts";
import { CHECKSUMS } from "./checksums.ts";
import { CONNTRACK } from "./conntrack.ts";
import { bigintOf, numberOf, stagedOf } from "./convert.ts";
import { copyOfPlace } from "./copies.ts";
import { endProgram } from "./end.ts";
import { schemaOf } from "./expressions.ts";
import { FIB } from "./fib.ts";
import type { Front, Outcome } from "./front.ts";
import { HASHES } from "./hashes.ts";
import { outcome } from "./join.ts";
import { loop } from "./loop-call.ts";
import { assignPlace, fieldOf, placeAt, requireUsable } from "./memory.ts";
import { addressOfPlace } from "./packet.ts";
import { PREFIXES } from "./prefixes.ts";
import { variablePlace } from "./property.ts";
import { integerRange } from "./scalars.ts";
import { decided, equalWords } from "./splits.ts";
import { describeValue, isStaged, type PlaceValue, type Range, staged, UNDEFINED, type Value } from "./value.ts";
import { forget, forgetMaps, loadWord, shift, wordsOf } from "./words.ts";

function placeOf(front: Front, given: Value, node: SyntaxNode): PlaceValue {
  const place = front.settle(given);
  if (place.kind === "nullable") return front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(node) }, node);
  if (place.kind !== "place")
    return front.fail("COMPILER_TYPE", { expected: "a place", found: describeValue(place) }, node);
  requireUsable(front, place, node);
  return place;
}

// The end.

const exit: Handler = (front, call) => {
  const { id } = numberOf(front, argument(call, 0), argumentNode(call, 0), "an XdpAction");
  endProgram(front, id(), call.node);
  return [];
};

// Places.

const equals: Handler = (front, call) => {
  const [a, b] = [0, 1].map((index) => placeOf(front, argument(call, index), argumentNode(call, index))) as [
    PlaceValue,
    PlaceValue,
  ];
  if (a.layout.size !== b.layout.size)
    return front.fail(
      "COMPILER_TYPE",
      { expected: `${a.layout.size} bytes`, found: `${b.layout.size} bytes` },
      argumentNode(call, 1),
    );
  if (a.layout.size === 0) return booleans(decided(front, true));
  const sizes = wordsOf(front, isStack(b) ? b.at : a.at, a.layout.size).map(({ size }) => size);
  return booleans(equalWords(front, loadBytesAs(front, a, sizes), loadBytesAs(front, b, sizes)));
};

const isStack = ({ at }: PlaceValue): boolean => at.kind === "memory" && at.region.kind === "stack";

function loadBytesAs(front: Front, { at }: PlaceValue, sizes: readonly (1 | 2 | 4 | 8)[]): ValueId[] {
  let offset = 0;
  return sizes.map((size) => {
    const id = loadWord(front, shift(at, offset), size);
    offset += size;
    return id;
  });
}

const booleans = ({ yes, no }: ReturnType<typeof decided>): Outcome[] => [
  ...(yes ? [{ state: yes, value: staged(true) }] : []),
  ...(no ? [{ state: no, value: staged(false) }] : []),
];

const copyOf: Handler = (front, call) => {
  const place = placeOf(front, argument(call, 0), argumentNode(call, 0));
  const object = copyOfPlace(front, place, call.node);
  return outcome(front, placeAt(front, place.schema, { kind: "object", object, offset: 0 }));
};

const assign: Handler = (front, call) => {
  const place = placeOf(front, argument(call, 0), argumentNode(call, 0));
  assignPlace(front, place, argument(call, 1), argumentNode(call, 1));
  return outcome(front, UNDEFINED);
};

const overlay: Handler = (front, call) => {
  const schema = schemaOf(front, argument(call, 0), argumentNode(call, 0));
  const place = placeOf(front, argument(call, 1), argumentNode(call, 1));
  const { size } = layoutOf(schema);
  if (size > place.layout.size)
    return front.fail(
      "COMPILER_TYPE",
      { expected: `at least ${size} bytes`, found: `${place.layout.size} bytes` },
      argumentNode(call, 1),
    );
  return outcome(front, placeAt(front, schema, place.at));
};

// Atomics.

interface AtomicField {
  readonly place: PlaceValue;
  readonly base: ValueId;
  readonly offset: number;
  readonly size: 4 | 8;
  readonly name: string;
  readonly signed: boolean;
}

/** A place, or a global, whose field is `value`. */
function atomicPlace(front: Front, given: Value, node: SyntaxNode): PlaceValue {
  if (isStaged(given) && given.value instanceof Global) return variablePlace(front, given.value);
  return placeOf(front, given, node);
}

function atomicField(front: Front, call: Call): AtomicField {
  const place = atomicPlace(front, argument(call, 0), argumentNode(call, 0));
  const name = String(stagedOf(front, argument(call, 1), "the name of the field", argumentNode(call, 1)));
  const layout = place.isCell && name === "value" ? place.layout : fieldOf(place.layout, name)?.layout;
  const offset = place.isCell ? 0 : (fieldOf(place.layout, name)?.offsetBits ?? 0) / 8;
  const fits = layout?.kind === "integer" && layout.byteOrder === "host" && layout.size >= 4;
  if (!fits) {
    const expected = "a field of type u32, u64, i32 or i64";
    return front.fail("COMPILER_TYPE", { expected, found: `\`${name}\`` }, argumentNode(call, 1));
  }
  if (place.at.kind === "object" || place.at.region.kind === "stack")
    return front.fail(
      "COMPILER_TYPE",
      { expected: "a map value or a global", found: "a stack value, which nobody else sees" },
      argumentNode(call, 0),
    );
  if (place.at.region.kind === "packet" || place.at.region.kind === "metadata")
    return front.fail(
      "COMPILER_TYPE",
      { expected: "a map value or a global", found: "the packet" },
      argumentNode(call, 0),
    );
  const { base, offset: start } = place.at;
  return { place, base, offset: start + offset, size: layout.size as 4 | 8, name, signed: layout.signed };
}

function operand(front: Front, { size }: AtomicField, call: Call, index: number): ValueId {
  const [given, node] = [argument(call, index), argumentNode(call, index)];
  return size === 8 ? bigintOf(front, given, node).id() : numberOf(front, given, node).id();
}

/** The old value, as the field's type reads. */
function fetched(front: Front, { size, signed }: AtomicField, id: ValueId): Value {
  if (size === 8) return { kind: "bigint", id, signed };
  const value = signed ? front.emit({ kind: "signExtend", bits: 32, a: id }) : id;
  return { kind: "number", id: value, range: integerRange(size, signed) };
}

const atomicOperation = (code: AtomicCode, isFetching: boolean): Handler =>
  value((front, call) => {
    const field = atomicField(front, call);
    const { base, offset, size, place } = field;
    const isExchange = code === "exchange" || code === "compareExchange";
    const expected = code === "compareExchange" ? { expected: operand(front, field, call, 2) } : {};
    const operandId = operand(front, field, call, code === "compareExchange" ? 3 : 2);
    const fetch = isFetching || isExchange;
    const id = front.emit({ kind: "atomic", code, size, base, offset, value: operandId, fetch, ...expected });
    forget(front, place.at, offset, offset + size);
    return fetch ? fetched(front, field, id) : UNDEFINED;
  });

const atomicLoad = value((front, call) => {
  const field = atomicField(front, call);
  const { base, offset, size, signed, place } = field;
  forget(front, place.at, offset, offset + size);
  const id = front.emit({ kind: "load", size, signed: signed && size === 4, base, offset });
  return size === 8 ? { kind: "bigint", id, signed } : { kind: "number", id, range: integerRange(size, signed) };
});

const atomicStore = value((front, call) => {
  const field = atomicField(front, call);
  const { base, offset, size, place } = field;
  front.emit({ kind: "store", size, base, offset, value: operand(front, field, call, 2) });
  forget(front, place.at, offset, offset + size);
  return UNDEFINED;
});

// Locks.

const withLock: Handler = (front, call) => {
  const lock = placeOf(front, argument(call, 0), argumentNode(call, 0));
  const body = argument(call, 1);
  if (lock.layout.kind !== "spinLock" || body.kind !== "closure")
    return front.fail(
      "COMPILER_TYPE",
      { expected: "a spinLock and a function", found: describeValue(lock) },
      call.node,
    );
  if (lock.at.kind !== "memory")
    return front.fail("COMPILER_TYPE", { expected: "a lock in a map", found: "one on the stack" }, call.node);
  const pointer = addressOfPlace(front, lock, false, call.node);
  front.call(front.unit.helper("bpf_spin_lock"), [pointer]);
  forgetMaps(front);
  front.state.lockedSince = front.lineOf(call.node);
  const outcomes = front.language.callValue(front, body, [], call.node);
  for (const { state } of outcomes) {
    front.follow(state);
    state.lockedSince = undefined;
    front.call(front.unit.helper("bpf_spin_unlock"), [front.advance(lock.at.base, lock.at.offset)]);
    forgetMaps(front);
    front.leave();
  }
  return outcomes;
};

// Plain helpers.

const number = (helper: string, range: Range): Handler =>
  value((front) => ({ kind: "number", id: front.call(front.unit.helper(helper), []), range }));
const bigint = (helper: string): Handler =>
  value((front) => ({ kind: "bigint", id: front.call(front.unit.helper(helper), []), signed: false }));

const U32_RANGE = { min: 0, max: 0xffffffff };

const redirect: Handler = value((front, call) => {
  const { id, range } = numberOf(front, argument(call, 0), argumentNode(call, 0), "an interface index");
  if (range.min < 0) front.fail("COMPILER_NEGATIVE", { operator: "redirect", min: range.min }, argumentNode(call, 0));
  return {
    kind: "number",
    id: front.call(front.unit.helper("bpf_redirect"), [id(), front.constant(0)]),
    range: { min: 0, max: 4 },
  };
});

export const INTRINSICS: Readonly<Record<string, Handler>> = {
  exit,
  equals,
  copyOf,
  assign,
  overlay,
  withLock,
  loop,
  redirect,
  "atomic.add": atomicOperation("add", false),
  "atomic.fetchAdd": atomicOperation("add", true),
  "atomic.or": atomicOperation("or", false),
  "atomic.and": atomicOperation("and", false),
  "atomic.xor": atomicOperation("xor", false),
  "atomic.exchange": atomicOperation("exchange", true),
  "atomic.compareExchange": atomicOperation("compareExchange", true),
  "atomic.load": atomicLoad,
  "atomic.store": atomicStore,
  ktimeGetNs: bigint("bpf_ktime_get_ns"),
  ktimeGetBootNs: bigint("bpf_ktime_get_boot_ns"),
  ktimeGetCoarseNs: bigint("bpf_ktime_get_coarse_ns"),
  ktimeGetTaiNs: bigint("bpf_ktime_get_tai_ns"),
  jiffies64: bigint("bpf_jiffies64"),
  getPrandomU32: number("bpf_get_prandom_u32", U32_RANGE),
  getSmpProcessorId: number("bpf_get_smp_processor_id", { min: 0, max: 0xffff }),
  getNumaNodeId: number("bpf_get_numa_node_id", { min: -1, max: 0xffff }),
  ...CHECKSUMS,
  ...HASHES,
  ...PREFIXES,
  ...FIB,
  ...CONNTRACK,
};
