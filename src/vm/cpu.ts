/**
 * The state of a running program: registers, position, call frames.
 *
 * Registers are pairs of 32-bit halves in one Int32Array (r0 low, r0 high, r1 low, …), followed by the constants that
 * immediates were turned into (text.ts). `origins` says at the same places what each of them is (origin.ts). Callbacks of helpers such as `bpf_loop` are frames with a continuation, not a
 * recursion of the interpreter: so a program can be stopped and stepped anywhere.
 *
 * Invariant: `depth` counts active frames below the current one; frame n's stack is element n + 1 of the stack region;
 * element 0 is no memory, so that a frame is run over at both ends.
 */
import { invariant, type Location, type XdpkitError, xdpkitError } from "../base/index.ts";
import { print } from "../isa/index.ts";
import { sourceOf } from "../object/index.ts";
import { accessFault, argumentFault, callAt, unknownFault, unsetFault } from "./faults.ts";
import { type Memory, ObjectId, type Region } from "./memory.ts";
import { OPERATION } from "./operations.ts";
import { maskOf, UNSET } from "./origin.ts";
import { STACK_BYTES, StackShadow } from "./stack-shadow.ts";
import type { Text } from "./text.ts";

/** MAX_CALL_FRAMES (include/linux/bpf_verifier.h): of one program. */
export const MAX_FRAMES = 8;
/** A tail call from a function keeps the callers' frames: 33 tail calls and the first program. */
const ALL_FRAMES = MAX_FRAMES * 34;
const STACK_STRIDE = STACK_BYTES + 128;
/** Places of r0, r1, r6 and r10 in the register file. */
const R0 = 0;
const R1 = 2;
const R6 = 12;
const R10 = 20;
const HALVES = 22;
/** BPF_MAX_LOOPS (include/linux/bpf.h): iterations that `may_goto` grants. */
const MAY_GOTO_BUDGET = 8 * 1024 * 1024;
/** Words saved per frame: return position, r6 to r9, r10, may_goto budget, the program's first frame; origins of r6 to r9. */
const SAVED = 21;

/** Called when a callback's frame ends; may enter the next round or leave a result in r0. */
export type Continuation = (cpu: Cpu) => void;

export type HelperFunction = (cpu: Cpu) => void;

/**
 * What a helper does with memory that an argument points to: reads it; writes all of it; reads it and may write it;
 * writes as much as it says itself (`written`); or copies it to user space, where padding that nobody wrote is garbage.
 */
export type Use = "read" | "write" | "update" | "room" | "copy";

/**
 * What a program finds where nothing has been written: on the stack bytes that may decide nothing (a fault says so),
 * garbage as in the kernel, or zeros. New bytes before the packet and ring-buffer records are zeros only for "zero".
 */
export type Unwritten = "fault" | "garbage" | "zero";

/** The byte at an address, 1 to 255: the same in each run, whatever ran before. */
function garbage(seed: number, address: number): number {
  const mixed = Math.imul((address ^ seed) + 0x9e3779b9, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & 0xff || 0xa5;
}

/** A value for a callback: its halves and its origin. */
export interface Argument {
  readonly low: number;
  readonly high: number;
  readonly origin: number;
  readonly base: number;
}

/** For a callback: a number. */
export const numberArgument = (low: number): Argument => ({ low, high: 0, origin: 0, base: 0 });

export class Cpu {
  readonly memory: Memory;
  readonly text: Text;
  readonly context: Region;
  readonly stack: Region;
  readonly shadow: StackShadow;
  regs: Int32Array;
  /** What each register is (origin.ts); constants behind r10, as in `regs`. */
  origins: Int32Array;
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
  /** True when a helper has entered a callback or another program: its arguments stay in r1 to r5. */
  entered = false;
  /** Position of the last call of the current frame: what is unset since then. */
  lastCall = -1;
  unwritten: Unwritten = "fault";
  /** Chooses what garbage is. */
  seed = 1;
  readonly saved = new Int32Array(ALL_FRAMES * SAVED);
  readonly continuations: (Continuation | undefined)[] = new Array(ALL_FRAMES).fill(undefined);
  /** By helper number; missing ones fault when they are called. */
  readonly helpers: (HelperFunction | undefined)[] = [];
  readonly kfuncs: HelperFunction[] = [];
  /** BTF names of `kfuncs`. */
  readonly kfuncNames: string[] = [];
  /** Operations that breakpoints replaced, by position. */
  readonly broken = new Map<number, number>();

  constructor(memory: Memory, text: Text) {
    this.memory = memory;
    this.text = text;
    this.regs = new Int32Array(HALVES);
    this.origins = new Int32Array(HALVES);
    this.context = memory.allocate({ kind: "context", name: "context", size: 24, readOnly: true });
    this.stack = memory.allocate({
      kind: "stack",
      name: "stack",
      size: (ALL_FRAMES + 1) * STACK_STRIDE,
      stride: STACK_STRIDE,
      element: STACK_BYTES,
    });
    const handle = memory.reserve("handle");
    invariant(
      this.context.id === ObjectId.Context && this.stack.id === ObjectId.Stack && handle.id === ObjectId.Handle,
      "the interpreter spells these numbers out",
    );
    this.shadow = new StackShadow(this.stack.start, this.stack.size);
    memory.setBounds(this.stack, this.stack.start + STACK_STRIDE, this.stack.start + this.stack.size);
  }

  /** Call after the text has changed: lays the constants behind the registers. */
  loadConstants(): void {
    const size = HALVES + this.text.constants.length;
    const regs = new Int32Array(size);
    const origins = new Int32Array(size);
    // A program may be linked while another one is stopped in a debug session.
    regs.set(this.regs.subarray(0, HALVES));
    origins.set(this.origins.subarray(0, HALVES));
    regs.set(this.text.constants, HALVES);
    origins.set(this.text.constantOrigins, HALVES);
    this.regs = regs;
    this.origins = origins;
  }

  /** Registers unset but for r1, the context, and r10, the end of the first frame. */
  start(entry: number, budget: number): void {
    this.depth = 0;
    this.#setContext();
    this.#beginFrame();
    this.pc = entry;
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
    for (let i = 0; i < 10; i++) saved[at + 1 + i] = regs[R6 + i]!;
    for (let i = 0; i < 8; i++) saved[at + 13 + i] = this.origins[R6 + i]!;
    saved[at + 12] = this.#base;
    this.continuations[this.depth] = continuation;
    this.depth++;
    saved[this.depth * SAVED + 11] = MAY_GOTO_BUDGET;
    this.#beginFrame();
    this.next = target;
  }

  /** r10, and nothing on the stack or in r0 and r6 to r9 yet. */
  #beginFrame(): void {
    const { regs, origins } = this;
    const frame = this.stack.start + (this.depth + 1) * STACK_STRIDE;
    regs[R10] = frame + STACK_BYTES;
    regs[R10 + 1] = 0;
    origins[R10] = ObjectId.Stack;
    origins[R10 + 1] = frame;
    origins[R0] = origins[12] = origins[14] = origins[16] = origins[18] = UNSET;
    this.lastCall = -1;
    this.shadow.begin(frame, this.unwritten !== "fault");
    if (this.unwritten !== "fault") this.clear(frame, STACK_BYTES);
  }

  /** Leaves in memory what an earlier use might have left there: no byte of it is 0; or zeros, where that is wanted. */
  clear(address: number, size: number): void {
    const { bytes } = this.memory;
    if (this.unwritten === "zero") bytes.fill(0, address, address + size);
    else for (let at = address; at < address + size; at++) bytes[at] = garbage(this.seed, at);
  }

  #setContext(): void {
    const { origins } = this;
    this.regs[R1] = this.context.start;
    this.regs[R1 + 1] = 0;
    origins[R1] = ObjectId.Context;
    origins[R1 + 1] = this.context.start;
    origins[4] = origins[6] = origins[8] = origins[10] = UNSET;
  }

  /** A call leaves its arguments' registers unset. */
  forgetArguments(position: number): void {
    const { origins } = this;
    origins[2] = origins[4] = origins[6] = origins[8] = origins[10] = UNSET;
    this.lastCall = position;
  }

  /** Pops a frame; a continuation decides what comes next. */
  leave(): void {
    const { regs, origins, saved } = this;
    if (origins[R0] === ObjectId.Stack && origins[R10 + 1] === origins[R0 + 1]) throw this.error("VM_STACK_ESCAPE", {});
    this.depth--;
    const at = this.depth * SAVED;
    for (let i = 0; i < 10; i++) regs[R6 + i] = saved[at + 1 + i]!;
    for (let i = 0; i < 8; i++) origins[R6 + i] = saved[at + 13 + i]!;
    origins[R10 + 1] = regs[R10]! - STACK_BYTES;
    this.next = saved[at]!;
    this.forgetArguments(this.next - 1);
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
    this.#setContext();
    this.#beginFrame();
    this.entered = true;
    this.next = entry;
  }

  /** From a helper: runs the function at `target` with up to four arguments, then `continuation`. */
  callback(target: number, args: readonly Argument[], continuation: Continuation): void {
    const { regs, origins } = this;
    for (let place = R1; place < R6; place += 2) origins[place] = UNSET;
    args.forEach(({ low, high, origin, base }, index) => {
      const place = R1 + 2 * index;
      [regs[place], regs[place + 1]] = [low, high];
      [origins[place], origins[place + 1]] = [origin, base];
    });
    this.enter(target, this.next, continuation);
    this.entered = true;
  }

  /** Argument n as it is, for a callback. */
  passOn(n: number): Argument {
    const [place, { regs, origins }] = [2 * n, this];
    return { low: regs[place]!, high: regs[place + 1]!, origin: origins[place]!, base: origins[place + 1]! };
  }

  /** For a callback: a pointer to the start of a region's element. */
  elementAt(address: number): Argument {
    return { low: address, high: 0, origin: this.memory.regionAt(address).id, base: address };
  }

  /** What a callback returned, as a 64-bit number. */
  callbackResult(): bigint {
    this.#checkNumber(R0, 0xff, "is what a callback returns");
    return this.#wideAt(R0);
  }

  /** True while the frame may take another `may_goto` round. */
  spendMayGoto(): boolean {
    return this.saved[this.depth * SAVED + 11]!-- > 0;
  }

  /** Argument n (1 to 5) as an unsigned 32-bit number. */
  argument(n: number): number {
    if (this.origins[2 * n]! < 0) this.#checkNumber(2 * n, 0x0f);
    return this.regs[2 * n]! >>> 0;
  }
  /** The high half of argument n. */
  high(n: number): number {
    if (this.origins[2 * n]! < 0) this.#checkNumber(2 * n, 0xf0);
    return this.regs[2 * n + 1]! >>> 0;
  }
  wide(n: number): bigint {
    if (this.origins[2 * n]! < 0) this.#checkNumber(2 * n, 0xff);
    return this.#wideAt(2 * n);
  }
  #wideAt(place: number): bigint {
    return BigInt.asUintN(64, (BigInt(this.regs[place + 1]!) << 32n) | BigInt(this.regs[place]! >>> 0));
  }
  /** Argument n as flags: all 64 bits as one number, for comparisons. Bits above 2^53 round, and stay above all flags. */
  flags(n: number): number {
    return this.high(n) * 2 ** 32 + this.argument(n);
  }
  /** Whether all bits of argument n are 0: what flags without a meaning must be. */
  isZero(n: number): boolean {
    return this.argument(n) === 0 && this.high(n) === 0;
  }

  /** The bytes of `mask` in a register must be known. */
  #checkNumber(place: number, mask: number, what = `is an argument of ${this.helperName}`): void {
    const origin = this.origins[place]!;
    if (origin === UNSET) this.unset(this.pc, place);
    if (maskOf(origin) & mask) this.unknown(this.pc, place, what);
  }

  /** The result: a signed 32-bit number, sign-extended. */
  result(value: number): void {
    this.origins[R0] = 0;
    this.regs[R0] = value;
    this.regs[R0 + 1] = value < 0 ? -1 : 0;
  }
  /** The result: an unsigned 32-bit number. */
  resultUnsigned(value: number): void {
    this.origins[R0] = 0;
    this.regs[R0] = value;
    this.regs[R0 + 1] = 0;
  }
  resultWide(value: bigint): void {
    this.origins[R0] = 0;
    this.regs[R0] = Number(BigInt.asIntN(32, value));
    this.regs[R0 + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }
  /** The result: the address of an object, or null. `object` where the region's element is not what may be reached. */
  resultPointer(address: number, object: number = this.memory.regionAt(address).id): void {
    this.resultUnsigned(address);
    if (address === 0) return;
    this.origins[R0] = object;
    this.origins[R0 + 1] = address;
  }
  /** The result: a map, by its handle; or null. */
  resultHandle(handle: number): void {
    this.resultPointer(handle, ObjectId.Handle);
  }

  /** Checks that a helper may use `size` bytes through argument n so; returns the address. */
  pointer(n: number, size: number, use: Use = "read"): number {
    const place = 2 * n;
    const address = this.regs[place]!;
    const object = this.origins[place]!;
    const write = use !== "read" && use !== "copy";
    if (!this.reaches(place, address, size, write)) argumentFault(this, n, size, write);
    if (object !== ObjectId.Stack) return address;
    if (use === "read" || use === "update") this.#checkWritten(address, size);
    else if (use === "write") this.written(address, size);
    else if (use === "copy") this.#fillUnknown(address, size);
    return address;
  }

  #fillUnknown(address: number, size: number): void {
    if (this.shadow.firstUnknown(address, size) === 0) return;
    for (let at = address; at < address + size; at++) {
      if (this.shadow.firstUnknown(at, 1) !== 0) this.clear(at, 1);
    }
  }

  /** A helper reads memory that it had room for: what lies on the stack must have been written. */
  read(address: number, size: number): void {
    if (this.memory.regionAt(address) === this.stack) this.#checkWritten(address, size);
  }

  #checkWritten(address: number, size: number): void {
    const at = this.shadow.firstUnknown(address, size);
    if (at !== 0) throw unknownFault(this, at, `is read by ${this.helperName}`);
  }

  /** A helper has written memory for which it had room. */
  written(address: number, size: number): void {
    if (this.memory.regionAt(address) !== this.stack) return;
    this.shadow.written(address - ((address - this.stack.start) % STACK_STRIDE), address, size);
  }

  /** A helper has written something into a frame that programs cannot look into. */
  writtenOpaque(address: number, size: number): void {
    this.written(address, size);
    if (this.memory.regionAt(address) === this.stack) this.shadow.setOpaque(address, size);
  }

  /** The result is what argument n was. */
  resultSame(n: number): void {
    for (const words of [this.regs, this.origins]) {
      words[R0] = words[2 * n]!;
      words[R0 + 1] = words[2 * n + 1]!;
    }
  }

  /** Whether `size` bytes at an address belong to what the register's pointer was made for. */
  reaches(place: number, address: number, size: number, write: boolean): boolean {
    const object = this.origins[place]!;
    if (object <= 0 || this.regs[place + 1] !== 0) return false;
    const base = this.origins[place + 1]!;
    if (object === ObjectId.Stack && base > this.origins[R10 + 1]!) return false;
    const limit = (write ? this.memory.stores : this.memory.limits)[object]!;
    return (address - base) >>> 0 <= limit - size;
  }

  /** How many bytes may be read at the address in argument n. */
  extent(n: number): number {
    const [object, base] = [this.origins[2 * n]!, this.origins[2 * n + 1]!];
    return object <= 0 ? 0 : Math.max(0, base + this.memory.limits[object]! - this.regs[2 * n]!);
  }

  /** Throws: a register that nothing has set is read. */
  unset(pc: number, place: number): never {
    this.pc = pc;
    throw unsetFault(this, place >> 1);
  }

  /** Throws: bytes that nobody wrote decide something. */
  unknown(pc: number, place: number, what: string): never {
    this.pc = pc;
    throw unknownFault(this, this.origins[place + 1]!, what);
  }

  /** What the interpreter's short test did not let pass: the stack, the context, and faults. Sets the register's origin. */
  load(pc: number, d: number, s: number, address: number, size: number): void {
    if (!this.reaches(s, address, size, false)) this.fault(pc, s, address, size, false);
    const object = this.origins[s]!;
    if (object === ObjectId.Stack) this.shadow.load(address, size, this.origins, d);
    else if (object === ObjectId.Context && size === 4) this.#loadContext(pc, d, address - this.context.start);
    else this.origins[d] = 0;
  }

  /** Makes packet pointers; set by the packet. */
  packetPointer: (pc: number, offset: number, place: number) => boolean = () => false;

  #loadContext(pc: number, d: number, offset: number): void {
    if (!this.packetPointer(pc, offset, d)) this.origins[d] = 0;
  }

  /** The same for stores. */
  store(pc: number, d: number, s: number, address: number, size: number): void {
    if (!this.reaches(d, address, size, true)) this.fault(pc, d, address, size, true);
    const origin = this.origins[s]!;
    const base = this.origins[s + 1]!;
    if (origin === UNSET) this.unset(pc, s);
    if (this.origins[d] !== ObjectId.Stack) {
      if (maskOf(origin) & ((1 << size) - 1)) {
        this.unknown(pc, s, `is stored to the ${this.memory.regionOf(this.origins[d]!).name}`);
      }
      return;
    }
    // A pointer to a frame must not outlive it.
    if (origin === ObjectId.Stack && base > this.origins[d + 1]!) {
      this.pc = pc;
      throw this.error("VM_STACK_ESCAPE", {});
    }
    this.shadow.store(this.origins[d + 1]!, address, size, origin, base);
  }

  /** An atomic operation on `size` bytes: what it reads and writes must be known; `imm` says whether it fetches. */
  atomic(pc: number, d: number, s: number, address: number, size: number, imm: number): void {
    if (!this.reaches(d, address, size, true)) this.fault(pc, d, address, size, true);
    this.pc = pc;
    const what = "is an operand of an atomic operation";
    this.#checkNumber(s, size === 8 ? 0xff : 0x0f, what);
    const exchange = imm === 0xf1;
    if (exchange) this.#checkNumber(R0, size === 8 ? 0xff : 0x0f, what);
    if (this.origins[d] === ObjectId.Stack) {
      const at = this.shadow.firstUnknown(address, size);
      if (at !== 0) throw unknownFault(this, at, what);
      this.written(address, size);
    }
    if (exchange) this.origins[R0] = 0;
    else if (imm & 1) this.origins[s] = 0;
  }

  /** Throws the fault of an access that `reaches` refused. */
  fault(pc: number, place: number, address: number, size: number, write: boolean): never {
    this.pc = pc;
    throw accessFault(this, place, address, size, write);
  }

  /** The program ends: what it returns must be known. */
  checkVerdict(pc: number): void {
    this.pc = pc;
    this.#checkNumber(R0, 0x0f, "is the program's result");
  }

  /** The helper or kernel function that runs, for messages. */
  get helperName(): string {
    return callAt(this, this.pc);
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
