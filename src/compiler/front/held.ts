/** What code holds and must give back before it ends: records of ring buffers, connections. */

import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front } from "./front.ts";
import type { Held } from "./state.ts";

export function leak(front: Front, { kind, line }: Held, node: SyntaxNode): never {
  if (kind === "record") return front.fail("COMPILER_RECORD_LEAK", { line }, node);
  return front.fail("COMPILER_CONNECTION_LEAK", { line, isNew: kind === "newConnection" }, node);
}

/** Refuses an end, or a jump out of the program, while something is held. */
export function requireReleased(front: Front, node: SyntaxNode): void {
  const { records, facts } = front.state;
  for (const [id, held] of records) if (facts.get(id)?.max !== 0) leak(front, held, node);
}
