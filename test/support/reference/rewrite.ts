/**
 * Kernel functions as JavaScript in which every operator, call and condition that the language defines otherwise than
 * JavaScript goes to a runtime object: `a & b` becomes `$r["&"](a, b)`. Design, section 4.
 *
 * Invariant: the text is rewritten where it stands, so evaluation order and scopes are those of the original. A method
 * called behind `?.` is left alone: nothing in the language needs it.
 */
import { parseModule, type SyntaxNode, stripTypes } from "../../../src/compiler/index.ts";
import { children } from "../../../src/compiler/stage/syntax.ts";

/** The name of the runtime object in rewritten text. */
export const RUNTIME = "$r";

interface ParsedModule {
  readonly text: string;
  readonly program: SyntaxNode;
}

const parsed = new Map<string, ParsedModule>();

function parseOnce(source: string, file: string): ParsedModule {
  let known = parsed.get(source);
  if (!known) {
    const text = stripTypes(source, file);
    parsed.set(source, (known = { text, program: parseModule(text, file) }));
  }
  return known;
}

/** The function or class member at a span of a module, rewritten. */
export function rewriteSpan(source: string, file: string, start: number, end: number): string {
  const { text, program } = parseOnce(source, file);
  const node = nodeAt(program, text, start, end);
  if (!node) throw new Error(`no syntax node at ${start}..${end} of ${file}`);
  return emit(node, text);
}

/** The widest function that begins at `start`, blanked type parameters left out. */
function nodeAt(node: SyntaxNode, text: string, start: number, end: number): SyntaxNode | undefined {
  const begins = node.start >= start && text.slice(start, node.start).trim() === "";
  if (begins && node.end <= end && isCode(node)) return node;
  for (const child of children(node)) {
    if (child.end <= start || child.start >= end) continue;
    const found = nodeAt(child, text, start, end);
    if (found) return found;
  }
  return undefined;
}

const CODE = /^(Function|ArrowFunction|MethodDefinition|Property)/;
const isCode = (node: SyntaxNode): boolean => CODE.test(node.type);

const BINARY = new Set("+ - * / % & | ^ << >> >>> === !== == != < > <= >=".split(" "));
const UNARY = new Set(["-", "~", "!"]);

function emit(node: SyntaxNode, text: string): string {
  return special(node, text) ?? emitChildren(node, text);
}

function special(node: SyntaxNode, text: string): string | undefined {
  const part = (name: string): string => emit(node[name], text);
  const call = (name: string, ...values: string[]): string =>
    `${RUNTIME}[${JSON.stringify(name)}](${values.join(", ")})`;
  switch (node.type) {
    case "BinaryExpression":
      return BINARY.has(node["operator"]) ? call(node["operator"], part("left"), part("right")) : undefined;
    case "UnaryExpression":
      return UNARY.has(node["operator"]) ? call(`unary${node["operator"]}`, part("argument")) : undefined;
    case "LogicalExpression":
      if (node["operator"] === "??") return undefined;
      return call(node["operator"], part("left"), `() => (${part("right")})`);
    case "SequenceExpression":
      return `(${emitChildren(node, text)})`;
    case "UpdateExpression":
      return emitUpdate(node, text);
    case "AssignmentExpression":
      return emitAssignment(node, text);
    case "CallExpression":
      return emitCall(node, text);
    case "NewExpression":
      return call("construct", part("callee"), `[${list(node["arguments"], text)}]`);
    case "ConditionalExpression":
    case "IfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
      return node["test"] ? emitChildren(node, text, new Map([[node["test"], "truthy"]])) : undefined;
    case "SwitchStatement":
      return emitChildren(node, text, new Map([[node["discriminant"], "plain"]]));
    case "SwitchCase":
      return node["test"] ? emitChildren(node, text, new Map([[node["test"], "plain"]])) : undefined;
    default:
      return undefined;
  }
}

const list = (nodes: readonly SyntaxNode[], text: string): string => nodes.map((node) => emit(node, text)).join(", ");

/** The text of a node with its children rewritten; some of them handed to a function of the runtime. */
function emitChildren(node: SyntaxNode, text: string, wrapped: ReadonlyMap<SyntaxNode, string> = new Map()): string {
  let result = "";
  let at = node.start;
  for (const child of children(node).toSorted((a, b) => a.start - b.start)) {
    const wrapper = wrapped.get(child);
    const emitted = emit(child, text);
    result += text.slice(at, child.start) + (wrapper ? `${RUNTIME}.${wrapper}(${emitted})` : emitted);
    at = child.end;
  }
  return result + text.slice(at, node.end);
}

/** Object and key of a member expression, as two arguments. */
function reference(member: SyntaxNode, text: string): string {
  const key = member["computed"] ? emit(member["property"], text) : JSON.stringify(member["property"]["name"]);
  return `${emit(member["object"], text)}, ${key}`;
}

function emitUpdate(node: SyntaxNode, text: string): string {
  const target: SyntaxNode = node["argument"];
  const step = node["operator"] === "++" ? 1 : -1;
  if (target.type === "MemberExpression")
    return `${RUNTIME}.stepMember(${reference(target, text)}, ${step}, ${node["prefix"]})`;
  const name: string = target["name"];
  const assign = `${name} = ${RUNTIME}.step(${name}, ${step})`;
  return node["prefix"] ? `(${assign})` : `${RUNTIME}.first(${name}, ${assign})`;
}

function emitAssignment(node: SyntaxNode, text: string): string | undefined {
  const operator = String(node["operator"]).slice(0, -1);
  if (!BINARY.has(operator)) return undefined;
  const target: SyntaxNode = node["left"];
  const value = emit(node["right"], text);
  if (target.type === "MemberExpression")
    return `${RUNTIME}.updateMember(${reference(target, text)}, ${JSON.stringify(operator)}, () => (${value}))`;
  return `${target["name"]} = ${RUNTIME}[${JSON.stringify(operator)}](${target["name"]}, ${value})`;
}

function emitCall(node: SyntaxNode, text: string): string | undefined {
  if (hasOptionalLink(node)) return undefined;
  const callee: SyntaxNode = node["callee"];
  const values = `[${list(node["arguments"], text)}]`;
  if (callee.type === "MemberExpression") return `${RUNTIME}.invoke(${reference(callee, text)}, ${values})`;
  return callee.type === "Super" ? undefined : `${RUNTIME}.call(${emit(callee, text)}, ${values})`;
}

function hasOptionalLink(node: SyntaxNode): boolean {
  if (node["optional"] === true) return true;
  const inner: SyntaxNode | undefined = node.type === "CallExpression" ? node["callee"] : node["object"];
  const isLink = inner?.type === "CallExpression" || inner?.type === "MemberExpression";
  return isLink && hasOptionalLink(inner);
}
