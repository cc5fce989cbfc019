/** Where a source file can be changed so that a test should notice: one small change each. */
import ts from "typescript";

export interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly kind: string;
  /** Offsets in the text of the file. */
  readonly start: number;
  readonly end: number;
  readonly was: string;
  readonly becomes: string;
}

const TURNED: Readonly<Record<string, string>> = {
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
  "===": "!==",
  "!==": "===",
};
const BOUNDARIES: Readonly<Record<string, string>> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
const EXCHANGED: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "&": "|",
  "|": "&",
  "^": "&",
  "<<": ">>>",
  ">>": "<<",
  ">>>": "<<",
  "&&": "||",
  "||": "&&",
  "??": "&&",
  "+=": "-=",
  "-=": "+=",
  "|=": "&=",
  "&=": "|=",
};

/** All of a file; types, imports and `as const` tables of text have none. */
export function placesOf(file: string, text: string): readonly Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Mutant[] = [];
  const add = (kind: string, node: { getStart(): number; getEnd(): number }, becomes: string): void => {
    const [start, end] = [node.getStart(), node.getEnd()];
    const line = source.getLineAndCharacterOfPosition(start).line + 1;
    found.push({ file, line, kind, start, end, was: text.slice(start, end), becomes });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    if (ts.isBinaryExpression(node)) addOperators(node, add);
    addConditions(node, add);
    addStatements(node, add);
    if (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) addConstants(node, add);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

type Add = (kind: string, node: ts.Node, becomes: string) => void;

function addOperators(node: ts.BinaryExpression, add: Add): void {
  const operator = node.operatorToken.getText();
  const tables = { "comparison turned": TURNED, boundary: BOUNDARIES, "operator exchanged": EXCHANGED };
  for (const [kind, table] of Object.entries(tables)) {
    const other = table[operator];
    if (other !== undefined) add(kind, node.operatorToken, other);
  }
}

function addConditions(node: ts.Node, add: Add): void {
  const condition = ts.isConditionalExpression(node)
    ? node.condition
    : ts.isIfStatement(node) || ts.isWhileStatement(node)
      ? node.expression
      : undefined;
  if (!condition || condition.kind === ts.SyntaxKind.TrueKeyword || condition.kind === ts.SyntaxKind.FalseKeyword)
    return;
  for (const value of ["true", "false"]) add(`condition is ${value}`, condition, value);
}

function addStatements(node: ts.Node, add: Add): void {
  if (ts.isExpressionStatement(node) && !isCallOfSuper(node.expression)) add("statement dropped", node, ";");
  if (!ts.isReturnStatement(node) || !node.expression) return;
  const { expression } = node;
  const isEmpty = expression.getText() === "undefined";
  if (!isEmpty) add("returned value replaced", expression, replacement(expression));
}

/** Something that tests of the value can tell: of a truth its contrary, else nothing. */
function replacement(expression: ts.Expression): string {
  const isTruth =
    (ts.isBinaryExpression(expression) && expression.operatorToken.getText() in TURNED) ||
    (ts.isPrefixUnaryExpression(expression) && expression.operator === ts.SyntaxKind.ExclamationToken) ||
    expression.kind === ts.SyntaxKind.TrueKeyword ||
    expression.kind === ts.SyntaxKind.FalseKeyword;
  return isTruth ? `!(${expression.getText()})` : "(undefined as never)";
}

function addConstants(node: ts.NumericLiteral | ts.BigIntLiteral, add: Add): void {
  const suffix = ts.isBigIntLiteral(node) ? "n" : "";
  const text = node.getText().replaceAll("_", "").replace(/n$/, "");
  if (!/^(0[xob])?[0-9a-f]+$/i.test(text)) return;
  const value = BigInt(text);
  add("constant + 1", node, `${value + 1n}${suffix}`);
  if (value > 0n) add("constant - 1", node, `${value - 1n}${suffix}`);
}

const isCallOfSuper = (node: ts.Expression): boolean =>
  ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword;
