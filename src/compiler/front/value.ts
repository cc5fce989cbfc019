/**
 * What an expression is to the compiler: a constant of the staged module, a value in registers, a place in memory, or
 * something that exists at compile time only.
 *
 * Invariant: values are immutable. What changes at run time (variables, cursors) lives in `State` under a number.
 */
import { MapHandle } from "../../lang/index.ts";
import type { Layout, Schema } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { KernelFunction, Scope } from "./scope.ts";

/** Inclusive bounds of a number: exact integers, at most 2^53 - 1 in size. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The memory that a pointer points into. */
export type Region =
  /** Dies with the generation: at `adjustHead` and its kin. */
  | { readonly kind: "packet"; readonly generation: number }
  /** Metadata in front of the packet. */
  | { readonly kind: "metadata"; readonly generation: number }
  | { readonly kind: "map"; readonly map: object; readonly isShared: boolean }
  | { readonly kind: "stack"; readonly slot: number }
  | { readonly kind: "global"; readonly variable: object; readonly isReadOnly: boolean }
  | { readonly kind: "record"; readonly map: object };

export interface Pointer {
  readonly kind: "memory";
  readonly base: ValueId;
  /** Bytes. */
  readonly offset: number;
  readonly region: Region;
  /** Alignment of the base that is certain; 8 for map values and stack slots. */
  readonly align: number;
}

/** Bytes of a stack value that is held in registers: `State.objects` has its content. */
export interface ObjectBytes {
  readonly kind: "object";
  readonly object: number;
  /** Bytes. */
  readonly offset: number;
}

export interface PlaceValue {
  readonly kind: "place";
  /** Of a scalar: then the place is a Cell. */
  readonly schema: Schema<unknown>;
  readonly layout: Layout;
  readonly at: Pointer | ObjectBytes;
  /** A Cell: the place of a scalar, read by `.value`. */
  readonly isCell: boolean;
  /** When this name for the place was made: writes over the whole place since then make it stale. */
  readonly stamp: number;
}

/** A piece of an address or of copied bytes, in memory order. */
export interface Word {
  readonly id: ValueId;
  readonly size: 1 | 2 | 4 | 8;
}

export type Value =
  /** A value of the staged module, or a constant. */
  | {
      readonly kind: "staged";
      readonly value: unknown;
      /** It came out of a computation: a store wraps it, where a constant that is written down must fit. */
      readonly isFolded?: true;
      /** A bigint that i64(…), a field of type i64 or `-x` made. One below zero is signed without it. */
      readonly isSigned?: true;
    }
  | { readonly kind: "number"; readonly id: ValueId; readonly range: Range }
  /** With `max` it is known to be 0 to `max`, whatever its sign may be. */
  | { readonly kind: "bigint"; readonly id: ValueId; readonly signed: boolean; readonly max?: bigint }
  /** False when 0; true is 1 where `isBit` says so, else anything but 0. */
  | { readonly kind: "boolean"; readonly id: ValueId; readonly isBit: boolean }
  | { readonly kind: "address"; readonly family: "mac" | "ipv4" | "ipv6"; readonly words: readonly Word[] }
  | PlaceValue
  /** Null (or undefined) when `present` is 0. */
  | { readonly kind: "nullable"; readonly present: ValueId; readonly value: Value; readonly nothing: Nothing }
  /** Names or indices to values: `{ ipv4, offset }`, `[a, b]`. */
  | {
      readonly kind: "record";
      readonly fields: ReadonlyMap<string, Value>;
      readonly isTuple: boolean;
      /** Where they are written, for errors. */
      readonly nodes?: ReadonlyMap<string, SyntaxNode>;
    }
  /** `a / b` of numbers, which only Math.trunc may look at. */
  | { readonly kind: "quotient"; readonly left: Value; readonly right: Value; readonly node: SyntaxNode }
  | { readonly kind: "context" }
  | { readonly kind: "cursor"; readonly variable: number }
  | { readonly kind: "closure"; readonly node: SyntaxNode; readonly scope: Scope; readonly owner: KernelFunction }
  /** A map found in a map of maps. */
  | { readonly kind: "innerMap"; readonly id: ValueId; readonly template: object }
  /** An entry of nf_conntrack: `State.records` says whether it is held. `isNew`: it was allocated, and is not in the table. */
  | { readonly kind: "connection"; readonly id: ValueId; readonly isNew: boolean };

export type Connection = Extract<Value, { kind: "connection" }>;

export const staged = (value: unknown): Value => ({ kind: "staged", value });
export const folded = (value: unknown): Value => ({ kind: "staged", value, isFolded: true });
/** A signed bigint that is known: its low 64 bits. */
export const signedConstant = (value: bigint): Value => ({
  kind: "staged",
  value: BigInt.asIntN(64, value),
  isFolded: true,
  isSigned: true,
});

/**
 * How the 64 bits of a bigint are to be read. A constant that is the same number either way, and that nobody has made
 * signed, is "either": it takes the sign of what it meets in a variable.
 */
export function signOf(value: Value): "signed" | "unsigned" | "either" | undefined {
  if (value.kind === "bigint") return value.signed ? "signed" : "unsigned";
  if (!isStaged(value) || typeof value.value !== "bigint") return undefined;
  if (value.isSigned || value.value < 0n) return "signed";
  return value.value < 2n ** 63n ? "either" : "unsigned";
}

/** The sign of a variable that holds these bigints; undefined when no type holds them all. */
export function commonSign(values: readonly Value[]): "signed" | "unsigned" | undefined {
  const signs = new Set(values.map(signOf));
  signs.delete("either");
  if (signs.size > 1) return undefined;
  return signs.has("signed") ? "signed" : "unsigned";
}

export const UNDEFINED: Value = staged(undefined);
export const NULL: Value = staged(null);

export const MAX_SAFE = Number.MAX_SAFE_INTEGER;
export const U32: Range = { min: 0, max: 0xffffffff };

/** What is there when a value is not: on one path the one, on another the other. */
export type Nothing = null | undefined | "either";

export const isNothing = (value: Value): boolean =>
  value.kind === "staged" && (value.value === null || value.value === undefined);

/** What is there where one of the values is not. */
export function nothingOf(values: readonly Value[]): Nothing {
  const all = values.flatMap((one): Nothing[] => {
    if (one.kind === "nullable") return [one.nothing];
    return isNothing(one) ? [isStaged(one) && one.value === null ? null : undefined] : [];
  });
  return all.every((one) => one === all[0]) ? all[0] : "either";
}

export const isStaged = (value: Value): value is Extract<Value, { kind: "staged" }> => value.kind === "staged";

export const within = (inner: Range, outer: Range): boolean => inner.min >= outer.min && inner.max <= outer.max;
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
export const clampRange = ({ min, max }: Range): Range => ({
  min: Math.max(min, -MAX_SAFE),
  max: Math.min(max, MAX_SAFE),
});

/** What a value is called in messages. */
export function describeValue(value: Value): string {
  switch (value.kind) {
    case "staged":
      return describeStaged(value.value);
    case "number":
    case "bigint":
    case "boolean":
      return `a ${value.kind}`;
    case "address":
      return value.family === "mac" ? "a MAC address" : `an ${value.family === "ipv4" ? "IPv4" : "IPv6"} address`;
    case "place":
      return value.layout.kind === "struct" ? `a place of ${value.layout.name || "a struct"}` : "a place";
    case "nullable":
      return `${describeValue(value.value)} or null`;
    case "record":
      return value.isTuple ? "a list" : "a record";
    case "quotient":
      return "a quotient";
    case "context":
      return "the context";
    case "cursor":
      return "a cursor";
    case "closure":
      return "a function";
    case "innerMap":
      return "a map";
    case "connection":
      return value.isNew ? "a connection that is not inserted" : "a connection";
  }
}

function describeStaged(value: unknown): string {
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value === "bigint") return `the bigint ${value}n`;
  if (typeof value === "string") return `the text ${JSON.stringify(value)}`;
  if (typeof value === "function") return value.name === "" ? "a function" : value.name;
  if (value instanceof MapHandle) return "a map";
  return Array.isArray(value) ? "an array" : "an object";
}
