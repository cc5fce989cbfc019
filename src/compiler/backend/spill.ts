/**
 * Spilling: registers that found no colour live on the stack, with a load before each use and a store behind each
 * definition.
 *
 * Invariant: what was made to reload a spilled register is never spilled again.
 */
import { invariant } from "../../base/index.ts";
import { type Coloring, NEARBY } from "./coloring.ts";
import {
  FRAME,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  machine,
  type Register,
} from "./machine.ts";

/**
 * Puts registers on the stack, each with the one that it was coalesced into. Coalesced ones share a slot, and so do those
 * that are never alive at once. Registers that reload are added to `unspillable`.
 */
export function spill(
  code: MachineFunction,
  spilled: ReadonlyMap<Register, Register>,
  unspillable: Set<Register>,
  coloring: Coloring,
): MachineFunction {
  for (const register of spilled.keys()) invariant(!unspillable.has(register), "a reload is spilled");
  const { slots, stackBytes } = assignSlots(code.stackBytes, spilled, coloring);
  const spiller = new Spiller(slots, unspillable, code.registers);
  const blocks = code.blocks.map((block) => spiller.block(block));
  return { ...code, blocks, registers: spiller.registers, stackBytes };
}

type Slots = ReadonlyMap<Register, number>;

/** A slot below the frame's end for each spilled register, the first that nobody uses at the same time. */
function assignSlots(
  bytes: number,
  spilled: ReadonlyMap<Register, Register>,
  coloring: Coloring,
): { readonly slots: Slots; readonly stackBytes: number } {
  const conflicts = conflictsOf(spilled, coloring);
  let stackBytes = bytes;
  const shared = new Map<Register, number>();
  for (const found of new Set(spilled.values())) {
    const taken = new Set(Array.from(conflicts.get(found) ?? [], (other) => shared.get(other)));
    const free = [...new Set(shared.values())].find((slot) => !taken.has(slot));
    shared.set(found, free ?? -(stackBytes += 8));
  }
  return { slots: new Map(Array.from(spilled, ([register, found]) => [register, shared.get(found)!])), stackBytes };
}

/** Which spilled registers hold values at once. */
function conflictsOf(spilled: ReadonlyMap<Register, Register>, coloring: Coloring): Map<Register, Set<Register>> {
  const conflicts = new Map(Array.from(spilled.values(), (found) => [found, new Set<Register>()]));
  for (const [register, found] of spilled) {
    for (const neighbour of coloring.neighboursOf(register)) {
      const other = conflicts.get(coloring.find(neighbour));
      if (!other) continue;
      other.add(found);
      conflicts.get(found)!.add(coloring.find(neighbour));
    }
  }
  return conflicts;
}

/** Copies of spilled registers that are still in a register, and how many instructions ago they were made. */
type Nearby = Map<Register, { readonly fresh: Register; age: number }>;

class Spiller {
  readonly #slots: Slots;
  readonly #unspillable: Set<Register>;
  registers: number;

  constructor(slots: Slots, unspillable: Set<Register>, registers: number) {
    this.#slots = slots;
    this.#unspillable = unspillable;
    this.registers = registers;
  }

  block(block: MachineBlock): MachineBlock {
    const nearby: Nearby = new Map();
    const instructions: MachineInstruction[] = [];
    for (const one of block.instructions) {
      for (const [register, copy] of nearby) if (++copy.age > NEARBY) nearby.delete(register);
      if (isCall(one)) nearby.clear();
      if (this.#touches(one)) this.#rewrite(one, nearby, instructions);
      else instructions.push(one);
    }
    return { ...block, instructions };
  }

  #touches({ uses, defines }: MachineInstruction): boolean {
    for (const register of uses) if (this.#slots.has(register)) return true;
    for (const register of defines) if (this.#slots.has(register)) return true;
    return false;
  }

  /** An instruction over fresh registers, between its loads and its stores. */
  #rewrite(one: MachineInstruction, nearby: Nearby, out: MachineInstruction[]): void {
    const slots = this.#slots;
    // A move within one slot moves nothing.
    if (one.move && slots.has(one.dst) && slots.get(one.dst) === slots.get(one.src)) return;
    const fresh = new Map<Register, Register>();
    const stores: MachineInstruction[] = [];
    for (const register of new Set([...one.uses, ...one.defines])) {
      const slot = slots.get(register);
      if (slot === undefined) continue;
      const isUsed = one.uses.includes(register);
      const copy = isUsed ? nearby.get(register) : undefined;
      const name = copy?.fresh ?? this.registers++;
      this.#unspillable.add(name);
      fresh.set(register, name);
      if (isUsed && !copy) out.push(from(one, load(name, slot)));
      if (one.defines.includes(register)) {
        // Others that share the slot are overwritten.
        for (const other of nearby.keys()) if (other !== register && slots.get(other) === slot) nearby.delete(other);
        stores.push(from(one, store(slot, name)));
      }
      if (!copy) nearby.set(register, { fresh: name, age: 0 });
    }
    out.push(
      renamed(one, (register) => fresh.get(register) ?? register),
      ...stores,
    );
  }
}

const isCall = ({ opcode }: MachineInstruction): boolean => (opcode & 0x07) === 0x05 && (opcode & 0xf0) === 0x80;

function renamed(one: MachineInstruction, rename: (register: Register) => Register): MachineInstruction {
  return {
    ...one,
    dst: rename(one.dst),
    src: rename(one.src),
    uses: one.uses.map(rename),
    defines: one.defines.map(rename),
  };
}

/** Leaves out stores of spilled registers that nothing loads any more: all uses were near. */
export function withoutDeadSpills(code: MachineFunction): MachineFunction {
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
