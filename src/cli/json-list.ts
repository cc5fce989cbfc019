/**
 * The elements of a JSON list one after the other, so that a list of a million is never in memory as a whole (RFC 8259).
 *
 * Only the list itself is looked at here: where its elements begin and end. JSON.parse reads each. Invariant: what is
 * accepted is what JSON.parse accepts of the whole text.
 */
import { xdpkitError } from "../base/index.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** @throws XdpkitError CLI_MAP_FILE when it is no list, CLI_JSON at the element `$[3]` */
export async function* readJsonList(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const splitter = new ListSplitter();
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield* splitter.push(decoder.decode(chunk, { stream: true }));
  splitter.end();
}

class ListSplitter {
  #text = "";
  /** What of `#text` has been looked at. */
  #at = 0;
  /** Lists and objects around; 0 outside of the list. */
  #depth = 0;
  #inString = false;
  #ended = false;
  #count = 0;

  *push(text: string): Generator<unknown> {
    this.#text += text;
    for (let end = this.#elementEnd(); end >= 0; end = this.#elementEnd()) {
      const element = this.#text.slice(0, end);
      const isLast = this.#ended;
      this.#text = this.#text.slice(end + 1);
      this.#at = 0;
      // `[]` has no element; `[1,]` has an empty one, which JSON.parse refuses.
      if (!(isLast && this.#count === 0 && element.trim() === "")) yield this.#parse(element);
    }
  }

  end(): void {
    if (!this.#ended) throw this.#wrong(this.#depth === 0 ? "the file holds no list" : "the list does not end");
    if (this.#text.trim() !== "") throw this.#wrong("something follows the list");
  }

  /** Where the element that begins at 0 ends: at its comma, or at the list's end. -1 when that has not come yet. */
  #elementEnd(): number {
    if (this.#ended || (this.#depth === 0 && !this.#enter())) return -1;
    const text = this.#text;
    for (let at = this.#at; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (this.#inString) {
        if (unit === BACKSLASH) {
          // The character behind it may be in the next chunk.
          if (at + 1 === text.length) return this.#wait(at);
          at++;
        } else if (unit === QUOTE) this.#inString = false;
      } else if (unit === QUOTE) this.#inString = true;
      else if (unit === OPEN_LIST || unit === OPEN_OBJECT) this.#depth++;
      else if (unit === COMMA && this.#depth === 1) return at;
      else if (unit === CLOSE_LIST && this.#depth === 1) {
        this.#ended = true;
        return at;
      } else if ((unit === CLOSE_LIST || unit === CLOSE_OBJECT) && this.#depth > 1) this.#depth--;
    }
    return this.#wait(text.length);
  }

  #wait(at: number): -1 {
    this.#at = at;
    return -1;
  }

  /** Steps into the list. */
  #enter(): boolean {
    this.#text = this.#text.replace(/^\uFEFF?\s*/, "");
    if (this.#text === "") return false;
    if (this.#text.charCodeAt(0) !== OPEN_LIST) throw this.#wrong("the file holds no list");
    this.#text = this.#text.slice(1);
    this.#depth = 1;
    return true;
  }

  #parse(text: string): unknown {
    const path = `$[${this.#count++}]`;
    try {
      return JSON.parse(text);
    } catch (cause) {
      const problem = (cause as Error).message.replace(/ in JSON at position.*/, "");
      throw xdpkitError("CLI_JSON", { problem }, { at: { kind: "path", path }, cause });
    }
  }

  #wrong(problem: string) {
    return xdpkitError("CLI_MAP_FILE", { problem }, { at: { kind: "path", path: "$" } });
  }
}
