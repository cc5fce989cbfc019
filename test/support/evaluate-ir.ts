/**
 * The meaning of IR, run directly on bigints: what the passes and the backend must keep.
 *
 * Pointers are a space and an offset; only the operations that the random programs use on them are known.
 */

import type { IrFunction, Operation, ValueId } from "../../src/compiler/index.ts";
import {
  evaluateAlu,
  evaluateCondition,
  evaluateNegate,
  evaluateSignExtend,
  evaluateSwap,
} from "../../src/compiler/ir/arithmetic.ts";

interface Pointer {
  readonly space: string;
  readonly offset: number;
}
type Value = bigint | Pointer;

export class IrMachine {
  readonly spaces: Record<string, Uint8Array>;
  readonly #values = new Map<ValueId, Value>();

  /** `packet` and `state` are changed in place. */
  constructor(packet: Uint8Array, state: Uint8Array) {
    this.spaces = { packet, state };
  }

  /** The function's result, signed. */
  run(ir: IrFunction): bigint {
    let [previous, current] = [-1, 0];
    for (;;) {
      const block = ir.blocks[current]!;
      const at = block.predecessors.indexOf(previous);
      const phis = block.phis.map((phi) => [phi.id, this.#value(phi.arguments[at]!)] as const);
      for (const [id, value] of phis) this.#values.set(id, value);
      for (const { id, operation } of block.instructions) this.#values.set(id, this.#evaluate(operation, ir));
      const { terminator } = block;
      if (terminator.kind === "exit") return this.#scalar(terminator.value);
      previous = current;
      if (terminator.kind === "jump") current = terminator.to;
      else current = this.#holds(terminator) ? terminator.whenTrue : terminator.whenFalse;
    }
  }

  #value(id: ValueId): Value {
    return this.#values.get(id)!;
  }
  #scalar(id: ValueId): bigint {
    return this.#value(id) as bigint;
  }

  #holds({
    code,
    width,
    a,
    b,
  }: {
    code: Parameters<typeof evaluateCondition>[0];
    width: 32 | 64;
    a: ValueId;
    b: ValueId;
  }): boolean {
    const [x, y] = [this.#value(a), this.#value(b)];
    if (typeof x === "bigint" && typeof y === "bigint") return evaluateCondition(code, width, x, y);
    // Against the end of the packet: offsets; against null: a look-up always finds.
    if (typeof x !== "bigint" && typeof y !== "bigint") return x.offset > y.offset;
    return false;
  }

  #evaluate(operation: Operation, ir: IrFunction): Value {
    switch (operation.kind) {
      case "constant":
        return operation.value;
      case "argument":
        return { space: "context", offset: 0 };
      case "alu":
        return evaluateAlu(operation.code, operation.width, this.#scalar(operation.a), this.#scalar(operation.b));
      case "negate":
        return evaluateNegate(operation.width, this.#scalar(operation.a));
      case "signExtend":
        return evaluateSignExtend(operation.bits, this.#scalar(operation.a));
      case "swap":
        return evaluateSwap(operation.bits, this.#scalar(operation.a));
      case "offset": {
        const base = this.#value(operation.base) as Pointer;
        return { ...base, offset: base.offset + Number(this.#scalar(operation.by)) };
      }
      case "stack": {
        const space = `slot ${operation.slot}`;
        this.spaces[space] ??= new Uint8Array(ir.slots[operation.slot]!.size);
        return { space, offset: 0 };
      }
      case "symbol":
        return { space: "map", offset: 0 };
      case "call":
        return operation.helper === 1 ? { space: "state", offset: 0 } : this.#checksum(operation.arguments);
      case "load":
        return this.#load(operation);
      case "store":
        this.#write(
          this.#value(operation.base) as Pointer,
          operation.offset,
          operation.size,
          this.#scalar(operation.value),
        );
        return 0n;
      case "atomic":
        return this.#atomic(operation);
      case "callFunction":
        throw new Error("the random programs call no functions");
    }
  }

  #load({ base, offset, size, signed }: Extract<Operation, { kind: "load" }>): Value {
    const pointer = this.#value(base) as Pointer;
    if (pointer.space === "context")
      return { space: "packet", offset: offset === 0 ? 0 : this.spaces["packet"]!.length };
    const raw = this.#read(pointer, offset, size);
    return signed ? BigInt.asIntN(8 * size, raw) : BigInt.asIntN(64, raw);
  }

  #read({ space, offset }: Pointer, more: number, size: number): bigint {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.spaces[space]![offset + more + i]!);
    return value;
  }

  #write({ space, offset }: Pointer, more: number, size: number, value: bigint): void {
    for (let i = 0; i < size; i++) this.spaces[space]![offset + more + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  #atomic(operation: Extract<Operation, { kind: "atomic" }>): bigint {
    const { code, size, offset } = operation;
    const pointer = this.#value(operation.base) as Pointer;
    const old = this.#read(pointer, offset, size);
    const operand = BigInt.asUintN(8 * size, this.#scalar(operation.value));
    const expected = operation.expected === undefined ? 0n : BigInt.asUintN(8 * size, this.#scalar(operation.expected));
    const results = {
      add: old + operand,
      or: old | operand,
      and: old & operand,
      xor: old ^ operand,
      exchange: operand,
      compareExchange: old === expected ? operand : old,
    };
    this.#write(pointer, offset, size, results[code]);
    return BigInt.asIntN(64, old);
  }

  /** bpf_csum_diff(0, 0, to, 16, seed). */
  #checksum(values: readonly ValueId[]): bigint {
    const to = this.#value(values[2]!) as Pointer;
    let sum = BigInt.asUintN(32, this.#scalar(values[4]!));
    for (let i = 0; i < 16; i += 4) sum += this.#read(to, i, 4);
    while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
    return sum;
  }
}
