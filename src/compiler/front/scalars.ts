/** Scalars in memory: integers, booleans, addresses. A network-order field is swapped once, when it is read or written. */
import type { Layout } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { failRange, readBits, writeBits } from "./bit-fields.ts";
import { addressOf, bigintOf, booleanOf, numberOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { WORD_SIZES } from "./merge.ts";
import { folded, type Range, signedConstant, staged, type Value } from "./value.ts";
import {
  type At,
  baseKey,
  constantAt,
  forget,
  loadWord,
  loadWords,
  remember,
  storeWord,
  storeWords,
  swap,
  swapConstant,
} from "./words.ts";

const loadKey = (front: Front, at: At, offsetBits: number, layout: Layout): string => {
  const order = layout.kind === "integer" ? `${layout.byteOrder}${layout.signed}` : layout.kind;
  return `${baseKey(front, at)}:${at.offset * 8 + offsetBits}:${layout.size}:${order}`;
};

export function integerRange(size: number, isSigned: boolean): Range {
  const span = 2 ** (8 * size);
  return isSigned ? { min: -span / 2, max: span / 2 - 1 } : { min: 0, max: span - 1 };
}

/** `extent`: bytes of the whole place, which may be read around a bit field. */
export function readScalar(
  front: Front,
  layout: Layout,
  at: At,
  offsetBits: number,
  node: SyntaxNode,
  extent: number,
): Value {
  const key = loadKey(front, at, offsetBits, layout);
  const known = front.state.loads.get(key);
  if (known) return front.settle(known.value);
  const value = loadScalar(front, layout, at, offsetBits, node, extent);
  const start = at.offset + Math.floor(offsetBits / 8);
  const end = at.offset + Math.ceil((offsetBits + layout.size * 8) / 8);
  remember(front, at, key, start, end, value);
  return value;
}

function loadScalar(front: Front, layout: Layout, at: At, offsetBits: number, node: SyntaxNode, extent: number): Value {
  switch (layout.kind) {
    case "integer": {
      const { size, signed, byteOrder } = layout;
      const constant = constantAt(front, at, size, byteOrder === "network");
      if (constant !== undefined) return integerConstant(constant, size, signed);
      const word = loadWord(front, at, size, signed);
      const id = byteOrder === "network" ? swap(front, word, size) : word;
      if (size === 8) return { kind: "bigint", id, signed };
      return { kind: "number", id, range: integerRange(size, signed) };
    }
    case "bool": {
      const constant = constantAt(front, at, 1, false);
      if (constant !== undefined) return staged(constant !== 0n);
      return { kind: "boolean", id: loadWord(front, at, 1), isBit: false };
    }
    case "bits":
      return readBits(front, layout, at, offsetBits, extent);
    case "address":
      return { kind: "address", family: layout.family, words: loadWords(front, at, WORD_SIZES[layout.family]) };
    default:
      return front.fail("COMPILER_TYPE", { expected: "a value", found: `a ${layout.kind}` }, node);
  }
}

/** What a read of a field that holds these bits gives. */
function integerConstant(bits: bigint, size: number, isSigned: boolean): Value {
  if (size === 8) return isSigned ? signedConstant(bits) : folded(BigInt.asUintN(64, bits));
  return folded(Number(isSigned ? BigInt.asIntN(8 * size, bits) : bits));
}

export function writeScalar(
  front: Front,
  layout: Layout,
  at: At,
  offsetBits: number,
  value: Value,
  node: SyntaxNode,
  what: string,
  extent = layout.size,
): void {
  const start = at.offset + Math.floor(offsetBits / 8);
  const end = at.offset + Math.ceil((offsetBits + layout.size * 8) / 8);
  const stored = storeScalar(front, layout, at, offsetBits, value, node, what, extent);
  forget(front, at, start, end);
  if (stored) remember(front, at, loadKey(front, at, offsetBits, layout), start, end, stored);
}

/** Stores, and returns what a read of the field would give, when that is the value itself. */
function storeScalar(
  front: Front,
  layout: Layout,
  at: At,
  offsetBits: number,
  value: Value,
  node: SyntaxNode,
  what: string,
  extent: number,
): Value | undefined {
  switch (layout.kind) {
    case "integer": {
      const { id, constant, readAgain } = integerBits(front, layout, value, node, what);
      if (constant !== undefined) {
        const bits = layout.byteOrder === "network" ? swapConstant(constant, layout.size) : constant;
        storeWord(front, at, layout.size, -1, bits);
      } else storeWord(front, at, layout.size, layout.byteOrder === "network" ? swap(front, id, layout.size) : id);
      return readAgain;
    }
    case "bool": {
      const { constant, id } = booleanOf(front, value, node);
      if (constant === undefined) storeWord(front, at, 1, id());
      else storeWord(front, at, 1, -1, constant ? 1n : 0n);
      return undefined;
    }
    case "bits":
      return writeBits(front, layout, at, offsetBits, value, node, what, extent);
    case "address":
      storeWords(front, at, addressOf(front, value, layout.family, node));
      return value.kind === "address" ? value : undefined;
    default:
      return front.fail("COMPILER_READ_ONLY", { what: `a ${layout.kind}` }, node);
  }
}

interface IntegerBits {
  readonly id: ValueId;
  readonly constant?: bigint;
  /** What a read of the field gives; undefined when that takes a load. */
  readonly readAgain: Value | undefined;
}

/** A value for an integer field: numbers wrap into it, constants must fit. */
export function integerBits(
  front: Front,
  layout: Extract<Layout, { kind: "integer" }>,
  value: Value,
  node: SyntaxNode,
  what: string,
): IntegerBits {
  const { size, signed } = layout;
  if (size === 8) return wideBits(front, signed, value, node, what);
  const { constant, range, id, isFolded } = numberOf(front, value, node);
  const limits = integerRange(size, signed);
  const fits = range.min >= limits.min && range.max <= limits.max;
  if (constant === undefined) return { id: id(), readAgain: fits ? front.settle(value) : undefined };
  if (!fits && !isFolded) failRange(front, constant, `${what} (${8 * size} bits)`, limits, node);
  const bits = BigInt.asUintN(8 * size, BigInt(constant));
  return { id: -1, constant: bits, readAgain: integerConstant(bits, size, signed) };
}

/** The field's type decides how its bits are read, not the type of what was stored. */
function wideBits(front: Front, isSigned: boolean, value: Value, node: SyntaxNode, what: string): IntegerBits {
  const { constant, id, isFolded, max } = bigintOf(front, value, node);
  if (constant === undefined) {
    const stored = id();
    const isSame = max !== undefined && (max < 2n ** 63n || !isSigned);
    return { id: stored, readAgain: { kind: "bigint", id: stored, signed: isSigned, ...(isSame ? { max } : {}) } };
  }
  if (!isFolded) checkWide(front, constant, isSigned, what, node);
  const bits = BigInt.asUintN(64, constant);
  return { id: -1, constant: bits, readAgain: integerConstant(bits, 8, isSigned) };
}

function checkWide(front: Front, constant: bigint, isSigned: boolean, what: string, node: SyntaxNode): void {
  const fits = isSigned ? constant === BigInt.asIntN(64, constant) : constant >= 0n;
  const range = isSigned ? "-2^63 to 2^63 - 1" : "0 to 2^64 - 1";
  if (!fits) front.fail("COMPILER_CONSTANT_RANGE", { value: `${constant}n`, type: what, range }, node);
}
