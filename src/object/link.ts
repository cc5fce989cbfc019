/**
 * Linking: one program and every function that it reaches, laid out in a row, as libbpf appends subprograms.
 *
 * Invariant: calls between functions are resolved to slot distances (`call` with src 1: imm = target - next), function
 * addresses (`ld_imm64` with src 4) likewise; maps, map values and externs stay references for the consumer.
 */
import type { Instruction } from "../isa/index.ts";
import type { BpfFunction, CoreRelocation, ProgramKind, Reference, SourceLine } from "./bpf-object.ts";

export interface LinkedProgram {
  readonly name: string;
  readonly kind: ProgramKind;
  readonly instructions: readonly Instruction[];
  /** The first slot of each instruction; `slots[i]` belongs to `instructions[i]`. */
  readonly slots: readonly number[];
  /** Entry point first; `start` is an instruction index. */
  readonly functions: readonly { readonly function: BpfFunction; readonly start: number }[];
  /** Indices count instructions of the whole program. */
  readonly references: readonly Exclude<Reference, { kind: "function" }>[];
  readonly lines: readonly SourceLine[];
  readonly relocations: readonly CoreRelocation[];
}
