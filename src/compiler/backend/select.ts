/**
 * Instruction selection: IR to eBPF over virtual registers.
 *
 * Constants, symbols and stack addresses take no register of their own: they become immediates, parts of an address, or are
 * made where they are used. Phis become moves at the ends of the predecessors. Laws for generated code
 * (docs/decisions/code-generation.md): comparisons keep their direction, a pointer gets no 32-bit arithmetic, a 32-bit move
 * zero-extends.
 */
import { invariant, type SourceLocation } from "../../base/index.ts";
import {
  type AluCode,
  type AtomicCode,
  type BlockId,
  COMMUTATIVE,
  type ConditionCode,
  type IrFunction,
  type LinkSymbol,
  type Operation,
  type Phi,
  type Terminator,
  type ValueId,
} from "../ir/ir.ts";
import { blockOrder } from "./block-order.ts";
import {
  FIRST_VIRTUAL,
  FRAME,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  machine,
  move,
  type Register,
} from "./machine.ts";
import { sequence } from "./parallel-move.ts";
import { layoutStack } from "./stack-layout.ts";

/** Operation codes (RFC 9669 section 4.1), and offset 1 for the signed divisions. */
const ALU: Readonly<Record<AluCode, readonly [code: number, offset: number]>> = {
  add: [0x00, 0],
  sub: [0x10, 0],
  mul: [0x20, 0],
  div: [0x30, 0],
  or: [0x40, 0],
  and: [0x50, 0],
  shl: [0x60, 0],
  shr: [0x70, 0],
  mod: [0x90, 0],
  xor: [0xa0, 0],
  sar: [0xc0, 0],
  sdiv: [0x30, 1],
  smod: [0x90, 1],
};
const JUMP: Readonly<Record<ConditionCode, number>> = {
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
};
/** The code that holds exactly when the other does not; `set` has none. */
const INVERSE: Readonly<Partial<Record<ConditionCode, ConditionCode>>> = {
  eq: "ne",
  ne: "eq",
  gt: "le",
  le: "gt",
  ge: "lt",
  lt: "ge",
  sgt: "sle",
  sle: "sgt",
  sge: "slt",
  slt: "sge",
};
const ATOMIC: Readonly<Record<AtomicCode, number>> = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  exchange: 0xe1,
  compareExchange: 0xf1,
};
const SIZE: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
const SHIFTS: ReadonlySet<AluCode> = new Set<AluCode>(["shl", "shr", "sar"]);

const fitsImmediate = (value: bigint): boolean => BigInt.asIntN(32, value) === value;

/** An address: a register (or the frame) and a constant. */
interface Address {
  readonly base: Register;
  readonly offset: number;
}

export function select(ir: IrFunction): MachineFunction {
  return new Selector(ir).run();
}

class Selector {
  readonly #ir: IrFunction;
  readonly #definitions = new Map<ValueId, Operation>();
  readonly #phiArguments = new Set<ValueId>();
  readonly #order: readonly BlockId[];
  readonly #slotOffsets: readonly (number | undefined)[];
  readonly #stackBytes: number;
  #registers: number;
  #out: MachineInstruction[] = [];
  #source: SourceLocation | undefined;

  constructor(ir: IrFunction) {
    this.#ir = ir;
    this.#order = blockOrder(ir.blocks);
    for (const block of ir.blocks) for (const one of block.instructions) this.#definitions.set(one.id, one.operation);
    for (const { phis } of ir.blocks)
      for (const phi of phis) for (const one of phi.arguments) this.#phiArguments.add(one);
    this.#registers = FIRST_VIRTUAL + ir.values;
    const { offsets, bytes } = layoutStack(ir);
    this.#slotOffsets = offsets;
    this.#stackBytes = bytes;
  }

  /** Blocks in layout order; edges into blocks with phis get a block of their own where they are critical. */
  run(): MachineFunction {
    const position = new Map(this.#order.map((id, index) => [id, index]));
    const blocks: MachineBlock[] = this.#order.map(() => ({ instructions: [], successors: [] }));
    const extra: MachineBlock[] = [];
    const landing = (from: BlockId, to: BlockId, edge: number): BlockId => {
      const moves = this.#phiMoves(from, to, edge);
      if (moves.length === 0) return position.get(to)!;
      const instructions = [...moves, jumpTo(position.get(to)!)].map((one) => this.#placed(one));
      extra.push({ instructions, successors: [position.get(to)!] });
      return blocks.length + extra.length - 1;
    };
    this.#order.forEach((id, index) => {
      const block = this.#ir.blocks[id]!;
      this.#out = [];
      for (const one of block.instructions) {
        this.#source = one.source;
        this.#put(this.#lower(one.id, one.operation));
      }
      this.#source = block.terminator.source;
      const targets = this.#end(id, block.terminator, position, landing, index);
      blocks[index] = { instructions: this.#out, successors: targets };
    });
    return {
      name: this.#ir.name,
      blocks: [...blocks, ...extra],
      registers: this.#registers,
      stackBytes: this.#stackBytes,
    };
  }

  #end(
    id: BlockId,
    terminator: Terminator,
    position: ReadonlyMap<BlockId, number>,
    landing: (from: BlockId, to: BlockId, edge: number) => BlockId,
    index: number,
  ): readonly BlockId[] {
    if (terminator.kind === "exit") {
      this.#put(this.#moveInto(0, terminator.value));
      this.#put([machine(0x95, 0, 0, [0], [])]);
      return [];
    }
    if (terminator.kind === "jump") {
      // The only way out: the moves may stand here.
      this.#put(this.#phiMoves(id, terminator.to, 0));
      const to = position.get(terminator.to)!;
      this.#put([jumpTo(to)]);
      return [to];
    }
    const whenTrue = landing(id, terminator.whenTrue, 0);
    const whenFalse = landing(id, terminator.whenFalse, terminator.whenTrue === terminator.whenFalse ? 1 : 0);
    this.#branch(terminator, whenTrue, whenFalse, index + 1);
    return [whenTrue, whenFalse];
  }

  /** Falls through to the next block where that needs no other direction than the one that was written. */
  #branch(
    terminator: Extract<Terminator, { kind: "branch" }>,
    whenTrue: BlockId,
    whenFalse: BlockId,
    next: BlockId,
  ): void {
    const inverse = INVERSE[terminator.code];
    const invert = whenTrue === next && inverse !== undefined && !this.#isPointer(terminator.a);
    this.#compare(invert ? { ...terminator, code: inverse } : terminator, invert ? whenFalse : whenTrue);
    this.#put([jumpTo(invert ? whenTrue : whenFalse)]);
  }

  /** Comparisons of pointers keep their direction: older verifiers learn less from `<=` than from `>`. */
  #isPointer(value: ValueId): boolean {
    const definition = this.#definitions.get(value);
    return definition?.kind === "offset";
  }

  #compare({ code, width, a, b }: Extract<Terminator, { kind: "branch" }>, target: BlockId): void {
    const group = width === 64 ? 0x05 : 0x06;
    const left = this.#register(a);
    const constant = this.#constant(b);
    const imm = constant === undefined ? undefined : width === 32 ? BigInt.asIntN(32, constant) : constant;
    if (imm !== undefined && fitsImmediate(imm)) {
      this.#put([machine(group | JUMP[code], left, 0, [left], [], { imm: Number(imm), target })]);
      return;
    }
    const right = this.#register(b);
    this.#put([machine(group | JUMP[code] | 0x08, left, right, [left, right], [], { target })]);
  }

  #put(instructions: readonly MachineInstruction[]): void {
    for (const one of instructions) this.#out.push(this.#placed(one));
  }

  #placed(one: MachineInstruction): MachineInstruction {
    one.source ??= this.#source;
    return one;
  }

  #fresh(): Register {
    return this.#registers++;
  }

  #constant(value: ValueId): bigint | undefined {
    const definition = this.#definitions.get(value);
    return definition?.kind === "constant" ? definition.value : undefined;
  }

  /** The register that holds a value; what has none of its own is made here, anew. */
  #register(value: ValueId): Register {
    if (!this.#isMadeAtUse(value)) return FIRST_VIRTUAL + value;
    const register = this.#fresh();
    this.#put(this.#moveInto(register, value));
    return register;
  }

  /** Constant offsets, too: most become part of an access, and the base is alive anyway. */
  #isMadeAtUse(value: ValueId): boolean {
    const definition = this.#definitions.get(value);
    if (definition?.kind === "offset") return this.#isMadeOffset(value, definition);
    return definition?.kind === "constant" || definition?.kind === "symbol" || definition?.kind === "stack";
  }

  /** One that a phi takes has a register: the check in front of it and what lies behind it then share that. */
  #isMadeOffset(value: ValueId, { base, by }: Extract<Operation, { kind: "offset" }>): boolean {
    if (this.#constantOffset(by) === undefined) return false;
    return this.#definitions.get(base)?.kind === "stack" || !this.#phiArguments.has(value);
  }

  /** An offset that one addition of an immediate makes. */
  #constantOffset(by: ValueId): number | undefined {
    const constant = this.#constant(by);
    return constant !== undefined && fitsImmediate(constant) ? Number(constant) : undefined;
  }

  #moveInto(dst: Register, value: ValueId): MachineInstruction[] {
    const definition = this.#definitions.get(value);
    switch (definition?.kind) {
      case "constant":
        return [loadConstant(dst, definition.value)];
      case "symbol":
        return [loadSymbol(dst, definition.symbol)];
      case "stack": {
        const offset = this.#slotOffsets[definition.slot]!;
        return [move(dst, FRAME), machine(0x07, dst, 0, [dst], [dst], { imm: offset })];
      }
      case "offset": {
        if (!this.#isMadeAtUse(value)) return [move(dst, FIRST_VIRTUAL + value)];
        return this.#offsetInto(dst, definition.base, this.#constantOffset(definition.by)!);
      }
      default:
        return [move(dst, FIRST_VIRTUAL + value)];
    }
  }

  /** One addition, also where the base is an offset that is made here, or a stack slot. */
  #offsetInto(dst: Register, base: ValueId, imm: number): MachineInstruction[] {
    const definition = this.#definitions.get(base);
    if (definition?.kind === "offset" && this.#isMadeAtUse(base)) {
      const sum = imm + this.#constantOffset(definition.by)!;
      if (fitsImmediate(BigInt(sum))) return this.#offsetInto(dst, definition.base, sum);
    }
    if (definition?.kind === "stack") {
      const offset = this.#slotOffsets[definition.slot]! + imm;
      return [move(dst, FRAME), machine(0x07, dst, 0, [dst], [dst], { imm: offset })];
    }
    return [...this.#moveInto(dst, base), machine(0x07, dst, 0, [dst], [dst], { imm })];
  }

  /** Constant offsets and stack slots become part of the access. */
  #address(base: ValueId, offset: number): Address {
    const definition = this.#definitions.get(base);
    if (definition?.kind === "stack") return { base: FRAME, offset: this.#slotOffsets[definition.slot]! + offset };
    // Below the pointer: the access was moved there so that what it began with is not needed any more.
    const isMoved = offset < 0 && !this.#isMadeAtUse(base);
    if (definition?.kind === "offset" && !isMoved) {
      const by = this.#constant(definition.by);
      const sum = by === undefined ? undefined : offset + Number(by);
      if (sum !== undefined && sum >= -32768 && sum <= 32767) return this.#address(definition.base, sum);
    }
    return { base: this.#register(base), offset };
  }

  /** The instructions of an operation; what its operands need first is put out on the way. */
  #lower(id: ValueId, operation: Operation): readonly MachineInstruction[] {
    const dst = FIRST_VIRTUAL + id;
    switch (operation.kind) {
      case "constant":
      case "symbol":
      case "stack":
        return [];
      case "argument":
        return [move(dst, 1 + operation.index)];
      case "alu":
        return this.#alu(dst, operation);
      case "negate": {
        const negate = machine(operation.width === 64 ? 0x87 : 0x84, dst, 0, [dst], [dst]);
        return [...this.#moveInto(dst, operation.a), negate];
      }
      case "signExtend":
        return signExtend(dst, this.#register(operation.a), operation.bits);
      case "swap":
        return [...this.#moveInto(dst, operation.a), machine(0xdc, dst, 0, [dst], [dst], { imm: operation.bits })];
      case "load":
        return this.#load(dst, operation);
      case "store":
        return this.#store(operation);
      case "atomic":
        return this.#atomic(dst, operation);
      case "offset":
        return this.#offset(dst, operation.base, operation.by);
      case "call": {
        const fields = { imm: operation.helper };
        return this.#call(dst, operation.arguments, 0, fields);
      }
      case "callFunction":
        return this.#call(dst, operation.arguments, operation.target.kind === "function" ? 1 : 2, {
          symbol: operation.target,
        });
    }
  }

  #alu(dst: Register, operation: Extract<Operation, { kind: "alu" }>): readonly MachineInstruction[] {
    const { code, width } = operation;
    let { a, b } = operation;
    if (COMMUTATIVE.has(code) && this.#constant(a) !== undefined) [a, b] = [b, a];
    const constant = this.#constant(b);
    const group = width === 64 ? 0x07 : 0x04;
    const [bits, offset] = ALU[code];
    if (constant === 0xffffffffn && code === "and" && width === 64) {
      const src = this.#register(a);
      return [machine(0xbc, dst, src, [src], [dst])];
    }
    const imm = constant === undefined ? undefined : immediateOf(code, width, constant);
    if (imm !== undefined) {
      return [...this.#moveInto(dst, a), machine(group | bits, dst, 0, [dst], [dst], { imm, offset })];
    }
    const right = this.#register(b);
    return [...this.#moveInto(dst, a), machine(group | bits | 0x08, dst, right, [dst, right], [dst], { offset })];
  }

  #load(dst: Register, operation: Extract<Operation, { kind: "load" }>): readonly MachineInstruction[] {
    const { base, offset } = this.#address(operation.base, operation.offset);
    const plain = machine(0x61 | SIZE[operation.size]!, dst, base, [base], [dst], { offset, field: operation.field });
    if (!operation.signed || operation.size === 8) return [plain];
    return [plain, ...signExtend(dst, dst, 8 * operation.size)];
  }

  #store(operation: Extract<Operation, { kind: "store" }>): readonly MachineInstruction[] {
    const { base, offset } = this.#address(operation.base, operation.offset);
    const constant = this.#constant(operation.value);
    const imm = constant === undefined ? undefined : BigInt.asIntN(32, constant);
    const size = SIZE[operation.size]!;
    if (imm !== undefined && (operation.size < 8 || imm === constant)) {
      return [machine(0x62 | size, base, 0, [base], [], { offset, imm: Number(imm) })];
    }
    const src = this.#register(operation.value);
    return [machine(0x63 | size, base, src, [base, src], [], { offset })];
  }

  /** The fetched value comes back in the source register, for `compareExchange` in r0, which holds what is expected. */
  #atomic(dst: Register, operation: Extract<Operation, { kind: "atomic" }>): readonly MachineInstruction[] {
    const { base, offset } = this.#address(operation.base, operation.offset);
    const opcode = operation.size === 8 ? 0xdb : 0xc3;
    const imm = ATOMIC[operation.code] | (operation.fetch ? 1 : 0);
    if (operation.code === "compareExchange") {
      invariant(operation.expected !== undefined, "compareExchange without an expected value");
      const src = this.#register(operation.value);
      const exchange = machine(opcode, base, src, [base, src, 0], [0], { offset, imm });
      return [...this.#moveInto(0, operation.expected), exchange, move(dst, 0)];
    }
    if (!operation.fetch && operation.code !== "exchange") {
      const src = this.#register(operation.value);
      return [machine(opcode, base, src, [base, src], [], { offset, imm })];
    }
    return [...this.#moveInto(dst, operation.value), machine(opcode, base, dst, [base, dst], [dst], { offset, imm })];
  }

  /** By a variable: a constant offset is made where it is used. */
  #offset(dst: Register, base: ValueId, by: ValueId): readonly MachineInstruction[] {
    if (this.#isMadeAtUse(dst - FIRST_VIRTUAL)) return [];
    const imm = this.#constantOffset(by);
    if (imm !== undefined) return [...this.#moveInto(dst, base), machine(0x07, dst, 0, [dst], [dst], { imm })];
    const right = this.#register(by);
    return [...this.#moveInto(dst, base), machine(0x0f, dst, right, [dst, right], [dst])];
  }

  #call(
    dst: Register,
    values: readonly ValueId[],
    src: number,
    fields: { readonly imm?: number; readonly symbol?: LinkSymbol },
  ): readonly MachineInstruction[] {
    invariant(values.length <= 5, "a call has at most five arguments");
    const registers = values.map((_, index) => 1 + index);
    const moves = values.flatMap((value, index) => this.#moveInto(1 + index, value));
    return [...moves, machine(0x85, 0, src, registers, CLOBBERED, fields), move(dst, 0)];
  }

  /** The moves that give the phis of `to` their values on one edge. */
  #phiMoves(from: BlockId, to: BlockId, edge: number): MachineInstruction[] {
    const target = this.#ir.blocks[to]!;
    if (target.phis.length === 0) return [];
    const at = target.predecessors.map((one, index) => (one === from ? index : -1)).filter((index) => index >= 0)[
      edge
    ]!;
    const pairs = target.phis.map((phi: Phi) => ({ dst: FIRST_VIRTUAL + phi.id, value: phi.arguments[at]! }));
    const copies = pairs
      .filter(({ value }) => !this.#isMadeAtUse(value))
      .map(({ dst, value }) => ({ dst, src: FIRST_VIRTUAL + value }));
    const made = pairs.filter(({ value }) => this.#isMadeAtUse(value));
    const moves = sequence(copies, () => this.#fresh()).map(({ dst, src }) => move(dst, src));
    return [...moves, ...made.flatMap(({ dst, value }) => this.#moveInto(dst, value))];
  }
}

/** Registers that a call destroys. */
const CLOBBERED: readonly Register[] = [0, 1, 2, 3, 4, 5];

function jumpTo(target: BlockId): MachineInstruction {
  return machine(0x05, 0, 0, [], [], { target });
}

/** The immediate of an operation; undefined when it does not fit or the verifier refuses it. */
function immediateOf(code: AluCode, width: 32 | 64, constant: bigint): number | undefined {
  const value = width === 32 ? BigInt.asIntN(32, constant) : constant;
  if (!fitsImmediate(value)) return undefined;
  if (SHIFTS.has(code)) return Number(BigInt.asUintN(width === 32 ? 5 : 6, value));
  const divides = code === "div" || code === "mod" || code === "sdiv" || code === "smod";
  return divides && value === 0n ? undefined : Number(value);
}

function loadConstant(dst: Register, value: bigint): MachineInstruction {
  if (fitsImmediate(value)) return machine(0xb7, dst, 0, [], [dst], { imm: Number(value) });
  if (value >= 0n && value <= 0xffffffffn)
    return machine(0xb4, dst, 0, [], [dst], { imm: Number(BigInt.asIntN(32, value)) });
  return machine(0x18, dst, 0, [], [dst], { imm: Number(BigInt.asIntN(32, value)), high: Number(value >> 32n) });
}

function loadSymbol(dst: Register, symbol: LinkSymbol): MachineInstruction {
  return machine(0x18, dst, symbol.kind === "function" ? 4 : 0, [], [dst], { high: 0, symbol });
}

/** Shift pairs: MOVSX and sign-extending loads need Linux 6.6. */
function signExtend(dst: Register, src: Register, bits: number): MachineInstruction[] {
  const imm = 64 - bits;
  return [
    ...(dst === src ? [] : [move(dst, src)]),
    machine(0x67, dst, 0, [dst], [dst], { imm }),
    machine(0xc7, dst, 0, [dst], [dst], { imm }),
  ];
}
