/** Control flow: order of blocks, dominators, and rewriting the graph while phis stay right. */
import { invariant } from "../../base/index.ts";
import {
  type Block,
  type BlockId,
  type IrFunction,
  mapInstruction,
  mapOperands,
  mapTerminator,
  successors,
  type Terminator,
  type ValueId,
} from "./ir.ts";

/** Reachable blocks, each before its successors but for loops. */
export function reversePostorder(blocks: readonly Block[]): BlockId[] {
  const order: BlockId[] = [];
  /** How many successors of a block were visited; -1 for a block that was not. */
  const visited = new Int32Array(blocks.length).fill(-1);
  // An explicit stack: generated programs have thousands of blocks in a row.
  const stack: BlockId[] = [0];
  visited[0] = 0;
  for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
    const to = successorFromLast(blocks[id]!.terminator, visited[id]!++);
    if (to === undefined) {
      order.push(id);
      stack.pop();
    } else if (visited[to]! < 0) {
      visited[to] = 0;
      stack.push(to);
    }
  }
  return order.reverse();
}

/** The first successor is visited last, so that it follows its block in the order. */
function successorFromLast(terminator: Terminator, index: number): BlockId | undefined {
  if (terminator.kind === "jump") return index === 0 ? terminator.to : undefined;
  if (terminator.kind === "exit" || index > 1) return undefined;
  return index === 0 ? terminator.whenFalse : terminator.whenTrue;
}

/** The immediate dominator of each block (Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm"); -1 if unreachable. */
export function dominators(blocks: readonly Block[], order = reversePostorder(blocks)): Int32Array {
  const position = new Int32Array(blocks.length).fill(-1);
  order.forEach((id, index) => {
    position[id] = index;
  });
  const idom = new Int32Array(blocks.length).fill(-1);
  idom[0] = 0;
  const meet = (a: number, b: number): number => {
    while (a !== b) {
      while (position[a]! > position[b]!) a = idom[a]!;
      while (position[b]! > position[a]!) b = idom[b]!;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      if (id === 0) continue;
      let dominator = -1;
      for (const one of blocks[id]!.predecessors)
        if (idom[one] !== -1) dominator = dominator < 0 ? one : meet(dominator, one);
      if (idom[id] !== dominator) {
        idom[id] = dominator;
        changed = true;
      }
    }
  }
  return idom;
}

/** Replaces values everywhere; chains of replacements are followed. */
export function replaceValues(ir: IrFunction, replaced: ReadonlyMap<ValueId, ValueId>): IrFunction {
  if (replaced.size === 0) return ir;
  const resolve = (value: ValueId): ValueId => {
    let current = value;
    for (let next = replaced.get(current); next !== undefined; next = replaced.get(current)) current = next;
    return current;
  };
  const kept = <T extends { readonly id: ValueId }>(list: readonly T[]): readonly T[] =>
    list.some(({ id }) => replaced.has(id)) ? list.filter(({ id }) => !replaced.has(id)) : list;
  const blocks = ir.blocks.map((block) => ({
    ...block,
    phis: kept(block.phis).map((phi) =>
      phi.arguments.some((value) => replaced.has(value)) ? { ...phi, arguments: phi.arguments.map(resolve) } : phi,
    ),
    instructions: kept(block.instructions).map((one) => mapInstruction(one, resolve)),
    terminator: mapTerminator(block.terminator, resolve),
  }));
  return { ...ir, blocks };
}

/**
 * The function with other terminators: edges that are gone leave the phis of their targets, unreachable blocks go, and the
 * rest is numbered anew in reverse postorder.
 */
export function withTerminators(ir: IrFunction, terminators: readonly Terminator[]): IrFunction {
  const isChanged = ir.blocks.some((block, id) => block.terminator !== terminators[id]);
  const changed = isChanged ? ir.blocks.map((block, id) => ({ ...block, terminator: terminators[id]! })) : ir.blocks;
  const order = reversePostorder(changed);
  if (!isChanged && order.length === changed.length && order.every((id, index) => id === index)) return ir;
  const number = new Int32Array(changed.length).fill(-1);
  order.forEach((id, index) => {
    number[id] = index;
  });
  /** The edges of a block to another: both ways of a branch may lead there. */
  const edges = (from: BlockId, to: BlockId): number => {
    const terminator = terminators[from]!;
    if (number[from]! < 0 || terminator.kind === "exit") return 0;
    if (terminator.kind === "jump") return terminator.to === to ? 1 : 0;
    return (terminator.whenTrue === to ? 1 : 0) + (terminator.whenFalse === to ? 1 : 0);
  };
  // How many edges of each predecessor the block at hand has already.
  const owner = new Int32Array(changed.length).fill(-1);
  const taken = new Uint8Array(changed.length);
  const take = (from: BlockId, to: BlockId): boolean => {
    if (owner[from] !== to) {
      owner[from] = to;
      taken[from] = 0;
    }
    return taken[from]!++ < edges(from, to);
  };
  const blocks = order.map((id): Block => {
    const block = changed[id]!;
    const kept: number[] = [];
    for (let index = 0; index < block.predecessors.length; index++)
      if (take(block.predecessors[index]!, id)) kept.push(index);
    const isWhole = kept.length === block.predecessors.length;
    return {
      predecessors: kept.map((index) => number[block.predecessors[index]!]!),
      phis: isWhole
        ? block.phis
        : block.phis.map((phi) => ({ ...phi, arguments: kept.map((index) => phi.arguments[index]!) })),
      instructions: block.instructions,
      terminator: renumber(block.terminator, number),
    };
  });
  return { ...ir, blocks };
}

/** The function without blocks that no path leads to. */
export const withoutUnreachable = (ir: IrFunction): IrFunction =>
  withTerminators(
    ir,
    ir.blocks.map(({ terminator }) => terminator),
  );

export function renumber(terminator: Terminator, number: ArrayLike<BlockId>): Terminator {
  if (terminator.kind === "exit") return terminator;
  if (terminator.kind === "jump") {
    const to = number[terminator.to]!;
    return to === terminator.to ? terminator : { ...terminator, to };
  }
  const [whenTrue, whenFalse] = [number[terminator.whenTrue]!, number[terminator.whenFalse]!];
  const isSame = whenTrue === terminator.whenTrue && whenFalse === terminator.whenFalse;
  return isSame ? terminator : { ...terminator, whenTrue, whenFalse };
}

/** Throws INTERNAL_INVARIANT unless the function is well formed: run behind every pass in tests. */
export function verifyIr(ir: IrFunction): void {
  const idom = dominators(ir.blocks);
  const home = new Map<ValueId, BlockId>();
  ir.blocks.forEach((block, id) => {
    invariant(idom[id] !== -1, `b${id} is unreachable`);
    for (const value of [...block.phis, ...block.instructions]) {
      invariant(!home.has(value.id) && value.id < ir.values, `v${value.id} is defined twice or too high`);
      home.set(value.id, id);
    }
  });
  const dominates = (a: BlockId, b: BlockId): boolean => {
    let block = b;
    while (block !== a && block !== 0) block = idom[block]!;
    return block === a;
  };
  ir.blocks.forEach((block, id) => {
    const from = ir.blocks.flatMap((one, index) =>
      successors(one.terminator)
        .filter((to) => to === id)
        .map(() => index),
    );
    invariant([...from].sort().join() === [...block.predecessors].sort().join(), `b${id} has other predecessors`);
    for (const phi of block.phis) {
      invariant(phi.arguments.length === block.predecessors.length, `v${phi.id} has too few arguments`);
      phi.arguments.forEach((value, index) => {
        invariant(dominates(home.get(value)!, block.predecessors[index]!), `v${value} does not reach v${phi.id}`);
      });
    }
    checkUses(block, id, home, dominates);
  });
}

function checkUses(
  block: Block,
  id: BlockId,
  home: ReadonlyMap<ValueId, BlockId>,
  dominates: (a: BlockId, b: BlockId) => boolean,
): void {
  const here = new Set(block.phis.map((phi) => phi.id));
  const check = (value: ValueId): ValueId => {
    const at = home.get(value);
    invariant(
      at !== undefined && (at === id ? here.has(value) : dominates(at, id)),
      `v${value} is used before it is defined`,
    );
    return value;
  };
  for (const one of block.instructions) {
    mapOperands(one.operation, check);
    here.add(one.id);
  }
  mapTerminator(block.terminator, check);
}
