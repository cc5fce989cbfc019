/** Values handed to helpers by address: keys, map values, records. */
import { layoutOf, type Schema } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { copyOfPlace, isInPacket } from "./copies.ts";
import type { Front } from "./front.ts";
import { buildObject, fillObject, placeAt, write } from "./memory.ts";
import { flushObject, newObject } from "./objects.ts";
import { addressOfPlace } from "./packet.ts";
import type { ByteSource } from "./state.ts";
import { isStaged, type Value } from "./value.ts";
import { pointerOf } from "./words.ts";

/**
 * The address of bytes that a helper reads: in memory where they are there already, else of a copy on the stack. Only the
 * look-ups, updates, deletions and pushes of maps may read the packet itself (`pkt_access` of the kernel's helpers).
 */
export function addressOfValue(front: Front, schema: Schema<unknown>, given: Value, node: SyntaxNode): ValueId {
  const value = front.settle(given);
  const layout = layoutOf(schema);
  const isKey = value.kind === "address" && layout.kind === "address" && value.family === layout.family;
  const known = isKey ? addressInMemory(front, value) : undefined;
  if (known !== undefined) return known;
  if (value.kind === "place" && !value.isCell && value.layout.size === layout.size)
    return addressOfPlace(front, value, false, node);
  return objectAddress(front, objectOf(front, schema, value, node));
}

/** Where an address was read from, while nothing has changed it there: helpers read keys from the packet itself. */
function addressInMemory(front: Front, value: Value): ValueId | undefined {
  for (const load of front.state.loads.values()) {
    if (load.value !== value || load.base < 0 || (load.region !== "packet" && load.region !== "map")) continue;
    return front.advance(load.base, load.start);
  }
  return undefined;
}

/** The same for helpers that may not read the packet: what is in there is copied to the stack. */
export function addressOutsidePacket(front: Front, schema: Schema<unknown>, given: Value, node: SyntaxNode): ValueId {
  const value = front.settle(given);
  if (value.kind === "place" && !value.isCell && isInPacket(value))
    return objectAddress(front, copyOfPlace(front, value, node));
  if (value.kind === "address") return objectAddress(front, objectOf(front, schema, value, node));
  return addressOfValue(front, schema, value, node);
}

export function objectAddress(front: Front, object: number): ValueId {
  const slot = flushObject(front, object);
  return front.stackAddress(slot);
}

/** The stack value that a record, a constant or a scalar is; the same one for the same record. */
function objectOf(front: Front, schema: Schema<unknown>, value: Value, node: SyntaxNode): number {
  const key = keyOfValue(front, schema, value);
  const known = key === undefined ? undefined : front.state.slots.get(key);
  if (known !== undefined && front.state.objects.has(known)) return known;
  const object = makeObject(front, schema, value, node);
  if (key !== undefined) front.state.slots.set(key, object);
  return object;
}

function keyOfValue(front: Front, schema: Schema<unknown>, value: Value): string | undefined {
  const id = front.unit.idOf(schema as object);
  // A record of places is what they hold now.
  if (
    value.kind === "record" &&
    [...value.fields.values()].some((field) => field.kind === "place" || field.kind === "record")
  )
    return undefined;
  if (value.kind === "record") return `record:${id}:${front.unit.idOf(value)}`;
  if (value.kind === "number" || value.kind === "bigint") return `value:${id}:${value.id}`;
  if (value.kind === "address") return `value:${id}:${value.words.map((word) => word.id).join()}`;
  const isSimple = isStaged(value) && (typeof value.value !== "object" || value.value === null);
  return isSimple ? `value:${id}:${typeof value.value}${String(value.value)}` : undefined;
}

function makeObject(front: Front, schema: Schema<unknown>, value: Value, node: SyntaxNode): number {
  const layout = layoutOf(schema);
  if (layout.kind === "struct" || layout.kind === "array") return buildObject(front, schema, value, node);
  const object = newObject(front, new Array<ByteSource>(layout.size).fill(0));
  write(front, schema, { kind: "object", object, offset: 0 }, value, node, "the key or value");
  return object;
}

/** The key of a trie: the number of bits, and the data. */
export function prefixAddress(
  front: Front,
  schema: Schema<unknown>,
  value: Value,
  bits: Value | undefined,
  node: SyntaxNode,
): ValueId {
  const { size } = layoutOf(schema);
  const key = bits === undefined ? keyOfValue(front, schema, value) : undefined;
  const known = key === undefined ? undefined : front.state.slots.get(`prefix:${key}`);
  // The number stands in the upper half of eight bytes, so that the data behind it is aligned.
  const object = known ?? newObject(front, new Array<ByteSource>(4 + size).fill(0), 4);
  if (known === undefined) {
    const at = { kind: "object", object, offset: 0 } as const;
    write(front, front.unit.u32, at, bits ?? { kind: "staged", value: 8 * size }, node, "the prefix length");
    fillObject(front, schema, { ...at, offset: 4 }, value, node);
    if (key !== undefined) front.state.slots.set(`prefix:${key}`, object);
  }
  return front.advance(objectAddress(front, object), 4);
}

/** A stack place that a helper fills. */
export function filledPlace(
  front: Front,
  schema: Schema<unknown>,
): { readonly place: Value; readonly address: ValueId } {
  const object = newObject(front, new Array<ByteSource>(layoutOf(schema).size).fill(0));
  const slot = flushObject(front, object);
  front.state.objects.set(object, { kind: "slot" });
  const at = pointerOf(front, { kind: "object", object, offset: 0 });
  return { place: placeAt(front, schema, at), address: front.stackAddress(slot) };
}
