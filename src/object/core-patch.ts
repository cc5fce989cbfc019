/**
 * What a CO-RE relocation does to its instruction (libbpf's bpf_core_patch_insn).
 *
 *   ALU with an immediate: `imm`      LDX, ST, STX: `offset`, and the size of the access      ld_imm64: 64 bits
 *
 * A relocation that found nothing makes the instruction a call of a helper that does not exist: harmless in code that
 * is never reached, and refused by the verifier elsewhere. Invariant: an instruction is changed only when it held the
 * value that the object's own BTF says.
 */
import { resolve } from "../btf/index.ts";
import { type Instruction, LD_IMM64 } from "../isa/index.ts";
import { type Spec, SpecProblem } from "./core-spec.ts";
import type { CoreValue } from "./core-value.ts";

/** 0xbad2310, which reads "bad relo". */
export const POISON_HELPER = 195896080;
const POISON: Instruction = { opcode: 0x85, dst: 0, src: 0, offset: 0, imm: POISON_HELPER };

/** Opcode bits of the size of a load or store, by bytes. */
const SIZE_BITS: ReadonlyMap<number, number> = new Map([
  [1, 0x10],
  [2, 0x08],
  [4, 0x00],
  [8, 0x18],
]);
const SIZE_MASK = 0x18;

/** Two instructions for `ld_imm64`, so that jumps across keep their distance. */
export function poison(instruction: Instruction): Instruction[] {
  return instruction.opcode === LD_IMM64 ? [POISON, POISON] : [POISON];
}

export interface Patch {
  readonly local: CoreValue;
  readonly target: CoreValue;
  readonly localSpec: Spec;
  /** Null when the answer is about something missing. */
  readonly targetSpec: Spec | null;
}

/** The instruction with its new value; null when it must be poisoned. Throws SpecProblem. */
export function patch(instruction: Instruction, patched: Patch): Instruction | null {
  const instructionClass = instruction.opcode & 7;
  switch (instructionClass) {
    case 4:
    case 7:
      return patchImmediate(instruction, patched);
    case 1:
    case 2:
    case 3:
      return patchAccess(instruction, patched);
    default:
      if (instruction.opcode === LD_IMM64 && instruction.src === 0) return patchWide(instruction, patched);
      throw new SpecProblem(`opcode 0x${instruction.opcode.toString(16)} holds no value that could be changed`);
  }
}

function expectValue(held: number | bigint, { value, checked }: CoreValue): void {
  if (!checked || BigInt.asUintN(64, BigInt(held)) === value) return;
  throw new SpecProblem(`the instruction holds ${held}, but the object's own BTF says ${value}`);
}

function patchImmediate(instruction: Instruction, { local, target }: Patch): Instruction {
  if ((instruction.opcode & 8) !== 0) throw new SpecProblem("the instruction has no immediate");
  expectValue(instruction.imm, local);
  return { ...instruction, imm: Number(BigInt.asIntN(32, target.value)) };
}

function patchWide(instruction: Instruction, { local, target }: Patch): Instruction {
  const held = (BigInt(instruction.high ?? 0) << 32n) | BigInt(instruction.imm >>> 0);
  expectValue(held, local);
  const imm = Number(BigInt.asIntN(32, target.value));
  return { ...instruction, imm, high: Number(BigInt.asIntN(32, target.value >> 32n)) };
}

function patchAccess(instruction: Instruction, patched: Patch): Instruction | null {
  const { local, target } = patched;
  expectValue(instruction.offset, local);
  if (target.value > 0x7fffn) throw new SpecProblem(`offset ${target.value} does not fit into the instruction`);
  const [before, after] = [local.field?.size ?? 0, target.field?.size ?? 0];
  const moved = { ...instruction, offset: Number(target.value) };
  if (before === after) return moved;
  if (!mayResize(patched)) return null;
  const bits = SIZE_BITS.get(after);
  if (SIZE_BITS.get(before) !== (instruction.opcode & SIZE_MASK)) {
    throw new SpecProblem(`the instruction does not access the ${before} bytes of the field`);
  }
  if (bits === undefined) throw new SpecProblem(`no instruction accesses ${after} bytes`);
  return { ...moved, opcode: (instruction.opcode & ~SIZE_MASK) | bits };
}

/** Pointers and unsigned integers keep their value when a load widens or narrows. */
function mayResize({ local, target, localSpec, targetSpec }: Patch): boolean {
  if (!local.field || !target.field || !targetSpec) return false;
  const before = resolve(localSpec.root.btf, local.field.type);
  const after = resolve(targetSpec.root.btf, target.field.type);
  if (before.kind === "pointer" && after.kind === "pointer") return true;
  return before.kind === "int" && after.kind === "int" && !before.signed && !after.signed;
}
