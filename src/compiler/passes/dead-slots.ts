/**
 * Stores to stack slots that nobody reads: a value whose address a path needed, and whose variable is dead where the paths
 * meet. A slot is read when an address in it goes anywhere but into an address or the target of a store.
 */

import { reversePostorder } from "../ir/cfg.ts";
import { type IrFunction, type Operation, operands, terminatorOperands, type ValueId } from "../ir/ir.ts";

/** Itself when there are none. */
export function withoutDeadStores(ir: IrFunction): IrFunction {
  const slots = slotsOf(ir);
  if (slots.size === 0) return ir;
  const read = readSlots(ir, slots);
  let isChanged = false;
  const isDead = (operation: Operation): boolean => {
    const slot = operation.kind === "store" ? slots.get(operation.base) : undefined;
    return slot !== undefined && !read.has(slot);
  };
  const blocks = ir.blocks.map((block) => {
    const instructions = block.instructions.filter(({ operation }) => !isDead(operation));
    if (instructions.length === block.instructions.length) return block;
    isChanged = true;
    return { ...block, instructions };
  });
  return isChanged ? { ...ir, blocks } : ir;
}

/** The slot that an address points into. */
function slotsOf({ blocks }: IrFunction): ReadonlyMap<ValueId, number> {
  const slots = new Map<ValueId, number>();
  for (const block of reversePostorder(blocks)) {
    for (const { id, operation } of blocks[block]!.instructions) {
      const slot =
        operation.kind === "stack"
          ? operation.slot
          : operation.kind === "offset"
            ? slots.get(operation.base)
            : undefined;
      if (slot !== undefined) slots.set(id, slot);
    }
  }
  return slots;
}

function readSlots({ blocks }: IrFunction, slots: ReadonlyMap<ValueId, number>): ReadonlySet<number> {
  const read = new Set<number>();
  const use = (value: ValueId): void => {
    const slot = slots.get(value);
    if (slot !== undefined) read.add(slot);
  };
  for (const { phis, instructions, terminator } of blocks) {
    for (const phi of phis) phi.arguments.forEach(use);
    for (const { operation } of instructions) {
      if (operation.kind === "store") use(operation.value);
      else if (operation.kind === "offset") use(operation.by);
      else operands(operation).forEach(use);
    }
    terminatorOperands(terminator).forEach(use);
  }
  return read;
}
