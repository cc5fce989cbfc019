/** Locations and errors as text: for messages, the command line and loaders alike. */

/** Where it went wrong. Offsets are bytes from the start of the file, lines and columns count from 1. */
export type Location =
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "byte"; readonly file?: string; readonly section?: string; readonly offset: number }
  | {
      readonly kind: "instruction";
      readonly program?: string;
      readonly index: number;
      readonly source?: SourceLocation;
    }
  | SourceLocation
  /** A value inside JSON or YAML: `$.eth0.routes[2].prefix`. */
  | { readonly kind: "path"; readonly file?: string; readonly path: string };

/** A place in a text: in an error it is printed as `file:line:column`. */
export interface SourceLocation {
  readonly kind: "source";
  /** Path as it was given to the reader or compiler. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** 0 when only the line is known. */
  readonly column: number;
  /** The whole source line, for the caret. */
  readonly text?: string;
}

/** What an error says, however it is printed. */
export interface ErrorText {
  readonly code: string;
  readonly problem: string;
  readonly at?: Location | undefined;
  readonly hint?: string | undefined;
}

/** `file:12:3`, `capture.pcap: byte 24`, `program end, instruction 7 (end.xdp.ts:12:3)`. */
export function printLocation(at: Location): string {
  switch (at.kind) {
    case "file":
      return at.file;
    case "byte": {
      const where = [at.file, at.section && `section ${at.section}`].filter(Boolean).join(" ");
      return `${where ? `${where}: ` : ""}byte ${at.offset}`;
    }
    case "instruction": {
      const program = at.program === undefined ? "" : `program ${at.program}, `;
      const source = at.source ? ` (${printLocation(at.source)})` : "";
      return `${program}instruction ${at.index}${source}`;
    }
    case "source":
      return `${at.file}:${at.line}${at.column > 0 ? `:${at.column}` : ""}`;
    case "path":
      return `${at.file === undefined ? "" : `${at.file}: `}${at.path}`;
  }
}

/** The source line of a location with a caret below the column; "" where no line is known. */
export function printCaret(at: Location | undefined): string {
  const source = sourceOf(at);
  if (source?.kind !== "source" || source.text === undefined) return "";
  const gutter = `  ${source.line} | `;
  if (source.column === 0) return `${gutter}${source.text}\n`;
  const indent = source.text.slice(0, Math.max(0, source.column - 1)).replace(/[^\t]/g, " ");
  return `${gutter}${source.text}\n${" ".repeat(gutter.length)}${indent}^\n`;
}

/** `CODE file:line:column: problem`, the source line with a caret, the hint: one to four lines, without a last line feed. */
export function printErrorText({ code, problem, at, hint }: ErrorText): string {
  const place = at ? ` ${printLocation(sourceOf(at) ?? at)}` : "";
  return `${code}${place}: ${problem}\n${printCaret(at)}${hint ? `  ${hint}\n` : ""}`.trimEnd();
}

/** The line in the source that an instruction was made from is a better place than its number. */
const sourceOf = (at: Location | undefined): Location | undefined =>
  at?.kind === "instruction" && at.source ? at.source : at;
