/** Which registers hold a value that will still be read, at the end of each block (backward data flow over bit sets). */
import type { MachineBlock, MachineFunction, MachineInstruction, Register } from "./machine.ts";

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

/** A set of registers that is quick to walk through (Briggs and Torczon, "An Efficient Representation for Sparse Sets"). */
export class LiveSet {
  readonly #dense: Int32Array;
  readonly #position: Int32Array;
  #size = 0;

  constructor(registers: number) {
    this.#dense = new Int32Array(registers);
    this.#position = new Int32Array(registers).fill(-1);
  }
  add(register: Register): void {
    if (this.#position[register]! >= 0) return;
    this.#position[register] = this.#size;
    this.#dense[this.#size++] = register;
  }
  remove(register: Register): void {
    const at = this.#position[register]!;
    if (at < 0) return;
    const last = this.#dense[--this.#size]!;
    this.#dense[at] = last;
    this.#position[last] = at;
    this.#position[register] = -1;
  }
  fill(registers: readonly Register[]): void {
    while (this.#size > 0) this.#position[this.#dense[--this.#size]!] = -1;
    for (const register of registers) this.add(register);
  }
  get size(): number {
    return this.#size;
  }
  /** Its members are at 0 to `size - 1`, in no order. */
  at(position: number): Register {
    return this.#dense[position]!;
  }
}

/** Live registers behind the last instruction of each block. */
export function liveAtEnd({ blocks, registers }: MachineFunction): Register[][] {
  // Most registers live in one block only: sets hold those that some block reads before it writes.
  const read: Set<Register>[] = [];
  const written: Set<Register>[] = [];
  const across: Register[] = [];
  const index = new Int32Array(registers).fill(-1);
  const predecessors: number[][] = blocks.map(() => []);
  blocks.forEach(({ instructions, successors }, id) => {
    for (const to of successors) predecessors[to]!.push(id);
    const [reads, writes] = [new Set<Register>(), new Set<Register>()];
    for (const { uses, defines } of instructions) {
      for (const register of uses) if (!writes.has(register)) reads.add(register);
      for (const register of defines) writes.add(register);
    }
    for (const register of reads) {
      if (index[register]! >= 0) continue;
      index[register] = across.length;
      across.push(register);
    }
    read.push(reads);
    written.push(writes);
  });
  const setOf = (list: ReadonlySet<Register>): BitSet => {
    const set = new BitSet(across.length);
    for (const register of list) if (index[register]! >= 0) set.add(index[register]!);
    return set;
  };
  const starts = read.map(setOf);
  const writes = written.map(setOf);
  const ends = blocks.map(() => new BitSet(across.length));
  const waiting = [...blocks.keys()];
  const isWaiting = blocks.map(() => true);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    isWaiting[id] = false;
    let changed = false;
    for (const to of blocks[id]!.successors) if (ends[id]!.include(starts[to]!)) changed = true;
    if (!changed || !starts[id]!.includeWithout(ends[id]!, writes[id]!)) continue;
    for (const from of predecessors[id]!) {
      if (isWaiting[from]) continue;
      isWaiting[from] = true;
      waiting.push(from);
    }
  }
  return ends.map((end) => {
    const live: Register[] = [];
    end.each((bit) => live.push(across[bit]!));
    return live;
  });
}

/** Calls `visit` for each instruction from the last to the first; `live` is what is live behind it, and is updated. */
export function walkBackward(
  block: MachineBlock,
  live: LiveSet,
  visit: (one: MachineInstruction, index: number, live: LiveSet) => void,
): void {
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const one = block.instructions[index]!;
    visit(one, index, live);
    for (const register of one.defines) live.remove(register);
    for (const register of one.uses) live.add(register);
  }
}

/** True for a register of the machine, false for one that is to be allocated. */
export const isPhysical = (register: Register): boolean => register < 16;
