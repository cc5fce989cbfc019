/**
 * Memory of the reference: pieces of bytes, and what a field of a layout means in them.
 *
 * Invariant: reading and writing bits is done bit by bit, and wrapping by BigInt: slow, and independent of what the
 * package does.
 */
import { decode, encode, type Layout, printAddress, type Schema } from "../../../src/schema/index.ts";
import { plain, Signed } from "./operators.ts";

/** A piece of memory. The packet's moves its epoch on when it is adjusted: places of before are dead. */
export class Region {
  readonly bytes: Uint8Array;
  readonly isReadOnly: boolean;
  epoch = 0;

  constructor(bytes: Uint8Array, isReadOnly = false) {
    this.bytes = bytes;
    this.isReadOnly = isReadOnly;
  }
}

/** Where a place lies. */
export class Location {
  readonly region: Region;
  readonly offset: number;
  readonly size: number;
  readonly #epoch: number;

  constructor(region: Region, offset: number, size: number) {
    if (offset < 0 || offset + size > region.bytes.length) throw new RangeError("a place outside its memory");
    this.region = region;
    this.offset = offset;
    this.size = size;
    this.#epoch = region.epoch;
  }

  /** Throws when the place died in a call that moved the packet. */
  #requireAlive(): void {
    if (this.region.epoch !== this.#epoch)
      throw new Error("a place of the packet is used after the packet was adjusted");
  }

  /** The bytes themselves, to read. */
  get bytes(): Uint8Array {
    this.#requireAlive();
    return this.region.bytes.subarray(this.offset, this.offset + this.size);
  }

  /** The bytes themselves, to write. */
  get writable(): Uint8Array {
    if (this.region.isReadOnly) throw new Error("a write to read-only memory");
    return this.bytes;
  }

  within(offset: number, size: number): Location {
    this.#requireAlive();
    if (offset < 0 || offset + size > this.size) throw new RangeError("a place outside its enclosing place");
    return new Location(this.region, this.offset + offset, size);
  }

  write(bytes: Uint8Array): void {
    this.writable.set(bytes);
  }
}

/** `width` bits from bit `offsetBits` on, most significant first. */
export function readBits(bytes: Uint8Array, offsetBits: number, width: number): number {
  let value = 0;
  for (let bit = offsetBits; bit < offsetBits + width; bit++)
    value = value * 2 + ((bytes[bit >> 3]! >> (7 - (bit & 7))) & 1);
  return value;
}

/** Wraps the value into `width` bits and writes them; neighbours stay. */
export function writeBits(bytes: Uint8Array, offsetBits: number, width: number, value: unknown): void {
  const wrapped = BigInt.asUintN(width, toBigInt(value));
  for (let i = 0; i < width; i++) {
    const bit = offsetBits + width - 1 - i;
    const mask = 1 << (7 - (bit & 7));
    const isSet = ((wrapped >> BigInt(i)) & 1n) === 1n;
    bytes[bit >> 3] = isSet ? bytes[bit >> 3]! | mask : bytes[bit >> 3]! & ~mask;
  }
}

export function toBigInt(value: unknown): bigint {
  const bare = plain(value);
  if (typeof bare === "boolean") return bare ? 1n : 0n;
  if (typeof bare === "bigint") return bare;
  if (typeof bare === "number" && Number.isInteger(bare)) return BigInt(bare);
  throw new TypeError(`${typeof bare} ${String(bare)} is stored where an integer is due`);
}

/** A scalar as kernel code sees it: an i64 is Signed. */
export function readScalar(schema: Schema<unknown>, layout: Layout, bytes: Uint8Array): unknown {
  const value = decode(schema, bytes);
  return layout.kind === "integer" && layout.size === 8 && layout.signed ? new Signed(value as bigint) : value;
}

/** The bytes of a scalar; integers wrap into the field. */
export function scalarBytes(schema: Schema<unknown>, layout: Layout, value: unknown): Uint8Array {
  if (layout.kind !== "integer") return encode(schema, plain(value));
  const wrapped = (layout.signed ? BigInt.asIntN : BigInt.asUintN)(layout.size * 8, toBigInt(value));
  return encode(schema, layout.size === 8 ? wrapped : Number(wrapped));
}

/** The canonical text of an address of so many bytes. */
export function addressText(bytes: Uint8Array): string {
  return printAddress(bytes.length === 4 ? "ipv4" : bytes.length === 6 ? "mac" : "ipv6", bytes);
}
