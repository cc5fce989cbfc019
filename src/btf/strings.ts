/**
 * The string section of BTF: zero-terminated names, found by their offset.
 *
 * Nearly all sections are ASCII: then one decode and slices of it serve all names, which is what makes the kernel's
 * own BTF quick to read. Invariant: the section begins with the empty string and ends with a zero byte.
 */
import { xdpkitError } from "../base/index.ts";

const utf8 = new TextDecoder();
const encoder = new TextEncoder();

/** Strings that end in zero, found by the offset of their first byte. */
export class StringSection {
  readonly #bytes: Uint8Array;
  readonly #ascii: string | null;

  /** `base` is where the section begins in the file. */
  constructor(bytes: Uint8Array, base: number) {
    const problem = bytes[0] !== 0 ? "it does not begin with the empty string" : "it does not end with a zero byte";
    if (bytes[0] !== 0 || bytes.at(-1) !== 0) {
      throw xdpkitError("BTF_STRINGS", { problem }, { at: { kind: "byte", offset: base } });
    }
    this.#bytes = bytes;
    this.#ascii = bytes.every((byte) => byte < 0x80) ? utf8.decode(bytes) : null;
  }

  /** The name at `offset`; `at` is the byte that holds the offset. @throws XdpkitError BTF_NAME */
  read(offset: number, at: number): string {
    if (offset === 0) return "";
    const length = this.#bytes.length;
    if (offset >= length) {
      throw xdpkitError("BTF_NAME", { offset, length }, { at: { kind: "byte", offset: at } });
    }
    if (this.#ascii !== null) return this.#ascii.slice(offset, this.#ascii.indexOf("\0", offset));
    return utf8.decode(this.#bytes.subarray(offset, this.#bytes.indexOf(0, offset)));
  }
}

/** Collects names, each once, in the order of their first use. */
export class StringTable {
  readonly #offsets = new Map<string, number>([["", 0]]);
  readonly #parts: Uint8Array[] = [new Uint8Array(1)];
  #length = 1;

  /** The offset of a name. */
  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const bytes = encoder.encode(`${text}\0`);
    const offset = this.#length;
    this.#offsets.set(text, offset);
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return offset;
  }

  /** The section as it is written: an empty string first, each string once. */
  get bytes(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let offset = 0;
    for (const part of this.#parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    return joined;
  }
}
