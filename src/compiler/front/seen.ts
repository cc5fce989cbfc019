/** What the kernel's verifier knows of a number, which may be less than the compiler does. */
import type { ValueId } from "../ir/ir.ts";
import { type Front, isFollowed } from "./front.ts";
import { MAX_SAFE } from "./value.ts";

/** Whether the verifier knows a bound of the number: by what it was computed from, or by a test that it has followed. */
export function isSeen(front: Front, id: ValueId, most = MAX_SAFE, depth = 16): boolean {
  const seen = front.state.facts.get(id)?.seen;
  if (seen !== undefined && seen <= most) return true;
  if (front.isSeenByDefinition(id)) return true;
  const operation = front.builder.definition(id)?.operation;
  if (operation?.kind !== "alu" || depth === 0 || !isFollowed(operation.code)) return false;
  if (front.builder.typeOf(operation.a) === "pointer") return false;
  return [operation.a, operation.b].every((one) => isSeen(front, one, MAX_SAFE, depth - 1));
}
