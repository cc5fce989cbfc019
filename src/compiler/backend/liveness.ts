/** Which registers hold a value that will still be read, at the end of each block (backward data flow over bit sets). */
import type { MachineBlock, MachineFunction, Register } from "./machine.ts";

export class BitSet {
  readonly words: Uint32Array;

  constructor(size: number | Uint32Array) {
    this.words = typeof size === "number" ? new Uint32Array((size + 31) >> 5) : size;
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
  /** Adds what is in another set and not in a third; true when that changed this one. */
  includeWithout(other: BitSet, without: BitSet): boolean {
    let changed = 0;
    for (let i = 0; i < this.words.length; i++) {
      const merged = this.words[i]! | (other.words[i]! & ~without.words[i]!);
      changed |= merged ^ this.words[i]!;
      this.words[i] = merged;
    }
    return changed !== 0;
  }
  copy(): BitSet {
    return new BitSet(this.words.slice());
  }
  each(visit: (bit: number) => void): void {
    for (let i = 0; i < this.words.length; i++) {
      for (let word = this.words[i]!; word !== 0; word &= word - 1) visit(i * 32 + (31 - Math.clz32(word & -word)));
    }
  }
}

/** Live registers behind the last instruction of each block. */
export function liveAtEnd({ blocks, registers }: MachineFunction): BitSet[] {
  const ends = blocks.map(() => new BitSet(registers));
  // At the start of a block: what it reads before it writes, and what is live behind it and not written.
  const starts = blocks.map(() => new BitSet(registers));
  const written = blocks.map(() => new BitSet(registers));
  const predecessors: number[][] = blocks.map(() => []);
  blocks.forEach((block, id) => {
    for (const to of block.successors) predecessors[to]!.push(id);
    for (let index = block.instructions.length - 1; index >= 0; index--) {
      const { uses, defines } = block.instructions[index]!;
      for (const register of defines) {
        starts[id]!.remove(register);
        written[id]!.add(register);
      }
      for (const register of uses) starts[id]!.add(register);
    }
  });
  const waiting = blocks.map((_, id) => id);
  const isWaiting = blocks.map(() => true);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    isWaiting[id] = false;
    let changed = false;
    for (const to of blocks[id]!.successors) if (ends[id]!.include(starts[to]!)) changed = true;
    if (!changed || !starts[id]!.includeWithout(ends[id]!, written[id]!)) continue;
    for (const from of predecessors[id]!) {
      if (isWaiting[from]) continue;
      isWaiting[from] = true;
      waiting.push(from);
    }
  }
  return ends;
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
