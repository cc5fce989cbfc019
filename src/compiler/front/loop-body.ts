/**
 * The body of a loop that `bpf_loop` calls (kernel/bpf/bpf_iter.c): a function of its own, which gets the number of the
 * round and the address of a block of words on its caller's stack. A word holds a register of a value that the body uses;
 * what the body changes is written back at its end. `exit` in the body leaves the answer in a word.
 *
 * What the body uses and changes is found by lowering it, as in loops.ts. Invariant: of what it changes the verifier knows
 * nothing. Kernels before 6.7 follow the body but once, from what was there before the first round, and take branches that
 * only later rounds go for dead (kernel commit ab5cfac139ab); later ones would walk a precise counter round by round.
 */
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { numberOf } from "./convert.ts";
import { Front } from "./front.ts";
import { CONTEXT, isPlain, type Part, withParts } from "./handing.ts";
import { requireReleased } from "./held.ts";
import { type Assumptions, fromLeaves, leaves, rangeOfValue, widen } from "./loops.ts";
import { loadPacket } from "./packet-bounds.ts";
import { Scope } from "./scope.ts";
import { type Overwrite, type State, sameValue } from "./state.ts";
import { describeValue, isStaged, UNDEFINED, union, type Value } from "./value.ts";

/** A word of the block. */
export interface Word {
  readonly offset: number;
  /** Its register in the body. */
  readonly id: ValueId;
  readonly part: Part;
  /** Of a variable that the body changes. */
  readonly isChanged: boolean;
}

/** What is assumed of the body: it is lowered until that is so. */
export interface Assumed extends Assumptions {
  /** Variables that it uses; all there are at first. */
  wanted: ReadonlySet<number>;
  /** Writes over whole places of the caller, with the key of the part that the place begins at. */
  readonly overwrites: Map<string, Omit<Overwrite, "base" | "stamp"> & { readonly key: string }>;
}

/** The body, lowered. */
export interface Body {
  readonly name: string;
  readonly words: readonly Word[];
  /** What the body changes, and what it may be behind the loop. */
  readonly changed: readonly { readonly variable: number; readonly words: readonly Word[]; readonly shape: Value }[];
  readonly ended: { readonly word: Word; readonly node: SyntaxNode } | undefined;
  readonly killer: string | undefined;
}

const MAX_ATTEMPTS = 40;
/** The words of a zero that the verifier does not know, and of the answer that ends the program. */
export const OPAQUE = "opaque";
export const ENDED = "ended";

/** Thrown inside when an assumption was wrong. */
const AGAIN = Symbol("again");

/** The body, lowered until it is what was assumed of it. */
export function lowerBody(front: Front, call: Call, most: number): { readonly body: Body; readonly assumed: Assumed } {
  const assumed: Assumed = {
    variables: new Map(),
    growth: new Map(),
    objects: new Set(),
    removed: new Set(),
    movesPacket: false,
    wanted: new Set(front.state.variables.keys()),
    overwrites: new Map(),
  };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const body = tryBody(front, call, most, assumed);
    if (body) return { body, assumed };
  }
  return front.fail("COMPILER_LOOP", { problem: "its variables do not settle" }, call.node);
}

function tryBody(front: Front, call: Call, most: number, assumed: Assumed): Body | undefined {
  const given = argument(call, 1);
  const fn = isStaged(given) ? given.value : given.kind === "closure" ? given.node : undefined;
  if (typeof fn !== "object" && typeof fn !== "function")
    return front.fail("COMPILER_TYPE", { expected: "a function", found: describeValue(given) }, argumentNode(call, 1));
  let body: Body | undefined;
  try {
    front.unit.subprogram(fn as object, `callback ${front.unit.callbacks++}`, `${front.name}_loop`, (made) => {
      const lowering = new BodyLowering(front, call, most, assumed, made.name);
      body = lowering.run();
      made.body = { ir: lowering.inner.finish(), result: () => UNDEFINED, killer: undefined };
    });
  } catch (thrown) {
    if (thrown !== AGAIN) throw thrown;
  }
  return body;
}

/** One attempt at the body. */
class BodyLowering {
  readonly inner: Front;
  readonly #front: Front;
  readonly #call: Call;
  readonly #assumed: Assumed;
  readonly #block: ValueId;
  readonly #words = new Map<string, Word>();
  readonly #changed = new Map<number, readonly Word[]>();
  /** Numbers of which the last round may leave more than others do. */
  readonly #behind = new Map<number, Extract<Value, { kind: "number" }>>();
  readonly #index: Value;
  /** In the function around. */
  readonly #zero: () => ValueId;

  constructor(front: Front, call: Call, most: number, assumed: Assumed, name: string) {
    let zero: ValueId | undefined;
    this.#zero = () => (zero ??= opaqueZero(front));
    const inner = new Front(front.unit, front.language, name, false, front.isDeviceBound, front.variableMark);
    this.#front = front;
    this.#call = call;
    this.#assumed = assumed;
    this.inner = inner;
    inner.rounds = front.rounds * Math.max(1, most);
    if (front.isProgram || front.ends) inner.ends = [];
    for (const frame of front.frames) inner.frames.push({ ...frame, returns: [], targets: [] });
    inner.frames.push({
      fn: { ...front.frame.fn, node: { ...call.node } },
      scope: new Scope(),
      returns: [],
      targets: [],
    });
    inner.start();
    inner.at(call.node);
    const id = inner.emit({ kind: "argument", index: 0 });
    inner.markUnseen(id);
    this.#index = { kind: "number", id, range: { min: 0, max: Math.max(0, most - 1) } };
    this.#block = inner.emit({ kind: "argument", index: 1 }, "pointer");
  }

  run(): Body {
    const { inner } = this;
    this.#handOver();
    const start = new Map(inner.state.variables);
    const { going, leaving, ends } = this.#lower();
    const after = [going, leaving].filter((state) => state !== undefined);
    const all = [...after, ...ends.map(({ state }) => state)];
    const isSettled = [
      ...[going].map((state) => !state || this.#settles(start, state, false)),
      ...[leaving].map((state) => !state || this.#settles(start, state, true)),
      ...all.map((state) => this.#keepsPacket(state)),
      ...all.map((state) => this.#keepsNames(state)),
    ].every((one) => one);
    // What is assumed in vain may take code for dead that uses more.
    if (!isSettled || !this.#wantsAll()) throw AGAIN;
    if (going) this.#leave(going, 0);
    if (leaving) this.#leave(leaving, 1);
    const killer = all.find(({ packet }) => packet.generation !== 0)?.packet.killer;
    const ended = this.#end(ends);
    const changed = Array.from(this.#changed, ([variable, words]) => {
      const shape = this.#behind.get(variable) ?? this.#assumed.variables.get(variable)!;
      return { variable, words, shape };
    });
    return { name: inner.name, words: [...this.#words.values()], changed, ended, killer };
  }

  /** The word of a part, read where the body begins. */
  readonly #take = (part: Part, isChanged = false): ValueId => {
    let word = this.#words.get(part.key);
    if (!word) {
      const offset = 8 * this.#words.size;
      const { type, bits } = part;
      const id = this.inner.emit({ kind: "load", size: 8, signed: false, base: this.#block, offset }, type);
      if (bits !== undefined) this.inner.setBits(id, bits);
      this.#words.set(part.key, (word = { offset, id, part, isChanged }));
    }
    return word.id;
  };

  #handOver(): void {
    const { inner } = this;
    for (const variable of this.#assumed.wanted) {
      const shape = this.#assumed.variables.get(variable);
      const value = shape ? this.#changing(variable, shape) : this.#constant(variable);
      if (!value) continue;
      inner.state.variables.set(variable, value);
      inner.handed.add(variable);
    }
    if (this.#changed.size > 0) this.#opaque();
    const context = this.#words.get(CONTEXT);
    if (context) {
      inner.context = context.id;
      loadPacket(inner, undefined, 0);
    }
    const { killer, killerLine } = this.#front.state.packet;
    inner.state.packet = {
      ...inner.state.packet,
      killer: this.#assumed.movesPacket ? "a change of the packet in this loop" : killer,
      killerLine: this.#assumed.movesPacket ? this.#front.lineOf(this.#call.node) : killerLine,
    };
    inner.state.overwrites = Array.from(this.#assumed.overwrites.values()).flatMap(({ key, ...row }) => {
      const base = this.#words.get(key)?.id;
      return base === undefined ? [] : [{ ...row, base, stamp: 0 }];
    });
  }

  #constant(variable: number): Value | undefined {
    const value = this.#front.state.variables.get(variable);
    return value && withParts(this.#front, value, this.#assumed.movesPacket, this.#take);
  }

  #changing(variable: number, shape: Value): Value {
    const front = this.#front;
    const words: Word[] = [];
    let initial: readonly ValueId[] | undefined;
    const { value } = fromLeaves(shape, ({ type, bits }) => {
      const at = words.length;
      const key = `variable ${variable} ${at}`;
      const make = (): ValueId => (initial ??= leaves(front, front.state.variables.get(variable)!, shape))[at]!;
      const id = this.#take({ key, type, make, ...(bits === undefined ? {} : { bits }) }, true);
      words.push(this.#words.get(key)!);
      return id;
    });
    this.#changed.set(variable, words);
    return value;
  }

  /** Zero, of which the verifier does not know it. */
  #opaque(): ValueId {
    return this.#take({ key: OPAQUE, type: "scalar", make: this.#zero });
  }

  /** The paths on which the body goes on, leaves the loop, and ends the program. */
  #lower(): { going: State | undefined; leaving: State | undefined; ends: NonNullable<Front["ends"]> } {
    const { inner } = this;
    const { node } = this.#call;
    const paths: { yes: State[]; no: State[] } = { yes: [], no: [] };
    for (const { state, value } of inner.language.callValue(inner, argument(this.#call, 1), [this.#index], node)) {
      inner.follow(state);
      const { yes, no } = inner.language.truth(inner, value, node);
      if (yes) paths.yes.push(yes);
      if (no) paths.no.push(no);
    }
    const joined = (states: readonly State[]): State | undefined => {
      if (!inner.joinStates(states)) return undefined;
      requireReleased(inner, node);
      return inner.leave();
    };
    return { going: joined(paths.no), leaving: joined(paths.yes), ends: inner.ends ?? [] };
  }

  /** Whether a path leaves the variables as they are assumed to be; behind it there may be no other round. */
  #settles(start: ReadonlyMap<number, Value>, state: State, isLast: boolean): boolean {
    const { inner } = this;
    let isSettled = true;
    inner.follow(state);
    for (const [variable, node] of inner.assigned) {
      const [before, given] = [start.get(variable), state.variables.get(variable)];
      const after = given && inner.settle(given);
      if (!before || (after && sameValue(inner.settle(before), after))) continue;
      if (isLast && after && this.#fitsBehind(variable, after)) continue;
      if (!this.#fits(variable, after, node)) isSettled = false;
    }
    inner.leave();
    return isSettled;
  }

  /** A number that the last round leaves is none that a round begins with. */
  #fitsBehind(variable: number, after: Value): boolean {
    const shape = this.#assumed.variables.get(variable);
    const range = rangeOfValue(this.inner, after);
    if (shape?.kind !== "number" || !range) return false;
    const known = this.#behind.get(variable)?.range ?? shape.range;
    this.#behind.set(variable, { ...shape, range: union(known, range) });
    return true;
  }

  #fits(variable: number, after: Value | undefined, node: SyntaxNode): boolean {
    const [front, assumed] = [this.#front, this.#assumed];
    // Registers that no fact is about: what one path has learned of the value before is not true of all rounds.
    const initial = withParts(front, front.state.variables.get(variable)!, false, () => -1);
    if (after && initial && !widen(this.inner, variable, initial, after, assumed)) return true;
    const shape = assumed.variables.get(variable);
    if (shape && isPlain(shape)) return false;
    const found = after ? describeValue(after) : "value that differs by path";
    return this.inner.fail("COMPILER_LOOP_VALUE", { found: found.replace(/^an? /, "") }, node);
  }

  #keepsPacket({ packet }: State): boolean {
    if (packet.generation === 0 || this.#assumed.movesPacket) return true;
    this.#assumed.movesPacket = true;
    return false;
  }

  /** Whether the names of the caller's places that a path makes stale are so from the beginning. */
  #keepsNames({ overwrites }: State): boolean {
    let isKnown = true;
    for (const { base, start, end, line } of overwrites) {
      const word = Array.from(this.#words.values()).find(({ id }) => id === base);
      if (!word || word.part.key.startsWith("object ")) continue;
      const { key } = word.part;
      const name = `${key} ${start}-${end}`;
      if (this.#assumed.overwrites.has(name)) continue;
      this.#assumed.overwrites.set(name, { key, start, end, line });
      isKnown = false;
    }
    return isKnown;
  }

  /** Whether what the body got is what it asks for, which the function around has or asks for in turn. */
  #wantsAll(): boolean {
    const { wanted } = this.inner;
    for (const variable of wanted) this.#front.isBeyond(variable);
    const isSame = wanted.size === this.#assumed.wanted.size;
    this.#assumed.wanted = new Set([...this.#assumed.wanted].filter((variable) => wanted.has(variable)));
    return isSame;
  }

  /** Writes back what has changed, and goes on (0) or leaves the loop (1). */
  #leave(state: State, answer: 0 | 1): void {
    const { inner } = this;
    inner.follow(state);
    for (const [variable, words] of this.#changed) {
      const shape = this.#assumed.variables.get(variable)!;
      const ids = leaves(inner, state.variables.get(variable)!, shape);
      words.forEach(({ id, offset }, index) => {
        if (ids[index] === id) return;
        const value = inner.alu("xor", ids[index]!, this.#opaque());
        inner.emit({ kind: "store", size: 8, base: this.#block, offset, value });
      });
    }
    inner.exitWith(inner.constant(answer));
  }

  /** Leaves twice the answer, plus one, in the block, and the loop. */
  #end(ends: NonNullable<Front["ends"]>): Body["ended"] {
    const [first] = ends;
    if (!first) return undefined;
    const { inner } = this;
    const range = { min: 0, max: 0xffffffff };
    const outcomes = ends.map(({ state, action }) => ({
      state,
      value: { kind: "number", id: action, range } as const,
    }));
    const action = numberOf(inner, inner.join(outcomes), first.node).id();
    const value = inner.aluConstant("or", inner.aluConstant("shl", action, 1), 1);
    const offset = 8 * this.#words.size;
    const zero = { key: ENDED, type: "scalar", make: this.#zero } as const;
    const word: Word = { offset, id: -1, part: zero, isChanged: false };
    this.#words.set(ENDED, word);
    inner.emit({ kind: "store", size: 8, base: this.#block, offset, value });
    inner.exitWith(inner.constant(1));
    return { word, node: first.node };
  }
}

/** Zero: the high bits of the time, of which the verifier knows nothing. A product of it may have all bits. */
export function opaqueZero(front: Front): ValueId {
  const high = front.aluConstant("shr", front.call(front.unit.helper("bpf_jiffies64"), []), 48);
  return front.aluConstant("mul", high, 0x0001_0001_0001_0001n);
}
