/**
 * Builds SSA block by block. Local variables become values on the fly: a block that is not yet sealed gets phis without
 * arguments, which are completed, or found to be trivial, when all its predecessors are known (Braun et al., "Simple and
 * Efficient Construction of Static Single Assignment Form", CC 2013).
 *
 * Invariant: a block is filled once, sealed once, and sealed only when no further edge to it will come.
 */
import { invariant, type SourceLocation } from "../../base/index.ts";
import type {
  Block,
  BlockId,
  IrFunction,
  IrInstruction,
  Operation,
  StackSlot,
  Terminator,
  ValueId,
  ValueType,
} from "./ir.ts";
import { mapInstruction, mapTerminator, successors } from "./ir.ts";

interface OpenPhi {
  readonly id: ValueId;
  readonly type: ValueType;
  readonly variable: number;
  arguments: ValueId[];
}

/** The variable of phis that are filled by `give`. */
const EXPLICIT = -1;

export interface BuilderMark {
  readonly blocks: number;
  readonly slots: number;
  readonly types: number;
  readonly current: BlockId;
  readonly instructions: number;
}

/** How long the ends of some blocks were. */
export interface EndsMark {
  readonly slots: number;
  readonly types: number;
  readonly ends: readonly { readonly block: BlockId; readonly instructions: number; readonly phis: number }[];
}

interface OpenBlock {
  readonly predecessors: BlockId[];
  readonly phis: OpenPhi[];
  readonly instructions: IrInstruction[];
  readonly definitions: Map<number, ValueId>;
  terminator: Terminator | undefined;
  sealed: boolean;
}

/** Writes IR block by block; variables become values and phis by themselves (Braun and others, 2013). */
export class IrBuilder {
  readonly #name: string;
  readonly #blocks: OpenBlock[] = [];
  readonly #slots: StackSlot[] = [];
  readonly #types: ValueType[] = [];
  readonly #instructions = new Map<ValueId, IrInstruction>();
  readonly #variableTypes: ValueType[] = [];
  /** Values that stand for others: trivial phis. */
  readonly #replaced = new Map<ValueId, ValueId>();
  #current: BlockId = 0;
  /** Place of what is emitted next. */
  source: SourceLocation | undefined;

  constructor(name: string) {
    this.#name = name;
    this.seal(this.block());
  }

  /** A new block, not yet sealed. */
  block(): BlockId {
    const block: OpenBlock = {
      predecessors: [],
      phis: [],
      instructions: [],
      definitions: new Map(),
      terminator: undefined,
      sealed: false,
    };
    return this.#blocks.push(block) - 1;
  }

  /** Goes on in a block. */
  enter(block: BlockId): void {
    this.#current = block;
  }

  /** The block that is written. */
  get current(): BlockId {
    return this.#current;
  }

  /** True when the current block has ended: what follows is unreachable. */
  get ended(): boolean {
    return this.#open(this.#current).terminator !== undefined;
  }

  /** A new stack slot, `size` bytes; returns its number. */
  slot(size: number, align: StackSlot["align"]): number {
    return this.#slots.push({ size, align }) - 1;
  }

  /** A local variable that may be assigned in several blocks. */
  variable(type: ValueType): number {
    return this.#variableTypes.push(type) - 1;
  }

  /** The variable has this value from here on. */
  assign(variable: number, value: ValueId): void {
    this.#open(this.#current).definitions.set(variable, value);
  }

  /** The variable's value here, a phi where several meet. */
  read(variable: number): ValueId {
    return this.#read(variable, this.#current);
  }

  /** Adds an instruction to the current block; returns its value. */
  emit(operation: Operation, type: ValueType = "scalar"): ValueId {
    const block = this.#open(this.#current);
    invariant(block.terminator === undefined, "an instruction behind the end of a block");
    const id = this.#types.push(type) - 1;
    const instruction = { id, type, operation, ...(this.source ? { source: this.source } : {}) };
    block.instructions.push(instruction);
    this.#instructions.set(id, instruction);
    return id;
  }

  /** A number of 64 bits, signed or unsigned. */
  constant(value: bigint | number): ValueId {
    return this.emit({ kind: "constant", value: BigInt.asIntN(64, BigInt(value)) });
  }

  /** Ends the current block. */
  end(terminator: Terminator): void {
    const block = this.#open(this.#current);
    invariant(block.terminator === undefined, "a block ends twice");
    block.terminator = this.source ? { ...terminator, source: this.source } : terminator;
    for (const to of successors(terminator)) {
      invariant(!this.#open(to).sealed, "an edge to a sealed block");
      this.#open(to).predecessors.push(this.#current);
    }
  }

  /** Says that all edges to a block are there. */
  seal(id: BlockId): void {
    const block = this.#open(id);
    invariant(!block.sealed, "a block is sealed twice");
    block.sealed = true;
    for (const phi of [...block.phis]) if (phi.variable !== EXPLICIT) this.#complete(phi, id);
  }

  /**
   * A phi of an unsealed or sealed block that is filled by `give`: for callers that keep track of variables themselves.
   * Its arguments are given by predecessor, so their order is that of the edges.
   */
  phi(block: BlockId, type: ValueType): ValueId {
    const id = this.#types.push(type) - 1;
    this.#open(block).phis.push({ id, type, variable: EXPLICIT, arguments: [] });
    return id;
  }

  /** Gives a phi of `phi` its arguments, once all edges to the block are there. */
  give(block: BlockId, id: ValueId, byPredecessor: ReadonlyMap<BlockId, ValueId>): void {
    const open = this.#open(block);
    const phi = open.phis.find((one) => one.id === id);
    invariant(phi && open.sealed, "a phi is given arguments before its block is sealed");
    phi.arguments = open.predecessors.map((from) => byPredecessor.get(from)!);
  }

  /** Type of a value. */
  typeOf(value: ValueId): ValueType {
    return this.#types[value]!;
  }

  /** The instruction that defines a value; undefined for phis. */
  definition(value: ValueId): IrInstruction | undefined {
    return this.#instructions.get(value);
  }

  /** A point to go back to: what was built since then is forgotten. Only the current block may have been open then. */
  mark(): BuilderMark {
    const { instructions, terminator } = this.#open(this.#current);
    invariant(terminator === undefined, "a mark behind the end of a block");
    return {
      blocks: this.#blocks.length,
      slots: this.#slots.length,
      types: this.#types.length,
      current: this.#current,
      instructions: instructions.length,
    };
  }

  /** How many instructions were built since then, in blocks of their own; what is made where it is used is none. */
  since(mark: BuilderMark): number {
    const isMade = ({ operation: { kind } }: IrInstruction): boolean => kind !== "constant" && kind !== "stack";
    return this.#blocks
      .slice(mark.blocks)
      .reduce((sum, { instructions }) => sum + instructions.filter(isMade).length + 1, 0);
  }

  /** Takes back all since a mark. */
  rewind(mark: BuilderMark): void {
    this.#blocks.length = mark.blocks;
    this.#forget(mark.types, mark.slots);
    this.#current = mark.current;
    const block = this.#open(mark.current);
    block.instructions.length = mark.instructions;
    block.terminator = undefined;
    for (const one of this.#blocks) {
      for (let at = one.predecessors.length - 1; at >= 0; at--) {
        const from = one.predecessors[at]!;
        if (from >= mark.blocks || (from === mark.current && one !== block)) one.predecessors.splice(at, 1);
      }
    }
  }

  /** A point to go back to while code is added to the ends of these open blocks, and phis to them. */
  markEnds(blocks: readonly BlockId[]): EndsMark {
    const ends = blocks.map((block) => {
      const { instructions, phis } = this.#open(block);
      return { block, instructions: instructions.length, phis: phis.length };
    });
    return { slots: this.#slots.length, types: this.#types.length, ends };
  }

  /** Takes back what was added to blocks that were open at a mark. */
  rewindEnds({ slots, types, ends }: EndsMark): void {
    for (const { block, instructions, phis } of ends) {
      const open = this.#open(block);
      open.instructions.length = instructions;
      open.phis.length = phis;
    }
    this.#forget(types, slots);
  }

  #forget(types: number, slots: number): void {
    for (let id = types; id < this.#types.length; id++) {
      this.#instructions.delete(id);
      this.#replaced.delete(id);
    }
    this.#types.length = types;
    this.#slots.length = slots;
  }

  /** The function; each block must have ended. */
  finish(): IrFunction {
    const resolve = (value: ValueId): ValueId => this.#resolve(value);
    const blocks = this.#blocks.map((block, id): Block => {
      invariant(block.sealed && block.terminator, `block ${id} is not finished`);
      return {
        predecessors: block.predecessors,
        phis: block.phis
          .filter((phi) => !this.#replaced.has(phi.id))
          .map((phi) => ({ id: phi.id, type: phi.type, arguments: phi.arguments.map(resolve) })),
        instructions: block.instructions.map((one) => mapInstruction(one, resolve)),
        terminator: mapTerminator(block.terminator, resolve),
      };
    });
    return { name: this.#name, blocks, slots: this.#slots, values: this.#types.length };
  }

  #open(id: BlockId): OpenBlock {
    return this.#blocks[id]!;
  }

  #resolve(value: ValueId): ValueId {
    const other = this.#replaced.get(value);
    if (other === undefined) return value;
    const final = this.#resolve(other);
    this.#replaced.set(value, final);
    return final;
  }

  #read(variable: number, id: BlockId): ValueId {
    const block = this.#open(id);
    const known = block.definitions.get(variable);
    if (known !== undefined) return this.#resolve(known);
    if (block.sealed && block.predecessors.length === 1) {
      const value = this.#read(variable, block.predecessors[0]!);
      block.definitions.set(variable, value);
      return value;
    }
    invariant(!block.sealed || block.predecessors.length > 0, "a variable is read before it is assigned");
    const type = this.#variableTypes[variable]!;
    const phi: OpenPhi = { id: this.#types.push(type) - 1, type, variable, arguments: [] };
    block.phis.push(phi);
    block.definitions.set(variable, phi.id);
    return block.sealed ? this.#complete(phi, id) : phi.id;
  }

  #complete(phi: OpenPhi, id: BlockId): ValueId {
    phi.arguments = this.#open(id).predecessors.map((predecessor) => this.#read(phi.variable, predecessor));
    return this.#simplify(phi);
  }

  /** A phi of itself and one other value is that value; phis that used it may become trivial in turn. */
  #simplify(phi: OpenPhi): ValueId {
    const others = new Set(phi.arguments.map((value) => this.#resolve(value)).filter((value) => value !== phi.id));
    if (others.size !== 1) return phi.id;
    const [only] = others as Set<ValueId>;
    this.#replaced.set(phi.id, only!);
    for (const block of this.#blocks) {
      for (const user of block.phis) {
        const uses = user !== phi && !this.#replaced.has(user.id) && user.arguments.includes(phi.id);
        if (uses && user.arguments.length === block.predecessors.length && block.sealed) this.#simplify(user);
      }
    }
    return this.#resolve(only!);
  }
}
