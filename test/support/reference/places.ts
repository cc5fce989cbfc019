/**
 * Places: objects whose properties read and write memory, as kernel code sees structs, arrays, bytes and Cells.
 *
 * Invariant: a struct's place has the prototype of its class, so that `instanceof` holds and getters and methods work;
 * they are the rewritten ones.
 */
import { isSchema, type Layout, layoutOf, type Schema } from "../../../src/schema/index.ts";
import { partsOf } from "../../../src/schema/layout.ts";
import { rewritten } from "./functions.ts";
import { Location, Region, readBits, readScalar, scalarBytes, writeBits } from "./memory.ts";

export type AnySchema = Schema<unknown>;

interface Hidden {
  readonly schema: AnySchema;
  readonly location: Location;
}

const hidden = new WeakMap<object, Hidden>();
const prototypes = new WeakMap<object, object>();

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

export const locationOf = (value: unknown): Location | undefined =>
  isObject(value) ? hidden.get(value)?.location : undefined;

export const schemaOfPlace = (value: unknown): AnySchema | undefined =>
  isObject(value) ? hidden.get(value)?.schema : undefined;

/** The place of a schema in memory; of anything but structs, arrays and bytes a Cell. */
export function placeAt(schema: AnySchema, location: Location): object {
  let prototype = prototypes.get(schema);
  if (!prototype) prototypes.set(schema, (prototype = makePrototype(schema)));
  const place = Object.create(prototype) as object;
  hidden.set(place, { schema, location });
  return Object.freeze(place);
}

/** A place of zeros on the stack. */
export function stackPlace(schema: AnySchema, bytes: Uint8Array = new Uint8Array(layoutOf(schema).size)): object {
  return placeAt(schema, new Location(new Region(bytes), 0, bytes.length));
}

/** A copy of the bytes of a place. */
export function placeBytes(place: unknown): Uint8Array {
  const location = locationOf(place);
  if (!location) throw new TypeError("not a place");
  return location.bytes.slice();
}

function makePrototype(schema: AnySchema): object {
  const layout = layoutOf(schema);
  if (layout.kind === "struct") return structPrototype(schema, layout);
  if (layout.kind === "array") return listPrototype(layout.length, partsOf(schema)["element"]!, layout.element);
  if (layout.kind === "bytes") return listPrototype(layout.size, OCTET, layoutOf(OCTET));
  return withField({}, "value", { schema, layout, offsetBits: 0 });
}

interface Field {
  readonly schema: AnySchema;
  readonly layout: Layout;
  readonly offsetBits: number;
}

function withField(prototype: object, name: string | number, field: Field): object {
  return Object.defineProperty(prototype, name, {
    get(this: object): unknown {
      return readField(hidden.get(this)!.location, field);
    },
    set(this: object, value: unknown) {
      writeField(hidden.get(this)!.location, field, value);
    },
  });
}

function structPrototype(schema: AnySchema, layout: Extract<Layout, { kind: "struct" }>): object {
  const original = (schema as unknown as { prototype: object }).prototype;
  const prototype = Object.create(original) as object;
  for (let from = original; from !== Object.prototype; from = Object.getPrototypeOf(from) as object)
    copyMembers(from, prototype);
  const parts = partsOf(schema);
  for (const { name, offsetBits, layout: inner } of layout.fields)
    withField(prototype, name, { schema: parts[name]!, layout: inner, offsetBits });
  return prototype;
}

function copyMembers(from: object, to: object): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
    if (name === "constructor" || Object.hasOwn(to, name)) continue;
    const { get, set, value } = descriptor;
    if (get) descriptor.get = rewritten(get) as () => unknown;
    if (set) descriptor.set = rewritten(set) as (value: unknown) => void;
    if (typeof value === "function") descriptor.value = rewritten(value);
    Object.defineProperty(to, name, descriptor);
  }
}

const OCTET = {
  size: 1,
  [Symbol.for("xdpkit.layout")]: { kind: "integer", size: 1, align: 1, signed: false, byteOrder: "host" },
} as unknown as AnySchema;

function listPrototype(length: number, schema: AnySchema, layout: Layout): object {
  const prototype: object = {
    length,
    *[Symbol.iterator](this: Record<number, unknown>) {
      for (let index = 0; index < length; index++) yield this[index];
    },
  };
  for (let index = 0; index < length; index++)
    withField(prototype, index, { schema, layout, offsetBits: index * layout.size * 8 });
  return prototype;
}

const isPlaceKind = ({ kind }: Layout): boolean => ["struct", "array", "bytes", "spinLock"].includes(kind);

function readField(location: Location, { schema, layout, offsetBits }: Field): unknown {
  if (layout.kind === "bits") {
    const bits = readBits(location.bytes, offsetBits, layout.width);
    return layout.isFlag ? bits !== 0 : bits;
  }
  const inner = location.within(offsetBits / 8, layout.size);
  return isPlaceKind(layout) ? placeAt(schema, inner) : readScalar(schema, layout, inner.bytes);
}

function writeField(location: Location, { schema, layout, offsetBits }: Field, value: unknown): void {
  if (layout.kind === "bits") writeBits(location.writable, offsetBits, layout.width, value);
  else location.within(offsetBits / 8, layout.size).write(bytesOf(schema, value));
}

/** What a whole place holds: the value of a scalar, the place itself of the rest. */
export function readWhole(schema: AnySchema, location: Location): unknown {
  return readField(location, { schema, layout: layoutOf(schema), offsetBits: 0 });
}

/** The bytes of a value of any form: a place, a record with the fields (those left out are zero), a scalar. */
export function bytesOf(schema: AnySchema, value: unknown): Uint8Array {
  const layout = layoutOf(schema);
  const from = locationOf(value);
  if (from) {
    if (from.size !== layout.size) throw new TypeError(`a place of ${from.size} bytes where ${layout.size} are due`);
    return from.bytes.slice();
  }
  if (layout.kind === "array" || layout.kind === "struct" || layout.kind === "bytes")
    return aggregateBytes(schema, layout, value);
  if (layout.kind === "spinLock") return new Uint8Array(layout.size);
  if (layout.kind !== "bits") return scalarBytes(schema, layout, value);
  const bytes = new Uint8Array(layout.size);
  writeBits(bytes, 0, layout.width, value);
  return bytes;
}

function aggregateBytes(schema: AnySchema, layout: Layout, value: unknown): Uint8Array {
  if (!isObject(value)) throw new TypeError(`${String(value)} is stored where a ${layout.kind} is due`);
  const place = stackPlace(schema) as Record<string, unknown>;
  const given = value as Record<string, unknown>;
  const names = layout.kind === "struct" ? layout.fields.map(({ name }) => name) : Object.keys(value);
  for (const name of names) if (given[name] !== undefined) place[name] = given[name];
  return placeBytes(place);
}

/** `new S({...})`, `S.from(value)` and the like need a struct class. */
export const isStructClass = (value: unknown): value is AnySchema & (new () => object) =>
  isSchema(value) && layoutOf(value).kind === "struct";
