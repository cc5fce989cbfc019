/**
 * Programs that stock `tsc --strict` accepts and the compiler must refuse: by which code, and where. Every code of the
 * compiler's catalogue has its row, and every message reads well on a terminal.
 */
import { expect, it } from "vitest";
import { compilerErrors } from "../../src/base/errors/compiler.ts";
import { printCaret, type XdpkitError } from "../../src/base/index.ts";
import { printError } from "../../src/cli/print-error.ts";
import { compile, programsOf } from "../../src/compiler/index.ts";
import { typeErrors } from "../support/check-types.ts";
import { loadText } from "../support/load-module.ts";
import { control } from "./rejected/control.ts";
import { numbers } from "./rejected/numbers.ts";
import { objects } from "./rejected/objects.ts";
import { places } from "./rejected/places.ts";
import { type Program, programOf, type Row } from "./rejected/row.ts";
import { values } from "./rejected/values.ts";

const ROWS: readonly Row[] = [...places, ...numbers, ...values, ...control, ...objects];
const CASES = ROWS.map((row, index) => ({
  row,
  program: programOf(row),
  file: `rejected-${index}.xdp.ts`,
  title: `${row[0]}: ${row[1].replace(/\s+/g, " ").slice(0, 90)}`,
}));

function diagnosticOf({ text }: Program, file: string): XdpkitError {
  const { object, diagnostics } = compile(programsOf(loadText(text, file)));
  expect(object).toBeUndefined();
  return diagnostics[0]!;
}

/** A caret below the first character of what is wrong, in the line as it was written. */
function expectDrawnWell(error: XdpkitError, { text, line, column, marked }: Program, file: string): void {
  expect(printError(error)).toBe(`error ${error.code} at ${file}:${line}:${column}: ${error.problem} (${error.hint})`);
  const [source = "", caret = ""] = printCaret(error.at).split("\n");
  const gutter = `  ${line} | `;
  expect(source).toBe(gutter + text.split("\n")[line - 1]);
  expect(caret).toBe(`${" ".repeat(gutter.length + column - 1)}^`);
  expect(source.slice(caret.length - 1)).toContain(marked.split("\n")[0]);
}

it.each(CASES)("$title", ({ row: [code], program, file }) => {
  const error = diagnosticOf(program, file);
  const at = error.at?.kind === "source" ? `${error.at.line}:${error.at.column}` : String(error.at?.kind);
  expect(`${error.code} ${at} ${error.problem}`).toBe(
    `${code} ${program.line}:${program.column} ${program.message ?? error.problem}`,
  );
  for (const text of [error.problem, error.hint]) expect(text).toMatch(/^\S.{5,170}\S$/);
  expectDrawnWell(error, program, file);
});

it("every code of the compiler has a row", () => {
  const codes = new Set<string>(ROWS.map(([code]) => code));
  expect(Object.keys(compilerErrors).filter((code) => !codes.has(code))).toEqual([]);
});

it("each is written down once, with its place marked", () => {
  expect(new Set(ROWS.map(([, text, options]) => JSON.stringify([text, options]))).size).toBe(ROWS.length);
  expect(ROWS.filter(([, text, options]) => !/«[^»]+»/.test(text + (options?.module ?? "")))).toEqual([]);
});

it("stock tsc --strict accepts them, but for what is written as plain JavaScript", () => {
  const errors = typeErrors(new Map(CASES.map(({ file, program }) => [file, program.text])));
  const surprises = CASES.filter(({ row, file }) => errors.has(file) !== (row[2]?.isJavaScript === true));
  expect(surprises.map(({ title, file }) => `${title}: ${errors.get(file) ?? "accepted"}`)).toEqual([]);
});
