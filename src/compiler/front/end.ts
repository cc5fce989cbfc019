/** Where the program ends: `exit`, and what it returns. */
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front } from "./front.ts";
import { requireReleased } from "./held.ts";

/** The program's answer on this path. */
export function endProgram(front: Front, action: ValueId, node: SyntaxNode): void {
  const { lockedSince } = front.state;
  if (lockedSince !== undefined)
    front.fail("COMPILER_UNDER_LOCK", { what: "the program ends", line: lockedSince }, node);
  requireReleased(front, node);
  if (front.ends) {
    front.ends.push({ state: front.leave(), action, node });
    return;
  }
  if (!front.isProgram)
    front.unsupported("exit in a subprogram or callback", "return what the caller needs to know", node);
  front.exitWith(action);
}
