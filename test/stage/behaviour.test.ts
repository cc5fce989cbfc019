/** An instrumented module does what it did before, and says where its functions come from. Node evaluates both. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compileOrThrow, instrument, parseModule, stripTypes } from "../../src/compiler/index.ts";
import {
  describeFunction,
  type FunctionDescription,
  nameOf,
  requireRegistered,
  XdpAction,
  xdp,
} from "../../src/lang/index.ts";
import { refusal } from "../answers.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever a module exports
type Exports = Record<string, any>;

let folder: string;
let count = 0;
// Below node_modules, so that Vitest leaves the files to Node.
beforeAll(() => {
  folder = join(mkdtempSync(join(tmpdir(), "xdpkit-stage-")), "node_modules");
  mkdirSync(folder);
});
afterAll(() => rmSync(join(folder, ".."), { recursive: true }));

/** Evaluates modules that import one another by name (`./a.mjs`); gives the exports of the first. */
async function evaluate(modules: Record<string, string>): Promise<Exports> {
  count += 1;
  const written = Object.entries(modules).map(([name, code]) => {
    const file = join(folder, `${count}-${name}`);
    writeFileSync(file, code.replaceAll('from "./', `from "./${count}-`));
    return file;
  });
  return import(/* @vite-ignore */ pathToFileURL(written[0]!).href);
}

const instrumented = (source: string, file = `test-${count}.xdp.ts`): string => instrument(source, { file }).code;

async function staged(source: string): Promise<Exports> {
  return evaluate({ "main.mjs": instrumented(source) });
}

const values = ({ captures }: FunctionDescription): Record<string, unknown> =>
  Object.fromEntries([...captures].map(([name, thunk]) => [name, thunk()]));

it.each([
  [
    "names",
    "const f = () => 1; const g = function () {}; const { h = () => 2 } = {}; const o = { i: () => 3, ['j' + 1]: () => 4, [Symbol('k')]: () => 5, 'l m': function () {}, n() {}, __proto__: () => 6 }; class C { static p = () => 7; #q = () => 8; static q() { return new C().#q.name } ['r'] = () => 9; static ['s' + 't'] = function () {} } let t; t ||= () => 1; const u = (() => 1); const v = class { static w() {} }; export const result = [f, g, h, ...Object.values(o), o[Object.getOwnPropertySymbols(o)[0]], Object.getPrototypeOf(o), C, C.p, C.q, new C().r, C.st, t, u, v, v.w].map((x) => x.name).concat(C.q(), (() => {}).name)",
  ],
  [
    "default function",
    "export default function () { return 1 } import * as self from './main.mjs'; export const result = 1",
  ],
  [
    "ASI",
    "let log = []\nconst f = x => {}\n;[1].forEach((n) => log.push(n))\nlet g = (a) => { return a }\nlog.push(g(2))\nclass A { a = () => {}\nb = 2\nstatic c = x => {}\n['d'] = 4 }\nif (1) log.push(() => 1)\nelse log.push(2)\nconst h = () => {}\n/x/g.test('x')\nexport const result = [log.length, new A().b, new A().d]",
  ],
  [
    "minified",
    "var a=1;const f=b=>b?c=>c+b:function(){return(d)=>d*2};function g(){return(x)=>x+a}function*h(){yield(x)=>x;yield()=>2}export const result=[f(2)(3),f(0)()(4),g()(5),[...h()].map(i=>i(6)),typeof(()=>1),new(function(){this.z=7})().z,new function(){this.y=8}().y,void(()=>0),{m(){return 9}}.m(),[...function*(){yield 1}()]]",
  ],
  [
    "hoisting and shadowing",
    "export const before = later(); function later() { return inner(1); function inner(n) { return n + 1 } } var x = 1; { let x = 2; function k() { return x } globalThis.__k = k() } export const result = [before, globalThis.__k, x, (function fact(n) { return n < 2 ? 1 : n * fact(n - 1) })(5)]",
  ],
  [
    "this, super, arguments",
    "const o = { v: 1, m() { return (() => this.v + arguments.length)() }, get g() { return this.v } , set g(v) { this.v = v } }; const p = { __proto__: o, m(...a) { return super.m(...a) + 10 } }; class A { #p = 3; static s = 4; static { this.t = (() => this.s)() } get p() { return this.#p } static #q() { return 5 } static q() { return A.#q() } has(x) { return #p in x } } o.g = 2; export const result = [p.m(1, 2), o.g, new A().p, A.t, A.q(), new A().has(new A()), (function () { return this === undefined })()]",
  ],
  [
    "loops",
    "const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i); for (const i of [3, 4]) { function g() { return i } fs.push(g) } let n = 0; outer: while (true) { while (true) { if (++n > 3) break outer; continue outer } } export const result = fs.map((f) => f()).concat(n)",
  ],
  [
    "directive and hashbang",
    "#!/usr/bin/env node\n'use strict'\nfunction f() { 'use strict'; return g(); function g() { return 1 } }\nexport const result = f()",
  ],
  [
    "top-level await",
    "const wait = async (x) => { await null; return x }; export const result = await wait(5) + (await (async () => 1)())",
  ],
  [
    "types",
    "interface I<T> { a: T }\nexport const f = <T,>(x: T): T => x as T\nexport abstract class B { abstract m(): void; protected readonly v: number = 1\n  get w(): number { return this.v! } }\nclass C extends B implements I<string> { override m(): void {} ; a = 'b' as const }\nexport const result = [f<number>(1) satisfies number, new C().w, new C().a]",
  ],
  [
    "switch, try, labels",
    "function f(x) { switch (x) { case 1: { let y = () => x; return y() } case 2: function z() { return 'z' } return z(); default: try { throw { e: 3 } } catch ({ e }) { return (() => e)() } finally {} } } export const result = [f(1), f(2), f(3)]",
  ],
  [
    "templates",
    "const tag = (s, ...v) => s.raw.join('|') + v.length; export const result = [tag`a${() => 1}b\\n${2}`, `x${[1, 2].map((n) => `${n}!`)}`, /[)]/.source]",
  ],
  [
    "defaults",
    "const x = 1; const f = (a = () => x, { b = () => a() } = {}) => { var x = 2; return [a(), b(), x] }; export const result = f()",
  ],
])("behaves as before: %s", async (_, source) => {
  const plain = await evaluate({
    "main.mjs": stripTypes(source, "main.ts").replaceAll("'./main.mjs'", "'data:text/javascript,'"),
  });
  const same = await staged(source.replaceAll("'./main.mjs'", "'data:text/javascript,'"));
  expect(same["result"]).toEqual(plain["result"]);
  expect(same["default"]?.name).toBe(plain["default"]?.name);
});

it("gives every registered function the span that parses as it", async () => {
  const source =
    "export const a = [(x) => x, async function b() {}]; export class C { get d() { return 1 } static async *e() {} constructor() {} }; export const o = { f() { return 1 } }";
  const { a, C, o } = await staged(source);
  const getter = Object.getOwnPropertyDescriptor(C.prototype, "d")!.get!;
  const texts = [a[0], a[1], C, getter, C.e, o.f].map((fn) => {
    const { start, end, kind, name, module } = describeFunction(fn)!;
    return [kind, name, module.source.slice(start, end)];
  });
  expect(texts).toEqual([
    ["arrow", "", "(x) => x"],
    ["function", "b", "async function b() {}"],
    ["constructor", "constructor", "constructor() {}"],
    ["getter", "d", "get d() { return 1 }"],
    ["method", "e", "static async *e() {}"],
    ["method", "f", "f() { return 1 }"],
  ]);
  for (const [kind, , text] of texts) {
    const wrapped = kind === "arrow" || kind === "function" ? `(${text})` : `(class { ${text} })`;
    expect(parseModule(wrapped, "span").body).toHaveLength(1);
  }
});

it("captures the locals of a staging function per call, and each binding of a loop", async () => {
  const { limits, loops } = await staged(
    "const limit = (n) => (x) => x < n; export const limits = [limit(1), limit(2)]; export const loops = []; for (let i = 0; i < 2; i++) loops.push(() => i)",
  );
  expect(limits.map((f: object) => values(describeFunction(f)!))).toEqual([{ n: 1 }, { n: 2 }]);
  expect(loops.map((f: object) => values(describeFunction(f)!))).toEqual([{ i: 0 }, { i: 1 }]);
});

it("reads captures after evaluation: no temporal dead zone, and computed keys have their names", async () => {
  const { f, o, seen } = await staged(
    "export const f = () => later + Math.abs(1); const later = 7; const k = 'key'; export const o = { [k]: () => k, ['m' + 1]() { return f } }; export const seen = 1;",
  );
  expect(values(describeFunction(f)!)).toEqual({ later: 7, Math });
  expect([describeFunction(o.key)!.name, describeFunction(o.m1)!.name, o.key.name]).toEqual(["key", "m1", "key"]);
  expect(seen).toBe(1);
});

it("works in an import cycle whose other side calls us before our body ran", async () => {
  const main =
    'import { other } from "./other.mjs"; export function make(n) { return () => n + base(); } function base() { return 1 } export const own = () => other;';
  const other = 'import { make } from "./main.mjs"; export const other = make(41); export const early = other();';
  const { own } = await evaluate({ "main.mjs": instrumented(main, "main"), "other.mjs": instrumented(other, "other") });
  const made = values(describeFunction(own)!)["other"] as () => number;
  expect(made()).toBe(42);
  expect(describeFunction(made)).toMatchObject({ kind: "arrow", module: { id: "main", file: "main", source: main } });
  expect(values(describeFunction(made)!)).toMatchObject({ n: 41 });
});

it("names what module-level constants hold, by the module that made it", async () => {
  const main =
    'import { sids } from "./maps.mjs"; export const alias = sids; export const list = [sids]; export class Sid {}';
  const maps = "export const sids = new Map(); export const [first] = [{}];";
  const { alias, list, Sid } = await evaluate({
    "main.mjs": instrumented(main, "names-main"),
    "maps.mjs": instrumented(maps, "names-maps"),
  });
  const named = [alias, list, Sid, {}].map((value) => nameOf(value));
  expect(named.map((found) => found && `${found.module.id} ${found.name}`)).toEqual([
    "names-maps sids",
    "names-main list",
    "names-main Sid",
    undefined,
  ]);
});

it("says what to do about a function without source", () => {
  const call = (): unknown => requireRegistered(function stranger() {});
  expect(call).toThrow(
    expect.objectContaining({
      code: "STAGE_NOT_INSTRUMENTED",
      problem: "the source of stranger is not known",
      hint: expect.stringContaining("node --import xdpkit/register"),
    }),
  );
});

it("says so about a program whose module was not instrumented, though nobody knows its name either", () => {
  expect(refusal(() => compileOrThrow(xdp(() => XdpAction.Drop)))[0]).toBe("STAGE_NOT_INSTRUMENTED");
});

it("keeps every line in its place", () => {
  const source =
    "// é😀\nexport const f = (\n  a: number,\n): number =>\n  a;\nexport class A {\n  get b(): number {\n    throw new Error();\n  }\n}\n";
  const lines = instrumented(source).split("\n");
  expect(lines.slice(0, 10).map((line) => line.replace(/\$xdpkit_\w+/g, "$"))).toEqual([
    "// é😀",
    "$();export const f = $(0, (",
    "  a        ,",
    ")         =>",
    '  a, [], "f");',
    'export class A { static { $(this, [[1, true, "b", "get", [() => Error]]]); }',
    "  get b()         {",
    "    throw new Error();",
    "  }",
    "}",
  ]);
});
