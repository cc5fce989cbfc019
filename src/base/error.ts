/**
 * The one error class of xdpkit.
 *
 * An error is data: a code of the catalogue, a location, a hint. Text is made from them, the caret is drawn only at
 * the edge (the CLI). Readers throw it; the compiler and the verifier return `Diagnostic`s with the same fields.
 */
import { type Catalogue, catalogue, type ErrorCode, type ErrorEntry } from "./errors/catalogue.ts";

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

export interface SourceLocation {
  readonly kind: "source";
  readonly file: string;
  readonly line: number;
  /** 0 when only the line is known. */
  readonly column: number;
  /** The whole source line, for the caret. */
  readonly text?: string;
}

export type ErrorParameters<C extends ErrorCode> = Parameters<Catalogue[C]["message"]>[0];

export interface ErrorContext {
  readonly at?: Location | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class XdpkitError extends Error {
  override readonly name = "XdpkitError";
  readonly code: ErrorCode;
  readonly at?: Location;
  readonly hint?: string;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    if (context.at) this.at = context.at;
    if (context.hint) this.hint = context.hint;
  }
}

/** Makes (does not throw) the error of a catalogue code: `throw xdpkitError("PCAP_TRUNCATED", { … }, { at })`. */
export function xdpkitError<C extends ErrorCode>(
  code: C,
  parameters: ErrorParameters<C>,
  context: ErrorContext = {},
): XdpkitError {
  const entry = catalogue[code] as unknown as ErrorEntry<ErrorParameters<C>>;
  const hint = context.hint ?? entry.hint?.(parameters);
  return new XdpkitError(code, entry.message(parameters), { ...context, hint });
}

/** The same error with a place: `at` where it has none, the file of `at` where its byte or path lacks one. */
export function locate(error: XdpkitError, at: Location): XdpkitError {
  const known = error.at;
  const partial = (known?.kind === "byte" || known?.kind === "path") && known.file === undefined;
  if (known && !(partial && at.kind === "file")) return error;
  const place = known && at.kind === "file" ? { ...known, file: at.file } : at;
  return new XdpkitError(error.code, error.message, { at: place as Location, hint: error.hint, cause: error.cause });
}

/** The same error in entry `index` of a list: `$.key.port` becomes `$[3].key.port`. */
export function inEntry(error: unknown, index: number): unknown {
  if (!(error instanceof XdpkitError)) return error;
  const inside = error.at?.kind === "path" ? error.at.path.slice(1) : "";
  const at = { kind: "path", path: `$[${index}]${inside}` } as const;
  return new XdpkitError(error.code, error.message, { at, hint: error.hint, cause: error.cause });
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

/** What must hold whatever the input. A failure is our bug; fuzzers stop on it. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw xdpkitError("INTERNAL_INVARIANT", { what });
}
