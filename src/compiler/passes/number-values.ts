/**
 * Common subexpressions: a pure operation that a dominating block has computed already is not computed again.
 *
 * Constants, symbols and stack addresses are left alone: the backend makes them anew at each use, which costs no register.
 */
import { dominators, replaceValues, reversePostorder } from "../ir/cfg.ts";
import { COMMUTATIVE, type IrFunction, isPure, mapOperands, type Operation, operands, type ValueId } from "../ir/ir.ts";

export function numberValues(ir: IrFunction): IrFunction {
  const order = reversePostorder(ir.blocks);
  const idom = dominators(ir.blocks, order);
  const replaced = new Map<ValueId, ValueId>();
  const known: Map<string, ValueId>[] = [];
  const constants = new Map<ValueId, bigint>();
  const resolve = (value: ValueId): ValueId => replaced.get(value) ?? value;
  for (const id of order) {
    const here = new Map<string, ValueId>();
    known[id] = here;
    for (const one of ir.blocks[id]!.instructions) {
      if (one.operation.kind === "constant") constants.set(one.id, one.operation.value);
      if (!isPure(one.operation) || CHEAP.has(one.operation.kind)) continue;
      const key = keyOf(mapOperands(one.operation, resolve), constants);
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

/** Equal constants are one operand, though each has a value of its own. */
function keyOf(operation: Operation, constants: ReadonlyMap<ValueId, bigint>): string {
  const name = (value: ValueId): string => {
    const constant = constants.get(value);
    return constant === undefined ? `v${value}` : `${constant}`;
  };
  switch (operation.kind) {
    case "alu": {
      const [a, b] = [name(operation.a), name(operation.b)];
      const [first, second] = COMMUTATIVE.has(operation.code) && a > b ? [b, a] : [a, b];
      return `${operation.code}${operation.width} ${first} ${second}`;
    }
    case "negate":
      return `negate${operation.width} ${name(operation.a)}`;
    case "signExtend":
    case "swap":
      return `${operation.kind}${operation.bits} ${name(operation.a)}`;
    case "offset":
      return `offset ${name(operation.base)} ${name(operation.by)} ${operation.most ?? ""}`;
    default:
      return `${operation.kind} ${operands(operation).map(name).join()}`;
  }
}
