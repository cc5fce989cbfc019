/** Iterators of the open-coded kind (kernel/bpf/bpf_iter.c, kernel/bpf/helpers.c): over numbers, over the bits of words. */
import { errno } from "../../uapi/index.ts";
import type { Cpu, HelperFunction } from "../cpu.ts";
import type { Machine } from "../machine.ts";
import type { Region } from "../memory.ts";

/** BPF_MAX_LOOPS. */
const MAX_LOOPS = 8 * 1024 * 1024;
/** BITS_ITER_NR_WORDS_MAX. */
const MAX_WORDS = 511;
const WORD_BITS = 64;
/** sizeof(struct bpf_iter_num), sizeof(struct bpf_iter_bits). */
const NUMBERS_BYTES = 8;
const BITS_BYTES = 16;

/** The next number, or undefined at the end, again and again. */
type Next = () => number | undefined;
const NOTHING: Next = () => undefined;

export function iterators(machine: Machine): Readonly<Record<string, HelperFunction>> {
  const state = new IteratorState(machine);
  return {
    bpf_iter_num_new: (cpu) => state.begin(cpu, NUMBERS_BYTES, numbers(cpu)),
    bpf_iter_num_next: (cpu) => state.next(cpu, NUMBERS_BYTES),
    bpf_iter_num_destroy: (cpu) => state.end(cpu, NUMBERS_BYTES),
    bpf_iter_bits_new: (cpu) => state.begin(cpu, BITS_BYTES, bits(machine, cpu)),
    bpf_iter_bits_next: (cpu) => state.next(cpu, BITS_BYTES),
    bpf_iter_bits_destroy: (cpu) => state.end(cpu, BITS_BYTES),
  };
}

/** What iterators stand at, by their address on the stack; each has a cell for the number that it gives out. */
class IteratorState {
  readonly #machine: Machine;
  readonly #next = new Map<number, Next>();
  #cells: Region | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  begin(cpu: Cpu, bytes: number, made: Next | number): void {
    const at = cpu.pointer(1, bytes, "room");
    cpu.writtenOpaque(at, bytes);
    this.#next.set(at, typeof made === "number" ? NOTHING : made);
    cpu.result(typeof made === "number" ? made : 0);
  }

  next(cpu: Cpu, bytes: number): void {
    const at = this.#argument(cpu, bytes);
    const number = (this.#next.get(at) ?? NOTHING)();
    if (number === undefined) {
      cpu.result(0);
      return;
    }
    const cell = this.#cell(cpu, at);
    this.#machine.memory.view.setInt32(cell, number, true);
    cpu.resultPointer(cell);
  }

  end(cpu: Cpu, bytes: number): void {
    const at = this.#argument(cpu, bytes);
    this.#next.delete(at);
    cpu.written(at, bytes);
  }

  #argument(cpu: Cpu, bytes: number): number {
    const at = cpu.pointer(1, bytes, "room");
    if (cpu.shadow.isOpaque(at, bytes)) return at;
    throw cpu.error("VM_HELPER_ARGUMENT", { name: cpu.helperName, argument: 1, problem: "not an iterator" });
  }

  #cell(cpu: Cpu, at: number): number {
    const { memory } = this.#machine;
    const { size, start } = cpu.stack;
    const name = "number of an iterator";
    this.#cells ??= memory.allocate({ kind: "data", name, size, stride: 8, element: 4, readOnly: true });
    return this.#cells.start + (at - start);
  }
}

/** bpf_iter_num_new: from argument 2 to argument 3, signed, the last left out; or an error number. */
function numbers(cpu: Cpu): Next | number {
  const [start, end] = [cpu.argument(2) | 0, cpu.argument(3) | 0];
  if (start > end) return -errno.EINVAL;
  if (end - start > MAX_LOOPS) return -errno.E2BIG;
  let current = start;
  return () => (current < end ? current++ : undefined);
}

/** bpf_iter_bits_new: the bits that are set in argument 3 words behind any address. */
function bits(machine: Machine, cpu: Cpu): Next | number {
  const [address, count] = [cpu.wide(2), cpu.argument(3)];
  if (address === 0n || count === 0) return -errno.EINVAL;
  if (count > MAX_WORDS) return -errno.E2BIG;
  const words = machine.peek(address, 8 * count);
  if (!words) return -errno.EFAULT;
  let bit = -1;
  return () => {
    for (bit++; bit < count * WORD_BITS; bit++) if (words[bit >> 3]! & (1 << (bit & 7))) return bit;
    return undefined;
  };
}
