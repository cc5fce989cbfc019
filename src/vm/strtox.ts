/**
 * Numbers in text as `bpf_strtol` and `bpf_strtoul` read them (__bpf_strtoull in kernel/bpf/helpers.c, _parse_integer in
 * lib/kstrtox.c): spaces, a sign, a prefix of the base, digits; what follows the digits is left.
 */
import { errno } from "../uapi/index.ts";

/** BPF_STRTOX_BASE_MASK. */
const BASE_MASK = 0x1f;
/** Characters behind the sign that count: of a buffer of 64 with its final 0. */
const LONGEST = 63;

export interface ParsedInteger {
  /** 0 to 2^64 - 1. */
  readonly value: bigint;
  readonly negative: boolean;
  /** Characters that were read, spaces and sign included. */
  readonly consumed: number;
}

/** `flags` is the base: 0, 8, 10 or 16; 0 asks the prefix. A negative error number: -EINVAL, -ERANGE. */
export function parseInteger(text: string, flags: number): ParsedInteger | number {
  if (![0, 8, 10, 16].includes(flags & BASE_MASK) || flags > BASE_MASK) return -errno.EINVAL;
  const [before, sign] = /^[\t-\r \xa0]*(-?)/.exec(text) as unknown as [string, string];
  const rest = text.slice(before.length, before.length + LONGEST);
  const base = flags || baseOf(rest);
  const prefix = base === 16 && /^0x/i.test(rest) ? 2 : 0;
  const digits = DIGITS[base]!.exec(rest.slice(prefix))![0];
  if (digits === "") return -errno.EINVAL;
  const value = numberOf(digits, BigInt(base));
  if (value >= 1n << 64n) return -errno.ERANGE;
  return { value, negative: sign === "-", consumed: before.length + prefix + digits.length };
}

const DIGITS: Readonly<Record<number, RegExp>> = { 8: /^[0-7]*/, 10: /^\d*/, 16: /^[\da-f]*/i };

/** _parse_integer_fixup_radix. */
function baseOf(text: string): number {
  if (!text.startsWith("0")) return 10;
  return /^0x[\da-f]/i.test(text) ? 16 : 8;
}

function numberOf(digits: string, base: bigint): bigint {
  let value = 0n;
  for (const digit of digits) value = value * base + BigInt(Number.parseInt(digit, 16));
  return value;
}
