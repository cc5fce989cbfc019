/** Control flow that TypeScript has no word for: bounded loops, subprograms, the end of a program, tracing. */
import { intrinsic } from "./intrinsic.ts";
import type { XdpAction } from "./program.ts";

/** `0 .. count-1`, or `from .. to-1`: a bounded loop (kernel 5.3). */
export function* range(first: number, second?: number): Generator<number, void, undefined> {
  const [from, to] = second === undefined ? [0, first] : [first, second];
  for (let index = from; index < to; index++) yield index;
}

/** `0 .. count-1`, unrolled: the index is a constant in each copy. */
export function* unroll(count: number): Generator<number, void, undefined> {
  for (let index = 0; index < count; index++) yield index;
}

/** What the body of `loop` and `forEach` returns: `loop.Break`, or nothing. */
export type LoopStep = boolean;

interface Loop {
  (count: number, body: (index: number) => LoopStep | undefined | void): number;
  readonly Break: LoopStep;
}

/**
 * A loop over a function: return `loop.Break` to leave. Result: the number of rounds. A bounded loop (kernel 5.3) of at most
 * 8192 rounds; many rounds, at most 2^23, are calls of the function by `bpf_loop` (5.17).
 */
export const loop: Loop = Object.assign(
  intrinsic<(count: number, body: (index: number) => LoopStep | undefined | void) => number>("loop", { since: "5.3" }),
  { Break: true },
);

const subprograms = new WeakSet<object>();

/**
 * A BPF-to-BPF call in place of inlining (kernel 4.16): at most five arguments, each a number of 32 bits, a bigint, a
 * boolean, a place or the context; the result is a number, a bigint, a boolean or nothing.
 */
export function subprogram<F extends CallableFunction>(body: F): F {
  subprograms.add(body);
  return body;
}

/** Whether a function was handed to `subprogram`. */
export const isSubprogram = (value: object): boolean => subprograms.has(value);

/**
 * Ends the program with `action`, from any inlined function: `cursor.take(Ipv4) ?? exit(drops.drop("truncated"))`.
 * Not inside `withLock`, `forEach` bodies or subprograms.
 */
export const exit: (action: XdpAction) => never = intrinsic("exit");

/** Formats to `trace_pipe` (`bpf_trace_vprintk`, kernel 5.16, before it `bpf_trace_printk`); nothing unless the setting `tracing` is on. */
export const trace: (text: TemplateStringsArray, ...values: (number | bigint | boolean | string)[]) => void = intrinsic(
  "trace",
  { helper: "bpf_trace_printk", gplOnly: true },
);
