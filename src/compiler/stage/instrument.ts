/**
 * The one instrumentation step of `*.xdp.ts`: every function is recorded with its span in the original source and with
 * one thunk per name that it takes from outside. Loader hook, Vite plugin, package build and compile() share it.
 *
 * Invariants: lines stay where they are, and the module does what it did before; nothing is evaluated but functions
 * that do nothing else than record. Thunks stand in the scope of their function, so locals of a staging function are
 * captured per call, and are called after evaluation only, so there is no temporal dead zone.
 */
import { parseModule } from "./parse.ts";
import { freePrefix, runtimeText, thunks } from "./runtime-text.ts";
import { findSites, type Site } from "./sites.ts";
import { SourceText } from "./source-text.ts";
import { openStatements } from "./statements.ts";
import { blankTypes } from "./strip-types.ts";
import { boundNames, isErased, type SyntaxNode } from "./syntax.ts";

/** Names of the module in places and in its record. */
export interface InstrumentOptions {
  /** For places in messages and line information. */
  readonly file: string;
  /** Names the module in the registry; the file when absent. */
  readonly id?: string;
}

/** A kernel module as JavaScript in which each function is recorded. */
export interface Instrumented {
  /** JavaScript, line for line the original; our own lines follow behind it. */
  readonly code: string;
}

/** Throws STAGE_SYNTAX, STAGE_NOT_ERASABLE. */
export function instrument(source: string, options: InstrumentOptions): Instrumented {
  const program = parseModule(source, options.file);
  const text = new SourceText(source);
  blankTypes(text, options.file, program);
  const sites = findSites(program);
  const prefix = freePrefix(source);
  const names = moduleNames(program);
  recordSites(text, program, sites, prefix);
  for (const { end } of openStatements(source, program)) text.insert(end, ";", 1);
  const { file, id = file } = options;
  return { code: `${text}\n${runtimeText(prefix, { id, file, source, sites, names }).trimStart()}` };
}

/** True for text that instrument() made: the hook leaves it alone. */
export const isInstrumented = (code: string): boolean => code.includes('Symbol.for("xdpkit.registry")');

/** Constants and classes of the module's own level; an alias does not rename what it stands for. */
function moduleNames(program: SyntaxNode): string[] {
  return program["body"].flatMap((statement: SyntaxNode) => {
    const node: SyntaxNode = statement["declaration"] ?? statement;
    if (isErased(node)) return [];
    if (node.type === "ClassDeclaration") return boundNames(node["id"]);
    if (node.type !== "VariableDeclaration") return [];
    return node["declarations"].flatMap(({ id, init }: { id: SyntaxNode; init: SyntaxNode | null }) =>
      init?.type === "Identifier" ? [] : boundNames(id),
    );
  });
}

function recordSites(text: SourceText, program: SyntaxNode, sites: readonly Site[], prefix: string): void {
  const owners = new Map<SyntaxNode, Site[]>();
  const blocks = new Map<SyntaxNode, Site[]>([[program, []]]);
  for (const site of sites) {
    const { reach } = site;
    if (reach.kind === "expression") wrapExpression(text, site, prefix);
    if (reach.kind === "declaration") append(blocks, reach.block, site);
    if (reach.kind === "member") append(owners, reach.owner, site);
  }
  for (const [block, declared] of blocks) recordDeclarations(text, block, declared, prefix);
  for (const [owner, members] of owners) recordMembers(text, owner, members, prefix);
}

function append(lists: Map<SyntaxNode, Site[]>, node: SyntaxNode, site: Site): void {
  const list = lists.get(node);
  if (list) list.push(site);
  else lists.set(node, [site]);
}

/** Our text in front of everything else at a place. */
const FIRST = Number.MIN_SAFE_INTEGER;
/** Of two things that end together, the inner one, which began later, is closed first. */
const closing = (node: SyntaxNode): number => -node.start;

/** Behind an identifier character (`return(x)=>x`) the call needs a space. */
function open(text: SourceText, node: SyntaxNode, call: string): void {
  const space = /[\w$\u0080-\uffff]/.test(text.original[node.start - 1] ?? "") ? " " : "";
  text.insert(node.start, `${space}${call}`);
}

function wrapExpression(text: SourceText, { node, reach, index, captures }: Site, prefix: string): void {
  if (reach.kind !== "expression") return;
  // `new f(function () {})()` would call f.
  const [before, after] = reach.isCallee ? ["(", ")"] : ["", ""];
  const given = reach.name === undefined ? "" : `, ${JSON.stringify(reach.name)}`;
  const name = reach.keyed ? `, ${prefix}_m().keys[${index}]` : given;
  open(text, node, `${before}${prefix}_f(${index}, `);
  text.insert(node.end, `, ${thunks(captures)}${name})${after}`, closing(node));
  if (reach.keyed) keepKey(text, reach.keyed, index, prefix);
}

/** `[key]` becomes `[keep(key)]`. */
function keepKey(text: SourceText, member: SyntaxNode, index: number, prefix: string): void {
  text.insert(text.find("[", member.start) + 1, `${prefix}_k(${index}, `);
  text.insert(text.find("]", member["key"].end), ")", closing(member));
}

function recordDeclarations(text: SourceText, block: SyntaxNode, sites: readonly Site[], prefix: string): void {
  const calls = sites.map(({ index, reach, node, name, captures }) => {
    const anonymous = reach.kind === "declaration" && reach.anonymous;
    if (anonymous) text.insert(text.find("(", node.start), ` ${prefix}_default`);
    const [value, given] = anonymous ? [`${prefix}_default`, ', "default"'] : [name, ""];
    return `${prefix}_f(${index}, ${value}, ${thunks(captures)}${given});`;
  });
  const all = block.type === "Program" ? [`${prefix}_m();`, ...calls] : calls;
  text.insert(startOf(text, block), all.join(" "), FIRST);
}

/** Behind the directives of a block, whose statements are the tree's `body` or, of a case, `consequent`. */
function startOf(text: SourceText, block: SyntaxNode): number {
  const statements: SyntaxNode[] = block["body"] ?? block["consequent"];
  const first = statements.find((statement) => statement["directive"] === undefined);
  return first?.start ?? text.original.length;
}

function recordMembers(text: SourceText, owner: SyntaxNode, sites: readonly Site[], prefix: string): void {
  const members = sites.map((site) => memberRow(text, site, prefix)).join(", ");
  if (owner.type === "ClassBody") {
    text.insert(owner.start + 1, ` static { ${prefix}_o(this, [${members}]); }`, FIRST);
    return;
  }
  open(text, owner, `${prefix}_o(`);
  text.insert(owner.end, `, [${members}])`, closing(owner));
}

const PARTS: Readonly<Record<string, string>> = { getter: "get", setter: "set", constructor: "" };

/** `[index, on the prototype, key, part of the descriptor, thunks]`; the key is `[]` when it is computed. */
function memberRow(text: SourceText, { index, functionKind, captures, name, reach }: Site, prefix: string): string {
  if (reach.kind !== "member") return "";
  const { member, owner } = reach;
  if (member["computed"]) keepKey(text, member, index, prefix);
  const key = member["computed"] ? "[]" : JSON.stringify(name);
  const onPrototype = owner.type === "ClassBody" && member["static"] !== true;
  return `[${index}, ${onPrototype}, ${key}, "${PARTS[functionKind] ?? "value"}", ${thunks(captures)}]`;
}
