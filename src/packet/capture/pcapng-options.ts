/**
 * Options of pcapng blocks, draft-ietf-opsawg-pcapng sections 3.5, 4.1, 4.2, 4.3: a code, a length, a value padded to
 * 4 bytes.
 *
 * Invariant: an option whose value does not render exactly stays `unknown`, so writing gives back what was read.
 */
import { equalBytes, xdpkitError } from "../../base/index.ts";
import { ByteWriter } from "./byte-writer.ts";

/** How a value is written: UTF-8 text, a number in the section's byte order, octets, a verdict. */
interface Forms {
  text: string;
  u8: number;
  u32: number;
  u64: bigint;
  i64: bigint;
  octets: Uint8Array;
  verdict: Verdict;
}
type Form = keyof Forms;

/** epb_verdict: `type` 0 hardware, 1 Linux_eBPF_TC, 2 Linux_eBPF_XDP; these two have a 64-bit value, the action. */
export interface Verdict {
  /** `VerdictType`, or another number. */
  readonly type: number;
  /** A bigint for LinuxTc and LinuxXdp, bytes for others. */
  readonly value: bigint | Uint8Array;
}
/** First byte of the option `epb_verdict`. */
export const VerdictType = Object.freeze({ Hardware: 0, LinuxTc: 1, LinuxXdp: 2 });

type Rows = Readonly<Record<string, readonly [code: number, form: Form]>>;
type OptionsOf<R extends Rows> =
  | { [K in keyof R & string]: { readonly kind: K; readonly value: Forms[R[K][1]] } }[keyof R & string]
  | { readonly kind: "unknown"; readonly code: number; readonly value: Uint8Array };

const COMMENT = { comment: [1, "text"] } as const satisfies Rows;

export const sectionRows = {
  ...COMMENT,
  hardware: [2, "text"],
  os: [3, "text"],
  application: [4, "text"],
} as const satisfies Rows;

export const interfaceRows = {
  ...COMMENT,
  name: [2, "text"],
  description: [3, "text"],
  ipv4: [4, "octets"],
  ipv6: [5, "octets"],
  mac: [6, "octets"],
  eui: [7, "octets"],
  /** Bits per second. */
  speed: [8, "u64"],
  /** Most significant bit 0: 10^-n seconds, 1: 2^-n seconds; 10^-6 when absent. */
  timestampResolution: [9, "u8"],
  timeZone: [10, "u32"],
  filter: [11, "octets"],
  os: [12, "text"],
  /** Bytes. */
  frameCheckLength: [13, "u8"],
  /** Seconds that are added to every time. */
  timestampOffset: [14, "i64"],
  hardware: [15, "text"],
  transmitSpeed: [16, "u64"],
  receiveSpeed: [17, "u64"],
} as const satisfies Rows;

export const packetRows = {
  ...COMMENT,
  flags: [2, "u32"],
  hash: [3, "octets"],
  dropCount: [4, "u64"],
  packetId: [5, "u64"],
  queue: [6, "u32"],
  verdict: [7, "verdict"],
} as const satisfies Rows;

/** Of the obsolete packet block, section 4.6 of the older drafts. */
export const obsoletePacketRows = { ...COMMENT, flags: [2, "u32"], hash: [3, "octets"] } as const satisfies Rows;

/** An option of a Section Header Block. */
export type SectionOption = OptionsOf<typeof sectionRows>;
/** An option of an Interface Description Block. */
export type InterfaceOption = OptionsOf<typeof interfaceRows>;
/** An option of an Enhanced Packet Block. */
export type PacketOption = OptionsOf<typeof packetRows>;

type Loose = { readonly kind: string; readonly code?: number; readonly value: Forms[Form] };

const text = { encoder: new TextEncoder(), decoder: new TextDecoder("utf-8", { ignoreBOM: true }) };
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const SIZES: Partial<Record<Form, number>> = { u8: 1, u32: 4, u64: 8, i64: 8 };

/** Null when the size is not that of the form. */
function decodeValue(form: Form, bytes: Uint8Array, little: boolean): Forms[Form] | null {
  if (SIZES[form] !== undefined && SIZES[form] !== bytes.length) return null;
  switch (form) {
    case "text":
      return text.decoder.decode(bytes);
    case "u8":
      return bytes[0] as number;
    case "u32":
      return viewOf(bytes).getUint32(0, little);
    case "u64":
      return viewOf(bytes).getBigUint64(0, little);
    case "i64":
      return viewOf(bytes).getBigInt64(0, little);
    case "octets":
      return bytes.slice();
    case "verdict":
      return decodeVerdict(bytes, little);
  }
}

function decodeVerdict(bytes: Uint8Array, little: boolean): Verdict | null {
  const type = bytes[0];
  if (type === undefined) return null;
  const isNumber = (type === VerdictType.LinuxTc || type === VerdictType.LinuxXdp) && bytes.length === 9;
  return { type, value: isNumber ? viewOf(bytes).getBigUint64(1, little) : bytes.slice(1) };
}

function encodeValue(form: Form, value: Forms[Form], little: boolean): Uint8Array {
  const writer = new ByteWriter(little, 16);
  switch (form) {
    case "text":
      return text.encoder.encode(value as string);
    case "u8":
      return Uint8Array.of(value as number);
    case "u32":
      return writer.u32(value as number).finish();
    case "u64":
    case "i64":
      return writer.u64(BigInt.asUintN(64, value as bigint)).finish();
    case "octets":
      return value as Uint8Array;
    case "verdict": {
      const verdict = value as Verdict;
      writer.bytes(Uint8Array.of(verdict.type));
      return (typeof verdict.value === "bigint" ? writer.u64(verdict.value) : writer.bytes(verdict.value)).finish();
    }
  }
}

/** Where the options of a block are, for its errors. */
export interface OptionArea {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  /** Of the first option, bytes from the start of the file. */
  readonly offset: number;
}

/** Throws PCAPNG_OPTION when an option is longer than what is left of its block. */
export function readOptions<R extends Rows>(
  rows: R,
  { bytes, littleEndian, offset }: OptionArea,
): readonly OptionsOf<R>[] {
  const options: Loose[] = [];
  const view = viewOf(bytes);
  let at = 0;
  while (at + 4 <= bytes.length) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === 0) break;
    if (at + 4 + length > bytes.length) throw tooLong(rows, code, length, offset + at);
    options.push(readOne(rows, code, bytes.subarray(at + 4, at + 4 + length), littleEndian));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return options as unknown as readonly OptionsOf<R>[];
}

function readOne(rows: Rows, code: number, bytes: Uint8Array, little: boolean): Loose {
  const row = Object.entries(rows).find(([, [known]]) => known === code);
  const value = row ? decodeValue(row[1][1], bytes, little) : null;
  if (row && value !== null && equalBytes(encodeValue(row[1][1], value, little), bytes)) return { kind: row[0], value };
  return { kind: "unknown", code, value: bytes.slice() };
}

function tooLong(rows: Rows, code: number, length: number, offset: number): Error {
  const option = Object.keys(rows).find((name) => rows[name]?.[0] === code) ?? `number ${code}`;
  const parameters = { option, length, expected: "at most what is left of its block" };
  return xdpkitError("PCAPNG_OPTION", parameters, { at: { kind: "byte", offset } });
}

/** The options and their end mark; nothing when there are none. Throws PCAPNG_OPTION above 65535 bytes. */
export function writeOptions<R extends Rows>(
  rows: R,
  options: readonly OptionsOf<R>[],
  littleEndian: boolean,
): Uint8Array {
  const writer = new ByteWriter(littleEndian);
  for (const option of options as readonly unknown[] as readonly Loose[]) {
    const row = rows[option.kind];
    const value = row ? encodeValue(row[1], option.value, littleEndian) : (option.value as Uint8Array);
    if (value.length > 0xffff) throw unwritable(option.kind, value.length);
    writer
      .u16(row ? row[0] : (option.code ?? 0))
      .u16(value.length)
      .bytes(value)
      .align(4);
  }
  return options.length === 0 ? writer.finish() : writer.u16(0).u16(0).finish();
}

function unwritable(option: string, length: number): Error {
  return xdpkitError(
    "PCAPNG_OPTION",
    { option, length, expected: "at most 65535" },
    { at: { kind: "path", path: `$.${option}` } },
  );
}

/** The values of all options of a kind, in order. */
export function valuesOf<O extends { readonly kind: string; readonly value: unknown }, K extends O["kind"]>(
  options: readonly O[],
  kind: K,
): readonly Extract<O, { readonly kind: K }>["value"][] {
  return options.filter((option) => option.kind === kind).map((option) => option.value) as never;
}
