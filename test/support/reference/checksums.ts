/**
 * Checksums and hashes of the language, defined so that the compiler can follow.
 *
 * A checksum word is a number (its low 32 bits as two 16-bit words, high half first; of a 16-bit field the high half is
 * zero) or an address (its bytes in network order). A place counts as its bytes, as big-endian 16-bit words; a last odd
 * byte is the high one. Sums are added without folding; every final fold takes all carries back, so a sum that is not
 * zero never folds to zero, and the order of folding does not show.
 */
import { plainBytes } from "../../../src/base/index.ts";
import { parseAddress } from "../../../src/schema/index.ts";
import { jhash as hashBytes } from "../../../src/vm/jhash.ts";
import { toBigInt } from "./memory.ts";
import { locationOf, placeBytes } from "./places.ts";

/** The bytes of an address by its canonical text: of a MAC 6, of IPv4 4, of IPv6 16. */
export function addressBytes(text: string): Uint8Array {
  if (text.includes(".") && !text.includes(":")) return parseAddress("ipv4", text);
  return parseAddress(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text) ? "mac" : "ipv6", text);
}

/** The bytes that a piece counts as; a number is four, most significant first. */
function pieceBytes(piece: unknown): Uint8Array {
  if (locationOf(piece)) return placeBytes(piece);
  if (typeof piece === "string") return addressBytes(piece);
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, Number(BigInt.asUintN(32, toBigInt(piece))));
  return bytes;
}

const words = (bytes: Uint8Array): number[] =>
  Array.from({ length: Math.ceil(bytes.length / 2) }, (_, i) => (bytes[2 * i]! << 8) | (bytes[2 * i + 1] ?? 0));

const sumOf = (bytes: Uint8Array): number => words(bytes).reduce((sum, word) => sum + word, 0);

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}

/** Folds to 16 bits and inverts. */
export const checksumFinish = (sum: number): number => 0xffff - fold(sum);

/** `sum` plus the words of a place, number or address; not folded. */
export const checksumAdd = (sum: number, piece: unknown): number => sum + sumOf(pieceBytes(piece));

/** RFC 1071 over whole places. */
export const checksum = (places: readonly unknown[]): number =>
  checksumFinish(places.reduce((sum: number, place) => checksumAdd(sum, place), 0));

/** RFC 1624 equation 3: ~(~HC + ~m + m'), the words of m inverted one by one. */
export function checksumReplace(before: number, from: unknown, to: unknown): number {
  const inverted = words(pieceBytes(from)).reduce((sum, word) => sum + (0xffff - word), 0);
  return checksumFinish(0xffff - (before & 0xffff) + inverted + sumOf(pieceBytes(to)));
}

/**
 * The finished checksum of `length` bytes at `offset`, `sum` (0 when left out) of other pieces included. Null when the
 * packet ends before them, or when `length` is above `atMost`.
 */
export function checksumPacket(
  packet: Uint8Array,
  offset: number,
  length: number,
  atMost: number,
  sum = 0,
): number | null {
  if (length > atMost || offset + length > packet.length) return null;
  return checksumFinish(sum + sumOf(packet.subarray(offset, offset + length)));
}

/**
 * Jenkins' hash of include/linux/jhash.h over the bytes of the value as they lie in memory: `jhash(bytes, length, seed)`.
 *
 * - a number: its low 32 bits as four bytes in host (little-endian) order, which is `jhash_1word(value, seed)`;
 * - an IPv4 address: its four bytes in network order, which is `jhash_1word` of them read as a little-endian u32;
 * - an IPv6 address: its sixteen bytes, which is `jhash2` of four little-endian words;
 * - a MAC address, a struct, an array, bytes: `jhash` of all of its bytes, padding included.
 */
export function jhash(value: unknown, seed: number): number {
  return hashBytes(hashedBytes(value), Number(BigInt.asUintN(32, toBigInt(seed))));
}

function hashedBytes(value: unknown): Uint8Array {
  const bytes = pieceBytes(value);
  return typeof value === "number" ? bytes.toReversed() : plainBytes(bytes);
}

/** `jhash_3words(a, b, c, seed)`: `jhash` of three little-endian words. */
export function jhashWords(a: number, b: number, c: number, seed: number): number {
  const bytes = [a, b, c].flatMap((word) => [...pieceBytes(word).toReversed()]);
  return hashBytes(Uint8Array.from(bytes), Number(BigInt.asUintN(32, toBigInt(seed))));
}

/** True when the first bits of the address are those of the prefix; never across families. */
export function inPrefix(address: string, prefix: string): boolean {
  const [text, given] = prefix.split("/") as [string, string | undefined];
  const network = addressBytes(text);
  const bytes = addressBytes(address);
  const length = given === undefined ? network.length * 8 : Number(given);
  if (network.length !== bytes.length) return false;
  return Array.from({ length }, (_, bit) => bit).every((bit) => bitOf(network, bit) === bitOf(bytes, bit));
}

const bitOf = (bytes: Uint8Array, bit: number): number => (bytes[bit >> 3]! >> (7 - (bit & 7))) & 1;
