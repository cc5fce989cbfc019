/** `u16(x)`, `u64(n)`, `ipv6Address(sid)`, `Sid.from(address)`: the same bits as another type. */
import { problemOf } from "../../base/index.ts";
import { type AddressFamily, layoutOf, type Schema } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { bytesOf, constantBytes } from "./bytes.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { addressOf, bigintOf, booleanOf, numberOf, present } from "./convert.ts";
import type { Front } from "./front.ts";
import { placeAt, requireUsable } from "./memory.ts";
import { WORD_SIZES } from "./merge.ts";
import { newObject } from "./objects.ts";
import { integerRange } from "./scalars.ts";
import type { ByteSource } from "./state.ts";
import {
  describeValue,
  folded,
  isStaged,
  type PlaceValue,
  signedConstant,
  staged,
  type Value,
  type Word,
  within,
} from "./value.ts";
import { isWide } from "./wide.ts";
import { loadBytes, loadWord, shift, swap } from "./words.ts";

export function castTo(front: Front, schema: Schema<unknown>, given: Value, node: SyntaxNode): Value {
  const layout = layoutOf(schema);
  const value = present(front, given, node);
  if (isStaged(value) && layout.kind !== "address") return stagedCast(front, schema, value.value, node);
  switch (layout.kind) {
    case "integer":
      return layout.size === 8
        ? toWide(front, layout.signed, value, node)
        : toNarrow(front, layout.size, layout.signed, value, node);
    case "address":
      return toAddress(front, layout.family, value, node);
    default:
      return front.fail(
        "COMPILER_TYPE",
        { expected: "a cast (u8 to i64, mac, ipv4Address, ipv6Address)", found: "another layout" },
        node,
      );
  }
}

function stagedCast(front: Front, schema: Schema<unknown>, value: unknown, node: SyntaxNode): Value {
  const layout = layoutOf(schema);
  try {
    const cast = (schema as unknown as (value: unknown) => unknown)(value);
    const isSigned = layout.kind === "integer" && layout.size === 8 && layout.signed;
    return isSigned ? signedConstant(cast as bigint) : folded(cast);
  } catch (cause) {
    return front.fail("COMPILER_TYPE", { expected: "an integer", found: problemOf(cause) }, node);
  }
}

function toNarrow(front: Front, size: 1 | 2 | 4, isSigned: boolean, value: Value, node: SyntaxNode): Value {
  const range = integerRange(size, isSigned);
  if (value.kind === "address" && value.family === "ipv4") {
    return wrap(front, swap(front, value.words[0]!.id, 4), { min: 0, max: 0xffffffff }, size, isSigned);
  }
  if (isWide(front, value)) {
    const { id, max } = bigintOf(front, value, node);
    const known =
      max !== undefined && max <= BigInt(Number.MAX_SAFE_INTEGER) ? { min: 0, max: Number(max) } : undefined;
    if (known && within(known, range)) return { kind: "number", id: id(), range: known };
    return wrap(front, id(), undefined, size, isSigned);
  }
  if (value.kind === "boolean")
    return { kind: "number", id: booleanOf(front, value, node).id(), range: { min: 0, max: 1 } };
  const { id, range: from } = numberOf(front, value, node);
  return wrap(front, id(), from, size, isSigned);
}

/** The low bits, sign-extended where the type is signed. */
function wrap(
  front: Front,
  id: ValueId,
  from: { min: number; max: number } | undefined,
  size: 1 | 2 | 4,
  isSigned: boolean,
): Value {
  const range = integerRange(size, isSigned);
  if (from && within(from, range)) return { kind: "number", id, range: from };
  const bits = (8 * size) as 8 | 16 | 32;
  const wrapped = isSigned
    ? front.emit({ kind: "signExtend", bits, a: id })
    : front.aluConstant("and", id, (1n << BigInt(bits)) - 1n);
  return { kind: "number", id: wrapped, range };
}

function toWide(front: Front, isSigned: boolean, value: Value, node: SyntaxNode): Value {
  if (value.kind === "address" && value.family === "mac")
    return { kind: "bigint", signed: isSigned, id: macNumber(front, value.words), max: (1n << 48n) - 1n };
  if (isWide(front, value)) {
    const { id, max } = bigintOf(front, value, node);
    const keeps = max !== undefined && (!isSigned || max < 1n << 63n);
    return { kind: "bigint", id: id(), signed: isSigned, ...(keeps ? { max } : {}) };
  }
  if (value.kind === "boolean")
    return { kind: "bigint", signed: isSigned, id: booleanOf(front, value, node).id(), max: 1n };
  const { id, range } = numberOf(front, value, node);
  return {
    kind: "bigint",
    id: id(),
    signed: isSigned,
    ...(range.min >= 0 ? { max: BigInt(range.max) } : {}),
  };
}

/** Six bytes in network order as a number. */
function macNumber(front: Front, [first, second]: readonly Word[]): ValueId {
  const high = front.aluConstant("shl", swap(front, first!.id, 4), 16);
  return front.alu("or", high, swap(front, second!.id, 2));
}

function toAddress(front: Front, family: AddressFamily, value: Value, node: SyntaxNode): Value {
  if (value.kind === "place") return addressFromPlace(front, family, value, node);
  if (value.kind === "number" && family === "ipv4") {
    const { id, range } = numberOf(front, value, node);
    if (range.min < 0 || range.max > 0xffffffff)
      front.fail("COMPILER_TYPE", { expected: "a number of 32 bits", found: "a wider one" }, node);
    return { kind: "address", family, words: [{ size: 4, id: swap(front, id(), 4) }] };
  }
  if (isStaged(value) && (typeof value.value === "number" || typeof value.value === "bigint"))
    return staged(constantAddress(family, BigInt(value.value)));
  if (value.kind === "bigint") return addressFromWide(front, family, value, node);
  return { kind: "address", family, words: addressOf(front, value, family, node) };
}

const constantAddress = (family: AddressFamily, value: bigint): string => {
  const size = WORD_SIZES[family].reduce((sum: number, one) => sum + one, 0);
  const bytes = Array.from({ length: size }, (_, at) => Number((value >> BigInt(8 * (size - 1 - at))) & 0xffn));
  if (family === "ipv4") return bytes.join(".");
  if (family === "mac") return bytes.map((one) => one.toString(16).padStart(2, "0")).join(":");
  return Array.from({ length: 8 }, (_, at) => ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16)).join(":");
};

function addressFromWide(
  front: Front,
  family: AddressFamily,
  value: Extract<Value, { kind: "bigint" }>,
  node: SyntaxNode,
): Value {
  const { id, max } = bigintOf(front, value, node);
  if (family === "ipv6") {
    return {
      kind: "address",
      family,
      words: [
        { size: 8, id: front.constant(0) },
        { size: 8, id: swap(front, id(), 8) },
      ],
    };
  }
  const limit = family === "mac" ? (1n << 48n) - 1n : 0xffffffffn;
  if (max === undefined || max > limit)
    front.fail("COMPILER_TYPE", { expected: `a bigint up to ${limit}`, found: "a wider one" }, node);
  if (family === "ipv4") return { kind: "address", family, words: [{ size: 4, id: swap(front, id(), 4) }] };
  // The six low bytes, highest first: swapped, they are the upper six of eight.
  const swapped = front.aluConstant("shr", swap(front, id(), 8), 16);
  return {
    kind: "address",
    family,
    words: [
      { size: 4, id: front.aluConstant("and", swapped, 0xffffffffn) },
      { size: 2, id: front.aluConstant("shr", swapped, 32) },
    ],
  };
}

/** The bytes of a struct of the same size. */
function addressFromPlace(front: Front, family: AddressFamily, place: PlaceValue, node: SyntaxNode): Value {
  requireUsable(front, place, node);
  const size = WORD_SIZES[family].reduce((sum: number, one) => sum + one, 0);
  if (place.layout.size !== size)
    return front.fail(
      "COMPILER_TYPE",
      { expected: `${size} bytes`, found: `${describeValue(place)}, ${place.layout.size} bytes` },
      node,
    );
  let offset = 0;
  const words = WORD_SIZES[family].map((width): Word => {
    const id = loadWord(front, shift(place.at, offset), width);
    offset += width;
    return { size: width, id };
  });
  return { kind: "address", family, words };
}

/** `S.from(value)`: a stack value with the bytes of an address, of octets, or of a bigint in host order. */
export function structFrom(front: Front, schema: Schema<unknown>, call: Call): Value {
  const node = argumentNode(call, 0);
  const { size } = layoutOf(schema);
  const bytes = sourceBytes(front, argument(call, 0), size, node);
  if (bytes.length !== size)
    return front.fail("COMPILER_TYPE", { expected: `${size} bytes`, found: `${bytes.length} bytes` }, node);
  return placeAt(front, schema, { kind: "object", object: newObject(front, bytes), offset: 0 });
}

function sourceBytes(front: Front, given: Value, size: number, node: SyntaxNode): ByteSource[] {
  const value = present(front, given, node);
  if (value.kind === "address") return value.words.flatMap(({ id, size: width }) => wordBytes(front, id, width));
  if (value.kind === "place") {
    requireUsable(front, value, node);
    return loadBytes(front, value.at, value.layout.size);
  }
  if (isStaged(value) && typeof value.value === "string") {
    const family = size === 16 ? "ipv6" : size === 6 ? "mac" : "ipv4";
    return addressOf(front, value, family, node).flatMap(({ id, size: width }) => wordBytes(front, id, width));
  }
  const { constant, id } = bigintOf(front, value, node, "an address, bytes or a bigint");
  return constant === undefined ? bytesOf(id(), 8) : constantBytes(constant, 8);
}

function wordBytes(front: Front, id: ValueId, size: number): ByteSource[] {
  const operation = front.builder.definition(id)?.operation;
  return operation?.kind === "constant" ? constantBytes(operation.value, size) : bytesOf(id, size);
}
