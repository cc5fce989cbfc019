/**
 * Codecs: values to bytes and back. Each schema gets one object of closures, prepared at first use and kept.
 *
 * Invariant: `write` covers every byte of the schema (padding with zero) or throws, and `read(write(v))` is `v` in
 * canonical form. Range errors carry the path of the value: `$.key.port`.
 */
import { equalBytes, type Location, XdpkitError, xdpkitError } from "../base/index.ts";
import { parseAddress, printAddress } from "./address.ts";
import {
  type AddressLayout,
  type AnySchema,
  type BitsLayout,
  describe,
  type FieldLayout,
  type IntegerLayout,
  layoutOf,
  nameOf,
  partsOf,
  ROOT,
  type StructLayout,
} from "./layout.ts";
import type { Schema } from "./types.ts";

export interface Codec {
  readonly size: number;
  zero(): unknown;
  read(view: DataView, at: number): unknown;
  write(view: DataView, at: number, value: unknown): void;
}

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
  return new XdpkitError(error.code, error.message, { at, hint: error.hint, cause: error.cause });
}

/** Throws at the root; enclosing codecs add their step to the path. */
export function wrongType(expected: string, value: unknown): XdpkitError {
  return xdpkitError("SCHEMA_TYPE", { expected, found: describe(value) }, { at: ROOT });
}

function wrongSize(what: string, need: number, have: number): XdpkitError {
  return xdpkitError("SCHEMA_SIZE", { what, need, have }, { at: ROOT });
}

/** The range of an integer or bit field, inclusive. */
export function rangeOf(layout: IntegerLayout | BitsLayout): { minimum: bigint; maximum: bigint } {
  const width = BigInt(layout.kind === "bits" ? layout.width : layout.size * 8);
  if (layout.kind === "integer" && layout.signed)
    return { minimum: -(1n << (width - 1n)), maximum: (1n << (width - 1n)) - 1n };
  return { minimum: 0n, maximum: (1n << width) - 1n };
}

function outOfRange(layout: IntegerLayout | BitsLayout, value: number | bigint): XdpkitError {
  const { minimum, maximum } = rangeOf(layout);
  const range = { minimum: String(minimum), maximum: String(maximum) };
  return xdpkitError("SCHEMA_RANGE", { value: String(value), type: nameOf(layout), ...range }, { at: ROOT });
}

function checkNumber(layout: IntegerLayout | BitsLayout): (value: unknown) => number {
  const range = rangeOf(layout);
  const minimum = Number(range.minimum);
  const maximum = Number(range.maximum);
  return (value) => {
    if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType("an integer", value);
    if (value < minimum || value > maximum) throw outOfRange(layout, value);
    return value;
  };
}

function integerCodec(layout: IntegerLayout): Codec {
  if (layout.size === 8) return wideCodec(layout);
  const check = checkNumber(layout);
  const little = layout.byteOrder === "host";
  const name = `${layout.signed ? "Int" : "Uint"}${(layout.size * 8) as 8 | 16 | 32}` as const;
  const get: (this: DataView, at: number, little: boolean) => number = DataView.prototype[`get${name}`];
  const set: (this: DataView, at: number, value: number, little: boolean) => void = DataView.prototype[`set${name}`];
  return {
    size: layout.size,
    zero: () => 0,
    read: (view, at) => get.call(view, at, little),
    write: (view, at, value) => set.call(view, at, check(value), little),
  };
}

/** Safe integers are taken too: JSON has no bigint, and `packets: 0` is what people write there. */
function wideCodec(layout: IntegerLayout): Codec {
  const { minimum, maximum } = rangeOf(layout);
  const little = layout.byteOrder === "host";
  const check = (value: unknown): bigint => {
    const wide = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
    if (typeof wide !== "bigint") throw wrongType("a bigint", value);
    if (wide < minimum || wide > maximum) throw outOfRange(layout, wide);
    return wide;
  };
  return {
    size: 8,
    zero: () => 0n,
    read: (view, at) => (layout.signed ? view.getBigInt64(at, little) : view.getBigUint64(at, little)),
    write: (view, at, value) => view.setBigUint64(at, BigInt.asUintN(64, check(value)), little),
  };
}

function requireBoolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw wrongType("true or false", value);
  return value;
}

const boolCodec: Codec = {
  size: 1,
  zero: () => false,
  read: (view, at) => view.getUint8(at) !== 0,
  write: (view, at, value) => view.setUint8(at, requireBoolean(value) ? 1 : 0),
};

/**
 * A field of up to 32 bits that begins `shift` bits into its first byte, so up to five bytes: beyond what `>>` can
 * do, hence multiplication. Bits of neighbours keep their values.
 */
function bitsCodec(layout: BitsLayout, shift: number): Codec {
  const span = Math.ceil((shift + layout.width) / 8);
  const unit = 2 ** (span * 8 - shift - layout.width);
  const modulus = 2 ** layout.width;
  const check = layout.isFlag ? (value: unknown) => (requireBoolean(value) ? 1 : 0) : checkNumber(layout);
  const raw = (view: DataView, at: number): number => {
    let value = 0;
    for (let i = 0; i < span; i++) value = value * 256 + view.getUint8(at + i);
    return value;
  };
  const number = (view: DataView, at: number): number => Math.floor(raw(view, at) / unit) % modulus;
  return {
    size: layout.size,
    zero: () => (layout.isFlag ? false : 0),
    read: layout.isFlag ? (view, at) => number(view, at) !== 0 : number,
    write(view, at, value) {
      let rest = raw(view, at) + (check(value) - number(view, at)) * unit;
      for (let i = span - 1; i >= 0; i--) {
        view.setUint8(at + i, rest % 256);
        rest = Math.floor(rest / 256);
      }
    },
  };
}

function asBytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function addressCodec(layout: AddressLayout): Codec {
  const zero = printAddress(layout.family, new Uint8Array(layout.size));
  return {
    size: layout.size,
    zero: () => zero,
    read: (view, at) => printAddress(layout.family, asBytes(view), at),
    write(view, at, value) {
      if (typeof value !== "string") throw wrongType(`the text of an address (${nameOf(layout)})`, value);
      asBytes(view).set(parseAddress(layout.family, value), at);
    },
  };
}

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { length?: unknown }).length === "number";
}

function bytesCodec(size: number): Codec {
  return {
    size,
    zero: () => new Uint8Array(size),
    read: (view, at) => asBytes(view).slice(at, at + size),
    write(view, at, value) {
      if (!isArrayLike(value)) throw wrongType("bytes", value);
      if (value.length !== size) throw wrongSize(`bytes(${size})`, size, value.length);
      for (let i = 0; i < size; i++) view.setUint8(at + i, checkByte(value[i], i));
    },
  };
}

function checkByte(value: unknown, index: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255) return value;
  const at = { kind: "path", path: `$[${index}]` } as const;
  throw xdpkitError("SCHEMA_TYPE", { expected: "a byte, 0 to 255", found: describe(value) }, { at });
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
      asBytes(view).fill(0, at, at + layout.size);
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

function opaqueCodec(size: number): Codec {
  return {
    size,
    zero: () => OPAQUE,
    read: () => OPAQUE,
    write: (view, at) => asBytes(view).fill(0, at, at + size),
  };
}
const OPAQUE = Object.freeze({});

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
