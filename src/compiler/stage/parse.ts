/**
 * Text to syntax tree. ECMAScript 2025 modules and TypeScript, without JSX and decorators.
 *
 * Invariant: every error has the line and column of its place, counted from 1, and the text of that line.
 */
import { type ParserOptions, parse } from "@babel/parser";
import { type SourceLocation, xdpkitError } from "../../base/index.ts";
import type { SyntaxNode } from "./syntax.ts";

const OPTIONS: ParserOptions = {
  sourceType: "module",
  attachComment: false,
  plugins: ["typescript", ["estree", { classFeatures: true }], "importAttributes", "explicitResourceManagement"],
};

/** The Program node. `file` is for the error only. @throws XdpkitError STAGE_SYNTAX */
export function parseModule(source: string, file: string): SyntaxNode {
  try {
    return parse(source, OPTIONS).program as unknown as SyntaxNode;
  } catch (cause) {
    const { message, pos } = cause as Error & { pos?: number };
    if (pos === undefined) throw cause;
    const problem = message.replace(/ \(\d+:\d+\)$/, "");
    throw xdpkitError("STAGE_SYNTAX", { problem }, { at: sourceLocation(source, file, pos), cause });
  }
}

/** The place of a UTF-16 offset. */
export function sourceLocation(source: string, file: string, offset: number): SourceLocation {
  const before = source.slice(0, offset).split(/\r\n|[\n\r\u2028\u2029]/);
  const [text] = source.slice(offset).split(/[\n\r\u2028\u2029]/, 1);
  const start = before.at(-1)!;
  return { kind: "source", file, line: before.length, column: start.length + 1, text: start + text };
}
