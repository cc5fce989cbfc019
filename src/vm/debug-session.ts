/**
 * A program that is stopped between two instructions: stepping, breakpoints, registers, memory.
 *
 * A breakpoint replaces the operation in the text. Invariant: when a session is over, none is left there.
 */
import { type Location, xdpkitError } from "../base/index.ts";
import { interpret, Stop } from "./interpreter.ts";
import type { Machine } from "./machine.ts";
import type { Verdict } from "./verdict.ts";

interface SessionOptions {
  /** The program that was started. */
  readonly program: string;
  readonly budget: number;
  readonly verdict: (action: number, instructions: number) => Verdict;
}

/** A program that is stopped between two instructions. It ends with the program, with a fault, or with the next run. */
export class DebugSession {
  readonly #machine: Machine;
  readonly #program: string;
  readonly #budget: number;
  readonly #verdict: (action: number, instructions: number) => Verdict;
  #over = false;
  /** Present once the program has ended. */
  verdict: Verdict | undefined;

  constructor(machine: Machine, { program, budget, verdict }: SessionOptions) {
    this.#machine = machine;
    this.#program = program;
    this.#budget = budget;
    this.#verdict = verdict;
  }

  /** Program, slot and source line of the next instruction. */
  get location(): Location {
    return this.#machine.core.location(this.#machine.core.pc);
  }

  /** The next instruction as llvm-objdump prints it. */
  get instruction(): string {
    return this.#machine.core.print(this.#machine.core.pc);
  }

  /** Frames above the program's first; more than 7 only after tail calls from functions. */
  get depth(): number {
    return this.#machine.core.depth;
  }

  /** r0 to r10, unsigned. */
  get registers(): bigint[] {
    const { regs } = this.#machine.core;
    const half = (i: number): bigint => BigInt(regs[i]! >>> 0);
    return Array.from({ length: 11 }, (_, r) => (half(2 * r + 1) << 32n) | half(2 * r));
  }

  /** Copies memory behind an address; null where the program could not read it. */
  read(address: bigint, size: number): Uint8Array | null {
    return this.#machine.peek(address, size);
  }

  /** Stops before `slot` of a program. @throws XdpkitError VM_BAD_JUMP */
  setBreakpoint(slot: number, program: string = this.#program): void {
    const { entry, slots } = this.#machine.program(program);
    if (!(Number.isInteger(slot) && slot >= 0 && slot < slots))
      throw xdpkitError("VM_BAD_JUMP", { target: slot, length: slots });
    this.#machine.core.setBreakpoint(entry + slot);
  }

  /** Takes a breakpoint away; `slot` counts instruction slots from the beginning of the program. */
  clearBreakpoint(slot: number, program: string = this.#program): void {
    this.#machine.core.clearBreakpoint(this.#machine.program(program).entry + slot);
  }

  /** Stops before the first instruction of a source line in any program that is loaded; returns how many there are. */
  breakAtLine(line: number, file?: string): number {
    let found = 0;
    for (const { linked, entry } of this.#machine.text.programs) {
      for (const row of linked.lines) {
        if (row.line !== line || (file !== undefined && !row.file.endsWith(file))) continue;
        this.#machine.core.setBreakpoint(entry + linked.slots[row.instruction]!);
        found++;
      }
    }
    return found;
  }

  /** One instruction; true while the program goes on. */
  step(): boolean {
    return this.#advance(1);
  }

  /** Until a breakpoint or the end; true when a breakpoint was met. @throws XdpkitError VM_BUDGET and the faults */
  continue(): boolean {
    return this.step() && this.#advance(this.#machine.core.budget);
  }

  /** Leaves the program where it stands and takes all breakpoints away. */
  end(): void {
    const { core } = this.#machine;
    for (const position of [...core.broken.keys()]) core.clearBreakpoint(position);
    if (!this.#over && !this.verdict) this.#machine.abandon();
    this.#over = true;
  }

  #advance(count: number): boolean {
    const { core } = this.#machine;
    if (this.#over) throw xdpkitError("VM_NOT_STOPPED", {});
    const left = core.budget;
    if (left <= 0) this.#stop(core.error("VM_BUDGET", { limit: this.#budget }));
    // A step leaves a breakpoint that it stands on.
    const here = core.pc;
    const standing = count === 1 && core.broken.has(here);
    if (standing) core.clearBreakpoint(here);
    core.budget = count;
    const stop = this.#interpret();
    core.budget = left - (count - core.budget);
    if (standing) core.setBreakpoint(here);
    if (stop === Stop.Budget && core.budget <= 0 && count > 1) {
      this.#stop(core.error("VM_BUDGET", { limit: this.#budget }));
    }
    if (stop !== Stop.Exit) return true;
    this.#over = true;
    this.end();
    this.verdict = this.#verdict(core.regs[0]! >>> 0, this.#budget - core.budget);
    return false;
  }

  #interpret(): number {
    try {
      return interpret(this.#machine.core);
    } catch (fault) {
      return this.#stop(fault);
    }
  }

  /** Nothing of the session stays behind a fault. */
  #stop(fault: unknown): never {
    this.end();
    throw fault;
  }
}
