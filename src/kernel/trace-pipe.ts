/**
 * What programs write with `bpf_trace_printk`: trace_pipe of tracefs, a line at a time (kernel/trace/trace_output.c).
 *
 *     node-1234    [001] d..31  4711.123456: bpf_trace_printk: text
 *
 * Reading takes the lines away from every other reader of the machine.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { xdpkitError } from "../base/index.ts";
import { type RecordSource, Records } from "./records.ts";

/** A line of `bpf_printk`. */
export interface TraceLine {
  /** The task that was running when the program ran; "<...>" when it is not known any more. */
  readonly task: string;
  /** Of the task that was running, not one that has to do with the packet. */
  readonly pid: number;
  /** Number of the processor. */
  readonly cpu: number;
  /** Since the machine started, nanoseconds, exact to the microsecond. */
  readonly timestampNs: bigint;
  /** What the program printed. */
  readonly text: string;
}

/** Lines as they come, as an asynchronous iterable. */
export type TraceStream = Records<TraceLine, TraceLine>;

const CHUNK_BYTES = 1 << 16;
const LINE = /^\s*(.+)-(\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(\d+)\]\s+\S+\s+(\d+)\.(\d{6}): bpf_trace_printk: (.*)$/;
const LOST = /^CPU:\d+ \[LOST (\d+) EVENTS\]$/;

/** Lines of the kernel's trace; dispose of it to let others read. @throws XdpkitError KERNEL_TRACE */
export function openTrace(folder = "/sys/kernel/tracing"): TraceStream {
  return new Records(new TracePipe(`${folder}/trace_pipe`), (line) => line);
}

class TracePipe implements RecordSource<TraceLine> {
  readonly fds: readonly number[];
  /** The loop asks again and again while the pipe has something. */
  readonly available = false;
  lost = 0n;
  readonly #fd: number;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #decoder = new TextDecoder();
  /** The beginning of a line whose end has not come yet. */
  #rest = "";

  constructor(path: string) {
    try {
      this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      throw xdpkitError("KERNEL_TRACE", { path, errno: (cause as NodeJS.ErrnoException).code ?? "" }, { cause });
    }
    this.fds = [this.#fd];
  }

  read(take: (line: TraceLine) => void): void {
    for (let count = this.#next(); count > 0; count = this.#next()) {
      const text = this.#rest + this.#decoder.decode(this.#chunk.subarray(0, count), { stream: true });
      const lines = text.split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.#line(line, take);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Bytes read; 0 when there is nothing now. */
  #next(): number {
    try {
      return readSync(this.#fd, this.#chunk);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EAGAIN") return 0;
      throw cause;
    }
  }

  /** Lines of other tracers are left out. */
  #line(line: string, take: (line: TraceLine) => void): void {
    const lost = LOST.exec(line)?.[1];
    if (lost) this.lost += BigInt(lost);
    const [, task, pid, cpu, seconds, micros, text] = LINE.exec(line) ?? [];
    if (task === undefined) return;
    const timestampNs = BigInt(seconds!) * 1_000_000_000n + BigInt(micros!) * 1_000n;
    take({ task, pid: Number(pid), cpu: Number(cpu), timestampNs, text: text! });
  }
}
