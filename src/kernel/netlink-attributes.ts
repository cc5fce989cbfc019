/**
 * Netlink attributes (include/uapi/linux/netlink.h, struct nlattr): type and length, then the payload, padded to 4 bytes.
 *
 *     0       2      4
 *     | length | type | payload … | zeros up to a multiple of 4
 *
 * Numbers are in the host's byte order, which is little endian on every machine that this layer runs on.
 */
import { alignUp, concatBytes, u32Bytes } from "../base/index.ts";

const HEADER_BYTES = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are flags beside the type. */
const TYPE_MASK = 0x3fff;
const NESTED = 0x8000;

/** Payloads by type; of a type that occurs several times the last one. */
export type AttributeMap = ReadonlyMap<number, Uint8Array>;

/** Types and payloads in their order. A damaged length ends the list. */
export function* listAttributes(bytes: Uint8Array): Generator<readonly [type: number, payload: Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) return;
    yield [view.getUint16(at + 2, true) & TYPE_MASK, bytes.subarray(at + HEADER_BYTES, at + length)];
    at += alignUp(length, 4);
  }
}

export const readAttributes = (bytes: Uint8Array | undefined): AttributeMap =>
  new Map(bytes ? listAttributes(bytes) : []);

export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(alignUp(HEADER_BYTES + payload.length, 4));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, HEADER_BYTES + payload.length, true);
  view.setUint16(2, type, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

export const u32Attribute = (type: number, value: number): Uint8Array => attribute(type, u32Bytes(value));

/** With the zero at its end. */
export const textAttribute = (type: number, text: string): Uint8Array =>
  attribute(type, new TextEncoder().encode(`${text}\0`));

export const nested = (type: number, ...attributes: readonly Uint8Array[]): Uint8Array =>
  attribute(type | NESTED, concatBytes(...attributes));

/** The 32-bit number of a payload; undefined when there is none. */
export function readU32(bytes: Uint8Array | undefined): number | undefined {
  if (!bytes || bytes.length < 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/** Text up to the first zero; undefined when there is none. */
export function readText(bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return undefined;
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
