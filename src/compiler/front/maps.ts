/** Methods of maps, as calls of helpers. */
import {
  ArrayMap,
  ArrayOfMaps,
  BloomFilter,
  CpuMap,
  DevMap,
  HashMap,
  HashOfMaps,
  LpmTrie,
  LruHashMap,
  LruPerCpuHashMap,
  MapHandle,
  type Outcomes,
  PerCpuArray,
  PerCpuHashMap,
  PerfEventArray,
  ProgramArray,
  Queue,
  RingBuffer,
  UserRingBuffer,
  XskMap,
} from "../../lang/index.ts";
import { layoutOf, type Schema } from "../../schema/index.ts";
import { UpdateFlag, XdpAction } from "../../uapi/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call, type Method } from "./call.ts";
import { numberOf, stagedOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { forgetMaps, placeAt } from "./memory.ts";
import { isPresent } from "./operators.ts";
import { countOutcome } from "./outcomes.ts";
import { addressOfValue, addressOutsidePacket, filledPlace, prefixAddress } from "./pass.ts";
import { property } from "./property.ts";
import { callbackAddress } from "./subprograms.ts";
import { isStaged, NULL, type PlaceValue, type Region, staged, UNDEFINED, type Value } from "./value.ts";

/** A map of the module, or one that was found in a map of maps. */
export interface MapReceiver {
  /** The handle, or the template. */
  readonly handle: MapHandle;
  address(): ValueId;
}

export function mapReceiver(front: Front, value: Value, node: SyntaxNode): MapReceiver | undefined {
  if (value.kind === "innerMap") return { handle: value.template as MapHandle, address: () => value.id };
  if (!isStaged(value) || !(value.value instanceof MapHandle)) return undefined;
  const handle = value.value;
  return {
    handle,
    address: () => {
      const map = front.unit.map(front, handle, node);
      return front.emit({ kind: "symbol", symbol: { kind: "map", map } }, "pointer");
    },
  };
}

type MapMethod = Method<MapReceiver>;

const helperCall = (
  front: Front,
  name: string,
  values: readonly ValueId[],
  node: SyntaxNode,
  type: "scalar" | "pointer" = "scalar",
): ValueId => {
  front.unit.needHelper(front, name, node);
  return front.call(front.unit.helper(name), values, type);
};

const isPerCpu = (handle: MapHandle): boolean =>
  handle instanceof PerCpuArray || handle instanceof PerCpuHashMap || handle instanceof LruPerCpuHashMap;

const schemaOfValue = ({ handle }: MapReceiver): Schema<unknown> => handle.declaration.value as Schema<unknown>;
const schemaOfKey = ({ handle }: MapReceiver): Schema<unknown> => handle.declaration.key as Schema<unknown>;

function valuePlace(front: Front, { handle }: MapReceiver, base: ValueId): PlaceValue {
  const region: Region = { kind: "map", map: handle, isShared: !isPerCpu(handle) };
  return placeAt(front, handle.declaration.value as Schema<unknown>, {
    kind: "memory",
    base,
    offset: 0,
    region,
    align: 8,
  });
}

function keyAddress(front: Front, map: MapReceiver, key: Value, node: SyntaxNode): ValueId {
  if (map.handle instanceof LpmTrie) return prefixAddress(front, schemaOfKey(map), key, undefined, node);
  return addressOfValue(front, schemaOfKey(map), key, node);
}

const foundOrNull = (front: Front, map: MapReceiver, found: ValueId): Value => ({
  kind: "nullable",
  present: found,
  value: valuePlace(front, map, found),
  nothing: null,
});

function find(front: Front, map: MapReceiver, key: Value, keyNode: SyntaxNode, node: SyntaxNode): ValueId {
  // The key's bytes first: a constant address of a map needs no register while they are made.
  const address = keyAddress(front, map, key, keyNode);
  return helperCall(front, "bpf_map_lookup_elem", [map.address(), address], node, "pointer");
}

const lookup: MapMethod = (front, map, call) =>
  outcome(front, foundOrNull(front, map, find(front, map, argument(call, 0), argumentNode(call, 0), call.node)));

/** Whether a helper answered 0, as a value; nothing where nobody asks. */
function succeeded(front: Front, result: ValueId, { isUsed }: Call): Outcome[] {
  if (!isUsed) return outcome(front, UNDEFINED);
  const { yes, no } = front.branch("eq", result, front.constant(0));
  return [
    { state: yes, value: staged(true) },
    { state: no, value: staged(false) },
  ];
}

const MODES: Readonly<Record<string, number>> = {
  any: UpdateFlag.ANY,
  create: UpdateFlag.NOEXIST,
  replace: UpdateFlag.EXIST,
};

function modeOf(front: Front, call: Call, index: number): number {
  const mode = argument(call, index);
  if (isStaged(mode) && mode.value === undefined) return UpdateFlag.ANY;
  const name = stagedOf(front, mode, "the mode", argumentNode(call, index));
  const flag = MODES[String(name)];
  return (
    flag ??
    front.fail(
      "COMPILER_TYPE",
      { expected: '"any", "create" or "replace"', found: String(name) },
      argumentNode(call, index),
    )
  );
}

function store(front: Front, map: MapReceiver, key: ValueId, value: ValueId, flags: number, node: SyntaxNode): ValueId {
  const result = helperCall(front, "bpf_map_update_elem", [map.address(), key, value, front.constant(flags)], node);
  forgetMaps(front);
  return result;
}

const updateMethod: MapMethod = (front, map, call) => {
  const key = keyAddress(front, map, argument(call, 0), argumentNode(call, 0));
  const value = addressOfValue(front, schemaOfValue(map), argument(call, 1), argumentNode(call, 1));
  return succeeded(front, store(front, map, key, value, modeOf(front, call, 2), call.node), call);
};

const deleteMethod: MapMethod = (front, map, call) => {
  const key = keyAddress(front, map, argument(call, 0), argumentNode(call, 0));
  const result = helperCall(front, "bpf_map_delete_elem", [map.address(), key], call.node);
  forgetMaps(front);
  return succeeded(front, result, call);
};

const lookupOrInsert: MapMethod = (front, map, call) => {
  const [key, keyNode] = [argument(call, 0), argumentNode(call, 0)];
  const found = find(front, map, key, keyNode, call.node);
  const { yes, no } = isPresent(front, found);
  front.follow(yes);
  const there = valuePlace(front, map, found);
  const first = { state: front.leave(), value: there as Value };
  front.follow(no);
  const initial = addressOfValue(front, schemaOfValue(map), argument(call, 1), argumentNode(call, 1));
  // Another CPU may be first: then its value is found.
  store(front, map, keyAddress(front, map, key, keyNode), initial, UpdateFlag.NOEXIST, call.node);
  const again = find(front, map, key, keyNode, call.node);
  const second = isPresent(front, again);
  front.follow(second.yes);
  const inserted = { state: front.leave(), value: valuePlace(front, map, again) as Value };
  return [first, inserted, { state: second.no!, value: NULL }];
};

/** Elements one by one, each in a call of the body by the kernel. */
const forEach: MapMethod = (front, map, call) => {
  const [body, node] = [argument(call, 0), argumentNode(call, 0)];
  const callback = callbackAddress(
    front,
    body,
    4,
    (inner, [, key, value]) => [valuePlace(inner, map, value!), keyValue(inner, map, key!, node)],
    node,
  );
  const none = front.constant(0);
  const count = helperCall(front, "bpf_for_each_map_elem", [map.address(), callback, none, none], call.node);
  front.state.loads.clear();
  return outcome(front, { kind: "number", id: count, range: { min: 0, max: map.handle.declaration.maxEntries } });
};

/** Records from user space, one by one; one that is shorter than it should be is left out. */
const drain: MapMethod = (front, map, call) => {
  const [body, node] = [argument(call, 0), argumentNode(call, 0)];
  const schema = recordOf(map.handle);
  const callback = callbackAddress(
    front,
    body,
    2,
    (inner, [dynptr]) => {
      const size = inner.constant(layoutOf(schema).size);
      const data = helperCall(inner, "bpf_dynptr_data", [dynptr!, inner.constant(0), size], node, "pointer");
      const { yes, no } = isPresent(inner, data);
      inner.follow(no);
      inner.exitWith(inner.constant(0));
      inner.follow(yes);
      const region: Region = { kind: "map", map: map.handle, isShared: false };
      return [placeAt(inner, schema, { kind: "memory", base: data, offset: 0, region, align: 8 })];
    },
    node,
  );
  const none = front.constant(0);
  const count = helperCall(front, "bpf_user_ringbuf_drain", [map.address(), callback, none, none], call.node);
  front.state.loads.clear();
  // A negative number says that another CPU is at it.
  const { yes: some, no: busy } = front.branch("sge", count, none);
  return [
    ...(some
      ? [{ state: some, value: { kind: "number", id: count, range: { min: 0, max: MOST_RECORDS } } as Value }]
      : []),
    ...(busy ? [{ state: busy, value: staged(0) }] : []),
  ];
};

/** BPF_MAX_USER_RINGBUF_SAMPLES (include/linux/bpf.h). */
const MOST_RECORDS = 128 * 1024;

/** The key that a callback gets: a value, or the place of a struct. */
function keyValue(front: Front, map: MapReceiver, base: ValueId, node: SyntaxNode): Value {
  const region: Region = { kind: "map", map: map.handle, isShared: false };
  const place = placeAt(front, schemaOfKey(map), { kind: "memory", base, offset: 0, region, align: 4 });
  return place.isCell ? property(front, place, "value", node) : place;
}

const lookupOnCpu: MapMethod = (front, map, call) => {
  const key = keyAddress(front, map, argument(call, 0), argumentNode(call, 0));
  const { id, range } = numberOf(front, argument(call, 1), argumentNode(call, 1), "a CPU");
  if (range.min < 0)
    front.fail("COMPILER_NEGATIVE", { operator: "lookupOnCpu", min: range.min }, argumentNode(call, 1));
  const found = helperCall(front, "bpf_map_lookup_percpu_elem", [map.address(), key, id()], call.node, "pointer");
  return outcome(front, foundOrNull(front, map, found));
};

/** An element that is there: the verifier still asks for the test, and its other side is never taken. */
const at: MapMethod = (front, map, call) => {
  const [index, node] = [argument(call, 0), argumentNode(call, 0)];
  const { range } = numberOf(front, index, node, "an index");
  const { maxEntries: length } = map.handle.declaration;
  if (range.min < 0 || range.max >= length)
    front.fail("COMPILER_INDEX", { min: range.min, max: range.max, length }, node);
  const found = find(front, map, index, node, call.node);
  const { yes, no } = isPresent(front, found);
  front.follow(no);
  front.exitWith(front.constant(XdpAction.Aborted));
  front.follow(yes);
  return outcome(front, valuePlace(front, map, found));
};

const HASH: Readonly<Record<string, MapMethod>> = {
  lookup,
  update: updateMethod,
  delete: deleteMethod,
  lookupOrInsert,
  forEach,
};
const ARRAY: Readonly<Record<string, MapMethod>> = { lookup, at, update: updateMethod };

const TRIE: Readonly<Record<string, MapMethod>> = {
  lookup,
  update: (front, map, call) => {
    const key = prefixAddress(front, schemaOfKey(map), argument(call, 0), argument(call, 1), argumentNode(call, 0));
    const value = addressOfValue(front, schemaOfValue(map), argument(call, 2), argumentNode(call, 2));
    return succeeded(front, store(front, map, key, value, UpdateFlag.ANY, call.node), call);
  },
  delete: (front, map, call) => {
    const key = prefixAddress(front, schemaOfKey(map), argument(call, 0), argument(call, 1), argumentNode(call, 0));
    const result = helperCall(front, "bpf_map_delete_elem", [map.address(), key], call.node);
    forgetMaps(front);
    return succeeded(front, result, call);
  },
};

const takeFrom =
  (helper: string): MapMethod =>
  (front, map, call) => {
    const { place, address } = filledPlace(front, schemaOfValue(map));
    const result = helperCall(front, helper, [map.address(), address], call.node);
    const { yes, no } = front.branch("eq", result, front.constant(0));
    return [
      { state: yes, value: place },
      { state: no, value: NULL },
    ];
  };

const BPF_EXIST = 2;
const QUEUE: Readonly<Record<string, MapMethod>> = {
  push: (front, map, call) => {
    const value = addressOfValue(front, schemaOfValue(map), argument(call, 0), argumentNode(call, 0));
    const isOverwriting = stagedOf(front, argument(call, 1), "overwriteOldest", argumentNode(call, 1)) === true;
    const flags = front.constant(isOverwriting ? BPF_EXIST : 0);
    return succeeded(front, helperCall(front, "bpf_map_push_elem", [map.address(), value, flags], call.node), call);
  },
  pop: takeFrom("bpf_map_pop_elem"),
  peek: takeFrom("bpf_map_peek_elem"),
};

const BLOOM: Readonly<Record<string, MapMethod>> = {
  add: (front, map, call) => {
    const value = addressOfValue(front, schemaOfValue(map), argument(call, 0), argumentNode(call, 0));
    return succeeded(
      front,
      helperCall(front, "bpf_map_push_elem", [map.address(), value, front.constant(0)], call.node),
      call,
    );
  },
  has: (front, map, call) => {
    const value = addressOutsidePacket(front, schemaOfValue(map), argument(call, 0), argumentNode(call, 0));
    return succeeded(front, helperCall(front, "bpf_map_peek_elem", [map.address(), value], call.node), {
      ...call,
      isUsed: true,
    });
  },
};

const ACTIONS = { min: 0, max: 4 };

/** The action when there is no target; the helper returns it as it is. */
function otherwise(front: Front, call: Call): ValueId {
  const action = argument(call, 1);
  if (isStaged(action) && action.value === undefined) return front.constant(XdpAction.Aborted);
  const { id, range } = numberOf(front, action, argumentNode(call, 1), "an XdpAction");
  if (range.min < 0 || range.max > XdpAction.Tx)
    front.fail(
      "COMPILER_TYPE",
      { expected: "Aborted, Drop, Pass or Tx", found: "another action" },
      argumentNode(call, 1),
    );
  return id();
}

function natural(front: Front, call: Call, index: number, what: string): ValueId {
  const { id, range } = numberOf(front, argument(call, index), argumentNode(call, index), what);
  if (range.min < 0) front.fail("COMPILER_NEGATIVE", { operator: what, min: range.min }, argumentNode(call, index));
  return id();
}

const redirectMethod: MapMethod = (front, map, call) => {
  const key = natural(front, call, 0, "an index");
  const flags = otherwise(front, call);
  const id = helperCall(front, "bpf_redirect_map", [map.address(), key, flags], call.node);
  return outcome(front, { kind: "number", id, range: ACTIONS });
};

const has: MapMethod = (front, map, call) => {
  const key = addressOfValue(front, front.unit.u32, argument(call, 0), argumentNode(call, 0));
  const found = helperCall(front, "bpf_map_lookup_elem", [map.address(), key], call.node, "pointer");
  const { yes, no } = isPresent(front, found);
  return [
    { state: yes!, value: staged(true) },
    { state: no!, value: staged(false) },
  ];
};

const BROADCAST = 8;
const EXCLUDE_INGRESS = 16;
const DEVICES: Readonly<Record<string, MapMethod>> = {
  redirect: redirectMethod,
  has,
  broadcast: (front, map, call) => {
    const options = argument(call, 0);
    const excluded = options.kind === "record" ? options.fields.get("excludeIngress") : undefined;
    const isExcluding = excluded && stagedOf(front, excluded, "excludeIngress", argumentNode(call, 0)) === true;
    const flags = front.constant(BROADCAST | (isExcluding ? EXCLUDE_INGRESS : 0));
    front.unit.need(front, "broadcast", "5.13", call.node);
    const id = helperCall(front, "bpf_redirect_map", [map.address(), front.constant(0), flags], call.node);
    return outcome(front, { kind: "number", id, range: ACTIONS });
  },
};

const PROGRAMS: Readonly<Record<string, MapMethod>> = {
  tailCall: (front, map, call) => {
    // The kernel comes back from a tail call of a subprogram, to the subprogram's caller.
    if (!front.isProgram)
      front.unsupported("tailCall in a subprogram", "return the index, and call it there", call.node);
    const index = natural(front, call, 1, "an index");
    helperCall(front, "bpf_tail_call", [front.context, map.address(), index], call.node);
    return outcome(front, UNDEFINED);
  },
};

const NESTED: Readonly<Record<string, MapMethod>> = {
  lookup: (front, map, call) => {
    const found = find(front, map, argument(call, 0), argumentNode(call, 0), call.node);
    const template = map.handle.declaration.inner!;
    return outcome(front, {
      kind: "nullable",
      present: found,
      value: { kind: "innerMap", id: found, template },
      nothing: null,
    });
  },
};

// Streams.

const recordOf = (handle: MapHandle): Schema<unknown> =>
  (handle as unknown as { readonly record: Schema<unknown> }).record;

const finish =
  (helper: string): MapMethod =>
  (front, _, call) => {
    const record = argument(call, 0);
    if (record.kind !== "place" || record.at.kind !== "memory" || record.at.region.kind !== "record")
      return front.fail(
        "COMPILER_TYPE",
        { expected: "a reserved record", found: "something else" },
        argumentNode(call, 0),
      );
    const { base } = record.at;
    helperCall(front, helper, [base, front.constant(0)], call.node);
    front.state.records = new Map([...front.state.records].filter(([id]) => id !== base));
    return outcome(front, UNDEFINED);
  };

const RING: Readonly<Record<string, MapMethod>> = {
  reserve: (front, map, call) => {
    const schema = recordOf(map.handle);
    const size = front.constant(layoutOf(schema).size);
    const base = helperCall(
      front,
      "bpf_ringbuf_reserve",
      [map.address(), size, front.constant(0)],
      call.node,
      "pointer",
    );
    front.state.records = new Map([...front.state.records, [base, front.lineOf(call.node)]]);
    const region: Region = { kind: "record", map: map.handle };
    const place = placeAt(front, schema, { kind: "memory", base, offset: 0, region, align: 8 });
    return outcome(front, { kind: "nullable", present: base, value: place, nothing: null });
  },
  submit: finish("bpf_ringbuf_submit"),
  discard: finish("bpf_ringbuf_discard"),
  output: (front, map, call) => {
    const schema = recordOf(map.handle);
    const record = addressOutsidePacket(front, schema, argument(call, 0), argumentNode(call, 0));
    const size = front.constant(layoutOf(schema).size);
    return succeeded(
      front,
      helperCall(front, "bpf_ringbuf_output", [map.address(), record, size, front.constant(0)], call.node),
      call,
    );
  },
};

const CURRENT_CPU = 0xffffffffn;
const EVENTS: Readonly<Record<string, MapMethod>> = {
  output: (front, map, call) => {
    const schema = recordOf(map.handle);
    const bytes = argument(call, 2);
    let flags = front.constant(CURRENT_CPU);
    if (!(isStaged(bytes) && bytes.value === undefined)) {
      const { constant, range, id } = numberOf(front, bytes, argumentNode(call, 2), "a number of bytes");
      if (range.min < 0 || range.max > 0xfffff)
        front.fail("COMPILER_LENGTH", { min: range.min, max: range.max, limit: 0xfffff }, argumentNode(call, 2));
      if (constant !== undefined) flags = front.constant(CURRENT_CPU | (BigInt(constant) << 32n));
      else flags = front.alu("or", front.aluConstant("shl", id(), 32), flags);
    }
    const record = addressOutsidePacket(front, schema, argument(call, 1), argumentNode(call, 1));
    const size = front.constant(layoutOf(schema).size);
    const result = helperCall(
      front,
      "bpf_perf_event_output",
      [front.context, map.address(), flags, record, size],
      call.node,
    );
    return succeeded(front, result, call);
  },
};

const METHODS: readonly (readonly [
  abstract: abstract new (...values: never[]) => MapHandle,
  Readonly<Record<string, MapMethod>>,
])[] = [
  [HashMap, HASH],
  [LruHashMap, HASH],
  [PerCpuHashMap, { ...HASH, lookupOnCpu }],
  [LruPerCpuHashMap, { ...HASH, lookupOnCpu }],
  [ArrayMap, ARRAY],
  [PerCpuArray, { ...ARRAY, lookupOnCpu }],
  [LpmTrie, TRIE],
  [Queue, QUEUE],
  [BloomFilter, BLOOM],
  [DevMap, DEVICES],
  [CpuMap, { redirect: redirectMethod }],
  [XskMap, { redirect: redirectMethod, has }],
  [ProgramArray, PROGRAMS],
  [ArrayOfMaps, NESTED],
  [HashOfMaps, NESTED],
  [RingBuffer, RING],
  [PerfEventArray, EVENTS],
  [UserRingBuffer, { drain }],
];

/** The method of a map; undefined when this kind of map has none of that name. */
export function mapMethod(handle: MapHandle, name: string): MapMethod | undefined {
  return METHODS.find(([type]) => handle instanceof type)?.[1][name];
}

// Outcomes.

const ACTION_OF: Readonly<Record<string, number>> = {
  drop: XdpAction.Drop,
  pass: XdpAction.Pass,
  abort: XdpAction.Aborted,
};

export function outcomesMethod(
  front: Front,
  outcomes: Outcomes<string>,
  name: string,
  call: Call,
): Outcome[] | undefined {
  const node = argumentNode(call, 0);
  const reason = (): string => String(stagedOf(front, argument(call, 0), "the name of an outcome", node));
  const action = ACTION_OF[name];
  if (action !== undefined) {
    countOutcome(front, outcomes, reason(), node, call.node);
    return outcome(front, staged(action));
  }
  if (name === "count") {
    countOutcome(front, outcomes, reason(), node, call.node);
    return outcome(front, UNDEFINED);
  }
  if (name !== "as") return undefined;
  countOutcome(front, outcomes, reason(), node, call.node);
  return outcome(front, argument(call, 1));
}
