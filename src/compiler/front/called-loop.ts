/** A loop by `bpf_loop` (5.17): the call of its body, whose words it lays on the stack and reads again behind the loop. */
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { numberOf } from "./convert.ts";
import { endProgram } from "./end.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { type Assumed, type Body, ENDED, lowerBody, OPAQUE, opaqueZero, type Word } from "./loop-body.ts";
import { fromLeaves } from "./loops.ts";
import { leadOf } from "./objects.ts";
import { loadPacket } from "./packet-bounds.ts";
import { isOlder } from "./unit.ts";
import { type Pointer, staged, type Value } from "./value.ts";
import { loadWord, pointerOf, shift, storeWord } from "./words.ts";

/** At most so many rounds. */
export function calledLoop(front: Front, call: Call, most: number): Outcome[] {
  const { body, assumed } = lowerBody(front, call, most);
  refuseRecord(front, call, body);
  const { words, killer } = body;
  const values = words.map(({ part }) => part.make());
  const block = words.length > 0 ? front.slot(8 * words.length) : undefined;
  storeWords(front, words, values, block);
  const reveal = hideStack(front, words, values);
  const rounds = callBody(front, call, body, block);
  front.state.loads.clear();
  reveal();
  if (killer !== undefined) loadPacket(front, killer, front.lineOf(call.node));
  keepNames(front, words, values, assumed);
  readBack(front, call.node, body, block);
  return outcome(front, { kind: "number", id: rounds, range: { min: 0, max: most } });
}

function refuseRecord(front: Front, call: Call, { killer }: Body): void {
  if (killer === undefined || !Array.from(front.state.records.values()).some(({ kind }) => kind === "record")) return;
  front.unsupported("a loop that moves the packet while a record is reserved", "submit the record first", call.node);
}

const registerOf = (words: readonly Word[], values: readonly ValueId[], key: string): ValueId | undefined =>
  values[words.findIndex(({ part }) => part.key === key)];

const zeroOf = (words: readonly Word[], values: readonly ValueId[]): ValueId | undefined =>
  registerOf(words, values, OPAQUE) ?? registerOf(words, values, ENDED);

function storeWords(front: Front, words: readonly Word[], values: readonly ValueId[], block: number | undefined): void {
  words.forEach(({ offset, isChanged }, index) => {
    const value = isChanged ? front.alu("xor", values[index]!, zeroOf(words, values)!) : values[index]!;
    front.emit({ kind: "store", size: 8, base: front.stackAddress(block!), offset, value });
  });
}

function callBody(front: Front, call: Call, { name }: Body, block: number | undefined): ValueId {
  const count = roundsOf(front, call);
  const callback = front.emit({ kind: "symbol", symbol: { kind: "function", function: name } }, "pointer");
  const context = block === undefined ? front.constant(0) : front.stackAddress(block);
  return front.call(front.unit.helper("bpf_loop"), [count, callback, context, front.constant(0)]);
}

/** Names that the body has made stale. */
function keepNames(front: Front, words: readonly Word[], values: readonly ValueId[], { overwrites }: Assumed): void {
  for (const { key, ...row } of overwrites.values()) {
    const base = registerOf(words, values, key);
    if (base === undefined) continue;
    front.state.overwrites = [...front.state.overwrites, { ...row, base, stamp: front.newStamp() }];
  }
}

/** Ends the program where the body has; else the variables are what the last round has left. */
function readBack(front: Front, node: SyntaxNode, { ended, changed }: Body, block: number | undefined): void {
  const read = ({ offset }: Word): ValueId =>
    front.emit({ kind: "load", size: 8, signed: false, base: front.stackAddress(block!), offset });
  if (ended) endHere(front, read(ended.word), ended.node);
  for (const { variable, words, shape } of changed) {
    let at = 0;
    const { value } = fromLeaves(shape, ({ bits }) => {
      const id = read(words[at++]!);
      if (bits !== undefined) front.setBits(id, bits);
      return id;
    });
    front.assign(variable, value, node);
  }
}

function endHere(front: Front, ended: ValueId, node: SyntaxNode): void {
  const { yes, no } = front.branch("ne", ended, front.constant(0));
  front.follow(yes);
  endProgram(front, front.aluConstant("shr", ended, 1), node);
  front.follow(no);
}

/** The number of rounds: not below zero, which would be four thousand million. */
function roundsOf(front: Front, call: Call): ValueId {
  const count = numberOf(front, argument(call, 0), argumentNode(call, 0));
  if (count.range.min >= 0) return count.id();
  if (count.range.max <= 0) return front.constant(0);
  const { yes, no } = front.branch("sgt", count.id(), front.constant(0));
  const { max } = count.range;
  const some: Value = { kind: "number", id: count.id(), range: { min: 1, max } };
  return numberOf(
    front,
    front.join([
      { state: yes, value: some },
      { state: no, value: staged(0) },
    ]),
    call.node,
  ).id();
}

/**
 * Kernels before 6.7 follow the body once: they are made to forget what they know of the stack that it may write. The
 * result does the same behind the loop.
 */
function hideStack(front: Front, words: readonly Word[], values: readonly ValueId[]): () => void {
  const { target } = front.unit;
  const parts = words.flatMap(({ part: { stack } }) => stack ?? []);
  if (parts.length === 0 || (target !== undefined && !isOlder(target, "6.7"))) return () => undefined;
  const zero = zeroOf(words, values) ?? opaqueZero(front);
  const hide = (): void => {
    for (const { at, size } of parts) {
      const memory = at.kind === "object" ? pointerOf(front, at) : at;
      const lead = at.kind === "object" ? leadOf(front, at.object) : 0;
      for (const [offset, piece] of pieces({ ...memory, offset: memory.offset + lead }, size)) {
        const place = shift(memory, lead + offset);
        storeWord(front, place, piece, front.alu("xor", loadWord(front, place, piece), zero));
      }
    }
  };
  hide();
  return hide;
}

/** Bytes in aligned pieces: offset and size. */
function pieces(at: Pointer, size: number): (readonly [number, 1 | 2 | 4 | 8])[] {
  const all: (readonly [number, 1 | 2 | 4 | 8])[] = [];
  for (let offset = 0; offset < size; ) {
    const fits = (one: number): boolean => offset + one <= size && one <= at.align && (at.offset + offset) % one === 0;
    const piece = ([8, 4, 2, 1] as const).find(fits)!;
    all.push([offset, piece]);
    offset += piece;
  }
  return all;
}
