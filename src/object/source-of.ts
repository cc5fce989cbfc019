/** Where an instruction of a linked program comes from: line information (`.BTF.ext`) by slot. */
import type { SourceLocation } from "../base/index.ts";
import type { LinkedProgram } from "./link.ts";

/** The source line of a slot, the second half of `ld_imm64` included; undefined where the object names none. */
export function sourceOf(
  { slots, lines }: Pick<LinkedProgram, "slots" | "lines">,
  slot: number,
): SourceLocation | undefined {
  let index = slots.indexOf(slot);
  if (index < 0) index = slots.indexOf(slot - 1);
  const line = lines.findLast((row) => row.instruction <= index);
  return line && { kind: "source", file: line.file, line: line.line, column: line.column, text: line.text };
}
