/** Symbols of an ELF file by section, and the sections of a BPF object by their role. */
import type { ElfFile, ElfSection, ElfSymbol } from "./elf.ts";
import { SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS } from "./elf.ts";

/** `.rodata`, `.rodata.str1.1`, `.data.counters`, `.bss`: sections that become maps of global data. */
const DATA_SECTION = /^\.(rodata|data|bss)(\.|$)/;

export function isProgramSection(section: ElfSection): boolean {
  return section.type === SHT_PROGBITS && (section.flags & SHF_EXECINSTR) !== 0 && section.size > 0;
}

export function isDataSection(section: ElfSection): boolean {
  const hasContents = section.type === SHT_PROGBITS || section.type === SHT_NOBITS;
  return hasContents && (section.flags & SHF_ALLOC) !== 0 && section.size > 0 && DATA_SECTION.test(section.name);
}

/** Data with a name that no loader knows, and no part of the object's description. */
export function isOtherSection(section: ElfSection): boolean {
  const { type, flags, name, size } = section;
  const known = ["maps", ".maps", "license", "version", ".ksyms", ".kconfig", ".kconfig.str"].includes(name);
  const code = (flags & SHF_EXECINSTR) !== 0;
  return type === SHT_PROGBITS && (flags & SHF_ALLOC) !== 0 && !code && size > 0 && !known && !DATA_SECTION.test(name);
}

export function isReadOnly(section: ElfSection): boolean {
  return section.name.startsWith(".rodata");
}

/** By file, so that a file of many sections is not searched for each of them. */
const grouped = new WeakMap<ElfFile, ReadonlyMap<number, ElfSymbol[]>>();

/** Named symbols of a section in the order of their value; section and file symbols left out. */
export function symbolsOf(elf: ElfFile, section: ElfSection): readonly ElfSymbol[] {
  const groups = grouped.get(elf) ?? groupSymbols(elf);
  grouped.set(elf, groups);
  return groups.get(section.index) ?? [];
}

function groupSymbols(elf: ElfFile): ReadonlyMap<number, ElfSymbol[]> {
  const groups = new Map<number, ElfSymbol[]>();
  for (const symbol of elf.symbols) {
    if (symbol.name === "" || !isNamed(symbol)) continue;
    const group = groups.get(symbol.section) ?? [];
    groups.set(symbol.section, group);
    group.push(symbol);
  }
  for (const group of groups.values()) group.sort((a, b) => a.value - b.value || compareText(a.name, b.name));
  return groups;
}

function isNamed(symbol: ElfSymbol): boolean {
  return symbol.kind === "notype" || symbol.kind === "object" || symbol.kind === "function";
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** C's `static` is a local symbol. */
export function linkageOf(symbol: ElfSymbol): "global" | "static" | "weak" {
  if (symbol.binding === "weak") return "weak";
  return symbol.binding === "local" ? "static" : "global";
}
