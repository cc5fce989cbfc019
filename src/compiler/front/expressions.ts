/**
 * Expressions. `evaluate` gives one value, `split` the paths that an expression leaves by, each with its value, and
 * `condition` the paths on which it is true and false: so that `x ?? exit(…)` and `if (!x)` need no flag.
 */
import { intrinsicOf } from "../../lang/index.ts";
import { isSchema, type Schema } from "../../schema/index.ts";
import { type SyntaxNode, unwrap } from "../stage/syntax.ts";
import { assignTo, update } from "./assign.ts";
import { compare, isComparison, truth } from "./comparisons.ts";
import { present, stagedOf } from "./convert.ts";
import type { Front, Outcome, Split } from "./front.ts";
import { joinOutcomes } from "./join.ts";
import { binary, unary } from "./operators.ts";
import { element, property } from "./property.ts";
import { booleanFrom, isPresent } from "./splits.ts";
import { traceText } from "./trace.ts";
import { isNothing, isStaged, type PlaceValue, staged, UNDEFINED, type Value } from "./value.ts";

/** The value, in its simplest form. */
export function evaluate(front: Front, node: SyntaxNode): Value {
  if (SPLITTING.has(node.type)) return joinOutcomes(front, split(front, node), node);
  return front.settle(single(front, node));
}

const SPLITTING = new Set([
  "CallExpression",
  "ConditionalExpression",
  "LogicalExpression",
  "ChainExpression",
  "SequenceExpression",
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSInstantiationExpression",
]);

/** The ways out of an expression: one for each kind of answer (null, true, false, anything else). */
export function split(front: Front, node: SyntaxNode): Outcome[] {
  return grouped(front, ways(front, node), node);
}

function ways(front: Front, node: SyntaxNode): Outcome[] {
  switch (node.type) {
    case "CallExpression":
      return front.language.callExpression(front, node, []);
    case "ConditionalExpression": {
      const { yes, no } = condition(front, node["test"]);
      return [...onPath(front, yes, node["consequent"]), ...onPath(front, no, node["alternate"])];
    }
    case "LogicalExpression":
      return logical(front, node);
    case "ChainExpression":
      return chain(front, node["expression"]);
    case "SequenceExpression": {
      const expressions: SyntaxNode[] = node["expressions"];
      for (const one of expressions.slice(0, -1)) {
        evaluate(front, one);
        if (!front.isReachable) return [];
      }
      return ways(front, expressions.at(-1)!);
    }
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSInstantiationExpression":
      return ways(front, node["expression"]);
    default: {
      const value = evaluate(front, node);
      return front.isReachable ? [{ value, state: front.leave() }] : [];
    }
  }
}

function onPath(front: Front, state: Split["yes"], node: SyntaxNode): Outcome[] {
  if (!state) return [];
  front.follow(state);
  return ways(front, node);
}

/** Paths with answers of one kind are joined. */
function grouped(front: Front, outcomes: readonly Outcome[], node: SyntaxNode): Outcome[] {
  if (outcomes.length < 2) return [...outcomes];
  const groups = new Map<unknown, Outcome[]>();
  for (const outcome of outcomes) {
    front.follow(outcome.state);
    const key = kindOf(front.settle(outcome.value));
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return [...groups.values()].flatMap((group) => {
    const value = joinOutcomes(front, group, node);
    return front.isReachable ? [{ value, state: front.leave() }] : [];
  });
}

function kindOf(value: Value): unknown {
  if (isNothing(value)) return isStaged(value) && value.value === null ? "null" : "undefined";
  if (value.kind === "record") return recordKind(value);
  if (!isStaged(value)) return "value";
  const { value: constant } = value;
  if (typeof constant === "boolean" || typeof constant === "function") return constant;
  return typeof constant === "object" ? constant : "value";
}

/** `{ found: true, … }` and `{ found: false, … }` are answers of two kinds. */
function recordKind({ fields }: Extract<Value, { kind: "record" }>): string {
  const flags = [...fields].filter(([, value]) => isStaged(value) && typeof value.value === "boolean");
  return `record ${flags.map(([name, value]) => `${name}=${isStaged(value) && value.value}`).join()}`;
}

function logical(front: Front, node: SyntaxNode): Outcome[] {
  const { operator, left, right } = node as unknown as { operator: string; left: SyntaxNode; right: SyntaxNode };
  const outcomes: Outcome[] = [];
  for (const { state, value } of split(front, left)) {
    front.follow(state);
    if (operator === "??") {
      outcomes.push(...coalesce(front, value, right));
      continue;
    }
    const settled = front.settle(value);
    const { yes, no } = truth(front, settled, left);
    const [kept, other] = operator === "&&" ? [no, yes] : [yes, no];
    if (kept) {
      front.follow(kept);
      // The value that stays is known by its truth where it is a boolean.
      const isBoolean = settled.kind === "boolean" || (isStaged(settled) && typeof settled.value === "boolean");
      outcomes.push({ state: front.leave(), value: isBoolean ? staged(operator === "||") : settled });
    }
    outcomes.push(...onPath(front, other, right));
  }
  return outcomes;
}

function coalesce(front: Front, given: Value, right: SyntaxNode): Outcome[] {
  const value = front.settle(given);
  if (isNothing(value)) return ways(front, right);
  if (value.kind !== "nullable") return [{ state: front.leave(), value }];
  const { yes, no } = isPresent(front, value.present);
  return [...(yes ? [{ state: yes, value: value.value }] : []), ...onPath(front, no, right)];
}

/** `a?.b?.c()`: what is null ends the chain with undefined. */
function chain(front: Front, node: SyntaxNode): Outcome[] {
  const ended: Outcome[] = [];
  const outcomes = link(front, node, ended);
  return [...outcomes, ...ended];
}

function link(front: Front, node: SyntaxNode, ended: Outcome[]): Outcome[] {
  if (node.type === "CallExpression") return front.language.callExpression(front, node, ended);
  const value = member(front, node, ended);
  return front.isReachable ? [{ value, state: front.leave() }] : [];
}

/** What stands before `.` or `[`; on the paths where it is null and the link is optional, the chain has ended. */
export function receiver(front: Front, node: SyntaxNode, ended: Outcome[]): Value {
  const object: SyntaxNode = node["object"];
  const inner = unwrap(object);
  const isLink = inner.type === "MemberExpression" || inner.type === "CallExpression";
  const value =
    isLink && inner === object ? joinOutcomes(front, link(front, inner, ended), object) : evaluate(front, object);
  if (!node["optional"] || !front.isReachable) return value;
  if (isNothing(value)) {
    ended.push({ state: front.leave(), value: UNDEFINED });
    return value;
  }
  if (value.kind !== "nullable") return value;
  const { yes, no } = isPresent(front, value.present);
  if (no) ended.push({ state: no, value: UNDEFINED });
  front.follow(yes);
  return front.settle(value.value);
}

function member(front: Front, node: SyntaxNode, ended: Outcome[]): Value {
  const value = receiver(front, node, ended);
  if (!front.isReachable) return UNDEFINED;
  front.at(node);
  if (!node["computed"]) return front.settle(property(front, value, node["property"].name, node));
  const index = evaluate(front, node["property"]);
  return front.settle(element(front, value, index, node));
}

function single(front: Front, node: SyntaxNode): Value {
  front.at(node);
  switch (node.type) {
    case "Literal":
      return literal(front, node);
    case "TemplateLiteral":
      return template(front, node);
    case "Identifier":
      return identifier(front, node);
    case "ThisExpression":
      return variable(front, "this", node) ?? front.unsupported("`this`", "name what it stands for", node);
    case "MemberExpression":
      return member(front, node, []);
    case "BinaryExpression":
      return binaryExpression(front, node);
    case "UnaryExpression":
      return unaryExpression(front, node);
    case "AssignmentExpression":
      return assignTo(front, node);
    case "UpdateExpression":
      return update(front, node);
    case "ObjectExpression":
      return record(front, node);
    case "ArrayExpression":
      return tuple(front, node);
    case "ArrowFunctionExpression":
    case "FunctionExpression":
      refuseKind(front, node);
      return { kind: "closure", node, scope: front.frame.scope, owner: front.frame.fn };
    case "NewExpression":
      return front.language.newExpression(front, node);
    case "TSNonNullExpression":
      return notNull(front, node);
    case "TaggedTemplateExpression":
      return tagged(front, node);
    default:
      return front.unsupported(CONSTRUCTS[node.type] ?? node.type, "say it with what docs/language.md lists", node);
  }
}

const CONSTRUCTS: Readonly<Record<string, string>> = {
  AwaitExpression: "`await`",
  YieldExpression: "`yield`",
  ClassExpression: "a class",
  ImportExpression: "`import()`",
  MetaProperty: "`import.meta`",
  Super: "`super`",
  SpreadElement: "`...`",
};

export function refuseKind(front: Front, node: SyntaxNode): void {
  if (node["async"]) front.unsupported("an async function", "kernel code runs to its end at once", node);
  if (node["generator"]) front.unsupported("a generator", "use range(n) or unroll(n)", node);
}

/** trace`…`: the only tag there is. */
function tagged(front: Front, node: SyntaxNode): Value {
  const tag = evaluate(front, node["tag"]);
  const intrinsic = isStaged(tag) && typeof tag.value === "function" ? intrinsicOf(tag.value) : undefined;
  if (intrinsic?.name !== "trace") return front.unsupported("a tagged template", "only trace`…` is one", node);
  front.unit.needIntrinsic(front, intrinsic, node);
  const { quasis, expressions } = node["quasi"] as { quasis: SyntaxNode[]; expressions: SyntaxNode[] };
  const values: Value[] = [];
  for (const one of expressions) {
    values.push(evaluate(front, one));
    if (!front.isReachable) return UNDEFINED;
  }
  front.at(node);
  traceText(
    front,
    quasis.map((quasi) => String(quasi["value"].cooked)),
    values,
    expressions,
    node,
  );
  return UNDEFINED;
}

function literal(front: Front, node: SyntaxNode): Value {
  if (node["regex"]) return front.unsupported("a regular expression", "match bytes with headers and comparisons", node);
  return staged(node["bigint"] === undefined || node["bigint"] === null ? node["value"] : BigInt(node["bigint"]));
}

function template(front: Front, node: SyntaxNode): Value {
  const quasis: SyntaxNode[] = node["quasis"];
  const texts = quasis.map((quasi) => quasi["value"].cooked as string);
  const values = (node["expressions"] as SyntaxNode[]).map((one) =>
    String(stagedOf(front, evaluate(front, one), "text", one)),
  );
  return staged(texts.map((text, index) => text + (values[index] ?? "")).join(""));
}

function variable(front: Front, name: string, node: SyntaxNode): Value | undefined {
  const found = front.frame.scope.find(name);
  if (found === undefined) return undefined;
  if (front.isBeyond(found)) front.fail("COMPILER_CAPTURED", { name }, node);
  const value = front.state.variables.get(found);
  return value ?? front.fail("COMPILER_PATHS_DIFFER", { name }, node);
}

function identifier(front: Front, node: SyntaxNode): Value {
  const name: string = node["name"];
  if (name === "undefined") return UNDEFINED;
  return variable(front, name, node) ?? captured(front, name, node);
}

/** A name of the module, as it is now. */
function captured(front: Front, name: string, node: SyntaxNode): Value {
  const thunk = front.frame.fn.captures.get(name);
  if (!thunk) return front.fail("COMPILER_UNKNOWN_NAME", { name }, node);
  try {
    return staged(thunk());
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    if (/is not defined/.test(cause.message)) return front.fail("COMPILER_UNKNOWN_NAME", { name }, node);
    return front.fail("COMPILER_NOT_EVALUATED", { name }, node);
  }
}

function binaryExpression(front: Front, node: SyntaxNode): Value {
  const operator: string = node["operator"];
  if (isComparison(operator)) return booleanFrom(front, condition(front, node));
  if (operator === "instanceof") return instanceOf(front, node);
  const left = evaluate(front, node["left"]);
  if (!front.isReachable) return left;
  const right = evaluate(front, node["right"]);
  if (!front.isReachable) return right;
  front.at(node);
  return binary(front, operator, left, right, node);
}

/** Which class a place has is known when the program is compiled. */
function instanceOf(front: Front, node: SyntaxNode): Value {
  const value = present(front, evaluate(front, node["left"]), node["left"]);
  const type = stagedOf(front, evaluate(front, node["right"]), "the class", node["right"]);
  if (isStaged(value)) return staged(typeof type === "function" && value.value instanceof type);
  return staged(value.kind === "place" && (value as PlaceValue).schema === type);
}

function unaryExpression(front: Front, node: SyntaxNode): Value {
  const operator: string = node["operator"];
  if (operator === "!") return booleanFrom(front, condition(front, node));
  if (operator === "delete") return front.unsupported("`delete`", "structs have fixed fields", node);
  const value = evaluate(front, node["argument"]);
  return front.isReachable ? unary(front, operator, value, node) : value;
}

function record(front: Front, node: SyntaxNode): Value {
  const fields = new Map<string, Value>();
  const nodes = new Map<string, SyntaxNode>();
  for (const one of node["properties"] as SyntaxNode[]) {
    if (one.type === "SpreadElement") return front.unsupported("`...` in an object", "name the fields", one);
    if (one["kind"] !== "init" || one["method"])
      return front.unsupported("a method or getter of an object", "write a function, or a getter of the struct", one);
    const name = keyOf(front, one);
    fields.set(name, evaluate(front, one["value"]));
    nodes.set(name, one["value"]);
    if (!front.isReachable) return UNDEFINED;
  }
  return { kind: "record", fields, nodes, isTuple: false };
}

export function keyOf(front: Front, property: SyntaxNode): string {
  const key: SyntaxNode = property["key"];
  if (property["computed"]) return String(stagedOf(front, evaluate(front, key), "the name of a field", key));
  return key.type === "Identifier" ? key["name"] : String(key["value"]);
}

function tuple(front: Front, node: SyntaxNode): Value {
  const fields = new Map<string, Value>();
  const nodes = new Map<string, SyntaxNode>();
  for (const [index, one] of (node["elements"] as (SyntaxNode | null)[]).entries()) {
    if (one?.type === "SpreadElement") return front.unsupported("`...` in a list", "name the elements", one);
    fields.set(String(index), one ? evaluate(front, one) : UNDEFINED);
    if (one) nodes.set(String(index), one);
    if (!front.isReachable) return UNDEFINED;
  }
  return { kind: "record", fields, nodes, isTuple: true };
}

/** `x!` is a claim; what cannot be proven is refused. */
function notNull(front: Front, node: SyntaxNode): Value {
  const value = evaluate(front, node["expression"]);
  if (!front.isReachable) return value;
  if (value.kind !== "nullable" && !isNothing(value)) return value;
  return front.fail("COMPILER_NOT_PROVEN", { what: front.textOf(node["expression"]) }, node);
}

// Conditions.

export function condition(front: Front, node: SyntaxNode): Split {
  front.at(node);
  switch (node.type) {
    case "UnaryExpression":
      if (node["operator"] === "!") {
        const { yes, no } = condition(front, node["argument"]);
        return { yes: no, no: yes };
      }
      return byTruth(front, node);
    case "LogicalExpression":
      return node["operator"] === "??" ? byTruth(front, node) : shortCircuit(front, node);
    case "BinaryExpression":
      return isComparison(node["operator"]) ? comparison(front, node) : byTruth(front, node);
    case "TSAsExpression":
    case "TSSatisfiesExpression":
      return condition(front, node["expression"]);
    default:
      return byTruth(front, node);
  }
}

function shortCircuit(front: Front, node: SyntaxNode): Split {
  const first = condition(front, node["left"]);
  const isAnd = node["operator"] === "&&";
  const goes = isAnd ? first.yes : first.no;
  if (!goes) return first;
  front.follow(goes);
  const second = condition(front, node["right"]);
  if (isAnd) return { yes: second.yes, no: front.joinStates([first.no, second.no]) };
  return { yes: front.joinStates([first.yes, second.yes]), no: second.no };
}

function comparison(front: Front, node: SyntaxNode): Split {
  const operator: string = node["operator"];
  const yes: Split["yes"][] = [];
  const no: Split["no"][] = [];
  // `f(x) === null`: each kind of answer is a path of its own.
  for (const { state, value } of split(front, node["left"])) {
    front.follow(state);
    const right = evaluate(front, node["right"]);
    if (!front.isReachable) continue;
    front.at(node);
    const one = compare(front, operator, value, right, node);
    yes.push(one.yes);
    no.push(one.no);
  }
  return { yes: front.joinStates(yes), no: front.joinStates(no) };
}

function byTruth(front: Front, node: SyntaxNode): Split {
  const yes: Split["yes"][] = [];
  const no: Split["no"][] = [];
  for (const { state, value } of split(front, node)) {
    front.follow(state);
    const one = truth(front, value, node);
    yes.push(one.yes);
    no.push(one.no);
  }
  return { yes: front.joinStates(yes), no: front.joinStates(no) };
}

/** A schema that stands in the module. */
export function schemaOf(front: Front, value: Value, node: SyntaxNode): Schema<unknown> {
  const schema = stagedOf(front, value, "the layout", node);
  if (!isSchema(schema))
    return front.fail("COMPILER_TYPE", { expected: "a layout (u32, a struct class)", found: String(schema) }, node);
  return schema;
}
