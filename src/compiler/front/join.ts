/** Paths of an expression that needs one value. */
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front, Outcome } from "./front.ts";
import { DIFFERENT_VALUES } from "./merge.ts";
import type { Value } from "./value.ts";

export function joinOutcomes(front: Front, outcomes: readonly Outcome[], node: SyntaxNode): Value {
  try {
    const value = front.join(outcomes);
    return front.isReachable ? front.settle(value) : value;
  } catch (thrown) {
    if (thrown !== DIFFERENT_VALUES) throw thrown;
    return front.fail("COMPILER_PATHS_DIFFER", { name: front.textOf(node) }, node);
  }
}

/** The path that is being followed, with a value. */
export const outcome = (front: Front, value: Value): Outcome[] =>
  front.isReachable ? [{ state: front.leave(), value }] : [];
