/**
 * Descriptors and their owners: closed once, by whoever disposes of them, and at the latest when nobody can any more.
 *
 * That is when the owner has been collected (with a warning that names where it was made), or when the worker that made it
 * has ended. Invariant: a number is closed only while it is the owner's.
 */
import { getEnvironmentData, setEnvironmentData, threadId, type Worker } from "node:worker_threads";
import { callersFrame } from "../base/index.ts";
import { closeFd } from "./syscall.ts";

interface Owned {
  readonly fd: number;
  /** `KernelMap`, … */
  readonly owner: string;
  /** Where the owner was made: function and place. */
  readonly madeAt: string;
}

const collected = new FinalizationRegistry<Owned>(({ fd, owner, madeAt }) => {
  release(fd);
  closeFd(fd);
  process.emitWarning(`a ${owner} was dropped without [Symbol.dispose]() and is closed now; it was made at ${madeAt}`, {
    type: "XdpkitWarning",
    code: "XDPKIT_NOT_DISPOSED",
  });
});

/** For each descriptor the thread that owns it, plus one; 0 for none. Shared by the threads that import this. */
const OWNERS = "xdpkit descriptors";
const MOST = 1 << 16;

function sharedOwners(): Int32Array {
  const known = getEnvironmentData(OWNERS) as SharedArrayBuffer | undefined;
  const buffer = known ?? new SharedArrayBuffer(MOST * Int32Array.BYTES_PER_ELEMENT);
  if (!known) setEnvironmentData(OWNERS, buffer);
  return new Int32Array(buffer);
}

const owners = sharedOwners();
const own = (fd: number): void => {
  if (fd >= 0 && fd < MOST) Atomics.store(owners, fd, threadId + 1);
};
const release = (fd: number): void => {
  if (fd >= 0 && fd < MOST) Atomics.store(owners, fd, 0);
};

/** Closes what a thread that has ended still owned. */
function closeAllOf(thread: number): void {
  for (let fd = 0; fd < MOST; fd++) {
    if (Atomics.compareExchange(owners, fd, thread + 1, 0) === thread + 1) closeFd(fd);
  }
}

// A worker that is terminated runs nothing any more: who started it looks after it. Others end with an event.
process.on("worker", (worker: Worker) => {
  const thread = worker.threadId;
  worker.once("exit", () => closeAllOf(thread));
});
if (threadId !== 0) process.once("exit", () => closeAllOf(threadId));

/** A descriptor that is closed once, however often it is disposed of: its number may be someone else's by then. */
export class Descriptor implements Disposable {
  #fd: number;

  /** `outlives`: it stays open when its owner is collected, because closing it would change what the kernel does. */
  constructor(fd: number, outlives = false) {
    this.#fd = fd;
    own(fd);
    if (!outlives) collected.register(this, { fd, owner: new.target.name, madeAt: callersFrame() }, this);
  }

  /** -1, which the kernel refuses (EBADF), when it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Gives the descriptor to another owner: the number, which this one does not close any more. */
  surrender(): number {
    const fd = this.#fd;
    collected.unregister(this);
    this.#fd = -1;
    return fd;
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    const fd = this.surrender();
    release(fd);
    closeFd(fd);
  }
}
