/**
 * A kernel module and what it imports, as text: every file instrumented or stripped of its types, every import resolved.
 *
 * Nothing is evaluated. Files that only Node's loader can import (packages, JavaScript, import cycles) are named, not read.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type SourceLocation, xdpkitError } from "../base/index.ts";
import { parseModule, type SyntaxNode } from "../compiler/index.ts";
import { transform } from "./transform.ts";

export interface ImportTarget {
  /** `host`: the package itself; `file`: text of ours; `other`: Node's business. */
  readonly kind: "host" | "file" | "data" | "node" | "other";
  /** An absolute path for `file` and `data` (JSON), else the specifier. */
  readonly to: string;
}

/** A place in the code that evaluation fills in: a specifier with its quotes, or `import.meta.url` and its kin. */
export interface Slot {
  readonly start: number;
  readonly end: number;
  readonly fill: ImportTarget | { readonly kind: "meta"; readonly to: string };
}

export interface GraphModule {
  readonly file: string;
  /** As messages call the file. */
  readonly name: string;
  readonly source: string;
  /** JavaScript, line for line the original. */
  readonly code: string;
  /** In the order of the text. */
  readonly slots: readonly Slot[];
}

export interface ModuleGraph {
  /** Every module behind those that it imports. */
  readonly modules: readonly GraphModule[];
  /** All files, JSON and JavaScript included. */
  readonly files: readonly string[];
  /** Something that only Node's loader can evaluate, when there is such. */
  readonly needsLoader?: string;
}

/** Names of the package that a kernel module may import. */
export const HOST_MODULES: readonly string[] = ["xdpkit", "xdpkit/packet", "xdpkit/walk"];

/**
 * `nameOf` says how messages and line information call a file.
 *
 * @throws XdpkitError STAGE_SYNTAX, STAGE_NOT_ERASABLE, STAGE_IMPORT
 */
export function readGraph(entry: string, nameOf: (file: string) => string = (file) => file): ModuleGraph {
  const modules = new Map<string, GraphModule>();
  const files = new Set<string>();
  const open = new Set<string>();
  let needsLoader: string | undefined;
  const visit = (file: string): void => {
    if (open.has(file)) needsLoader ??= `the import cycle of ${nameOf(file)}`;
    if (files.has(file)) return;
    files.add(file);
    open.add(file);
    const module = readModule(file, nameOf(file));
    for (const { fill } of module.slots) {
      if (fill.kind === "other") needsLoader ??= fill.to;
      if (fill.kind === "data" || (fill.kind === "other" && isAbsolute(fill.to))) files.add(fill.to);
      if (fill.kind === "file") visit(fill.to);
    }
    open.delete(file);
    modules.set(file, module);
  };
  visit(resolve(entry));
  return { modules: [...modules.values()], files: [...files], ...(needsLoader ? { needsLoader } : {}) };
}

function readModule(file: string, name: string): GraphModule {
  const source = readFileSync(file, "utf8");
  const code = transform(source, name, file);
  const found = plainImports(source, code) ?? findSlots(parseModule(code, name));
  const slots = found.map(({ start, end, specifier, meta }): Slot => {
    if (meta !== undefined) return { start, end, fill: metaTarget(file, meta) };
    if (specifier === undefined) return { start, end, fill: { kind: "other", to: "a computed import" } };
    return {
      start,
      end,
      fill: target(file, specifier, () => placeOf({ name, source, code }, start, code.slice(start, end))),
    };
  });
  return { file, name, source, code, slots };
}

interface Found {
  readonly start: number;
  readonly end: number;
  /** Undefined when it is computed. */
  readonly specifier?: string;
  /** The property of `import.meta`. */
  readonly meta?: string;
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/**
 * The specifiers of a module that says `import` only in whole statements at the beginning of lines, which saves parsing
 * the code; undefined when that is not certain.
 */
function plainImports(source: string, code: string): Found[] | undefined {
  const statements = count(source, /^import\b[^;"'`]*?\bfrom\s*(["'])[^"'\\\n]*\1/gm);
  if (count(source, /\bimport\b/g) !== statements || count(source, /\bfrom\s*["']/g) !== statements) return undefined;
  const ours = code.lastIndexOf("\nfunction $");
  const found: Found[] = [];
  for (const match of code.matchAll(/(?<=\bfrom\s*)(["'])([^"'\\\n]*)\1/g)) {
    const { index: start, 0: literal, 2: specifier = "" } = match;
    if (ours >= 0 && start > ours) break;
    const before = code.slice(0, start);
    if (before.includes("`") || before.lastIndexOf("/*") > before.lastIndexOf("*/")) return undefined;
    found.push({ start, end: start + literal.length, specifier });
  }
  return found;
}

/** Specifiers and uses of `import.meta`, in the order of the text. */
function findSlots(program: SyntaxNode): Found[] {
  const found: Found[] = [];
  const visit = (node: SyntaxNode): void => {
    const source: SyntaxNode | null | undefined = node["source"];
    if (/^(Import|Export).*Declaration$|^ImportExpression$/.test(node.type) && source) {
      const { start, end, value } = source as SyntaxNode & { value?: unknown };
      found.push({ start, end, ...(typeof value === "string" ? { specifier: value } : {}) });
    }
    if (node.type === "MemberExpression" && node["object"].type === "MetaProperty")
      found.push({ start: node.start, end: node.end, meta: node["property"].name ?? "" });
    for (const child of Object.values(node).flat()) {
      if (typeof child === "object" && child !== null && typeof (child as SyntaxNode).type === "string")
        visit(child as SyntaxNode);
    }
  };
  visit(program);
  return found.sort((a, b) => a.start - b.start);
}

function metaTarget(file: string, property: string): Slot["fill"] {
  if (property === "filename") return { kind: "meta", to: JSON.stringify(file) };
  if (property === "dirname") return { kind: "meta", to: JSON.stringify(dirname(file)) };
  if (property === "url") return { kind: "meta", to: JSON.stringify(pathToFileURL(file).href) };
  return { kind: "other", to: `import.meta.${property}` };
}

function target(file: string, specifier: string, at: () => SourceLocation): ImportTarget {
  if (HOST_MODULES.includes(specifier)) return { kind: "host", to: specifier };
  if (specifier.startsWith("node:")) return { kind: "node", to: specifier };
  if (!/^(\.|\/|file:)/.test(specifier)) return { kind: "other", to: specifier };
  const path = specifier.startsWith("file:") ? fileURLToPath(specifier) : resolve(dirname(file), specifier);
  const typed = path.replace(/js$/, "ts");
  const found = [path, typed].find((one) => existsSync(one));
  if (found === undefined) throw xdpkitError("STAGE_IMPORT", { specifier }, { at: at() });
  if (/\.json$/.test(found)) return { kind: "data", to: found };
  return { kind: /\.[cm]?ts$/.test(found) ? "file" : "other", to: found };
}

/** The place of `literal`, which stands at an offset of the code: lines are those of the source, columns may not be. */
export function placeOf(
  { name, source, code }: Pick<GraphModule, "name" | "source" | "code">,
  offset: number,
  literal: string,
): SourceLocation {
  const line = code.slice(0, offset).split("\n").length;
  const text = source.split("\n")[line - 1] ?? "";
  return { kind: "source", file: name, line, column: text.indexOf(literal) + 1, text };
}
