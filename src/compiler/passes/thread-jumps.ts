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
  mapInstruction,
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

/** The shortcuts through one block. */
interface Plan {
  readonly id: BlockId;
  readonly shortcuts: readonly Shortcut[];
}

/** All that can be done at once: through blocks that share neither predecessors nor targets. */
function threadOnce(ir: IrFunction): IrFunction | undefined {
  const definitions = definitionsOf(ir);
  const shared = readElsewhere(ir);
  const touched = new Set<BlockId>();
  const plans: Plan[] = [];
  for (let id = 1; id < ir.blocks.length; id++) {
    const shortcuts = shortcutsOf(ir, id, definitions, shared);
    const near = [id, ...shortcuts.flatMap(({ edge, to }) => [ir.blocks[id]!.predecessors[edge]!, to])];
    if (shortcuts.length === 0 || near.some((one) => touched.has(one))) continue;
    for (const one of near) touched.add(one);
    plans.push({ id, shortcuts });
  }
  return plans.length === 0 ? undefined : apply(ir, plans);
}

/** Values that are read outside the block that computes them, or by a phi. */
function readElsewhere(ir: IrFunction): ReadonlySet<ValueId> {
  const home = new Map<ValueId, BlockId>();
  ir.blocks.forEach(({ instructions }, id) => {
    for (const one of instructions) home.set(one.id, id);
  });
  const shared = new Set<ValueId>();
  ir.blocks.forEach(({ phis, instructions, terminator }, id) => {
    const read = (value: ValueId): void => {
      if (home.get(value) !== id) shared.add(value);
    };
    for (const { operation } of instructions) for (const value of operands(operation)) read(value);
    for (const value of terminatorOperands(terminator)) read(value);
    for (const phi of phis) for (const value of phi.arguments) shared.add(value);
  });
  return shared;
}

function shortcutsOf(
  ir: IrFunction,
  id: BlockId,
  definitions: ReadonlyMap<ValueId, Operation>,
  shared: ReadonlySet<ValueId>,
): Shortcut[] {
  const { phis, instructions, terminator, predecessors } = ir.blocks[id]!;
  if (terminator.kind === "jump") return onward(ir, id, terminator.to);
  if (terminator.kind !== "branch" || phis.length === 0 || terminator.whenTrue === terminator.whenFalse) return [];
  if (terminator.whenTrue === id || terminator.whenFalse === id || instructions.length > 8) return [];
  if (!instructions.every(({ operation }) => DECIDING.has(operation.kind))) return [];
  // Nobody else may read what the block computes; constants are made where they are used.
  if (instructions.some((one) => one.operation.kind !== "constant" && shared.has(one.id))) return [];
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

function apply(ir: IrFunction, plans: readonly Plan[]): IrFunction {
  const blocks = constantsFirst(ir.blocks, new Set(plans.map(({ id }) => id)));
  const variables = new Map<ValueId, Variable>();
  for (const { id, shortcuts } of plans) {
    const block = blocks[id]!;
    const gone = new Set(shortcuts.map(({ edge }) => edge));
    /** What each phi is on each shortcut: the new block on the way defines it. */
    const landings = new Map<BlockId, number>();
    for (const { edge, to } of shortcuts) {
      const landing = blocks.length;
      const from = block.predecessors[edge]!;
      const before = block.predecessors.slice(0, edge).filter((one, at) => one === from && !gone.has(at)).length;
      blocks.push({ predecessors: [from], phis: [], instructions: [], terminator: { kind: "jump", to } });
      blocks[from] = { ...blocks[from]!, terminator: redirect(blocks[from]!.terminator, id, landing, before) };
      enter(blocks, to, id, landing);
      landings.set(landing, edge);
    }
    const kept = block.predecessors.map((_, at) => at).filter((at) => !gone.has(at));
    blocks[id] = {
      ...blocks[id]!,
      predecessors: kept.map((at) => block.predecessors[at]!),
      phis: block.phis.map((phi) => ({ ...phi, arguments: kept.map((at) => phi.arguments[at]!) })),
    };
    for (const phi of block.phis) {
      const brought = new Map(Array.from(landings, ([landing, edge]) => [landing, phi.arguments[edge]!] as const));
      variables.set(phi.id, { phi, home: id, brought });
    }
  }
  return withoutUnreachable(new Repair({ ...ir, blocks }, variables).run());
}

/** Whoever reads a constant of such a block may soon be reached without it: it moves to the entry. */
function constantsFirst(blocks: readonly Block[], threaded: ReadonlySet<BlockId>): Block[] {
  const isConstant = ({ operation }: IrInstruction): boolean => operation.kind === "constant";
  const constants = Array.from(threaded, (id) => blocks[id]!.instructions.filter(isConstant)).flat();
  if (constants.length === 0) return [...blocks];
  return blocks.map((block, at) => {
    if (at === 0) return { ...block, instructions: [...block.instructions, ...constants] };
    return threaded.has(at) ? { ...block, instructions: block.instructions.filter((one) => !isConstant(one)) } : block;
  });
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

/** A phi of a threaded block. */
interface Variable {
  readonly phi: Phi;
  readonly home: BlockId;
  /** What it is on the shortcuts, by their blocks. */
  readonly brought: ReadonlyMap<BlockId, ValueId>;
}

/** Ways that are followed back before they may be a circle. */
const FAR = 200;

/** Uses of phis that their block no longer dominates get phis of their own. */
class Repair {
  readonly #ir: IrFunction;
  readonly #variables: ReadonlyMap<ValueId, Variable>;
  readonly #added = new Map<BlockId, { id: ValueId; type: ValueType; arguments: ValueId[] }[]>();
  readonly #starts = new Map<ValueId, Map<BlockId, ValueId>>();
  readonly #same = new Map<ValueId, ValueId>();
  readonly #naturals: Set<ValueId>;
  #values: number;
  #depth = 0;
  #zero: IrInstruction | undefined;

  constructor(ir: IrFunction, variables: ReadonlyMap<ValueId, Variable>) {
    this.#ir = ir;
    this.#variables = variables;
    this.#values = ir.values;
    this.#naturals = new Set(ir.naturals);
  }

  run(): IrFunction {
    const blocks = this.#ir.blocks.map((block, id) => this.#block(block, id));
    const complete = blocks.map((block, id): Block => {
      const more = this.#added.get(id)?.filter((phi) => !this.#same.has(phi.id)) ?? [];
      const instructions = id === 0 && this.#zero ? [this.#zero, ...block.instructions] : block.instructions;
      return more.length === 0 && instructions === block.instructions
        ? block
        : { ...block, instructions, phis: [...block.phis, ...more] };
    });
    const ir = { ...this.#ir, blocks: complete, values: this.#values, naturals: this.#naturals };
    return replaceValues(ir, this.#same);
  }

  #block(block: Block, id: BlockId): Block {
    const here = (value: ValueId): ValueId => {
      const variable = this.#variables.get(value);
      return variable && id !== variable.home ? this.#atStart(variable, id) : value;
    };
    const phis = block.phis.map((phi): Phi => {
      if (!phi.arguments.some((value) => this.#variables.has(value))) return phi;
      const values = phi.arguments.map((value, at) => {
        const variable = this.#variables.get(value);
        return variable ? this.#atEnd(variable, block.predecessors[at]!) : value;
      });
      return { ...phi, arguments: values };
    });
    const instructions = block.instructions.map((one) => mapInstruction(one, here));
    return { ...block, phis, instructions, terminator: mapTerminator(block.terminator, here) };
  }

  #atEnd(variable: Variable, block: BlockId): ValueId {
    if (block === variable.home) return variable.phi.id;
    const brought = variable.brought.get(block);
    if (brought === undefined) return this.#atStart(variable, block);
    // What a way back brings may be a phi of the block itself (that of the round before), or of another threaded one.
    const earlier = this.#variables.get(brought);
    return earlier ? this.#atStart(earlier, block) : brought;
  }

  #atStart(variable: Variable, block: BlockId): ValueId {
    const { id, type } = variable.phi;
    let starts = this.#starts.get(id);
    if (!starts) this.#starts.set(id, (starts = new Map()));
    const known = starts.get(block);
    if (known !== undefined) return this.#resolve(known);
    const { predecessors } = this.#ir.blocks[block]!;
    if (predecessors.length === 0) return this.#nothing();
    if (predecessors.length === 1) {
      if (this.#depth > FAR && this.#isCircle(block)) return this.#nothing();
      this.#depth++;
      const value = this.#atEnd(variable, predecessors[0]!);
      this.#depth--;
      starts.set(block, value);
      return value;
    }
    const made = { id: this.#values++, type, arguments: [] as ValueId[] };
    starts.set(block, made.id);
    if (this.#naturals.has(id)) this.#naturals.add(made.id);
    this.#added.set(block, [...(this.#added.get(block) ?? []), made]);
    made.arguments = predecessors.map((one) => this.#atEnd(variable, one));
    const others = new Set(made.arguments.map((value) => this.#resolve(value)).filter((value) => value !== made.id));
    if (others.size === 1) this.#same.set(made.id, [...others][0]!);
    return this.#resolve(made.id);
  }

  /** Blocks that lead to one another by their only ways: threading has cut them off. */
  #isCircle(block: BlockId): boolean {
    const seen = new Set<BlockId>();
    for (let at = block; !seen.has(at); ) {
      seen.add(at);
      const { predecessors } = this.#ir.blocks[at]!;
      if (predecessors.length !== 1) return false;
      at = predecessors[0]!;
    }
    return true;
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
