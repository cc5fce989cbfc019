/** What all methods of maps need: the map's address, its keys and values as places, calls of helpers. */
import { LpmTrie, LruPerCpuHashMap, MapHandle, PerCpuArray, PerCpuHashMap } from "../../lang/index.ts";
import type { Schema } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call, type Method } from "./call.ts";
import { numberOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { placeAt } from "./memory.ts";
import { addressOfValue, prefixAddress } from "./pass.ts";
import { isStaged, type PlaceValue, type Region, staged, UNDEFINED, type Value } from "./value.ts";

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

export type MapMethod = Method<MapReceiver>;

export const helperCall = (
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

export const schemaOfValue = ({ handle }: MapReceiver): Schema<unknown> => handle.declaration.value as Schema<unknown>;

export const schemaOfKey = ({ handle }: MapReceiver): Schema<unknown> => handle.declaration.key as Schema<unknown>;

export function valuePlace(front: Front, { handle }: MapReceiver, base: ValueId): PlaceValue {
  const region: Region = { kind: "map", map: handle, isShared: !isPerCpu(handle) };
  return placeAt(front, handle.declaration.value as Schema<unknown>, {
    kind: "memory",
    base,
    offset: 0,
    region,
    align: 8,
  });
}

export function keyAddress(front: Front, map: MapReceiver, key: Value, node: SyntaxNode): ValueId {
  if (map.handle instanceof LpmTrie) return prefixAddress(front, schemaOfKey(map), key, undefined, node);
  return addressOfValue(front, schemaOfKey(map), key, node);
}

export const foundOrNull = (front: Front, map: MapReceiver, found: ValueId): Value => ({
  kind: "nullable",
  present: found,
  value: valuePlace(front, map, found),
  nothing: null,
});

export function find(front: Front, map: MapReceiver, key: Value, keyNode: SyntaxNode, node: SyntaxNode): ValueId {
  // The key's bytes first: a constant address of a map needs no register while they are made.
  const address = keyAddress(front, map, key, keyNode);
  return helperCall(front, "bpf_map_lookup_elem", [map.address(), address], node, "pointer");
}

/** Whether a helper answered 0, as a value; nothing where nobody asks. */
export function succeeded(front: Front, result: ValueId, { isUsed }: Call): Outcome[] {
  if (!isUsed) return outcome(front, UNDEFINED);
  const { yes, no } = front.branch("eq", result, front.constant(0));
  return [
    { state: yes, value: staged(true) },
    { state: no, value: staged(false) },
  ];
}

export function natural(front: Front, call: Call, index: number, what: string): ValueId {
  const { id, range } = numberOf(front, argument(call, index), argumentNode(call, index), what);
  if (range.min < 0) front.fail("COMPILER_NEGATIVE", { operator: what, min: range.min }, argumentNode(call, index));
  return id();
}

export const recordOf = (handle: MapHandle): Schema<unknown> =>
  (handle as unknown as { readonly record: Schema<unknown> }).record;
