/**
 * The words of one directive, read with errors that show how to write it.
 *
 * Invariant: every failure is an OBJECT_DIRECTIVE at the directive.
 */
import { type SourceLocation, type XdpkitError, xdpkitError } from "../base/index.ts";

export class Directive {
  /** `.map` */
  readonly name: string;
  readonly words: readonly string[];
  /** Everything behind the name. */
  readonly rest: string;
  readonly #at: SourceLocation;

  constructor(line: string, at: SourceLocation) {
    const text = line.trim();
    const [name = "", ...words] = text.replace(/\s+(;|\/\/).*$/, "").split(/\s+/);
    this.name = name;
    this.words = words;
    this.rest = text.slice(name.length).trim();
    this.#at = at;
  }

  fail(problem: string): XdpkitError {
    return xdpkitError("OBJECT_DIRECTIVE", { directive: this.name, problem }, { at: this.#at });
  }

  /** A name, not an option. */
  word(index: number): string {
    const word = this.words[index];
    if (word === undefined || word.includes("=")) throw this.fail("a name is missing");
    return word;
  }

  number(text: string | undefined, max: number): number {
    const value = /^(0[xX][0-9a-fA-F]{1,16}|\d{1,20})$/.test(text ?? "") ? Number(text) : Number.NaN;
    if (value <= max) return value;
    throw this.fail(`${text ?? "nothing"} is no number from 0 to ${max}`);
  }

  /** A number of 64 bits. */
  wide(text: string | undefined): bigint {
    const value = /^(0[xX][0-9a-fA-F]{1,16}|\d{1,20})$/.test(text ?? "") ? BigInt(text!) : -1n;
    if (value >= 0n && value < 1n << 64n) return value;
    throw this.fail(`${text ?? "nothing"} is no number of 64 bits`);
  }

  /** The text of a quoted word. */
  quoted(): string {
    try {
      const value: unknown = JSON.parse(this.rest);
      if (typeof value === "string") return value;
    } catch {
      // Reported below, with what was found.
    }
    throw this.fail(`${this.rest || "nothing"} is no quoted text`);
  }

  /** `key=4 pin` from a word on; those without `=` have empty values. */
  options(from: number, known: readonly string[]): ReadonlyMap<string, string> {
    const options = new Map<string, string>();
    for (const word of this.words.slice(from)) {
      const [name = "", value = ""] = word.split("=", 2);
      if (!known.includes(name)) throw this.fail(`it has no option ${name}; it has ${known.join(", ")}`);
      options.set(name, value);
    }
    return options;
  }
}
