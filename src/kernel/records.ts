/**
 * Records from the kernel as they come: `for await`, listeners, or all that are there now.
 *
 * Invariants: nothing is thrown out of the event loop's callback; a record is given away once; a reader that is slower than
 * the kernel leaves the rest in the kernel's buffer, and lets timers and signals through.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { EventSource } from "../lang/index.ts";
import { type Readiness, readinessOf } from "./readiness.ts";

/** How long records are given away, in milliseconds, before the event loop has its turn. */
const TURN_MS = 4;

/** Where records come from: a ring buffer, a perf array, the trace pipe. */
export interface RecordSource<R> extends Disposable {
  /** Readable while records are there. */
  readonly fds: readonly number[];
  /** True when `read` would find something. */
  readonly available: boolean;
  /** Records that found no room. */
  readonly lost: bigint;
  /** Gives each record that is there now; what it gives is valid during the call only. */
  read(take: (record: R) => void): void;
}

/**
 * Records of a ring or of perf rings, as an asynchronous iterable. It wakes when the kernel says that there are some.
 */
export class Records<R, T> implements EventSource<T>, Disposable {
  readonly #source: RecordSource<R>;
  readonly #decode: (record: R) => T;
  readonly #listeners = new Set<(record: T) => void>();
  /** Iterators that wait. */
  readonly #waiting = new Set<() => void>();
  readonly #readiness: Readiness;
  #watches = false;
  #closed = false;
  /** Listeners get what is pending in the event loop's next turn. */
  #isContinued = false;
  /** Read, and not given away yet: the next stands last. */
  #pending: T[] = [];

  constructor(source: RecordSource<R>, decode: (record: R) => T) {
    this.#source = source;
    this.#decode = decode;
    this.#readiness = readinessOf(source.fds, () => source.available);
  }

  /** Records that found no room. */
  get lost(): bigint {
    return this.#source.lost;
  }

  /** Takes the records that are there now. */
  drain(): T[] {
    this.#fetch();
    return this.#pending.splice(0).reverse();
  }

  /** Calls `listener` with what is there now and with what comes; returns what ends it. */
  on(listener: (record: T) => void): () => void {
    this.#listeners.add(listener);
    this.#deliver();
    this.#watch();
    return () => {
      this.#listeners.delete(listener);
      this.#rest();
    };
  }

  /** Ends when the source is closed. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    let end = performance.now() + TURN_MS;
    while (!this.#closed) {
      if (this.#pending.length === 0) this.#fetch();
      const record = this.#pending.pop();
      if (record !== undefined) yield record;
      else await this.#readable();
      if (record !== undefined && performance.now() < end) continue;
      if (record !== undefined) await turn();
      end = performance.now() + TURN_MS;
    }
  }

  /** Ends what waits, and closes the source. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#wake();
    this.#readiness.close();
    this.#source[Symbol.dispose]();
  }

  /** Records in front of one that cannot be decoded are kept. */
  #fetch(): void {
    const fresh: T[] = [];
    try {
      if (!this.#closed) this.#source.read((record) => fresh.push(this.#decode(record)));
    } finally {
      this.#pending = fresh.reverse().concat(this.#pending);
    }
  }

  /** What follows the record at which the last listener leaves waits for whoever comes next. */
  #deliver(): void {
    const end = performance.now() + TURN_MS;
    try {
      if (this.#pending.length === 0) this.#fetch();
    } finally {
      while (this.#listeners.size > 0 && this.#pending.length > 0) {
        const record = this.#pending.pop()!;
        for (const listener of this.#listeners) guarded(() => listener(record));
        if (performance.now() >= end) break;
      }
      this.#continue();
    }
  }

  #continue(): void {
    if (this.#isContinued || this.#listeners.size === 0 || this.#pending.length === 0) return;
    this.#isContinued = true;
    setImmediate(() => {
      this.#isContinued = false;
      if (!this.#closed) guarded(() => this.#deliver());
    });
  }

  #readable(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#watch();
    });
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #watch(): void {
    if (this.#watches || this.#closed) return;
    this.#watches = true;
    this.#readiness.start(() => this.#look());
  }

  #look(): void {
    if (this.#listeners.size > 0) guarded(() => this.#deliver());
    this.#wake();
    this.#rest();
  }

  #rest(): void {
    if (!this.#watches || this.#closed || this.#listeners.size + this.#waiting.size > 0) return;
    this.#watches = false;
    this.#readiness.stop();
  }
}

/** What a listener throws must not pass through the event loop's callback. */
function guarded(body: () => void): void {
  try {
    body();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
