/** Blocks: one that only follows another is appended to it, an empty one on the way is stepped over. */
import { withTerminators } from "../ir/cfg.ts";
import type { Block, BlockId, IrFunction, Terminator } from "../ir/ir.ts";
import { successors } from "../ir/ir.ts";

export function simplifyGraph(ir: IrFunction): IrFunction {
  return merge(stepOver(ir));
}

/** Jumps to an empty block without phis that jumps on go where it goes, unless phis there must tell the ways apart. */
function stepOver(ir: IrFunction): IrFunction {
  const target = (id: BlockId): BlockId => {
    const block = ir.blocks[id]!;
    const { terminator } = block;
    const empty = block.phis.length === 0 && block.instructions.length === 0 && terminator.kind === "jump";
    if (!empty || terminator.to === id || ir.blocks[terminator.to]!.phis.length > 0) return id;
    return terminator.to;
  };
  const terminators = ir.blocks.map(({ terminator }): Terminator => {
    if (terminator.kind === "exit") return terminator;
    if (terminator.kind === "jump") {
      const to = target(terminator.to);
      return to === terminator.to ? terminator : { ...terminator, to };
    }
    const [whenTrue, whenFalse] = [target(terminator.whenTrue), target(terminator.whenFalse)];
    const isSame = whenTrue === terminator.whenTrue && whenFalse === terminator.whenFalse;
    return isSame ? terminator : { ...terminator, whenTrue, whenFalse };
  });
  if (terminators.every((terminator, id) => terminator === ir.blocks[id]!.terminator)) return ir;
  return withTerminators(withPredecessors(ir, terminators), terminators);
}

/** Predecessors recomputed where edges have moved; targets of moved edges have no phis. */
function withPredecessors(ir: IrFunction, terminators: readonly Terminator[]): IrFunction {
  const from: BlockId[][] = ir.blocks.map(() => []);
  terminators.forEach((terminator, id) => {
    for (const to of successors(terminator)) from[to]!.push(id);
  });
  const blocks = ir.blocks.map((block, id) => (block.phis.length > 0 ? block : { ...block, predecessors: from[id]! }));
  return { ...ir, blocks };
}

/** Appends each block whose only predecessor jumps to it. */
function merge(ir: IrFunction): IrFunction {
  const blocks: Block[] = [...ir.blocks];
  const moved = new Map<BlockId, BlockId>();
  for (let id = 0; id < blocks.length; id++) {
    if (moved.has(id)) continue;
    for (let next = onlyFollower(blocks, id); next !== undefined; next = onlyFollower(blocks, id)) {
      const [block, follower] = [blocks[id]!, blocks[next]!];
      blocks[id] = {
        ...block,
        instructions: [...block.instructions, ...follower.instructions],
        terminator: follower.terminator,
      };
      moved.set(next, id);
      for (const to of successors(follower.terminator)) {
        const target = blocks[to]!;
        blocks[to] = { ...target, predecessors: target.predecessors.map((one) => (one === next ? id : one)) };
      }
      blocks[next] = { ...follower, predecessors: [], terminator: { kind: "jump", to: next } };
    }
  }
  if (moved.size === 0) return ir;
  const merged = { ...ir, blocks };
  return withTerminators(
    merged,
    blocks.map(({ terminator }) => terminator),
  );
}

function onlyFollower(blocks: readonly Block[], id: BlockId): BlockId | undefined {
  const { terminator } = blocks[id]!;
  if (terminator.kind !== "jump" || terminator.to === id || terminator.to === 0) return undefined;
  const follower = blocks[terminator.to]!;
  return follower.predecessors.length === 1 && follower.phis.length === 0 ? terminator.to : undefined;
}
