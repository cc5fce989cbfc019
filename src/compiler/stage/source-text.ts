/**
 * Changes to a text: characters written over in place, and insertions.
 *
 * Invariant: overwriting keeps length and line breaks, so that every position stays what it was in the original.
 */
import { invariant } from "../../base/index.ts";

const LINE_BREAK = /[\n\r\u2028\u2029]/;

export class SourceText {
  readonly original: string;
  readonly #characters: string[];
  readonly #insertions: { readonly at: number; readonly text: string; readonly rank: number }[] = [];

  constructor(original: string) {
    this.original = original;
    this.#characters = original.split("");
  }

  /** Spaces from `start` up to `end`. */
  blank(start: number, end: number): void {
    for (let at = start; at < end; at++) if (!LINE_BREAK.test(this.#characters[at]!)) this.#characters[at] = " ";
  }

  write(at: number, character: string): void {
    invariant(!LINE_BREAK.test(this.#characters[at] ?? "\n"), "a character is written over a line break");
    this.#characters[at] = character;
  }

  /** Text in front of `at`. Of several at one place, those of lower rank stand first, then the earlier ones. */
  insert(at: number, text: string, rank = 0): void {
    this.#insertions.push({ at, text, rank });
  }

  toString(): string {
    const sorted = this.#insertions.toSorted((a, b) => a.at - b.at || a.rank - b.rank);
    const pieces: string[] = [];
    let from = 0;
    for (const { at, text } of sorted) {
      pieces.push(this.#characters.slice(from, at).join(""), text);
      from = at;
    }
    return [...pieces, this.#characters.slice(from).join("")].join("");
  }

  /** The first place of `word` from `from` on that is not in a comment. Between two nodes there is nothing else. */
  find(word: string, from: number): number {
    const trivia = /\/\*[\s\S]*?\*\/|\/\/[^\n\r\u2028\u2029]*|[\s\S]/y;
    for (trivia.lastIndex = from; trivia.lastIndex < this.original.length; ) {
      if (this.original.startsWith(word, trivia.lastIndex)) return trivia.lastIndex;
      trivia.exec(this.original);
    }
    invariant(false, `${word} is in the text`);
  }

  hasLineBreak(start: number, end: number): boolean {
    return LINE_BREAK.test(this.original.slice(start, end));
  }
}
