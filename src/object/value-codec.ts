/**
 * Values of maps and globals between bytes and JavaScript: by BTF names where the object has BTF, else by size.
 *
 * Without BTF, 1, 2, 4 and 8 bytes are an unsigned number in host order (8 bytes a bigint), anything else is bytes. Text is
 * bytes there: two hexadecimal digits each, all of them. Only of 8 bytes decimal text of another length is a number, as JSON
 * carries large ones so; 16 digits that may be such a number are refused. Bytes are taken everywhere in place of a value.
 */
import { parseHex, printHex, xdpkitError } from "../base/index.ts";
import { type Btf, decodeValue, encodeValue, findByName, type PlainValue, sizeOf, type TypeId } from "../btf/index.ts";
import type { GlobalVariable } from "./bpf-object.ts";

/** How a value becomes bytes and back. */
export interface Codec {
  /** Bytes of an encoded value. */
  readonly size: number;
  /** The value of so many bytes. */
  decode(bytes: Uint8Array): unknown;
  /** `path` is where the value stands, for errors: `$.key`. */
  encode(value: unknown, path: string): Uint8Array;
  /** The same in place, for many values in the same bytes, where the codec can. Bytes are no value here. */
  over?(bytes: Uint8Array): ValueWindow;
}

/** Values anywhere in the same bytes: `at` counts from their first. */
export interface ValueWindow {
  /** The value at a byte offset of the window. */
  read(at: number): unknown;
  /** Writes a value at a byte offset; `path` is for errors. */
  write(at: number, value: unknown, path: string): void;
}

/** A window for every codec. */
export function valueWindow(codec: Codec, bytes: Uint8Array): ValueWindow {
  return (
    codec.over?.(bytes) ?? {
      read: (at) => codec.decode(bytes.subarray(at, at + codec.size)),
      write: (at, value, path) => bytes.set(codec.encode(value, path), at),
    }
  );
}

export interface CodecPlace {
  /** The map's or variable's name, and what of it, for errors. */
  readonly name: string;
  readonly what: "key" | "value";
}

export function codecOf(btf: Btf | undefined, type: TypeId | undefined, size: number, place: CodecPlace): Codec {
  return sizedCodec(btf && type ? btfCodec(btf, type, size) : rawCodec(size), size, place);
}

/** Of a global variable; `given` in place of what BTF says. Elements of a flexible array at its end belong to no type. */
export function variableCodec(btf: Btf | undefined, { name, type, size }: GlobalVariable, given?: Codec): Codec {
  const place = { name, what: "value" } as const;
  if (given) return sizedCodec(given, size, place);
  return codecOf(btf, type, btf && type ? Math.min(size, sizeOf(btf, type)) : size, place);
}

/** A type by its name in C: what the records of a stream are, which no map says. @throws OBJECT_NO_TYPE */
export function recordType(btf: Btf | undefined, name: string): TypeId {
  const kinds = ["struct", "union", "typedef"] as const;
  const found = btf && kinds.map((kind) => findByName(btf, kind, name)).find((id) => id !== null);
  if (!found) throw xdpkitError("OBJECT_NO_TYPE", { name });
  return found;
}

/** The codec of a struct by its name in C, for records of ring buffers. @throws OBJECT_NO_TYPE, BTF_NO_SIZE */
export function recordCodec(btf: Btf | undefined, name: string): Codec {
  const type = recordType(btf, name);
  return codecOf(btf, type, sizeOf(btf!, type), { name, what: "value" });
}

/** A codec for a place of `size` bytes, which takes bytes, too. `encode` throws VALUE_SIZE. */
export function sizedCodec({ decode, encode, over, size: own }: Codec, size: number, place: CodecPlace): Codec {
  return {
    size,
    decode,
    encode: (value, path) => checkSize(value instanceof Uint8Array ? value : encode(value, path), size, place),
    ...(over && own === size ? { over: (bytes) => sizedWindow(over(bytes), bytes, size, place) } : {}),
  };
}

function sizedWindow({ read, write }: ValueWindow, bytes: Uint8Array, size: number, place: CodecPlace): ValueWindow {
  return {
    read,
    write(at, value, path) {
      if (value instanceof Uint8Array) bytes.set(checkSize(value, size, place), at);
      else write(at, value, path);
    },
  };
}

function checkSize(bytes: Uint8Array, need: number, { name, what }: CodecPlace): Uint8Array {
  if (bytes.length === need) return bytes;
  throw xdpkitError("VALUE_SIZE", { name, what, need, have: bytes.length });
}

function btfCodec(btf: Btf, type: TypeId, size: number): Codec {
  return {
    size,
    decode: (bytes) => decodeValue(btf, type, bytes),
    encode: (value, path) => encodeValue(btf, type, value as PlainValue, path),
  };
}

function rawCodec(size: number): Codec {
  const number = size === 1 || size === 2 || size === 4 || size === 8;
  return {
    size,
    decode: (bytes) => (number ? decodeNumber(bytes) : printHex(bytes)),
    encode: (value, path) => {
      if (!number) return encodeHex(value, path);
      return typeof value === "string" ? encodeText(value, size, path) : encodeNumber(value, size, path);
    },
  };
}

function decodeNumber(bytes: Uint8Array): number | bigint {
  const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return bytes.length === 8 ? value : Number(value);
}

function encodeNumber(value: unknown, size: number, path: string): Uint8Array {
  const whole = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!whole) throw xdpkitError("VALUE_FORM", { found: String(value), size }, { at: { kind: "path", path } });
  const number = BigInt(value as number | bigint);
  const limit = 1n << BigInt(8 * size);
  if (number >= limit || number < -limit / 2n) {
    throw xdpkitError("VALUE_FORM", { found: String(value), size }, { at: { kind: "path", path } });
  }
  return Uint8Array.from({ length: size }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn));
}

function encodeText(text: string, size: number, path: string): Uint8Array {
  const at = { kind: "path", path } as const;
  if (/^(0x)?[0-9a-f]+$/i.test(text) && text.replace(/^0x/, "").length === 2 * size) {
    // What JSON carries as text: numbers beyond 2^53.
    const isLarge = /^[1-9]\d+$/.test(text) && !Number.isSafeInteger(Number(text));
    if (size === 8 && isLarge) throw xdpkitError("VALUE_AMBIGUOUS", { text }, { at });
    return encodeHex(text, path);
  }
  if (size === 8 && /^-?\d+$/.test(text)) return encodeNumber(BigInt(text), size, path);
  throw xdpkitError("VALUE_TEXT", { text, size }, { at });
}

function encodeHex(value: unknown, path: string): Uint8Array {
  const bytes = typeof value === "string" ? parseHex(value.replace(/^0x/, "")) : null;
  if (bytes) return bytes;
  throw xdpkitError(
    "VALUE_FORM",
    { found: JSON.stringify(value) ?? String(value), size: 0 },
    { at: { kind: "path", path } },
  );
}
