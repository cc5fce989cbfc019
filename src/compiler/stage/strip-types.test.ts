/** Types become spaces: pinned texts, refusals with their places, and TypeScript's own output as the judge. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { instrument } from "./instrument.ts";
import { parseModule } from "./parse.ts";
import { stripTypes } from "./strip-types.ts";

const strip = (source: string): string => stripTypes(source, "test.ts");

it.each<[source: string, expected: string]>([
  ["let a: number = 1", "let a         = 1"],
  ["let a: T\n(b)", "let a  ;\n(b)"],
  ["let a = b as T\n(c)", "let a = b    ;\n(c)"],
  ["a!\n(c)", "a \n(c)"],
  ["let a = (b) as const;", "let a = (b)         ;"],
  ["let a = 1\ntype T = x\n(b)", "let a = 1\n;         \n(b)"],
  ["import type { A } from 'a';", ";                          "],
  ["import { type A, b } from 'a';", "import {         b } from 'a';"],
  ["import { a, B } from 'c'; export { a, type B };", "import { a, B } from 'c'; export { a,        };"],
  ["import { A, b } from 'a'; let c: A = b;", "import {    b } from 'a'; let c    = b;"],
  ["import { b, A } from 'a'; let c: A = b;", "import { b,   } from 'a'; let c    = b;"],
  ["import { A as B, type C } from 'a'; let c: B;", ";                                   let c   ;"],
  ["import A from 'a'; let c: A.B;", ";                  let c     ;"],
  ["import A, { b } from 'a'; let c: A = b;", "import    { b } from 'a'; let c    = b;"],
  ["import b, * as A from 'a'; let c: A.B = b;", "import b         from 'a'; let c      = b;"],
  ["import { A } from 'a'; class C implements A {}", ";                      class C              {}"],
  ["import { A } from 'a'; let c: typeof A;", ";                      let c          ;"],
  ["import { A } from 'a'; export { A }; let c: A;", "import { A } from 'a'; export { A }; let c   ;"],
  ["import { A } from 'a'; let c: A = A;", "import { A } from 'a'; let c    = A;"],
  ["import { A } from 'a'; let c: A = x.A, d = { A: 1 };", ";                      let c    = x.A, d = { A: 1 };"],
  ["import { A } from 'a'; const f = (A: A) => A;", ";                      const f = (A   ) => A;"],
  ["import { unused } from 'a';", "import { unused } from 'a';"],
  ["f<T>(x!, y! + 1)", "f   (x , y  + 1)"],
  ["const f = <T,>(a?: T, ...b: T[]): T => a", "const f =     (a    , ...b     )    => a"],
  ["const f = (a): {\n  b: c\n} => a", "const f = (a    \n      \n) => a"],
  ["return_(<\n T\n>(a) => a)", "return_((\n  \n  a) => a)"],
  ["function f(this: T, a?: U) {}", "function f(         a    ) {}"],
  ["function f(this: T): asserts this is U {}", "function f(       )                    {}"],
  ["class A<T> extends B<T> implements C, D {}", "class A    extends B                    {}"],
  ["abstract class A { abstract a(): void; b(): T {} }", "         class A { ;                   b()    {} }"],
  [
    "class A { private static readonly a?: T = 1; declare b: U; c!: V }",
    "class A {         static          a     = 1; ;             c   ; }",
  ],
  ["class A { a\n private [b] = 1 }", "class A { a\n ;       [b] = 1 }"],
  [
    "export declare const a: T; export default interface B {}",
    ";                          ;                            ",
  ],
  ["let a!: T; let { b }: { b: T } = c", "let a    ; let { b }           = c"],
])("%s", (source, expected) => {
  expect(strip(source)).toBe(expected);
});

it.each<[source: string, code: string, column: number]>([
  ["const a = 1; enum A { B }", "STAGE_NOT_ERASABLE", 14],
  ["namespace A { let b }", "STAGE_NOT_ERASABLE", 1],
  ["class A { constructor(private a: T) {} }", "STAGE_NOT_ERASABLE", 23],
  ["let a = <T>b", "STAGE_NOT_ERASABLE", 9],
  ["import a = require('a')", "STAGE_NOT_ERASABLE", 1],
  ["export = a", "STAGE_NOT_ERASABLE", 1],
  ["let a = = 1", "STAGE_SYNTAX", 9],
  ["@d class A {}", "STAGE_SYNTAX", 1],
])("refuses %s", (source, code, column) => {
  const text = `\r\n${source}`;
  let error: unknown;
  try {
    strip(text);
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ code, at: { kind: "source", file: "test.ts", line: 2, column, text: source } });
});

/** What two programs have in common: their syntax trees without positions. */
function shape(source: string): string {
  const clean = (key: string, value: unknown): unknown =>
    ["start", "end", "loc", "extra", "raw", "range", "comments"].includes(key)
      ? undefined
      : typeof value === "bigint"
        ? `${value}n`
        : value;
  const body = parseModule(source, "shape").body.filter((node: { type: string }) => node.type !== "EmptyStatement");
  return JSON.stringify(body, clean);
}

const SKETCH = new URL("../../../test/programs/", import.meta.url);
const SOURCES = [SKETCH, new URL("./", import.meta.url), new URL("../../packet/headers/", import.meta.url)].flatMap(
  (folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => fileURLToPath(new URL(entry.name, folder))),
);

describe("agrees with TypeScript", () => {
  it.each(SOURCES)("%s", (file) => {
    const source = readFileSync(file, "utf8");
    const stripped = stripTypes(source, file);
    expect(stripped.length).toBe(source.length);
    expect(stripped.replace(/[^\n]/g, "")).toBe(source.replace(/[^\n]/g, ""));
    const compilerOptions = {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: false,
    };
    expect(shape(stripped)).toBe(shape(ts.transpileModule(source, { compilerOptions }).outputText));
  });
});

/** Rarer syntax: what is left still parses, and so does what instrumenting makes of it. */
it.each([
  "const a = () => {}\n`x`",
  "let f = async<T,>(x: T) => x",
  "class A { 'x'!: number; 3?: T; [k]?: U; static async *[m]<T>() {} }",
  "const x = a < b, y = c as unknown as (x: number) => void\n[1]",
  "for (const f of [() => 1]) f()",
  "export default (class {})",
  "const { a, ...b }: { a: T } = c",
  "const g = function* <T>(this: void) {}",
  "if (a) b as T\nelse c!",
  "do x as T\nwhile(1)",
  "class A extends (b as C)<D> implements E {}",
  "class A extends B<C>() {}",
  "const o = { async *m<T>(x?: T) {}, get a(): T { return 1 }, [x as string]: () => 1 }",
  "const f = (x) => x as T\n;(y)",
  "type A = 1; const f = () => {}\ntype B = 2\n(f)",
  "return1: for(;;) break return1",
  "export const f = function () {}\nexport * from 'x'",
  "import x, { type Y } from 'z'",
  "const a = x! as T",
  "const f = (a, /* ) */ b /* , */): /* ( */ T => a",
  "const f = async (\n a\n): Promise<{\n a: 1 }> => a",
  "let x: // c\n T = 1",
  "new Foo<Bar>",
  "class A { get; set; static; async\n b() {} readonly = 1; declare }",
  "f((function(){}), class { static m() {} })",
  "const a = { ['b']() {}, get ['c']() { return 1 } }",
  "const f = () => ({}) as T",
  "x = { a() {} } as T\n(y)",
])("%j", (source) => {
  const stripped = strip(source);
  expect(stripped.length).toBe(source.length);
  parseModule(stripped, "stripped");
  parseModule(instrument(source, { file: "rare.xdp.ts" }).code, "instrumented");
});
