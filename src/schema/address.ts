/**
 * Addresses as text and as bytes: MAC (IEEE 802, colons), IPv4 (RFC 6943 strict dotted decimal), IPv6 (RFC 4291
 * section 2.2 read, RFC 5952 written).
 *
 * Invariant: `printAddress(family, parseAddress(family, text))` is the one canonical text of the address.
 */
import { xdpkitError } from "../base/index.ts";
import type { AddressFamily } from "./layout.ts";
import { ROOT } from "./layout.ts";

const EXAMPLES = {
  mac: { family: "a MAC", example: "02:00:00:00:00:01" },
  ipv4: { family: "an IPv4", example: "192.0.2.1" },
  ipv6: { family: "an IPv6", example: "2001:db8::1" },
} as const;

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

/** The bytes of an address in network order: 6, 4 or 16. @throws XdpkitError SCHEMA_ADDRESS */
export function parseAddress(family: AddressFamily, text: string): Uint8Array {
  const bytes = family === "mac" ? parseMac(text) : family === "ipv4" ? parseIpv4(text) : parseIpv6(text);
  if (!bytes) throw xdpkitError("SCHEMA_ADDRESS", { text, ...EXAMPLES[family] }, { at: ROOT });
  return bytes;
}

/** The canonical text of the address that begins at `at`. */
export function printAddress(family: AddressFamily, bytes: Uint8Array, at = 0): string {
  if (family === "ipv4") return printIpv4(bytes, at);
  if (family === "ipv6") return printIpv6(bytes, at);
  let text = HEX[bytes[at] as number] as string;
  for (let i = 1; i < 6; i++) text += `:${HEX[bytes[at + i] as number]}`;
  return text;
}

function parseMac(text: string): Uint8Array | null {
  const parts = text.split(/[:-]/);
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-f]{1,2}$/i.test(part))) return null;
  return Uint8Array.from(parts, (part) => Number.parseInt(part, 16));
}

/** Written out: map keys pass here. Decimal, no leading zeros, exactly four. */
function parseIpv4(text: string): Uint8Array | null {
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (value < 0 || part === 3) return null;
      bytes[part++] = value;
      value = -1;
      continue;
    }
    if (code < ZERO || code > NINE || value === 0) return null;
    value = (value < 0 ? 0 : value * 10) + code - ZERO;
    if (value > 255) return null;
  }
  if (part !== 3 || value < 0) return null;
  bytes[3] = value;
  return bytes;
}

const [DOT, ZERO, NINE] = [0x2e, 0x30, 0x39] as const;

function printIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** An IPv4 tail counts as two groups: `::ffff:192.0.2.1`. */
function parseIpv6(text: string): Uint8Array | null {
  if (text.length > 45) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string, true) : [];
  if (!head || !tail) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const bytes = new Uint8Array(16);
  putGroups(bytes, 0, head);
  putGroups(bytes, 16 - 2 * tail.length, tail);
  return bytes;
}

const HEX_DIGITS = /^[0-9a-fA-F]+$/;

function putGroups(bytes: Uint8Array, at: number, groups: readonly number[]): void {
  for (let i = 0; i < groups.length; i++) {
    bytes[at + 2 * i] = (groups[i] as number) >> 8;
    bytes[at + 2 * i + 1] = groups[i] as number;
  }
}

function parseGroups(text: string, isEnd: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string;
    const ipv4 = isEnd && i === parts.length - 1 && part.includes(".") ? parseIpv4(part) : null;
    if (ipv4)
      groups.push(((ipv4[0] as number) << 8) | (ipv4[1] as number), ((ipv4[2] as number) << 8) | (ipv4[3] as number));
    else if (part.length > 0 && part.length <= 4 && HEX_DIGITS.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function printIpv6(bytes: Uint8Array, at: number): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[at + i] as number) << 8) | (bytes[at + i + 1] as number));
  // Section 5: the dotted form where the prefix says that the address embeds IPv4.
  if (groups.every((group, i) => i > 5 || group === (i === 5 ? 0xffff : 0)))
    return `::ffff:${printIpv4(bytes, at + 12)}`;
  const run = longestZeroRun(groups);
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return run.length < 2 ? text(0, 8) : `${text(0, run.start)}::${text(run.start + run.length, 8)}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= 8; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
