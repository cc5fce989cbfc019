/** What an error prints, wherever it is printed: in full, without the stack of xdpkit's own modules. */
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { inEntry, locate, printErrorText, problemOf, type XdpkitError, xdpkitError } from "./index.ts";

const at = { kind: "source", file: "guard.xdp.ts", line: 7, column: 4, text: "\treturn a / b;" } as const;
const division = () => xdpkitError("COMPILER_DIVISION", {}, { at });
const TEXT = [
  "COMPILER_DIVISION guard.xdp.ts:7:4: `/` between numbers may give a fraction",
  "  7 | \treturn a / b;",
  "      \t  ^",
  "  write Math.trunc(a / b), or a shift",
].join("\n");

it("has all of it in its message", () => {
  const error = division();
  expect(error.message).toBe(TEXT);
  expect([error.problem, error.hint, error.at]).toEqual([
    "`/` between numbers may give a fraction",
    "write Math.trunc(a / b), or a shift",
    at,
  ]);
});

it("prints the line in the source rather than the number of an instruction", () => {
  const instruction = { kind: "instruction", program: "guard", index: 3, source: at } as const;
  const { code, problem, hint } = division();
  expect(printErrorText({ code, problem, hint, at: instruction })).toBe(TEXT);
  expect(printErrorText({ code, problem, at: { kind: "instruction", program: "guard", index: 3 } })).toBe(
    "COMPILER_DIVISION program guard, instruction 3: `/` between numbers may give a fraction",
  );
});

it("is text and the caller's frames when it is inspected or uncaught", () => {
  const frames = division().stack!.replace(`XdpkitError: ${TEXT}\n`, "").split("\n");
  expect(frames[0]).toMatch(/^ {4}at .*error\.test\.ts:\d+:\d+\)?$/);
  expect(frames.filter((line) => /\/base\/(error|stack)\.ts/.test(line))).toEqual([]);
  expect(inspect(division())).toMatch(/^XdpkitError: COMPILER_DIVISION guard\.xdp\.ts:7:4: /);
  expect(inspect(division())).toMatch(/\{\n {2}code: 'COMPILER_DIVISION'\n\}$/);
});

it("finds a caller far below its own frames", () => {
  const deep = (levels: number): XdpkitError => (levels === 0 ? division() : deep(levels - 1));
  expect(
    deep(30)
      .stack!.split("\n")
      .filter((line) => /error\.test\.ts/.test(line)).length,
  ).toBeGreaterThan(30);
});

it("keeps every frame of what is a bug of xdpkit", () => {
  expect(xdpkitError("INTERNAL_INVARIANT", { what: "x" }).stack).toMatch(/\/base\/error\.ts:\d+/);
});

it("can be given another stack, as test runners do", () => {
  const error = division();
  error.stack = "replaced";
  expect(error.stack).toBe("replaced");
});

it("says the problem alone where it becomes part of another message", () => {
  expect(problemOf(division())).toBe("`/` between numbers may give a fraction");
  expect([problemOf(new Error("why")), problemOf("text")]).toEqual(["why", "text"]);
});

it("stays one text when a place is added", () => {
  const error = locate(xdpkitError("CLI_MAP_FILE", { problem: "no list" }), { kind: "file", file: "denied.json" });
  expect(error.message.split("\n")[0]).toBe(`CLI_MAP_FILE denied.json: ${error.problem}`);
  const inside = xdpkitError("CLI_MAP_FILE", { problem: "no key" }, { at: { kind: "path", path: "$.key" } });
  expect((inEntry(inside, 3) as XdpkitError).message).toContain("CLI_MAP_FILE $[3].key: ");
});
