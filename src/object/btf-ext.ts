/**
 * `.BTF.ext` (Documentation/bpf/btf.rst, section 3): which function, source line and CO-RE relocation belongs to which
 * instruction. Offsets count bytes of an ELF section.
 *
 *   magic, version, flags, header length | func_info | line_info | core_relo (offset and length each)
 *   each: record size | section name, count, records … | …
 *
 * Invariant: records longer than the known ones are taken, with the rest left out, as libbpf does.
 */
import { ByteReader, concatBytes, type ShortRead, xdpkitError } from "../base/index.ts";
import type { StringSection, StringTable } from "../btf/index.ts";
import { CORE_KINDS, type CoreKind } from "./bpf-object.ts";

export interface FunctionRow {
  readonly offset: number;
  readonly type: number;
}

export interface LineRow {
  readonly offset: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export interface CoreRow {
  readonly offset: number;
  readonly type: number;
  readonly access: string;
  readonly kind: CoreKind;
}

/** Rows by the name of the ELF section that they describe. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly FunctionRow[]>;
  readonly lines: ReadonlyMap<string, readonly LineRow[]>;
  readonly relocations: ReadonlyMap<string, readonly CoreRow[]>;
}

const MAGIC = 0xeb9f;
const HEADER_LENGTH = 32;
/** Bytes of the known records. */
const FUNCTION_SIZE = 8;
const LINE_SIZE = 16;
const CORE_SIZE = 16;
/** Line and column share a word. */
const COLUMN_BITS = 10;
const COLUMN_MASK = (1 << COLUMN_BITS) - 1;

const short: ShortRead = ({ offset, need, have }) =>
  xdpkitError("OBJECT_TRUNCATED", { what: "section .BTF.ext", need, have }, { at: { kind: "byte", offset } });

function problem(text: string, offset: number) {
  return xdpkitError("OBJECT_BTF_EXT", { problem: text }, { at: { kind: "byte", section: ".BTF.ext", offset } });
}

/** @throws OBJECT_BTF_EXT, OBJECT_TRUNCATED, BTF_NAME */
export function readBtfExt(
  bytes: Uint8Array,
  strings: StringSection,
  options: { littleEndian: boolean; base: number },
): BtfExt {
  const reader = new ByteReader(bytes, { ...options, short });
  const magic = reader.u16();
  if (magic !== MAGIC) throw problem(`it begins with 0x${magic.toString(16)} instead of 0xeb9f`, options.base);
  reader.step(2);
  const headerLength = reader.u32();
  const part = (at: number): ByteReader | null => {
    if (at + 8 > headerLength) return null;
    reader.offset = at;
    const [offset, length] = [reader.u32(), reader.u32()];
    reader.offset = Math.min(bytes.length, headerLength + offset);
    return new ByteReader(reader.take(length), { ...options, short, base: options.base + headerLength + offset });
  };
  const name = (from: ByteReader) => {
    const at = from.base + from.offset;
    return strings.read(from.u32(), at);
  };
  return {
    functions: readPart(part(8), name, FUNCTION_SIZE, (row) => ({ offset: row.u32(), type: row.u32() })),
    lines: readPart(part(16), name, LINE_SIZE, (row) => {
      const [offset, file, text, word] = [row.u32(), name(row), name(row), row.u32()];
      return { offset, file, text, line: word >>> COLUMN_BITS, column: word & COLUMN_MASK };
    }),
    relocations: readPart(part(24), name, CORE_SIZE, (row) => readCore(row, name)),
  };
}

function readCore(row: ByteReader, name: (from: ByteReader) => string): CoreRow {
  const at = row.base + row.offset;
  const [offset, type, access, number] = [row.u32(), row.u32(), name(row), row.u32()];
  const kind = CORE_KINDS[number];
  if (!kind) throw problem(`CO-RE kind ${number} is not known`, at + 12);
  return { offset, type, access, kind };
}

/** One of the three parts: a record size, then for each ELF section its name and its records. */
function readPart<T>(
  reader: ByteReader | null,
  name: (from: ByteReader) => string,
  knownSize: number,
  readRow: (row: ByteReader) => T,
): ReadonlyMap<string, readonly T[]> {
  const bySection = new Map<string, T[]>();
  if (!reader || reader.remaining === 0) return bySection;
  const size = reader.u32();
  if (size < knownSize || size % 4 !== 0) throw problem(`records of ${size} bytes`, reader.base);
  while (reader.remaining > 0) {
    const section = name(reader);
    const rows = bySection.get(section) ?? [];
    bySection.set(section, rows);
    const count = reader.u32();
    reader.step(count * size);
    reader.offset -= count * size;
    for (let i = 0; i < count; i++) {
      const next = reader.offset + size;
      rows.push(readRow(reader));
      reader.offset = next;
    }
  }
  return bySection;
}

/** Little-endian bytes; names go into the string table of `.BTF`. Parts without rows have length 0. */
export function writeBtfExt(ext: BtfExt, strings: StringTable): Uint8Array {
  const parts = [
    writePart(ext.functions, FUNCTION_SIZE, strings, (row) => [row.offset, row.type]),
    writePart(ext.lines, LINE_SIZE, strings, (row) => [
      row.offset,
      strings.add(row.file),
      strings.add(row.text),
      (row.line << COLUMN_BITS) | row.column,
    ]),
    writePart(ext.relocations, CORE_SIZE, strings, (row) => [
      row.offset,
      row.type,
      strings.add(row.access),
      CORE_KINDS.indexOf(row.kind),
    ]),
  ];
  const header = [MAGIC | (1 << 16), HEADER_LENGTH];
  let offset = 0;
  for (const part of parts) {
    header.push(offset, part.length);
    offset += part.length;
  }
  return concatBytes(words(header), ...parts);
}

function writePart<T>(
  rows: ReadonlyMap<string, readonly T[]>,
  size: number,
  strings: StringTable,
  fields: (row: T) => number[],
): Uint8Array {
  const filled = [...rows].filter(([, list]) => list.length > 0);
  if (filled.length === 0) return new Uint8Array(0);
  const values = filled.flatMap(([section, list]) => [strings.add(section), list.length, ...list.flatMap(fields)]);
  return words([size, ...values]);
}

function words(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return new Uint8Array(view.buffer);
}
