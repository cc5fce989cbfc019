/** Functions that outlive the scope they were written in: what they see of it must stay. */
import type { Scope } from "./scope.ts";
import type { State } from "./state.ts";
import type { Value } from "./value.ts";

/** Whether a value is or holds a function that sees the names of a scope. */
function sees(value: Value, scope: Scope): boolean {
  switch (value.kind) {
    case "closure":
      for (let one: Scope | undefined = value.scope; one; one = one.parent) if (one === scope) return true;
      return false;
    case "record":
      return [...value.fields.values()].some((field) => sees(field, scope));
    case "nullable":
      return sees(value.value, scope);
    default:
      return false;
  }
}

/** Whether a function that sees the scope is in the result, or in a variable of another scope. */
export function isSeenFromOutside(scope: Scope, { variables }: State, result: Value | undefined): boolean {
  if (result && sees(result, scope)) return true;
  const own = new Set(scope.variables());
  for (const [variable, value] of variables) if (!own.has(variable) && sees(value, scope)) return true;
  return false;
}
