/** Bytes: hexadecimal text, comparison, joining, and a reader that checks each step. */
import type { XdpkitError } from "./error.ts";

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

/** `0a ff` with `separator` " ". */
export function printHex(bytes: Uint8Array, separator = ""): string {
  return Array.from(bytes, (byte) => HEX[byte]).join(separator);
}

/** Reads hexadecimal digits, white space and colons ignored; null when something else is in there. */
export function parseHex(text: string): Uint8Array | null {
  const digits = text.replace(/[\s:]+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return null;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** A 32-bit number in the machine's order. */
export const u32Bytes = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** The same memory as a plain Uint8Array: `slice` of a Node Buffer would give a view where a copy is meant. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The next multiple of `unit` (a power of two) that is not below `value`. */
export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Makes the error for a read of `need` bytes at `offset` (from the start of the file) when only `have` are left. */
export type ShortRead = (short: { offset: number; need: number; have: number }) => XdpkitError;

/**
 * A position in bytes that never passes the end. Containers (ELF, BTF, pcap) read with it; `short` makes the
 * container's own error.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  littleEndian: boolean;
  offset = 0;
  readonly #short: ShortRead;
  /** Where `bytes` begins in the file, for locations. */
  readonly base: number;

  constructor(bytes: Uint8Array, options: { littleEndian: boolean; short: ShortRead; base?: number }) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.littleEndian = options.littleEndian;
    this.#short = options.short;
    this.base = options.base ?? 0;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  /** Throws unless `count` bytes are left; returns the position and steps over them. */
  step(count: number): number {
    if (!(count >= 0 && count <= this.remaining)) {
      throw this.#short({ offset: this.base + this.offset, need: count, have: this.remaining });
    }
    const at = this.offset;
    this.offset += count;
    return at;
  }

  u8(): number {
    return this.view.getUint8(this.step(1));
  }
  u16(): number {
    return this.view.getUint16(this.step(2), this.littleEndian);
  }
  u32(): number {
    return this.view.getUint32(this.step(4), this.littleEndian);
  }
  i32(): number {
    return this.view.getInt32(this.step(4), this.littleEndian);
  }
  u64(): bigint {
    return this.view.getBigUint64(this.step(8), this.littleEndian);
  }
  /** A view on the same memory, not a copy. */
  take(count: number): Uint8Array {
    const at = this.step(count);
    return this.bytes.subarray(at, at + count);
  }
}
