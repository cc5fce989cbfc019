/**
 * Constant folding and the identities of arithmetic, equal operands among them; branches whose answer is known become jumps.
 *
 * Invariant: no operation is replaced by one that the verifier knows less about: `x & 2^n-1` stays as it is.
 */
import { evaluateAlu, evaluateCondition, evaluateNegate, evaluateSignExtend, evaluateSwap } from "../ir/arithmetic.ts";
import { replaceValues, reversePostorder, withTerminators } from "../ir/cfg.ts";
import type { IrFunction, IrInstruction, Operation, Terminator, ValueId } from "../ir/ir.ts";
import { COMMUTATIVE, mapOperands } from "../ir/ir.ts";

export function fold(ir: IrFunction): IrFunction {
  const folder = new Folder();
  const blocks = [...ir.blocks];
  for (const id of reversePostorder(ir.blocks)) {
    const block = blocks[id]!;
    for (const phi of block.phis) folder.phi(phi.id, phi.arguments);
    blocks[id] = { ...block, instructions: block.instructions.map((one) => folder.instruction(one)) };
  }
  const folded = replaceValues({ ...ir, blocks }, folder.replaced);
  return withTerminators(
    folded,
    folded.blocks.map((block) => folder.terminator(block.terminator)),
  );
}

class Folder {
  readonly replaced = new Map<ValueId, ValueId>();
  readonly #constants = new Map<ValueId, bigint>();

  #resolve(value: ValueId): ValueId {
    let current = value;
    for (let next = this.replaced.get(current); next !== undefined; next = this.replaced.get(current)) current = next;
    return current;
  }

  #constant(value: ValueId): bigint | undefined {
    return this.#constants.get(this.#resolve(value));
  }

  /** A phi of one value, itself aside, is that value. */
  phi(id: ValueId, values: readonly ValueId[]): void {
    const others = new Set(values.map((value) => this.#resolve(value)).filter((value) => value !== id));
    const [only] = others;
    if (others.size === 1) this.replaced.set(id, only!);
  }

  instruction(one: IrInstruction): IrInstruction {
    const operation = mapOperands(one.operation, (value) => this.#resolve(value));
    const value = this.#evaluate(operation);
    if (value !== undefined) {
      this.#constants.set(one.id, value);
      if (one.operation.kind === "constant") return one;
      return { ...one, operation: { kind: "constant", value } };
    }
    const same = this.#identity(operation);
    if (same !== undefined) this.replaced.set(one.id, same);
    return operation === one.operation ? one : { ...one, operation };
  }

  terminator(terminator: Terminator): Terminator {
    if (terminator.kind !== "branch") return terminator;
    const { code, width, whenTrue, whenFalse } = terminator;
    const isSame = this.#resolve(terminator.a) === this.#resolve(terminator.b);
    const [a, b] = [this.#constant(terminator.a), this.#constant(terminator.b)];
    const source = terminator.source ? { source: terminator.source } : {};
    if (whenTrue === whenFalse) return { kind: "jump", to: whenTrue, ...source };
    if (isSame && code !== "set")
      return { kind: "jump", to: evaluateCondition(code, width, 0n, 0n) ? whenTrue : whenFalse, ...source };
    if (a === undefined || b === undefined) return terminator;
    return { kind: "jump", to: evaluateCondition(code, width, a, b) ? whenTrue : whenFalse, ...source };
  }

  #evaluate(operation: Operation): bigint | undefined {
    switch (operation.kind) {
      case "constant":
        return operation.value;
      case "alu": {
        const [a, b] = [this.#constant(operation.a), this.#constant(operation.b)];
        if (operation.a === operation.b && (operation.code === "sub" || operation.code === "xor")) return 0n;
        return a === undefined || b === undefined ? undefined : evaluateAlu(operation.code, operation.width, a, b);
      }
      case "negate":
      case "signExtend":
      case "swap": {
        const a = this.#constant(operation.a);
        if (a === undefined) return undefined;
        if (operation.kind === "negate") return evaluateNegate(operation.width, a);
        return operation.kind === "swap" ? evaluateSwap(operation.bits, a) : evaluateSignExtend(operation.bits, a);
      }
      default:
        return undefined;
    }
  }

  /** The operand that the result equals: x + 0, x * 1, x & -1, x & x, …, of 64-bit operations. */
  #identity(operation: Operation): ValueId | undefined {
    if (operation.kind === "offset") return this.#constant(operation.by) === 0n ? operation.base : undefined;
    if (operation.kind !== "alu" || operation.width !== 64) return undefined;
    const { code, a, b } = operation;
    if (a === b && (code === "and" || code === "or")) return a;
    const neutral = NEUTRAL[code];
    if (neutral === undefined) return undefined;
    if (this.#constant(b) === neutral) return a;
    return COMMUTATIVE.has(code) && this.#constant(a) === neutral ? b : undefined;
  }
}

/** `x op n` is x. */
const NEUTRAL: Readonly<Partial<Record<string, bigint>>> = {
  add: 0n,
  sub: 0n,
  mul: 1n,
  div: 1n,
  sdiv: 1n,
  and: -1n,
  or: 0n,
  xor: 0n,
  shl: 0n,
  shr: 0n,
  sar: 0n,
};
