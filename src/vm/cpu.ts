/**
 * The state of a running program: registers, position, call frames.
 *
 * Registers are pairs of 32-bit halves in one Int32Array (r0 low, r0 high, r1 low, …), followed by the constants that
 * immediates were turned into (text.ts). Callbacks of helpers such as `bpf_loop` are frames with a continuation, not a
 * recursion of the interpreter: so a program can be stopped and stepped anywhere.
 *
 * Invariant: `depth` counts active frames below the current one; frame n's stack is element n + 1 of the stack region;
 * element 0 is no memory, so that a frame is run over at both ends.
 */
import { type Location, type XdpkitError, xdpkitError } from "../base/index.ts";
import { print } from "../isa/index.ts";
import { sourceOf } from "../object/index.ts";
import { helperById } from "../uapi/index.ts";
import type { Memory, Region } from "./memory.ts";
import { OPERATION } from "./operations.ts";
import type { Text } from "./text.ts";

/** MAX_CALL_FRAMES (include/linux/bpf_verifier.h): of one program. */
export const MAX_FRAMES = 8;
/** A tail call from a function keeps the callers' frames: 33 tail calls and the first program. */
const ALL_FRAMES = MAX_FRAMES * 34;
/** MAX_BPF_STACK: bytes of a frame. */
export const STACK_BYTES = 512;
const STACK_STRIDE = STACK_BYTES + 128;
/** BPF_MAX_LOOPS (include/linux/bpf.h): iterations that `may_goto` grants. */
const MAY_GOTO_BUDGET = 8 * 1024 * 1024;
/** Words saved per frame: return position, r6 to r9, r10, may_goto budget, the program's first frame. */
const SAVED = 13;

/** Called when a callback's frame ends; may enter the next round or leave a result in r0. */
export type Continuation = (cpu: Cpu) => void;

export type HelperFunction = (cpu: Cpu) => void;

export class Cpu {
  readonly memory: Memory;
  readonly text: Text;
  readonly stack: Region;
  regs: Int32Array;
  /** Position in the text (slots) of the instruction that runs. */
  pc = 0;
  /** Where calls, returns, helpers with callbacks and tail calls go on. */
  next = 0;
  depth = 0;
  /** Depth of the frame in which the current program began; above 0 after a tail call from a function. */
  #base = 0;
  /** Instructions that may still run. */
  budget = 0;
  tailCalls = 0;
  readonly saved = new Int32Array(ALL_FRAMES * SAVED);
  readonly continuations: (Continuation | undefined)[] = new Array(ALL_FRAMES).fill(undefined);
  /** By helper number; missing ones fault when they are called. */
  readonly helpers: (HelperFunction | undefined)[] = [];
  readonly kfuncs: HelperFunction[] = [];
  /** Operations that breakpoints replaced, by position. */
  readonly broken = new Map<number, number>();

  constructor(memory: Memory, text: Text) {
    this.memory = memory;
    this.text = text;
    this.regs = new Int32Array(22);
    this.stack = memory.allocate({
      kind: "stack",
      name: "stack",
      size: (ALL_FRAMES + 1) * STACK_STRIDE,
      stride: STACK_STRIDE,
      element: STACK_BYTES,
    });
    memory.setBounds(this.stack, this.stack.start + STACK_STRIDE, this.stack.start + this.stack.size);
  }

  /** Call after the text has changed: lays the constants behind the registers. */
  loadConstants(): void {
    const regs = new Int32Array(22 + this.text.constants.length);
    // A program may be linked while another one is stopped in a debug session.
    regs.set(this.regs.subarray(0, 22));
    regs.set(this.text.constants, 22);
    this.regs = regs;
  }

  /** Registers zeroed, r1 the context, r10 the end of the first frame. */
  start(entry: number, context: number, budget: number): void {
    this.regs.fill(0, 0, 22);
    this.regs[2] = context;
    this.regs[20] = this.stack.start + STACK_STRIDE + STACK_BYTES;
    this.pc = entry;
    this.depth = 0;
    this.#base = 0;
    this.budget = budget;
    this.tailCalls = 0;
    this.saved[11] = MAY_GOTO_BUDGET;
  }

  /** Pushes a frame that returns to `returnTo`; the callee's arguments stay in r1 to r5. */
  enter(target: number, returnTo: number, continuation?: Continuation): void {
    const { regs, saved } = this;
    if (this.depth + 1 - this.#base >= MAX_FRAMES || this.depth + 1 >= ALL_FRAMES)
      throw this.error("VM_CALL_DEPTH", { limit: MAX_FRAMES });
    const at = this.depth * SAVED;
    saved[at] = returnTo;
    for (let i = 0; i < 10; i++) saved[at + 1 + i] = regs[12 + i]!;
    saved[at + 12] = this.#base;
    this.continuations[this.depth] = continuation;
    this.depth++;
    saved[this.depth * SAVED + 11] = MAY_GOTO_BUDGET;
    regs[20] = this.stack.start + (this.depth + 1) * STACK_STRIDE + STACK_BYTES;
    regs[21] = 0;
    this.next = target;
  }

  /** Pops a frame; a continuation decides what comes next. */
  leave(): void {
    const { regs, saved } = this;
    this.depth--;
    const at = this.depth * SAVED;
    for (let i = 0; i < 10; i++) regs[12 + i] = saved[at + 1 + i]!;
    this.next = saved[at]!;
    this.#base = saved[at + 12]!;
    const continuation = this.continuations[this.depth];
    if (continuation === undefined) return;
    this.continuations[this.depth] = undefined;
    continuation(this);
  }

  /** From `bpf_tail_call`: another program goes on in this frame, with frames and a `may_goto` budget of its own. */
  replace(entry: number): void {
    this.tailCalls++;
    this.#base = this.depth;
    this.saved[this.depth * SAVED + 11] = MAY_GOTO_BUDGET;
    this.next = entry;
  }

  /** From a helper: runs the function at `target` with up to three arguments, then `continuation`. */
  callback(target: number, args: readonly number[], continuation: Continuation): void {
    args.forEach((value, index) => {
      this.regs[2 + 2 * index] = value;
      this.regs[3 + 2 * index] = 0;
    });
    this.enter(target, this.next, continuation);
  }

  /** True while the frame may take another `may_goto` round. */
  spendMayGoto(): boolean {
    return this.saved[this.depth * SAVED + 11]!-- > 0;
  }

  /** Argument n (1 to 5) as an unsigned 32-bit number. */
  argument(n: number): number {
    return this.regs[2 * n]! >>> 0;
  }
  /** The high half of argument n. */
  high(n: number): number {
    return this.regs[2 * n + 1]! >>> 0;
  }
  wide(n: number): bigint {
    return (BigInt(this.high(n)) << 32n) | BigInt(this.argument(n));
  }
  /** The result: a signed 32-bit number, sign-extended. */
  result(value: number): void {
    this.regs[0] = value;
    this.regs[1] = value < 0 ? -1 : 0;
  }
  /** The result: an address or an unsigned 32-bit number. */
  resultUnsigned(value: number): void {
    this.regs[0] = value;
    this.regs[1] = 0;
  }
  resultWide(value: bigint): void {
    this.regs[0] = Number(BigInt.asIntN(32, value));
    this.regs[1] = Number(BigInt.asIntN(32, value >> 32n));
  }

  /** Checks that a helper may read (or write) `size` bytes through argument n; returns the address. */
  pointer(n: number, size: number, write = false): number {
    const address = this.regs[2 * n]!;
    if (!this.accessible(address, this.regs[2 * n + 1]!, size, write)) this.fault(address, this.high(n), size, write);
    return address;
  }

  accessible(address: number, high: number, size: number, write: boolean): boolean {
    const { memory } = this;
    const region = memory.pageRegion[address >>> 12]!;
    if (high !== 0 || address < memory.starts[region]! || address + size > memory.ends[region]!) return false;
    if (write && memory.writable[region] === 0) return false;
    const stride = memory.strides[region]!;
    if (stride === 0) return true;
    return ((address - memory.regions[region]!.start) % stride) + size <= memory.elements[region]!;
  }

  /** Throws the fault of an access that `accessible` refused. `pc` must be that of the instruction. */
  fault(address: number, high: number, size: number, write: boolean): never {
    const { memory } = this;
    const region = high === 0 && address >= 0 ? memory.regionAt(address) : memory.regions[0]!;
    if (region.kind === "none") {
      const text = `0x${((BigInt(high >>> 0) << 32n) | BigInt(address >>> 0)).toString(16)}`;
      throw this.error("VM_BAD_POINTER", { size, address: text, what: describeBadPointer(address, high) });
    }
    const base = this.#baseOf(region, address);
    const from = region.kind === "stack" ? this.#fromFrame(address, base) : address - base;
    if (write && region.readOnly) throw this.error("VM_READ_ONLY", { region: region.name, size, from });
    const bounds = this.#describeBounds(region, base);
    throw this.error("VM_ACCESS", { region: region.name, action: write ? "store" : "access", size, from, bounds });
  }

  /** Counted from r10 near the current frame, else from the frame that was hit. */
  #fromFrame(address: number, base: number): number {
    const distance = address - this.regs[20]!;
    return Math.abs(distance) < STACK_STRIDE ? distance : address - base - STACK_BYTES;
  }

  /** The helper that runs, for messages. */
  get helperName(): string {
    const id = this.text.code[this.pc * 4 + 3]!;
    return helperById(id)?.name ?? `helper ${id}`;
  }

  /** Where `data` points: packet faults count from here. */
  packetStart = 0;

  /** What an access is counted from. */
  #baseOf(region: Region, address: number): number {
    if (region.kind === "packet") return this.packetStart;
    if (region.kind === "record") return this.memory.starts[region.id] || region.start;
    if (region.stride === 0) return region.start;
    return region.start + Math.floor((address - region.start) / region.stride) * region.stride;
  }

  #describeBounds(region: Region, base: number): string {
    const end = region.stride === 0 ? this.memory.ends[region.id]! - base : region.element;
    if (region.kind === "packet") {
      const start = this.memory.starts[region.id]! - base;
      return start < 0 ? `packet is ${start}..${end} with its metadata` : `packet ends at ${end}`;
    }
    if (region.kind === "stack") return `the frame is -${STACK_BYTES}..0`;
    // Bounds of ring buffers are those of the records that a program holds.
    if (region.kind === "record" && this.memory.ends[region.id] === 0) return "no record is reserved";
    return `it ends at ${end}`;
  }

  error<C extends Parameters<typeof xdpkitError>[0]>(
    code: C,
    parameters: Parameters<typeof xdpkitError<C>>[1],
  ): XdpkitError {
    return xdpkitError(code, parameters, { at: this.location(this.pc) });
  }

  /** Program, slot and source line of a position. */
  location(position: number): Location {
    const found = this.text.locate(position);
    if (!found) return { kind: "instruction", index: position };
    const source = sourceOf(found.program.linked, found.slot);
    return {
      kind: "instruction",
      program: found.program.linked.name,
      index: found.slot,
      ...(source ? { source } : {}),
    };
  }

  /** The text of the instruction at a position. */
  print(position: number): string {
    const found = this.text.locate(position);
    const index = found?.program.linked.slots.indexOf(found.slot) ?? -1;
    const instruction = found?.program.linked.instructions[index];
    return instruction ? print(instruction) : "(none)";
  }

  setBreakpoint(position: number): void {
    if (this.broken.has(position)) return;
    const word = this.text.code[position * 4]!;
    this.broken.set(position, word);
    this.text.code[position * 4] = (word & ~0xff) | OPERATION.break;
  }

  clearBreakpoint(position: number): void {
    const word = this.broken.get(position);
    if (word === undefined) return;
    this.text.code[position * 4] = word;
    this.broken.delete(position);
  }
}

function describeBadPointer(address: number, high: number): string {
  if (high !== 0) return "which is no address";
  const unsigned = address >>> 0;
  if (unsigned < 4096) return unsigned === 0 ? "the null pointer" : "close to the null pointer";
  if (unsigned >= 0xc000_0000) return "a function";
  return unsigned >= 0x8000_0000 ? "a map, not one of its values" : "where there is no memory";
}
