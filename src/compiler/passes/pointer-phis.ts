/**
 * `data + phi(14, 18, 22)` becomes `phi(data + 14, data + 18, data + 22)`: those pointers were made for the checks in front
 * of the join already, so the header behind it costs no addition. The verifier walks each path by itself.
 */
import { dominators, replaceValues } from "../ir/cfg.ts";
import type { BlockId, IrFunction, IrInstruction, Phi, ValueId } from "../ir/ir.ts";
import { definitionsOf } from "./known-bits.ts";

export function pointerPhis(ir: IrFunction): IrFunction {
  const definitions = definitionsOf(ir);
  const phiBlocks = new Map<ValueId, { readonly block: BlockId; readonly phi: Phi }>();
  const homes = new Map<ValueId, BlockId>();
  ir.blocks.forEach(({ phis, instructions }, block) => {
    for (const phi of phis) phiBlocks.set(phi.id, { block, phi });
    for (const { id } of [...phis, ...instructions]) homes.set(id, block);
  });
  const idom = dominators(ir.blocks);
  const dominates = (a: BlockId, b: BlockId): boolean => {
    let block = b;
    while (block !== a && block !== 0) block = idom[block]!;
    return block === a;
  };
  const added = new Map<BlockId, { phis: Phi[]; ends: IrInstruction[] }>();
  const extra = (block: BlockId): { phis: Phi[]; ends: IrInstruction[] } => {
    let found = added.get(block);
    if (!found) added.set(block, (found = { phis: [], ends: [] }));
    return found;
  };
  const replaced = new Map<ValueId, ValueId>();
  const made = new Map<string, ValueId>();
  let { values } = ir;
  for (const { instructions } of ir.blocks) {
    for (const { id, operation } of instructions) {
      const found = operation.kind === "offset" ? phiBlocks.get(operation.by) : undefined;
      if (operation.kind !== "offset" || !found) continue;
      const { block, phi } = found;
      const { predecessors } = ir.blocks[block]!;
      const isConstant = phi.arguments.every((value) => definitions.get(value)?.kind === "constant");
      const home = homes.get(operation.base);
      const isBefore = home !== undefined && home !== block && predecessors.every((one) => dominates(home, one));
      if (!isConstant || !isBefore) continue;
      const key = `${operation.base} ${operation.by}`;
      const known = made.get(key);
      if (known !== undefined) {
        replaced.set(id, known);
        continue;
      }
      const pointers = phi.arguments.map((by, index) => {
        const pointer = values++;
        extra(predecessors[index]!).ends.push({
          id: pointer,
          type: "pointer",
          operation: { kind: "offset", base: operation.base, by },
        });
        return pointer;
      });
      const joined = values++;
      extra(block).phis.push({ id: joined, type: "pointer", arguments: pointers });
      made.set(key, joined);
      replaced.set(id, joined);
    }
  }
  if (replaced.size === 0) return ir;
  const blocks = ir.blocks.map((block, id) => {
    const more = added.get(id);
    if (!more) return block;
    return { ...block, phis: [...block.phis, ...more.phis], instructions: [...block.instructions, ...more.ends] };
  });
  return replaceValues({ ...ir, blocks, values }, replaced);
}
