/**
 * Pointers in loops: `data + (offset + 4 * i)` begins as `data + offset` in front of the loop and grows by 4 each round.
 *
 * Only pointers are treated: what else a loop repeats costs as much in a register. Invariants: the parts of a sum that are
 * added to a pointer one by one are never negative (`ir.naturals`, or by their instructions), as the verifier demands of
 * each addition; a loop is touched only when one block leads into it and one leads back.
 */
import { dominators, reversePostorder } from "../ir/cfg.ts";
import type { Block, BlockId, IrFunction, IrInstruction, Operation, Phi, ValueId } from "../ir/ir.ts";
import { definitionsOf, KnownBits } from "./known-bits.ts";

export interface NaturalLoop {
  readonly header: BlockId;
  /** The one block that leads in, ending with a jump. */
  readonly before: BlockId;
  /** The one block that leads back. */
  readonly latch: BlockId;
  readonly blocks: ReadonlySet<BlockId>;
}

/** Loops with one way in and one way back. */
export function loopsOf(blocks: readonly Block[]): NaturalLoop[] {
  const idom = dominators(blocks);
  const dominates = (a: BlockId, b: BlockId): boolean => {
    let block = b;
    while (block !== a && block !== 0) block = idom[block]!;
    return block === a;
  };
  return reversePostorder(blocks).flatMap((header): NaturalLoop[] => {
    const { predecessors } = blocks[header]!;
    const back = predecessors.filter((one) => dominates(header, one));
    const into = predecessors.filter((one) => !dominates(header, one));
    const [latch] = back;
    const [before] = into;
    if (back.length !== 1 || into.length !== 1 || latch === undefined || before === undefined) return [];
    return blocks[before]!.terminator.kind === "jump"
      ? [{ header, before, latch, blocks: bodyOf(blocks, header, latch) }]
      : [];
  });
}

function bodyOf(blocks: readonly Block[], header: BlockId, latch: BlockId): Set<BlockId> {
  const body = new Set([header]);
  const pending = [latch];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (body.has(id)) continue;
    body.add(id);
    pending.push(...blocks[id]!.predecessors);
  }
  return body;
}

export function reducePointers(ir: IrFunction): IrFunction {
  let current = ir;
  for (const { header } of loopsOf(ir.blocks)) {
    const loop = loopsOf(current.blocks).find((one) => one.header === header);
    if (loop) current = new LoopPointers(current, loop).run();
  }
  return current;
}

/** A counter: `phi(initial, phi + step)`. */
interface Counter {
  readonly initial: ValueId;
  readonly step: bigint;
}

class LoopPointers {
  readonly #ir: IrFunction;
  readonly #loop: NaturalLoop;
  readonly #definitions: Map<ValueId, Operation>;
  readonly #bits: KnownBits;
  readonly #inside = new Set<ValueId>();
  readonly #before: IrInstruction[] = [];
  readonly #last: IrInstruction[] = [];
  readonly #phis: Phi[] = [];
  #values: number;

  constructor(ir: IrFunction, loop: NaturalLoop) {
    this.#ir = ir;
    this.#loop = loop;
    this.#values = ir.values;
    this.#definitions = definitionsOf(ir);
    this.#bits = new KnownBits(this.#definitions, ir.blocks);
    for (const id of loop.blocks) {
      for (const one of [...ir.blocks[id]!.phis, ...ir.blocks[id]!.instructions]) this.#inside.add(one.id);
    }
  }

  run(): IrFunction {
    const { header, before, latch, blocks } = this.#loop;
    const changed = this.#ir.blocks.map((block, id): Block => {
      if (!blocks.has(id)) return block;
      return { ...block, instructions: block.instructions.map((one) => this.#instruction(one)) };
    });
    const append = (id: BlockId, more: readonly IrInstruction[]): void => {
      changed[id] = { ...changed[id]!, instructions: [...changed[id]!.instructions, ...more] };
    };
    append(before, this.#before);
    append(latch, this.#last);
    changed[header] = { ...changed[header]!, phis: [...changed[header]!.phis, ...this.#phis] };
    return { ...this.#ir, blocks: changed, values: this.#values };
  }

  #isInvariant(value: ValueId): boolean {
    return !this.#inside.has(value) || this.#definitions.get(value)?.kind === "constant";
  }

  #isNatural(value: ValueId): boolean {
    return this.#ir.naturals?.has(value) === true || this.#bits.of(value) <= 32;
  }

  #instruction(one: IrInstruction): IrInstruction {
    const { operation } = one;
    if (operation.kind !== "offset" || !this.#isInvariant(operation.base)) return one;
    // The verifier knows the bound of the sum, not that of its parts.
    if (operation.most !== undefined) return one;
    const parted = this.#part(operation.base, operation.by);
    const pointer = this.#counted(parted.base, parted.by);
    if (pointer !== undefined) return { ...one, operation: { kind: "offset", base: pointer, by: this.#zero() } };
    if (parted.base === operation.base) return one;
    return { ...one, operation: { ...operation, ...parted } };
  }

  /** The part of the offset that stays the same is added in front of the loop. */
  #part(base: ValueId, by: ValueId): { readonly base: ValueId; readonly by: ValueId } {
    const sum = this.#definitions.get(by);
    if (sum?.kind !== "alu" || sum.code !== "add" || sum.width !== 64) return { base, by };
    const [fixed, varying] = this.#isInvariant(sum.a) ? [sum.a, sum.b] : [sum.b, sum.a];
    if (!this.#isInvariant(fixed) || this.#isInvariant(varying)) return { base, by };
    if (!this.#isNatural(fixed) || !this.#isScaled(varying)) return { base, by };
    return { base: this.#add(this.#before, { kind: "offset", base, by: fixed }), by: varying };
  }

  #isScaled(value: ValueId): boolean {
    if (this.#isNatural(value)) return true;
    const operation = this.#definitions.get(value);
    const isScale = operation?.kind === "alu" && (operation.code === "shl" || operation.code === "mul");
    return isScale && this.#isNatural(operation.a) && (this.#bits.constant(operation.b) ?? -1n) >= 0n;
  }

  /** The pointer that follows a multiple of a counter. */
  #counted(base: ValueId, by: ValueId): ValueId | undefined {
    const operation = this.#definitions.get(by);
    let [value, factor] = [by, 1n];
    if (operation?.kind === "alu" && operation.width === 64 && this.#bits.constant(operation.b) !== undefined) {
      const constant = this.#bits.constant(operation.b)!;
      if (operation.code === "shl") [value, factor] = [operation.a, 1n << constant];
      else if (operation.code === "mul") [value, factor] = [operation.a, constant];
    }
    const counter = this.#counter(value);
    if (!counter || counter.step * factor > 0x7fffn) return undefined;
    const start = this.#scaled(counter.initial, factor);
    const first = this.#add(this.#before, { kind: "offset", base, by: start });
    const phi = this.#values++;
    const step = this.#add(this.#last, { kind: "constant", value: counter.step * factor }, "scalar");
    const next = this.#add(this.#last, { kind: "offset", base: phi, by: step });
    const values = this.#ir.blocks[this.#loop.header]!.predecessors.map((one) =>
      one === this.#loop.latch ? next : first,
    );
    this.#phis.push({ id: phi, type: "pointer", arguments: values });
    return phi;
  }

  #counter(value: ValueId): Counter | undefined {
    const { header, latch } = this.#loop;
    const block = this.#ir.blocks[header]!;
    const phi = block.phis.find(({ id }) => id === value);
    if (!phi || !this.#isNatural(value)) return undefined;
    const at = block.predecessors.indexOf(latch);
    const next = this.#definitions.get(phi.arguments[at]!);
    if (next?.kind !== "alu" || next.code !== "add" || next.width !== 64 || next.a !== value) return undefined;
    const step = this.#bits.constant(next.b);
    return step === undefined || step <= 0n ? undefined : { initial: phi.arguments[1 - at]!, step };
  }

  #scaled(value: ValueId, factor: bigint): ValueId {
    const constant = this.#bits.constant(value);
    if (constant !== undefined)
      return this.#add(this.#before, { kind: "constant", value: constant * factor }, "scalar");
    if (factor === 1n) return value;
    const by = this.#add(this.#before, { kind: "constant", value: factor }, "scalar");
    return this.#add(this.#before, { kind: "alu", code: "mul", width: 64, a: value, b: by }, "scalar");
  }

  #zero(): ValueId {
    return this.#add(this.#before, { kind: "constant", value: 0n }, "scalar");
  }

  #add(list: IrInstruction[], operation: Operation, type: "pointer" | "scalar" = "pointer"): ValueId {
    const id = this.#values++;
    this.#definitions.set(id, operation);
    list.push({ id, type, operation });
    return id;
  }
}
