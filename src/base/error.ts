/**
 * The one error class of xdpkit.
 *
 * An error is data: a code of the catalogue, the problem in one line, a location, a hint. `message` is all of it as text
 * (error-text.ts), because test runners and uncaught errors print nothing else. Readers throw it; the compiler and the
 * verifier return `Diagnostic`s with the same fields.
 */
import { type ErrorText, type Location, printErrorText } from "./error-text.ts";
import { type Catalogue, catalogue, type ErrorCode, type ErrorEntry } from "./errors/catalogue.ts";
import { keepCallersFrames } from "./stack.ts";

export type ErrorParameters<C extends ErrorCode> = Parameters<Catalogue[C]["message"]>[0];

export interface ErrorContext {
  readonly at?: Location | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * What xdpkit throws. `message` and `stack` begin with code, place and problem, then the source line with a caret, then the
 * hint; the stack has the caller's frames, not those of xdpkit (but all of them for INTERNAL_*, which are xdpkit's bugs).
 */
export class XdpkitError<Code extends string = ErrorCode> extends Error implements ErrorText {
  /** Always `XdpkitError`; what tells errors apart is `code`. */
  override readonly name = "XdpkitError";
  /** Its row in the catalogue, such as `PCAP_TRUNCATED`; it does not change between versions. */
  readonly code: Code;
  /** What is wrong, in one line, without code, place and hint. */
  declare readonly problem: string;
  /** Where: in a source text, at a byte of a file, or at a path in a value (`$.key.port`). */
  declare readonly at?: Location;
  /** What to do about it, in one line. */
  declare readonly hint?: string;

  constructor(code: Code, problem: string, { at, hint, cause }: ErrorContext = {}) {
    super(printErrorText({ code, problem, at, hint }), cause === undefined ? undefined : { cause });
    this.code = code;
    // They are in the message already: Node prints enumerable properties after the stack.
    for (const [name, value] of Object.entries({ problem, at, hint })) {
      if (value !== undefined) Object.defineProperty(this, name, { value });
    }
    if (!code.startsWith("INTERNAL_")) keepCallersFrames(this);
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
  return new XdpkitError(error.code, error.problem, { at: place as Location, hint: error.hint, cause: error.cause });
}

/** The same error in entry `index` of a list: `$.key.port` becomes `$[3].key.port`. */
export function inEntry(error: unknown, index: number): unknown {
  if (!(error instanceof XdpkitError)) return error;
  const inside = error.at?.kind === "path" ? error.at.path.slice(1) : "";
  const at = { kind: "path", path: `$[${index}]${inside}` } as const;
  return new XdpkitError(error.code, error.problem, { at, hint: error.hint, cause: error.cause });
}

/** What is wrong according to anything that was thrown, in one line. */
export function problemOf(thrown: unknown): string {
  if (thrown instanceof XdpkitError) return thrown.problem;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What must hold whatever the input. A failure is our bug; fuzzers stop on it. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw xdpkitError("INTERNAL_INVARIANT", { what });
}
