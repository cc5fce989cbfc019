/**
 * Random eBPF programs that the kernel's verifier accepts, over the whole instruction set.
 *
 * r6 context, r7 packet (64 bytes checked), r8 value of the array map (VALUE_BYTES), r10 stack (64 bytes written); r0 to
 * r5 and r9 are scalars that the body mixes. Control flow is nested if/else and subprogram calls, so that no instruction
 * is unreachable. The end stores all scalars into the map, so that a difference in any register shows.
 */
import type { Instruction } from "../../src/isa/index.ts";
import type { BpfFunction, BpfObject } from "../../src/object/index.ts";
import type { Random } from "./random.ts";

export const VALUE_BYTES = 192;
/** The scalars are stored behind the bytes that the body uses. */
const RESULTS_AT = 128;
const AREA = 64;
const SCALARS = [0, 1, 2, 3, 4, 5, 9] as const;
const PACKET_MIN = 64;

const instruction = (opcode: number, dst: number, src: number, offset: number, imm: number): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});

const ALU_CODES = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0];
const JUMP_CODES = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const ATOMICS = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];
const SIZES = [
  { bits: 0x10, bytes: 1 },
  { bits: 0x08, bytes: 2 },
  { bits: 0x00, bytes: 4 },
  { bits: 0x18, bytes: 8 },
] as const;

class Generator {
  readonly #random: Random;
  readonly #calls: boolean;

  constructor(random: Random, calls: boolean) {
    this.#random = random;
    this.#calls = calls;
  }

  #scalar(): number {
    return this.#random.pick(SCALARS);
  }

  /** Loads every scalar but those that `keep` names with numbers, some from the packet. */
  initialise(registers: readonly number[], packet: boolean): Instruction[] {
    return registers.map((register) => {
      const random = this.#random;
      if (packet && random.chance(0.3)) return instruction(0x79, register, 7, random.between(0, AREA - 8), 0);
      if (random.chance(0.3)) return instruction(0xb7, register, 0, 0, random.interesting());
      return { ...instruction(0x18, register, 0, 0, random.interesting()), high: random.interesting() };
    });
  }

  fillStack(): Instruction[] {
    return Array.from({ length: AREA / 8 }, (_, i) =>
      instruction(0x7a, 10, 0, -8 * (i + 1), this.#random.interesting()),
    );
  }

  block(size: number, depth: number, memory: boolean): Instruction[] {
    const out: Instruction[] = [];
    for (let i = 0; i < size; i++) {
      const choice = this.#random.between(0, 99);
      if (choice < 55) out.push(this.#alu());
      else if (choice < 80) out.push(memory ? this.#access() : this.#alu());
      else if (choice < 95 && depth > 0) out.push(...this.#branch(depth, memory));
      else if (memory && this.#calls && choice >= 97) out.push(...this.#call());
      else out.push(this.#swap());
    }
    return out;
  }

  #alu(): Instruction {
    const random = this.#random;
    const wide = random.chance(0.5);
    const code = random.pick(ALU_CODES);
    const group = wide ? 7 : 4;
    const dst = this.#scalar();
    if (code === 0x80) return instruction(group | code, dst, 0, 0, 0);
    const register = random.chance(0.5);
    const signed = (code === 0x30 || code === 0x90) && random.chance(0.4) ? 1 : 0;
    if (register) {
      const extend = code === 0xb0 && random.chance(0.5) ? random.pick(wide ? [8, 16, 32] : [8, 16]) : signed;
      return instruction(group | code | 0x08, dst, this.#scalar(), extend, 0);
    }
    return instruction(group | code, dst, 0, signed, this.#immediate(code, wide));
  }

  /** No division by a constant zero, no shift by the width or more: the verifier refuses both. */
  #immediate(code: number, wide: boolean): number {
    if (code === 0x60 || code === 0x70 || code === 0xc0) return this.#random.between(0, wide ? 63 : 31);
    const value = this.#random.interesting();
    return (code === 0x30 || code === 0x90) && value === 0 ? 3 : value;
  }

  #swap(): Instruction {
    const opcode = this.#random.pick([0xd4, 0xdc, 0xd7]);
    return instruction(opcode, this.#scalar(), 0, 0, this.#random.pick([16, 32, 64]));
  }

  /** A load, store or atomic on packet, stack or map value. */
  #access(): Instruction {
    const random = this.#random;
    const base = random.pick([7, 8, 10]);
    const size = random.pick(SIZES);
    const start = base === 10 ? -AREA : 0;
    // The verifier wants stack accesses aligned; packets and map values may be read anywhere.
    const step = base === 10 ? size.bytes : 1;
    const offset = start + random.between(0, Math.floor((AREA - size.bytes) / step)) * step;
    const kind = random.between(0, 9);
    if (kind < 3) return instruction((0x61 & ~0x18) | size.bits, this.#scalar(), base, offset, 0);
    if (kind < 4 && size.bytes !== 8) return instruction((0x81 & ~0x18) | size.bits, this.#scalar(), base, offset, 0);
    if (kind < 6) return instruction((0x63 & ~0x18) | size.bits, base, this.#scalar(), offset, 0);
    if (kind < 7 || base === 7) return instruction((0x62 & ~0x18) | size.bits, base, 0, offset, random.interesting());
    const bytes = random.pick([4, 8]);
    // No fetch from the stack: Linux 6.18's verifier does not track precision through it, prunes states that differ in
    // the fetched slot, and then takes a branch for constant that is not.
    const operation = random.pick(base === 10 ? ATOMICS.filter((one) => (one & 1) === 0) : ATOMICS);
    const aligned = start + random.between(0, AREA / bytes - 1) * bytes;
    return instruction(bytes === 4 ? 0xc3 : 0xdb, base, this.#scalar(), aligned, operation);
  }

  /** if (…) { then } else { other }, as compilers lay it out. */
  #branch(depth: number, memory: boolean): Instruction[] {
    const random = this.#random;
    const then = this.block(random.between(1, 5), depth - 1, memory);
    const other = random.chance(0.5) ? this.block(random.between(1, 5), depth - 1, memory) : [];
    const long = random.chance(0.2);
    const skip = slots(other);
    const over = other.length === 0 ? [] : [long ? instruction(0x06, 0, 0, 0, skip) : instruction(0x05, 0, 0, skip, 0)];
    const distance = slots(then) + slots(over);
    return [this.#condition(distance), ...then, ...over, ...other];
  }

  #condition(distance: number): Instruction {
    const random = this.#random;
    const group = random.pick([5, 6]);
    const code = random.pick(JUMP_CODES);
    if (random.chance(0.5)) return instruction(group | code | 0x08, this.#scalar(), this.#scalar(), distance, 0);
    return instruction(group | code, this.#scalar(), 0, distance, random.interesting());
  }

  /** A call destroys r1 to r5; its target is set when the function is placed (CALL_MARK). */
  #call(): Instruction[] {
    return [CALL_MARK, ...this.initialise([1, 2, 3, 4, 5], false)];
  }
}

const CALL_MARK: Instruction = instruction(0x85, 0, 1, 0, 0);

function slots(instructions: readonly Instruction[]): number {
  return instructions.reduce((sum, one) => sum + (one.opcode === 0x18 ? 2 : 1), 0);
}

/** A program `main` of section `xdp`, its subprogram, and the array map `state` with one element. */
export function randomProgram(random: Random): BpfObject {
  const calls = random.chance(0.3);
  const generator = new Generator(random, calls);
  const exitEarly = [instruction(0xb7, 0, 0, 0, 1), instruction(0x95, 0, 0, 0, 0)];
  const head = [
    instruction(0xbf, 6, 1, 0, 0),
    instruction(0x61, 7, 6, 0, 0),
    instruction(0x61, 8, 6, 4, 0),
    instruction(0xbf, 2, 7, 0, 0),
    instruction(0x07, 2, 0, 0, PACKET_MIN),
    instruction(0xbd, 2, 8, 2, 0),
    ...exitEarly,
    instruction(0x62, 10, 0, -4, 0),
    instruction(0xbf, 2, 10, 0, 0),
    instruction(0x07, 2, 0, 0, -4),
  ];
  const map: Instruction = { ...instruction(0x18, 1, 0, 0, 0), high: 0 };
  const lookup = [
    instruction(0x85, 0, 0, 0, 1),
    instruction(0x55, 0, 0, 2, 0),
    ...exitEarly,
    instruction(0xbf, 8, 0, 0, 0),
  ];
  const body = [
    ...generator.fillStack(),
    ...generator.initialise(SCALARS, true),
    ...generator.block(random.between(5, 40), 3, true),
  ];
  const results = SCALARS.map((register, i) => instruction(0x7b, 8, register, RESULTS_AT + 8 * i, 0));
  const instructions = [...head, map, ...lookup, ...body, ...results, instruction(0x95, 0, 0, 0, 0)];
  const subprogram = [
    instruction(0xb7, 0, 0, 0, random.interesting()),
    instruction(0xb7, 9, 0, 0, random.interesting()),
    ...generator.block(random.between(3, 12), 2, false),
    instruction(0x95, 0, 0, 0, 0),
  ];
  const callSites = instructions.flatMap((one, index) => (one === CALL_MARK ? [index] : []));
  const main: BpfFunction = {
    name: "main",
    section: "xdp",
    linkage: "global",
    program: { kind: "xdp", fragments: false, autoload: true },
    instructions,
    references: [
      { instruction: head.length, kind: "map" as const, map: "state" },
      ...callSites.map((index) => ({ instruction: index, kind: "function" as const, function: "mix" })),
    ].sort((a, b) => a.instruction - b.instruction),
    lines: [],
    relocations: [],
  };
  const mix: BpfFunction = {
    name: "mix",
    section: ".text",
    linkage: "static",
    instructions: subprogram,
    references: [],
    lines: [],
    relocations: [],
  };
  return {
    license: "GPL",
    functions: [main, mix],
    maps: [
      {
        name: "state",
        style: "btf",
        type: 2,
        keySize: 4,
        valueSize: VALUE_BYTES,
        maxEntries: 1,
        flags: 0,
        pinByName: false,
      },
    ],
    externs: [],
  };
}
