/**
 * ELF64 as far as BPF objects use it (System V ABI, chapter 4): sections, symbols, relocations; both byte orders.
 *
 * Invariant: all offsets, indices and counts of an `ElfFile` were checked against the file, and no two sections share
 * bytes, so that reading each section once costs no more than the file's length.
 */
import { ByteReader, type ShortRead, xdpkitError } from "../base/index.ts";

export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
const SHT_RELA = 4;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
export const SHF_WRITE = 1;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;
const SHN_XINDEX = 0xffff;
export const EM_BPF = 247;

export const SYMBOL_KINDS = ["notype", "object", "function", "section", "file"] as const;
export const SYMBOL_BINDINGS = ["local", "global", "weak"] as const;

/** Bytes of the structures of ELF64. */
export const EHDR_SIZE = 64;
export const SHDR_SIZE = 64;
export const SYM_SIZE = 24;
export const REL_SIZE = 16;
const RELA_SIZE = 24;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** In the file. */
  readonly offset: number;
  readonly size: number;
  /** Empty for SHT_NOBITS. */
  readonly bytes: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

export interface ElfSymbol {
  readonly name: string;
  readonly kind: (typeof SYMBOL_KINDS)[number] | "other";
  readonly binding: (typeof SYMBOL_BINDINGS)[number] | "other";
  /** Section index; 0 is undefined, 0xfff1 absolute. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
  /** Where the symbol stands in the file. */
  readonly at: number;
}

export interface ElfRelocation {
  /** In the section that is relocated. */
  readonly offset: number;
  readonly symbol: ElfSymbol;
  /** R_BPF_* */
  readonly kind: number;
  /** Null when the addend stands in the section (SHT_REL). */
  readonly addend: number | null;
  /** Where the relocation stands in the file. */
  readonly at: number;
}

export interface ElfFile {
  readonly littleEndian: boolean;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** Relocations of a section by its index, ordered as in the file. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

const place = (offset: number) => ({ at: { kind: "byte", offset } }) as const;

const truncated =
  (what: string): ShortRead =>
  ({ offset, need, have }) =>
    xdpkitError("OBJECT_TRUNCATED", { what, need, have }, place(offset));

/** @throws OBJECT_* at the byte that is wrong */
export function parseElf(bytes: Uint8Array): ElfFile {
  const reader = openElf(bytes);
  const { headers, namesIndex } = readHeaders(reader);
  const sections = nameSections(bytes, headers, namesIndex);
  checkOverlap(sections);
  const symbols = readSymbols(sections, reader.littleEndian);
  return {
    littleEndian: reader.littleEndian,
    sections,
    symbols,
    relocations: readRelocations(sections, symbols, reader.littleEndian),
  };
}

function openElf(bytes: Uint8Array): ByteReader {
  const magic = Array.from(bytes.subarray(0, 4));
  if (String.fromCharCode(...magic) !== "\x7fELF") {
    const found = magic.length === 0 ? "nothing" : magic.map((byte) => `0x${byte.toString(16)}`).join(" ");
    throw xdpkitError("OBJECT_NOT_ELF", { found }, place(0));
  }
  const reader = new ByteReader(bytes, { littleEndian: true, short: truncated("the ELF header") });
  reader.step(4);
  const [elfClass, data] = [reader.u8(), reader.u8()];
  if (elfClass !== 2) throw notBpf("the class", elfClass, "2 (64 bits)", 4);
  if (data !== 1 && data !== 2) throw notBpf("the byte order", data, "1 or 2", 5);
  reader.littleEndian = data === 1;
  reader.step(10);
  const [type, machine] = [reader.u16(), reader.u16()];
  if (type !== 1) throw notBpf("the file type", type, "1 (relocatable)", 16);
  if (machine !== EM_BPF && machine !== 0) throw notBpf("the machine", machine, "247 (BPF)", 18);
  return reader;
}

function notBpf(what: string, found: number, expected: string, at: number) {
  return xdpkitError("OBJECT_NOT_BPF", { what, found, expected }, place(at));
}

interface Header extends Omit<ElfSection, "name" | "bytes"> {
  readonly nameOffset: number;
  /** Of the header itself. */
  readonly at: number;
}

/** A 64-bit offset or size; larger than any file it is refused where it is used. */
function size64(reader: ByteReader): number {
  return Number(reader.u64());
}

function readHeaders(reader: ByteReader): { headers: Header[]; namesIndex: number } {
  reader.offset = 0x28;
  const table = size64(reader);
  reader.step(10);
  const [entrySize, count, namesIndex] = [reader.u16(), reader.u16(), reader.u16()];
  const at = (index: number) => table + index * SHDR_SIZE;
  if (entrySize !== SHDR_SIZE) throw notBpf("the size of a section header", entrySize, `${SHDR_SIZE}`, 0x3a);
  const seek = (offset: number, need: number) => {
    const have = Math.max(0, reader.bytes.length - offset);
    if (need > have) throw truncated("the section table")({ offset: 0x28, need, have });
    reader.offset = offset;
  };
  seek(table, SHDR_SIZE);
  const first = readHeader(reader, 0);
  const total = count === 0 ? first.size : count;
  seek(table, total * SHDR_SIZE);
  const headers = Array.from({ length: total }, (_, index) => {
    reader.offset = at(index);
    return readHeader(reader, index);
  });
  return { headers, namesIndex: namesIndex === SHN_XINDEX ? first.link : namesIndex };
}

function readHeader(reader: ByteReader, index: number): Header {
  const at = reader.offset;
  const [nameOffset, type, flags] = [reader.u32(), reader.u32(), size64(reader)];
  reader.step(8);
  const [offset, size, link, info] = [size64(reader), size64(reader), reader.u32(), reader.u32()];
  reader.step(8);
  return { index, nameOffset, type, flags, offset, size, link, info, entrySize: size64(reader), at };
}

const latin = new TextDecoder();

/** A zero-terminated name of a string table. */
function stringAt(table: Uint8Array, offset: number, at: number): string {
  const end = offset < table.length ? table.indexOf(0, offset) : -1;
  if (end < 0) throw xdpkitError("OBJECT_STRING", { offset, length: table.length }, place(at));
  return latin.decode(table.subarray(offset, end));
}

function nameSections(bytes: Uint8Array, headers: readonly Header[], namesIndex: number): ElfSection[] {
  const contents = headers.map((header) => sectionBytes(bytes, header));
  const names = contents[namesIndex];
  if (!names)
    throw xdpkitError("OBJECT_INDEX", { what: "section", index: namesIndex, count: headers.length }, place(0x3e));
  return headers.map(({ nameOffset, at, ...header }, index) => ({
    ...header,
    name: index === 0 ? "" : stringAt(names, nameOffset, at),
    bytes: contents[index] as Uint8Array,
  }));
}

function sectionBytes(bytes: Uint8Array, { type, offset, size, at }: Header): Uint8Array {
  if (type === SHT_NOBITS || type === 0) return bytes.subarray(0, 0);
  const have = Math.max(0, bytes.length - offset);
  if (size > have) throw truncated("a section")({ offset: at, need: size, have });
  return bytes.subarray(offset, offset + size);
}

function checkOverlap(sections: readonly ElfSection[]): void {
  const ordered = sections.filter((section) => section.bytes.length > 0).sort((a, b) => a.offset - b.offset);
  for (const [index, section] of ordered.entries()) {
    const before = ordered[index - 1];
    if (!before || before.offset + before.size <= section.offset) continue;
    throw xdpkitError("OBJECT_OVERLAP", { first: before.name, second: section.name }, place(section.offset));
  }
}

function sectionOf(sections: readonly ElfSection[], index: number, at: number): ElfSection {
  const section = sections[index];
  if (section) return section;
  throw xdpkitError("OBJECT_INDEX", { what: "section", index, count: sections.length }, place(at));
}

function tableReader(section: ElfSection, littleEndian: boolean): ByteReader {
  const short = truncated(`section ${section.name}`);
  return new ByteReader(section.bytes, { littleEndian, base: section.offset, short });
}

function readSymbols(sections: readonly ElfSection[], littleEndian: boolean): ElfSymbol[] {
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (!table) return [];
  const names = sectionOf(sections, table.link, table.offset).bytes;
  const reader = tableReader(table, littleEndian);
  const symbols: ElfSymbol[] = [];
  while (reader.remaining > 0) {
    const at = reader.base + reader.offset;
    const [nameOffset, info] = [reader.u32(), reader.u8()];
    reader.step(1);
    const section = reader.u16();
    const kind = SYMBOL_KINDS[info & 15] ?? "other";
    const own = kind === "section" ? sections[section]?.name : undefined;
    const name = own ?? (nameOffset === 0 ? "" : stringAt(names, nameOffset, at));
    const binding = SYMBOL_BINDINGS[info >> 4] ?? "other";
    symbols.push({ name, kind, binding, section, value: size64(reader), size: size64(reader), at });
  }
  return symbols;
}

function readRelocations(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
  littleEndian: boolean,
): ReadonlyMap<number, readonly ElfRelocation[]> {
  const relocations = new Map<number, ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== SHT_REL && section.type !== SHT_RELA) continue;
    sectionOf(sections, section.info, section.offset);
    const rows = relocations.get(section.info) ?? [];
    relocations.set(section.info, rows);
    const reader = tableReader(section, littleEndian);
    while (reader.remaining > 0) rows.push(readRelocation(reader, symbols, section.type === SHT_RELA));
  }
  return relocations;
}

function readRelocation(reader: ByteReader, symbols: readonly ElfSymbol[], hasAddend: boolean): ElfRelocation {
  const at = reader.base + reader.step(hasAddend ? RELA_SIZE : REL_SIZE);
  reader.offset = at - reader.base;
  const offset = size64(reader);
  const info = reader.u64();
  const [index, kind] = [Number(info >> 32n), Number(info & 0xffff_ffffn)];
  const addend = hasAddend ? Number(BigInt.asIntN(64, reader.u64())) : null;
  const symbol = symbols[index];
  if (!symbol) throw xdpkitError("OBJECT_INDEX", { what: "symbol", index, count: symbols.length }, place(at));
  return { offset, symbol, kind, addend, at };
}
