/** Methods of maps that hold values: look-ups, updates, queues, bloom filters. */
import { UpdateFlag, XdpAction } from "../../uapi/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { numberOf, stagedOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { outcome } from "./join.ts";
import {
  find,
  foundOrNull,
  helperCall,
  keyAddress,
  type MapMethod,
  type MapReceiver,
  schemaOfKey,
  schemaOfValue,
  succeeded,
  valuePlace,
} from "./map-receiver.ts";
import { placeAt } from "./memory.ts";
import { addressOfValue, addressOutsidePacket, filledPlace, prefixAddress } from "./pass.ts";
import { property } from "./property.ts";
import { isPresent } from "./splits.ts";
import { callbackAddress } from "./subprograms.ts";
import { isStaged, NULL, type Region, type Value } from "./value.ts";
import { forgetMaps } from "./words.ts";

export const lookup: MapMethod = (front, map, call) =>
  outcome(front, foundOrNull(front, map, find(front, map, argument(call, 0), argumentNode(call, 0), call.node)));

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

/** The key that a callback gets: a value, or the place of a struct. */
function keyValue(front: Front, map: MapReceiver, base: ValueId, node: SyntaxNode): Value {
  const region: Region = { kind: "map", map: map.handle, isShared: false };
  const place = placeAt(front, schemaOfKey(map), { kind: "memory", base, offset: 0, region, align: 4 });
  return place.isCell ? property(front, place, "value", node) : place;
}

export const lookupOnCpu: MapMethod = (front, map, call) => {
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

export const HASH: Readonly<Record<string, MapMethod>> = {
  lookup,
  update: updateMethod,
  delete: deleteMethod,
  lookupOrInsert,
  forEach,
};

export const ARRAY: Readonly<Record<string, MapMethod>> = { lookup, at, update: updateMethod };

export const TRIE: Readonly<Record<string, MapMethod>> = {
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

export const QUEUE: Readonly<Record<string, MapMethod>> = {
  push: (front, map, call) => {
    const value = addressOfValue(front, schemaOfValue(map), argument(call, 0), argumentNode(call, 0));
    const isOverwriting = stagedOf(front, argument(call, 1), "overwriteOldest", argumentNode(call, 1)) === true;
    const flags = front.constant(isOverwriting ? BPF_EXIST : 0);
    return succeeded(front, helperCall(front, "bpf_map_push_elem", [map.address(), value, flags], call.node), call);
  },
  pop: takeFrom("bpf_map_pop_elem"),
  peek: takeFrom("bpf_map_peek_elem"),
};

export const BLOOM: Readonly<Record<string, MapMethod>> = {
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
