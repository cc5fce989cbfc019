/**
 * Jump threading: where a path comes into a block whose branch it has decided already (a flag that is a constant on that
 * path), it goes on to the right successor directly. Flags of `||`, of nullable values and of inlined functions vanish.
 *
 * The phis of the block are repaired for all that follows: behind a threaded path they are what the path brought (Braun et
 * al., as in ir/builder.ts). Invariant: a threaded block has no instructions but those that decide its branch.
 */
import { evaluateAlu, evaluateCondition, evaluateSwap } from "../ir/arithmetic.ts";
import { replaceValues, withoutUnreachable } from "../ir/cfg.ts";
import {
  type Block,
  type BlockId,
  type IrFunction,
  type IrInstruction,
  mapOperands,
  mapTerminator,
  type Operation,
  operands,
  type Phi,
  type Terminator,
  terminatorOperands,
  type ValueId,
  type ValueType,
} from "../ir/ir.ts";
import { definitionsOf } from "./known-bits.ts";

const MAX_ROUNDS = 400;

export function threadJumps(ir: IrFunction): IrFunction {
  let current = ir;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = threadOnce(current);
    if (!next) break;
    current = next;
  }
  return current;
}

/** A way into a block, and where it should go instead. */
interface Shortcut {
  /** Position among the predecessors. */
  readonly edge: number;
  readonly to: BlockId;
}

function threadOnce(ir: IrFunction): IrFunction | undefined {
  const definitions = definitionsOf(ir);
  for (let id = 1; id < ir.blocks.length; id++) {
    const shortcuts = shortcutsOf(ir, id, definitions);
    if (shortcuts.length > 0) return apply(ir, id, shortcuts);
  }
  return undefined;
}

function shortcutsOf(ir: IrFunction, id: BlockId, definitions: ReadonlyMap<ValueId, Operation>): Shortcut[] {
  const { phis, instructions, terminator, predecessors } = ir.blocks[id]!;
  if (terminator.kind === "jump") return onward(ir, id, terminator.to);
  if (terminator.kind !== "branch" || phis.length === 0 || terminator.whenTrue === terminator.whenFalse) return [];
  if (terminator.whenTrue === id || terminator.whenFalse === id || instructions.length > 8) return [];
  if (!instructions.every(({ operation }) => DECIDING.has(operation.kind))) return [];
  if (!isPrivate(ir, id)) return [];
  return predecessors.flatMap((from, edge): Shortcut[] => {
    if (from === id) return [];
    const to = decide(ir.blocks[id]!, terminator, edge, definitions);
    return to === undefined ? [] : [{ edge, to }];
  });
}

/** A block that only joins values for the phis of the next: its ways lead there themselves. */
function onward(ir: IrFunction, id: BlockId, to: BlockId): Shortcut[] {
  const { phis, instructions, predecessors } = ir.blocks[id]!;
  if (phis.length === 0 || instructions.length > 0 || to === id || predecessors.includes(id)) return [];
  const own = new Set(phis.map((phi) => phi.id));
  const target = ir.blocks[to]!;
  const at = target.predecessors.indexOf(id);
  const feeds = target.phis.some((phi) => own.has(phi.arguments[at]!));
  return feeds ? predecessors.map((_, edge) => ({ edge, to })) : [];
}

const DECIDING: ReadonlySet<string> = new Set(["constant", "alu", "swap"]);

/** Whether nobody else reads the block's instructions; constants are made where they are used. */
function isPrivate(ir: IrFunction, id: BlockId): boolean {
  const own = new Set(
    ir.blocks[id]!.instructions.filter(({ operation }) => operation.kind !== "constant").map((one) => one.id),
  );
  if (own.size === 0) return true;
  return ir.blocks.every((block, at) => {
    const read = [
      ...(at === id ? [] : block.instructions.flatMap(({ operation }) => operands(operation))),
      ...(at === id ? [] : terminatorOperands(block.terminator)),
      ...block.phis.flatMap((phi) => phi.arguments),
    ];
    return !read.some((value) => own.has(value));
  });
}

/** Where the branch goes when the block is entered by this edge; undefined when that is not known. */
function decide(
  block: Block,
  branch: Extract<Terminator, { kind: "branch" }>,
  edge: number,
  definitions: ReadonlyMap<ValueId, Operation>,
): BlockId | undefined {
  const known = new Map<ValueId, bigint>();
  const constant = (value: ValueId): bigint | undefined => {
    const operation = definitions.get(value);
    return known.get(value) ?? (operation?.kind === "constant" ? operation.value : undefined);
  };
  for (const phi of block.phis) {
    const value = constant(phi.arguments[edge]!);
    if (value !== undefined) known.set(phi.id, value);
  }
  for (const { id, operation } of block.instructions) {
    const value = evaluate(operation, constant);
    if (value !== undefined) known.set(id, value);
  }
  const [a, b] = [constant(branch.a), constant(branch.b)];
  if (a === undefined || b === undefined) return undefined;
  return evaluateCondition(branch.code, branch.width, a, b) ? branch.whenTrue : branch.whenFalse;
}

function evaluate(operation: Operation, constant: (value: ValueId) => bigint | undefined): bigint | undefined {
  if (operation.kind === "constant") return operation.value;
  if (operation.kind === "swap") {
    const a = constant(operation.a);
    return a === undefined ? undefined : evaluateSwap(operation.bits, a);
  }
  if (operation.kind !== "alu") return undefined;
  const [a, b] = [constant(operation.a), constant(operation.b)];
  return a === undefined || b === undefined ? undefined : evaluateAlu(operation.code, operation.width, a, b);
}

function apply(ir: IrFunction, id: BlockId, shortcuts: readonly Shortcut[]): IrFunction {
  const blocks = withConstantsAtStart(ir.blocks, id);
  const block = blocks[id]!;
  const gone = new Set(shortcuts.map(({ edge }) => edge));
  /** What each phi is on each shortcut: the new block on the way defines it. */
  const landings = shortcuts.map(({ edge, to }) => {
    const landing = blocks.length;
    const from = block.predecessors[edge]!;
    const before = block.predecessors.slice(0, edge).filter((one, at) => one === from && !gone.has(at)).length;
    blocks.push({ predecessors: [from], phis: [], instructions: [], terminator: { kind: "jump", to } });
    blocks[from] = { ...blocks[from]!, terminator: redirect(blocks[from]!.terminator, id, landing, before) };
    const brought = new Map(block.phis.map((phi) => [phi.id, phi.arguments[edge]!]));
    enter(blocks, to, id, landing);
    return { landing, brought };
  });
  const kept = block.predecessors.map((_, at) => at).filter((at) => !gone.has(at));
  blocks[id] = {
    ...blocks[id]!,
    predecessors: kept.map((at) => block.predecessors[at]!),
    phis: block.phis.map((phi) => ({ ...phi, arguments: kept.map((at) => phi.arguments[at]!) })),
  };
  const repaired = new Repair({ ...ir, blocks }, id, block.phis, landings).run();
  return withoutUnreachable(repaired);
}

/** Others may read the block's constants, and it may no longer dominate them: the entry does. */
function withConstantsAtStart(given: readonly Block[], id: BlockId): Block[] {
  const blocks: Block[] = [...given];
  const { instructions } = blocks[id]!;
  const [constants, rest] = [true, false].map((wanted) =>
    instructions.filter(({ operation }) => (operation.kind === "constant") === wanted),
  ) as [IrInstruction[], IrInstruction[]];
  blocks[id] = { ...blocks[id]!, instructions: rest };
  blocks[0] = { ...blocks[0]!, instructions: [...constants, ...blocks[0]!.instructions] };
  return blocks;
}

/** Turns one edge to `from` into one to `to`. Of two edges to it, `skipped` says how many stay. */
function redirect(terminator: Terminator, from: BlockId, to: BlockId, skipped: number): Terminator {
  if (terminator.kind === "jump") return { ...terminator, to };
  if (terminator.kind !== "branch") return terminator;
  if (terminator.whenTrue === from && skipped === 0) return { ...terminator, whenTrue: to };
  return { ...terminator, whenFalse: to };
}

/** A new way into a block beside the one from `old`, with the same values: the repair says what they are on the shortcut. */
function enter(blocks: Block[], to: BlockId, old: BlockId, landing: BlockId): void {
  const target = blocks[to]!;
  const at = target.predecessors.indexOf(old);
  blocks[to] = {
    ...target,
    predecessors: [...target.predecessors, landing],
    phis: target.phis.map((phi) => ({ ...phi, arguments: [...phi.arguments, phi.arguments[at]!] })),
  };
}

/** Uses of the block's phis that it no longer dominates get phis of their own. */
class Repair {
  readonly #ir: IrFunction;
  readonly #home: BlockId;
  readonly #phis: readonly Phi[];
  readonly #landings: readonly { readonly landing: BlockId; readonly brought: ReadonlyMap<ValueId, ValueId> }[];
  readonly #added = new Map<BlockId, { id: ValueId; type: ValueType; arguments: ValueId[] }[]>();
  readonly #starts = new Map<string, ValueId>();
  readonly #same = new Map<ValueId, ValueId>();
  readonly #naturals: Set<ValueId>;
  #values: number;
  #zero: IrInstruction | undefined;

  constructor(
    ir: IrFunction,
    home: BlockId,
    phis: readonly Phi[],
    landings: readonly { readonly landing: BlockId; readonly brought: ReadonlyMap<ValueId, ValueId> }[],
  ) {
    this.#ir = ir;
    this.#home = home;
    this.#phis = phis;
    this.#landings = landings;
    this.#values = ir.values;
    this.#naturals = new Set(ir.naturals);
  }

  run(): IrFunction {
    const variables = new Map(this.#phis.map((phi) => [phi.id, phi]));
    const blocks = this.#ir.blocks.map((block, id): Block => {
      const here = (value: ValueId): ValueId => {
        const phi = variables.get(value);
        return phi && id !== this.#home ? this.#atStart(phi, id) : value;
      };
      const phis = block.phis.map((phi) => ({
        ...phi,
        arguments: phi.arguments.map((value, at) => {
          const variable = variables.get(value);
          return variable ? this.#atEnd(variable, block.predecessors[at]!) : value;
        }),
      }));
      return {
        ...block,
        phis,
        instructions: block.instructions.map((one) => ({ ...one, operation: mapOperands(one.operation, here) })),
        terminator: mapTerminator(block.terminator, here),
      };
    });
    const complete = blocks.map((block, id): Block => {
      const more = this.#added.get(id)?.filter((phi) => !this.#same.has(phi.id)) ?? [];
      const instructions = id === 0 && this.#zero ? [this.#zero, ...block.instructions] : block.instructions;
      return { ...block, instructions, phis: [...block.phis, ...more] };
    });
    const ir = { ...this.#ir, blocks: complete, values: this.#values, naturals: this.#naturals };
    return replaceValues(ir, this.#same);
  }

  #atEnd(phi: Phi, block: BlockId): ValueId {
    if (block === this.#home) return phi.id;
    const shortcut = this.#landings.find(({ landing }) => landing === block);
    if (!shortcut) return this.#atStart(phi, block);
    // What a way back brings may be a phi of the block itself: that of the round before.
    const brought = shortcut.brought.get(phi.id)!;
    const earlier = this.#phis.find(({ id }) => id === brought);
    return earlier ? this.#atStart(earlier, block) : brought;
  }

  #atStart(phi: Phi, block: BlockId): ValueId {
    const key = `${phi.id} ${block}`;
    const known = this.#starts.get(key);
    if (known !== undefined) return this.#resolve(known);
    const { predecessors } = this.#ir.blocks[block]!;
    if (predecessors.length === 0) return this.#nothing();
    if (predecessors.length === 1) {
      const value = this.#atEnd(phi, predecessors[0]!);
      this.#starts.set(key, value);
      return value;
    }
    const made = { id: this.#values++, type: phi.type, arguments: [] as ValueId[] };
    this.#starts.set(key, made.id);
    if (this.#naturals.has(phi.id)) this.#naturals.add(made.id);
    this.#added.set(block, [...(this.#added.get(block) ?? []), made]);
    made.arguments = predecessors.map((one) => this.#atEnd(phi, one));
    const others = new Set(made.arguments.map((value) => this.#resolve(value)).filter((value) => value !== made.id));
    if (others.size === 1) this.#same.set(made.id, [...others][0]!);
    return this.#resolve(made.id);
  }

  #resolve(value: ValueId): ValueId {
    let current = value;
    for (let next = this.#same.get(current); next !== undefined; next = this.#same.get(current)) current = next;
    return current;
  }

  /** A path on which the phi was never made, and so is never read. */
  #nothing(): ValueId {
    this.#zero ??= { id: this.#values++, type: "scalar", operation: { kind: "constant", value: 0n } };
    return this.#zero.id;
  }
}
