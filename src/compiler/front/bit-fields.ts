/** Bit fields: the smallest words around them that stay inside the struct, in network order. */
import type { Layout } from "../../schema/index.ts";
import type { AccessSize, ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { mask } from "./bytes.ts";
import { booleanOf, numberOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { type Range, staged, type Value } from "./value.ts";
import { type At, constantAt, loadWord, shift, storeWord, swap, swapConstant } from "./words.ts";

/** The smallest access around a bit field that stays inside the place: one word, or several that touch. */
interface Window {
  readonly start: number;
  /** Bytes, 1 to 8. */
  readonly size: number;
  /** Bits below the field, in network order. */
  readonly below: number;
}

function windowOf(offsetBits: number, width: number, extent: number): Window {
  const first = Math.floor(offsetBits / 8);
  const last = Math.ceil((offsetBits + width) / 8);
  const at = (start: number, size: number): Window => ({ start, size, below: 8 * (start + size) - offsetBits - width });
  for (const size of [1, 2, 4, 8]) {
    const start = Math.min(first, extent - size);
    if (start >= 0 && start + size >= last) return at(start, size);
  }
  return at(first, last - first);
}

/** The words of a window, first one first. */
function wordsIn(size: number): { readonly offset: number; readonly size: AccessSize }[] {
  const words: { offset: number; size: AccessSize }[] = [];
  for (let offset = 0; offset < size; offset += words.at(-1)!.size) {
    const word = ([8, 4, 2, 1] as const).find((one) => one <= size - offset)!;
    words.push({ offset, size: word });
  }
  return words;
}

/** The bytes of a window as a number in network order. */
function loadNetwork(front: Front, at: At, size: number): ValueId {
  return wordsIn(size)
    .map((word) => ({ word, id: swap(front, loadWord(front, shift(at, word.offset), word.size), word.size) }))
    .reduce((high, { word, id }) => ({
      word,
      id: front.alu("or", front.aluConstant("shl", high.id, 8 * word.size), id),
    })).id;
}

/** Of a constant the value alone: `id` is not looked at then. */
function storeNetwork(front: Front, at: At, size: number, id: ValueId, constant?: bigint): void {
  for (const word of wordsIn(size)) {
    const below = 8 * (size - word.offset - word.size);
    const place = shift(at, word.offset);
    if (constant !== undefined) {
      storeWord(front, place, word.size, -1, swapConstant(constant >> BigInt(below), word.size));
      continue;
    }
    const piece = below === 0 ? id : front.aluConstant("shr", id, below);
    storeWord(front, place, word.size, swap(front, piece, word.size));
  }
}

export function readBits(
  front: Front,
  layout: Extract<Layout, { kind: "bits" }>,
  at: At,
  offsetBits: number,
  extent: number,
): Value {
  const { width, isFlag } = layout;
  const { start, size, below } = windowOf(offsetBits, width, extent);
  const constant = constantAt(front, shift(at, start), size, true);
  if (constant !== undefined) {
    const value = Number((constant >> BigInt(below)) & ((1n << BigInt(width)) - 1n));
    return staged(isFlag ? value !== 0 : value);
  }
  const word = loadNetwork(front, shift(at, start), size);
  if (isFlag) return { kind: "boolean", id: front.aluConstant("and", word, 1n << BigInt(below)), isBit: below === 0 };
  const shifted = below === 0 ? word : front.aluConstant("shr", word, below);
  const id = below + width === 8 * size ? shifted : mask(front, shifted, width);
  return { kind: "number", id, range: { min: 0, max: 2 ** width - 1 } };
}

export function failRange(front: Front, value: number, type: string, { min, max }: Range, node: SyntaxNode): never {
  return front.fail("COMPILER_CONSTANT_RANGE", { value: String(value), type, range: `${min} to ${max}` }, node);
}

export function writeBits(
  front: Front,
  layout: Extract<Layout, { kind: "bits" }>,
  at: At,
  offsetBits: number,
  value: Value,
  node: SyntaxNode,
  what: string,
  extent: number,
): Value | undefined {
  const { width, isFlag } = layout;
  const { start, size, below } = windowOf(offsetBits, width, extent);
  const field = ((1n << BigInt(width)) - 1n) << BigInt(below);
  const source = bitSource(front, layout, value, node, what);
  const wordAt = shift(at, start);
  const isWhole = width === 8 * size;
  const before = isWhole ? undefined : loadNetwork(front, wordAt, size);
  const known = isWhole ? 0n : constantAt(front, wordAt, size, true);
  if (source.constant !== undefined && known !== undefined) {
    storeNetwork(front, wordAt, size, -1, (known & ~field) | (BigInt(source.constant) << BigInt(below)));
    return source.fits ? front.settle(value) : undefined;
  }
  const placed = source.place(below, width);
  let whole = placed;
  if (before !== undefined) {
    const all = (1n << BigInt(8 * size)) - 1n;
    const kept = front.aluConstant("and", before, BigInt.asIntN(64, all & ~field));
    whole = placed === undefined ? kept : front.alu("or", kept, placed);
  }
  storeNetwork(front, wordAt, size, whole ?? front.constant(0));
  return source.fits && !isFlag ? front.settle(value) : undefined;
}

interface BitSource {
  readonly constant?: number;
  readonly fits: boolean;
  /** The value at its place in the word; undefined for 0. */
  place(below: number, width: number): ValueId | undefined;
}

function bitSource(
  front: Front,
  layout: Extract<Layout, { kind: "bits" }>,
  value: Value,
  node: SyntaxNode,
  what: string,
): BitSource {
  if (layout.isFlag) {
    const { constant, id } = booleanOf(front, value, node);
    const bit = constant === undefined ? undefined : constant ? 1 : 0;
    return { ...placed(front, bit, id), fits: true };
  }
  const { constant: given, range, id, isFolded } = numberOf(front, value, node);
  const limits = { min: 0, max: 2 ** layout.width - 1 };
  const fits = range.min >= 0 && range.max <= limits.max;
  const constant = given === undefined || fits ? given : Number(BigInt.asUintN(layout.width, BigInt(given)));
  if (given !== undefined && !fits && !isFolded)
    failRange(front, given, `${what} (${layout.width} bits)`, limits, node);
  const masked = fits ? id : (): ValueId => mask(front, id(), layout.width);
  return { ...placed(front, constant, masked), fits };
}

function placed(front: Front, constant: number | undefined, id: () => ValueId): Omit<BitSource, "fits"> {
  return {
    ...(constant === undefined ? {} : { constant }),
    place: (below) => {
      if (constant !== undefined) return constant === 0 ? undefined : front.constant(BigInt(constant) << BigInt(below));
      return below === 0 ? id() : front.aluConstant("shl", id(), below);
    },
  };
}
