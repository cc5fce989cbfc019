/**
 * Relocations of program sections as references (libbpf's bpf_program__record_reloc), and calls that need none.
 *
 *   R_BPF_64_64 (1)    ld_imm64: map, global data, function, extern
 *   R_BPF_64_32 (10)   call: function, kernel function
 *
 * A call leads to `symbol + (imm + 1) * 8`, an address to `symbol + imm`: against a section symbol `imm` counts from
 * the section, against a function it is -1 and 0. Invariant: every reference names something of the object.
 */
import { type Location, xdpkitError } from "../base/index.ts";
import type { Instruction } from "../isa/index.ts";
import { LD_IMM64 } from "../isa/index.ts";
import type { BpfExtern, BpfFunction, Reference } from "./bpf-object.ts";
import type { ElfFile, ElfRelocation, ElfSection } from "./elf.ts";
import { isDataSection, isProgramSection } from "./elf-symbols.ts";
import { OffsetIndex } from "./offset-index.ts";
import type { PlacedMap } from "./read-btf-maps.ts";
import type { PlacedFunction } from "./read-functions.ts";

const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;
/** clang before 12 wrote calls as R_BPF_64_32 too; R_BPF_INSN_DISP32 of other tools has the same meaning. */
const CALL = 0x85;
const BPF_PSEUDO_CALL = 1;
const BPF_PSEUDO_FUNC = 4;

/** What an object's relocations may lead to, indexed for many questions. */
export interface Targets {
  readonly elf: ElfFile;
  readonly functions: FunctionIndex;
  /** By style and offset: `btf:32`. */
  readonly maps: ReadonlyMap<string, string>;
  readonly externs: ReadonlySet<string>;
  /** By section index. */
  readonly relocations: ReadonlyMap<number, OffsetIndex<ElfRelocation>>;
}

export function indexTargets(
  elf: ElfFile,
  functions: readonly PlacedFunction[],
  maps: readonly PlacedMap[],
  externs: readonly BpfExtern[],
): Targets {
  const byOffset = new Map([...elf.relocations].map(([index, rows]) => [index, new OffsetIndex(rows, offsetOf)]));
  return {
    elf,
    functions: indexFunctions(functions),
    maps: new Map(maps.map(({ map, offset }) => [`${map.style}:${offset}`, map.name])),
    externs: new Set(externs.map(({ name }) => name)),
    relocations: byOffset,
  };
}

const offsetOf = ({ offset }: ElfRelocation) => offset;

type Target = Reference extends infer R ? (R extends { instruction: number } ? Omit<R, "instruction"> : never) : never;

/** The function with its references. @throws OBJECT_RELOCATION, OBJECT_CALL_TARGET */
export function withReferences(targets: Targets, placed: PlacedFunction): BpfFunction {
  const found = new Map<number, Reference>();
  for (const relocation of relocationsOf(targets, placed)) {
    const instruction = placed.instructionAt.get((relocation.offset - placed.start) / 8);
    if (instruction === undefined || found.has(instruction)) {
      const problem = instruction === undefined ? "no instruction begins there" : "the instruction has one already";
      throw relocationError(placed.section, relocation, problem);
    }
    const at = placed.function.instructions[instruction] as Instruction;
    found.set(instruction, { instruction, ...targetOf(targets, placed, relocation, at) } as Reference);
  }
  addLocalCalls(placed, targets.functions, found);
  const references = [...found.values()].sort((a, b) => a.instruction - b.instruction);
  return { ...placed.function, references };
}

function relocationsOf({ relocations }: Targets, { section, start, end }: PlacedFunction): readonly ElfRelocation[] {
  return relocations.get(section.index)?.within(start, end) ?? [];
}

export function relocationError(section: ElfSection, relocation: ElfRelocation, problem: string) {
  const at: Location = { kind: "byte", section: section.name, offset: relocation.at };
  return xdpkitError("OBJECT_RELOCATION", { problem, section: section.name, symbol: relocation.symbol.name }, { at });
}

/** Functions by section index and start in bytes. */
export type FunctionIndex = ReadonlyMap<string, PlacedFunction>;

export function indexFunctions(functions: readonly PlacedFunction[]): FunctionIndex {
  return new Map(functions.map((placed) => [`${placed.section.index}:${placed.start}`, placed]));
}

/** The function that begins at a byte of a section. @throws OBJECT_CALL_TARGET */
export function functionAt(
  entries: FunctionIndex,
  section: ElfSection,
  start: number,
  by: { name: string; at: number },
): string {
  const placed = entries.get(`${section.index}:${start}`);
  if (placed) return placed.function.name;
  const parameters = { function: by.name, section: section.name, target: start };
  throw xdpkitError("OBJECT_CALL_TARGET", parameters, { at: { kind: "byte", offset: by.at } });
}

function targetOf(
  targets: Targets,
  placed: PlacedFunction,
  relocation: ElfRelocation,
  instruction: Instruction,
): Target {
  const { symbol, kind, at } = relocation;
  const fail = (problem: string) => relocationError(placed.section, relocation, problem);
  if (kind !== R_BPF_64_64 && kind !== R_BPF_64_32) throw fail(`R_BPF type ${kind} has no meaning for instructions`);
  const isCall = instruction.opcode === CALL;
  if (!isCall && instruction.opcode !== LD_IMM64) {
    throw fail(`opcode 0x${instruction.opcode.toString(16)} takes no address, only ld_imm64 and call do`);
  }
  if (symbol.section === 0) return externTarget(targets, symbol.name, fail);
  const section = targets.elf.sections[symbol.section];
  if (!section) throw fail(`symbol of section ${symbol.section}, which does not exist`);
  const by = { name: placed.function.name, at };
  const imm = relocation.addend ?? instruction.imm;
  if (isCall) {
    if (!isProgramSection(section)) throw fail(`a call into section ${section.name}`);
    return { kind: "function", function: functionAt(targets.functions, section, symbol.value + 8 * (imm + 1), by) };
  }
  if (isProgramSection(section)) {
    return { kind: "function", function: functionAt(targets.functions, section, symbol.value + imm, by) };
  }
  return dataTarget(targets, section, symbol.value + imm, fail);
}

type Fail = (problem: string) => Error;

function externTarget({ externs }: Targets, name: string, fail: Fail): Target {
  if (!externs.has(name)) throw fail("the symbol is defined nowhere, and BTF declares no extern of that name");
  return { kind: "extern", extern: name };
}

function dataTarget({ maps }: Targets, section: ElfSection, offset: number, fail: Fail): Target {
  if (isDataSection(section)) {
    if (offset < 0 || offset > section.size) throw fail(`byte ${offset} of a section of ${section.size} bytes`);
    return { kind: "mapValue", map: section.name, offset };
  }
  if (section.name !== ".maps" && section.name !== "maps") throw fail(`section ${section.name} is no map and no data`);
  const style = section.name === ".maps" ? "btf" : "legacy";
  const map = maps.get(`${style}:${offset}`);
  if (map === undefined) throw fail(`no map begins at byte ${offset} of ${section.name}`);
  return { kind: "map", map };
}

/** Calls within a section need no relocation: `imm` is the distance already. */
function addLocalCalls(placed: PlacedFunction, entries: FunctionIndex, found: Map<number, Reference>): void {
  for (const [slot, index] of placed.instructionAt) {
    const instruction = placed.function.instructions[index] as Instruction;
    const isCall = instruction.opcode === CALL && instruction.src === BPF_PSEUDO_CALL;
    const isAddress = instruction.opcode === LD_IMM64 && instruction.src === BPF_PSEUDO_FUNC;
    if (found.has(index) || !(isCall || isAddress)) continue;
    const start = placed.start + 8 * (slot + 1 + instruction.imm);
    const by = { name: placed.function.name, at: placed.section.offset + placed.start + 8 * slot };
    found.set(index, {
      instruction: index,
      kind: "function",
      function: functionAt(entries, placed.section, start, by),
    });
  }
}
