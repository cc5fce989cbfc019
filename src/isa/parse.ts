/**
 * The assembler: text to instructions, by the same table that prints them.
 *
 *   loop:                          ; a label; comments begin with ; # or //
 *     r1 = *(u32 *)(r6 + 0x4)      ; numbers in hexadecimal or decimal
 *     if r1 > r2 goto loop         ; a label or a distance: goto +0x5, goto -0x2 <loop>
 *     call 1                       ; a helper; `call loop` calls what the label names
 *     .insn 255, 0, 1, 0, 0        ; opcode, dst, src, offset, imm, for what has no name
 *
 * Slot numbers and raw bytes in front, as llvm-objdump writes them, are skipped, and `0000000000000090 <loop>:` is a
 * label. Invariant: a form is accepted only when it uses every token of its line.
 */
import { type SourceLocation, xdpkitError } from "../base/index.ts";
import { type Instruction, LD_IMM64, slotsOf } from "./instruction.ts";
import { type Draft, type Fields, OPERANDS } from "./operands.ts";
import { FORMS, type Form } from "./table.ts";
import { compilePattern, type Piece } from "./template.ts";
import { type Token, TokenReader, tokenize } from "./tokens.ts";

/** Names and places for errors. */
export interface ParseOptions {
  /** Named in error locations. Default `input`. */
  readonly file?: string;
  /** Leave calls and addresses of names that are no label here to the caller, in `Parsed.symbols`. Default false. */
  readonly symbols?: boolean;
}

/** A text of instructions that has been parsed. */
export interface Parsed {
  /** In the order of the text. */
  readonly instructions: readonly Instruction[];
  /** Label to instruction index; a label behind the last instruction has the index of the next. */
  readonly labels: ReadonlyMap<string, number>;
  /** Names left to the caller, ordered by instruction. */
  readonly symbols: readonly { readonly instruction: number; readonly name: string; readonly addend: number }[];
  /** The line of each instruction, from 1. */
  readonly lines: readonly number[];
}

interface Line {
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

interface Statement {
  readonly draft: Draft;
  readonly instruction: Instruction;
  readonly at: (token: number) => SourceLocation;
  readonly line: number;
}

/**
 * Instructions of assembler text.
 *
 * @throws ISA_SYNTAX, ISA_NUMBER_RANGE, ISA_LABEL_UNKNOWN, ISA_LABEL_TWICE, ISA_FIELD_RANGE at line and column.
 */
export function parse(text: string, options: ParseOptions = {}): Instruction[] {
  const lines = text.split("\n").map((line, index) => ({ text: line, line: index + 1 }));
  return [...parseLines(lines, options).instructions];
}

/**
 * The same for some lines of a larger text.
 *
 * @throws XdpkitError ISA_LABEL_TWICE, ISA_LABEL_UNKNOWN, ISA_FIELD_RANGE, ISA_NUMBER_RANGE, ISA_SYNTAX
 */
export function parseLines(lines: readonly Line[], options: ParseOptions = {}): Parsed {
  const file = options.file ?? "input";
  const labels = new Map<string, number>();
  const declared = new Map<string, number>();
  const statements: Statement[] = [];
  for (const { text, line } of lines) {
    const { label, column, code } = splitLine(text);
    if (label !== null) {
      const earlier = declared.get(label);
      const at: SourceLocation = { kind: "source", file, line, column, text };
      if (earlier !== undefined) throw xdpkitError("ISA_LABEL_TWICE", { label, line: earlier }, { at });
      declared.set(label, line);
      labels.set(label, statements.length);
    }
    if (code.trim() !== "") statements.push(parseStatement(code, { text, line, file }));
  }
  return resolve(statements, labels, options.symbols ?? false);
}

const COMMENT = /;.*|#.*|\/\/.*/;
/** A symbol as llvm-objdump shows it; behind a label of ours stands a comment. */
const HEADER = /^[0-9a-f]{16} <([^>]+)>:\s*(?:;.*)?$/;
const SLOT = /^\s*\d+:\s+((?:[0-9a-f]{2} ){7}(?:(?:[0-9a-f]{2} ){8})?[0-9a-f]{2}\s)?/;
const LABEL = /^(\s*)([A-Za-z_.$?][\w.$?/]*):/;

/** Blanks what is no code, so that columns stay. */
function splitLine(text: string): { label: string | null; column: number; code: string } {
  const header = HEADER.exec(text);
  if (header) return { label: header[1] as string, column: 19, code: "" };
  const code = text.replace(COMMENT, "").replace(SLOT, (prefix) => " ".repeat(prefix.length));
  const label = LABEL.exec(code);
  if (!label) return { label: null, column: 1, code };
  const blank = " ".repeat(label[0].length);
  return { label: label[2] as string, column: (label[1] as string).length + 1, code: blank + code.slice(blank.length) };
}

interface Pattern {
  readonly form: Form;
  readonly pieces: readonly Piece[];
}

const patterns: readonly Pattern[] = FORMS.flatMap((form) =>
  [...new Set([form.text, form.text32 ?? form.text, ...(form.also ?? [])])].map((text) => ({
    form,
    pieces: compilePattern(text),
  })),
);

/** `r1 +=` and `if`: by what a line begins with, so that few patterns are tried. */
const byBeginning = new Map<string, Pattern[]>();
for (const pattern of patterns) {
  const [first, second] = pattern.pieces.map(beginningOf);
  const key = `${first} ${second?.startsWith("{") ? "" : (second ?? "")}`;
  const group = byBeginning.get(key) ?? [];
  byBeginning.set(key, group);
  group.push(pattern);
}

function beginningOf(piece: Piece): string {
  if ("literal" in piece) return piece.literal;
  return piece.operand === OPERANDS.dst32 || piece.operand === OPERANDS.src32 ? "{w}" : "{r}";
}

/** Patterns that a line may be. */
function candidates(tokens: readonly Token[]): readonly Pattern[] {
  const [first = "", second = ""] = tokens.map(({ text }) => text);
  const starts = /^[rw]\d+$/.test(first) ? [first, `{${first[0]}}`] : [first];
  return starts.flatMap((start) => [`${start} `, `${start} ${second}`].flatMap((key) => byBeginning.get(key) ?? []));
}

function parseStatement(code: string, place: { text: string; line: number; file: string }): Statement {
  const reader = new TokenReader(tokenize(code));
  const at = (token: number): SourceLocation => ({
    kind: "source",
    file: place.file,
    line: place.line,
    column: reader.tokens[token]?.column ?? place.text.length + 1,
    text: place.text,
  });
  const raw = parseRaw(reader);
  if (raw) return { draft: { fields: {} }, instruction: raw, at, line: place.line };
  for (const { form, pieces } of candidates(reader.tokens)) {
    const draft = match(reader, pieces);
    if (draft) return { draft, instruction: build(form, draft.fields), at, line: place.line };
  }
  for (const { pieces } of patterns) match(reader, pieces);
  throw syntaxError(reader, at);
}

function match(reader: TokenReader, pieces: readonly Piece[]): Draft | null {
  reader.position = 0;
  const draft: Draft = { fields: {} };
  for (const piece of pieces) {
    if (!("operand" in piece ? piece.operand.read(reader, draft) : reader.literal(piece.literal))) return null;
  }
  return reader.done ? draft : null;
}

function build(form: Form, fields: Fields): Instruction {
  const { opcode, src = 0, offset = 0, imm = 0 } = form;
  const instruction = { opcode, dst: 0, src, offset, imm, ...fields };
  return opcode === LD_IMM64 ? { ...instruction, high: fields.high ?? 0 } : instruction;
}

const RAW_LIMITS = [
  [0n, 255n],
  [0n, 15n],
  [0n, 15n],
  [-0x8000n, 0x7fffn],
  [-0x8000_0000n, 0x7fff_ffffn],
  [-0x8000_0000n, 0x7fff_ffffn],
] as const;

function parseRaw(reader: TokenReader): Instruction | null {
  reader.position = 0;
  if (!reader.literal(".insn")) return null;
  const values: number[] = [];
  for (const [min, max] of RAW_LIMITS) {
    if (values.length > 0 && !reader.literal(",")) break;
    const value = reader.integer(min, max);
    if (value === null) return null;
    values.push(Number(value));
  }
  const [opcode = 0, dst = 0, src = 0, offset = 0, imm = 0, high] = values;
  if (!reader.done || values.length < 5 || (opcode === LD_IMM64) !== (high !== undefined)) return null;
  const instruction = { opcode, dst, src, offset, imm };
  return high === undefined ? instruction : { ...instruction, high };
}

/** What the forms that came as far as `furthest` would have taken there. */
function syntaxError(reader: TokenReader, at: (token: number) => SourceLocation) {
  const { furthest, outOfRange } = reader;
  if (outOfRange?.token === furthest) {
    const { text, min, max } = outOfRange;
    return xdpkitError("ISA_NUMBER_RANGE", { text, min: `${min}`, max: `${max}` }, { at: at(furthest) });
  }
  const expected = new Set<string>();
  for (const { pieces } of patterns) {
    const wanted = expectation(reader, pieces, furthest);
    if (wanted) expected.add(wanted);
  }
  const token = reader.tokens[furthest]?.text;
  const found = token === undefined ? "the end of the line" : `\`${token}\``;
  const parameters = { found, expected: printExpected([...expected], furthest) };
  const similar = token === undefined ? null : similarWord(token, expected);
  return xdpkitError("ISA_SYNTAX", parameters, {
    at: at(furthest),
    hint: similar === null ? undefined : `did you mean ${similar}?`,
  });
}

function expectation(reader: TokenReader, pieces: readonly Piece[], furthest: number): string | null {
  reader.position = 0;
  const draft: Draft = { fields: {} };
  for (const piece of pieces) {
    const start = reader.position;
    const taken = "operand" in piece ? piece.operand.read(reader, draft) : reader.literal(piece.literal);
    if (!taken) return start === furthest ? ("operand" in piece ? piece.operand.what : `\`${piece.literal}\``) : null;
  }
  return reader.position === furthest ? "the end of the line" : null;
}

function printExpected(expected: readonly string[], furthest: number): string {
  if (furthest === 0) return "an instruction or a label";
  const shown = expected.slice(0, 6);
  if (expected.length > 6) shown.push("…");
  return shown.join(", ") || "the end of the line";
}

/** The expected word that differs from the one found by one letter or by two letters in each other's place. */
function similarWord(found: string, expected: ReadonlySet<string>): string | null {
  const letters = [...found].sort().join("");
  for (const wanted of expected) {
    const word = wanted.replaceAll("`", "");
    if (word.length < 3 || !wanted.startsWith("`")) continue;
    const swapped = [...word].sort().join("") === letters;
    const changed = word.length === found.length && [...word].filter((letter, i) => letter !== found[i]).length === 1;
    const cut = word.startsWith(found) || found.startsWith(word);
    if (swapped || changed || cut) return wanted;
  }
  return null;
}

/** Turns labels into distances. */
function resolve(statements: readonly Statement[], labels: ReadonlyMap<string, number>, keepSymbols: boolean): Parsed {
  const slots = [0];
  for (const { instruction } of statements) slots.push((slots.at(-1) ?? 0) + slotsOf(instruction));
  const symbols: { instruction: number; name: string; addend: number }[] = [];
  const instructions = statements.map((statement, index) => {
    const { draft, instruction, at } = statement;
    const { symbol, target } = draft;
    const name = symbol?.name ?? target?.label;
    if (name === undefined) return instruction;
    const label = labels.get(name);
    if (target && label !== undefined) return jumpTo(statement, (slots[label] ?? 0) - (slots[index + 1] ?? 0));
    const isCall = instruction.opcode === 0x85;
    if (!keepSymbols || !(symbol || isCall)) {
      const token = (symbol ?? target)?.token ?? 0;
      throw xdpkitError("ISA_LABEL_UNKNOWN", { label: name, known: [...labels.keys()] }, { at: at(token) });
    }
    symbols.push({ instruction: index, name, addend: symbol?.addend ?? 0 });
    return isCall ? { ...instruction, imm: -1 } : { ...instruction, imm: symbol?.addend ?? 0 };
  });
  return { instructions, labels, symbols, lines: statements.map(({ line }) => line) };
}

function jumpTo({ draft, instruction, at }: Statement, distance: number): Instruction {
  const { field, token } = draft.target as NonNullable<Draft["target"]>;
  if (field === "offset" && (distance < -0x8000 || distance > 0x7fff)) {
    const range = { field: "offset", value: distance, min: -0x8000, max: 0x7fff };
    throw xdpkitError("ISA_FIELD_RANGE", range, { at: at(token) });
  }
  return { ...instruction, [field]: distance };
}
