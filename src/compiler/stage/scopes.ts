/**
 * Free identifiers: for each function of a module, the names that it takes from outside (ECMA-262 section 9.1).
 *
 * A reference is looked up from the innermost scope outwards; every function that is left on the way captures the name.
 * Invariant: names are declared before any reference of their scope is looked up, as hoisting and the temporal dead
 * zone demand. Parameters and body are two scopes: a default value does not see the `var`s of the body.
 */
import { boundNames, children, isClass, isErased, isFunction, isType, type SyntaxNode } from "./syntax.ts";

interface Scope {
  readonly names: Set<string>;
  readonly outer: Scope | undefined;
  /** The function that begins with this scope. */
  readonly function: SyntaxNode | undefined;
  /** Names of this scope that are used as values; looked for in the module's own scope only. */
  readonly uses?: Set<string>;
}

/** Function node to captured names, in the order of their first use. `this` and `arguments` are nobody's. */
export type Captures = ReadonlyMap<SyntaxNode, ReadonlySet<string>>;

export function findCaptures(program: SyntaxNode): Captures {
  const captures = new Map<SyntaxNode, Set<string>>();
  const module = enter(undefined, [...lexicalNames(program["body"]), ...varNames(program["body"])]);
  visitAll(program["body"], module, captures);
  return captures;
}

/** The names of the module's own level, imports included, that are used as values or exported. */
export function findUses(program: SyntaxNode): ReadonlySet<string> {
  const uses = new Set<string>();
  const body: SyntaxNode[] = program["body"];
  visitAll(body, { ...enter(undefined, [...lexicalNames(body), ...varNames(body)]), uses }, new Map());
  for (const node of body) {
    if (node.type !== "ExportNamedDeclaration" || node["source"] || isErased(node)) continue;
    for (const one of node["specifiers"]) if (one["exportKind"] !== "type") uses.add(one["local"]["name"]);
  }
  return uses;
}

const enter = (outer: Scope | undefined, names: Iterable<string>, node?: SyntaxNode): Scope => ({
  names: new Set(names),
  outer,
  function: node,
});

type Found = Map<SyntaxNode, Set<string>>;

function visitAll(nodes: readonly (SyntaxNode | null)[], scope: Scope, found: Found): void {
  for (const node of nodes) if (node) visit(node, scope, found);
}

function visit(node: SyntaxNode, scope: Scope, found: Found): void {
  if (isErased(node)) return;
  if (node.type === "Identifier") refer(node["name"], scope, found);
  else if (isFunction(node)) visitFunction(node, scope, found);
  else if (node.type === "SwitchStatement") visitSwitch(node, scope, found);
  else {
    const names = namesOfScope(node);
    visitAll(referring(node), names ? enter(scope, names) : scope, found);
  }
}

/** The children in which a name stands for its value. */
function referring(node: SyntaxNode): (SyntaxNode | null)[] {
  switch (node.type) {
    case "MemberExpression":
    case "Property":
    case "MethodDefinition":
    case "PropertyDefinition":
      return children(node).filter((child) => !isPlainName(node, child));
    case "LabeledStatement":
      return [node["body"]];
    case "ExportNamedDeclaration":
      return [node["declaration"]];
    case "BreakStatement":
    case "ContinueStatement":
    case "MetaProperty":
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return [];
    default:
      return children(node);
  }
}

/** What a block, loop, class or catch clause declares for itself; undefined when it is no scope. */
function namesOfScope(node: SyntaxNode): string[] | undefined {
  switch (node.type) {
    case "ClassDeclaration":
    case "ClassExpression":
      return boundNames(node["id"]);
    case "BlockStatement":
      return lexicalNames(node["body"]);
    case "StaticBlock":
      return [...lexicalNames(node["body"]), ...varNames(node["body"])];
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement":
      return lexicalNames([node["init"] ?? node["left"]]);
    case "CatchClause":
      return boundNames(node["param"]);
    default:
      return undefined;
  }
}

/** All cases share one scope; the value that they are compared with stands outside. */
function visitSwitch(node: SyntaxNode, scope: Scope, found: Found): void {
  visit(node["discriminant"], scope, found);
  const statements = node["cases"].flatMap((each: SyntaxNode) => each["consequent"]);
  visitAll(node["cases"], enter(scope, lexicalNames(statements)), found);
}

/** `b` of `a.b` and of `{ b: 1 }`. */
const isPlainName = (node: SyntaxNode, child: SyntaxNode): boolean =>
  !node["computed"] && !node["shorthand"] && (child === node["key"] || child === node["property"]);

function visitFunction(node: SyntaxNode, scope: Scope, found: Found): void {
  found.set(node, new Set());
  const own = node.type === "FunctionExpression" ? boundNames(node["id"]) : [];
  const params: SyntaxNode[] = node["params"];
  const outside = enter(scope, [...own, ...(node.type === "ArrowFunctionExpression" ? [] : ["arguments"])], node);
  const parameters = enter(outside, params.flatMap(boundNames));
  visitAll(params, parameters, found);
  const body: SyntaxNode = node["body"];
  if (body.type !== "BlockStatement") visit(body, parameters, found);
  else visitAll(body["body"], enter(parameters, [...lexicalNames(body["body"]), ...varNames(body["body"])]), found);
}

function refer(name: string, scope: Scope, found: Found): void {
  if (name === "arguments" || name === "this") return;
  const crossed: SyntaxNode[] = [];
  let at: Scope | undefined = scope;
  for (; at && !at.names.has(name); at = at.outer) if (at.function) crossed.push(at.function);
  at?.uses?.add(name);
  for (const node of crossed) found.get(node)?.add(name);
}

/** Names that a list of statements declares for its own block: let, const, class, function, import. */
export function lexicalNames(body: readonly (SyntaxNode | null | undefined)[]): string[] {
  return body.flatMap((statement) => {
    const node: SyntaxNode | null | undefined = statement?.["declaration"] ?? statement;
    switch (node?.type) {
      case "VariableDeclaration":
        return node["kind"] === "var" ? [] : declaredNames(node);
      case "FunctionDeclaration":
      case "ClassDeclaration":
        return boundNames(node["id"]);
      case "ImportDeclaration":
        return node["specifiers"].map((specifier: SyntaxNode) => specifier["local"]["name"]);
      default:
        return [];
    }
  });
}

export const declaredNames = (node: SyntaxNode): string[] =>
  node["declarations"].flatMap((declarator: SyntaxNode) => boundNames(declarator["id"]));

/** Names of `var`, however deep, but not in nested functions. */
function varNames(nodes: readonly SyntaxNode[]): string[] {
  return nodes.flatMap((node) => {
    if (isFunction(node) || isType(node) || isClass(node)) return [];
    const own = node.type === "VariableDeclaration" && node["kind"] === "var" ? declaredNames(node) : [];
    return [...own, ...varNames(children(node))];
  });
}
