/** Counting outcomes: a struct of u64, one per name, in a per-CPU array of one element. */
import type { Outcomes } from "../../lang/index.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front } from "./front.ts";
import { isPresent } from "./splits.ts";

/** Adds one to the counter. The verifier asks for the test of the look-up; it never fails. */
export function countOutcome(
  front: Front,
  outcomes: Outcomes<string>,
  name: string,
  node: SyntaxNode,
  call: SyntaxNode,
): void {
  const index = outcomes.names.indexOf(name);
  if (index < 0) {
    const expected = `one of ${outcomes.names.slice(0, 6).join(", ")}`;
    front.fail("COMPILER_TYPE", { expected, found: JSON.stringify(name) }, node);
  }
  if (front.state.lockedSince !== undefined)
    front.fail("COMPILER_UNDER_LOCK", { what: "a counter", line: front.state.lockedSince }, call);
  const map = front.emit(
    { kind: "symbol", symbol: { kind: "map", map: front.unit.outcomes(outcomes, node, front) } },
    "pointer",
  );
  const slot = front.indexSlot();
  front.emit({ kind: "store", size: 4, base: front.stackAddress(slot), offset: 0, value: front.constant(0) });
  const counter = front.call(front.unit.helper("bpf_map_lookup_elem"), [map, front.stackAddress(slot)], "pointer");
  const { yes, no } = isPresent(front, counter);
  front.follow(yes);
  const offset = 8 * index;
  const before = front.emit({ kind: "load", size: 8, signed: false, base: counter, offset });
  front.emit({ kind: "store", size: 8, base: counter, offset, value: front.aluConstant("add", before, 1) });
  front.joinStates([front.leave(), no]);
}
