/** Places of a source by offset: the lines are found once. */
import type { SourceLocation } from "../../base/index.ts";

export class LineIndex {
  readonly #file: string;
  readonly #starts: number[] = [0];
  readonly #source: string;

  constructor(source: string, file: string) {
    this.#source = source;
    this.#file = file;
    const breaks = /\r\n|[\n\r\u2028\u2029]/g;
    for (let match = breaks.exec(source); match; match = breaks.exec(source)) this.#starts.push(breaks.lastIndex);
  }

  /** Line and column of a UTF-16 offset, both from 1. */
  locate(offset: number): SourceLocation {
    let [low, high] = [0, this.#starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    const start = this.#starts[low]!;
    const [text] = this.#source.slice(start).split(/[\n\r\u2028\u2029]/, 1);
    return { kind: "source", file: this.#file, line: low + 1, column: offset - start + 1, text: text! };
  }
}
