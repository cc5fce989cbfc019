/**
 * One eBPF instruction as plain data (RFC 9669 section 3).
 *
 *   opcode (8) | dst (4) src (4) | offset (16, signed) | imm (32, signed)
 *
 * `ld_imm64` is one Instruction that fills two slots of eight bytes: `imm` is the low half, `high` the high half.
 * Invariant: jump offsets count slots, as in the encoding, not Instructions.
 */
export interface Instruction {
  /** 0 to 255. */
  readonly opcode: number;
  /** 0 to 15; 0 to 10 are registers. */
  readonly dst: number;
  /** Source register, 0 to 10; of loads and calls what the immediate is (`BPF_PSEUDO_*`). */
  readonly src: number;
  /** -32768 to 32767. */
  readonly offset: number;
  /** -2^31 to 2^31 - 1. */
  readonly imm: number;
  /** Only for `ld_imm64`: the `imm` of its second slot. */
  readonly high?: number;
}

/** RFC 9669 section 5.4: `ld_imm64`, the only instruction of two slots. */
export const LD_IMM64 = 0x18;

/** Slots of eight bytes that an instruction fills: 1 or 2. */
export function slotsOf(instruction: Instruction): 1 | 2 {
  return instruction.opcode === LD_IMM64 ? 2 : 1;
}

/** The first slot of each instruction, and the slot behind the last. */
export function startSlots(instructions: readonly Instruction[]): number[] {
  const slots = [0];
  for (const one of instructions) slots.push(slots.at(-1)! + slotsOf(one));
  return slots;
}
