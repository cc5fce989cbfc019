/** Lowering of whole functions: a program's function to IR. */

import type { IrFunction } from "../ir/ir.ts";
import { apply, evaluateCall, evaluateNew, inline } from "./calls.ts";
import { truth } from "./comparisons.ts";
import { numberOf } from "./convert.ts";
import { endProgram } from "./end.ts";
import { condition, evaluate, split } from "./expressions.ts";
import { Front, type Language } from "./front.ts";
import { mergePaths } from "./merge.ts";
import { kernelMissing } from "./missing.ts";
import { loadPacket } from "./packet-bounds.ts";
import { kernelFunction, Scope } from "./scope.ts";
import type { Unit } from "./unit.ts";
import { isStaged } from "./value.ts";

const LANGUAGE: Language = {
  evaluate,
  split,
  condition,
  callExpression: evaluateCall,
  newExpression: evaluateNew,
  call: inline,
  callValue: (front, callee, values, node) =>
    apply(front, callee, undefined, { node, values, nodes: [], isUsed: true }),
  merge: mergePaths,
  truth,
};

/** The IR of a program. Throws the XdpkitError that says what cannot be compiled. */
export function lowerProgram(
  unit: Unit,
  { body, options }: { readonly body: (ctx: never) => unknown; readonly options: { readonly deviceBound?: boolean } },
  name: string,
): IrFunction {
  const fn = kernelFunction(body) ?? kernelMissing(body);
  const front = new Front(unit, LANGUAGE, name, true, options.deviceBound === true);
  front.frames.push({ fn, scope: new Scope(), returns: [], targets: [] });
  front.start();
  front.at(fn.node);
  front.context = front.emit({ kind: "argument", index: 0, isContext: true }, "pointer");
  loadPacket(front, undefined, 0);
  front.frames.pop();
  front.frames.push({ fn: { ...fn, node: { ...fn.node } }, scope: new Scope(), returns: [], targets: [] });
  const outcomes = inline(front, fn, [{ kind: "context" }], undefined, fn.node);
  for (const { state, value, from = fn.node } of outcomes) {
    front.follow(state);
    if (isStaged(value) && value.value === undefined) front.fail("COMPILER_NO_VERDICT", { name }, from);
    const { id } = numberOf(front, value, from["argument"] ?? from, "an XdpAction");
    endProgram(front, id(), from);
  }
  return front.finish();
}
