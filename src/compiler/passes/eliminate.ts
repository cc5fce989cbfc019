/**
 * Dead code: pure operations, loads and phis that nobody reads, stores to slots that nobody reads, and branches that decide nothing, since both ways lead to
 * one place with the same values. To the verifier such a branch is two states in place of one.
 */
import { withTerminators } from "../ir/cfg.ts";
import {
  type Block,
  type BlockId,
  hasEffect,
  type IrFunction,
  type IrInstruction,
  operands,
  type Phi,
  type Terminator,
  terminatorOperands,
  type ValueId,
} from "../ir/ir.ts";
import { withoutDeadStores } from "./dead-slots.ts";
import { simplifyGraph } from "./simplify-graph.ts";

export function eliminateDead(ir: IrFunction): IrFunction {
  let current = ir;
  for (;;) {
    current = withoutDeadStores(withoutDeadValues(current));
    const next = withoutIdleBranches(current);
    if (next === current) return withoutDeadValues(current);
    current = simplifyGraph(next);
  }
}

/** Each idle branch goes one way; itself when there is none. */
function withoutIdleBranches(ir: IrFunction): IrFunction {
  let changed = false;
  const terminators = ir.blocks.map(({ terminator }, id): Terminator => {
    if (terminator.kind !== "branch" || !isIdle(ir.blocks, id, terminator.whenTrue, terminator.whenFalse))
      return terminator;
    changed = true;
    return { kind: "jump", to: terminator.whenFalse, ...(terminator.source ? { source: terminator.source } : {}) };
  });
  return changed ? withTerminators(ir, terminators) : ir;
}

function isIdle(blocks: readonly Block[], from: BlockId, whenTrue: BlockId, whenFalse: BlockId): boolean {
  const [yes, no] = [behind(blocks, from, whenTrue), behind(blocks, from, whenFalse)];
  if (yes.to !== no.to) return false;
  const { predecessors, phis } = blocks[yes.to]!;
  const [a, b] = [predecessors.indexOf(yes.from), predecessors.lastIndexOf(no.from)];
  return phis.every((phi) => phi.arguments[a] === phi.arguments[b]);
}

/** Where a way leads when an empty block on it, which has no other predecessor, is stepped over; and from where it comes. */
function behind(
  blocks: readonly Block[],
  from: BlockId,
  to: BlockId,
): { readonly to: BlockId; readonly from: BlockId } {
  const { predecessors, phis, instructions, terminator } = blocks[to]!;
  const isEmpty = phis.length === 0 && instructions.length === 0 && predecessors.length === 1;
  return isEmpty && terminator.kind === "jump" && terminator.to !== to ? { to: terminator.to, from: to } : { to, from };
}

function withoutDeadValues(ir: IrFunction): IrFunction {
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
