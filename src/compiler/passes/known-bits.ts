/** How many of the low bits of a value may be set: what masks and swaps may be left out. */
import type { Block, IrFunction, Operation, ValueId } from "../ir/ir.ts";

/** Instructions by value; phis are not in it. */
export function definitionsOf(ir: IrFunction): Map<ValueId, Operation> {
  const definitions = new Map<ValueId, Operation>();
  for (const { instructions } of ir.blocks)
    for (const { id, operation } of instructions) definitions.set(id, operation);
  return definitions;
}

export class KnownBits {
  readonly #definitions: ReadonlyMap<ValueId, Operation>;
  readonly #known = new Map<ValueId, number>();

  readonly #phis = new Map<ValueId, readonly ValueId[]>();

  constructor(definitions: ReadonlyMap<ValueId, Operation>, blocks: readonly Block[]) {
    this.#definitions = definitions;
    for (const { phis } of blocks) for (const phi of phis) this.#phis.set(phi.id, phi.arguments);
  }

  constant(value: ValueId): bigint | undefined {
    const operation = this.#definitions.get(value);
    return operation?.kind === "constant" ? operation.value : undefined;
  }

  /** For values that no instruction makes. */
  learn(value: ValueId, bits: number): void {
    this.#known.set(value, bits);
  }

  /** 0 to 64. Of a division no more than the verifier knows, which is nothing: masks behind it stay. */
  of(value: ValueId): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    // A phi of a loop comes back to itself: then nothing is known.
    this.#known.set(value, 64);
    const operation = this.#definitions.get(value);
    const bits = operation ? this.#ofOperation(operation) : this.#ofPhi(value);
    this.#known.set(value, bits);
    return bits;
  }

  #ofPhi(value: ValueId): number {
    const values = this.#phis.get(value);
    return values ? Math.max(...values.map((one) => this.of(one))) : 64;
  }

  #ofOperation(operation: Operation): number {
    switch (operation.kind) {
      case "constant":
        return operation.value < 0n ? 64 : operation.value === 0n ? 0 : operation.value.toString(2).length;
      case "load":
        return operation.signed ? 64 : 8 * operation.size;
      case "swap":
        return operation.bits;
      case "alu":
        return this.#ofAlu(operation);
      default:
        return 64;
    }
  }

  #ofAlu({ code, width, a, b }: Extract<Operation, { kind: "alu" }>): number {
    const constant = this.constant(b);
    // Shifts take their count modulo the width.
    const count = constant === undefined ? undefined : Number(BigInt.asUintN(width === 32 ? 5 : 6, constant));
    switch (code) {
      case "and":
        return Math.min(this.of(a), this.of(b), width);
      case "or":
      case "xor":
        return Math.min(Math.max(this.of(a), this.of(b)), width);
      case "add":
        return Math.min(Math.max(this.of(a), this.of(b)) + 1, width);
      case "mul":
        return Math.min(this.of(a) + this.of(b), width);
      case "shr":
        return Math.max(0, Math.min(this.of(a), width) - (count ?? 0));
      case "shl":
        return count === undefined ? width : Math.min(width, this.of(a) + count);
      case "div":
      case "mod":
      case "sdiv":
      case "smod":
        // Of 32 bits, too: the verifier forgets the whole register.
        return 64;
      default:
        return width;
    }
  }
}
