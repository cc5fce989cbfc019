/** Binding names: parameters, `const { a, b } = …`, defaults. */
import type { SyntaxNode } from "../stage/syntax.ts";
import { stagedOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { joinOutcomes } from "./join.ts";
import { element, property } from "./property.ts";
import { isPresent } from "./splits.ts";
import { isStaged, staged, UNDEFINED, type Value } from "./value.ts";

/** Binds what a pattern names in the innermost scope. */
export function bind(front: Front, pattern: SyntaxNode, value: Value): void {
  switch (pattern.type) {
    case "Identifier": {
      const variable = front.newVariable();
      front.frame.scope.declare(pattern["name"], variable);
      front.state.variables.set(variable, value);
      return;
    }
    case "AssignmentPattern":
      bind(front, pattern["left"], withDefault(front, value, pattern["right"]));
      return;
    case "ObjectPattern":
      for (const one of pattern["properties"] as SyntaxNode[]) bindProperty(front, one, value);
      return;
    case "ArrayPattern":
      for (const [index, one] of (pattern["elements"] as (SyntaxNode | null)[]).entries()) {
        if (one?.type === "RestElement") front.unsupported("`...` in a pattern", "name the elements", one);
        if (one) bind(front, one, elementOf(front, value, index, one));
      }
      return;
    case "TSParameterProperty":
      return front.unsupported("a parameter property", "declare a field", pattern);
    default:
      return front.unsupported("this pattern", "bind names one by one", pattern);
  }
}

function withDefault(front: Front, given: Value, right: SyntaxNode): Value {
  const value = front.settle(given);
  if (isStaged(value)) return value.value === undefined ? front.language.evaluate(front, right) : value;
  if (value.kind !== "nullable" || value.nothing === null) return value;
  if (value.nothing === "either")
    front.unsupported("a default for what is null on one path and undefined on another", "give it by `??`", right);
  const { yes, no } = isPresent(front, value.present);
  front.follow(no);
  const other = front.language.evaluate(front, right);
  const outcomes = front.isReachable ? [{ state: front.leave(), value: other }] : [];
  return joinOutcomes(front, [...(yes ? [{ state: yes, value: value.value }] : []), ...outcomes], right);
}

function bindProperty(front: Front, one: SyntaxNode, value: Value): void {
  if (one.type === "RestElement") return front.unsupported("`...` in a pattern", "name the fields", one);
  const key: SyntaxNode = one["key"];
  const name = one["computed"]
    ? String(stagedOf(front, front.language.evaluate(front, key), "the name of a field", key))
    : key.type === "Identifier"
      ? key["name"]
      : String(key["value"]);
  // A record without the field is JavaScript's undefined: a default may follow.
  const isAbsent = value.kind === "record" && !value.fields.has(name) && one["value"].type === "AssignmentPattern";
  bind(front, one["value"], isAbsent ? UNDEFINED : front.settle(property(front, value, name, one)));
}

function elementOf(front: Front, value: Value, index: number, node: SyntaxNode): Value {
  if (value.kind === "record") return value.fields.get(String(index)) ?? UNDEFINED;
  if (isStaged(value) && typeof value.value === "object" && value.value !== null && Symbol.iterator in value.value)
    return staged([...(value.value as Iterable<unknown>)][index]);
  return front.settle(element(front, value, staged(index), node));
}
