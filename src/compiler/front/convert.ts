/** Values to registers: constants are checked, kinds must agree, and what may be null is refused. */
import { parseAddress } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front } from "./front.ts";
import { addressWords, normalize } from "./merge.ts";
import { isSeen } from "./seen.ts";
import { describeValue, isStaged, MAX_SAFE, type Range, signOf, staged, type Value, type Word } from "./value.ts";

/** A value that is there; an error when it may be null. */
export function present(front: Front, given: Value, node: SyntaxNode): Value {
  const value = front.settle(given);
  if (value.kind === "quotient") front.fail("COMPILER_DIVISION", {}, value.node);
  if (value.kind === "nullable") front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(node) }, node);
  if (isStaged(value) && (value.value === null || value.value === undefined))
    front.fail("COMPILER_TYPE", { expected: "a value", found: String(value.value) }, node);
  return value;
}

export interface NumberOperand {
  readonly range: Range;
  /** Set when it is one number. */
  readonly constant?: number;
  /** The constant came out of a computation. */
  readonly isFolded?: boolean;
  id(): ValueId;
}

/** A number of kernel code. @throws through front.fail for anything else */
export function numberOf(front: Front, given: Value, node: SyntaxNode, expected = "a number"): NumberOperand {
  const value = present(front, given, node);
  if (value.kind === "number") {
    return { range: front.rangeOf(value), id: () => value.id };
  }
  if (isStaged(value) && typeof value.value === "number")
    return { ...constantNumber(front, value.value, node), isFolded: value.isFolded === true };
  return front.fail("COMPILER_TYPE", { expected, found: describeValue(value) }, node);
}

function constantNumber(front: Front, constant: number, node: SyntaxNode): NumberOperand {
  if (!Number.isInteger(constant)) front.fail("COMPILER_FRACTION", { value: constant }, node);
  if (!Number.isSafeInteger(constant)) {
    const limits = { type: "a number", range: `up to 2^53 - 1 = ${MAX_SAFE}` };
    front.fail("COMPILER_CONSTANT_RANGE", { value: String(constant), ...limits }, node);
  }
  return { range: { min: constant, max: constant }, constant, id: () => front.constant(constant) };
}

/**
 * The number, so that the kernel's verifier knows that it is not above `most`: what comes from a helper, a division or the
 * distance of two pointers is any number to it, and gets a mask, or is compared where that leaves too much.
 */
export function bounded(front: Front, id: ValueId, range: Range, node: SyntaxNode, most = MAX_SAFE): ValueId {
  const mask = 2 ** Math.max(0, range.max).toString(2).length - 1;
  if (isSeen(front, id, mask)) return id;
  if (mask <= most) return front.aluConstant("and", id, BigInt(mask));
  const { yes, no } = front.branch("gt", id, front.constant(range.max));
  const least = front.join([
    { state: yes, value: staged(range.max) },
    { state: no, value: { kind: "number", id, range } },
  ]);
  return numberOf(front, least, node).id();
}

/** A bigint of kernel code; with `max` it is 0 to `max`. */
export interface WideOperand {
  /** The constant came out of a computation. */
  readonly isFolded?: boolean;
  readonly signed: boolean;
  readonly max?: bigint;
  readonly constant?: bigint;
  id(): ValueId;
}

export function bigintOf(front: Front, given: Value, node: SyntaxNode, expected = "a bigint"): WideOperand {
  const value = present(front, given, node);
  if (value.kind === "bigint") {
    const { id, signed, max } = value;
    return { signed, id: () => id, ...(max === undefined ? {} : { max }) };
  }
  if (isStaged(value) && typeof value.value === "bigint") {
    const constant = value.value;
    if (constant < -(2n ** 63n) || constant >= 2n ** 64n) {
      const limits = { type: "64 bits", range: "-2^63 to 2^64 - 1" };
      front.fail("COMPILER_CONSTANT_RANGE", { value: `${constant}n`, ...limits }, node);
    }
    return {
      signed: signOf(value) === "signed",
      constant,
      isFolded: value.isFolded === true,
      id: () => front.constant(constant),
      ...(constant < 0n ? {} : { max: constant }),
    };
  }
  return front.fail("COMPILER_TYPE", { expected, found: describeValue(value) }, node);
}

/** A boolean as 0 or 1. */
export function booleanOf(
  front: Front,
  given: Value,
  node: SyntaxNode,
): { readonly constant?: boolean; id(): ValueId } {
  const value = present(front, given, node);
  if (value.kind === "boolean") {
    return { id: () => (value.isBit ? value.id : normalize(front, value.id)) };
  }
  if (isStaged(value) && typeof value.value === "boolean") {
    const constant = value.value;
    return { constant, id: () => front.constant(constant ? 1 : 0) };
  }
  return front.fail("COMPILER_TYPE", { expected: "a boolean", found: describeValue(value) }, node);
}

const FAMILIES = { mac: "a MAC address", ipv4: "an IPv4 address", ipv6: "an IPv6 address" } as const;

/** An address of a family, in memory order; text of the module counts. */
export function addressOf(
  front: Front,
  given: Value,
  family: keyof typeof FAMILIES,
  node: SyntaxNode,
): readonly Word[] {
  const value = present(front, given, node);
  if (value.kind === "address" && value.family === family) return value.words;
  const bytes =
    isStaged(value) && typeof value.value === "string" ? addressBytes(front, value.value, family, node) : undefined;
  if (bytes) return addressWords(front, family, bytes);
  return front.fail("COMPILER_TYPE", { expected: FAMILIES[family], found: describeValue(value) }, node);
}

/** Text of the module that stands for an IP address; anything else as it is. */
export function asIpAddress(front: Front, value: Value, node: SyntaxNode): Value {
  if (!isStaged(value) || typeof value.value !== "string") return value;
  const family = value.value.includes(":") ? "ipv6" : "ipv4";
  return {
    kind: "address",
    family,
    words: addressWords(front, family, addressBytes(front, value.value, family, node)),
  };
}

export function addressBytes(front: Front, text: string, family: keyof typeof FAMILIES, node: SyntaxNode): Uint8Array {
  try {
    return parseAddress(family, text);
  } catch {
    return front.fail("COMPILER_ADDRESS_TEXT", { text, family: FAMILIES[family] }, node);
  }
}

/** A constant of the module. */
export function stagedOf(front: Front, given: Value, what: string, node: SyntaxNode): unknown {
  const value = front.settle(given);
  if (isStaged(value)) return value.value;
  if (value.kind === "quotient") return front.fail("COMPILER_DIVISION", {}, value.node);
  return front.fail("COMPILER_NOT_STAGED", { what }, node);
}
