/**
 * Records from the kernel as they come: `for await`, listeners, or all that are there now.
 *
 * Node's event loop waits for the descriptors (koffi.node.poll, which is libuv's), only while somebody listens: a process
 * ends when nobody does. Invariant: nothing is thrown out of the loop's callback; a record is given away once.
 */
import koffi from "koffi";
import type { EventSource } from "../lang/index.ts";

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

export class Records<R, T> implements EventSource<T>, Disposable {
  readonly #source: RecordSource<R>;
  readonly #decode: (record: R) => T;
  readonly #listeners = new Set<(record: T) => void>();
  /** Iterators that wait. */
  readonly #waiting = new Set<() => void>();
  #handles: ReturnType<typeof koffi.node.poll>[] = [];
  #watches = false;
  #closed = false;
  /** Read, and not given away yet: the next stands last. */
  #pending: T[] = [];

  constructor(source: RecordSource<R>, decode: (record: R) => T) {
    this.#source = source;
    this.#decode = decode;
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
    while (!this.#closed) {
      if (this.#pending.length === 0) this.#fetch();
      const record = this.#pending.pop();
      if (record !== undefined) yield record;
      else await this.#readable();
    }
  }

  /** Ends what waits, and closes the source. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#wake();
    for (const handle of this.#handles) handle.close();
    this.#handles = [];
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

  /** What comes behind the record at which the last listener leaves waits for whoever comes next. */
  #deliver(): void {
    try {
      this.#fetch();
    } finally {
      while (this.#listeners.size > 0 && this.#pending.length > 0) {
        const record = this.#pending.pop()!;
        for (const listener of this.#listeners) guarded(() => listener(record));
      }
    }
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

  /** A perf buffer says once that it has records: what came before the loop began to wait is looked for when it does. */
  #watch(): void {
    if (this.#watches || this.#closed) return;
    this.#watches = true;
    const look = (): void => this.#look();
    if (this.#handles.length > 0) for (const handle of this.#handles) handle.start({ readable: true }, look);
    else this.#handles = this.#source.fds.map((fd) => koffi.node.poll(fd, { readable: true }, look));
    setImmediate(() => {
      if (!this.#closed && this.#watches && this.#source.available) look();
    });
  }

  #look(): void {
    if (this.#listeners.size > 0) guarded(() => this.#deliver());
    this.#wake();
    this.#rest();
  }

  #rest(): void {
    if (!this.#watches || this.#closed || this.#listeners.size + this.#waiting.size > 0) return;
    this.#watches = false;
    for (const handle of this.#handles) handle.stop();
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
