/**
 * Register allocation: graph colouring with move coalescing (George and Appel, "Iterated Register Coalescing", TOPLAS
 * 1996), over the ten registers r0 to r9.
 *
 * What does not fit goes to the stack, and the allocation begins anew; what was made to reload a spilled register is never
 * spilled again. Invariant: no two registers that are live at once share a machine register, r10 is never given out.
 */
import { invariant, xdpkitError } from "../../base/index.ts";
import { frequenciesOf } from "./frequencies.ts";
import { isPhysical, LiveSet, liveAtEnd, walkBackward } from "./liveness.ts";
import {
  FRAME,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  machine,
  type Register,
} from "./machine.ts";

const COLORS = 10;
/** MAX_BPF_STACK. */
const STACK_BYTES = 512;

/** The function over machine registers, moves between equal ones left out. @throws XdpkitError COMPILER_STACK */
export function allocate(input: MachineFunction): MachineFunction {
  let code = input;
  const unspillable = new Set<Register>();
  for (;;) {
    const coloring = new Coloring(code, unspillable);
    const spilled = coloring.run();
    if (spilled.size === 0) return withoutDeadSpills(rewrite(code, (register) => coloring.colorOf(register)));
    code = spill(code, spilled, unspillable, (a, b) => coloring.interfere(a, b));
    if (code.stackBytes > STACK_BYTES) throw xdpkitError("COMPILER_STACK", { name: code.name, bytes: code.stackBytes });
  }
}

function rewrite(code: MachineFunction, color: (register: Register) => Register): MachineFunction {
  const blocks = code.blocks.map((block): MachineBlock => {
    const instructions = block.instructions
      .map((one) => ({ ...one, dst: color(one.dst), src: color(one.src) }))
      .filter((one) => !(one.move && one.dst === one.src));
    return { ...block, instructions };
  });
  return { ...code, blocks };
}

interface Move {
  readonly dst: Register;
  readonly src: Register;
  /** To be tried, tried and too risky for now, or done with. */
  state: "pending" | "active" | "done";
}

class Coloring {
  readonly #code: MachineFunction;
  readonly #unspillable: ReadonlySet<Register>;
  readonly #adjacent: Set<Register>[];
  /** Registers whose degree or moves have changed since they were looked at: what `simplify` and `freeze` try. */
  readonly #changed: Register[] = [];
  readonly #low: Register[] = [];
  readonly #degree: Int32Array;
  /** Uses and definitions, by how often their blocks are likely to run. */
  readonly #cost: Float64Array;
  readonly #frequencies: readonly number[];
  /** Where a register lives: its block (-1: several, -2: nowhere), the first and the last instruction. */
  readonly #home: Int32Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #alias: Int32Array;
  readonly #color: Int32Array;
  readonly #pending: Move[] = [];
  readonly #movesOf: Move[][];
  readonly #stack: Register[] = [];
  readonly #gone: Uint8Array;
  readonly #nodes = new Set<Register>();

  constructor(code: MachineFunction, unspillable: ReadonlySet<Register>) {
    this.#code = code;
    this.#unspillable = unspillable;
    const { registers } = code;
    this.#adjacent = Array.from({ length: registers }, () => new Set<Register>());
    this.#movesOf = Array.from({ length: registers }, () => []);
    this.#gone = new Uint8Array(registers);
    this.#home = new Int32Array(registers).fill(-2);
    this.#first = new Int32Array(registers);
    this.#last = new Int32Array(registers);
    this.#degree = new Int32Array(registers);
    this.#cost = new Float64Array(registers);
    this.#frequencies = frequenciesOf(code);
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
    const color = this.#color[this.#find(register)]!;
    return color < 0 ? 0 : color;
  }

  /** Whether two registers (those that others were coalesced into) hold values at once. */
  interfere(a: Register, b: Register): boolean {
    for (const other of this.#adjacent[a]!) if (this.#find(other) === b) return true;
    for (const other of this.#adjacent[b]!) if (this.#find(other) === a) return true;
    return false;
  }

  #build(): void {
    const ends = liveAtEnd(this.#code);
    const live = new LiveSet(this.#code.registers);
    this.#code.blocks.forEach((block, id) => {
      live.fill(ends[id]!);
      walkBackward(block, live, (one, index) => {
        this.#count(one, this.#frequencies[id]!);
        for (const register of one.uses) this.#span(register, id, index);
        for (const register of one.defines) this.#span(register, id, index);
        // Source and destination of a move may share a register.
        if (one.move) {
          this.#addMove(one);
          live.remove(one.src);
        }
        for (const defined of one.defines) {
          live.each((other) => this.#edge(defined, other));
          for (const other of one.defines) this.#edge(defined, other);
        }
      });
    });
    this.#pending.reverse();
    for (const register of this.#nodes) this.#touch(register);
    this.#changed.reverse();
  }

  #count({ uses, defines }: MachineInstruction, frequency: number): void {
    for (const register of uses) this.#countOne(register, frequency);
    for (const register of defines) this.#countOne(register, frequency);
  }

  #countOne(register: Register, frequency: number): void {
    this.#cost[register]! += frequency;
    if (!isPhysical(register)) this.#nodes.add(register);
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
    else {
      this.#first[register] = Math.min(this.#first[register]!, index);
      this.#last[register] = Math.max(this.#last[register]!, index);
    }
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
    if (a === b || this.#adjacent[a]!.has(b)) return;
    this.#adjacent[a]!.add(b);
    this.#adjacent[b]!.add(a);
    if (!isPhysical(a)) this.#degree[a]!++;
    if (!isPhysical(b)) this.#degree[b]!++;
  }

  #find(register: Register): Register {
    let current = register;
    while (this.#alias[current] !== current) current = this.#alias[current]!;
    return current;
  }

  #isMoveRelated(register: Register): boolean {
    return this.#movesOf[register]!.some(({ state }) => state !== "done");
  }

  #remove(register: Register): void {
    this.#nodes.delete(register);
    for (const other of this.#adjacent[register]!) if (!this.#gone[other]) this.#decrement(other);
    this.#gone[register] = 1;
  }

  #decrement(register: Register): void {
    if (isPhysical(register)) return;
    // A neighbour that has just become easy to colour may allow moves that were too risky before.
    if (this.#degree[register]!-- !== COLORS) return;
    this.#touch(register);
    this.#enableMoves(register);
    for (const other of this.#adjacent[register]!) if (!this.#gone[other]) this.#enableMoves(other);
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
      if (!this.#nodes.has(register) || this.#degree[register]! >= COLORS || this.#isMoveRelated(register)) continue;
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
      let [a, b] = [this.#find(move.dst), this.#find(move.src)];
      if (isPhysical(b)) [a, b] = [b, a];
      const isPossible = a !== b && !isPhysical(b) && !this.#adjacent[a]!.has(b);
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
    for (const other of this.#adjacent[register]!) {
      if (this.#gone[other]) continue;
      const easy = isPhysical(other) || this.#degree[other]! < COLORS || this.#adjacent[other]!.has(physical);
      if (!easy) return false;
    }
    return true;
  }

  /** Briggs' test: together they have fewer than ten neighbours that are hard to colour. */
  #isSafe(a: Register, b: Register): boolean {
    let hard = 0;
    for (const other of this.#adjacent[a]!) if (!this.#gone[other] && this.#degree[other]! >= COLORS) hard++;
    if (hard >= COLORS) return false;
    for (const other of this.#adjacent[b]!)
      if (!this.#gone[other] && this.#degree[other]! >= COLORS && !this.#adjacent[a]!.has(other)) hard++;
    return hard < COLORS;
  }

  #combine(a: Register, b: Register): void {
    this.#alias[b] = a;
    this.#nodes.delete(b);
    this.#cost[a]! += this.#cost[b]!;
    if (this.#home[b] !== -2)
      for (const index of [this.#first[b]!, this.#last[b]!]) this.#span(a, this.#home[b]!, index);
    this.#movesOf[a]!.push(...this.#movesOf[b]!);
    this.#gone[b] = 1;
    for (const other of this.#adjacent[b]!) {
      if (this.#gone[other]) continue;
      this.#edge(a, other);
      this.#decrement(other);
    }
  }

  /** Gives up on the moves of a register of low degree. */
  #freeze(): boolean {
    for (let register = this.#low.pop(); register !== undefined; register = this.#low.pop()) {
      if (!this.#nodes.has(register) || this.#degree[register]! >= COLORS) continue;
      this.#freezeMoves(register);
      return true;
    }
    return false;
  }

  #freezeMoves(register: Register): void {
    for (const move of this.#movesOf[register]!) {
      if (move.state === "done") continue;
      move.state = "done";
      this.#touch(this.#find(move.dst));
      this.#touch(this.#find(move.src));
    }
    this.#touch(register);
  }

  /** Takes out a register that may have to be spilled: the cheapest for the trouble that it makes. */
  #select(): boolean {
    let chosen = -1;
    let best = Number.POSITIVE_INFINITY;
    for (const register of this.#nodes) {
      const isKept = this.#unspillable.has(register);
      const cost = isKept
        ? 1e9
        : (this.#cost[register]! / this.#degree[register]!) * (this.#isShort(register) ? 1e4 : 1);
      if (cost < best) [chosen, best] = [register, cost];
    }
    if (chosen < 0) return false;
    this.#freezeMoves(chosen);
    this.#stack.push(chosen);
    this.#remove(chosen);
    return true;
  }

  /** Colours in reverse order; callers' registers first, so that r6 to r9 stay for what outlives calls. */
  #assign(): ReadonlyMap<Register, Register> {
    const spilled: Register[] = [];
    for (let register = this.#stack.pop(); register !== undefined; register = this.#stack.pop()) {
      const taken = new Set<number>();
      for (const other of this.#adjacent[register]!) taken.add(this.#color[this.#find(other)]!);
      let color = 0;
      while (color < COLORS && taken.has(color)) color++;
      if (color < COLORS) this.#color[register] = color;
      else spilled.push(register);
    }
    // Registers that were coalesced into a spilled one go with it, into the same slot: they hold one value.
    const all = new Set(spilled);
    const together = new Map<Register, Register>();
    for (const register of this.#alias.keys()) {
      const found = this.#find(register);
      if (!isPhysical(register) && all.has(found)) together.set(register, found);
    }
    return together;
  }
}

/** For so many instructions behind a load or a store the spilled value is still in its register. */
const NEARBY = 4;

/**
 * Puts registers on the stack: a load before each use, a store behind each definition. Coalesced ones share a slot, and so
 * do those that are never alive at once.
 */
function spill(
  code: MachineFunction,
  spilled: ReadonlyMap<Register, Register>,
  unspillable: Set<Register>,
  interfere: (a: Register, b: Register) => boolean,
): MachineFunction {
  const shared = new Map<Register, number>();
  const slots = new Map<Register, number>();
  let { stackBytes, registers } = code;
  for (const [register, found] of spilled) {
    invariant(!unspillable.has(register), "a reload is spilled");
    if (!shared.has(found)) {
      const taken = new Set([...shared].filter(([other]) => interfere(found, other)).map(([, slot]) => slot));
      const free = [...new Set(shared.values())].find((slot) => !taken.has(slot));
      shared.set(found, free ?? -(stackBytes += 8));
    }
    slots.set(register, shared.get(found)!);
  }
  const blocks = code.blocks.map((block): MachineBlock => {
    /** Copies of spilled registers that are still in a register, and how many instructions ago. */
    const nearby = new Map<Register, { fresh: Register; age: number }>();
    const instructions = block.instructions.flatMap((one): MachineInstruction[] => {
      for (const [register, copy] of nearby) if (++copy.age > NEARBY) nearby.delete(register);
      const isSpilled = (register: Register): boolean => slots.has(register);
      const isCall = (one.opcode & 0x07) === 0x05 && (one.opcode & 0xf0) === 0x80;
      if (isCall) nearby.clear();
      if (!one.uses.some(isSpilled) && !one.defines.some(isSpilled)) return [one];
      const touched = [...new Set([...one.uses, ...one.defines])].filter(isSpilled);
      // A move within one slot moves nothing.
      if (one.move && slots.has(one.dst) && slots.get(one.dst) === slots.get(one.src)) return [];
      const loads: MachineInstruction[] = [];
      const fresh = new Map<Register, Register>();
      for (const register of touched) {
        const isUsed = one.uses.includes(register);
        const copy = isUsed ? nearby.get(register) : undefined;
        const name = copy?.fresh ?? registers++;
        unspillable.add(name);
        fresh.set(register, name);
        if (isUsed && !copy) loads.push(from(one, load(name, slots.get(register)!)));
        // Others that share the slot are overwritten.
        if (one.defines.includes(register)) {
          for (const other of nearby.keys())
            if (other !== register && slots.get(other) === slots.get(register)) nearby.delete(other);
        }
        if (!copy) nearby.set(register, { fresh: name, age: 0 });
      }
      const rename = (register: Register): Register => fresh.get(register) ?? register;
      const stores = touched
        .filter((register) => one.defines.includes(register))
        .map((register) => from(one, store(slots.get(register)!, rename(register))));
      const renamed = {
        ...one,
        dst: rename(one.dst),
        src: rename(one.src),
        uses: one.uses.map(rename),
        defines: one.defines.map(rename),
      };
      return [...loads, renamed, ...stores];
    });
    return { ...block, instructions };
  });
  return { ...code, blocks, registers, stackBytes };
}

/** Leaves out stores of spilled registers that nothing loads any more: all uses were near. */
function withoutDeadSpills(code: MachineFunction): MachineFunction {
  const stores = new Set(
    code.blocks.flatMap(({ instructions }) => instructions.filter(isSpill).map(({ offset }) => offset)),
  );
  if (stores.size === 0) return code;
  const starts = code.blocks.map(() => new Set<number>());
  const walk = (id: number, kept?: MachineInstruction[]): Set<number> => {
    const live = new Set(code.blocks[id]!.successors.flatMap((to) => [...starts[to]!]));
    for (const one of code.blocks[id]!.instructions.toReversed()) {
      const isRead = one.opcode === SPILL_LOAD && one.src === FRAME && stores.has(one.offset);
      if (isSpill(one) && !live.has(one.offset)) continue;
      if (isSpill(one)) live.delete(one.offset);
      if (isRead) live.add(one.offset);
      kept?.push(one);
    }
    return live;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let id = code.blocks.length - 1; id >= 0; id--) {
      const live = walk(id);
      if (live.size !== starts[id]!.size) changed = true;
      starts[id] = live;
    }
  }
  const blocks = code.blocks.map((block, id): MachineBlock => {
    const kept: MachineInstruction[] = [];
    walk(id, kept);
    return { ...block, instructions: kept.reverse() };
  });
  return { ...code, blocks };
}

const isSpill = ({ opcode, dst, spill }: MachineInstruction): boolean =>
  opcode === SPILL_STORE && dst === FRAME && spill === true;

const SPILL_LOAD = 0x79;
const SPILL_STORE = 0x7b;

/** Spill code belongs to the line of its instruction: the kernel refuses a function whose first instruction has none. */
const from = ({ source }: MachineInstruction, made: MachineInstruction): MachineInstruction =>
  source ? { ...made, source } : made;

const load = (dst: Register, offset: number): MachineInstruction =>
  machine(SPILL_LOAD, dst, FRAME, [], [dst], { offset });
const store = (offset: number, src: Register): MachineInstruction =>
  machine(SPILL_STORE, FRAME, src, [src], [], { offset, spill: true });
