/**
 * The kernel's BPF format strings (bpf_bprintf_prepare in kernel/bpf/helpers.c): what `bpf_trace_printk` and
 * `bpf_snprintf` accept, and nothing else.
 *
 *   %[0 +-][width](d i u x X | ld li lu lx lX | lld … llX)   %c  %s  %pks %pus  %p[x K B S s]  %pi4 %pI4 %pi6 %pI6  %%
 *
 * Strings and pointers must be followed by space, punctuation or the end. The kernel first copies all values into 512
 * bytes: what does not fit is cut (text) or refused. Invariant: a negative result is the kernel's error number.
 */
import { errno } from "../uapi/index.ts";

/** What a format reads of the machine: strings and addresses behind pointers. Null when the memory is not readable. */
export interface FormatSource {
  read(address: bigint, size: number): Uint8Array | null;
}

/** isspace and ispunct of the kernel's Latin-1 table, or the end. */
const END = "(?=$|[\\s!-/:-@[-`{-~\\xa0-\\xbf\\xd7\\xf7])";
const SPECIFIER = new RegExp(
  `^(?<flags>[0 +-]*)(?<width>[1-9]\\d*)?(?:(?<text>s|p[ku]s)${END}|(?<letter>c)|p(?<ip>[iI][46])|(?<pointer>p(?:[KxsSB]|${END}))|(?<size>l{0,2})(?<number>[diuxX]))`,
);
/** What ASCII prints, spaces, and the bytes of UTF-8. */
const ALLOWED = /[\t-\r\x20-\x7e\x80-\xff]/;
/** MAX_BPRINTF_BIN_ARGS: room for the values, bytes. */
const VALUE_ROOM = 512;
/** FIELD_WIDTH_MAX. */
const MAX_WIDTH = (1 << 23) - 1;

type Groups = Readonly<Record<string, string | undefined>>;

/** A 64-bit argument, read when the format asks for it: a call may have fewer than it could. */
export type FormatValue = () => bigint;

/**
 * The text, or a negative error number. `values` are the 64-bit arguments, `room` the bytes of the buffer.
 * `refused` hears what stands before a conversion that the kernel does not know, or that has no argument.
 */
export function formatKernel(
  format: string,
  values: readonly FormatValue[],
  source: FormatSource,
  room: number,
  refused: (text: string, specifier: string) => void = () => {},
): string | number {
  const printer = new Printer(source);
  let text = "";
  let used = 0;
  for (let at = 0; at < format.length; ) {
    const letter = format[at]!;
    if (!ALLOWED.test(letter)) return -errno.EINVAL;
    if (letter !== "%" || format[at + 1] === "%") {
      text += letter;
      at += letter === "%" ? 2 : 1;
      continue;
    }
    const match = SPECIFIER.exec(format.slice(at + 1));
    if (!match || used >= values.length) {
      refused(text, /^%[^a-zA-Z]*(p[iI]?\w?|l*\w?)/.exec(format.slice(at))![0]);
      return -errno.EINVAL;
    }
    const printed = printer.print(match.groups as Groups, values[used++]!());
    if (printed === null) return -errno.ENOSPC;
    // bstr_printf copies an address only while there is room, and does not count it otherwise.
    if (match.groups!["ip"] === undefined || text.length < room) text += printed;
    at += 1 + match[0].length;
  }
  return text;
}

class Printer {
  readonly #source: FormatSource;
  /** Bytes of the kernel's buffer that are taken. */
  #used = 0;

  constructor(source: FormatSource) {
    this.#source = source;
  }

  /** Null when the kernel's buffer is full. */
  print(groups: Groups, value: bigint): string | null {
    const { flags = "", text, letter, ip, pointer, size = "", number = "" } = groups;
    const width = widthOf(groups["width"]);
    if (text !== undefined) return mapText(this.#string(text === "pus" ? 0n : value), (one) => pad(one, flags, width));
    if (letter !== undefined) return mapText(this.#letter(value), (one) => pad(one, flags, width));
    if (ip !== undefined) return this.#ip(ip, value);
    if (pointer !== undefined) return this.#take(8) ? printPointer(pointer, value, flags, width) : null;
    if (!this.#take(size === "" ? 4 : 8)) return null;
    return padNumber(printNumber(flags, size === "" ? 32 : 64, number, value), flags, width);
  }

  /** Numbers lie on a multiple of 4. */
  #take(size: number): boolean {
    const end = ((this.#used + 3) & ~3) + size;
    if (end > VALUE_ROOM) return false;
    this.#used = end;
    return true;
  }

  /** An unreadable pointer prints as nothing, as strncpy_from_kernel_nofault leaves it. */
  #string(address: bigint): string | null {
    const room = VALUE_ROOM - this.#used;
    if (room <= 0) return null;
    let text = "";
    while (text.length < room - 1) {
      const byte = this.#source.read(address + BigInt(text.length), 1)?.[0];
      if (byte === undefined) text = "";
      if (!byte) break;
      text += String.fromCharCode(byte);
    }
    this.#used += text.length + 1;
    return text;
  }

  #letter(value: bigint): string | null {
    if (this.#used >= VALUE_ROOM) return null;
    this.#used++;
    return String.fromCharCode(Number(value & 0xffn));
  }

  #ip(kind: string, address: bigint): string | null {
    const size = kind[1] === "4" ? 4 : 16;
    if (VALUE_ROOM - this.#used < size) return null;
    const text = printIp(kind[0]!, this.#source.read(address, size) ?? new Uint8Array(size));
    this.#used += text.length + 1;
    return text;
  }
}

const mapText = (text: string | null, change: (text: string) => string): string | null =>
  text === null ? null : change(text);

/** Read into an int that may overflow, then held below FIELD_WIDTH_MAX. */
function widthOf(digits: string | undefined): number {
  return digits === undefined ? -1 : Math.min(Number(BigInt.asIntN(32, BigInt(digits))), MAX_WIDTH);
}

function printNumber(flags: string, bits: 32 | 64, kind: string, value: bigint): string {
  if (kind === "d" || kind === "i") {
    const signed = BigInt.asIntN(bits, value);
    const sign = signed < 0n ? "" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
    return sign + signed.toString();
  }
  const unsigned = BigInt.asUintN(bits, value);
  if (kind === "u") return unsigned.toString();
  return kind === "X" ? unsigned.toString(16).toUpperCase() : unsigned.toString(16);
}

/** The kernel has names for addresses of its own code (`%ps %pS %pB`); this machine's addresses have none. */
function printPointer(kind: string, value: bigint, flags: string, width: number): string {
  const hex = value.toString(16);
  if (/[sSB]/.test(kind)) return pad(`0x${hex}`, flags, width);
  return width === -1 ? hex.padStart(16, "0") : padNumber(hex, flags, width);
}

function pad(text: string, flags: string, width: number): string {
  return flags.includes("-") ? text.padEnd(width) : text.padStart(width);
}

function padNumber(text: string, flags: string, width: number): string {
  if (flags.includes("-") || !flags.includes("0")) return pad(text, flags, width);
  const sign = /^[+ -]/.test(text) ? text[0]! : "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

/** `%pI4` 192.0.2.1, `%pi4` 192.000.002.001, `%pI6` groups with colons, `%pi6` without. */
function printIp(letter: string, bytes: Uint8Array): string {
  if (bytes.length === 4) {
    return Array.from(bytes, (byte) => (letter === "i" ? String(byte).padStart(3, "0") : byte)).join(".");
  }
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return letter === "i" ? hex : hex.replace(/(.{4})(?!$)/g, "$1:");
}
