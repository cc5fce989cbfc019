/**
 * What the two directions of the value codec share: where a member's bits lie, and how far a hostile type may go.
 *
 * In little-endian objects bit offsets count from the lowest bit, in big-endian ones from the highest.
 */
import { xdpkitError } from "../base/index.ts";
import type { BtfType } from "./types.ts";

/** A plain JavaScript value, as `JSON.stringify` takes it but for bigint. */
export type PlainValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

/** Bits of a value inside of its bytes. */
export interface BitPlace {
  readonly bytes: Uint8Array;
  /** From the start of `bytes`. */
  readonly bitOffset: number;
  readonly bitSize: number;
  readonly littleEndian: boolean;
}

export function readBits({ bytes, bitOffset, bitSize, littleEndian }: BitPlace): bigint {
  const [first, end] = [Math.floor(bitOffset / 8), Math.ceil((bitOffset + bitSize) / 8)];
  const shift = littleEndian ? bitOffset - 8 * first : 8 * end - bitOffset - bitSize;
  let value = 0n;
  for (let i = 0; i < end - first; i++) {
    const byte = bytes[littleEndian ? end - 1 - i : first + i] ?? 0;
    value = (value << 8n) | BigInt(byte);
  }
  return BigInt.asUintN(bitSize, value >> BigInt(shift));
}

/** Writes the lowest `bitSize` bits of a value; the bits beside stay. */
export function writeBits({ bytes, bitOffset, bitSize, littleEndian }: BitPlace, value: bigint): void {
  const bits = BigInt.asUintN(bitSize, value);
  for (let i = 0; i < bitSize; i++) {
    const position = littleEndian ? bitOffset + i : bitOffset + bitSize - 1 - i;
    const mask = littleEndian ? 1 << (position & 7) : 0x80 >> (position & 7);
    const at = position >> 3;
    const rest = (bytes[at] ?? 0) & ~mask;
    bytes[at] = (bits >> BigInt(i)) & 1n ? rest | mask : rest;
  }
}

/** Smallest and largest value of so many bits. */
export function limitsOf(bits: number, signed: boolean): { readonly min: bigint; readonly max: bigint } {
  if (!signed) return { min: 0n, max: (1n << BigInt(bits)) - 1n };
  const half = 1n << BigInt(bits - 1);
  return { min: -half, max: half - 1n };
}

/** C's own `char`, whose arrays are text; signed and unsigned char are numbers. */
export function isCharacter(type: BtfType): boolean {
  return type.kind === "int" && type.size === 1 && (type.char || type.name === "char");
}

const MAX_VALUES = 1_000_000;
const MAX_DEPTH = 256;

/** Counts what one call decodes or encodes, so that types that unfold without end are refused. */
export class Budget {
  #values = 0;

  spend(depth: number, id: number): void {
    if (depth > MAX_DEPTH) throw xdpkitError("BTF_CYCLE", { id });
    if (++this.#values > MAX_VALUES)
      throw xdpkitError("BTF_LIMIT", { what: `a value of type ${id}`, limit: MAX_VALUES });
  }
}
