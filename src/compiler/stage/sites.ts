/**
 * The functions of a module, each with its span, kind, source name, captures, and the way to get hold of it.
 *
 * Names are those of ECMA-262 NamedEvaluation: `const f = () => 1` is "f", a default value that of its parameter.
 */
import { type Captures, findCaptures } from "./scopes.ts";
import { children, isErased, isFunction, keyText, type SyntaxNode, unwrap } from "./syntax.ts";

export type FunctionKind = "function" | "arrow" | "method" | "getter" | "setter" | "constructor";

/** How the function object is reached when the module runs. */
export type Reach =
  /** It is wrapped where it stands; `name` when wrapping takes that away, `keyed` when it comes from a computed key. */
  | {
      readonly kind: "expression";
      readonly name: string | undefined;
      readonly keyed: SyntaxNode | undefined;
      readonly isCallee: boolean;
    }
  /** It is hoisted to the start of `block`. `export default function () {}` has no name there. */
  | { readonly kind: "declaration"; readonly block: SyntaxNode; readonly anonymous: boolean }
  /** It is a property of `owner`: an ObjectExpression, or the class of a ClassBody. */
  | { readonly kind: "member"; readonly owner: SyntaxNode; readonly member: SyntaxNode };

export interface Site {
  readonly index: number;
  /** What is sliced: the function, or the whole class member or property. */
  readonly node: SyntaxNode;
  readonly functionKind: FunctionKind;
  readonly name: string;
  readonly captures: readonly string[];
  readonly reach: Reach;
}

interface Place {
  readonly parent: SyntaxNode;
  readonly grandparent: SyntaxNode;
  readonly block: SyntaxNode;
}

/** All functions that can be reached, in source order. Private methods and overwritten ones cannot. */
export function findSites(program: SyntaxNode): Site[] {
  const captures = findCaptures(program);
  const sites: Site[] = [];
  const visit = (node: SyntaxNode, place: Place): void => {
    if (isErased(node)) return;
    const found = isFunction(node) ? siteOf(node, place, captures) : undefined;
    if (found) sites.push({ ...found, index: sites.length });
    const block = BLOCKS.has(node.type) ? node : place.block;
    const parent = unwrap(node) === node ? node : place.parent;
    for (const child of children(node)) visit(child, { parent, grandparent: place.parent, block });
  };
  visit(program, { parent: program, grandparent: program, block: program });
  return sites;
}

const BLOCKS = new Set(["Program", "BlockStatement", "StaticBlock", "SwitchCase"]);

function siteOf(node: SyntaxNode, place: Place, captures: Captures): Omit<Site, "index"> | undefined {
  const { parent, grandparent, block } = place;
  const common = { node, functionKind: kindOf(node), captures: [...(captures.get(node) ?? [])] };
  if (node.type === "FunctionDeclaration") {
    const name: string = node["id"]?.["name"] ?? "default";
    return { ...common, name, reach: { kind: "declaration", block, anonymous: !node["id"] } };
  }
  if (isMember(parent) && parent["value"] === node) return memberSite(common, parent, grandparent);
  const own: string | undefined = node["id"]?.["name"];
  if (own === undefined && parent.type === "PropertyDefinition" && parent["computed"]) return undefined;
  const name = own === undefined ? inferName(node, parent) : undefined;
  const keyed = own === undefined && isKeyed(node, parent) ? parent : undefined;
  const isCallee = parent.type === "NewExpression" && unwrap(parent["callee"]) === node;
  return { ...common, name: own ?? name ?? "", reach: { kind: "expression", name, keyed, isCallee } };
}

const kindOf = (node: SyntaxNode): FunctionKind => (node.type === "ArrowFunctionExpression" ? "arrow" : "function");

const MEMBER_KINDS: ReadonlyMap<string, FunctionKind> = new Map([
  ["get", "getter"],
  ["set", "setter"],
  ["constructor", "constructor"],
]);

/** A method, getter or setter; a property whose value is a function is not. */
const isMember = (node: SyntaxNode): boolean =>
  node.type === "MethodDefinition" ||
  (node.type === "Property" && (node["method"] === true || node["kind"] !== "init"));

function memberSite(
  common: Pick<Site, "node" | "functionKind" | "captures">,
  member: SyntaxNode,
  owner: SyntaxNode,
): Omit<Site, "index"> | undefined {
  if (member["key"].type === "PrivateIdentifier" || isOverwritten(member, owner)) return undefined;
  const functionKind = MEMBER_KINDS.get(member["kind"]) ?? "method";
  return {
    ...common,
    node: member,
    functionKind,
    name: keyText(member) ?? "",
    reach: { kind: "member", owner, member },
  };
}

/** In an object literal, what stands later may take the place of a method: then another function would be described. */
function isOverwritten(member: SyntaxNode, owner: SyntaxNode): boolean {
  if (owner.type !== "ObjectExpression") return false;
  const properties: SyntaxNode[] = owner["properties"];
  return properties.slice(properties.indexOf(member) + 1).some((later) => {
    if (later.type !== "Property" || later["computed"]) return true;
    return keyText(later) === keyText(member) && (later["kind"] === "init" || member["kind"] === later["kind"]);
  });
}

const NAMING_ASSIGNMENTS = new Set(["=", "&&=", "||=", "??="]);

const isKeyed = (node: SyntaxNode, parent: SyntaxNode): boolean =>
  parent.type === "Property" && parent["computed"] && unwrap(parent["value"]) === node;

/** The name that an anonymous function gets from where it stands, unless from a computed key. */
function inferName(node: SyntaxNode, parent: SyntaxNode): string | undefined {
  const identifier = (target: SyntaxNode): string | undefined =>
    target.type === "Identifier" && !target["extra"]?.parenthesized ? target["name"] : undefined;
  const isValue = (field: string): boolean => parent[field] && unwrap(parent[field]) === node;
  switch (parent.type) {
    case "VariableDeclarator":
      return identifier(parent["id"]);
    case "AssignmentExpression":
      return NAMING_ASSIGNMENTS.has(parent["operator"]) && isValue("right") ? identifier(parent["left"]) : undefined;
    case "AssignmentPattern":
      return isValue("right") ? identifier(parent["left"]) : undefined;
    case "Property":
    case "PropertyDefinition":
      if (!isValue("value") || parent["computed"]) return undefined;
      return parent.type === "Property" && keyText(parent) === "__proto__" ? undefined : keyText(parent);
    case "ExportDefaultDeclaration":
      return "default";
    default:
      return undefined;
  }
}
