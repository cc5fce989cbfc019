/**
 * The state of lowering one function: the builder, the path that is being followed, and how paths part and meet.
 *
 * A path is a `State`. Testing a condition gives two, one for each answer; `join` makes one of several, with phis for
 * what differs. Invariant: `state` is the only path whose block is being filled; it is undefined behind a jump.
 */

import type { ErrorCode, ErrorParameters } from "../../base/index.ts";
import { invariant, type SourceLocation, type XdpkitError, xdpkitError } from "../../base/index.ts";
import type { StagedModule } from "../../lang/index.ts";
import { IrBuilder } from "../ir/builder.ts";
import { withoutUnreachable } from "../ir/cfg.ts";
import type {
  AluCode,
  BlockId,
  ConditionCode,
  IrFunction,
  Operation,
  StackSlot,
  ValueId,
  ValueType,
} from "../ir/ir.ts";
import { sourceLocation } from "../stage/parse.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { type KernelFunction, moduleOf, type Scope } from "./scope.ts";
import { copyState, NOWHERE, type State } from "./state.ts";
import type { Unit } from "./unit.ts";
import { folded, MAX_SAFE, type Range, staged, UNDEFINED, type Value } from "./value.ts";

/** A path and what the expression gave on it. */
export interface Outcome {
  readonly state: State;
  readonly value: Value;
  /** The statement or body that returned it. */
  readonly from?: SyntaxNode;
}

/** Both answers of a condition; undefined where it is never given. */
export interface Split {
  readonly yes: State | undefined;
  readonly no: State | undefined;
}

/** An inlined call, or the program itself. */
export interface Frame {
  readonly fn: KernelFunction;
  /** The innermost block's. */
  scope: Scope;
  readonly returns: Outcome[];
  /** Loops and switches that are open, innermost last. */
  readonly targets: JumpTarget[];
  /** The function stands inside another. */
  readonly isClosure?: boolean;
}

export interface JumpTarget {
  readonly label: string | undefined;
  /** `continue` goes here; undefined for a switch. */
  readonly continues: State[] | undefined;
  readonly breaks: State[];
}

/** What the parts of the lowering call of each other. */
export interface Language {
  evaluate(front: Front, node: SyntaxNode): Value;
  split(front: Front, node: SyntaxNode): Outcome[];
  condition(front: Front, node: SyntaxNode): Split;
  /** `ended` gets the paths on which an optional chain before the call was null. */
  callExpression(front: Front, node: SyntaxNode, ended: Outcome[]): Outcome[];
  newExpression(front: Front, node: SyntaxNode): Value;
  call(
    front: Front,
    fn: KernelFunction,
    values: readonly Value[],
    self: Value | undefined,
    node: SyntaxNode,
  ): Outcome[];
  truth(front: Front, value: Value, node: SyntaxNode): Split;
  callValue(front: Front, callee: Value, values: readonly Value[], node: SyntaxNode): Outcome[];
  merge(front: Front, states: readonly State[], values: readonly (readonly Value[])[]): Value[];
}

/** The verifier computes bounds of all operations but these. */
export const isFollowed = (code: string): boolean => code !== "mod" && code !== "div";

export class Front {
  readonly unit: Unit;
  readonly language: Language;
  /** Of the function. */
  readonly name: string;
  readonly builder: IrBuilder;
  readonly frames: Frame[] = [];
  #state: State | undefined;
  #variables = 0;
  #objects = 0;
  #stamps = 0;
  #generations = 0;
  /** Stack slots that are shared by what never lives at once: by size. */
  readonly scratch = new Map<string, number>();
  /** Argument 0 of a program: `struct xdp_md`. */
  context: ValueId = NOWHERE;
  readonly objectSlots = new Map<number, number>();
  readonly objectLeads = new Map<number, number>();
  readonly objectSizes = new Map<number, number>();
  /** Counters that are never negative: see IrFunction. */
  readonly naturals = new Set<ValueId>();
  /** Bits of which one is 1 where the other is 0: what one of two records has, and what the other has. */
  readonly opposites = new Map<ValueId, ValueId>();
  readonly #bits = new Map<ValueId, number>();
  readonly #seen = new Map<ValueId, boolean>();
  /** Ends of the program that several paths share, by what they count and return. */
  exits = new Map<string, BlockId>();
  /** The call whose result is not looked at. */
  unused: SyntaxNode | undefined;
  /** Set in subprograms and callbacks, where `exit` cannot end the program. */
  readonly isProgram: boolean;

  /** Variables below are of the function around a callback. */
  readonly outside: number;
  /** Those of them that the callback gets. */
  readonly handed = new Set<number>();
  /** Those of them that it asks for. */
  readonly wanted = new Set<number>();
  /** Those of them that it sets, and where. */
  readonly assigned = new Map<number, SyntaxNode>();
  /** Where a callback may end the program: the paths that do, and their answers. */
  ends: { readonly state: State; readonly action: ValueId; readonly node: SyntaxNode }[] | undefined;
  /** How often the function is called at most, for each time that its program runs. */
  rounds = 1;
  /** Instructions that the verifier walks in loops. */
  walked = 0;

  /** Whether hardware hints may be asked for. */
  readonly isDeviceBound: boolean;

  constructor(unit: Unit, language: Language, name: string, isProgram: boolean, isDeviceBound: boolean, outside = 0) {
    this.outside = outside;
    this.#variables = outside;
    this.isDeviceBound = isDeviceBound;
    this.unit = unit;
    this.name = name;
    this.language = language;
    this.builder = new IrBuilder(name);
    this.isProgram = isProgram;
  }

  start(): void {
    this.#state = {
      block: 0,
      variables: new Map(),
      objects: new Map(),
      facts: new Map(),
      loads: new Map(),
      slots: new Map(),
      checked: new Map(),
      overwrites: [],
      packet: { generation: 0, data: NOWHERE, end: NOWHERE, killer: undefined, killerLine: 0 },
      records: new Map(),
      released: new Map(),
      lockedSince: undefined,
    };
  }

  /** The path that is being followed. */
  get state(): State {
    invariant(this.#state, "code is lowered that is never reached");
    return this.#state;
  }
  get isReachable(): boolean {
    return this.#state !== undefined;
  }

  /** The IR of the whole function. */
  finish(): IrFunction {
    return { ...withoutUnreachable(this.builder.finish()), naturals: this.naturals };
  }

  /** Follows another path, or none. */
  follow(state: State | undefined): void {
    this.#state = state;
    if (state) this.builder.enter(state.block);
  }

  /** Takes the path away from here, for later. */
  leave(): State {
    const { state } = this;
    this.#state = undefined;
    return state;
  }

  newVariable(): number {
    return this.#variables++;
  }
  get variableMark(): number {
    return this.#variables;
  }
  newObject(size: number): number {
    this.objectSizes.set(this.#objects, size);
    return this.#objects++;
  }
  newStamp(): number {
    return this.#stamps++;
  }
  newGeneration(): number {
    return ++this.#generations;
  }

  get frame(): Frame {
    return this.frames.at(-1)!;
  }

  /** Asks for a variable; true when it is of the function around a callback, which keeps it to itself. */
  isBeyond(variable: number): boolean {
    if (variable >= this.outside) return false;
    this.wanted.add(variable);
    return !this.handed.has(variable);
  }

  /** Sets a variable that there is. */
  assign(variable: number, value: Value, node: SyntaxNode): void {
    if (variable < this.outside) this.assigned.set(variable, node);
    this.state.variables.set(variable, value);
  }

  // Places in the source.

  locationOf(node: SyntaxNode): SourceLocation {
    const module = this.#moduleOf(node);
    return sourceLocation(module.source, module.file, node.start);
  }

  /** Nodes may come from the caller's module: what was written there is handed over. */
  #moduleOf(node: SyntaxNode): StagedModule {
    return moduleOf(node) ?? this.frame.fn.module;
  }

  lineOf(node: SyntaxNode): number {
    return this.locationOf(node).line;
  }

  /** Instructions from here on come from this node. */
  at(node: SyntaxNode): void {
    this.builder.source = this.unit.locate(this.#moduleOf(node), node.start);
  }

  fail<C extends ErrorCode>(code: C, parameters: ErrorParameters<C>, node: SyntaxNode, hint?: string): never {
    throw this.failure(code, parameters, node, hint);
  }

  failure<C extends ErrorCode>(code: C, parameters: ErrorParameters<C>, node: SyntaxNode, hint?: string): XdpkitError {
    return xdpkitError(code, parameters, { at: this.locationOf(node), hint });
  }

  unsupported(construct: string, instead: string, node: SyntaxNode): never {
    return this.fail("COMPILER_UNSUPPORTED", { construct, instead }, node);
  }

  /** The text of a node, for messages. */
  textOf(node: SyntaxNode): string {
    const text = this.#moduleOf(node).source.slice(node.start, node.end).replace(/\s+/g, " ");
    return text.length > 40 ? `${text.slice(0, 39)}…` : text;
  }

  // Instructions.

  emit(operation: Operation, type: ValueType = "scalar"): ValueId {
    return this.builder.emit(operation, type);
  }
  constant(value: bigint | number): ValueId {
    return this.builder.constant(value);
  }
  alu(code: AluCode, a: ValueId, b: ValueId, width: 32 | 64 = 64): ValueId {
    return this.emit({ kind: "alu", code, width, a, b });
  }
  aluConstant(code: AluCode, a: ValueId, by: bigint | number, width: 32 | 64 = 64): ValueId {
    return this.alu(code, a, this.constant(by), width);
  }
  /** A pointer plus constant bytes. */
  advance(base: ValueId, bytes: number): ValueId {
    return bytes === 0 ? base : this.emit({ kind: "offset", base, by: this.constant(bytes) }, "pointer");
  }
  slot(size: number, align: StackSlot["align"] = 8): number {
    return this.builder.slot(size, align);
  }
  stackAddress(slot: number): ValueId {
    return this.emit({ kind: "stack", slot }, "pointer");
  }
  /** Where indices of counters are put: each lives from its store to the call behind it. */
  indexSlot(): number {
    let slot = this.scratch.get("index");
    if (slot === undefined) this.scratch.set("index", (slot = this.slot(4, 4)));
    return slot;
  }
  call(helper: number, values: readonly ValueId[], type: ValueType = "scalar"): ValueId {
    return this.emit({ kind: "call", helper, arguments: values }, type);
  }

  // Paths.

  /** Parts the path by a comparison. */
  branch(code: ConditionCode, a: ValueId, b: ValueId, width: 32 | 64 = 64): { yes: State; no: State } {
    const { state, builder } = this;
    const [whenTrue, whenFalse] = [builder.block(), builder.block()];
    builder.end({ kind: "branch", code, width, a, b, whenTrue, whenFalse });
    builder.seal(whenTrue);
    builder.seal(whenFalse);
    this.#state = undefined;
    const no = copyState(state);
    no.block = whenFalse;
    state.block = whenTrue;
    return { yes: state, no };
  }

  /** One path of several, with one value. Without any the code behind is unreachable. */
  join(outcomes: readonly Outcome[]): Value {
    if (outcomes.length === 0) {
      this.#state = undefined;
      return UNDEFINED;
    }
    const [first] = outcomes as readonly [Outcome];
    if (outcomes.length === 1) {
      this.follow(first.state);
      return first.value;
    }
    const states = outcomes.map(({ state }) => state);
    const [value] = this.language.merge(this, states, [outcomes.map((one) => one.value)]);
    return value!;
  }

  joinStates(states: readonly (State | undefined)[]): State | undefined {
    const reachable = states.filter((state) => state !== undefined);
    this.join(reachable.map((state) => ({ state, value: UNDEFINED })));
    return this.#state;
  }

  /** Ends the program, or the function, on this path. */
  exitWith(value: ValueId): void {
    this.builder.end({ kind: "exit", value });
    this.#state = undefined;
  }

  // Facts.

  /** What is known of a number here. */
  rangeOf(value: Extract<Value, { kind: "number" }>): Range {
    const fact = this.#state?.facts.get(value.id);
    if (!fact) return value.range;
    return { min: Math.max(fact.min, value.range.min), max: Math.min(fact.max, value.range.max) };
  }

  /** The value in its simplest form: what is known to be there is not nullable, what can be but one number is constant. */
  settle(value: Value): Value {
    const facts = this.#state?.facts;
    if (!facts) return value;
    if (value.kind === "nullable") {
      const known = facts.get(value.present);
      if (known?.max === 0 && value.nothing !== "either") return staged(value.nothing);
      return known && known.min > 0 ? this.settle(value.value) : value;
    }
    if (value.kind === "number") {
      const { min, max } = this.rangeOf(value);
      return min === max ? folded(min) : value;
    }
    if (value.kind === "boolean") {
      const known = facts.get(value.id);
      if (known?.max === 0) return staged(false);
      return known && known.min > 0 ? staged(true) : value;
    }
    return value;
  }

  /** Remembers that a value lies between bounds on a path; `isSeen` when the verifier knows the upper one from the test. */
  learn(state: State | undefined, id: ValueId, range: Range, isSeen = false): void {
    if (!state) return;
    const before = state.facts.get(id);
    const min = Math.max(before?.min ?? -MAX_SAFE, range.min);
    const max = Math.min(before?.max ?? MAX_SAFE, range.max);
    if (min > max) return;
    const seen = Math.min(before?.seen ?? MAX_SAFE, isSeen ? range.max : MAX_SAFE);
    state.facts.set(id, { min, max, ...(seen < MAX_SAFE ? { seen } : {}) });
    const opposite = this.opposites.get(id);
    if (opposite === undefined || (min < 1 && max > 0)) return;
    state.facts.set(opposite, max === 0 ? { min: 1, max: 1 } : { min: 0, max: 0 });
  }

  /** Whether the verifier knows bounds of a number wherever it is read. */
  isSeenByDefinition(id: ValueId): boolean {
    let isSeen = this.#seen.get(id);
    if (isSeen === undefined)
      this.#seen.set(id, (isSeen = this.#isSeenOperation(this.builder.definition(id)?.operation)));
    return isSeen;
  }
  /** A phi that joins a number of which the verifier knows nothing. */
  markUnseen(id: ValueId): void {
    this.#seen.set(id, false);
  }

  #isSeenOperation(operation: Operation | undefined): boolean {
    switch (operation?.kind) {
      case "call":
      case "callFunction":
      case "atomic":
        return false;
      case "alu": {
        if (!isFollowed(operation.code) || this.builder.typeOf(operation.a) === "pointer") return false;
        const isMask = operation.code === "and" && this.builder.definition(operation.b)?.operation.kind === "constant";
        return isMask || (this.isSeenByDefinition(operation.a) && this.isSeenByDefinition(operation.b));
      }
      case "load":
        return operation.size < 8;
      case "negate":
      case "signExtend":
        return this.isSeenByDefinition(operation.a);
      default:
        return true;
    }
  }

  /** How many of the low bits of a value may be set. */
  bitsOf(id: ValueId): number {
    const known = this.#bits.get(id);
    if (known !== undefined) return known;
    const operation = this.builder.definition(id)?.operation;
    const bits = operation ? this.#bitsOfOperation(operation) : 64;
    this.#bits.set(id, bits);
    return bits;
  }
  setBits(id: ValueId, bits: number): void {
    this.#bits.set(id, bits);
  }
  /** Forgets what was known of values that no longer exist. */
  forgetBits(from: ValueId): void {
    for (const id of this.#bits.keys()) if (id >= from) this.#bits.delete(id);
    for (const id of this.#seen.keys()) if (id >= from) this.#seen.delete(id);
    for (const id of this.naturals) if (id >= from) this.naturals.delete(id);
    for (const [id, other] of this.opposites) if (id >= from || other >= from) this.opposites.delete(id);
  }

  #bitsOfOperation(operation: Operation): number {
    switch (operation.kind) {
      case "constant":
        return operation.value < 0n ? 64 : operation.value.toString(2).length;
      case "load":
        return operation.signed ? 64 : 8 * operation.size;
      case "swap":
        return operation.bits;
      case "alu":
        return this.#bitsOfAlu(operation);
      default:
        return 64;
    }
  }

  #bitsOfAlu({ code, width, a, b }: Extract<Operation, { kind: "alu" }>): number {
    const by = this.builder.definition(b)?.operation;
    const count = by?.kind === "constant" ? Number(by.value) : undefined;
    switch (code) {
      case "and":
        return Math.min(this.bitsOf(a), this.bitsOf(b), width);
      case "or":
      case "xor":
        return Math.min(Math.max(this.bitsOf(a), this.bitsOf(b)), width);
      case "shr":
        return count === undefined
          ? Math.min(this.bitsOf(a), width)
          : Math.max(0, Math.min(this.bitsOf(a), width) - count);
      case "shl":
        return count === undefined ? width : Math.min(width, this.bitsOf(a) + count);
      default:
        return width;
    }
  }
}
