/**
 * Emission: machine code to a BpfFunction. Blocks are laid out in order, jumps to the next instruction go, and distances
 * are counted in slots.
 *
 * Invariant: every emitted instruction is reachable, as the verifier demands; a jump that is too far for 16 bits becomes
 * `gotol` (v4), a conditional one jumps around it.
 */
import { type Instruction, LD_IMM64 } from "../../isa/index.ts";
import type { Reference, SourceLine } from "../../object/index.ts";
import type { LinkSymbol } from "../ir/ir.ts";
import type { KernelField } from "../kernel-types.ts";
import type { MachineFunction, MachineInstruction } from "./machine.ts";

export interface FieldAccess {
  readonly instruction: number;
  readonly field: KernelField;
}

/** A function as instructions. */
export interface EmittedCode {
  /** With maps and variables as references. */
  readonly instructions: readonly Instruction[];
  /** What instructions refer to, by their index. */
  readonly references: readonly Reference[];
  /** Source lines, by index into `instructions`. */
  readonly lines: readonly SourceLine[];
  /** Loads of fields of the kernel. */
  readonly fields: readonly FieldAccess[];
  /** Bytes of stack that it uses; at most 512 with those that it calls. */
  readonly stackBytes: number;
}

const JA = 0x05;
const GOTOL = 0x06;

interface Item {
  readonly machine: MachineInstruction;
  /** Far conditional jumps take two more slots: over a `gotol`, and the `gotol`. */
  far: boolean;
}

export function emit(code: MachineFunction): EmittedCode {
  const blocks = layout(code);
  for (;;) {
    const starts = measure(blocks);
    if (!widen(blocks, starts)) return { ...write(blocks, starts), stackBytes: code.stackBytes };
  }
}

/** Reachable blocks in order, without jumps to the block that follows, or through blocks that only jump. */
function layout(code: MachineFunction): Item[][] {
  const final = (id: number): number => {
    let current = id;
    for (let steps = 0; steps < code.blocks.length; steps++) {
      const [only, ...more] = code.blocks[current]!.instructions;
      if (more.length > 0 || only?.opcode !== JA || only.target === undefined) break;
      current = only.target;
    }
    return current;
  };
  const reachable = new Set<number>();
  const pending = [0];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (reachable.has(id)) continue;
    reachable.add(id);
    pending.push(...code.blocks[id]!.successors.map(final));
  }
  const order = placement(code, reachable, final);
  const place = new Map(order.map((id, index) => [id, index]));
  return order.map((id, index) => {
    const targeted = code.blocks[id]!.instructions.map(
      (one): MachineInstruction => (one.target === undefined ? one : { ...one, target: place.get(final(one.target))! }),
    );
    const last = targeted.at(-1)!;
    const kept = last.opcode === JA && last.target === index + 1 ? targeted.slice(0, -1) : targeted;
    return kept.map((machine) => ({ machine, far: false }));
  });
}

/** A block's last jump target follows it where it has no place yet; everything else keeps its order. */
function placement(code: MachineFunction, reachable: ReadonlySet<number>, final: (id: number) => number): number[] {
  const order: number[] = [];
  const placed = new Set<number>();
  for (let first = 0; first < code.blocks.length; first++) {
    for (let id = first; reachable.has(id) && !placed.has(id); ) {
      placed.add(id);
      order.push(id);
      const next = jumpOf(code, id);
      // A block that the one in front of it leads to stays there: the test of a loop behind its body.
      if (next === undefined || (next !== id + 1 && next > 0 && jumpOf(code, next - 1) === next)) break;
      id = final(next);
    }
  }
  return order;
}

/** Where a block goes in the end, if it ends with a jump. */
function jumpOf(code: MachineFunction, id: number): number | undefined {
  const last = code.blocks[id]!.instructions.at(-1);
  return last?.opcode === JA ? last.target : undefined;
}

const slotsOf = ({ machine, far }: Item): number =>
  machine.opcode === LD_IMM64 ? 2 : far && machine.opcode !== JA ? 3 : 1;

/** First slot of each block, and the end. */
function measure(blocks: readonly Item[][]): number[] {
  const starts = [0];
  for (const block of blocks) starts.push(starts.at(-1)! + block.reduce((sum, item) => sum + slotsOf(item), 0));
  return starts;
}

/** Marks jumps that do not reach; true when there was one. */
function widen(blocks: readonly Item[][], starts: readonly number[]): boolean {
  let changed = false;
  forEachItem(blocks, starts, (item, slot) => {
    const { target } = item.machine;
    if (target === undefined || item.far) return;
    const distance = starts[target]! - slot - 1;
    if (distance >= -32768 && distance <= 32767) return;
    item.far = true;
    changed = true;
  });
  return changed;
}

function forEachItem(
  blocks: readonly Item[][],
  starts: readonly number[],
  visit: (item: Item, slot: number) => void,
): void {
  blocks.forEach((block, id) => {
    let slot = starts[id]!;
    for (const item of block) {
      visit(item, slot);
      slot += slotsOf(item);
    }
  });
}

function write(blocks: readonly Item[][], starts: readonly number[]): Omit<EmittedCode, "stackBytes"> {
  const instructions: Instruction[] = [];
  const references: Reference[] = [];
  const lines: SourceLine[] = [];
  const fields: FieldAccess[] = [];
  forEachItem(blocks, starts, (item, slot) => {
    const index = instructions.length;
    const { machine } = item;
    addLine(lines, index, machine);
    if (machine.symbol) references.push(referenceOf(machine.symbol, index));
    if (machine.field) fields.push({ instruction: index, field: machine.field });
    instructions.push(...encodeItem(item, slot, starts));
  });
  // The kernel wants a line for the first instruction, which may be a constant of all paths: it has that of the next.
  if (lines[0]) lines[0] = { ...lines[0], instruction: 0 };
  return { instructions, references, lines, fields };
}

function encodeItem({ machine, far }: Item, slot: number, starts: readonly number[]): Instruction[] {
  const { opcode, dst, src, offset, imm, high, target } = machine;
  if (target === undefined)
    return [high === undefined ? { opcode, dst, src, offset, imm } : { opcode, dst, src, offset, imm, high }];
  const distance = starts[target]! - slot - 1;
  if (!far) return [{ opcode, dst, src, offset: distance, imm }];
  if (opcode === JA) return [{ opcode: GOTOL, dst: 0, src: 0, offset: 0, imm: distance }];
  return [
    { opcode, dst, src, offset: 1, imm },
    { opcode: JA, dst: 0, src: 0, offset: 1, imm: 0 },
    { opcode: GOTOL, dst: 0, src: 0, offset: 0, imm: distance - 2 },
  ];
}

function addLine(lines: SourceLine[], instruction: number, { source }: MachineInstruction): void {
  if (!source) return;
  const before = lines.at(-1);
  if (before?.line === source.line && before.column === source.column && before.file === source.file) return;
  lines.push({ instruction, file: source.file, text: source.text ?? "", line: source.line, column: source.column });
}

function referenceOf(symbol: LinkSymbol, instruction: number): Reference {
  switch (symbol.kind) {
    case "map":
      return { instruction, kind: "map", map: symbol.map };
    case "mapValue":
      return { instruction, kind: "mapValue", map: symbol.map, offset: symbol.offset };
    case "function":
      return { instruction, kind: "function", function: symbol.function };
    case "extern":
      return { instruction, kind: "extern", extern: symbol.extern };
  }
}
