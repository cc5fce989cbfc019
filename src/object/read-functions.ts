/**
 * Functions of the executable sections: one per function symbol, as libbpf splits sections into programs.
 *
 * Objects without function symbols (plain assembler, very old compilers) are split at their global symbols, or are one
 * function of the section's name. Invariant: functions of a section do not overlap.
 */
import { xdpkitError } from "../base/index.ts";
import type { TypeId } from "../btf/index.ts";
import { decode, type Instruction, slotsOf } from "../isa/index.ts";
import type { BpfFunction, CoreRelocation, Label, SourceLine } from "./bpf-object.ts";
import type { BtfExt, CoreRow, LineRow } from "./btf-ext.ts";
import type { ElfFile, ElfSection, ElfSymbol } from "./elf.ts";
import { isProgramSection, linkageOf, symbolsOf } from "./elf-symbols.ts";
import { OffsetIndex } from "./offset-index.ts";
import { programKind } from "./program-kind.ts";

/** A function with its place, still without references. */
export interface PlacedFunction {
  readonly function: BpfFunction;
  readonly section: ElfSection;
  /** Bytes from the start of the section. */
  readonly start: number;
  readonly end: number;
  /** Slot, from the start of the function, to the instruction that begins there. */
  readonly instructionAt: ReadonlyMap<number, number>;
}

interface Extent {
  readonly name: string;
  readonly linkage: BpfFunction["linkage"];
  readonly start: number;
  readonly end: number;
  readonly at: number;
}

/** In the order of sections and offsets. @throws OBJECT_FUNCTION_PLACE, OBJECT_OVERLAP, ISA_TRUNCATED, ISA_RESERVED */
export function readFunctions(elf: ElfFile, ext: BtfExt | undefined, strict: boolean): PlacedFunction[] {
  const taken = new Map<string, number>();
  return elf.sections.filter(isProgramSection).flatMap((section) => {
    const symbols = symbolsOf(elf, section);
    const extents = findExtents(section, symbols);
    checkExtents(section, extents);
    const context = { elf, section, strict, taken, ...indexRows(section, symbols, ext) };
    return extents.map((extent) => readFunction(context, extent));
  });
}

function findExtents(section: ElfSection, symbols: readonly ElfSymbol[]): Extent[] {
  const functions = symbols.filter((symbol) => symbol.kind === "function");
  const entries = functions.length > 0 ? functions : symbols.filter((symbol) => symbol.binding !== "local");
  if (entries.length === 0) {
    return [{ name: section.name, linkage: "global", start: 0, end: section.size, at: section.offset }];
  }
  return entries.map((symbol, index) => {
    const size = symbol.size > 0 ? symbol.size : (entries[index + 1]?.value ?? section.size) - symbol.value;
    const end = symbol.value + size;
    return { name: symbol.name, linkage: linkageOf(symbol), start: symbol.value, end, at: symbol.at };
  });
}

function checkExtents(section: ElfSection, extents: readonly Extent[]): void {
  let before: Extent | undefined;
  for (const extent of extents) {
    const { name, start, end } = extent;
    const at = { at: { kind: "byte", offset: extent.at } } as const;
    if (start % 8 !== 0 || end % 8 !== 0 || end <= start || end > section.size) {
      const parameters = { name, start, size: end - start, section: section.name, length: section.size };
      throw xdpkitError("OBJECT_FUNCTION_PLACE", parameters, at);
    }
    if (before && before.end > start) {
      throw xdpkitError("OBJECT_OVERLAP", { first: `function ${before.name}`, second: `function ${name}` }, at);
    }
    before = extent;
  }
}

interface Rows {
  readonly labels: OffsetIndex<ElfSymbol>;
  readonly lines: OffsetIndex<LineRow>;
  readonly relocations: OffsetIndex<CoreRow>;
  /** Offset to BTF type. */
  readonly types: ReadonlyMap<number, TypeId>;
}

function indexRows(section: ElfSection, symbols: readonly ElfSymbol[], ext: BtfExt | undefined): Rows {
  const labels = symbols.filter((symbol) => symbol.kind === "notype" && symbol.binding === "local");
  return {
    labels: new OffsetIndex(labels, ({ value }) => value),
    lines: new OffsetIndex(ext?.lines.get(section.name) ?? [], ({ offset }) => offset),
    relocations: new OffsetIndex(ext?.relocations.get(section.name) ?? [], ({ offset }) => offset),
    types: new Map(ext?.functions.get(section.name)?.map(({ offset, type }) => [offset, type])),
  };
}

interface Context extends Rows {
  readonly elf: ElfFile;
  readonly section: ElfSection;
  readonly strict: boolean;
  /** How often each name was given; static functions of a joined object may share one. */
  readonly taken: Map<string, number>;
}

function readFunction(context: Context, extent: Extent): PlacedFunction {
  const { elf, section, strict } = context;
  const { start, end, linkage } = extent;
  const bytes = section.bytes.subarray(start, end);
  const { littleEndian } = elf;
  const instructions = decode(bytes, { littleEndian, lenient: !strict, base: section.offset + start });
  const instructionAt = indexSlots(instructions);
  const rows = <T extends { readonly offset: number }>(all: OffsetIndex<T>) =>
    all.within(start, end).flatMap((row) => {
      const instruction = instructionAt.get((row.offset - start) / 8);
      return instruction === undefined ? [] : [{ ...row, instruction }];
    });
  const type = context.types.get(start);
  const labels = readLabels(context, extent, instructionAt);
  const isEntry = section.name !== ".text" && linkage !== "static";
  const program = isEntry ? { program: programKind(section.name) } : {};
  return {
    section,
    start,
    end,
    instructionAt,
    function: {
      name: uniqueName(extent.name, context.taken),
      section: section.name,
      linkage,
      ...program,
      instructions,
      references: [],
      lines: rows(context.lines).map(sourceLine),
      relocations: rows(context.relocations).map(coreRelocation),
      ...(type === undefined ? {} : { type }),
      ...(labels.length > 0 ? { labels } : {}),
    },
  };
}

function sourceLine({ instruction, file, text, line, column }: SourceLine): SourceLine {
  return { instruction, file, text, line, column };
}

function coreRelocation({ instruction, kind, type, access }: CoreRelocation): CoreRelocation {
  return { instruction, kind, type, access };
}

/** `drop`, then `drop.1`, `drop.2` for static functions of the same name. */
function uniqueName(name: string, taken: Map<string, number>): string {
  const count = taken.get(name) ?? 0;
  taken.set(name, count + 1);
  return count === 0 ? name : uniqueName(`${name}.${count}`, taken);
}

function indexSlots(instructions: readonly Instruction[]): ReadonlyMap<number, number> {
  const index = new Map<number, number>();
  let slot = 0;
  for (const [i, instruction] of instructions.entries()) {
    index.set(slot, i);
    slot += slotsOf(instruction);
  }
  return index;
}

function readLabels(context: Context, extent: Extent, instructionAt: ReadonlyMap<number, number>): Label[] {
  return context.labels.within(extent.start, extent.end).flatMap((symbol) => {
    const instruction = instructionAt.get((symbol.value - extent.start) / 8);
    return instruction === undefined ? [] : [{ name: symbol.name, instruction }];
  });
}
