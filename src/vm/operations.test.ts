/** The numbers of operations.ts stand as literals in the interpreter's switch, each under its name. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { OPERATION } from "./operations.ts";

const source = readFileSync(new URL("./interpreter.ts", import.meta.url), "utf8");
/** `case 0: {` with the name in the next line, or `case 2: // mul64`. */
const CASE = /^ {6}case (\d+): *(?:\{\n *)?\/\/ (\w+)/gm;

it("every case of the interpreter is the operation that it names, and every operation has its case", () => {
  const cases = Array.from(source.matchAll(CASE), ([, number, name]) => [name, Number(number)] as const);
  const expected = Object.entries(OPERATION).filter(([name]) => name !== "invalid");
  const order = (a: readonly [unknown, number], b: readonly [unknown, number]): number => a[1] - b[1];
  expect([...cases].sort(order)).toEqual([...expected].sort(order));
});

it("no case lacks a name, and `invalid` falls to the default", () => {
  const bare = source.match(/^ {6}case \d+:/gm)!.length;
  expect(bare).toBe(Object.keys(OPERATION).length - 1);
  expect(source.match(new RegExp(`case ${OPERATION.invalid}:`))).toBeNull();
});
