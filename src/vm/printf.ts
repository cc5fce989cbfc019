/**
 * The kernel's BPF format strings (bpf_bprintf_prepare in kernel/bpf/helpers.c): what `bpf_trace_printk` and
 * `bpf_snprintf` accept, and nothing else.
 *
 *   %[0 +-][width](d i u x X | ld li lu lx lX | lld … llX)   %c  %s  %p[x K B S s]  %pi4 %pI4 %pi6 %pI6  %%
 *
 * Invariant: a format that the kernel refuses with -EINVAL gives null here.
 */

/** What a format reads of the machine: strings and addresses behind pointers. Null when the memory is not readable. */
export interface FormatSource {
  read(address: bigint, size: number): Uint8Array | null;
}

const SPECIFIER = /^([0 +-]*)([1-9]\d*)?(?:(s|c)|p(?:([iI])([46])|([xKBSs]))?|(ll|l|)([diuxX]))/;

/** The text, or null for -EINVAL. `values` are the 64-bit arguments. */
export function formatKernel(format: string, values: readonly bigint[], source: FormatSource): string | null {
  let text = "";
  let used = 0;
  for (let at = 0; at < format.length; ) {
    const letter = format[at]!;
    if (letter !== "%") {
      if (!/[\x20-\x7e\s]/.test(letter)) return null;
      text += letter;
      at++;
    } else if (format[at + 1] === "%") {
      text += "%";
      at += 2;
    } else {
      const match = SPECIFIER.exec(format.slice(at + 1));
      if (!match || used >= values.length) return null;
      const printed = printValue(match, values[used++]!, source);
      if (printed === null) return null;
      text += pad(printed, match[1]!, Number(match[2] ?? 0), match[8] !== undefined);
      at += 1 + match[0].length;
    }
  }
  return text;
}

function printValue(match: RegExpExecArray, value: bigint, source: FormatSource): string | null {
  const [, flags = "", , plain, addressCase, family, , size, kind] = match;
  if (plain === "c") return String.fromCharCode(Number(value & 0xffn));
  if (plain === "s") return printString(value, source);
  if (addressCase !== undefined) return printIp(addressCase, family === "6" ? 16 : 4, value, source);
  if (kind === undefined) return value.toString(16).padStart(16, "0");
  const bits = size === "" ? 32 : 64;
  if (kind === "d" || kind === "i") {
    const signed = BigInt.asIntN(bits, value);
    const sign = signed < 0n ? "" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
    return sign + signed.toString();
  }
  const unsigned = BigInt.asUintN(bits, value);
  if (kind === "u") return unsigned.toString();
  return kind === "X" ? unsigned.toString(16).toUpperCase() : unsigned.toString(16);
}

function pad(text: string, flags: string, width: number, number: boolean): string {
  if (text.length >= width) return text;
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || !number) return text.padStart(width);
  const sign = /^[+ -]/.test(text) ? text[0]! : "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

/** An unreadable pointer prints as nothing, as strncpy_from_kernel_nofault leaves it. */
function printString(address: bigint, source: FormatSource): string {
  let text = "";
  for (let i = 0n; text.length < 1023; i++) {
    const byte = source.read(address + i, 1)?.[0];
    if (!byte) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** `%pI4` 192.0.2.1, `%pi4` 192.000.002.001, `%pI6` groups with colons, `%pi6` without. */
function printIp(letter: string, size: 4 | 16, address: bigint, source: FormatSource): string {
  const bytes = source.read(address, size) ?? new Uint8Array(size);
  if (size === 4) return Array.from(bytes, (byte) => (letter === "i" ? String(byte).padStart(3, "0") : byte)).join(".");
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return letter === "i" ? hex : hex.replace(/(.{4})(?!$)/g, "$1:");
}
