/**
 * Programs as text, as `llvm-objdump -S` shows them: sections, symbols, source lines beside instructions.
 *
 * Labels that a function's name could be are marked in the dialect `xdpkit`. Slots count from the start of the ELF section, and jumps name the last symbol before their target. Invariant: in
 * the dialect `llvm` the text is llvm-objdump's; in `xdpkit` it assembles back to the same instructions.
 */

import { xdpkitError } from "../base/index.ts";
import { type Dialect, encode, type Instruction, jumpDistance, print, slotsOf } from "../isa/index.ts";
import type { BpfFunction, BpfObject, Reference, SourceLine } from "./bpf-object.ts";
import { OffsetIndex } from "./offset-index.ts";

/** An instruction as it is printed. */
export interface DisassembledLine {
  /** Name of its function. */
  readonly function: string;
  /** ELF section of its function. */
  readonly section: string;
  /** From the start of the section. */
  readonly slot: number;
  /** As it is encoded. */
  readonly instruction: Instruction;
  /** In the dialect that was asked for. */
  readonly text: string;
  /** The symbols that stand at the instruction: the function's name, a local label. */
  readonly labels: readonly string[];
  /** The source line that begins here. */
  readonly source?: SourceLine;
  /** The map, variable or function that the instruction refers to. */
  readonly reference?: Reference;
}

/** How instructions are written. */
export interface DisassembleOptions {
  /** Default `xdpkit`. */
  readonly dialect?: Dialect;
}

/**
 * The instructions of all functions, or of one, in the order of the file.
 *
 * @throws OBJECT_UNDEFINED when there is no function of that name
 */
export function disassemble(
  object: BpfObject,
  functionName?: string,
  options: DisassembleOptions = {},
): DisassembledLine[] {
  if (functionName !== undefined && !object.functions.some(({ name }) => name === functionName)) {
    throw xdpkitError("OBJECT_UNDEFINED", { kind: "function", name: functionName, by: "the request" });
  }
  const lines: DisassembledLine[] = [];
  for (const functions of groupBySection(object.functions).values()) {
    const placed = placeSection(functions);
    const symbols = symbolsOf(placed);
    for (const row of placed) {
      if (functionName === undefined || row.function.name === functionName) {
        for (const line of functionLines(row, symbols, options.dialect ?? "xdpkit")) lines.push(line);
      }
    }
  }
  return lines;
}

interface Placed {
  readonly function: BpfFunction;
  /** Slot of each instruction from the start of the section, and of the end. */
  readonly slots: readonly number[];
}

function groupBySection(functions: readonly BpfFunction[]): ReadonlyMap<string, readonly BpfFunction[]> {
  const groups = new Map<string, BpfFunction[]>();
  for (const function_ of functions) {
    const group = groups.get(function_.section) ?? [];
    groups.set(function_.section, group);
    group.push(function_);
  }
  return groups;
}

function placeSection(functions: readonly BpfFunction[]): Placed[] {
  let slot = 0;
  return functions.map((function_) => {
    const slots = [slot];
    for (const instruction of function_.instructions) slots.push((slot += slotsOf(instruction)));
    return { function: function_, slots };
  });
}

interface Symbol {
  readonly name: string;
  readonly slot: number;
}

/** Symbols of one section: by slot for labels, in order for the targets of jumps. */
interface Symbols {
  readonly ordered: OffsetIndex<Symbol>;
  readonly labels: ReadonlyMap<number, readonly string[]>;
}

function symbolsOf(placed: readonly Placed[]): Symbols {
  const symbols = placed.flatMap(({ function: { name, labels }, slots }) => [
    { name, slot: slots[0] ?? 0 },
    ...(labels ?? []).map((label) => ({ name: label.name, slot: slots[label.instruction] ?? 0 })),
  ]);
  return { ordered: new OffsetIndex(symbols, ({ slot }) => slot), labels: labelsBySlot(symbols) };
}

function functionLines({ function: function_, slots }: Placed, symbols: Symbols, dialect: Dialect) {
  const sources = new Map(function_.lines.map((line) => [line.instruction, line]));
  const references = new Map(function_.references.map((reference) => [reference.instruction, reference]));
  return function_.instructions.map((instruction, index): DisassembledLine => {
    const slot = slots[index] ?? 0;
    const distance = jumpDistance(instruction);
    const target = distance === null ? undefined : targetName(symbols.ordered, slot + 1 + distance);
    const source = sources.get(index);
    const reference = references.get(index);
    return {
      function: function_.name,
      section: function_.section,
      slot,
      instruction,
      text: print(instruction, { dialect, target }),
      labels: symbols.labels.get(slot) ?? [],
      ...(source ? { source } : {}),
      ...(reference ? { reference } : {}),
    };
  });
}

function labelsBySlot(symbols: readonly Symbol[]): ReadonlyMap<number, readonly string[]> {
  const labels = new Map<number, string[]>();
  for (const { name, slot } of symbols) labels.set(slot, [...(labels.get(slot) ?? []), name]);
  return labels;
}

/** `end+0x48`: the last symbol at or before the target; addresses before the section wrap, as in 64 bits they do. */
function targetName(symbols: OffsetIndex<Symbol>, slot: number): string | undefined {
  const symbol = symbols.before(slot < 0 ? Number.MAX_SAFE_INTEGER : slot);
  if (!symbol) return undefined;
  const distance = BigInt.asUintN(64, 8n * BigInt(slot - symbol.slot));
  return distance === 0n ? symbol.name : `${symbol.name}+0x${distance.toString(16)}`;
}

/** Labels of compilers: nobody takes them for functions. */
export const LOCAL_LABEL = /^\.?L(BB|tmp)/;
/** What stands behind other labels, so that they can be told from functions: llvm-objdump shows both alike. */
const LABEL_NOTE = "\t; label";

/** Which functions, and what stands beside the instructions. */
export interface PrintDisassemblyOptions extends DisassembleOptions {
  /** Only this function. */
  readonly function?: string;
  /** Source lines (`; …`) before their instructions. Default true. */
  readonly source?: boolean;
  /** The bytes of each instruction. Default false. */
  readonly bytes?: boolean;
  /** What relocations mean, as comments. Default false. */
  readonly references?: boolean;
}

/** The text of `llvm-objdump -S`, without its first line, which names the file. */
export function printDisassembly(object: BpfObject, options: PrintDisassemblyOptions = {}): string {
  let text = "";
  let section: string | undefined;
  let before: SourceLine | undefined;
  for (const line of disassemble(object, options.function, options)) {
    if (line.section !== section) text += `\nDisassembly of section ${line.section}:\n`;
    section = line.section;
    const label = line.labels.at(-1);
    if (label !== undefined) {
      const isFunction = label === line.function || options.dialect === "llvm" || LOCAL_LABEL.test(label);
      const place = `${(8 * line.slot).toString(16).padStart(16, "0")} <${label}>:`;
      text += `\n${place}${isFunction ? "" : LABEL_NOTE}\n`;
    }
    const isNew = line.source?.line !== before?.line || line.source?.file !== before?.file;
    if (options.source !== false && line.source?.text && isNew) text += `; ${line.source.text}\n`;
    before = line.source;
    text += printLine(line, options);
  }
  return text;
}

function printLine({ slot, instruction, text, reference }: DisassembledLine, options: PrintDisassemblyOptions): string {
  const bytes = options.bytes ? `${hex(encode([instruction]))}\t` : "";
  const note = options.references && reference ? `\t; ${printReference(reference)}` : "";
  return `${String(slot).padStart(8)}:\t${bytes}${text}${note}\n`;
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** `map flows`, `data .rodata+4`, `function sub`, `extern CONFIG_HZ`. */
export function printReference(reference: Reference): string {
  switch (reference.kind) {
    case "map":
      return `map ${reference.map}`;
    case "mapValue":
      return `data ${reference.map}+${reference.offset}`;
    case "function":
      return `function ${reference.function}`;
    case "extern":
      return `extern ${reference.extern}`;
  }
}
