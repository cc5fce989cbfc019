/** Addresses and prefixes as numbers. */
import { decode, encode, ipv4Address, ipv6Address } from "xdpkit";

export interface Prefix {
  readonly family: 4 | 6;
  /** 32 or 128 bits, those behind the prefix as they were given. */
  readonly value: bigint;
  readonly bits: number;
  readonly address: string;
}

const numberOf = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const bytesOf = (value: bigint, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn));

/** @throws XdpkitError SCHEMA_ADDRESS for text that is no address */
export function parsePrefix(text: string): Prefix {
  const [address = "", length] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  const value = numberOf(family === 6 ? encode(ipv6Address, address) : encode(ipv4Address, address));
  return { family, value, bits: length === undefined ? (family === 6 ? 128 : 32) : Number(length), address };
}

export const address6 = (value: bigint): string => decode(ipv6Address, bytesOf(value, 16));
export const highOf = (value: bigint): bigint => value >> 64n;
export const lowOf = (value: bigint): bigint => value & 0xffffffffffffffffn;

/** With zeros behind the prefix. */
export const networkOf = ({ family, value, bits }: Prefix): bigint => {
  const behind = BigInt((family === 6 ? 128 : 32) - bits);
  return (value >> behind) << behind;
};
