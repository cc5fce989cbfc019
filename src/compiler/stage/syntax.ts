/**
 * The syntax tree of a module: ESTree with TypeScript nodes, as @babel/parser gives it (docs/decisions/staging.md).
 *
 * Invariant: `start` and `end` are UTF-16 offsets into the text that was parsed; parentheses around an expression
 * belong to nobody.
 */
export interface SyntaxNode {
  /** Type of the node (ESTree with TypeScript, as Babel writes it). */
  readonly type: string;
  /** Offset of its first character. */
  readonly start: number;
  /** Offset behind its last character. */
  readonly end: number;
  // biome-ignore lint/suspicious/noExplicitAny: a tree of some 200 node types; each reader knows the ones it handles
  readonly [field: string]: any;
}

/** TypeScript around an expression, with no meaning at run time. */
const WRAPPERS = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSInstantiationExpression",
]);

export const isWrapper = (node: SyntaxNode): boolean => WRAPPERS.has(node.type);

/** What vanishes with the types. TSParameterProperty is the one TypeScript node that also binds. */
export const isType = (node: SyntaxNode): boolean =>
  node.type.startsWith("TS") && !isWrapper(node) && node.type !== "TSParameterProperty";

/** Declarations and members that leave nothing behind: types, `declare`, `abstract`, overloads, type-only imports. */
export function isErased(node: SyntaxNode): boolean {
  if (isType(node) || node["declare"] === true) return true;
  switch (node.type) {
    case "ImportDeclaration":
      return node["importKind"] === "type";
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ExportDefaultDeclaration":
      return node["exportKind"] === "type" || (node["declaration"] && isErased(node["declaration"]));
    case "MethodDefinition":
      return node["abstract"] === true || !node["value"].body;
    case "PropertyDefinition":
      return node["abstract"] === true;
    default:
      return false;
  }
}

export const isFunction = (node: SyntaxNode): boolean =>
  node.type === "FunctionDeclaration" || node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression";

export const isClass = (node: SyntaxNode): boolean =>
  node.type === "ClassDeclaration" || node.type === "ClassExpression";

const NOT_CHILDREN = new Set([
  "loc",
  "extra",
  "leadingComments",
  "trailingComments",
  "innerComments",
  "errors",
  "comments",
]);

/** The nodes directly below, in source order within each field. Shorthand `{ a }` has its identifier once. */
export function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (const field in node) {
    if (NOT_CHILDREN.has(field) || (field === "key" && node["shorthand"] === true)) continue;
    const value: unknown = node[field];
    for (const item of Array.isArray(value) ? value : [value]) if (isNode(item)) found.push(item);
  }
  return found;
}

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === "object" && value !== null && typeof (value as SyntaxNode).type === "string";

/** The names that a pattern binds. */
export function boundNames(pattern: SyntaxNode | null): string[] {
  switch (pattern?.type) {
    case "Identifier":
      return [pattern["name"]];
    case "ObjectPattern":
      return pattern["properties"].flatMap((property: SyntaxNode) => boundNames(property["value"] ?? property));
    case "ArrayPattern":
      return pattern["elements"].flatMap(boundNames);
    case "AssignmentPattern":
      return boundNames(pattern["left"]);
    case "RestElement":
      return boundNames(pattern["argument"]);
    case "TSParameterProperty":
      return boundNames(pattern["parameter"]);
    default:
      return [];
  }
}

/** The expression without TypeScript around it. */
export function unwrap(node: SyntaxNode): SyntaxNode {
  return isWrapper(node) ? unwrap(node["expression"]) : node;
}

/** The text of a key that is not computed: `a`, `"a"`, `1`, `#a`. */
export function keyText(member: SyntaxNode): string | undefined {
  if (member["computed"]) return undefined;
  const key: SyntaxNode = member["key"];
  if (key.type === "PrivateIdentifier") return `#${key["name"]}`;
  return key.type === "Identifier" ? key["name"] : String(key["bigint"] ?? key["value"]);
}
