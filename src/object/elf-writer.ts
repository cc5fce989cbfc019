/**
 * Lays out an ELF64 relocatable file: sections, symbols, relocations (System V ABI, chapter 4). Little endian.
 *
 *   header | contents of sections, aligned | section headers
 *
 * Invariant: local symbols stand before all others, as the ABI demands, and otherwise in the order of their calls.
 */
import { alignUp } from "../base/index.ts";
import { StringTable } from "../btf/index.ts";
import {
  EHDR_SIZE,
  EM_BPF,
  REL_SIZE,
  SHDR_SIZE,
  SHT_NOBITS,
  SHT_REL,
  SHT_STRTAB,
  SHT_SYMTAB,
  SYM_SIZE,
  SYMBOL_BINDINGS,
  SYMBOL_KINDS,
} from "./elf.ts";

const SHF_INFO_LINK = 0x40;

export interface SectionDraft {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  /** Bytes, a power of two. */
  readonly alignment: number;
}

export interface SymbolDraft {
  readonly name: string;
  readonly kind: (typeof SYMBOL_KINDS)[number];
  readonly binding: (typeof SYMBOL_BINDINGS)[number];
  /** What `addSection` returned; 0 is undefined. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

export interface RelocationDraft {
  readonly offset: number;
  readonly symbol: SymbolDraft;
  readonly kind: number;
}

interface Row extends SectionDraft {
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

const NULL_SYMBOL: SymbolDraft = { name: "", kind: "notype", binding: "local", section: 0, value: 0, size: 0 };

export class ElfWriter {
  readonly #sections: Row[] = [];
  readonly #symbols: SymbolDraft[] = [NULL_SYMBOL];
  readonly #relocations: { readonly section: number; readonly rows: readonly RelocationDraft[] }[] = [];

  /** The index of the section, from 1. */
  addSection(section: SectionDraft): number {
    this.#sections.push({ ...section, link: 0, info: 0, entrySize: 0 });
    return this.#sections.length;
  }

  /** Contents that were not known yet when the section was added. */
  fillSection(index: number, bytes: Uint8Array): void {
    const section = this.#sections[index - 1];
    if (section) this.#sections[index - 1] = { ...section, bytes };
  }

  addSymbol(symbol: SymbolDraft): SymbolDraft {
    this.#symbols.push(symbol);
    return symbol;
  }

  addRelocations(section: number, rows: readonly RelocationDraft[]): void {
    if (rows.length > 0) this.#relocations.push({ section, rows });
  }

  write(): Uint8Array {
    const symbols = [...this.#symbols].sort((a, b) => Number(a.binding !== "local") - Number(b.binding !== "local"));
    const symbolTable = this.#sections.length + this.#relocations.length + 1;
    const names = new StringTable();
    const rows = [
      ...this.#sections,
      ...this.#relocations.map(({ section, rows: list }) =>
        this.#relocationSection(section, list, symbols, symbolTable),
      ),
      symbolSection(symbols, names, symbolTable + 1),
    ];
    const strings: Row = { ...plain(".strtab", SHT_STRTAB, new Uint8Array(), 1) };
    for (const { name } of [...rows, strings]) names.add(name);
    return assemble([...rows, { ...strings, bytes: names.bytes }], names);
  }

  #relocationSection(
    section: number,
    list: readonly RelocationDraft[],
    symbols: readonly SymbolDraft[],
    symbolTable: number,
  ): Row {
    const view = new DataView(new ArrayBuffer(REL_SIZE * list.length));
    const indices = new Map(symbols.map((symbol, index) => [symbol, index]));
    for (const [i, { offset, symbol, kind }] of list.entries()) {
      view.setBigUint64(REL_SIZE * i, BigInt(offset), true);
      view.setUint32(REL_SIZE * i + 8, kind, true);
      view.setUint32(REL_SIZE * i + 12, indices.get(symbol) ?? 0, true);
    }
    const name = `.rel${this.#sections[section - 1]?.name ?? ""}`;
    const row = plain(name, SHT_REL, new Uint8Array(view.buffer), 8);
    return { ...row, flags: SHF_INFO_LINK, link: symbolTable, info: section, entrySize: REL_SIZE };
  }
}

function plain(name: string, type: number, bytes: Uint8Array, alignment: number): Row {
  return { name, type, flags: 0, bytes, alignment, link: 0, info: 0, entrySize: 0 };
}

function symbolSection(symbols: readonly SymbolDraft[], names: StringTable, strings: number): Row {
  const view = new DataView(new ArrayBuffer(SYM_SIZE * symbols.length));
  for (const [i, symbol] of symbols.entries()) {
    const at = SYM_SIZE * i;
    view.setUint32(at, symbol.kind === "section" ? 0 : names.add(symbol.name), true);
    view.setUint8(at + 4, (SYMBOL_BINDINGS.indexOf(symbol.binding) << 4) | SYMBOL_KINDS.indexOf(symbol.kind));
    view.setUint16(at + 6, symbol.section, true);
    view.setBigUint64(at + 8, BigInt(symbol.value), true);
    view.setBigUint64(at + 16, BigInt(symbol.size), true);
  }
  const locals = symbols.filter((symbol) => symbol.binding === "local").length;
  const row = plain(".symtab", SHT_SYMTAB, new Uint8Array(view.buffer), 8);
  return { ...row, link: strings, info: locals, entrySize: SYM_SIZE };
}

/** The last row is the string table of names. */
function assemble(rows: readonly Row[], names: StringTable): Uint8Array {
  const offsets: number[] = [];
  let end = EHDR_SIZE;
  for (const row of rows) {
    const offset = alignUp(end, row.alignment);
    offsets.push(offset);
    end = offset + (row.type === SHT_NOBITS ? 0 : row.bytes.length);
  }
  const table = alignUp(end, 8);
  const file = new Uint8Array(table + SHDR_SIZE * (rows.length + 1));
  const view = new DataView(file.buffer);
  writeHeader(file, view, table, rows.length + 1);
  for (const [i, row] of rows.entries()) {
    const offset = offsets[i] ?? 0;
    if (row.type !== SHT_NOBITS) file.set(row.bytes, offset);
    writeSectionHeader(view, table + SHDR_SIZE * (i + 1), row, offset, names.add(row.name));
  }
  return file;
}

function writeHeader(file: Uint8Array, view: DataView, table: number, sections: number): void {
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 1, true);
  view.setUint16(18, EM_BPF, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(table), true);
  view.setUint16(52, EHDR_SIZE, true);
  view.setUint16(58, SHDR_SIZE, true);
  view.setUint16(60, sections, true);
  view.setUint16(62, sections - 1, true);
}

function writeSectionHeader(view: DataView, at: number, row: Row, offset: number, name: number): void {
  view.setUint32(at, name, true);
  view.setUint32(at + 4, row.type, true);
  view.setBigUint64(at + 8, BigInt(row.flags), true);
  view.setBigUint64(at + 24, BigInt(offset), true);
  view.setBigUint64(at + 32, BigInt(row.bytes.length), true);
  view.setUint32(at + 40, row.link, true);
  view.setUint32(at + 44, row.info, true);
  view.setBigUint64(at + 48, BigInt(row.alignment), true);
  view.setBigUint64(at + 56, BigInt(row.entrySize), true);
}
