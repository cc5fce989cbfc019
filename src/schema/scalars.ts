/**
 * The scalars, and arrays of anything: each is a layout, and integers and addresses are casts as well.
 *
 * Invariant: a cast in user space gives the same number as the instruction that the compiler emits for it.
 */
import { xdpkitError } from "../base/index.ts";
import { parseAddress, printAddress } from "./address.ts";
import { codecOf, encode } from "./codec.ts";
import { wrongType } from "./codec-scalars.ts";
import {
  type AddressFamily,
  type AddressLayout,
  type AnySchema,
  type BitsLayout,
  describe,
  type IntegerLayout,
  isSchema,
  LAYOUT,
  type Layout,
  layoutOf,
  type Names,
  nameOf,
  PARTS,
  ROOT,
} from "./layout.ts";
import type {
  AddressSchema,
  Bytes,
  FixedArray,
  IntegerSchema,
  Ipv4Address,
  Ipv6Address,
  MacAddress,
  Scalar,
  Schema,
  SpinLock,
  WideSchema,
} from "./types.ts";

/** Puts the layout on a new schema object (or cast), and freezes it. */
function schemaOf<S>(target: object, layout: Layout, parts: Readonly<Record<string, AnySchema>> = {}): S {
  Object.defineProperties(target, {
    size: { value: layout.size, enumerable: true },
    [LAYOUT]: { value: layout },
    [PARTS]: { value: parts },
  });
  return Object.freeze(target) as S;
}

type Width = 1 | 2 | 4 | 8;

function integer(size: Width, signed: boolean, byteOrder: "host" | "network"): IntegerLayout {
  return { kind: "integer", size, align: byteOrder === "host" ? size : 1, signed, byteOrder };
}

/** A whole number from what a cast takes. */
function wholeNumber(value: unknown, family: AddressFamily): number | bigint {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value))) return value;
  if (typeof value === "string") return addressNumber(parseAddress(family, value));
  throw wrongType("an integer", value);
}

function addressNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function narrowCast(size: 1 | 2 | 4, signed: boolean): IntegerSchema {
  const bits = size * 8;
  const cast = (value: unknown): number => {
    const whole = wholeNumber(value, "ipv4");
    const low = typeof whole === "bigint" ? Number(BigInt.asUintN(bits, whole)) : whole;
    // `<<` takes its operand modulo 2^32, whatever the size of the number.
    return signed ? (low << (32 - bits)) >> (32 - bits) : (low << (32 - bits)) >>> (32 - bits);
  };
  return schemaOf(cast, integer(size, signed, "host"));
}

function wideCast(signed: boolean): WideSchema {
  const wrap = signed ? BigInt.asIntN : BigInt.asUintN;
  return schemaOf((value: unknown) => wrap(64, BigInt(wholeNumber(value, "mac"))), integer(8, signed, "host"));
}

/** 0 to 2^8 - 1, one byte. Called, it wraps. */
export const u8: IntegerSchema = narrowCast(1, false);
/** 0 to 2^16 - 1, host order, aligned to 2. Called, it wraps. */
export const u16: IntegerSchema = narrowCast(2, false);
/** 0 to 2^32 - 1, host order, aligned to 4. Called, it wraps. */
export const u32: IntegerSchema = narrowCast(4, false);
/** -2^7 to 2^7 - 1, one byte. Called, it wraps. */
export const i8: IntegerSchema = narrowCast(1, true);
/** -2^15 to 2^15 - 1, host order, aligned to 2. Called, it wraps. */
export const i16: IntegerSchema = narrowCast(2, true);
/** -2^31 to 2^31 - 1, host order, aligned to 4. Called, it wraps. */
export const i32: IntegerSchema = narrowCast(4, true);
/** A bigint from 0 to 2^64 - 1, host order, aligned to 8. Called, it wraps. */
export const u64: WideSchema = wideCast(false);
/** A bigint from -2^63 to 2^63 - 1, host order, aligned to 8. Called, it wraps. */
export const i64: WideSchema = wideCast(true);

/** 16 bits in network order, alignment 1. */
export const be16: Scalar<number> = schemaOf({}, integer(2, false, "network"));
/** 32 bits in network order, alignment 1. */
export const be32: Scalar<number> = schemaOf({}, integer(4, false, "network"));
/** 64 bits in network order, alignment 1. */
export const be64: Scalar<bigint> = schemaOf({}, integer(8, false, "network"));

/** One byte, 0 or 1; any other value reads as true. */
export const bool: Scalar<boolean> = schemaOf({}, { kind: "bool", size: 1, align: 1 });

/** One bit of a big-endian group, as RFC diagrams draw it. */
export const flag: Scalar<boolean> = schemaOf({}, { kind: "bits", width: 1, size: 1 / 8, align: 1, isFlag: true });

/**
 * `width` bits (1 to 32) of a big-endian group, most significant first. A struct whose group does not fill whole
 * bytes throws SCHEMA_BITS_UNALIGNED; another width throws SCHEMA_BITS_WIDTH.
 *
 * @throws XdpkitError SCHEMA_BITS_WIDTH
 */
export function bits(width: number): Scalar<number> {
  if (!(Number.isInteger(width) && width >= 1 && width <= 32))
    throw xdpkitError("SCHEMA_BITS_WIDTH", { width }, { at: ROOT });
  return schemaOf({}, { kind: "bits", width, size: width / 8, align: 1, isFlag: false });
}

const ADDRESS_SIZE = { mac: 6, ipv4: 4, ipv6: 16 } as const;

function address<T>(family: AddressFamily): AddressSchema<T> {
  const layout: AddressLayout = { kind: "address", family, size: ADDRESS_SIZE[family], align: 1 };
  const cast = (value: unknown): string => printAddress(family, addressBytes(layout, value));
  return schemaOf(cast, layout);
}

function addressBytes(layout: AddressLayout, value: unknown): Uint8Array {
  if (typeof value === "string") return parseAddress(layout.family, value);
  if (typeof value === "number" || typeof value === "bigint") return numberBytes(layout, value);
  const bytes = objectBytes(value, layout);
  if (bytes.length === layout.size) return bytes;
  throw xdpkitError("SCHEMA_SIZE", { what: nameOf(layout), need: layout.size, have: bytes.length }, { at: ROOT });
}

/** The bytes of a struct value or of octets. */
function objectBytes(value: unknown, layout: AddressLayout): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const schema = (value as object | null)?.constructor;
  if (isSchema(schema)) return encode(schema as Schema<unknown>, value);
  throw wrongType(`text, a number, bytes or a struct (${nameOf(layout)})`, value);
}

function numberBytes(layout: AddressLayout, value: number | bigint): Uint8Array {
  const bits = BigInt(layout.size * 8);
  const whole = typeof value === "number" && !Number.isInteger(value) ? -1n : BigInt(value);
  if (whole < 0n || whole >> bits !== 0n) {
    const range = { minimum: "0", maximum: String((1n << bits) - 1n) };
    throw xdpkitError("SCHEMA_RANGE", { value: String(value), type: nameOf(layout), ...range }, { at: ROOT });
  }
  return Uint8Array.from({ length: layout.size }, (_, i) =>
    Number((whole >> BigInt(8 * (layout.size - 1 - i))) & 0xffn),
  );
}

/** 48-bit IEEE 802 address. Called, it makes one from text, a number or bytes. */
export const mac: AddressSchema<MacAddress> = address("mac");
/** IPv4 address. Called, it makes one from text, a number or bytes. */
export const ipv4Address: AddressSchema<Ipv4Address> = address("ipv4");
/** IPv6 address. Called, it makes one from text (RFC 4291, any form), a number or bytes; the result is RFC 5952 text. */
export const ipv6Address: AddressSchema<Ipv6Address> = address("ipv6");

function requireLength(what: string, length: number): void {
  if (Number.isInteger(length) && length >= 0 && length < 2 ** 31) return;
  throw xdpkitError("SCHEMA_LENGTH", { what, length }, { at: ROOT });
}

/** `length` octets, alignment 1. @throws XdpkitError SCHEMA_LENGTH */
export function bytes(length: number): Scalar<Bytes> {
  requireLength("bytes", length);
  return schemaOf({}, { kind: "bytes", size: length, align: 1 });
}

/**
 * `length` elements in a row. Throws SCHEMA_LENGTH, SCHEMA_BITS_UNALIGNED for elements that are not whole bytes.
 *
 * @throws XdpkitError SCHEMA_LENGTH
 */
export function array<T, const N extends number>(element: Schema<T>, length: N): Scalar<FixedArray<T, N>> {
  requireLength("array", length);
  const layout = layoutOf(element);
  const { size } = codecOf(element);
  requireLength("array", size * length);
  return schemaOf(
    {},
    { kind: "array", element: layout, length, size: size * length, align: layout.align },
    { element },
  );
}

/** For `withLock`. 4 bytes, at most one per map value, kernel 5.1. */
export const spinLock: Scalar<SpinLock> = schemaOf({}, { kind: "spinLock", size: 4, align: 4 });

/**
 * The same integer with names for its values: for BTF enums, the printer and `trace`. The type stays `number`.
 * Throws SCHEMA_NAMED for anything but an integer of at most 32 bits or `bits(n)`.
 *
 * @throws XdpkitError SCHEMA_NAMED
 */
export function named(schema: Scalar<number>, names: Names): Scalar<number> {
  const layout = layoutOf(schema);
  if (layout.kind === "bits" && !layout.isFlag) return schemaOf({}, { ...layout, names } satisfies BitsLayout);
  if (layout.kind === "integer" && layout.size !== 8) return schemaOf({}, { ...layout, names } satisfies IntegerLayout);
  throw xdpkitError(
    "SCHEMA_NAMED",
    { found: layout.kind === "struct" ? describe(schema) : nameOf(layout) },
    { at: ROOT },
  );
}
