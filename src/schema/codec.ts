/**
 * Values to bytes and back. Each schema gets one object of closures, prepared at first use and kept.
 *
 * Invariant: `write` covers every byte of the schema (padding with zero) or throws, and `read(write(v))` is `v` in
 * canonical form. Range errors carry the path of the value: `$.key.port`.
 */
import { equalBytes, type Location, XdpkitError, xdpkitError } from "../base/index.ts";
import {
  addressCodec,
  asBytes,
  bitsCodec,
  boolCodec,
  bytesCodec,
  type Codec,
  integerCodec,
  isArrayLike,
  opaqueCodec,
  wrongSize,
  wrongType,
} from "./codec-scalars.ts";
import { type AnySchema, type FieldLayout, layoutOf, nameOf, partsOf, ROOT, type StructLayout } from "./layout.ts";
import type { Schema } from "./types.ts";

const codecs = new WeakMap<object, Codec>();

/** The codec of a schema, made once. Throws SCHEMA_NOT_A_SCHEMA; SCHEMA_BITS_UNALIGNED for `bits(3)` on its own. */
export function codecOf(schema: AnySchema): Codec {
  let codec = codecs.get(schema);
  if (!codec) codecs.set(schema, (codec = makeCodec(schema)));
  return codec;
}

function makeCodec(schema: AnySchema): Codec {
  const layout = layoutOf(schema);
  switch (layout.kind) {
    case "integer":
      return integerCodec(layout);
    case "bool":
      return boolCodec;
    case "bits":
      if (layout.width % 8 !== 0) throw xdpkitError("SCHEMA_BITS_UNALIGNED", { bits: layout.width }, { at: ROOT });
      return bitsCodec(layout, 0);
    case "address":
      return addressCodec(layout);
    case "bytes":
      return bytesCodec(layout.size);
    case "array":
      return arrayCodec(codecOf(partsOf(schema)["element"] as AnySchema), layout.length);
    case "struct":
      return structCodec(schema as unknown as StructClass, layout);
    default:
      return opaqueCodec(layout.size);
  }
}

/** The same error one step further out: `$.port` in the field `key` is `$.key.port`. */
export function inside(error: unknown, step: string): unknown {
  if (!(error instanceof XdpkitError) || error.at?.kind !== "path") return error;
  const at: Location = { ...error.at, path: `$${step}${error.at.path.slice(1)}` };
  return new XdpkitError(error.code, error.problem, { at, hint: error.hint, cause: error.cause });
}

function arrayCodec(element: Codec, length: number): Codec {
  const { size } = element;
  return {
    size: size * length,
    zero: () => Array.from({ length }, () => element.zero()),
    read: (view, at) => Array.from({ length }, (_, i) => element.read(view, at + i * size)),
    write(view, at, value) {
      if (!isArrayLike(value)) throw wrongType(`an array of ${length}`, value);
      if (value.length !== length) throw wrongType(`an array of ${length}`, value);
      for (let i = 0; i < length; i++) writeElement(element, view, at + i * size, value[i], i);
    },
  };
}

function writeElement(element: Codec, view: DataView, at: number, value: unknown, index: number): void {
  try {
    element.write(view, at, value);
  } catch (error) {
    throw inside(error, `[${index}]`);
  }
}

export interface StructClass {
  new (fields?: object): Record<string, unknown>;
}

/** Given to a struct's constructor in place of fields: makes the object without its fields, which `read` then sets. */
export const UNSET: object = Object.freeze({});

interface Member {
  readonly name: string;
  readonly offset: number;
  readonly codec: Codec;
}

function structCodec(Class: StructClass, layout: StructLayout): Codec {
  const parts = partsOf(Class as unknown as AnySchema);
  const members = layout.fields.map((field) => memberOf(field, parts[field.name] as AnySchema));
  const hasBits = layout.fields.some((field) => field.layout.kind === "bits");
  const hasGaps = hasBits || members.reduce((sum, { codec }) => sum + codec.size, 0) < layout.size;
  return {
    size: layout.size,
    zero: () => new Class(),
    read(view, at) {
      const value = new Class(UNSET);
      for (const member of members) value[member.name] = member.codec.read(view, at + member.offset);
      return value;
    },
    write(view, at, value) {
      if (typeof value !== "object" || value === null)
        throw wrongType(`an object with the fields of ${nameOf(layout)}`, value);
      if (hasGaps) asBytes(view).fill(0, at, at + layout.size);
      for (const member of members) writeMember(member, layout, view, at, value as Record<string, unknown>);
    },
  };
}

function memberOf(field: FieldLayout, schema: AnySchema): Member {
  const { name, offsetBits, layout } = field;
  if (layout.kind !== "bits") return { name, offset: offsetBits / 8, codec: codecOf(schema) };
  return { name, offset: Math.floor(offsetBits / 8), codec: bitsCodec(layout, offsetBits % 8) };
}

function writeMember(
  member: Member,
  layout: StructLayout,
  view: DataView,
  at: number,
  value: Record<string, unknown>,
): void {
  const field = value[member.name];
  try {
    if (field === undefined)
      throw xdpkitError("SCHEMA_MISSING_FIELD", { struct: nameOf(layout), field: member.name }, { at: ROOT });
    member.codec.write(view, at + member.offset, field);
  } catch (error) {
    throw inside(error, `.${member.name}`);
  }
}

/** The bytes of a value. Throws SCHEMA_RANGE, SCHEMA_TYPE, SCHEMA_ADDRESS, SCHEMA_SIZE, SCHEMA_MISSING_FIELD with its path. */
export function encode<T>(schema: Schema<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codecOf(schema).size);
  encodeInto(schema, value, bytes, 0);
  return bytes;
}

/** Writes a value over `schema.size` bytes at `offset`; padding becomes zero. Throws as `encode`, and SCHEMA_SIZE. */
export function encodeInto<T>(schema: Schema<T>, value: T, bytes: Uint8Array, offset = 0): void {
  codecOf(schema).write(viewOf(schema, bytes, offset), offset, value);
}

/** Values of a schema anywhere in the same bytes: the view is made once. `at` counts from the first of the bytes. */
export interface SchemaWindow<T> {
  /** The value at a byte offset of the window. */
  read(at: number): T;
  /** Throws as `encode`. */
  write(at: number, value: T): void;
}

/** For many values: `encodeInto` and `decode` make a view each. The caller keeps `at` inside of the bytes. */
export function windowOf<T>(schema: Schema<T>, bytes: Uint8Array): SchemaWindow<T> {
  const codec = codecOf(schema);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { read: (at) => codec.read(view, at) as T, write: (at, value) => codec.write(view, at, value) };
}

/** Reads the value at `offset`. Throws SCHEMA_SIZE when the bytes end before it does. */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array, offset = 0): T {
  return codecOf(schema).read(viewOf(schema, bytes, offset), offset) as T;
}

function viewOf(schema: AnySchema, bytes: Uint8Array, offset: number): DataView {
  const { size } = codecOf(schema);
  if (!(offset >= 0 && offset + size <= bytes.length)) {
    throw wrongSize(nameOf(layoutOf(schema)), size, Math.max(0, bytes.length - Math.max(0, offset)));
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The value with all bytes zero. */
export function zero<T>(schema: Schema<T>): T {
  return codecOf(schema).zero() as T;
}

/** True when both values have the same bytes. */
export function sameValue<T>(schema: Schema<T>, a: T, b: T): boolean {
  return equalBytes(encode(schema, a), encode(schema, b));
}
