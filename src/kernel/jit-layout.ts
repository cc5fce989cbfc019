/**
 * Other layouts of a program whose layout the kernel's JIT compiler for x86 cannot settle.
 *
 * It shortens jumps pass by pass until the length of the whole stays. A jump back over nearly 128 bytes may grow again when
 * code in front of where it leads to shrinks: where another jump shrinks by as much in that pass, the length stays although
 * the places have moved, and the kernel gives up ("bpf_jit: fatal error" in its log, ENOTSUPP; do_jit and
 * bpf_int_jit_compile of arch/x86/net/bpf_jit_comp.c). An instruction more inside such a jump takes it out of that range.
 */
import { type Instruction, jumpDistance, startSlots } from "../isa/index.ts";
import type { BpfFunction } from "../object/index.ts";

/** `if r10 == 0x0 goto +0`: true nowhere, and leads to the next instruction. Five bytes on x86. */
const FILLER: Instruction = { opcode: 0x15, dst: 10, src: 0, offset: 0, imm: 0 };
const EXIT = 0x95;
/** Each is verified by the kernel. */
const MOST_TRIES = 64;

/**
 * Functions with an instruction more before one jump back, for each of them in `used`; last with one before each.
 * `used`: the functions of the program.
 */
export function* otherLayouts(
  functions: readonly BpfFunction[],
  used: ReadonlySet<BpfFunction>,
): Generator<readonly BpfFunction[]> {
  const places = functions.flatMap((one, at) =>
    used.has(one) ? jumpsBack(one.instructions).map((index) => ({ at, index })) : [],
  );
  const changed = (at: number, index: number): BpfFunction[] =>
    functions.map((one, other) => (other === at ? withFiller(one, index) : one));
  for (const { at, index } of places.slice(0, MOST_TRIES)) yield changed(at, index);
  if (places.length > 1)
    yield functions.map((one) =>
      jumpsBack(one.instructions).reduceRight((made, index) => withFiller(made, index), one),
    );
}

/** Every exit but the first is a jump back to what the first does. */
function jumpsBack(instructions: readonly Instruction[]): number[] {
  const firstExit = instructions.findIndex(({ opcode }) => opcode === EXIT);
  return Array.from(instructions.keys()).filter((index) => {
    const one = instructions[index]!;
    return one.opcode === EXIT ? index > firstExit : (jumpDistance(one) ?? 0) < 0;
  });
}

/** A function with the filler before an instruction; what leads to that leads to the filler. */
function withFiller(function_: BpfFunction, index: number): BpfFunction {
  const { instructions } = function_;
  const starts = startSlots(instructions);
  const moved = (slot: number): number => (slot > starts[index]! ? slot + 1 : slot);
  const jumps = instructions.map((one, at) => {
    const distance = jumpDistance(one);
    if (distance === null) return one;
    const behind = starts[at]! + 1;
    const by = moved(behind + distance) - (at < index ? behind : behind + 1) - distance;
    return one.opcode === LONG_JUMP ? { ...one, imm: one.imm + by } : { ...one, offset: one.offset + by };
  });
  const shifted = <T extends { readonly instruction: number }>(rows: readonly T[]): T[] =>
    rows.map((row) => (row.instruction < index ? row : { ...row, instruction: row.instruction + 1 }));
  return {
    ...function_,
    instructions: [...jumps.slice(0, index), FILLER, ...jumps.slice(index)],
    references: shifted(function_.references),
    lines: shifted(function_.lines),
    relocations: shifted(function_.relocations),
    ...(function_.labels ? { labels: shifted(function_.labels) } : {}),
  };
}

/** `gotol`, with its distance in `imm`. */
const LONG_JUMP = 0x06;
