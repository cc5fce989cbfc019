/**
 * A pointer of a loop that grows by what the check adds anyway: accesses go by the grown pointer, at a lower offset, so that
 * the old one is not needed any more and both share a register.
 */
import { dominators } from "../ir/cfg.ts";
import type { Block, BlockId, IrFunction, IrInstruction, ValueId } from "../ir/ir.ts";
import { definitionsOf } from "./known-bits.ts";
import { loopsOf } from "./loops.ts";

export function advancePointers(ir: IrFunction): IrFunction {
  const definitions = definitionsOf(ir);
  const idom = dominators(ir.blocks);
  const dominates = (a: BlockId, b: BlockId): boolean => {
    let block = b;
    while (block !== a && block !== 0) block = idom[block]!;
    return block === a;
  };
  const homes = new Map<ValueId, BlockId>();
  ir.blocks.forEach(({ instructions }, id) => {
    for (const one of instructions) homes.set(one.id, id);
  });
  const blocks: Block[] = [...ir.blocks];
  for (const { header, latch, blocks: body } of loopsOf(ir.blocks)) {
    const { phis, predecessors } = ir.blocks[header]!;
    for (const phi of phis) {
      const next = phi.arguments[predecessors.indexOf(latch)]!;
      const operation = definitions.get(next);
      const by = operation?.kind === "offset" && operation.base === phi.id ? definitions.get(operation.by) : undefined;
      const home = homes.get(next);
      if (by?.kind !== "constant" || home === undefined || home === latch) continue;
      for (const id of body) {
        if (dominates(home, id)) blocks[id] = rebased(blocks[id]!, phi.id, next, Number(by.value));
      }
    }
  }
  return { ...ir, blocks };
}

/** Accesses by `from` behind the definition of `to`, which is `by` bytes further, go by `to`. */
function rebased(block: Block, from: ValueId, to: ValueId, by: number): Block {
  let isBehind = !block.instructions.some(({ id }) => id === to);
  const instructions = block.instructions.map((one): IrInstruction => {
    if (one.id === to) isBehind = true;
    const { operation } = one;
    const isAccess = operation.kind === "load" || operation.kind === "store";
    if (!isBehind || !isAccess || operation.base !== from) return one;
    return { ...one, operation: { ...operation, base: to, offset: operation.offset - by } };
  });
  return { ...block, instructions };
}
