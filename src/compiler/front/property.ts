/** Reading `a.b` and `a[i]`: fields of places, getters, fields of the context, and whatever the module's objects have. */

import { Global, Setting } from "../../lang/index.ts";
import { isSchema, layoutOf, partsOf } from "../../schema/index.ts";
import { XdpAction } from "../../uapi/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { compare } from "./comparisons.ts";
import { connectionProperty } from "./connections.ts";
import { bounded, numberOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { requireReleased } from "./held.ts";
import { joinOutcomes } from "./join.ts";
import { fieldOf, placeAt, read, readField, requireUsable } from "./memory.ts";
import { storeObject } from "./objects.ts";
import { contextField, XDP_MD } from "./packet-bounds.ts";
import { kernelFunction } from "./scope.ts";
import { NOWHERE } from "./state.ts";
import { describeValue, isStaged, type PlaceValue, signedConstant, staged, UNDEFINED, type Value } from "./value.ts";
import { pointerOf, shift } from "./words.ts";

/** Where a cursor is. */
export function cursorOffset(front: Front, { variable }: Extract<Value, { kind: "cursor" }>, node: SyntaxNode): Value {
  if (front.isBeyond(variable)) front.fail("COMPILER_CAPTURED", { name: "the cursor" }, node);
  return front.state.variables.get(variable)!;
}

export function property(front: Front, value: Value, name: string, node: SyntaxNode): Value {
  switch (value.kind) {
    case "staged":
      return stagedProperty(front, value.value, name, node);
    case "place":
      return placeProperty(front, value, name, node);
    case "record":
      return recordField(value, name) ?? missing(front, value, name, node);
    case "context":
      return contextProperty(front, name, node);
    case "cursor":
      if (name === "offset") return cursorOffset(front, value, node);
      return missing(front, value, name, node);
    case "connection":
      return connectionProperty(front, value, name, node) ?? missing(front, value, name, node);
    case "nullable":
      return front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(node["object"]) }, node);
    case "address":
      return front.fail("COMPILER_ADDRESS_OPERATION", { operation: `\`.${name}\`` }, node);
    default:
      return missing(front, value, name, node);
  }
}

export function missing(front: Front, value: Value, name: string, node: SyntaxNode): never {
  return front.fail("COMPILER_NO_PROPERTY", { name, of: describeValue(value) }, node);
}

function recordField(record: Extract<Value, { kind: "record" }>, name: string): Value | undefined {
  if (record.isTuple && name === "length") return staged(record.fields.size);
  return record.fields.get(name);
}

function stagedProperty(front: Front, object: unknown, name: string, node: SyntaxNode): Value {
  if (object === null || object === undefined)
    return front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(node["object"]) }, node);
  if (isVariable(object) && name === "value") {
    const place = variablePlace(front, object);
    return read(front, place.schema, place.at, node);
  }
  const getter = getterOf(object, name);
  const kernel = getter && kernelFunction(getter);
  if (kernel) return joinOutcomes(front, front.language.call(front, kernel, [], staged(object), node), node);
  const value = (object as Record<string, unknown>)[name];
  return typeof value === "bigint" && isSignedField(object, name) ? signedConstant(value) : staged(value);
}

/** Whether it is a field of type i64 of a struct that the module has made. */
function isSignedField(object: unknown, name: string): boolean {
  const schema = (object as object).constructor;
  if (!isSchema(schema)) return false;
  const field = fieldOf(layoutOf(schema), name)?.layout;
  return field?.kind === "integer" && field.signed;
}

export const isVariable = (value: unknown): value is Global<unknown> | Setting<unknown> =>
  value instanceof Global || value instanceof Setting;

/** The place of a `global` or `setting` in the object's data. */
export function variablePlace(front: Front, variable: Global<unknown> | Setting<unknown>): PlaceValue {
  const { map, offset } = front.unit.variable(variable);
  const base = front.emit({ kind: "symbol", symbol: { kind: "mapValue", map, offset } }, "pointer");
  const region = { kind: "global", variable, isReadOnly: variable instanceof Setting } as const;
  return placeAt(front, variable.schema, { kind: "memory", base, offset: 0, region, align: 8 });
}

function getterOf(object: unknown, name: string): (() => unknown) | undefined {
  for (let holder: unknown = object; holder; holder = Object.getPrototypeOf(holder)) {
    if (typeof holder !== "object" && typeof holder !== "function") return undefined;
    const descriptor = Object.getOwnPropertyDescriptor(holder, name);
    if (descriptor) return descriptor.get;
  }
  return undefined;
}

function placeProperty(front: Front, place: PlaceValue, name: string, node: SyntaxNode): Value {
  if (place.isCell) {
    if (name !== "value") return missing(front, place, name, node);
    requireUsable(front, place, node);
    return read(front, place.schema, place.at, node);
  }
  const field = readField(front, place, name, node);
  if (field) return field;
  if (name === "length" && place.layout.kind === "array") return staged(place.layout.length);
  if (name === "length" && place.layout.kind === "bytes") return staged(place.layout.size);
  const getter = getterOf((place.schema as unknown as { prototype?: object }).prototype, name);
  const kernel = getter && kernelFunction(getter);
  if (kernel) return joinOutcomes(front, front.language.call(front, kernel, [], place, node), node);
  if (getter) return front.fail("COMPILER_NO_SOURCE", { name }, node);
  return missing(front, place, name, node);
}

/** The linear part lies in one page, which has at most 64 KiB. */
const LENGTH = { min: 0, max: 0xffff };
/** `xdp_buff` keeps the size of a packet with fragments in 32 bits; interface indices are positive ints. */
const INDEX = { min: 0, max: 0x7fffffff };

function contextProperty(front: Front, name: string, node: SyntaxNode): Value {
  switch (name) {
    case "length": {
      const { data, end } = front.state.packet;
      const key = `length:${data}`;
      const known = front.state.loads.get(key);
      if (known) return front.settle(known.value);
      const value: Value = { kind: "number", id: front.alu("sub", end, data), range: LENGTH };
      front.state.loads.set(key, { value, region: "packet-length", base: data, start: 0, end: 0 });
      return value;
    }
    case "totalLength": {
      front.unit.needHelper(front, "bpf_xdp_get_buff_len", node);
      return {
        kind: "number",
        id: front.call(front.unit.helper("bpf_xdp_get_buff_len"), [front.context]),
        range: INDEX,
      };
    }
    case "ingressInterface":
      return { kind: "number", id: contextField(front, XDP_MD.ingressIfindex), range: INDEX };
    case "rxQueue":
      return { kind: "number", id: contextField(front, XDP_MD.rxQueueIndex), range: { min: 0, max: 0xffffffff } };
    case "egressInterface":
      return { kind: "number", id: contextField(front, XDP_MD.egressIfindex), range: INDEX };
    default:
      return missing(front, { kind: "context" }, name, node);
  }
}

// Elements.

export function element(front: Front, value: Value, index: Value, node: SyntaxNode): Value {
  if (isStaged(index)) {
    const { value: key } = index;
    if (value.kind === "place" && value.layout.kind === "array" && typeof key === "number")
      return elementAt(front, value, key, node);
    if (value.kind === "place" && value.layout.kind === "bytes" && typeof key === "number")
      return bytesIndex(front, node);
    return property(front, value, String(key), node);
  }
  if (value.kind === "place" && value.layout.kind === "array") return variableElement(front, value, index, node);
  if (value.kind === "place" && value.layout.kind === "bytes") return bytesIndex(front, node);
  return front.fail("COMPILER_NOT_STAGED", { what: `the index of ${describeValue(value)}` }, node["property"]);
}

export const bytesIndex = (front: Front, node: SyntaxNode): never =>
  front.unsupported("an index into bytes", "use array(u8, n) where single octets are read", node);

function elementAt(front: Front, array: PlaceValue, index: number, node: SyntaxNode): Value {
  if (array.layout.kind !== "array" || !Number.isInteger(index) || index < 0 || index >= array.layout.length)
    return UNDEFINED;
  requireUsable(front, array, node);
  return read(front, partsOf(array.schema)["element"]!, shift(array.at, index * array.layout.element.size), node);
}

/** Undefined when the index is outside, as in JavaScript. */
function variableElement(front: Front, array: PlaceValue, index: Value, node: SyntaxNode): Value {
  requireUsable(front, array, node);
  if (array.layout.kind !== "array") return UNDEFINED;
  const { length } = array.layout;
  const { range } = numberOf(front, index, node["property"]);
  if (range.min >= 0 && range.max < length) return readElement(front, array, index, node);
  const outcomes: Outcome[] = [];
  const isNatural = range.min >= 0 ? undefined : compare(front, ">=", index, staged(0), node);
  if (isNatural) {
    if (isNatural.no) outcomes.push({ state: isNatural.no, value: UNDEFINED });
    front.follow(isNatural.yes);
  }
  if (front.isReachable) {
    const { yes, no } = compare(front, "<", index, staged(length), node);
    if (no) outcomes.push({ state: no, value: UNDEFINED });
    if (yes) {
      front.follow(yes);
      const value = readElement(front, array, front.settle(index), node);
      outcomes.push({ state: front.leave(), value });
    }
  }
  return joinOutcomes(front, outcomes, node);
}

function readElement(front: Front, array: PlaceValue, index: Value, node: SyntaxNode): Value {
  const place = elementPlace(front, array, index, node);
  return place.isCell ? read(front, place.schema, place.at, node) : place;
}

/** The place of an element whose index is known to be inside. */
export function elementPlace(front: Front, array: PlaceValue, given: Value, node: SyntaxNode): PlaceValue {
  if (array.layout.kind !== "array") return missing(front, array, "[]", node);
  const { length, element: layout } = array.layout;
  const schema = partsOf(array.schema)["element"]!;
  const { range, constant, id } = numberOf(front, given, node["property"] ?? node);
  if (range.min < 0 || range.max >= length)
    return front.fail("COMPILER_INDEX", { min: range.min, max: range.max, length }, node["property"] ?? node);
  if (constant !== undefined) return placeAt(front, schema, shift(array.at, constant * layout.size));
  if (array.at.kind === "object") storeObject(front, array.at.object);
  const at = array.at.kind === "object" ? pointerOf(front, array.at) : array.at;
  const index = bounded(front, id(), range, node, length - 1);
  const power = Math.log2(layout.size);
  const by =
    layout.size === 1
      ? index
      : Number.isInteger(power)
        ? front.aluConstant("shl", index, power)
        : front.aluConstant("mul", index, layout.size);
  const base = front.emit({ kind: "offset", base: at.base, by }, "pointer");
  if (at.region.kind === "packet" || at.region.kind === "metadata")
    requireInside(front, at.region.kind, base, at.offset + layout.size, node);
  return placeAt(front, schema, { ...at, base });
}

/** To the verifier a variable offset makes another pointer: it wants to see the end of the access compared again. */
function requireInside(
  front: Front,
  region: "packet" | "metadata",
  base: ValueId,
  end: number,
  node: SyntaxNode,
): void {
  const { packet } = front.state;
  const limit = region === "packet" ? packet.end : packet.data;
  if (limit === NOWHERE)
    return front.unsupported(
      `a variable index into the ${region} without the context`,
      "hand the context over, too, before the place",
      node,
    );
  const { yes, no } = front.branch("gt", front.advance(base, end), limit);
  front.follow(yes);
  requireReleased(front, node);
  front.exitWith(front.constant(XdpAction.Aborted));
  front.follow(no);
}
