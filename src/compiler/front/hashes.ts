/** Jenkins' hash as the kernel has it (include/linux/jhash.h), in 32-bit operations. */
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { assemble } from "./bytes.ts";
import { argument, argumentNode, type Handler, value } from "./call.ts";
import { asIpAddress, numberOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { requireUsable } from "./memory.ts";
import { U32, type Value } from "./value.ts";
import { loadBytes } from "./words.ts";

const INITIAL = 0xdeadbeef;

/** Arithmetic modulo 2^32. */
class Words {
  readonly #front: Front;
  constructor(front: Front) {
    this.#front = front;
  }
  constant(value: number): ValueId {
    return this.#front.constant(value >>> 0);
  }
  add(a: ValueId, b: ValueId): ValueId {
    return this.#front.alu("add", a, b, 32);
  }
  sub(a: ValueId, b: ValueId): ValueId {
    return this.#front.alu("sub", a, b, 32);
  }
  xor(a: ValueId, b: ValueId): ValueId {
    return this.#front.alu("xor", a, b, 32);
  }
  rotate(a: ValueId, by: number): ValueId {
    const left = this.#front.aluConstant("shl", a, by, 32);
    return this.#front.alu("or", left, this.#front.aluConstant("shr", a, 32 - by, 32), 32);
  }
}

type Three = readonly [a: ValueId, b: ValueId, c: ValueId];

/** Six rounds in which a, b and c take turns as the word that is mixed. */
function mix(words: Words, start: Three): Three {
  let [x, y, z] = start;
  for (const by of [4, 6, 8, 16, 19, 4]) {
    const mixed = words.xor(words.sub(x, z), words.rotate(z, by));
    [x, y, z] = [y, words.add(z, y), mixed];
  }
  return [x, y, z];
}

function final(words: Words, [a, b, c]: Three): ValueId {
  let [x, y, z] = [a, b, c];
  z = words.sub(words.xor(z, y), words.rotate(y, 14));
  x = words.sub(words.xor(x, z), words.rotate(z, 11));
  y = words.sub(words.xor(y, x), words.rotate(x, 25));
  z = words.sub(words.xor(z, y), words.rotate(y, 16));
  x = words.sub(words.xor(x, z), words.rotate(z, 4));
  y = words.sub(words.xor(y, x), words.rotate(x, 14));
  return words.sub(words.xor(z, y), words.rotate(y, 24));
}

/** `__jhash_nwords` of at most three words. */
function hashWords(front: Front, values: readonly ValueId[], count: number, seed: ValueId): ValueId {
  const words = new Words(front);
  const start = words.add(seed, words.constant(INITIAL + (count << 2)));
  const three = [0, 1, 2].map((index) => (values[index] === undefined ? start : words.add(values[index]!, start)));
  return final(words, three as unknown as Three);
}

/** `jhash2`: a list of words. */
function hashList(front: Front, values: readonly ValueId[], seed: ValueId): ValueId {
  const words = new Words(front);
  const start = words.add(seed, words.constant(INITIAL + (values.length << 2)));
  return hashRest(words, [start, start, start], values);
}

function hashRest(words: Words, start: Three, values: readonly ValueId[]): ValueId {
  let state = start;
  let rest = values;
  while (rest.length > 3) {
    state = mix(words, [words.add(state[0], rest[0]!), words.add(state[1], rest[1]!), words.add(state[2], rest[2]!)]);
    rest = rest.slice(3);
  }
  if (rest.length === 0) return state[2];
  const last = state.map((word, index) => (rest[index] === undefined ? word : words.add(word, rest[index]!)));
  return final(words, last as unknown as Three);
}

/** `jhash` of bytes: words of four, the last one filled with zeros. */
function hashBytes(front: Front, values: readonly ValueId[], length: number, seed: ValueId): ValueId {
  const words = new Words(front);
  const start = words.add(seed, words.constant(INITIAL + length));
  return hashRest(words, [start, start, start], values);
}

function low(front: Front, given: Value, node: SyntaxNode): ValueId {
  const { id, range, constant } = numberOf(front, given, node);
  if (constant !== undefined) return front.constant(constant >>> 0);
  if (range.min < 0 || range.max > U32.max) return front.aluConstant("and", id(), 0xffffffffn);
  return id();
}

const result = (id: ValueId): Value => ({ kind: "number", id, range: U32 });

const jhash: Handler = value((front, call) => {
  const seed = low(front, argument(call, 1), argumentNode(call, 1));
  const node = argumentNode(call, 0);
  const given = asIpAddress(front, front.settle(argument(call, 0)), node);
  if (given.kind === "address") {
    const words = given.words.flatMap(({ id, size }) =>
      size < 8 ? [id] : [front.aluConstant("and", id, 0xffffffffn), front.aluConstant("shr", id, 32)],
    );
    if (given.family === "ipv4") return result(hashWords(front, words, 1, seed));
    return result(given.family === "mac" ? hashBytes(front, words, 6, seed) : hashList(front, words, seed));
  }
  if (given.kind === "place") {
    requireUsable(front, given, node);
    const bytes = loadBytes(front, given.at, given.layout.size);
    const words: ValueId[] = [];
    for (let at = 0; at < bytes.length; at += 4) words.push(assemble(front, bytes.slice(at, at + 4)));
    return result(hashBytes(front, words, bytes.length, seed));
  }
  return result(hashWords(front, [low(front, given, node)], 1, seed));
});

const jhashWords: Handler = value((front, call) => {
  const [a, b, c, seed] = [0, 1, 2, 3].map((index) => low(front, argument(call, index), argumentNode(call, index)));
  return result(hashWords(front, [a!, b!, c!], 3, seed!));
});

export const HASHES: Readonly<Record<string, Handler>> = { jhash, jhashWords };
