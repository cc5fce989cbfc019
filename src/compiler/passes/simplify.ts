/**
 * Instructions that say the same with less: masks that cut nothing, swaps that undo each other, sums of constants,
 * comparisons of swapped values with swapped constants, tests of single bits.
 *
 * Invariants: a pointer is only ever offset by constants that were there; `x & 2^n-1` goes only where the value is known to
 * be smaller by the instruction that made it, so the verifier knows it too.
 */
import { evaluateSwap } from "../ir/arithmetic.ts";
import { replaceValues } from "../ir/cfg.ts";
import type { ConditionCode, IrFunction, IrInstruction, Operation, Phi, Terminator, ValueId } from "../ir/ir.ts";
import { mapOperands, operands, terminatorOperands } from "../ir/ir.ts";
import { definitionsOf, KnownBits } from "./known-bits.ts";

export function simplify(ir: IrFunction): IrFunction {
  return new Simplifier(ir).run();
}

class Simplifier {
  readonly #ir: IrFunction;
  readonly #definitions: Map<ValueId, Operation>;
  readonly #bits: KnownBits;
  readonly #replaced = new Map<ValueId, ValueId>();
  /** Values that more is done with than comparing them for equality. */
  #counted: Set<ValueId> | undefined;
  #values: number;
  /** Instructions of the block so far. */
  #out: IrInstruction[] = [];

  constructor(ir: IrFunction) {
    this.#ir = ir;
    this.#values = ir.values;
    this.#definitions = definitionsOf(ir);
    this.#bits = new KnownBits(this.#definitions, ir.blocks);
  }

  run(): IrFunction {
    const swapped = this.#ir.blocks.map((block) => this.#phis(block.phis));
    const ends = new Map<number, IrInstruction[]>();
    const blocks = this.#ir.blocks.map((block, id) => {
      const { phis, instructions } = swapped[id]!;
      for (const { from, instruction } of phis.flatMap((phi) =>
        phi.added.map((one) => ({ from: block.predecessors[one.at]!, instruction: one.instruction })),
      )) {
        ends.set(from, [...(ends.get(from) ?? []), instruction]);
      }
      this.#out = [...instructions];
      for (const one of block.instructions) this.#instruction(one);
      const terminator = this.#terminator(block.terminator);
      return { ...block, phis: phis.map(({ phi }) => phi), instructions: this.#out, terminator };
    });
    const complete = blocks.map((block, id) => ({
      ...block,
      instructions: [...block.instructions, ...(ends.get(id) ?? [])],
    }));
    return replaceValues({ ...this.#ir, blocks: complete, values: this.#values }, this.#replaced);
  }

  #resolve(value: ValueId): ValueId {
    let current = value;
    for (let next = this.#replaced.get(current); next !== undefined; next = this.#replaced.get(current)) current = next;
    return current;
  }

  #operation(value: ValueId): Operation | undefined {
    return this.#definitions.get(this.#resolve(value));
  }

  #constant(value: ValueId): bigint | undefined {
    return this.#bits.constant(this.#resolve(value));
  }

  /** A new constant in front of what is being looked at. */
  #make(operation: Operation): ValueId {
    const id = this.#values++;
    this.#definitions.set(id, operation);
    this.#out.push({ id, type: "scalar", operation });
    return id;
  }

  #number(value: bigint): ValueId {
    return this.#make({ kind: "constant", value: BigInt.asIntN(64, value) });
  }

  // Phis of swapped values: one swap behind the phi, which comparisons then lose.

  #phis(phis: readonly Phi[]) {
    const instructions: IrInstruction[] = [];
    const all = phis.map((phi) => {
      const bits = this.#swapOf(phi);
      if (bits === undefined) return { phi, added: [] };
      const added: { readonly at: number; readonly instruction: IrInstruction }[] = [];
      const inner = phi.arguments.map((value, at) => {
        const operation = this.#definitions.get(value)!;
        if (operation.kind === "swap") return operation.a;
        const constant = (operation as Extract<Operation, { kind: "constant" }>).value;
        const id = this.#values++;
        const swapped: Operation = { kind: "constant", value: evaluateSwap(bits, constant) };
        this.#definitions.set(id, swapped);
        added.push({ at, instruction: { id, type: "scalar", operation: swapped } });
        return id;
      });
      const id = this.#values++;
      this.#bits.learn(id, bits);
      const operation: Operation = { kind: "swap", bits, a: id };
      this.#definitions.set(phi.id, operation);
      instructions.push({ id: phi.id, type: "scalar", operation });
      return { phi: { ...phi, id, arguments: inner }, added };
    });
    return { phis: all, instructions };
  }

  /**
   * Whether somebody computes with the value: what the verifier has learned of an argument by a comparison would be lost in
   * a swap behind the phi.
   */
  #isCounted(phi: ValueId): boolean {
    if (!this.#counted) {
      this.#counted = new Set();
      for (const { instructions, terminator, phis } of this.#ir.blocks) {
        for (const { operation } of instructions) {
          if (operation.kind !== "swap") for (const value of operands(operation)) this.#counted.add(value);
        }
        for (const other of phis) for (const value of other.arguments) this.#counted.add(value);
        const isEquality = terminator.kind === "branch" && (terminator.code === "eq" || terminator.code === "ne");
        if (!isEquality) for (const value of terminatorOperands(terminator)) this.#counted.add(value);
      }
    }
    return this.#counted.has(phi);
  }

  /** The width when every argument is swapped (or constant) and at least one is. */
  #swapOf(phi: Phi): 16 | 32 | 64 | undefined {
    let bits: 16 | 32 | 64 | undefined;
    for (const value of phi.arguments) {
      const operation = this.#definitions.get(value);
      if (operation?.kind === "constant") continue;
      if (operation?.kind !== "swap" || (bits !== undefined && bits !== operation.bits)) return undefined;
      if (this.#bits.of(operation.a) > operation.bits) return undefined;
      bits = operation.bits;
    }
    if (bits === undefined || this.#isCounted(phi.id)) return undefined;
    const fits = phi.arguments.every((value) => {
      const constant = this.#bits.constant(value);
      return constant === undefined || (constant >= 0n && constant >> BigInt(bits) === 0n);
    });
    return fits ? bits : undefined;
  }

  // Instructions.

  #instruction(one: IrInstruction): void {
    const operation = this.#rewrite(mapOperands(one.operation, (value) => this.#resolve(value)));
    if (typeof operation === "number") {
      this.#replaced.set(one.id, operation);
      return;
    }
    this.#definitions.set(one.id, operation);
    this.#out.push({ ...one, operation });
  }

  /** A simpler operation, or the value that the result equals. */
  #rewrite(operation: Operation): Operation | ValueId {
    switch (operation.kind) {
      case "swap": {
        const inner = this.#operation(operation.a);
        if (inner?.kind !== "swap" || inner.bits !== operation.bits) return operation;
        if (this.#bits.of(inner.a) <= inner.bits) return inner.a;
        return { kind: "alu", code: "and", width: 64, a: inner.a, b: this.#number((1n << BigInt(inner.bits)) - 1n) };
      }
      case "offset":
        return this.#offset(operation);
      case "alu":
        return this.#alu(operation);
      case "store":
        return this.#store(operation);
      default:
        return operation;
    }
  }

  /** A store keeps the low bytes: a mask that leaves them alone is not needed. */
  #store(operation: Extract<Operation, { kind: "store" }>): Operation {
    if (operation.size === 8) return operation;
    const inner = this.#operation(operation.value);
    if (inner?.kind !== "alu" || inner.code !== "and") return operation;
    const mask = this.#constant(inner.b);
    const kept = (1n << BigInt(8 * operation.size)) - 1n;
    return mask !== undefined && (mask & kept) === kept ? { ...operation, value: inner.a } : operation;
  }

  #offset(operation: Extract<Operation, { kind: "offset" }>): Operation | ValueId {
    const by = this.#constant(operation.by);
    const inner = this.#operation(operation.base);
    if (by === 0n) return operation.base;
    if (by === undefined || inner?.kind !== "offset") return operation;
    const first = this.#constant(inner.by);
    return first === undefined ? operation : { ...operation, base: inner.base, by: this.#number(first + by) };
  }

  #alu(operation: Extract<Operation, { kind: "alu" }>): Operation | ValueId {
    const { code, width, a, b } = operation;
    const constant = this.#constant(b);
    if (constant === undefined) return operation;
    const inner = this.#operation(a);
    const before = inner?.kind === "alu" && inner.width === width ? this.#constant(inner.b) : undefined;
    const same = inner?.kind === "alu" && inner.code === code && before !== undefined ? inner : undefined;
    if (code === "and") {
      const bits = this.#bits.of(a);
      const cut = BigInt.asUintN(width, constant);
      const all = (1n << BigInt(bits)) - 1n;
      if (bits <= width && (cut & all) === all) return a;
      if (same) return { ...operation, a: same.a, b: this.#number(constant & before!) };
    }
    if (width !== 64 || !same) return operation;
    if (code === "add")
      return before! + constant === 0n ? same.a : { ...operation, a: same.a, b: this.#number(before! + constant) };
    if ((code === "shl" || code === "shr") && before! + constant < 64n && before! >= 0n && constant >= 0n) {
      return { ...operation, a: same.a, b: this.#number(before! + constant) };
    }
    return operation;
  }

  // Conditions.

  #terminator(given: Terminator): Terminator {
    if (given.kind !== "branch") return given;
    const branch = { ...given, a: this.#resolve(given.a), b: this.#resolve(given.b) };
    if (branch.width !== 64 || (branch.code !== "eq" && branch.code !== "ne")) return branch;
    const constant = this.#constant(branch.b);
    if (constant === undefined) return this.#swappedBoth(branch);
    const swapped = this.#swappedConstant(branch, constant);
    return this.#bitTest(swapped, this.#constant(swapped.b)!);
  }

  #swappedBoth(branch: Extract<Terminator, { kind: "branch" }>): Terminator {
    const [x, y] = [this.#operation(branch.a), this.#operation(branch.b)];
    if (x?.kind !== "swap" || y?.kind !== "swap" || x.bits !== y.bits) return branch;
    const fits = this.#bits.of(x.a) <= x.bits && this.#bits.of(y.a) <= y.bits;
    return fits ? { ...branch, a: x.a, b: y.a } : branch;
  }

  /** Constants are swapped, not fields. */
  #swappedConstant(
    branch: Extract<Terminator, { kind: "branch" }>,
    constant: bigint,
  ): Extract<Terminator, { kind: "branch" }> {
    const inner = this.#operation(branch.a);
    if (
      inner?.kind === "swap" &&
      this.#bits.of(inner.a) <= inner.bits &&
      constant >= 0n &&
      constant >> BigInt(inner.bits) === 0n
    ) {
      return { ...branch, a: inner.a, b: this.#number(evaluateSwap(inner.bits, constant)) };
    }
    if (inner?.kind === "alu" && inner.code === "add" && inner.width === 64) {
      const added = this.#constant(inner.b);
      if (added !== undefined) return { ...branch, a: inner.a, b: this.#number(constant - added) };
    }
    return branch;
  }

  /** `(x & m) == 0` is one jump; shifts and swaps go over to the mask. */
  #bitTest(branch: Extract<Terminator, { kind: "branch" }>, constant: bigint): Terminator {
    if (constant !== 0n) return branch;
    let value = branch.a;
    let mask: bigint | undefined;
    for (;;) {
      const step = this.#towardsBits(value, mask);
      if (!step) break;
      [value, mask] = step;
    }
    if (mask === undefined || mask <= 0n || mask > 0x7fffffffn) return branch;
    const code: ConditionCode = "set";
    const [whenTrue, whenFalse] =
      branch.code === "ne" ? [branch.whenTrue, branch.whenFalse] : [branch.whenFalse, branch.whenTrue];
    return { ...branch, code, a: value, b: this.#number(mask), whenTrue, whenFalse };
  }

  #towardsBits(value: ValueId, mask: bigint | undefined): readonly [ValueId, bigint] | undefined {
    const operation = this.#operation(value);
    if (operation?.kind === "alu" && operation.width === 64) {
      const constant = this.#constant(operation.b);
      if (constant === undefined || constant < 0n) return undefined;
      if (operation.code === "and")
        return [this.#resolve(operation.a), mask === undefined ? constant : mask & constant];
      if (operation.code === "shr" && mask !== undefined) return [this.#resolve(operation.a), mask << constant];
      return undefined;
    }
    if (operation?.kind !== "swap" || mask === undefined || this.#bits.of(operation.a) > operation.bits)
      return undefined;
    const swapped = BigInt.asUintN(64, evaluateSwap(operation.bits, mask & ((1n << BigInt(operation.bits)) - 1n)));
    return swapped <= 0x7fffffffn ? [this.#resolve(operation.a), swapped] : undefined;
  }
}
