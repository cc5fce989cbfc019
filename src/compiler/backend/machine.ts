/**
 * Machine code before registers are given out: eBPF instructions over virtual registers.
 *
 * Registers 0 to 10 are those of the machine, FIRST_VIRTUAL and above are to be allocated. `uses` and `defines` are what
 * the allocator sees; a call defines r0 to r5, because it destroys them. Invariant: an instruction whose `move` is true
 * copies `src` to `dst` and does nothing else, so it may go when both get one register.
 */
import type { SourceLocation } from "../../base/index.ts";
import type { BlockId, LinkSymbol } from "../ir/ir.ts";
import type { KernelField } from "../kernel-types.ts";

export type Register = number;

export const FIRST_VIRTUAL = 16;
/** r10: the end of the stack frame, read-only. */
export const FRAME: Register = 10;

export interface MachineInstruction {
  readonly opcode: number;
  readonly dst: Register;
  readonly src: Register;
  readonly offset: number;
  readonly imm: number;
  /** `ld_imm64` only. */
  readonly high: number | undefined;
  readonly uses: readonly Register[];
  readonly defines: readonly Register[];
  readonly move: boolean;
  /** The store of a spilled register. */
  readonly spill: boolean;
  readonly symbol: LinkSymbol | undefined;
  /** Loads only: what the offset stands for. */
  readonly field: KernelField | undefined;
  /** Jumps only. */
  readonly target: BlockId | undefined;
  /** Given when the instruction is placed. */
  source: SourceLocation | undefined;
}

export interface MachineBlock {
  readonly instructions: MachineInstruction[];
  readonly successors: readonly BlockId[];
}

/** Blocks in the order in which they are laid out; the id is the position. */
export interface MachineFunction {
  readonly name: string;
  readonly blocks: readonly MachineBlock[];
  /** One above the highest register. */
  registers: number;
  /** Bytes below r10 that stack slots take, a multiple of 8. */
  stackBytes: number;
}

type Fields = Partial<
  Pick<MachineInstruction, "offset" | "imm" | "high" | "symbol" | "field" | "target" | "move" | "spill">
>;

/** All have the same fields in the same order: the allocator looks at each many times. */
export function machine(
  opcode: number,
  dst: Register,
  src: Register,
  uses: readonly Register[],
  defines: readonly Register[],
  { offset = 0, imm = 0, move = false, spill = false, high, symbol, field, target }: Fields = {},
): MachineInstruction {
  // The frame pointer is never allocated: it is no use to the allocator.
  const allocated = uses.includes(FRAME) ? uses.filter((register) => register !== FRAME) : uses;
  return {
    opcode,
    dst,
    src,
    offset,
    imm,
    high,
    uses: allocated,
    defines,
    move,
    spill,
    symbol,
    field,
    target,
    source: undefined,
  };
}

const MOV64_REG = 0xbf;

export function move(dst: Register, src: Register): MachineInstruction {
  return machine(MOV64_REG, dst, src, [src], [dst], { move: src !== FRAME });
}
