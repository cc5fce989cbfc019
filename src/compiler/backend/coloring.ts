/**
 * Graph colouring with move coalescing (George and Appel, "Iterated Register Coalescing", TOPLAS 1996), over the ten
 * registers r0 to r9.
 *
 * Invariant: no two registers that are live at once share a machine register, r10 is never given out.
 */
import { frequenciesOf } from "./frequencies.ts";
import { Interference } from "./interference.ts";
import { isPhysical, LiveSet, liveAtEnd, walkBackward } from "./liveness.ts";
import type { MachineFunction, MachineInstruction, Register } from "./machine.ts";

const COLORS = 10;
/** For so many instructions behind a load or a store the spilled value is still in its register. */
export const NEARBY = 4;

interface Move {
  readonly dst: Register;
  readonly src: Register;
  /** To be tried, tried and too risky for now, or done with. */
  state: "pending" | "active" | "done";
}

export class Coloring {
  readonly #code: MachineFunction;
  readonly #unspillable: ReadonlySet<Register>;
  readonly #graph: Interference;
  /** Registers whose degree or moves have changed since they were looked at: what `simplify` and `freeze` try. */
  readonly #changed: Register[] = [];
  readonly #low: Register[] = [];
  readonly #degree: Int32Array;
  /** Uses and definitions, by how often their blocks are likely to run. */
  readonly #cost: Float64Array;
  /** Where a register lives: its block (-1: several, -2: nowhere), the first and the last instruction. */
  readonly #home: Int32Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #alias: Int32Array;
  readonly #color: Int32Array;
  readonly #pending: Move[] = [];
  readonly #movesOf: Move[][];
  readonly #stack: Register[] = [];
  /** 1 for a register that was coloured last, or coalesced: no longer in the graph. */
  readonly #gone: Uint8Array;
  /** Registers still in the graph, and some that have left it since. */
  #nodes: Register[] = [];
  readonly #isNode: Uint8Array;

  constructor(code: MachineFunction, unspillable: ReadonlySet<Register>) {
    this.#code = code;
    this.#unspillable = unspillable;
    const { registers } = code;
    this.#graph = new Interference(registers);
    this.#movesOf = Array.from({ length: registers }, () => []);
    this.#gone = new Uint8Array(registers);
    this.#isNode = new Uint8Array(registers);
    this.#home = new Int32Array(registers).fill(-2);
    this.#first = new Int32Array(registers);
    this.#last = new Int32Array(registers);
    this.#degree = new Int32Array(registers);
    this.#cost = new Float64Array(registers);
    this.#alias = Int32Array.from({ length: registers }, (_, register) => register);
    this.#color = new Int32Array(registers).fill(-1);
    for (let register = 0; register < COLORS; register++) {
      this.#color[register] = register;
      this.#degree[register] = 1 << 20;
    }
  }

  /** The registers that must go to the stack, each with the one that it was coalesced into; none when all are coloured. */
  run(): ReadonlyMap<Register, Register> {
    this.#build();
    while (this.#simplify() || this.#coalesce() || this.#freeze() || this.#select()) {}
    return this.#assign();
  }

  colorOf(register: Register): Register {
    if (register < 16) return register;
    const color = this.#color[this.find(register)]!;
    return color < 0 ? 0 : color;
  }

  /** The register that another was coalesced into, in the end. */
  find(register: Register): Register {
    let current = register;
    while (this.#alias[current] !== current) current = this.#alias[current]!;
    return current;
  }

  /** Registers that hold values while this one, as it was before it was coalesced, does. */
  neighboursOf(register: Register): readonly Register[] {
    return this.#graph.neighbours[register]!;
  }

  #build(): void {
    const frequencies = frequenciesOf(this.#code);
    const ends = liveAtEnd(this.#code);
    const live = new LiveSet(this.#code.registers);
    this.#code.blocks.forEach((block, id) => {
      live.fill(ends[id]!);
      const frequency = frequencies[id]!;
      walkBackward(block, live, (one, index) => {
        for (const register of one.uses) this.#note(register, frequency, id, index);
        for (const register of one.defines) this.#note(register, frequency, id, index);
        // Source and destination of a move may share a register.
        if (one.move) {
          this.#addMove(one);
          live.remove(one.src);
        }
        for (const defined of one.defines) {
          for (let at = 0; at < live.size; at++) this.#edge(defined, live.at(at));
          for (const other of one.defines) this.#edge(defined, other);
        }
      });
    });
    this.#pending.reverse();
    for (const register of this.#nodes) this.#touch(register);
    this.#changed.reverse();
  }

  /** A use or a definition: what spilling would cost, and where the register lives. */
  #note(register: Register, frequency: number, block: number, index: number): void {
    this.#cost[register]! += frequency;
    if (!isPhysical(register) && this.#isNode[register] === 0) {
      this.#isNode[register] = 1;
      this.#nodes.push(register);
    }
    this.#span(register, block, index);
  }

  /** Has `simplify` and `freeze` look at a register. */
  #touch(register: Register): void {
    if (isPhysical(register) || this.#degree[register]! >= COLORS) return;
    this.#changed.push(register);
    this.#low.push(register);
  }

  /** Notes where a register lives: one that is gone after a few instructions gains nothing by being spilled. */
  #span(register: Register, block: number, index: number): void {
    const home = this.#home[register]!;
    if (home === -2) {
      this.#home[register] = block;
      this.#first[register] = this.#last[register] = index;
    } else if (home !== block) this.#home[register] = -1;
    else if (index < this.#first[register]!) this.#first[register] = index;
    else if (index > this.#last[register]!) this.#last[register] = index;
  }

  #isShort(register: Register): boolean {
    return this.#home[register]! >= 0 && this.#last[register]! - this.#first[register]! <= NEARBY;
  }

  #addMove({ dst, src }: MachineInstruction): void {
    const move: Move = { dst, src, state: "pending" };
    this.#pending.push(move);
    this.#movesOf[dst]!.push(move);
    this.#movesOf[src]!.push(move);
  }

  #edge(a: Register, b: Register): void {
    if (a === b || !this.#graph.add(a, b)) return;
    if (!isPhysical(a)) this.#degree[a]!++;
    if (!isPhysical(b)) this.#degree[b]!++;
  }

  #isMoveRelated(register: Register): boolean {
    for (const { state } of this.#movesOf[register]!) if (state !== "done") return true;
    return false;
  }

  #remove(register: Register): void {
    this.#isNode[register] = 0;
    for (const other of this.#graph.neighbours[register]!) if (this.#gone[other] === 0) this.#decrement(other);
    this.#gone[register] = 1;
  }

  #decrement(register: Register): void {
    if (isPhysical(register)) return;
    // A neighbour that has just become easy to colour may allow moves that were too risky before.
    if (this.#degree[register]!-- !== COLORS) return;
    this.#touch(register);
    this.#enableMoves(register);
    for (const other of this.#graph.neighbours[register]!) if (this.#gone[other] === 0) this.#enableMoves(other);
  }

  #enableMoves(register: Register): void {
    for (const move of this.#movesOf[register]!) {
      if (move.state !== "active") continue;
      move.state = "pending";
      this.#pending.push(move);
    }
  }

  /** Takes out a register of low degree without moves: it can always be coloured. */
  #simplify(): boolean {
    for (let register = this.#changed.pop(); register !== undefined; register = this.#changed.pop()) {
      if (this.#isNode[register] === 0 || this.#degree[register]! >= COLORS || this.#isMoveRelated(register)) continue;
      this.#stack.push(register);
      this.#remove(register);
      return true;
    }
    return false;
  }

  /** Gives both sides of a move one register where that makes no colouring harder. */
  #coalesce(): boolean {
    for (let move = this.#pending.pop(); move !== undefined; move = this.#pending.pop()) {
      if (move.state !== "pending") continue;
      let [a, b] = [this.find(move.dst), this.find(move.src)];
      if (isPhysical(b)) [a, b] = [b, a];
      const isPossible = a !== b && !isPhysical(b) && !this.#graph.has(a, b);
      const isGood = isPossible && (isPhysical(a) ? this.#suits(a, b) : this.#isSafe(a, b));
      move.state = isPossible && !isGood ? "active" : "done";
      if (isGood) this.#combine(a, b);
      if (move.state === "done") {
        this.#touch(a);
        if (!isGood) this.#touch(b);
      }
      return true;
    }
    return false;
  }

  /** George's test, for a machine register. */
  #suits(physical: Register, register: Register): boolean {
    for (const other of this.#graph.neighbours[register]!) {
      if (this.#gone[other] === 1) continue;
      const easy = isPhysical(other) || this.#degree[other]! < COLORS || this.#graph.has(other, physical);
      if (!easy) return false;
    }
    return true;
  }

  /** Briggs' test: together they have fewer than ten neighbours that are hard to colour. */
  #isSafe(a: Register, b: Register): boolean {
    let hard = 0;
    for (const other of this.#graph.neighbours[a]!) if (this.#isHard(other) && ++hard >= COLORS) return false;
    for (const other of this.#graph.neighbours[b]!)
      if (this.#isHard(other) && !this.#graph.has(a, other) && ++hard >= COLORS) return false;
    return true;
  }

  #isHard(register: Register): boolean {
    return this.#degree[register]! >= COLORS && this.#gone[register] === 0;
  }

  #combine(a: Register, b: Register): void {
    this.#alias[b] = a;
    this.#isNode[b] = 0;
    this.#cost[a]! += this.#cost[b]!;
    if (this.#home[b] !== -2)
      for (const index of [this.#first[b]!, this.#last[b]!]) this.#span(a, this.#home[b]!, index);
    for (const move of this.#movesOf[b]!) if (move.state !== "done") this.#movesOf[a]!.push(move);
    this.#gone[b] = 1;
    for (const other of this.#graph.neighbours[b]!) {
      if (this.#gone[other] === 1) continue;
      this.#edge(a, other);
      this.#decrement(other);
    }
  }

  /** Gives up on the moves of a register of low degree. */
  #freeze(): boolean {
    for (let register = this.#low.pop(); register !== undefined; register = this.#low.pop()) {
      if (this.#isNode[register] === 0 || this.#degree[register]! >= COLORS) continue;
      this.#freezeMoves(register);
      return true;
    }
    return false;
  }

  #freezeMoves(register: Register): void {
    for (const move of this.#movesOf[register]!) {
      if (move.state === "done") continue;
      move.state = "done";
      this.#touch(this.find(move.dst));
      this.#touch(this.find(move.src));
    }
    this.#touch(register);
  }

  /** Takes out a register that may have to be spilled: the cheapest for the trouble that it makes. */
  #select(): boolean {
    let chosen = -1;
    let best = Number.POSITIVE_INFINITY;
    this.#nodes = this.#nodes.filter((register) => this.#isNode[register] === 1);
    for (const register of this.#nodes) {
      const cost = this.#spillCost(register);
      if (cost < best) [chosen, best] = [register, cost];
    }
    if (chosen < 0) return false;
    this.#freezeMoves(chosen);
    this.#stack.push(chosen);
    this.#remove(chosen);
    return true;
  }

  #spillCost(register: Register): number {
    if (this.#unspillable.has(register)) return 1e9;
    return (this.#cost[register]! / this.#degree[register]!) * (this.#isShort(register) ? 1e4 : 1);
  }

  /** Colours in reverse order; callers' registers first, so that r6 to r9 stay for what outlives calls. */
  #assign(): ReadonlyMap<Register, Register> {
    const spilled = new Set<Register>();
    for (let register = this.#stack.pop(); register !== undefined; register = this.#stack.pop()) {
      let taken = 0;
      for (const other of this.#graph.neighbours[register]!) {
        const color = this.#color[this.find(other)]!;
        if (color >= 0) taken |= 1 << color;
      }
      const color = 31 - Math.clz32(~taken & -~taken);
      if (color < COLORS) this.#color[register] = color;
      else spilled.add(register);
    }
    // Registers that were coalesced into a spilled one go with it, into the same slot: they hold one value.
    const together = new Map<Register, Register>();
    if (spilled.size === 0) return together;
    for (const register of this.#alias.keys()) {
      const found = this.find(register);
      if (!isPhysical(register) && spilled.has(found)) together.set(register, found);
    }
    return together;
  }
}
