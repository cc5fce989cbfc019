/**
 * Instructions as text, exactly as llvm-objdump 19 writes them.
 *
 * llvm-objdump writes some different instructions alike (see table.ts). The dialect `xdpkit` tells those apart, so
 * that `parse` gives the same instruction back; `llvm` is objdump's text to the letter, `llvm-v3` its text with
 * `--mcpu=v3` or newer. Invariant: `parse(print(i))` is `i` in the dialect `xdpkit`.
 */
import type { Instruction } from "./instruction.ts";
import { type Field, wideImmediate } from "./operands.ts";
import { FORMS, type Form } from "./table.ts";
import { compileText, formOf, type Piece } from "./template.ts";

/** `xdpkit`: each text reads back as what it was; `llvm`, `llvm-v3`: what llvm-objdump prints, of the latter with `--mcpu=v3`. */
export type Dialect = "xdpkit" | "llvm" | "llvm-v3";

/** How instructions are written. */
export interface PrintOptions {
  /** Default `xdpkit`. */
  readonly dialect?: Dialect;
  /** What to write behind a jump's distance: `end+0x48` gives `goto +0x5 <end+0x48>`. */
  readonly target?: string | undefined;
}

const TEXTS = {
  xdpkit: (form: Form) => form.text,
  llvm: (form: Form) => form.llvm ?? form.text,
  "llvm-v3": (form: Form) => form.text32 ?? form.llvm ?? form.text,
} as const satisfies Record<Dialect, (form: Form) => string>;

const compiled = new Map<string, readonly Piece[]>(
  Object.values(TEXTS).flatMap((text) => FORMS.map((form) => [text(form), compileText(text(form))] as const)),
);

/** One instruction without its final line end; what the table does not know is written as `.insn`. */
export function print(instruction: Instruction, options: PrintOptions = {}): string {
  const dialect = options.dialect ?? "xdpkit";
  const form = formOf(instruction);
  if (!form || instruction.dst > 10 || instruction.src > 10) {
    return dialect === "xdpkit" ? printRaw(instruction) : "<unknown>";
  }
  const note = options.target === undefined ? "" : ` <${options.target}>`;
  const pieces = compiled.get(TEXTS[dialect](form)) ?? [];
  return pieces.map((piece) => ("operand" in piece ? piece.operand.write(instruction, note) : piece.literal)).join("");
}

/** The fields in the order of the encoding. */
function printRaw(instruction: Instruction): string {
  const fields: readonly (Field | "opcode")[] = ["opcode", "dst", "src", "offset", "imm"];
  const values = fields.map((field) => instruction[field]);
  if (instruction.high !== undefined) values.push(instruction.high);
  return `.insn ${values.join(", ")}`;
}

/** The slot that a jump leads to, counted from the next instruction; null when it is no jump. */
export function jumpDistance(instruction: Instruction): number | null {
  const form = formOf(instruction);
  if (!form) return null;
  if (form.text.includes("{jump}")) return instruction.offset;
  return form.text.includes("{longJump}") ? instruction.imm : null;
}

export { wideImmediate };
