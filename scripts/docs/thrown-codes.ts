/** Which codes of the catalogue a function can throw, by following its calls through the source. */
import ts from "typescript";

export interface Thrown {
  /** Codes that it makes itself, or by functions of its file that nobody else can call. */
  readonly own: ReadonlySet<string>;
  /** These, and those of all that it calls. */
  readonly all: ReadonlySet<string>;
  /** It calls something that is known only when it runs: a callback, a method of an interface. */
  readonly isOpen: boolean;
}

interface Facts {
  readonly codes: ReadonlySet<string>;
  readonly calls: ReadonlySet<ts.Node>;
  readonly isOpen: boolean;
}

type FunctionNode = ts.FunctionLikeDeclaration;

export class ThrownCodes {
  readonly #checker: ts.TypeChecker;
  readonly #facts = new Map<ts.Node, Facts>();

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker;
  }

  of(declaration: ts.Declaration): Thrown | undefined {
    const body = functionOf(declaration);
    if (!body) return undefined;
    const file = body.getSourceFile();
    const own = this.#closure(body, (callee) => callee.getSourceFile() === file && !isExported(callee));
    const all = this.#closure(body, () => true);
    return { own: own.codes, all: all.codes, isOpen: all.isOpen };
  }

  #closure(root: ts.Node, follows: (callee: ts.Node) => boolean): { codes: Set<string>; isOpen: boolean } {
    const codes = new Set<string>();
    const seen = new Set<ts.Node>();
    let isOpen = false;
    const queue = [root];
    for (let node = queue.pop(); node; node = queue.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      const facts = this.#factsOf(node);
      for (const code of facts.codes) codes.add(code);
      isOpen ||= facts.isOpen;
      queue.push(...[...facts.calls].filter(follows));
    }
    return { codes, isOpen };
  }

  #factsOf(node: ts.Node): Facts {
    let facts = this.#facts.get(node);
    if (!facts) {
      facts = this.#read(node);
      this.#facts.set(node, facts);
    }
    return facts;
  }

  #read(root: ts.Node): Facts {
    const codes = new Set<string>();
    const calls = new Set<ts.Node>();
    let isOpen = false;
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
        const code = codeOf(node);
        if (code) codes.add(code);
        const target = this.#targetOf(node);
        if (target) calls.add(target);
        else isOpen = true;
      }
      if (ts.isPropertyAccessExpression(node)) {
        const getter = this.#checker.getSymbolAtLocation(node.name)?.declarations?.find(ts.isGetAccessorDeclaration);
        if (getter?.body) calls.add(getter);
      }
      ts.forEachChild(node, visit);
    };
    visit(root);
    return { codes, calls, isOpen };
  }

  /** What a call runs, when the source says so. */
  #targetOf(call: ts.CallExpression | ts.NewExpression): ts.Node | undefined {
    const declaration = this.#checker.getResolvedSignature(call)?.declaration;
    if (declaration && "body" in declaration && declaration.body) return declaration;
    const symbol = this.#checker.getSymbolAtLocation(call.expression);
    const resolved = symbol && symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
    return resolved?.declarations?.map(functionOf).find((node) => node !== undefined);
  }
}

/** The code of `xdpkitError("CODE", …)`, of `new XdpkitError("CODE", …)` and of the like of data planes. */
function codeOf({ expression, arguments: given }: ts.CallExpression | ts.NewExpression): string | undefined {
  const name = ts.isIdentifier(expression) ? expression.text : "";
  const code = given?.[0];
  return /Error$/.test(name) && code && ts.isStringLiteral(code) ? code.text : undefined;
}

function functionOf(declaration: ts.Node): FunctionNode | undefined {
  if (ts.isVariableDeclaration(declaration)) {
    const { initializer } = declaration;
    return initializer && ts.isArrowFunction(initializer) ? initializer : undefined;
  }
  return ts.isFunctionLike(declaration) && "body" in declaration && declaration.body
    ? (declaration as FunctionNode)
    : undefined;
}

function isExported(node: ts.Node): boolean {
  const statement = ts.findAncestor(node, (one) => ts.isSourceFile(one.parent));
  return ts.canHaveModifiers(statement!) && (ts.getModifiers(statement!)?.some(isExport) ?? false);
}

const isExport = ({ kind }: ts.ModifierLike): boolean => kind === ts.SyntaxKind.ExportKeyword;
