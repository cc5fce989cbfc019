/**
 * Codecs of the scalars: integers, bits, addresses, bytes, and the kernel's opaque objects.
 *
 * Invariant: a value that does not fit its range throws, at the path `$`; whoever encloses it adds its step.
 */
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import { parseAddress, printAddress } from "./address.ts";
import { type AddressLayout, type BitsLayout, describe, type IntegerLayout, nameOf, ROOT } from "./layout.ts";

export interface Codec {
  readonly size: number;
  zero(): unknown;
  read(view: DataView, at: number): unknown;
  write(view: DataView, at: number, value: unknown): void;
}

/** Throws at the root; enclosing codecs add their step to the path. */
export function wrongType(expected: string, value: unknown): XdpkitError {
  return xdpkitError("SCHEMA_TYPE", { expected, found: describe(value) }, { at: ROOT });
}

export function wrongSize(what: string, need: number, have: number): XdpkitError {
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

export function integerCodec(layout: IntegerLayout): Codec {
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

export const boolCodec: Codec = {
  size: 1,
  zero: () => false,
  read: (view, at) => view.getUint8(at) !== 0,
  write: (view, at, value) => view.setUint8(at, requireBoolean(value) ? 1 : 0),
};

/**
 * A field of up to 32 bits that begins `shift` bits into its first byte, so up to five bytes: beyond what `>>` can
 * do, hence multiplication. Bits of neighbours keep their values.
 */
export function bitsCodec(layout: BitsLayout, shift: number): Codec {
  const span = Math.ceil((shift + layout.width) / 8);
  const unit = 2 ** (span * 8 - shift - layout.width);
  const modulus = 2 ** layout.width;
  const check = layout.isFlag ? (value: unknown) => (requireBoolean(value) ? 1 : 0) : checkNumber(layout);
  const { load, store } = SPANS[span - 1] as Span;
  const number = (view: DataView, at: number): number => Math.floor(load(view, at) / unit) % modulus;
  return {
    size: layout.size,
    zero: () => (layout.isFlag ? false : 0),
    read: layout.isFlag ? (view, at) => number(view, at) !== 0 : number,
    write(view, at, value) {
      const all = load(view, at);
      store(view, at, all + (check(value) - (Math.floor(all / unit) % modulus)) * unit);
    },
  };
}

interface Span {
  readonly load: (view: DataView, at: number) => number;
  readonly store: (view: DataView, at: number, value: number) => void;
}

/** Big-endian numbers of one to five bytes. */
const SPANS: readonly Span[] = [
  { load: (view, at) => view.getUint8(at), store: (view, at, value) => view.setUint8(at, value) },
  { load: (view, at) => view.getUint16(at), store: (view, at, value) => view.setUint16(at, value) },
  {
    load: (view, at) => view.getUint16(at) * 256 + view.getUint8(at + 2),
    store(view, at, value) {
      view.setUint16(at, Math.floor(value / 256));
      view.setUint8(at + 2, value % 256);
    },
  },
  { load: (view, at) => view.getUint32(at), store: (view, at, value) => view.setUint32(at, value) },
  {
    load: (view, at) => view.getUint32(at) * 256 + view.getUint8(at + 4),
    store(view, at, value) {
      view.setUint32(at, Math.floor(value / 256));
      view.setUint8(at + 4, value % 256);
    },
  },
];

export function asBytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function addressCodec(layout: AddressLayout): Codec {
  const zero = printAddress(layout.family, new Uint8Array(layout.size));
  return {
    size: layout.size,
    zero: () => zero,
    read: (view, at) => printAddress(layout.family, asBytes(view), at),
    write(view, at, value) {
      if (typeof value !== "string") throw wrongType(`the text of an address (${nameOf(layout)})`, value);
      const bytes = parseAddress(layout.family, value);
      for (let i = 0; i < bytes.length; i++) view.setUint8(at + i, bytes[i] as number);
    },
  };
}

export function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { length?: unknown }).length === "number";
}

export function bytesCodec(size: number): Codec {
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

export function opaqueCodec(size: number): Codec {
  return {
    size,
    zero: () => OPAQUE,
    read: () => OPAQUE,
    write: (view, at) => asBytes(view).fill(0, at, at + size),
  };
}
const OPAQUE = Object.freeze({});
