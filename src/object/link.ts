/**
 * Linking: one program and every function that it reaches, laid out in a row, as libbpf appends subprograms.
 *
 * Invariant: calls between functions are resolved to slot distances (`call` with src 1: imm = target - next), function
 * addresses (`ld_imm64` with src 4) likewise; maps, map values and externs stay references for the consumer.
 */
import { xdpkitError } from "../base/index.ts";
import { type Instruction, LD_IMM64, startSlots } from "../isa/index.ts";
import type {
  BpfFunction,
  BpfObject,
  CoreRelocation,
  GlobalData,
  ProgramKind,
  Reference,
  SourceLine,
} from "./bpf-object.ts";

/** A program with the functions that it calls, behind one another, calls resolved. */
export interface LinkedProgram {
  /** Of the program. */
  readonly name: string;
  /** What it is for. */
  readonly kind: ProgramKind;
  /** The program's, then those of each function. Maps and variables are still references. */
  readonly instructions: readonly Instruction[];
  /** The first slot of each instruction; `slots[i]` belongs to `instructions[i]`. */
  readonly slots: readonly number[];
  /** Entry point first; `start` is an instruction index. */
  readonly functions: readonly { readonly function: BpfFunction; readonly start: number }[];
  /** Indices count instructions of the whole program. */
  readonly references: readonly Exclude<Reference, { kind: "function" }>[];
  /** Source lines, by index into `instructions`. */
  readonly lines: readonly SourceLine[];
  /** CO-RE relocations that have not been applied, by index into `instructions`. */
  readonly relocations: readonly CoreRelocation[];
}

const BPF_PSEUDO_CALL = 1;
const BPF_PSEUDO_FUNC = 4;

/**
 * The program of that name with its subprograms in the order of their first use.
 *
 * @throws OBJECT_NO_PROGRAM when no entry point has the name, OBJECT_UNDEFINED, OBJECT_DATA_ADDRESSES when a called
 *   function is missing.
 */
export function link(object: BpfObject, programName: string): LinkedProgram {
  const byName = new Map(object.functions.map((function_) => [function_.name, function_]));
  const entry = byName.get(programName);
  if (!entry?.program) throw noProgram(object, programName);
  const placed = place(reach(entry, byName));
  checkAddresses(object, placed);
  const startOf = new Map(placed.map(({ function: function_, start }) => [function_.name, start]));
  const raw = placed.flatMap(({ function: function_ }) => function_.instructions);
  const slots = startSlots(raw);
  return {
    name: entry.name,
    kind: entry.program,
    instructions: resolveCalls(raw, slots, placed, startOf),
    slots,
    functions: placed,
    references: shifted(placed, (function_) => function_.references).flatMap((reference) =>
      reference.kind === "function" ? [] : [reference],
    ),
    lines: shifted(placed, (function_) => function_.lines),
    relocations: shifted(placed, (function_) => function_.relocations),
  };
}

/** A table of addresses is zeros when the program runs: no loader fills it in, and following one of them is refused. */
function checkAddresses(object: BpfObject, placed: readonly Placed[]): void {
  const data = new Map(object.maps.map((map) => [map.name, map.data]));
  for (const { function: function_ } of placed) {
    for (const reference of function_.references) {
      if (reference.kind !== "mapValue") continue;
      const table = addressTable(data.get(reference.map), reference.offset);
      if (!table) continue;
      const source = function_.lines.findLast((line) => line.instruction <= reference.instruction);
      const at = { kind: "instruction", program: function_.name, index: reference.instruction } as const;
      throw xdpkitError("OBJECT_DATA_ADDRESSES", table, {
        at: source ? { ...at, source: { kind: "source", ...sourceFields(source) } } : at,
      });
    }
  }
}

const sourceFields = ({ file, line, column, text }: SourceLine) => ({ file, line, column, text });

/** The variable at an offset, when it holds nothing but addresses. */
function addressTable(data: GlobalData | undefined, offset: number) {
  const variable = data?.variables.find((one) => offset >= one.offset && offset < one.offset + one.size);
  if (!data || !variable) return undefined;
  const end = variable.offset + variable.size;
  const inside = (data.addresses ?? []).filter((one) => one.offset >= variable.offset && one.offset < end);
  if (inside.length === 0 || inside.length * 8 !== variable.size) return undefined;
  const targets = [...new Set(inside.map(({ target }) => target))];
  return { variable: variable.name, section: data.section, targets };
}

function noProgram(object: BpfObject, name: string) {
  const known = object.functions.filter((function_) => function_.program).map((function_) => function_.name);
  return xdpkitError("OBJECT_NO_PROGRAM", { name, known });
}

/** The entry and what it reaches, each function once: as libbpf, a function's callees follow it, deepest first use. */
function reach(entry: BpfFunction, byName: ReadonlyMap<string, BpfFunction>): BpfFunction[] {
  const order: BpfFunction[] = [entry];
  const seen = new Set([entry.name]);
  const pending = [{ function: entry, next: 0 }];
  for (let top = pending.at(-1); top; top = pending.at(-1)) {
    const reference = top.function.references[top.next++];
    if (!reference) pending.pop();
    if (reference?.kind !== "function" || seen.has(reference.function)) continue;
    const callee = byName.get(reference.function);
    if (!callee) {
      const missing = { kind: "function", name: reference.function, by: top.function.name };
      throw xdpkitError("OBJECT_UNDEFINED", missing);
    }
    seen.add(callee.name);
    order.push(callee);
    pending.push({ function: callee, next: 0 });
  }
  return order;
}

type Placed = LinkedProgram["functions"][number];

function place(functions: readonly BpfFunction[]): Placed[] {
  let start = 0;
  return functions.map((function_) => {
    const placed = { function: function_, start };
    start += function_.instructions.length;
    return placed;
  });
}

function resolveCalls(
  raw: readonly Instruction[],
  slots: readonly number[],
  placed: readonly Placed[],
  startOf: ReadonlyMap<string, number>,
): Instruction[] {
  const instructions = [...raw];
  for (const reference of shifted(placed, (function_) => function_.references)) {
    if (reference.kind !== "function") continue;
    const index = reference.instruction;
    const instruction = raw[index];
    const target = slots[startOf.get(reference.function) ?? 0] ?? 0;
    // An address counts from the slot behind the first half of `ld_imm64`, as a call does.
    const imm = target - (slots[index] ?? 0) - 1;
    if (instruction) instructions[index] = resolved(instruction, imm);
  }
  return instructions;
}

function resolved(instruction: Instruction, imm: number): Instruction {
  if (instruction.opcode !== LD_IMM64) return { ...instruction, src: BPF_PSEUDO_CALL, imm };
  return { ...instruction, src: BPF_PSEUDO_FUNC, imm, high: 0 };
}

/** Rows of all functions, their instruction indices counted through the whole program. */
function shifted<T extends { readonly instruction: number }>(
  placed: readonly Placed[],
  rows: (function_: BpfFunction) => readonly T[],
): T[] {
  return placed.flatMap(({ function: function_, start }) =>
    rows(function_).map((row) => ({ ...row, instruction: row.instruction + start })),
  );
}
