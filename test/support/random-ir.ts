/**
 * Random IR that the kernel's verifier accepts once it is compiled: scalars in variables, branches, bounded loops, loads and
 * stores on the packet, a map value and the stack, atomics, and calls.
 *
 * The function reads the packet (64 bytes checked), looks element 0 of the array map `state` up, runs a random body, and
 * stores its variables behind the bytes that the body uses: a wrong value anywhere shows.
 */
import {
  type AccessSize,
  type AluCode,
  type ConditionCode,
  IrBuilder,
  type IrFunction,
  type ValueId,
} from "../../src/compiler/index.ts";
import type { Random } from "./random.ts";

export const STATE_BYTES = 256;
const RESULTS_AT = 128;
const AREA = 64;

const ALU: readonly AluCode[] = ["add", "sub", "mul", "div", "mod", "and", "or", "xor", "shl", "shr", "sar"];
const CONDITIONS: readonly ConditionCode[] = ["eq", "ne", "gt", "ge", "lt", "le", "sgt", "sge", "slt", "sle", "set"];
const SIZES: readonly AccessSize[] = [1, 2, 4, 8];

interface Bases {
  readonly packet: ValueId;
  readonly state: ValueId;
  readonly slot: ValueId;
}

class BodyGenerator {
  readonly #random: Random;
  readonly #builder: IrBuilder;
  readonly #variables: readonly number[];
  readonly #bases: Bases;

  constructor(random: Random, builder: IrBuilder, variables: readonly number[], bases: Bases) {
    this.#random = random;
    this.#builder = builder;
    this.#variables = variables;
    this.#bases = bases;
  }

  statements(count: number, depth: number): void {
    for (let i = 0; i < count; i++) {
      const choice = this.#random.between(0, 99);
      if (choice < 55 || (depth === 0 && choice >= 85)) this.#assign();
      else if (choice < 75) this.#store();
      else if (choice < 80) this.#atomic();
      else if (choice < 85) this.#call();
      else if (choice < 96) this.#branch(depth);
      else this.#loop(depth);
    }
  }

  #variable(): number {
    return this.#random.pick(this.#variables);
  }

  #operand(): ValueId {
    const random = this.#random;
    if (random.chance(0.6)) return this.#builder.read(this.#variable());
    if (random.chance(0.8)) return this.#builder.constant(random.interesting());
    return this.#builder.constant((BigInt(random.u32()) << 32n) | BigInt(random.u32()));
  }

  /** Two of them, often one twice. */
  #pair(): { readonly a: ValueId; readonly b: ValueId } {
    const a = this.#operand();
    return { a, b: this.#random.chance(0.15) ? a : this.#operand() };
  }

  #assign(): void {
    this.#builder.assign(this.#variable(), this.#expression());
  }

  #expression(): ValueId {
    const random = this.#random;
    const builder = this.#builder;
    const width = random.pick([32, 64] as const);
    switch (random.between(0, 9)) {
      case 0:
        return builder.emit({ kind: "negate", width, a: this.#operand() });
      case 1:
        return builder.emit({ kind: "signExtend", bits: random.pick([8, 16, 32] as const), a: this.#operand() });
      case 2:
        return builder.emit({ kind: "swap", bits: random.pick([16, 32, 64] as const), a: this.#operand() });
      case 3:
      case 4:
        return this.#load();
      default:
        return builder.emit({ kind: "alu", code: random.pick(ALU), width, ...this.#pair() });
    }
  }

  /** Stack accesses are aligned; the verifier does not ask it of the others. */
  #place(size: AccessSize): { readonly base: ValueId; readonly offset: number } {
    const random = this.#random;
    const name = random.pick(["packet", "state", "slot"] as const);
    const step = name === "slot" ? size : 1;
    const offset = random.between(0, Math.floor((AREA - size) / step)) * step;
    const base = this.#bases[name];
    if (name === "packet" || random.chance(0.7)) return { base, offset };
    const by = this.#builder.constant(offset);
    return { base: this.#builder.emit({ kind: "offset", base, by }, "pointer"), offset: 0 };
  }

  #load(): ValueId {
    const size = this.#random.pick(SIZES);
    return this.#builder.emit({ kind: "load", size, signed: this.#random.chance(0.3), ...this.#place(size) });
  }

  #store(): void {
    const size = this.#random.pick(SIZES);
    this.#builder.emit({ kind: "store", size, ...this.#place(size), value: this.#operand() });
  }

  #atomic(): void {
    const random = this.#random;
    const size = random.pick([4, 8] as const);
    const code = random.pick(["add", "or", "and", "xor", "exchange", "compareExchange"] as const);
    const offset = random.between(0, AREA / size - 1) * size;
    const fetch = code === "exchange" || code === "compareExchange" || random.chance(0.5);
    const id = this.#builder.emit({
      kind: "atomic",
      code,
      size,
      base: this.#bases.state,
      offset,
      value: this.#operand(),
      fetch,
      ...(code === "compareExchange" ? { expected: this.#operand() } : {}),
    });
    if (fetch) this.#builder.assign(this.#variable(), id);
  }

  /** bpf_csum_diff(0, 0, slot, 16, seed): deterministic, with five arguments. */
  #call(): void {
    const builder = this.#builder;
    const values = [builder.constant(0), builder.constant(0), this.#bases.slot, builder.constant(16), this.#operand()];
    builder.assign(this.#variable(), builder.emit({ kind: "call", helper: 28, arguments: values }));
  }

  #branch(depth: number): void {
    const builder = this.#builder;
    const [whenTrue, whenFalse, join] = [builder.block(), builder.block(), builder.block()];
    builder.end({
      kind: "branch",
      code: this.#random.pick(CONDITIONS),
      width: this.#random.pick([32, 64] as const),
      ...this.#pair(),
      whenTrue,
      whenFalse,
    });
    for (const side of [whenTrue, whenFalse]) {
      builder.seal(side);
      builder.enter(side);
      this.statements(this.#random.between(0, 4), depth - 1);
      builder.end({ kind: "jump", to: join });
    }
    builder.seal(join);
    builder.enter(join);
  }

  /** for (i = 0; i < n; i++) … */
  #loop(depth: number): void {
    const builder = this.#builder;
    const index = builder.variable("scalar");
    builder.assign(index, builder.constant(0));
    const [head, body, out] = [builder.block(), builder.block(), builder.block()];
    builder.end({ kind: "jump", to: head });
    builder.enter(head);
    const limit = builder.constant(this.#random.between(1, 4));
    builder.end({
      kind: "branch",
      code: "lt",
      width: 64,
      a: builder.read(index),
      b: limit,
      whenTrue: body,
      whenFalse: out,
    });
    builder.seal(body);
    builder.enter(body);
    this.statements(this.#random.between(1, 3), Math.min(depth - 1, 1));
    builder.assign(
      index,
      builder.emit({ kind: "alu", code: "add", width: 64, a: builder.read(index), b: builder.constant(1) }),
    );
    builder.end({ kind: "jump", to: head });
    builder.seal(head);
    builder.seal(out);
    builder.enter(out);
  }
}

export function randomIr(random: Random): IrFunction {
  const builder = new IrBuilder("main");
  const context = builder.emit({ kind: "argument", index: 0 }, "pointer");
  const packet = builder.emit({ kind: "load", size: 4, signed: false, base: context, offset: 0 }, "pointer");
  const end = builder.emit({ kind: "load", size: 4, signed: false, base: context, offset: 4 }, "pointer");
  const limit = builder.emit({ kind: "offset", base: packet, by: builder.constant(AREA) }, "pointer");
  const [short, long, missing, found] = [builder.block(), builder.block(), builder.block(), builder.block()];
  builder.end({ kind: "branch", code: "gt", width: 64, a: limit, b: end, whenTrue: short, whenFalse: long });
  finishEarly(builder, short);
  builder.seal(long);
  builder.enter(long);
  const slot = builder.emit({ kind: "stack", slot: builder.slot(AREA, 8) }, "pointer");
  builder.emit({ kind: "store", size: 4, base: slot, offset: 0, value: builder.constant(0) });
  const map = builder.emit({ kind: "symbol", symbol: { kind: "map", map: "state" } }, "pointer");
  const state = builder.emit({ kind: "call", helper: 1, arguments: [map, slot] }, "pointer");
  builder.end({
    kind: "branch",
    code: "eq",
    width: 64,
    a: state,
    b: builder.constant(0),
    whenTrue: missing,
    whenFalse: found,
  });
  finishEarly(builder, missing);
  builder.seal(found);
  builder.enter(found);
  for (let at = 0; at < AREA; at += 8) {
    builder.emit({ kind: "store", size: 8, base: slot, offset: at, value: builder.constant(random.interesting()) });
  }
  const variables = Array.from({ length: random.between(3, 14) }, () => builder.variable("scalar"));
  for (const variable of variables) {
    const offset = random.between(0, AREA - 8);
    builder.assign(variable, builder.emit({ kind: "load", size: 8, signed: false, base: packet, offset }));
  }
  new BodyGenerator(random, builder, variables, { packet, state, slot }).statements(random.between(5, 40), 3);
  variables.forEach((variable, index) => {
    builder.emit({
      kind: "store",
      size: 8,
      base: state,
      offset: RESULTS_AT + 8 * index,
      value: builder.read(variable),
    });
  });
  builder.end({ kind: "exit", value: builder.read(variables[0]!) });
  return builder.finish();
}

function finishEarly(builder: IrBuilder, block: number): void {
  builder.seal(block);
  builder.enter(block);
  builder.end({ kind: "exit", value: builder.constant(1) });
}
