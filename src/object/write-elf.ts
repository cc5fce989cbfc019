/**
 * BpfObject to an ELF object that libbpf, bpftool, iproute2 and cilium/ebpf load: the reverse of read-elf.ts.
 *
 * Sections: programs in the order of their functions, data, `.maps`, `license`, `version`, `.BTF`, `.BTF.ext`.
 * Invariant: `readElf(writeElf(o))` is `o` when `o` came from `readElf` (legacy maps kept).
 */
import { xdpkitError } from "../base/index.ts";
import { addBtfNames, type Btf, StringTable, writeBtfSection } from "../btf/index.ts";
import { encode, slotsOf } from "../isa/index.ts";
import type { BpfExtern, BpfFunction, BpfMap, BpfObject, GlobalData } from "./bpf-object.ts";
import { type BtfExt, type CoreRow, type FunctionRow, type LineRow, writeBtfExt } from "./btf-ext.ts";
import { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS, SHT_PROGBITS } from "./elf.ts";
import { ElfWriter, type RelocationDraft, type SectionDraft, type SymbolDraft } from "./elf-writer.ts";
import type { PlacedMap } from "./read-btf-maps.ts";
import { checkDataSize } from "./read-data.ts";
import { writeLegacyMaps } from "./write-legacy-maps.ts";
import { completeMapTypes, type MapTypes } from "./write-map-types.ts";
import { type Anchor, type Anchors, writeReferences } from "./write-references.ts";

const R_BPF_64_ABS64 = 2;

/** What is declared anew. */
export interface WriteElfOptions {
  /** Maps of the time before BTF: declared anew by BTF, which libbpf 1.x demands, or kept. Default `btf`. */
  readonly legacyMaps?: "btf" | "keep";
}

/**
 * The bytes of an object file, little endian; the same object gives the same bytes.
 *
 * @throws OBJECT_BIG_ENDIAN, OBJECT_LIMIT, OBJECT_UNDEFINED for a reference to what is not there, ISA_FIELD_RANGE for an instruction that does not fit.
 */
export function writeElf(object: BpfObject, options: WriteElfOptions = {}): Uint8Array {
  if (object.bigEndian) throw xdpkitError("OBJECT_BIG_ENDIAN", {});
  const keepLegacy = options.legacyMaps === "keep";
  const elf = new ElfWriter();
  const legacy = object.maps.filter((map) => keepLegacy && map.style === "legacy");
  const declared = object.maps.filter((map) => map.style !== "data" && !legacy.includes(map));
  const types = completeMapTypes(object.btf, declared);
  const sections = placeFunctions(elf, object.functions);
  const functions = addProgramSymbols(elf, sections);
  const data = addData(elf, object.maps);
  for (const other of object.sections ?? []) addDataSection(elf, other);
  const maps = new Map([...addLegacyMaps(elf, object, legacy), ...addMaps(elf, types, functions)]);
  const externs = new Map(object.externs.map((extern) => [extern.name, elf.addSymbol(undefinedSymbol(extern))]));
  writePrograms(elf, sections, { functions, maps, data, externs });
  writeFacts(elf, object);
  writeTypes(elf, types?.btf ?? object.btf, sections);
  return elf.write();
}

interface PlacedFunction {
  readonly function: BpfFunction;
  /** Bytes from the start of the section. */
  readonly start: number;
}

interface ProgramSection {
  readonly name: string;
  readonly index: number;
  readonly functions: readonly PlacedFunction[];
}

/** Adds the sections still empty: their contents depend on symbols that lead into them. */
function placeFunctions(elf: ElfWriter, functions: readonly BpfFunction[]): ProgramSection[] {
  const names = [...new Set(functions.map(({ section }) => section))];
  return names.map((name) => {
    const draft = { name, type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(), alignment: 8 };
    const index = elf.addSection(draft);
    let start = 0;
    const placed = functions
      .filter(({ section }) => section === name)
      .map((function_) => {
        const row = { function: function_, start };
        start += sizeOfFunction(function_);
        return row;
      });
    return { name, index, functions: placed };
  });
}

function sizeOfFunction({ instructions }: BpfFunction): number {
  return instructions.reduce((sum, instruction) => sum + 8 * slotsOf(instruction), 0);
}

const bindingOf = (linkage: "global" | "static" | "weak") => (linkage === "static" ? "local" : linkage);

function sectionSymbol(elf: ElfWriter, section: number): SymbolDraft {
  return elf.addSymbol({ name: "", kind: "section", binding: "local", section, value: 0, size: 0 });
}

function addProgramSymbols(elf: ElfWriter, sections: readonly ProgramSection[]): Map<string, Anchor> {
  const anchors = new Map<string, Anchor>();
  for (const { index, functions } of sections) {
    const section = sectionSymbol(elf, index);
    for (const { function: function_, start } of functions) {
      const { name, linkage } = function_;
      const size = sizeOfFunction(function_);
      const place = { section: index, value: start, size };
      const symbol = elf.addSymbol({ name, kind: "function", binding: bindingOf(linkage), ...place });
      anchors.set(name, { section, symbol, offset: start });
      addLabels(elf, function_, index, start);
    }
  }
  return anchors;
}

function addLabels(elf: ElfWriter, { instructions, labels }: BpfFunction, section: number, start: number): void {
  for (const { name, instruction } of labels ?? []) {
    const value = start + 8 * instructions.slice(0, instruction).reduce((sum, row) => sum + slotsOf(row), 0);
    elf.addSymbol({ name, kind: "notype", binding: "local", section, value, size: 0 });
  }
}

function addData(elf: ElfWriter, maps: readonly BpfMap[]): Anchors["data"] {
  const anchors = new Map<string, { section: SymbolDraft; variables: SymbolDraft[] }>();
  for (const map of maps) {
    if (map.data) anchors.set(map.name, addDataSection(elf, map.data));
  }
  return anchors;
}

function addDataSection(elf: ElfWriter, data: GlobalData): { section: SymbolDraft; variables: SymbolDraft[] } {
  const index = elf.addSection(dataSection(data));
  const section = sectionSymbol(elf, index);
  const variables = data.variables.map(({ name, offset, size, linkage }) =>
    elf.addSymbol({ name, kind: "object", binding: bindingOf(linkage), section: index, value: offset, size }),
  );
  return { section, variables };
}

function dataSection({ section: name, bytes, readOnly }: GlobalData): SectionDraft {
  const type = /^\.bss(\.|$)/.test(name) ? SHT_NOBITS : SHT_PROGBITS;
  return { name, type, flags: SHF_ALLOC | (readOnly ? 0 : SHF_WRITE), bytes, alignment: 8 };
}

type MapAnchors = ReadonlyMap<string, Anchor>;

function addLegacyMaps(elf: ElfWriter, object: BpfObject, maps: readonly BpfMap[]): MapAnchors {
  if (maps.length === 0) return new Map();
  const { bytes, rowSize } = writeLegacyMaps(object, maps);
  const places = maps.map(({ name }, row) => ({ name, offset: row * rowSize, size: rowSize }));
  return addMapSection(elf, "maps", bytes, places).anchors;
}

function addMaps(elf: ElfWriter, types: MapTypes | null, functions: MapAnchors): MapAnchors {
  if (!types) return new Map();
  checkDataSize("section .maps in bytes", types.size);
  const places = [...types.places.values()];
  const rows = places.map(({ map, offset, size }) => ({ name: map.name, offset, size }));
  const { index, anchors } = addMapSection(elf, ".maps", new Uint8Array(types.size), rows);
  elf.addRelocations(
    index,
    places.flatMap((placed) => slotRelocations(placed, new Map([...functions, ...anchors]))),
  );
  return anchors;
}

function addMapSection(
  elf: ElfWriter,
  name: string,
  bytes: Uint8Array,
  rows: readonly { name: string; offset: number; size: number }[],
): { index: number; anchors: MapAnchors } {
  const flags = SHF_ALLOC | SHF_WRITE;
  const index = elf.addSection({ name, type: SHT_PROGBITS, flags, bytes, alignment: 8 });
  const section = sectionSymbol(elf, index);
  const anchors = rows.map(({ name: map, offset, size }): [string, Anchor] => {
    const place = { section: index, value: offset, size };
    return [
      map,
      { section, offset, symbol: elf.addSymbol({ name: map, kind: "object", binding: "global", ...place }) },
    ];
  });
  return { index, anchors: new Map(anchors) };
}

/** Static contents of map-in-map and program arrays. */
function slotRelocations({ map, offset, valuesOffset = 0 }: PlacedMap, targets: MapAnchors): RelocationDraft[] {
  return (map.slots ?? []).map(({ index, target }) => {
    const symbol = targets.get(target)?.symbol;
    if (!symbol) throw xdpkitError("OBJECT_UNDEFINED", { kind: "slot target", name: target, by: map.name });
    return { offset: offset + valuesOffset + 8 * index, symbol, kind: R_BPF_64_ABS64 };
  });
}

function undefinedSymbol({ name, weak }: BpfExtern): SymbolDraft {
  return { name, kind: "notype", binding: weak ? "weak" : "global", section: 0, value: 0, size: 0 };
}

function writePrograms(elf: ElfWriter, sections: readonly ProgramSection[], anchors: Anchors): void {
  for (const { index, functions } of sections) {
    const written = functions.map((placed) => writeReferences(placed.function, anchors));
    elf.fillSection(index, encode(written.flatMap(({ instructions }) => instructions)));
    elf.addRelocations(
      index,
      written.flatMap(({ relocations }) => relocations),
    );
  }
}

/** `license` and `version`, as long as BTF says they are. */
function writeFacts(elf: ElfWriter, { license, kernelVersion, btf }: BpfObject): void {
  const text = new TextEncoder().encode(license === "" ? "" : `${license}\0`);
  writeFact(elf, btf, "license", text);
  if (kernelVersion === undefined) return;
  const version = new DataView(new ArrayBuffer(4));
  version.setUint32(0, kernelVersion, true);
  writeFact(elf, btf, "version", new Uint8Array(version.buffer));
}

/** A section with a symbol for each variable that BTF declares in it: libbpf looks them up. */
function writeFact(elf: ElfWriter, btf: Btf | undefined, name: string, contents: Uint8Array): void {
  const declared = btf?.types.find((type) => type.kind === "section" && type.name === name);
  const rows = declared?.kind === "section" ? declared.variables : [];
  const size = Math.max(declared?.kind === "section" ? declared.size : 0, contents.length);
  checkDataSize(`section ${name} in bytes`, size);
  const bytes = new Uint8Array(size);
  bytes.set(contents);
  if (bytes.length === 0) return;
  const section = elf.addSection({ name, type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_WRITE, bytes, alignment: 4 });
  for (const row of rows) {
    const variable = btf?.types[row.type];
    if (variable?.kind !== "variable" || variable.linkage === "static") continue;
    const place = { section, value: row.offset, size: row.size };
    elf.addSymbol({ name: variable.name, kind: "object", binding: "global", ...place });
  }
}

/** `.BTF` and `.BTF.ext`, which share a string table. */
function writeTypes(elf: ElfWriter, btf: Btf | undefined, sections: readonly ProgramSection[]): void {
  if (!btf) return;
  const strings = new StringTable();
  addBtfNames(btf, strings);
  const ext = collectExt(sections);
  const isEmpty = [ext.functions, ext.lines, ext.relocations].every((part) => [...part.values()].flat().length === 0);
  const extBytes = writeBtfExt(ext, strings);
  const section = { type: SHT_PROGBITS, flags: 0, alignment: 4 };
  elf.addSection({ ...section, name: ".BTF", bytes: writeBtfSection(btf, strings) });
  if (!isEmpty) elf.addSection({ ...section, name: ".BTF.ext", bytes: extBytes });
}

function collectExt(sections: readonly ProgramSection[]): BtfExt {
  const functions = new Map<string, FunctionRow[]>();
  const lines = new Map<string, LineRow[]>();
  const relocations = new Map<string, CoreRow[]>();
  for (const { name, functions: placed } of sections) {
    const rows = placed.map((row) => ({ ...row, offsets: offsetsOf(row) }));
    functions.set(
      name,
      rows.flatMap(({ function: { type }, start }) => (type === undefined ? [] : [{ offset: start, type }])),
    );
    lines.set(
      name,
      rows.flatMap(({ function: f, offsets }) =>
        f.lines.map((row) => ({ ...row, offset: offsets[row.instruction] ?? 0 })),
      ),
    );
    relocations.set(
      name,
      rows.flatMap(({ function: f, offsets }) =>
        f.relocations.map((row) => ({ ...row, offset: offsets[row.instruction] ?? 0 })),
      ),
    );
  }
  return { functions, lines, relocations };
}

/** Bytes from the start of the section to each instruction. */
function offsetsOf({ function: { instructions }, start }: PlacedFunction): number[] {
  const offsets: number[] = [];
  let offset = start;
  for (const instruction of instructions) {
    offsets.push(offset);
    offset += 8 * slotsOf(instruction);
  }
  return offsets;
}
