/**
 * Where stack slots lie: two that never hold something at once share their bytes.
 *
 * A slot is in use between any two instructions that name it. Invariant: an address that reaches a phi may be anywhere, so
 * its slot shares with nobody; an unaligned access is never made, since every slot begins at a multiple of its alignment.
 */
import { reversePostorder } from "../ir/cfg.ts";
import { type IrFunction, operands, successors, terminatorOperands, type ValueId } from "../ir/ir.ts";
import { BitSet } from "./liveness.ts";

export interface StackLayout {
  /** Offsets from the frame pointer, negative; undefined for slots that nothing names. */
  readonly offsets: readonly (number | undefined)[];
  /** A multiple of 8. */
  readonly bytes: number;
}

export function layoutStack(ir: IrFunction): StackLayout {
  const { slots } = ir;
  const uses = new SlotUses(ir);
  const conflicts = uses.conflicts();
  const offsets: (number | undefined)[] = slots.map(() => undefined);
  let bytes = 0;
  // Large ones first: small ones find room beside them.
  const order = slots.map((_, slot) => slot).sort((a, b) => slots[b]!.size - slots[a]!.size || a - b);
  for (const slot of order) {
    if (!uses.isNamed(slot)) continue;
    const { size, align } = slots[slot]!;
    const taken = order.filter((other) => offsets[other] !== undefined && conflicts(slot, other));
    let depth = Math.ceil(size / align) * align;
    const overlaps = (other: number): boolean => {
      const start = offsets[other]!;
      return -depth < start + slots[other]!.size && start < -depth + size;
    };
    for (let hit = taken.find(overlaps); hit !== undefined; hit = taken.find(overlaps)) {
      depth = Math.ceil((-offsets[hit]! + size) / align) * align;
    }
    offsets[slot] = -depth;
    bytes = Math.max(bytes, depth);
  }
  return { offsets, bytes: Math.ceil(bytes / 8) * 8 };
}

class SlotUses {
  readonly #ir: IrFunction;
  /** The slot that a value points into. */
  readonly #slotOf = new Map<ValueId, number>();
  readonly #shared = new Set<number>();
  readonly #stepsOf: (readonly (readonly number[])[])[] = [];
  readonly #named = new Set<number>();

  constructor(ir: IrFunction) {
    this.#ir = ir;
    for (const id of reversePostorder(ir.blocks)) {
      for (const { id: value, operation } of ir.blocks[id]!.instructions) {
        if (operation.kind === "stack") this.#slotOf.set(value, operation.slot);
        else if (operation.kind === "offset") {
          const slot = this.#slotOf.get(operation.base);
          if (slot !== undefined) this.#slotOf.set(value, slot);
        } else for (const operand of operands(operation)) this.#name(operand);
      }
      for (const operand of terminatorOperands(ir.blocks[id]!.terminator)) this.#name(operand);
    }
    for (const { phis } of ir.blocks) {
      for (const operand of phis.flatMap((phi) => phi.arguments)) {
        const slot = this.#slotOf.get(operand);
        if (slot === undefined) continue;
        this.#shared.add(slot);
        this.#named.add(slot);
      }
    }
  }

  #name(value: ValueId): void {
    const slot = this.#slotOf.get(value);
    if (slot !== undefined) this.#named.add(slot);
  }

  isNamed(slot: number): boolean {
    return this.#named.has(slot);
  }

  /** Whether two slots are in use at one point. */
  conflicts(): (a: number, b: number) => boolean {
    const count = this.#ir.slots.length;
    const pairs = this.#ir.slots.map(() => new BitSet(count));
    const note = (live: BitSet): void => {
      live.each((a) => pairs[a]!.include(live));
    };
    const before = this.#reached();
    const after = this.#needed();
    this.#ir.blocks.forEach((_, id) => {
      const seen = before[id]!.copy();
      const steps = this.#steps(id);
      const rest = this.#suffixes(steps, after[id]!);
      steps.forEach((slots, index) => {
        for (const slot of slots) seen.add(slot);
        note(both(seen, rest[index]!, slots, count));
      });
      note(both(seen, after[id]!, [], count));
    });
    return (a, b) => this.#shared.has(a) || this.#shared.has(b) || pairs[a]!.has(b) || pairs[b]!.has(a);
  }

  /** The slots that the instructions of a block name, each that names any. */
  #steps(id: number): readonly (readonly number[])[] {
    let steps = this.#stepsOf[id];
    if (steps) return steps;
    const { instructions, terminator } = this.#ir.blocks[id]!;
    const named = (values: readonly ValueId[]): number[] => values.flatMap((value) => this.#slotOf.get(value) ?? []);
    const all = [
      ...instructions.map(({ operation }) => named(operands(operation))),
      named(terminatorOperands(terminator)),
    ];
    this.#stepsOf[id] = steps = all.filter((slots) => slots.length > 0);
    return steps;
  }

  /** What is named later in the block or behind it, after each step. */
  #suffixes(steps: readonly (readonly number[])[], end: BitSet): BitSet[] {
    const rest: BitSet[] = [];
    let live = end.copy();
    for (let index = steps.length - 1; index >= 0; index--) {
      rest[index] = live;
      live = live.copy();
      for (const slot of steps[index]!) live.add(slot);
    }
    return rest;
  }

  /** Slots that were named before the start of each block, on some path. */
  #reached(): BitSet[] {
    const starts = this.#ir.blocks.map(() => new BitSet(this.#ir.slots.length));
    for (let changed = true; changed; ) {
      changed = false;
      this.#ir.blocks.forEach(({ terminator }, id) => {
        const end = starts[id]!.copy();
        for (const slots of this.#steps(id)) for (const slot of slots) end.add(slot);
        for (const to of successors(terminator)) if (starts[to]!.include(end)) changed = true;
      });
    }
    return starts;
  }

  /** Slots that are named behind the end of each block, on some path. */
  #needed(): BitSet[] {
    const ends = this.#ir.blocks.map(() => new BitSet(this.#ir.slots.length));
    for (let changed = true; changed; ) {
      changed = false;
      for (let id = this.#ir.blocks.length - 1; id >= 0; id--) {
        const { terminator } = this.#ir.blocks[id]!;
        for (const to of successors(terminator)) {
          const start = ends[to]!.copy();
          for (const slots of this.#steps(to)) for (const slot of slots) start.add(slot);
          if (ends[id]!.include(start)) changed = true;
        }
      }
    }
    return ends;
  }
}

function both(seen: BitSet, needed: BitSet, now: readonly number[], size: number): BitSet {
  const live = new BitSet(size);
  live.words.set(seen.words.map((word, index) => word & needed.words[index]!));
  for (const slot of now) live.add(slot);
  return live;
}
