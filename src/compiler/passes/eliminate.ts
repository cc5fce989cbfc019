/** Dead code: pure operations, loads and phis that nobody reads. */
import {
  hasEffect,
  type IrFunction,
  type IrInstruction,
  operands,
  type Phi,
  terminatorOperands,
  type ValueId,
} from "../ir/ir.ts";

export function eliminateDead(ir: IrFunction): IrFunction {
  const live = liveValues(ir);
  const blocks = ir.blocks.map((block) => ({
    ...block,
    phis: block.phis.filter(({ id }) => live.has(id)),
    instructions: block.instructions.filter(({ id, operation }) => live.has(id) || hasEffect(operation)),
  }));
  return { ...ir, blocks };
}

/** Values that an effect or a terminator needs, directly or not. */
function liveValues(ir: IrFunction): Set<ValueId> {
  const definitions = new Map<ValueId, IrInstruction | Phi>();
  const pending: ValueId[] = [];
  for (const block of ir.blocks) {
    for (const one of [...block.phis, ...block.instructions]) definitions.set(one.id, one);
    for (const { operation } of block.instructions) if (hasEffect(operation)) pending.push(...operands(operation));
    pending.push(...terminatorOperands(block.terminator));
  }
  const live = new Set<ValueId>();
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (live.has(value)) continue;
    live.add(value);
    const definition = definitions.get(value)!;
    pending.push(...("operation" in definition ? operands(definition.operation) : definition.arguments));
  }
  return live;
}
