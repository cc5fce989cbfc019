/** Which registers hold a value that will still be read, at the end of each block (backward data flow over bit sets). */
import type { MachineBlock, MachineFunction, Register } from "./machine.ts";

export class BitSet {
  readonly words: Uint32Array;

  constructor(size: number) {
    this.words = new Uint32Array((size + 31) >> 5);
  }
  has(bit: number): boolean {
    return (this.words[bit >> 5]! & (1 << (bit & 31))) !== 0;
  }
  add(bit: number): void {
    this.words[bit >> 5]! |= 1 << (bit & 31);
  }
  remove(bit: number): void {
    this.words[bit >> 5]! &= ~(1 << (bit & 31));
  }
  /** Adds all of another set; true when that changed this one. */
  include(other: BitSet): boolean {
    let changed = 0;
    for (let i = 0; i < this.words.length; i++) {
      const merged = this.words[i]! | other.words[i]!;
      changed |= merged ^ this.words[i]!;
      this.words[i] = merged;
    }
    return changed !== 0;
  }
  copy(): BitSet {
    const copy = new BitSet(0);
    Object.assign(copy, { words: this.words.slice() });
    return copy;
  }
  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.words.length; i++) {
      for (let word = this.words[i]!; word !== 0; word &= word - 1) yield i * 32 + (31 - Math.clz32(word & -word));
    }
  }
}

/** Live registers behind the last instruction of each block. */
export function liveAtEnd({ blocks, registers }: MachineFunction): BitSet[] {
  const ends = blocks.map(() => new BitSet(registers));
  const starts = blocks.map(() => new BitSet(registers));
  for (let changed = true; changed; ) {
    changed = false;
    for (let id = blocks.length - 1; id >= 0; id--) {
      const end = ends[id]!;
      for (const to of blocks[id]!.successors) end.include(starts[to]!);
      if (starts[id]!.include(liveAtStart(blocks[id]!, end))) changed = true;
    }
  }
  return ends;
}

function liveAtStart(block: MachineBlock, end: BitSet): BitSet {
  const live = end.copy();
  walkBackward(block, live, () => {});
  return live;
}

/** Calls `visit` for each instruction from the last to the first; `live` is what is live behind it, and is updated. */
export function walkBackward(block: MachineBlock, live: BitSet, visit: (index: number, live: BitSet) => void): void {
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    visit(index, live);
    const { uses, defines } = block.instructions[index]!;
    for (const register of defines) live.remove(register);
    for (const register of uses) live.add(register);
  }
}

/** True for a register of the machine, false for one that is to be allocated. */
export const isPhysical = (register: Register): boolean => register < 16;
