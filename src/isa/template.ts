/**
 * A row's text, split once into literal pieces and operands; and the rows indexed for decoding.
 *
 * Invariant: `formOf` finds exactly the row whose fixed fields the instruction has and whose reserved fields it
 * leaves at zero.
 */
import { invariant } from "../base/index.ts";
import { type Instruction, LD_IMM64 } from "./instruction.ts";
import { type Field, OPERANDS, type Operand, type OperandName } from "./operands.ts";
import { FORMS, type Form } from "./table.ts";
import { tokenize } from "./tokens.ts";

export type Piece = { readonly literal: string } | { readonly operand: Operand };

/** `{dst} += {imm}` as pieces, white space kept. */
export function compileText(text: string): Piece[] {
  return text.split(/(\{[^}]+\})/).flatMap((part): Piece[] => {
    if (part === "") return [];
    if (!part.startsWith("{")) return [{ literal: part }];
    const name = part.slice(1, -1);
    invariant(name in OPERANDS, `operand ${name} of the instruction table exists`);
    return [{ operand: OPERANDS[name as OperandName] }];
  });
}

/** The same with each literal split into the tokens of the assembler. */
export function compilePattern(text: string): Piece[] {
  return compileText(text).flatMap((piece): Piece[] =>
    "operand" in piece ? [piece] : tokenize(piece.literal).map((token) => ({ literal: token.text })),
  );
}

const FIELDS = ["dst", "src", "offset", "imm"] as const satisfies readonly Field[];

/** Fields that the instruction must leave at zero. */
function reservedFields(form: Form): readonly Field[] {
  const used = compileText(form.text).flatMap((piece) => ("operand" in piece ? piece.operand.fields : []));
  const fields: readonly Field[] = form.opcode === LD_IMM64 ? [...FIELDS, "high"] : FIELDS;
  return fields.filter((field) => !used.includes(field) && !(field !== "dst" && field !== "high" && field in form));
}

export interface IndexedForm {
  readonly form: Form;
  readonly reserved: readonly Field[];
}

const byOpcode: readonly (readonly IndexedForm[])[] = Array.from({ length: 256 }, (_, opcode) =>
  FORMS.filter((form) => form.opcode === opcode).map((form) => ({ form, reserved: reservedFields(form) })),
);

/** Rows of an opcode. */
export function formsOf(opcode: number): readonly IndexedForm[] {
  return byOpcode[opcode] ?? [];
}

/** Whether the row's fixed fields are the instruction's. */
export function hasFixedFields(form: Form, instruction: Instruction): boolean {
  return (
    (form.src === undefined || form.src === instruction.src) &&
    (form.offset === undefined || form.offset === instruction.offset) &&
    (form.imm === undefined || form.imm === instruction.imm)
  );
}

/** The row of an instruction; null when it is none of RFC 9669 or Linux. Registers above r10 are not looked at. */
export function formOf(instruction: Instruction): Form | null {
  for (const { form, reserved } of formsOf(instruction.opcode)) {
    if (hasFixedFields(form, instruction) && reserved.every((field) => (instruction[field] ?? 0) === 0)) return form;
  }
  return null;
}
