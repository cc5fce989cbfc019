/**
 * The order of blocks: each before its successors, but the test of a loop behind its body, so that a round takes one jump.
 */
import { reversePostorder } from "../ir/cfg.ts";
import type { Block, BlockId } from "../ir/ir.ts";
import { loopsOf } from "../passes/loops.ts";

export function blockOrder(blocks: readonly Block[]): BlockId[] {
  const order = reversePostorder(blocks);
  for (const { header, latch, blocks: body } of loopsOf(blocks)) {
    const { terminator } = blocks[header]!;
    if (terminator.kind !== "branch" || blocks[latch]!.terminator.kind !== "jump" || header === latch) continue;
    const leaves = body.has(terminator.whenTrue) !== body.has(terminator.whenFalse);
    if (!leaves) continue;
    order.splice(order.indexOf(header), 1);
    order.splice(order.indexOf(latch) + 1, 0, header);
  }
  return order;
}
