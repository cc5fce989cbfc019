/**
 * Imports that TypeScript leaves out: `import { XdpContext, xdp }` where XdpContext is used as a type only.
 *
 * Whether a name is a type cannot be seen without the module that exports it, so its uses decide, as in tsc without
 * `verbatimModuleSyntax`. A name that nothing uses stays: the module that it comes from may do something.
 */
import { findUses } from "./scopes.ts";
import type { SourceText } from "./source-text.ts";
import { children, isErased, isType, type SyntaxNode } from "./syntax.ts";

/** JavaScript has no types: its imports are all meant. */
const isTypeScript = (file: string): boolean => /\.[cm]?ts$/.test(file);

export function blankTypeImports(text: SourceText, file: string, program: SyntaxNode): void {
  if (!isTypeScript(file)) return;
  const imports = (program["body"] as SyntaxNode[]).filter(
    (node) => node.type === "ImportDeclaration" && !isErased(node) && node["specifiers"].length > 0,
  );
  if (imports.length === 0) return;
  const [values, types] = [findUses(program), typeNames(program)];
  const isTypeOnly = (specifier: SyntaxNode): boolean => {
    const name: string = specifier["local"].name;
    return specifier["importKind"] !== "type" && types.has(name) && !values.has(name);
  };
  for (const node of imports) blankImport(text, node, node["specifiers"].filter(isTypeOnly));
}

/** The names that stand in types, those of their fields included. */
function typeNames(program: SyntaxNode): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: SyntaxNode, isInType: boolean): void => {
    if (isInType && node.type === "Identifier") names.add(node["name"]);
    for (const child of children(node)) visit(child, isInType || isType(child));
  };
  visit(program, false);
  return names;
}

function blankImport(text: SourceText, node: SyntaxNode, erased: readonly SyntaxNode[]): void {
  const all: SyntaxNode[] = node["specifiers"];
  if (erased.length === 0) return;
  if (all.every((one) => erased.includes(one) || one["importKind"] === "type")) {
    text.blank(node.start, node.end);
    text.write(node.start, ";");
    return;
  }
  for (const specifier of erased) {
    // `import a, * as b`: the comma in front goes too.
    if (specifier.type === "ImportNamespaceSpecifier") text.blank(all[0]!.end, specifier.end);
    else blankInList(text, specifier);
  }
}

/** A name of a list, with the comma behind it. */
export function blankInList(text: SourceText, specifier: SyntaxNode): void {
  const comma = /^(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*,/.exec(text.original.slice(specifier.end));
  text.blank(specifier.start, specifier.end + (comma?.[0].length ?? 0));
}
