/**
 * Calls. Functions of kernel modules are inlined: their parameters are bound to what the call hands over, so that
 * constants, places, cursors and functions go through. Everything else is an intrinsic, a cast, a method of a handle or
 * place, or a builtin that is computed when the program is compiled.
 */
import { invariant } from "../../base/index.ts";
import { intrinsicOf, Outcomes, range, Setting, unroll } from "../../lang/index.ts";
import { isSchema, layoutOf, type Schema } from "../../schema/index.ts";
import { type SyntaxNode, unwrap } from "../stage/syntax.ts";
import { BUILTINS, stagedMethod } from "./builtins.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { castTo, structFrom } from "./casts.ts";
import { isSeenFromOutside } from "./closures.ts";
import { connectionMethods } from "./connections.ts";
import { stagedOf } from "./convert.ts";
import { evaluate, receiver, refuseKind } from "./expressions.ts";
import type { Frame, Front, Outcome } from "./front.ts";
import { INTRINSICS } from "./intrinsics.ts";
import { outcome } from "./join.ts";
import { mapReceiver } from "./map-receiver.ts";
import { mapMethod, outcomesMethod } from "./maps.ts";
import { buildObject, fieldOf, placeAt } from "./memory.ts";
import { CONTEXT_METHODS, CURSOR_METHODS } from "./packet.ts";
import { bind } from "./patterns.ts";
import { missing, property } from "./property.ts";
import { type KernelFunction, kernelFunction, Scope } from "./scope.ts";
import { isPresent } from "./splits.ts";
import { bindName, functionBody } from "./statements.ts";
import { subprogramCall } from "./subprograms.ts";
import { isUserSpace } from "./user-space.ts";
import { describeValue, isNothing, isStaged, type PlaceValue, staged, UNDEFINED, type Value } from "./value.ts";

export function evaluateCall(front: Front, node: SyntaxNode, ended: Outcome[]): Outcome[] {
  const isUsed = front.unused !== node;
  front.unused = undefined;
  const callee = unwrap(node["callee"]);
  if (callee.type === "Super") return front.unsupported("`super`", "kernel functions have no base class", callee);
  if (callee.type === "MemberExpression") return memberCall(front, node, callee, isUsed, ended);
  const value = evaluate(front, callee);
  if (!front.isReachable) return [];
  const called = node["optional"] ? optionalCallee(front, value, ended) : value;
  if (!called) return [];
  const call = argumentsOf(front, node, isUsed);
  if (!call) return [];
  front.at(node);
  return apply(front, called, undefined, call);
}

function optionalCallee(front: Front, value: Value, ended: Outcome[]): Value | undefined {
  if (isNothing(value)) {
    ended.push({ state: front.leave(), value: UNDEFINED });
    return undefined;
  }
  if (value.kind !== "nullable") return value;
  const { yes, no } = isPresent(front, value.present);
  if (no) ended.push({ state: no, value: UNDEFINED });
  front.follow(yes);
  return front.settle(value.value);
}

function argumentsOf(front: Front, node: SyntaxNode, isUsed: boolean): Call | undefined {
  const nodes: SyntaxNode[] = node["arguments"];
  const values: Value[] = [];
  for (const one of nodes) {
    if (one.type === "SpreadElement") front.unsupported("`...` in a call", "hand over one by one", one);
    values.push(evaluate(front, one));
    if (!front.isReachable) return undefined;
  }
  return { node, values, nodes, isUsed };
}

function memberCall(front: Front, node: SyntaxNode, callee: SyntaxNode, isUsed: boolean, ended: Outcome[]): Outcome[] {
  const object = receiver(front, callee, ended);
  if (!front.isReachable) return [];
  const name = callee["computed"] ? undefined : String(callee["property"].name);
  if (name === undefined) {
    const index = evaluate(front, callee["property"]);
    if (!isStaged(index))
      return front.fail("COMPILER_NOT_STAGED", { what: "which method is called" }, callee["property"]);
    const call = argumentsOf(front, node, isUsed);
    return call ? method(front, object, String(index.value), call, callee) : [];
  }
  const call = argumentsOf(front, node, isUsed);
  if (!call) return [];
  front.at(node);
  return method(front, object, name, call, callee);
}

function method(front: Front, object: Value, name: string, call: Call, callee: SyntaxNode): Outcome[] {
  switch (object.kind) {
    case "context":
      return (CONTEXT_METHODS[name] ?? missing(front, object, name, callee))(front, object, call);
    case "cursor":
      return (CURSOR_METHODS[name] ?? missing(front, object, name, callee))(front, object, call);
    case "connection":
      return (connectionMethods(object)[name] ?? missing(front, object, name, callee))(front, object, call);
    case "innerMap":
      return methodOfMap(front, object, name, call, callee) ?? missing(front, object, name, callee);
    case "place":
      return methodOfPlace(front, object, name, call, callee);
    case "record":
      return apply(front, property(front, object, name, callee), undefined, call);
    case "staged":
      return methodOfStaged(front, object, name, call, callee);
    case "nullable":
      return front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(callee["object"]) }, callee);
    case "address":
      return front.fail("COMPILER_ADDRESS_OPERATION", { operation: `\`.${name}()\`` }, callee);
    default:
      return missing(front, object, name, callee);
  }
}

function methodOfMap(front: Front, object: Value, name: string, call: Call, node: SyntaxNode): Outcome[] | undefined {
  const map = mapReceiver(front, object, node);
  if (!map) return undefined;
  const found = mapMethod(map.handle, name);
  if (found) return found(front, map, call);
  if (name in map.handle) return front.unsupported(`\`${name}\``, "the compiler does not know it yet", call.node);
  return missing(front, object, name, node);
}

function methodOfPlace(front: Front, place: PlaceValue, name: string, call: Call, node: SyntaxNode): Outcome[] {
  const { prototype } = place.schema as unknown as { prototype?: Record<string, unknown> };
  const descriptor = prototype && findDescriptor(prototype, name);
  if (typeof descriptor?.value !== "function") return missing(front, place, name, node);
  const kernel = kernelFunction(descriptor.value);
  if (!kernel) return front.fail("COMPILER_NO_SOURCE", { name }, node);
  return inline(front, kernel, call.values, place, call.node);
}

function findDescriptor(object: object, name: string): PropertyDescriptor | undefined {
  for (let holder: object | null = object; holder; holder = Object.getPrototypeOf(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, name);
    if (descriptor) return descriptor;
  }
  return undefined;
}

function methodOfStaged(
  front: Front,
  object: Extract<Value, { kind: "staged" }>,
  name: string,
  call: Call,
  node: SyntaxNode,
): Outcome[] {
  const { value } = object;
  if (value === null || value === undefined)
    return front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(node["object"]) }, node);
  const ofMap = methodOfMap(front, object, name, call, node);
  if (ofMap) return ofMap;
  if (value instanceof Outcomes) {
    return (
      outcomesMethod(front, value, name, call) ??
      front.fail("COMPILER_USER_SPACE", { name: `${front.textOf(node)}` }, node)
    );
  }
  if (value instanceof Setting && name === "with")
    return front.fail("COMPILER_USER_SPACE", { name: front.textOf(node) }, call.node);
  if (isSchema(value) && name === "from" && layoutOf(value).kind === "struct")
    return outcome(front, structFrom(front, value, call));
  if (isSchema(value) && name === "offsetOf" && layoutOf(value).kind === "struct")
    return outcome(front, offsetIn(front, value, call));
  const builtin = stagedMethod(front, value, name, call);
  if (builtin) return builtin;
  return apply(front, staged((value as Record<string, unknown>)[name]), object, call);
}

/** `S.offsetOf("field")`: bytes, a constant. */
function offsetIn(front: Front, schema: Schema<unknown>, call: Call): Value {
  const name = String(stagedOf(front, argument(call, 0), "the name of a field", argumentNode(call, 0)));
  const field = fieldOf(layoutOf(schema), name);
  if (!field) return front.fail("COMPILER_NO_PROPERTY", { name, of: "the struct" }, argumentNode(call, 0));
  return staged(Math.floor(field.offsetBits / 8));
}

/** Calls a function value. */
export function apply(front: Front, callee: Value, self: Value | undefined, call: Call): Outcome[] {
  if (callee.kind === "closure") return callClosure(front, callee, call.values, call.node);
  if (callee.kind === "nullable") return front.fail("COMPILER_MAYBE_NULL", { what: "the function" }, call.node);
  if (!isStaged(callee) || typeof callee.value !== "function")
    return front.fail("COMPILER_TYPE", { expected: "a function", found: describeValue(callee) }, call.node);
  const fn = callee.value;
  const intrinsic = intrinsicOf(fn);
  if (intrinsic) {
    front.unit.needIntrinsic(front, intrinsic, call.node);
    const handler = INTRINSICS[intrinsic.name];
    invariant(handler !== undefined, `the compiler has ${intrinsic.name}`);
    return handler(front, call);
  }
  if (isSchema(fn)) return outcome(front, castTo(front, fn, argument(call, 0), argumentNode(call, 0)));
  const builtin = BUILTINS.get(fn);
  if (builtin) return outcome(front, builtin(front, call));
  const kernel = kernelFunction(fn);
  if (kernel) return subprogramCall(front, fn, kernel, call) ?? inline(front, kernel, call.values, self, call.node);
  refuseKnown(front, fn, call.node);
  return front.fail("COMPILER_NO_SOURCE", { name: fn.name }, call.node);
}

/** Functions whose source is not needed to say why they cannot be called. */
function refuseKnown(front: Front, fn: object, node: SyntaxNode): void {
  if (fn === range || fn === unroll)
    front.unsupported(`\`${front.textOf(node)}\` outside \`for…of\``, "for (const i of range(n)) …", node);
  if (isUserSpace(fn)) front.fail("COMPILER_USER_SPACE", { name: front.textOf(node["callee"]) }, node);
}

export function callClosure(
  front: Front,
  closure: Extract<Value, { kind: "closure" }>,
  values: readonly Value[],
  node: SyntaxNode,
): Outcome[] {
  const fn: KernelFunction = { ...closure.owner, node: closure.node, name: closure.node["id"]?.name ?? "" };
  return inline(front, fn, values, undefined, node, closure.scope);
}

/**
 * Whether the function is being inlined already. A function that was handed in may call the one that calls it (`total(list,
 * (one) => total(one, …))`), as far as people nest such.
 */
function isRecursion({ frames }: Front, fn: KernelFunction): boolean {
  const active = frames.filter((frame) => frame.fn.node === fn.node);
  const last = active.at(-1);
  if (!last) return false;
  const above = frames.slice(frames.indexOf(last) + 1);
  return active.length > 3 || !above.some(({ isClosure, scope }) => isClosure && scope.root !== last.scope.root);
}

/** The most calls inside calls. */
const MAX_DEPTH = 64;

export function inline(
  front: Front,
  fn: KernelFunction,
  values: readonly Value[],
  self: Value | undefined,
  node: SyntaxNode,
  parent?: Scope,
): Outcome[] {
  if (isRecursion(front, fn) || front.frames.length >= MAX_DEPTH)
    front.fail("COMPILER_RECURSION", { name: fn.name || front.textOf(node["callee"] ?? node) }, node);
  const frame: Frame = {
    fn,
    scope: new Scope(parent),
    returns: [],
    targets: [],
    ...(parent ? { isClosure: true } : {}),
  };
  const first = front.variableMark;
  front.frames.push(frame);
  refuseKind(front, fn.node);
  if (self) bindName(front, "this", self);
  for (const [index, parameter] of (fn.node["params"] as SyntaxNode[]).entries()) {
    if (parameter.type === "RestElement") front.unsupported("`...` in parameters", "name the parameters", parameter);
    bind(front, parameter, values[index] ?? UNDEFINED);
  }
  const outcomes = functionBody(front, fn.node);
  front.frames.pop();
  front.follow(undefined);
  forgetLocals(outcomes, frame.scope, first);
  return outcomes;
}

/** Locals of a call that has ended need no phis. Cursors stay: they may be what the call returned. */
function forgetLocals(outcomes: readonly Outcome[], scope: Scope, first: number): void {
  for (const { state, value } of outcomes) {
    if (isSeenFromOutside(scope, state, value)) continue;
    for (const variable of scope.variables()) if (variable >= first) state.variables.delete(variable);
  }
}

export function evaluateNew(front: Front, node: SyntaxNode): Value {
  const callee = evaluate(front, node["callee"]);
  const type = isStaged(callee) ? callee.value : undefined;
  if (typeof type === "function" && isUserSpace(type))
    return front.fail("COMPILER_USER_SPACE", { name: `new ${front.textOf(node["callee"])}` }, node);
  if (!isSchema(type) || layoutOf(type).kind !== "struct")
    return front.unsupported(
      `\`new ${front.textOf(node["callee"])}(…)\``,
      "kernel code has no heap: only structs can be made with new",
      node,
    );
  const call = argumentsOf(front, node, true);
  if (!call) return UNDEFINED;
  front.at(node);
  const given = argument(call, 0);
  const fields: Value =
    isStaged(given) && given.value === undefined ? { kind: "record", fields: new Map(), isTuple: false } : given;
  const object = buildObject(front, type, fields, argumentNode(call, 0));
  return placeAt(front, type, { kind: "object", object, offset: 0 });
}
