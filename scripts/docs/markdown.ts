/** A public module as a page of Markdown. */
import ts from "typescript";
import { type PublicModule, type PublicName, textOf } from "./public-names.ts";

export function pageOf(checker: ts.TypeChecker, { name, names }: PublicModule): string {
  const sections = [...names].sort(byName).map((one) => sectionOf(checker, one));
  return `# ${name}\n\nMade from the source by \`npm run gen\`.\n\n${sections.join("\n")}`;
}

const byName = (a: PublicName, b: PublicName): number => (a.name < b.name ? -1 : 1);

function sectionOf(checker: ts.TypeChecker, one: PublicName): string {
  const parts = [`## ${one.name}`, `\`\`\`ts\n${signatureOf(checker, one)}\n\`\`\``, paragraph(checker, one)];
  const rows = one.members.map((member) => {
    const cells = [`\`${shortName(member)}\``, `\`${memberType(checker, member)}\``, paragraph(checker, member)];
    return `| ${cells.map(cell).join(" | ")} |`;
  });
  if (rows.length > 0) parts.push(["| member | type | |", "| --- | --- | --- |", ...rows].join("\n"));
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const cell = (text: string): string => text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
const shortName = ({ name }: PublicName): string => name.slice(name.indexOf(".") + 1);

/** The docstring, links and tags as text. */
function paragraph(checker: ts.TypeChecker, one: PublicName): string {
  const tags = one.symbol
    .getJsDocTags(checker)
    .map(({ name, text }) => `${name === "throws" ? "Throws" : name} ${ts.displayPartsToString(text)}`);
  return [textOf(checker, one), ...tags].filter((part) => part !== "").join("\n\n");
}

/** The declaration without bodies and docstrings. */
function signatureOf(checker: ts.TypeChecker, { name, symbol, declaration }: PublicName): string {
  if (ts.isClassDeclaration(declaration)) return `class ${name}${heritageOf(declaration)}`;
  if (ts.isInterfaceDeclaration(declaration)) return `interface ${name}${heritageOf(declaration)}`;
  if (ts.isFunctionDeclaration(declaration))
    return signaturesOf(checker, symbol, declaration)
      .map((text) => `function ${name}${text}`)
      .join("\n");
  if (ts.isTypeAliasDeclaration(declaration)) return `type ${name} = ${withoutComments(declaration.type)}`;
  return `const ${name}: ${typeText(checker, symbol, declaration)}`;
}

function heritageOf({ heritageClauses = [] as never }: ts.ClassDeclaration | ts.InterfaceDeclaration): string {
  return [...heritageClauses].map((clause) => ` ${clause.getText()}`).join("");
}

function signaturesOf(checker: ts.TypeChecker, symbol: ts.Symbol, declaration: ts.Declaration): string[] {
  const type = checker.getTypeOfSymbolAtLocation(symbol, declaration);
  return type.getCallSignatures().map((one) => checker.signatureToString(one, declaration, FLAGS));
}

const FLAGS = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;

function memberType(checker: ts.TypeChecker, { symbol, declaration }: PublicName): string {
  const signatures = signaturesOf(checker, symbol, declaration);
  return signatures.length > 0 ? signatures.join("; ") : typeText(checker, symbol, declaration);
}

/** As it is written, where it is; else as the compiler infers it. */
function typeText(checker: ts.TypeChecker, symbol: ts.Symbol, declaration: ts.Declaration): string {
  if ("type" in declaration && declaration.type) return withoutComments(declaration.type as ts.TypeNode);
  return checker.typeToString(checker.getTypeOfSymbolAtLocation(symbol, declaration), declaration, FLAGS);
}

const printer = ts.createPrinter({ removeComments: true });
const withoutComments = (node: ts.Node): string =>
  printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile());
