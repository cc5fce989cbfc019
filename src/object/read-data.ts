/**
 * Sections of global data (`.rodata*`, `.data*`, `.bss*`) as array maps of one value, as libbpf makes them, and the
 * BTF `section` types, whose sizes and offsets the compiler leaves to the linker.
 *
 * Invariant: a variable's offset plus size never passes its section.
 */
import { xdpkitError } from "../base/index.ts";
import type { Btf, BtfType, TypeId } from "../btf/index.ts";
import type { BpfMap, GlobalData, GlobalVariable } from "./bpf-object.ts";
import { type ElfFile, type ElfSection, type ElfSymbol, SHF_WRITE, SHT_NOBITS } from "./elf.ts";
import { compareText, isDataSection, isOtherSection, isReadOnly, linkageOf, symbolsOf } from "./elf-symbols.ts";

/** include/uapi/linux/bpf.h */
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_RDONLY_PROG = 1 << 7;
const BPF_F_MMAPABLE = 1 << 10;

/** Bytes that one object may have in sections without contents in the file, such as `.bss`: they cost a file nothing. */
export const MAX_DATA_BYTES = 64 << 20;

/** @throws OBJECT_LIMIT */
export function checkDataSize(what: string, value: number): void {
  if (value > MAX_DATA_BYTES) throw xdpkitError("OBJECT_LIMIT", { what, value, limit: MAX_DATA_BYTES });
}

type SectionType = Extract<BtfType, { kind: "section" }>;

/** Data maps in the order of their sections. @throws OBJECT_LIMIT */
export function readDataMaps(elf: ElfFile, btf: Btf | undefined): BpfMap[] {
  const sections = elf.sections.filter(isDataSection);
  const total = sections.reduce((sum, section) => sum + section.size, 0);
  checkDataSize("global data in bytes", total);
  const types = sectionTypes(btf);
  return sections.map((section) => readDataMap(elf, section, btf, types.get(section.name)));
}

/** Sections of data that become no maps. @throws OBJECT_LIMIT */
export function readOtherSections(elf: ElfFile, btf: Btf | undefined): GlobalData[] {
  const types = sectionTypes(btf);
  return elf.sections.filter(isOtherSection).map((section) => {
    const type = types.get(section.name);
    const variables = readVariables(elf, section, btf, type);
    const readOnly = (section.flags & SHF_WRITE) === 0;
    const typed = type === undefined ? {} : { type };
    return { section: section.name, readOnly, bytes: new Uint8Array(section.bytes), variables, ...typed };
  });
}

/** Relocations of a data section, which no loader applies (libbpf skips `.rel.rodata`). */
function addressesIn(elf: ElfFile, section: ElfSection): NonNullable<GlobalData["addresses"]> {
  return (elf.relocations.get(section.index) ?? []).map(({ offset, symbol }) => ({
    offset,
    target: symbol.name || elf.sections[symbol.section]?.name || "something",
  }));
}

function sectionTypes(btf: Btf | undefined): ReadonlyMap<string, TypeId> {
  const types = new Map<string, TypeId>();
  for (const [id, type] of btf?.types.entries() ?? []) {
    if (type.kind === "section" && !types.has(type.name)) types.set(type.name, id);
  }
  return types;
}

function readDataMap(elf: ElfFile, section: ElfSection, btf: Btf | undefined, type: TypeId | undefined): BpfMap {
  const readOnly = isReadOnly(section);
  const variables = readVariables(elf, section, btf, type);
  const flags = (readOnly ? BPF_F_RDONLY_PROG : 0) | (isMappable(btf, type) ? BPF_F_MMAPABLE : 0);
  const bytes = section.type === SHT_NOBITS ? new Uint8Array(section.size) : new Uint8Array(section.bytes);
  const typed = type === undefined ? {} : { type };
  const addresses = addressesIn(elf, section);
  return {
    name: section.name,
    style: "data",
    type: BPF_MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags,
    pinByName: false,
    ...(type === undefined ? {} : { valueType: type }),
    data: {
      section: section.name,
      readOnly,
      bytes,
      variables,
      ...(addresses.length > 0 ? { addresses } : {}),
      ...typed,
    },
  };
}

/** libbpf: user space maps the value when it holds a variable that is not static. */
function isMappable(btf: Btf | undefined, id: TypeId | undefined): boolean {
  const section = id === undefined ? undefined : btf?.types[id];
  if (section?.kind !== "section") return false;
  return section.variables.some((row) => {
    const variable = btf?.types[row.type];
    return variable?.kind === "variable" && variable.linkage !== "static";
  });
}

function readVariables(
  elf: ElfFile,
  section: ElfSection,
  btf: Btf | undefined,
  id: TypeId | undefined,
): GlobalVariable[] {
  const types = variableTypes(btf, id);
  return symbolsOf(elf, section)
    .filter((symbol) => symbol.kind === "object" || symbol.binding !== "local")
    .map((symbol) => {
      if (symbol.value + symbol.size > section.size) throw outside(symbol, section);
      const type = types.get(symbol.name);
      const typed = type === undefined ? {} : { type };
      return {
        name: symbol.name,
        offset: symbol.value,
        size: symbol.size,
        linkage: linkageOf(symbol),
        ...typed,
      };
    });
}

function outside(symbol: ElfSymbol, section: ElfSection) {
  const problem = {
    what: `variable ${symbol.name} of section ${section.name}`,
    need: symbol.value + symbol.size,
    have: section.size,
  };
  return xdpkitError("OBJECT_TRUNCATED", problem, { at: { kind: "byte", offset: symbol.at, section: section.name } });
}

/** Variable name to the type of its value. */
function variableTypes(btf: Btf | undefined, id: TypeId | undefined): ReadonlyMap<string, TypeId> {
  const section = id === undefined ? undefined : btf?.types[id];
  const types = new Map<string, TypeId>();
  if (section?.kind !== "section") return types;
  for (const row of section.variables) {
    const variable = btf?.types[row.type];
    if (variable?.kind === "variable") types.set(variable.name, variable.type);
  }
  return types;
}

/** BTF with the sizes of sections, and the offsets of their global variables, from the symbol table. */
export function completeSectionTypes(btf: Btf, elf: ElfFile): Btf {
  const sized = elf.sections.filter((section) => section.type !== SHT_NOBITS || isDataSection(section));
  const sections = new Map(sized.map((section) => [section.name, section]));
  const types = btf.types.map((type) => {
    const section = type.kind === "section" ? sections.get(type.name) : undefined;
    return type.kind === "section" && section ? completeSection(btf, elf, type, section) : type;
  });
  return { types };
}

function completeSection(btf: Btf, elf: ElfFile, type: SectionType, section: ElfSection): BtfType {
  const symbols = symbolsOf(elf, section).filter((symbol) => symbol.binding !== "local");
  const offsets = new Map(symbols.map((symbol) => [symbol.name, symbol.value]));
  const nameOf = (id: TypeId) => {
    const variable = btf.types[id];
    return variable?.kind === "variable" ? variable.name : "";
  };
  const variables = type.variables
    .map((row) => ({ ...row, offset: offsets.get(nameOf(row.type)) ?? row.offset }))
    .sort((a, b) => a.offset - b.offset || compareText(nameOf(a.type), nameOf(b.type)));
  return { ...type, size: section.size, variables };
}
