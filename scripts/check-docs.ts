/**
 * `npm run check` runs it: what the package exports says what it is. A public name without a docstring, a number with a unit
 * that its text does not name, and `@throws` that are not the codes that are thrown are printed with their place.
 *
 * A discriminant (`readonly kind: "udp"`) says it all by its type. Codes: those that a function makes itself, also by private
 * functions of its file, must be named, or their family (`BTF_*`); those that are named must be thrown by it or by something
 * that it calls; `@throws nothing` and why, where all are caught. INTERNAL_* are xdpkit's bugs.
 */
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { type PublicName, placeOf, publicApi, textOf } from "./docs/public-names.ts";
import { ThrownCodes } from "./docs/thrown-codes.ts";

/** What a name's end says, and words that name the unit. */
const UNITS: readonly (readonly [name: RegExp, unit: RegExp])[] = [
  [/Ns$/, /\b(ns|nanoseconds?|microseconds?)\b/i],
  [/Ms$/, /\b(ms|milliseconds?)\b/i],
  [
    /(^|[a-z])(Bytes|Size|size|Length|length)$/,
    /\b(bytes?|bits?|packets|elements|entries|segments|rows|pages|frames)\b/i,
  ],
  [/(^o|O)ffset$/, /\b(bytes?|bits?|characters?|slots?)\b/i],
];

const root = fileURLToPath(new URL("..", import.meta.url));
const { checker, modules } = publicApi(root);
const thrown = new ThrownCodes(checker);
const faults = new Set<string>();

for (const { names } of modules) {
  for (const one of names.flatMap((name) => [name, ...name.members])) {
    const fault = faultOf(one);
    if (fault) faults.add(`${placeOf(root, one)} ${one.name}: ${fault}`);
  }
}
for (const fault of [...faults].sort()) console.error(fault);
if (faults.size > 0) console.error(`${faults.size} public names say too little, or something wrong`);
process.exit(faults.size > 0 ? 1 : 0);

function faultOf(one: PublicName): string | undefined {
  const text = textOf(checker, one);
  if (text === "") return isDiscriminant(one.declaration) ? undefined : "has no docstring";
  return faultOfUnit(one, text) ?? faultOfCodes(one);
}

function isDiscriminant(node: ts.Declaration): boolean {
  const isProperty = ts.isPropertySignature(node) || ts.isPropertyDeclaration(node);
  return isProperty && node.type !== undefined && ts.isLiteralTypeNode(node.type);
}

function faultOfUnit({ name, declaration, symbol }: PublicName, text: string): string | undefined {
  const type = checker.getTypeOfSymbolAtLocation(symbol, declaration);
  const isNumber = (checker.getNonNullableType(type).flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.BigIntLike)) !== 0;
  const unit = UNITS.find(([ending]) => ending.test(name))?.[1];
  return isNumber && unit && !unit.test(text)
    ? `its text does not say of which unit it is (${unit.source})`
    : undefined;
}

function faultOfCodes({ declaration, symbol }: PublicName): string | undefined {
  const codes = thrown.of(declaration);
  if (!codes) return undefined;
  const text = symbol
    .getJsDocTags(checker)
    .filter((tag) => tag.name === "throws")
    .map((tag) => ts.displayPartsToString(tag.text))
    .join(" ");
  if (text.startsWith("nothing")) return undefined;
  const named: readonly string[] = text.match(/\b[A-Z][A-Z0-9]*_(?:[A-Z0-9_]+|\*)/g) ?? [];
  const names = (pattern: string, code: string): boolean =>
    pattern.endsWith("*") ? code.startsWith(pattern.slice(0, -1)) : pattern === code;
  const missing = [...codes.own].filter(
    (code) => !code.startsWith("INTERNAL") && !named.some((pattern) => names(pattern, code)),
  );
  if (missing.length > 0) return `it throws ${missing.join(", ")}, which @throws does not name`;
  if (codes.isOpen) return undefined;
  const wrong = named.filter((pattern) => ![...codes.all].some((code) => names(pattern, code)));
  return wrong.length > 0 ? `@throws names ${wrong.join(", ")}, which nothing there throws` : undefined;
}
