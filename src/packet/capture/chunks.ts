/**
 * Bytes of a stream, taken in pieces of any size whatever the chunks are.
 *
 * Invariant: each byte is copied at most once, and only when a piece crosses chunks; what lies inside one chunk is a
 * view on it. No more is held than one piece and one chunk.
 */
import { invariant, plainBytes } from "../../base/index.ts";

/** A source of bytes: a Node stream, a web ReadableStream, an array of chunks. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export class ChunkReader {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  /** Not taken yet, in order, from `#first`; the first one from `#at`. */
  #chunks: Uint8Array[] = [];
  #first = 0;
  #at = 0;
  #available = 0;
  #isDone = false;
  /** Bytes from the start of the stream that were taken. */
  position = 0;

  constructor(source: ByteSource) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Bytes that can be taken at once. */
  get available(): number {
    return this.#available;
  }

  /** Reads until `count` bytes are there; false when the stream ends before. */
  async fill(count: number): Promise<boolean> {
    while (this.#available < count && !this.#isDone) {
      const { value, done } = await this.#source.next();
      if (done) this.#isDone = true;
      else if (value.length > 0) this.#push(plainBytes(value));
    }
    return this.#available >= count;
  }

  #push(chunk: Uint8Array): void {
    if (this.#first > 64 && this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
    this.#chunks.push(chunk);
    this.#available += chunk.length;
  }

  /** The next `count` bytes, which `fill` has said are there. */
  take(count: number): Uint8Array {
    const bytes = this.peek(count);
    this.#available -= count;
    this.position += count;
    this.#at += count;
    while (this.#first < this.#chunks.length && this.#at >= (this.#chunks[this.#first] as Uint8Array).length) {
      this.#at -= (this.#chunks[this.#first] as Uint8Array).length;
      this.#chunks[this.#first++] = EMPTY;
    }
    return bytes;
  }

  /** The same without taking them. */
  peek(count: number): Uint8Array {
    invariant(count <= this.#available, "bytes were taken that had not been read");
    const chunk = this.#chunks[this.#first];
    if (chunk && this.#at + count <= chunk.length) return chunk.subarray(this.#at, this.#at + count);
    return this.#join(count);
  }

  #join(count: number): Uint8Array {
    const joined = new Uint8Array(count);
    let done = 0;
    for (let i = this.#first; done < count; i++) {
      const chunk = this.#chunks[i] as Uint8Array;
      const from = i === this.#first ? this.#at : 0;
      const piece = chunk.subarray(from, from + count - done);
      joined.set(piece, done);
      done += piece.length;
    }
    return joined;
  }

  /** Tells the source that no more is wanted: a file is closed. */
  async close(): Promise<void> {
    if (!this.#isDone) await this.#source.return?.();
  }
}

const EMPTY = new Uint8Array(0);
