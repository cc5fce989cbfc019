/**
 * TypeScript to JavaScript by writing spaces over the types ("erasableSyntaxOnly" of TypeScript 5.8).
 *
 * Invariant: length and line breaks stay, so that stack traces and spans point into the original without a source map.
 * What TypeScript would have to translate (enum, namespace, parameter property, `<T>x`) is refused.
 */
import { xdpkitError } from "../../base/index.ts";
import { parseModule, sourceLocation } from "./parse.ts";
import { SourceText } from "./source-text.ts";
import { openStatements } from "./statements.ts";
import { children, isClass, isErased, isFunction, isType, isWrapper, type SyntaxNode } from "./syntax.ts";
import { blankInList, blankTypeImports } from "./type-imports.ts";

/** JavaScript of the same length. Throws STAGE_SYNTAX, STAGE_NOT_ERASABLE. */
export function stripTypes(source: string, file: string, program = parseModule(source, file)): string {
  const text = new SourceText(source);
  blankTypes(text, file, program);
  const stripped = text.toString();
  // `x as T` without a semicolon must not run into a `(` of the next line.
  for (const { end } of openStatements(source, program)) if (stripped[end - 1] === " ") text.write(end - 1, ";");
  return text.toString();
}

/** Overwrites the types in `text`. Statements without a semicolon are left to the caller. */
export function blankTypes(text: SourceText, file: string, program: SyntaxNode): void {
  const visit = (node: SyntaxNode): void => {
    refuse(text.original, file, node);
    if (isErased(node)) {
      text.blank(node.start, node.end);
      if (!isType(node) || STATEMENTS.has(node.type)) text.write(node.start, ";");
      return;
    }
    for (const child of children(node)) visit(child);
    blankOwn(text, node);
  };
  visit(program);
  blankTypeImports(text, file, program);
}

/** Declarations that stand where a statement or a class member does. */
const STATEMENTS = new Set([
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "TSDeclareFunction",
  "TSModuleDeclaration",
  "TSEnumDeclaration",
  "TSNamespaceExportDeclaration",
  "TSAbstractMethodDefinition",
  "TSAbstractPropertyDefinition",
  "TSIndexSignature",
]);

function blankOwn(text: SourceText, node: SyntaxNode): void {
  if (isWrapper(node)) blankWrapper(text, node);
  else if (isFunction(node)) blankFunction(text, node);
  else if (isClass(node)) blankClass(text, node);
  else if (node.type.endsWith("Definition")) blankModifiers(text, node);
  else if (node.type === "ImportDeclaration" || node.type === "ExportNamedDeclaration") blankSpecifiers(text, node);
  else if (node.type === "VariableDeclarator" && node["definite"] === true) blankMark(text, "!", nameEnd(node["id"]));
  else if (PATTERNS.has(node.type) && node["optional"] === true) blankMark(text, "?", nameEnd(node));
}

const PATTERNS = new Set(["Identifier", "ObjectPattern", "ArrayPattern"]);

/** Where the name or pattern ends and `?`, `!` or the annotation begins. */
function nameEnd(pattern: SyntaxNode): number {
  if (pattern.type === "Identifier") return pattern.start + pattern["name"].length;
  const parts = [...(pattern["properties"] ?? pattern["elements"])].filter((part) => part !== null);
  return parts.at(-1)?.end ?? pattern.start;
}

function blankMark(text: SourceText, mark: string, from: number): void {
  const at = text.find(mark, from);
  text.blank(at, at + 1);
}

function blankWrapper(text: SourceText, node: SyntaxNode): void {
  const inner: SyntaxNode = node["expression"];
  const word = { TSAsExpression: "as", TSSatisfiesExpression: "satisfies", TSNonNullExpression: "!" }[node.type];
  if (word) text.blank(text.find(word, inner.end), node.end);
}

function blankFunction(text: SourceText, node: SyntaxNode): void {
  const [first, second] = node["params"] as SyntaxNode[];
  if (first?.type === "Identifier" && first["name"] === "this") {
    text.blank(first.start, second ? second.start : text.find(")", first.end));
  }
  if (node.type === "ArrowFunctionExpression") keepArrowOnOneLine(text, node);
}

/** A line break is not allowed before `=>`, nor after `return`: the parenthesis takes the place of what vanishes. */
function keepArrowOnOneLine(text: SourceText, node: SyntaxNode): void {
  const { typeParameters, returnType } = node as { typeParameters?: SyntaxNode; returnType?: SyntaxNode };
  if (typeParameters && text.hasLineBreak(typeParameters.start, typeParameters.end)) {
    const open = text.find("(", typeParameters.end);
    text.blank(typeParameters.start, open + 1);
    text.write(typeParameters.start, "(");
  }
  if (returnType && text.hasLineBreak(returnType.start, returnType.end)) {
    const from = node["params"].at(-1)?.end ?? typeParameters?.end ?? node.start;
    text.blank(text.find(")", from), returnType.end);
    text.write(returnType.end - 1, ")");
  }
}

function blankClass(text: SourceText, node: SyntaxNode): void {
  if (node["abstract"] === true) {
    const at = text.find("abstract", node.start);
    text.blank(at, at + 8);
  }
  const interfaces: SyntaxNode[] = node["implements"] ?? [];
  if (interfaces.length === 0) return;
  const heads = [
    node["superTypeParameters"],
    node["superTypeArguments"],
    node["superClass"],
    node["typeParameters"],
    node["id"],
  ];
  const head = heads.find((part) => part);
  text.blank(text.find("implements", head?.end ?? node.start + "class".length), interfaces.at(-1)!.end);
}

function blankSpecifiers(text: SourceText, node: SyntaxNode): void {
  for (const specifier of node["specifiers"] as SyntaxNode[]) {
    if (specifier["importKind"] !== "type" && specifier["exportKind"] !== "type") continue;
    blankInList(text, specifier);
  }
}

const MODIFIERS = /(?:public|private|protected|readonly|override|declare)(?![\w$])/y;

/** `private readonly x?: T`, but `static` and `async` stay. The modifiers of a member stand before its key. */
function blankModifiers(text: SourceText, node: SyntaxNode): void {
  const key: SyntaxNode = node["key"];
  const limit = node["computed"] ? text.find("[", node.start) : key.start;
  let blanked = -1;
  for (let at = node.start; at < limit; at++) {
    if (text.original.startsWith("//", at) || text.original.startsWith("/*", at)) at = endOfComment(text.original, at);
    MODIFIERS.lastIndex = at;
    const word = MODIFIERS.exec(text.original)?.[0];
    if (!word || /[\w$]/.test(text.original[at - 1] ?? "")) continue;
    text.blank(at, at + word.length);
    if (at === node.start) blanked = at;
  }
  // A computed or generator member must not continue the field of the line before.
  if (blanked >= 0 && (node["computed"] || node["value"]?.["generator"])) text.write(blanked, ";");
  if (node["optional"] === true) blankMark(text, "?", key.end);
  if (node["definite"] === true) blankMark(text, "!", key.end);
}

function endOfComment(source: string, at: number): number {
  return source.startsWith("//", at) ? source.indexOf("\n", at) : source.indexOf("*/", at) + 2;
}

const REFUSED: Readonly<Record<string, readonly [construct: string, instead: string]>> = {
  TSEnumDeclaration: ["an enum", "an object of constants"],
  TSModuleDeclaration: ["a namespace", "a module of its own"],
  TSParameterProperty: ["a parameter property", "a field, and its assignment in the constructor"],
  TSImportEqualsDeclaration: ["import =", "import … from"],
  TSExportAssignment: ["export =", "export default"],
  TSTypeAssertion: ["<T>x", "x as T"],
};

function refuse(source: string, file: string, node: SyntaxNode): void {
  const row = REFUSED[node.type];
  if (!row || node["declare"] === true) return;
  const [construct, instead] = row;
  throw xdpkitError("STAGE_NOT_ERASABLE", { construct, instead }, { at: sourceLocation(source, file, node.start) });
}
