/**
 * Statements and fields that end where a line ends, without a semicolon (ECMA-262 section 12.10).
 *
 * What is written over or inserted at such an end may join it with the next line: `x => {}` cannot be called, but
 * `f(x => {})` can. So those who change text put the semicolon there.
 */
import { children, isErased, type SyntaxNode } from "./syntax.ts";

const ENDING_IN_SEMICOLON = new Set([
  "ExpressionStatement",
  "VariableDeclaration",
  "ReturnStatement",
  "ThrowStatement",
  "PropertyDefinition",
  "ExportDefaultDeclaration",
]);

const isForHead = (parent: SyntaxNode, node: SyntaxNode): boolean => node === parent["init"] || node === parent["left"];

/** Every simple statement of the module that lacks its semicolon. */
export function openStatements(source: string, program: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  const visit = (node: SyntaxNode, parent: SyntaxNode): void => {
    if (isErased(node)) return;
    const simple =
      ENDING_IN_SEMICOLON.has(node.type) && !isForHead(parent, node) && !isDeclaration(node["declaration"]);
    if (simple && source[node.end - 1] !== ";") found.push(node);
    for (const child of children(node)) visit(child, node);
  };
  visit(program, program);
  return found;
}

/** `export default function f() {}` ends like a declaration. */
const isDeclaration = (node: SyntaxNode | undefined): boolean => node?.type.endsWith("Declaration") === true;
