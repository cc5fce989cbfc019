/**
 * Waiting for descriptors in Node's event loop, as long as somebody listens: a process ends when nobody does.
 *
 * On the main thread the loop itself waits (koffi.node.poll, which is libuv's uv_poll). In a worker it looks now and then: a
 * poll handle outlives its worker's environment, and the whole process is ended with it. Invariant: after `stop` nothing is
 * called.
 */
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";

export interface Readiness {
  /** Calls `look` when there may be something to read, until `stop`. */
  start(look: () => void): void;
  stop(): void;
  /** It cannot be started again. */
  close(): void;
}

/** `available` is true when reading would find something. */
export const readinessOf = (fds: readonly number[], available: () => boolean): Readiness =>
  isMainThread ? new LoopReadiness(fds, available) : new TimedReadiness(available);

class LoopReadiness implements Readiness {
  readonly #fds: readonly number[];
  readonly #available: () => boolean;
  #handles: ReturnType<typeof koffi.node.poll>[] = [];
  #isStarted = false;

  constructor(fds: readonly number[], available: () => boolean) {
    this.#fds = fds;
    this.#available = available;
  }

  /** Perf wake-ups are edge-triggered: what came before the poll was armed is looked for once. */
  start(look: () => void): void {
    this.#isStarted = true;
    if (this.#handles.length > 0) for (const handle of this.#handles) handle.start({ readable: true }, look);
    else this.#handles = this.#fds.map((fd) => koffi.node.poll(fd, { readable: true }, look));
    setImmediate(() => {
      if (this.#isStarted && this.#available()) look();
    });
  }

  stop(): void {
    this.#isStarted = false;
    for (const handle of this.#handles) handle.stop();
  }

  close(): void {
    this.#isStarted = false;
    for (const handle of this.#handles) handle.close();
    this.#handles = [];
  }
}

/** Shortest and longest time between two looks: doubled while nothing comes. */
const FIRST_MS = 1;
const LAST_MS = 16;

class TimedReadiness implements Readiness {
  readonly #available: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(available: () => boolean) {
    this.#available = available;
  }

  start(look: () => void, delay = 0): void {
    this.#timer = setTimeout(() => {
      const found = this.#available();
      this.start(look, found ? FIRST_MS : Math.min(LAST_MS, 2 * delay || FIRST_MS));
      if (found) look();
    }, delay);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  close(): void {
    this.stop();
  }
}
