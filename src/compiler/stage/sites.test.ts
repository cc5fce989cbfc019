/** What is found in a module: kind, name, text and captures of each function. */
import { expect, it } from "vitest";
import { parseModule } from "./parse.ts";
import { findSites } from "./sites.ts";

/** `kind name(captures): text` for each function. */
function found(source: string): string[] {
  return findSites(parseModule(source, "test.xdp.ts")).map(({ node, functionKind, name, captures }) => {
    const text = source.slice(node.start, node.end);
    return `${functionKind} ${name}(${captures.join(" ")}): ${text}`;
  });
}

it.each<[source: string, ...functions: string[]]>([
  ["const f = () => 1", "arrow f(): () => 1"],
  ["const f = (x => x)", "arrow f(): x => x"],
  ["const f = (() => 1) as F", "arrow f(): () => 1"],
  ["let f; f = () => 1; f ??= () => 2; f += () => 3", "arrow f(): () => 1", "arrow f(): () => 2", "arrow (): () => 3"],
  ["a.b = () => 1", "arrow (): () => 1"],
  ["const { f = () => 1 } = {}", "arrow f(): () => 1"],
  [
    "const o = { f: () => 1, 'g h': () => 2, 3: () => 3 }",
    "arrow f(): () => 1",
    "arrow g h(): () => 2",
    "arrow 3(): () => 3",
  ],
  ["const o = { [k]: () => k, __proto__: () => 1 }", "arrow (k): () => k", "arrow (): () => 1"],
  ["export default () => Math.max(1)", "arrow default(Math): () => Math.max(1)"],
  ["export default function () {}", "function default(): function () {}"],
  ["const f = function g() { return g(f) }", "function g(f): function g() { return g(f) }"],
  [
    "function f(a, b = a, { c, d: [e], ...g } = h) { return c + e + g }",
    "function f(h): function f(a, b = a, { c, d: [e], ...g } = h) { return c + e + g }",
  ],
  [
    "const x = 1; function f(a = x) { var x = 2; return a + x }",
    "function f(x): function f(a = x) { var x = 2; return a + x }",
  ],
  ["function f() { if (a) { var b = 1 } return b }", "function f(a): function f() { if (a) { var b = 1 } return b }"],
  ["function f() { { let b = 1 } return b }", "function f(b): function f() { { let b = 1 } return b }"],
  [
    "function f() { return g(); function g() {} }",
    "function f(): function f() { return g(); function g() {} }",
    "function g(): function g() {}",
  ],
  ["const f = (a) => (b) => a + b + c", "arrow f(c): (a) => (b) => a + b + c", "arrow (a c): (b) => a + b + c"],
  [
    "const f = () => { l: for (const i of r) { if (i) continue l; break l } }",
    "arrow f(r): () => { l: for (const i of r) { if (i) continue l; break l } }",
  ],
  ["const f = () => { for (let i = 0; i < n; i++) i }", "arrow f(n): () => { for (let i = 0; i < n; i++) i }"],
  [
    "const f = () => { switch (x) { case y: let x = 1; x } }",
    "arrow f(x y): () => { switch (x) { case y: let x = 1; x } }",
  ],
  ["const f = () => { try { a } catch ({ b }) { b } }", "arrow f(a): () => { try { a } catch ({ b }) { b } }"],
  ["const f = () => a.b.c[d].e", "arrow f(a d): () => a.b.c[d].e"],
  [
    "const f = () => ({ a, b: c, [d]: e, f() { return g } })",
    "arrow f(a c d e g): () => ({ a, b: c, [d]: e, f() { return g } })",
    "method f(g): f() { return g }",
  ],
  ["const f = (x: T): U => x as V satisfies W", "arrow f(): (x: T): U => x as V satisfies W"],
  ["import { type A, B } from 'm'; const f = (a: A) => B<A>(a)!", "arrow f(B): (a: A) => B<A>(a)!"],
  ["import d, * as n from 'm'; const f = () => [d, n.x, `${d}`, /d/]", "arrow f(d n): () => [d, n.x, `${d}`, /d/]"],
  [
    "function f() { return [this, arguments, new.target, import.meta] }",
    "function f(): function f() { return [this, arguments, new.target, import.meta] }",
  ],
  [
    "function f() { return () => [this, arguments] }",
    "function f(): function f() { return () => [this, arguments] }",
    "arrow (): () => [this, arguments]",
  ],
  [
    "const f = (a) => typeof a === 'number' ? undefined : NaN",
    "arrow f(undefined NaN): (a) => typeof a === 'number' ? undefined : NaN",
  ],
  [
    "class S extends struct({ a: u32 }) { get b() { return this.a + C } static c(x) { return S } }",
    "getter b(C): get b() { return this.a + C }",
    "method c(S): static c(x) { return S }",
  ],
  ["const S = class T { set v(x) { T; y } }", "setter v(T y): set v(x) { T; y }"],
  ["class S { #p = () => q; #m() { return r } static { s(() => t) } }", "arrow #p(q): () => q", "arrow (t): () => t"],
  [
    "class S { constructor(a) { b(a) } x = () => 1; [k] = () => 2; [m]() { return n } }",
    "constructor constructor(b): constructor(a) { b(a) }",
    "arrow x(): () => 1",
    "method (n): [m]() { return n }",
  ],
  ["const o = { m() {}, get g() { return 1 }, set g(v) {}, ...p }"],
  [
    "const o = { ...p, m() {}, get g() { return 1 }, set g(v) {} }",
    "method m(): m() {}",
    "getter g(): get g() { return 1 }",
    "setter g(): set g(v) {}",
  ],
  [
    "interface I { f(): void } type F = () => void; declare function d(): void; abstract class A { abstract m(): void; n() {} }",
    "method n(): n() {}",
  ],
  [
    "function f(x: string): void; function f(x: unknown) { return x }",
    "function f(): function f(x: unknown) { return x }",
  ],
  [
    "export function f(this: Foo, n: number) { return this.x + n }",
    "function f(): function f(this: Foo, n: number) { return this.x + n }",
  ],
])("%s", (source, ...functions) => {
  expect(found(source)).toEqual(functions);
});
