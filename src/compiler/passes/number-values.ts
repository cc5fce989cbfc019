/**
 * Common subexpressions: a pure operation that a dominating block has computed already is not computed again.
 *
 * Constants, symbols and stack addresses are left alone: the backend makes them anew at each use, which costs no register.
 */
import { dominators, replaceValues, reversePostorder } from "../ir/cfg.ts";
import { COMMUTATIVE, type IrFunction, isPure, mapOperands, type Operation, type ValueId } from "../ir/ir.ts";

export function numberValues(ir: IrFunction): IrFunction {
  const order = reversePostorder(ir.blocks);
  const idom = dominators(ir.blocks, order);
  const replaced = new Map<ValueId, ValueId>();
  const known: Map<string, ValueId>[] = [];
  const resolve = (value: ValueId): ValueId => replaced.get(value) ?? value;
  for (const id of order) {
    const here = new Map<string, ValueId>();
    known[id] = here;
    for (const one of ir.blocks[id]!.instructions) {
      if (!isPure(one.operation) || CHEAP.has(one.operation.kind)) continue;
      const key = keyOf(mapOperands(one.operation, resolve));
      const earlier = find(key, id, known, idom);
      if (earlier === undefined) here.set(key, one.id);
      else replaced.set(one.id, earlier);
    }
  }
  return replaceValues(ir, replaced);
}

const CHEAP: ReadonlySet<string> = new Set(["constant", "symbol", "stack", "argument"]);

function find(
  key: string,
  block: number,
  known: readonly Map<string, ValueId>[],
  idom: Int32Array,
): ValueId | undefined {
  for (let id = block; ; id = idom[id]!) {
    const value = known[id]!.get(key);
    if (value !== undefined || id === 0) return value;
  }
}

function keyOf(operation: Operation): string {
  if (operation.kind === "alu" && COMMUTATIVE.has(operation.code) && operation.a > operation.b) {
    return JSON.stringify({ ...operation, a: operation.b, b: operation.a });
  }
  return JSON.stringify(operation);
}
