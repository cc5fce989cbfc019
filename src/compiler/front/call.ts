/** What a handler of a call gets, and how it answers. */
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { UNDEFINED, type Value } from "./value.ts";

export interface Call {
  readonly node: SyntaxNode;
  readonly values: readonly Value[];
  readonly nodes: readonly SyntaxNode[];
  /** False where the call is a statement: its result is not looked at. */
  readonly isUsed: boolean;
}

/** The ways out of the call. */
export type Handler = (front: Front, call: Call) => Outcome[];
/** The same of a method. */
export type Method<R> = (front: Front, receiver: R, call: Call) => Outcome[];

export const argument = ({ values }: Call, index: number): Value => values[index] ?? UNDEFINED;
export const argumentNode = ({ nodes, node }: Call, index: number): SyntaxNode => nodes[index] ?? node;

/** A handler that gives one value on one path. */
export const value =
  (make: (front: Front, call: Call) => Value): Handler =>
  (front, call) =>
    outcome(front, make(front, call));
