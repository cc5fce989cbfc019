/**
 * Translation of linked programs into the machine's code.
 *
 * All programs share one code array, so a program is an entry position, a tail call is a jump, and a return address is
 * a number. Each slot takes four 32-bit words: operation and destination, source, offset or jump target, immediate.
 * Immediates are registers that no instruction writes: the register file is followed by a pool of constants, and the
 * source word points there. So each operation exists once, not once per operand kind.
 *
 * Invariant: register words are positions in the register file of 32-bit halves (register n is 2n, 2n + 1).
 */
import { xdpkitError } from "../base/index.ts";
import type { Instruction } from "../isa/index.ts";
import type { LinkedProgram } from "../object/index.ts";
import { ObjectId } from "./memory.ts";
import { OPERATION, type OperationName } from "./operations.ts";

/** `ld_imm64` of a map: `MAP_HANDLE + index`. Above the memory: following one is a fault. */
export const MAP_HANDLE = 0x8000_0000;
/** `ld_imm64` of a function: `FUNCTION_HANDLE + position`. */
export const FUNCTION_HANDLE = 0xc000_0000;
/** Opcodes of the instructions that nothing falls through. */
const EXIT = 0x95;
const JUMP = 0x05;
const LONG_JUMP = 0x06;
/** Halves of r0 to r10; constants follow. */
const REGISTER_HALVES = 22;

/** What a reference becomes: a number and where it comes from (origin.ts). */
export interface Resolved {
  readonly value: number;
  /** The object that a pointer reaches; 0 for a number. */
  readonly object: number;
  readonly base: number;
}

/** What the machine supplies for references that only it can resolve. */
export interface Resolver {
  map(name: string): number;
  mapValue(map: string, offset: number): Resolved;
  /** Address of a kconfig value or ksym; 0 when a weak one is missing. */
  extern(name: string): Resolved;
  /** Number of a kernel function for `call`. */
  kfunc(name: string): number;
}

export interface TextProgram {
  readonly linked: LinkedProgram;
  /** Position of the first slot. */
  readonly entry: number;
  readonly slots: number;
}

/** Opcodes that mean one operation whatever their other fields: class and code of RFC 9669 section 4 and 5. */
const ALU_NAMES = ["add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "neg", "mod", "xor", "mov", "arsh"] as const;
const JUMP_NAMES = ["ja", "jeq", "jgt", "jge", "jset", "jne", "jsgt", "jsge", "", "", "jlt", "jle", "jslt", "jsle"];
/** add, or, and, xor, each without and with fetch; xchg; cmpxchg. */
const ATOMICS = new Set([0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]);
/** The atomic operation that compares with r0 and fetches into it. */
const CMPXCHG = 0xf1;
const SIZE_NAMES = ["w", "h", "b", "dw"] as const;

export class Text {
  /** Four words per slot. */
  code = new Int32Array(0);
  /** What the register file holds behind r10. */
  readonly constants: number[] = [];
  /** What the constants are, as Cpu.origins says it of registers. */
  readonly constantOrigins: number[] = [];
  readonly programs: TextProgram[] = [];
  readonly #pool = new Map<string, number>();

  /** Adds a program; returns its entry. Handles of functions inside it are absolute positions. */
  add(linked: LinkedProgram, resolver: Resolver): TextProgram {
    const entry = this.code.length / 4;
    const slots = linked.instructions.reduce((sum, instruction) => sum + (instruction.opcode === 0x18 ? 2 : 1), 0);
    const program = { linked, entry, slots };
    const code = new Int32Array((entry + slots) * 4);
    code.set(this.code);
    this.code = code;
    this.programs.push(program);
    this.#checkEnd(program);
    const references = new Map(linked.references.map((reference) => [reference.instruction, reference]));
    linked.instructions.forEach((instruction, index) => {
      const slot = linked.slots[index]!;
      if (writesFramePointer(instruction)) {
        throw xdpkitError("VM_FRAME_POINTER", {}, { at: instructionAt(program, slot) });
      }
      const reference = references.get(index);
      if (instruction.opcode === 0x18) this.#loadImmediate(program, slot, instruction, reference, resolver);
      else if (instruction.opcode === 0x85) this.#call(program, slot, instruction, reference, resolver);
      else this.#plain(program, slot, instruction);
    });
    return program;
  }

  /** The program that a position lies in, and the slot inside it. */
  locate(position: number): { readonly program: TextProgram; readonly slot: number } | undefined {
    const program = this.programs.find(({ entry, slots }) => position >= entry && position < entry + slots);
    return program && { program, slot: position - program.entry };
  }

  /** Place of a constant in the register file. */
  #constant(low: number, high: number, object = 0, base = 0): number {
    const key = `${low},${high},${object},${base}`;
    const known = this.#pool.get(key);
    if (known !== undefined) return known;
    const place = REGISTER_HALVES + this.constants.length;
    this.constants.push(low, high);
    this.constantOrigins.push(object, base);
    this.#pool.set(key, place);
    return place;
  }

  #emit(position: number, name: OperationName, dst: number, src: number, third: number, imm: number): void {
    this.code.set([OPERATION[name] | (dst << 8), src, third, imm], position * 4);
  }

  /** `ld_imm64` becomes a move from the constant pool; its second slot is skipped by the offset of the first. */
  #loadImmediate(
    program: TextProgram,
    slot: number,
    instruction: Instruction,
    reference: LinkedProgram["references"][number] | undefined,
    resolver: Resolver,
  ): void {
    const position = program.entry + slot;
    const source = this.#immediateOf(program, slot, instruction, reference, resolver);
    this.#emit(position, "ld_imm64", 2 * instruction.dst, source, 0, 0);
    this.#emit(position + 1, "invalid", 0, 0, 0, 0);
  }

  /** Place of the constant that `ld_imm64` loads. */
  #immediateOf(
    program: TextProgram,
    slot: number,
    instruction: Instruction,
    reference: LinkedProgram["references"][number] | undefined,
    resolver: Resolver,
  ): number {
    const resolved = (one: Resolved): number => this.#constant(one.value | 0, 0, one.object, one.base);
    const handle = (value: number): number => this.#constant(value | 0, 0, ObjectId.Handle);
    if (reference?.kind === "map") return handle(MAP_HANDLE + resolver.map(reference.map));
    if (reference?.kind === "mapValue") return resolved(resolver.mapValue(reference.map, reference.offset));
    if (reference?.kind === "extern") return resolved(resolver.extern(reference.extern));
    if (instruction.src === 4) return handle(FUNCTION_HANDLE + this.#target(program, slot + 1 + instruction.imm));
    if (instruction.src !== 0) throw this.#bad(program, slot, `ld_imm64 with source ${instruction.src}`);
    return this.#constant(instruction.imm | 0, (instruction.high ?? 0) | 0);
  }

  #call(
    program: TextProgram,
    slot: number,
    instruction: Instruction,
    reference: LinkedProgram["references"][number] | undefined,
    resolver: Resolver,
  ): void {
    const position = program.entry + slot;
    if (reference?.kind === "extern") {
      this.#emit(position, "call_kfunc", 0, 0, 0, resolver.kfunc(reference.extern));
    } else if (instruction.src === 0) this.#emit(position, "call", 0, 0, 0, instruction.imm);
    else if (instruction.src === 1) {
      this.#emit(position, "call_local", 0, 0, this.#target(program, slot + 1 + instruction.imm), 0);
    } else throw this.#bad(program, slot, `call with source ${instruction.src}`);
  }

  #plain(program: TextProgram, slot: number, instruction: Instruction): void {
    const { opcode, dst, src, offset, imm } = instruction;
    const position = program.entry + slot;
    const group = opcode & 7;
    const name = operationOf(instruction);
    if (name === undefined || dst > 10 || src > 10) {
      this.#emit(position, "invalid", 0, 0, 0, opcode);
      return;
    }
    // Bit 3 chooses register or immediate in arithmetic and jumps; in loads and stores the class does.
    const immediate = group >= 4 ? (opcode & 0x08) === 0 : group === 2;
    const source = immediate ? this.#constant(imm, imm >> 31) : 2 * src;
    const jumps = (group === 5 || group === 6) && name !== "exit";
    // `gotol` (jump class of 32 bits) carries its distance in the immediate.
    const third = jumps ? this.#target(program, slot + 1 + (opcode === 0x06 ? imm : offset)) : offset;
    this.#emit(position, name, 2 * dst, source, third, imm);
  }

  #target(program: TextProgram, slot: number): number {
    if (slot < 0 || slot >= program.slots) {
      throw xdpkitError("VM_BAD_JUMP", { target: slot, length: program.slots }, { at: instructionAt(program, slot) });
    }
    return program.entry + slot;
  }

  /** What stands behind the last instruction is another program, or nothing at all. */
  #checkEnd(program: TextProgram): void {
    const last = program.linked.instructions.at(-1);
    if (last && [EXIT, JUMP, LONG_JUMP].includes(last.opcode)) return;
    const target = program.slots;
    const at = instructionAt(program, Math.max(0, target - 1));
    throw xdpkitError("VM_BAD_JUMP", { target, length: program.slots }, { at });
  }

  #bad(program: TextProgram, slot: number, text: string): Error {
    return xdpkitError("VM_BAD_INSTRUCTION", { text }, { at: instructionAt(program, slot) });
  }
}

/** Whether r10 is what an instruction changes: arithmetic, a load into it, an atomic operation that fetches into it. */
function writesFramePointer({ opcode, dst, src, imm }: Instruction): boolean {
  const group = opcode & 7;
  if (group === 3 && opcode >> 5 === 6) return src === 10 && (imm & 1) !== 0 && imm !== CMPXCHG;
  return dst === 10 && (group === 0 || group === 1 || group === 4 || group === 7);
}

function instructionAt(program: TextProgram, slot: number): { kind: "instruction"; program: string; index: number } {
  return { kind: "instruction", program: program.linked.name, index: slot };
}

/** The machine's operation for an instruction that is neither `ld_imm64` nor a call; undefined when it has none. */
function operationOf({ opcode, offset, imm }: Instruction): OperationName | undefined {
  const group = opcode & 7;
  const code = opcode >> 4;
  switch (group) {
    case 0:
      return legacyLoad(opcode);
    case 1:
      return loadName(opcode);
    case 2:
    case 3:
      return storeName(opcode, group, imm);
    case 4:
    case 7:
      return aluName(opcode, offset, imm);
    default:
      return jumpName(code, opcode);
  }
}

function legacyLoad(opcode: number): OperationName | undefined {
  if (opcode === 0x20 || opcode === 0x28 || opcode === 0x30) return "ld_abs";
  return opcode === 0x40 || opcode === 0x48 || opcode === 0x50 ? "ld_ind" : undefined;
}

function loadName(opcode: number): OperationName | undefined {
  const size = SIZE_NAMES[(opcode >> 3) & 3]!;
  const mode = opcode >> 5;
  if (mode === 3) return `ldx_${size}`;
  return mode === 4 && size !== "dw" ? `ldxs_${size}` : undefined;
}

function storeName(opcode: number, group: number, imm: number): OperationName | undefined {
  const size = SIZE_NAMES[(opcode >> 3) & 3]!;
  const mode = opcode >> 5;
  if (mode === 3) return `stx_${size}`;
  if (mode !== 6 || group !== 3) return undefined;
  // Acquire and release order what other CPUs see; this machine runs one CPU at a time.
  if (imm === 0x100) return `ldx_${size}`;
  if (imm === 0x110) return `stx_${size}`;
  if (!ATOMICS.has(imm)) return undefined;
  if (size === "w") return "atomic_w";
  return size === "dw" ? "atomic_dw" : undefined;
}

function aluName(opcode: number, offset: number, imm: number): OperationName | undefined {
  const wide = (opcode & 7) === 7;
  const code = opcode >> 4;
  if (code === 0xd) return swapName(opcode, imm);
  const name = ALU_NAMES[code > 0xd ? -1 : code];
  if (name === undefined) return undefined;
  const width = wide ? "64" : "32";
  if (offset !== 0 && name === "mov") {
    if (offset === 8 || offset === 16) return `movsx${offset}_${width}`;
    return offset === 32 && wide ? "movsx32_64" : undefined;
  }
  if (offset === 1 && (name === "div" || name === "mod")) return `s${name}${width}`;
  return offset === 0 ? `${name}${width}` : undefined;
}

/** Little-endian machine: `to le` truncates, `to be` and `bswap` exchange. */
function swapName(opcode: number, imm: number): OperationName | undefined {
  if (imm !== 16 && imm !== 32 && imm !== 64) return undefined;
  return opcode === 0xd4 ? `le${imm}` : `swap${imm}`;
}

function jumpName(code: number, opcode: number): OperationName | undefined {
  if (opcode === 0x95) return "exit";
  if (opcode === 0x05 || opcode === 0x06) return "ja";
  if (opcode === 0xe5) return "may_goto";
  const name = JUMP_NAMES[code];
  if (!name || name === "ja") return undefined;
  return `${name}${(opcode & 7) === 5 ? "64" : "32"}` as OperationName;
}
