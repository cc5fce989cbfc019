/** What the package exports by its public names, read from the source: the subject of the rule and of the reference. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

export interface PublicName {
  /** `Vm`, of a member `Vm.run`. */
  readonly name: string;
  readonly symbol: ts.Symbol;
  readonly declaration: ts.Declaration;
  readonly members: readonly PublicName[];
}

export interface PublicModule {
  /** `xdpkit/vm` */
  readonly name: string;
  readonly names: readonly PublicName[];
}

export interface PublicApi {
  readonly checker: ts.TypeChecker;
  readonly program: ts.Program;
  readonly modules: readonly PublicModule[];
}

export function publicApi(root: string): PublicApi {
  const program = programOf(root);
  const checker = program.getTypeChecker();
  const modules = entriesOf(root).flatMap(({ name, file }) => {
    const source = program.getSourceFile(file);
    const symbol = source && checker.getSymbolAtLocation(source);
    return symbol ? [{ name, names: namesOf(checker, symbol) }] : [];
  });
  return { checker, program, modules };
}

function programOf(root: string): ts.Program {
  const host = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic(diagnostic: ts.Diagnostic) {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
    },
  };
  const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), {}, host)!;
  return ts.createProgram(config.fileNames, config.options);
}

/** `./vm` of package.json is src/vm/index.ts: where dist/vm/index.d.ts comes from. */
function entriesOf(root: string): { readonly name: string; readonly file: string }[] {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === "string") return [];
    const file = target.types.replace(/^\.\/dist\//, "").replace(/\.d\.ts$/, ".ts");
    const folder = file.startsWith("dataplanes/") ? root : join(root, "src");
    return [{ name: `xdpkit${path.slice(1)}`, file: join(folder, file) }];
  });
}

function namesOf(checker: ts.TypeChecker, module: ts.Symbol): PublicName[] {
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declaration = symbol.declarations?.[0];
    if (!declaration) return [];
    return [{ name: exported.name, symbol, declaration, members: membersOf(checker, symbol, exported.name) }];
  });
}

/** Of classes, interfaces and types of one shape; private ones and constructors left out. */
function membersOf(checker: ts.TypeChecker, { declarations = [] }: ts.Symbol, owner: string): PublicName[] {
  const all = declarations.flatMap((declaration): readonly ts.Declaration[] => {
    if (ts.isClassDeclaration(declaration) || ts.isInterfaceDeclaration(declaration)) return [...declaration.members];
    const isShape = ts.isTypeAliasDeclaration(declaration) && ts.isTypeLiteralNode(declaration.type);
    return isShape ? [...(declaration.type as ts.TypeLiteralNode).members] : [];
  });
  const found = new Map<ts.Symbol, PublicName>();
  for (const declaration of all) {
    const name = ts.getNameOfDeclaration(declaration);
    const symbol = name && isPublic(declaration, name) ? checker.getSymbolAtLocation(name) : undefined;
    if (symbol && !found.has(symbol))
      found.set(symbol, { name: `${owner}.${symbol.name}`, symbol, declaration, members: [] });
  }
  return [...found.values()];
}

function isPublic(declaration: ts.Declaration, name: ts.DeclarationName): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const isHidden = (ts.getCombinedModifierFlags(declaration) & hidden) !== 0 || ts.isPrivateIdentifier(name);
  return !isHidden && !ts.isComputedPropertyName(name);
}

/** The text before its tags. */
export const textOf = (checker: ts.TypeChecker, { symbol }: PublicName): string =>
  ts.displayPartsToString(symbol.getDocumentationComment(checker));

/** `file:line` of its declaration, below the root. */
export function placeOf(root: string, { declaration }: PublicName): string {
  const source = declaration.getSourceFile();
  const line = source.getLineAndCharacterOfPosition(declaration.getStart()).line + 1;
  return `${source.fileName.slice(root.length).replace(/^\//, "")}:${line}`;
}
