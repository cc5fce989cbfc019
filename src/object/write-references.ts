/**
 * References as relocations: the reverse of read-references.ts.
 *
 * The compiler's way of writing a reference is kept where the new layout allows it: against a section symbol with the
 * place in `imm`, against a symbol with -1 or 0 in `imm`, or no relocation for a call within the section. Invariant:
 * reading the relocation back gives the reference, and the instruction is changed only when it must be.
 */
import { xdpkitError } from "../base/index.ts";
import { type Instruction, LD_IMM64, slotsOf } from "../isa/index.ts";
import type { BpfFunction, Reference } from "./bpf-object.ts";
import type { RelocationDraft, SymbolDraft } from "./elf-writer.ts";

const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;
const BPF_PSEUDO_CALL = 1;

/** A place that symbols lead to. */
export interface Anchor {
  /** The symbol of its section, which counts as byte 0. */
  readonly section: SymbolDraft;
  /** Its own symbol. */
  readonly symbol: SymbolDraft;
  /** Bytes from the start of the section. */
  readonly offset: number;
}

/** What the references of an object lead to. */
export interface Anchors {
  readonly functions: ReadonlyMap<string, Anchor>;
  readonly maps: ReadonlyMap<string, Anchor>;
  /** By data map: the symbol of a variable that begins at or before an offset. */
  readonly data: ReadonlyMap<string, { readonly section: SymbolDraft; readonly variables: readonly SymbolDraft[] }>;
  readonly externs: ReadonlyMap<string, SymbolDraft>;
}

export interface WrittenFunction {
  readonly instructions: readonly Instruction[];
  readonly relocations: readonly RelocationDraft[];
}

interface Written {
  readonly imm: number;
  readonly symbol?: SymbolDraft;
}

/** Instructions as the file has them and their relocations. @throws OBJECT_UNDEFINED */
export function writeReferences(function_: BpfFunction, anchors: Anchors): WrittenFunction {
  const start = anchors.functions.get(function_.name);
  const instructions = [...function_.instructions];
  const relocations: RelocationDraft[] = [];
  const references = new Map(function_.references.map((reference) => [reference.instruction, reference]));
  let at = start?.offset ?? 0;
  for (const [index, instruction] of function_.instructions.entries()) {
    const reference = references.get(index);
    if (reference) {
      const place = { at, function: function_.name, section: start?.section };
      const { imm, symbol } = written(instruction, reference, anchors, place);
      const isCall = instruction.opcode !== LD_IMM64;
      instructions[index] = { ...instruction, imm, ...(isCall ? { src: BPF_PSEUDO_CALL } : {}) };
      if (symbol) relocations.push({ offset: at, symbol, kind: isCall ? R_BPF_64_32 : R_BPF_64_64 });
    }
    at += 8 * slotsOf(instruction);
  }
  return { instructions, relocations };
}

interface Place {
  /** Bytes from the start of the section. */
  readonly at: number;
  readonly function: string;
  readonly section: SymbolDraft | undefined;
}

function written(instruction: Instruction, reference: Reference, anchors: Anchors, place: Place): Written {
  switch (reference.kind) {
    case "map": {
      const anchor = find(anchors.maps, "map", reference.map, place);
      return address(instruction.imm, anchor);
    }
    case "mapValue":
      return dataAddress(instruction.imm, reference, anchors, place);
    case "function": {
      const anchor = find(anchors.functions, "function", reference.function, place);
      if (instruction.opcode === LD_IMM64) return address(instruction.imm, anchor);
      return call(instruction.imm, anchor, place);
    }
    case "extern":
      return { imm: instruction.imm, symbol: find(anchors.externs, "extern", reference.extern, place) };
  }
}

function find<T>(all: ReadonlyMap<string, T>, kind: string, name: string, place: Place): T {
  const found = all.get(name);
  if (found === undefined) throw xdpkitError("OBJECT_UNDEFINED", { kind, name, by: place.function });
  return found;
}

/** libbpf takes the address of a function that is not global only against its section. */
function address(imm: number, { offset, section, symbol }: Anchor): Written {
  if (symbol.binding !== "global" || (imm !== 0 && imm === offset)) return { imm: offset, symbol: section };
  return { imm: 0, symbol };
}

/** cilium/ebpf takes calls to static functions only against their section. */
function call(imm: number, { offset, section, symbol }: Anchor, place: Place): Written {
  if (section === place.section && imm === (offset - place.at) / 8 - 1) return { imm };
  const isSectionRelative = symbol.binding === "local" || imm === offset / 8 - 1;
  return isSectionRelative ? { imm: offset / 8 - 1, symbol: section } : { imm: -1, symbol };
}

/** Against a variable when `imm` counts from one, against the section otherwise. */
function dataAddress(
  imm: number,
  { map, offset }: Extract<Reference, { kind: "mapValue" }>,
  anchors: Anchors,
  place: Place,
): Written {
  const { section, variables } = find(anchors.data, "map", map, place);
  const isSectionRelative = imm === offset && !variables.some(({ value }) => value === 0 && offset === 0);
  const variable = variables.find(({ value }) => value + imm === offset);
  if (isSectionRelative || !variable) return { imm: offset, symbol: section };
  return { imm, symbol: variable };
}
