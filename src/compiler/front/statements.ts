/** Statements of a function body. What follows a return, a break or `exit` is not lowered: no path leads there. */
import { MapHandle, range, unroll } from "../../lang/index.ts";
import { type SyntaxNode, unwrap } from "../stage/syntax.ts";
import { isSeenFromOutside } from "./closures.ts";
import { compare } from "./comparisons.ts";
import { stagedOf } from "./convert.ts";
import { condition, evaluate, refuseKind, split } from "./expressions.ts";
import type { Front, JumpTarget, Outcome, Split } from "./front.ts";
import { countedLoop, realLoop, withTarget } from "./loops.ts";
import { bind } from "./patterns.ts";
import { Scope } from "./scope.ts";
import type { State } from "./state.ts";
import { isStaged, staged, UNDEFINED, type Value } from "./value.ts";

/** Statements in a scope of their own. */
export function block(front: Front, statements: readonly SyntaxNode[]): void {
  inScope(front, () => list(front, statements));
}

export function inScope(front: Front, body: () => void): void {
  const { frame } = front;
  const outer = frame.scope;
  frame.scope = new Scope(outer);
  const inner = frame.scope;
  body();
  frame.scope = outer;
  if (!front.isReachable || isSeenFromOutside(inner, front.state, undefined)) return;
  for (const variable of inner.variables()) front.state.variables.delete(variable);
}

function list(front: Front, statements: readonly SyntaxNode[]): void {
  hoist(front, statements);
  for (let index = 0; index < statements.length && front.isReachable; index++) {
    const one = statements[index]!;
    const next = statements[index + 1];
    if (next && testsAtOnce(one, next)) {
      declareAndTest(front, one, next);
      index++;
    } else statement(front, one);
  }
}

/** Functions that are declared in a block are known in all of it. */
function hoist(front: Front, statements: readonly SyntaxNode[]): void {
  for (const one of statements) {
    if (one.type !== "FunctionDeclaration") continue;
    refuseKind(front, one);
    const { frame } = front;
    bindName(front, one["id"].name, { kind: "closure", node: one, scope: frame.scope, owner: frame.fn });
  }
}

export function bindName(front: Front, name: string, value: Value): void {
  const variable = front.newVariable();
  front.frame.scope.declare(name, variable);
  front.state.variables.set(variable, value);
}

/** `const x = …; if (!x …)`: each answer of the first goes its own way through the second. */
function testsAtOnce(one: SyntaxNode, next: SyntaxNode): boolean {
  if (one.type !== "VariableDeclaration" || next.type !== "IfStatement" || one["declarations"].length !== 1)
    return false;
  const { id, init } = one["declarations"][0];
  if (id.type !== "Identifier" || !init || unwrap(init).type !== "CallExpression") return false;
  return testsFirst(next["test"], id.name);
}

function testsFirst(test: SyntaxNode, name: string): boolean {
  switch (test.type) {
    case "LogicalExpression":
    case "BinaryExpression":
      return testsFirst(test["left"], name);
    case "UnaryExpression":
      return test["operator"] === "!" && testsFirst(test["argument"], name);
    case "MemberExpression":
      return testsFirst(test["object"], name);
    default:
      return test.type === "Identifier" && test["name"] === name;
  }
}

function declareAndTest(front: Front, declaration: SyntaxNode, test: SyntaxNode): void {
  const { id, init } = declaration["declarations"][0];
  const variable = front.newVariable();
  const outcomes = split(front, init);
  front.frame.scope.declare(id.name, variable);
  const yes: (State | undefined)[] = [];
  const no: (State | undefined)[] = [];
  for (const { state, value } of outcomes) {
    front.follow(state);
    state.variables.set(variable, value);
    const one = condition(front, test["test"]);
    yes.push(one.yes);
    no.push(one.no);
  }
  ifBranches(front, { yes: front.joinStates(yes), no: front.joinStates(no) }, test);
}

function statement(front: Front, node: SyntaxNode): void {
  front.at(node);
  switch (node.type) {
    case "VariableDeclaration":
      return declaration(front, node);
    case "ExpressionStatement":
      front.unused = unwrap(node["expression"]);
      evaluate(front, node["expression"]);
      front.unused = undefined;
      return;
    case "IfStatement":
      return ifBranches(front, condition(front, node["test"]), node);
    case "BlockStatement":
      return block(front, node["body"]);
    case "ReturnStatement":
      return returnStatement(front, node);
    case "SwitchStatement":
      return switchStatement(front, node);
    case "ForOfStatement":
      return forOf(front, node, undefined);
    case "ForStatement":
    case "WhileStatement":
    case "DoWhileStatement":
      return loopStatement(front, node, undefined);
    case "LabeledStatement":
      return labeled(front, node);
    case "BreakStatement":
    case "ContinueStatement":
      return jump(front, node);
    case "EmptyStatement":
    case "FunctionDeclaration":
      return;
    default:
      if (/^TS.*Declaration$/.test(node.type)) return;
      return front.unsupported(CONSTRUCTS[node.type] ?? node.type, "say it with what docs/language.md lists", node);
  }
}

const CONSTRUCTS: Readonly<Record<string, string>> = {
  TryStatement: "`try`",
  ThrowStatement: "`throw`",
  ForInStatement: "`for…in`",
  ClassDeclaration: "a class",
  DebuggerStatement: "`debugger`",
  WithStatement: "`with`",
};

function declaration(front: Front, node: SyntaxNode): void {
  if (node["kind"] === "using" || node["kind"] === "await using")
    front.unsupported("`using`", "kernel code has nothing to dispose of", node);
  for (const { id, init } of node["declarations"] as { id: SyntaxNode; init: SyntaxNode | null }[]) {
    const value = init ? evaluate(front, init) : UNDEFINED;
    if (!front.isReachable) return;
    bind(front, id, value);
  }
}

function ifBranches(front: Front, { yes, no }: Split, node: SyntaxNode): void {
  const ends: (State | undefined)[] = [];
  if (yes) {
    front.follow(yes);
    inScope(front, () => statement(front, node["consequent"]));
    if (front.isReachable) ends.push(front.leave());
  }
  if (no) {
    front.follow(no);
    if (node["alternate"]) inScope(front, () => statement(front, node["alternate"]));
    if (front.isReachable) ends.push(front.leave());
  }
  front.joinStates(ends);
}

function returnStatement(front: Front, node: SyntaxNode): void {
  const { returns } = front.frame;
  if (!node["argument"]) {
    returns.push({ state: front.leave(), value: UNDEFINED, from: node });
    return;
  }
  returns.push(...split(front, node["argument"]).map((one) => ({ ...one, from: node })));
  front.follow(undefined);
}

function jump(front: Front, node: SyntaxNode): void {
  const label: string | undefined = node["label"]?.name;
  const isContinue = node.type === "ContinueStatement";
  const target = front.frame.targets.findLast(
    (one) => (label === undefined || one.label === label) && !(isContinue && one.continues === undefined),
  );
  if (!target) return front.unsupported("a jump out of a function", "return instead", node);
  (isContinue ? target.continues! : target.breaks).push(front.leave());
}

function labeled(front: Front, node: SyntaxNode): void {
  const label: string = node["label"].name;
  const { body } = node as unknown as { body: SyntaxNode };
  if (body.type === "ForOfStatement") return forOf(front, body, label);
  if (/^(For|While|DoWhile)Statement$/.test(body.type)) return loopStatement(front, body, label);
  const target: JumpTarget = { label, continues: undefined, breaks: [] };
  withTarget(front, target, () => statement(front, body));
  front.joinStates([...(front.isReachable ? [front.leave()] : []), ...target.breaks]);
}

// Switch.

function switchStatement(front: Front, node: SyntaxNode): void {
  const value = evaluate(front, node["discriminant"]);
  if (!front.isReachable) return;
  const cases: SyntaxNode[] = node["cases"];
  const entries: State[][] = cases.map(() => []);
  let rest: State | undefined = front.leave();
  for (const [index, one] of cases.entries()) {
    if (!one["test"] || !rest) continue;
    front.follow(rest);
    const test = evaluate(front, one["test"]);
    const answer: Split = compare(front, "===", value, test, one["test"]);
    if (answer.yes) entries[index]!.push(answer.yes);
    rest = answer.no;
  }
  const fallback = cases.findIndex((one) => !one["test"]);
  if (rest && fallback >= 0) entries[fallback]!.push(rest);
  const target: JumpTarget = { label: undefined, continues: undefined, breaks: rest && fallback < 0 ? [rest] : [] };
  front.follow(undefined);
  const body = (): void => {
    for (const [index, one] of cases.entries()) {
      front.joinStates([...(front.isReachable ? [front.leave()] : []), ...entries[index]!]);
      if (front.isReachable) list(front, one["consequent"]);
    }
  };
  withTarget(front, target, () => inScope(front, body));
  front.joinStates([...(front.isReachable ? [front.leave()] : []), ...target.breaks]);
}

// Loops.

function forOf(front: Front, node: SyntaxNode, label: string | undefined): void {
  if (node["await"]) front.unsupported("`for await`", "kernel code runs to its end at once", node);
  const counted = countedCall(front, node["right"]);
  if (counted?.isUnrolled === false) {
    countedLoop(front, node, counted.from, counted.to, label, (index) => loopBody(front, node, index));
    return;
  }
  if (!front.isReachable) return;
  const items = counted ? unrolledIndices(front, counted, node) : itemsOf(front, node["right"]);
  if (!items) return;
  const breaks: State[] = [];
  for (const item of items) {
    if (!front.isReachable) break;
    const target: JumpTarget = { label, continues: [], breaks };
    withTarget(front, target, () => loopBody(front, node, item));
    front.joinStates([...(front.isReachable ? [front.leave()] : []), ...target.continues!]);
  }
  front.joinStates([...(front.isReachable ? [front.leave()] : []), ...breaks]);
}

function loopBody(front: Front, node: SyntaxNode, item: Value): void {
  inScope(front, () => {
    const { left } = node as unknown as { left: SyntaxNode };
    if (left.type !== "VariableDeclaration")
      front.unsupported("a loop over an outer variable", "for (const x of …)", left);
    bind(front, left["declarations"][0].id, item);
    statement(front, node["body"]);
  });
}

interface Counted {
  readonly isUnrolled: boolean;
  readonly from: Value;
  readonly to: Value;
}

/** `range(n)`, `range(a, b)` or `unroll(n)`. */
function countedCall(front: Front, given: SyntaxNode): Counted | undefined {
  const node = unwrap(given);
  if (node.type !== "CallExpression" || node["callee"].type !== "Identifier") return undefined;
  const callee = evaluate(front, node["callee"]);
  if (!isStaged(callee) || (callee.value !== range && callee.value !== unroll)) return undefined;
  const values: Value[] = [];
  for (const one of node["arguments"] as SyntaxNode[]) {
    values.push(evaluate(front, one));
    if (!front.isReachable) return undefined;
  }
  const [first = UNDEFINED, second] = values;
  return { isUnrolled: callee.value === unroll, from: second ? first : staged(0), to: second ?? first };
}

/** The most copies of a body that unrolling makes. */
const MAX_UNROLLED = 4096;

function unrolledIndices(front: Front, { from, to }: Counted, node: SyntaxNode): Value[] {
  const [first, last] = [from, to].map((one) =>
    Number(stagedOf(front, one, "the count of unroll", node["right"]["arguments"]?.[0] ?? node["right"])),
  );
  if (last! - first! > MAX_UNROLLED)
    front.fail("COMPILER_LOOP", { problem: `it is unrolled ${last! - first!} times` }, node["right"]);
  return Array.from({ length: Math.max(0, last! - first!) }, (_, index) => staged(first! + index));
}

/** What the loop is unrolled over: a list of the module, or one that is written out. */
function itemsOf(front: Front, node: SyntaxNode): Value[] | undefined {
  const value = evaluate(front, node);
  if (!front.isReachable) return undefined;
  if (value.kind === "record" && value.isTuple) return [...value.fields.values()];
  if (value.kind === "place" && value.layout.kind === "array")
    return front.unsupported("a loop over the elements of a place", "for (const i of unroll(n)) … place[i]", node);
  const list = stagedOf(front, value, "what the loop goes over", node);
  const isIterable =
    list !== null && typeof list === "object" && Symbol.iterator in list && !(list instanceof MapHandle);
  if (!isIterable) return front.fail("COMPILER_TYPE", { expected: "a list", found: String(list) }, node);
  return Array.from(list as Iterable<unknown>, staged);
}

function loopStatement(front: Front, node: SyntaxNode, label: string | undefined): void {
  inScope(front, () => {
    if (node["init"]) {
      const { init } = node as unknown as { init: SyntaxNode };
      if (init.type === "VariableDeclaration") declaration(front, init);
      else evaluate(front, init);
    }
    if (!front.isReachable) return;
    realLoop(front, {
      node,
      label,
      isTestedFirst: node.type !== "DoWhileStatement",
      test: () => testOf(front, node),
      body: () => inScope(front, () => statement(front, node["body"])),
      step: () => {
        if (!node["update"]) return;
        front.unused = unwrap(node["update"]);
        evaluate(front, node["update"]);
        front.unused = undefined;
      },
    });
  });
}

function testOf(front: Front, node: SyntaxNode): Split {
  if (node["test"]) return condition(front, node["test"]);
  return { yes: front.leave(), no: undefined };
}

/** A function body: the ways out, each with what it returns. */
export function functionBody(front: Front, node: SyntaxNode): Outcome[] {
  const { body } = node as unknown as { body: SyntaxNode };
  const { returns } = front.frame;
  if (body.type !== "BlockStatement") {
    returns.push(...split(front, body).map((one) => ({ ...one, from: body })));
    front.follow(undefined);
    return returns;
  }
  list(front, body["body"]);
  if (front.isReachable) returns.push({ state: front.leave(), value: UNDEFINED });
  return returns;
}
