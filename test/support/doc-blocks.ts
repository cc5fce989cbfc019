/**
 * The examples of docs/language.md as kernel modules with claims.
 *
 * Every ```ts block is compiled. One that holds a program (`xdp(`, `devMapProgram(`, `cpuMapProgram(`) is a module; any
 * other is the inside of a program that has taken `ethernet`, `ipv4` and `udp`, and may write to the global `seen`. Imports
 * from xdpkit that a block leaves out are put in front. Invariant: lines keep their order and what is behind them their
 * column, so that an error's line is found again.
 *
 * Claims: `// = value` behind a `const`; `// refused: CODE` behind a line, which is compiled with no other such line; and
 * at the end of a block `// udp4: XDP_DROP` (packets of `PACKETS`, one after another), `// name: content` of an export,
 * `// packet: hex` of how the last packet begins afterwards, `// loads` where a run shows nothing.
 */
import * as lang from "../../src/lang/index.ts";
import * as walk from "../../src/lang/walk.xdp.ts";
import * as packet from "../../src/packet/index.ts";

export interface Block {
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** What stands behind ```. */
  readonly info: string;
  readonly text: string;
  readonly section: string;
}

/** The fenced blocks of a Markdown text, in their order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  let section = "";
  for (const [index, line] of markdown.split("\n").entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (!open && /^#+ /.test(line)) section = line.replace(/^#+ /, "");
    if (fence && open) {
      blocks.push({ line: open.line, info: open.info, text: open.lines.join("\n"), section });
      open = undefined;
    } else if (fence) open = { info: fence[1]!, line: index + 1, lines: [] };
    else open?.lines.push(line);
  }
  if (open) throw new Error(`the block of line ${open.line} does not end`);
  return blocks;
}

export interface Refusal {
  readonly code: string;
  /** The module's text, and the line of it that is refused, from 1. */
  readonly module: string;
  readonly line: number;
}

export interface Example {
  readonly block: Block;
  /** Without what is refused. */
  readonly module: string;
  readonly refusals: readonly Refusal[];
  /** Packet and verdict. */
  readonly runs: readonly (readonly [packet: string, verdict: string])[];
  /** Export and content. */
  readonly state: ReadonlyMap<string, string>;
  readonly bytes: string | undefined;
  /** Nothing is said of a run. */
  readonly loads: boolean;
}

const REFUSED = / *\/\/ refused: (\w+)$/;
const VALUE = /^(\s*const (\w+) = .*;) *\/\/ = (.+)$/;
const CLAIM = /^\/\/ (\w+): (.+)$/;

export function exampleOf(block: Block, packets: ReadonlySet<string>): Example {
  const lines = block.text.split("\n");
  const end = lines.findLastIndex((line) => !/^(\/\/ .*)?$/.test(line)) + 1;
  const claims = lines.slice(end).flatMap((line) => (line === "" ? [] : [line]));
  const code = lines.slice(0, end).map(withCheck);
  const refused = code.flatMap((line, index) => (REFUSED.test(line) ? [index] : []));
  const without = (kept: number | undefined): string =>
    wrapped(code.map((line, index) => (index !== kept && refused.includes(index) ? "" : line.replace(REFUSED, ""))));
  const named = claims.flatMap((line) => {
    const [, name = "", text = ""] = CLAIM.exec(line) ?? [];
    return name === "" ? [] : [[name, text] as const];
  });
  const loads = claims.includes("// loads");
  const runs = named.filter(([name]) => packets.has(name));
  const hasValues = lines.some((line) => VALUE.test(line));
  if (claims.length !== named.length + (loads ? 1 : 0))
    throw new Error(`docs/language.md:${block.line}: this is no claim: ${claims.join(" ")}`);
  return {
    block,
    module: without(undefined),
    refusals: refused.map((index) => ({
      code: REFUSED.exec(code[index]!)![1]!,
      module: without(index),
      line: index + 1 + head(code).length,
    })),
    runs: runs.length === 0 && hasValues ? [["udp4", "XDP_PASS"]] : runs,
    state: new Map(named.filter(([name]) => !packets.has(name) && name !== "packet")),
    bytes: named.find(([name]) => name === "packet")?.[1],
    loads,
  };
}

/** `const x = …; // = 5` tests itself. */
function withCheck(line: string): string {
  return line.replace(VALUE, "$1 if ($2 !== $3) exit(XdpAction.Aborted);");
}

const isModule = (text: string): boolean => /\b(xdp|devMapProgram|cpuMapProgram)\(/.test(text);

const MODULES = { xdpkit: lang, "xdpkit/packet": packet, "xdpkit/walk": walk } as const;
/** Names that tsc knows as types only. */
const TYPES = [
  "Cursor",
  "DevMapContext",
  "Ipv4Address",
  "Ipv6Address",
  "MacAddress",
  "XdpContext",
  "FibLookup",
  "StructSchema",
  "Schema",
];

/** What stands before the lines of a block: imports, and the beginning of a program. */
function head(code: readonly string[]): string[] {
  const text = code.join("\n");
  if (/^import /m.test(text)) return [];
  const isWhole = isModule(text);
  const program = isWhole ? [] : PROGRAM;
  const used = new Set([...program, text].join("\n").match(/[A-Za-z_$][\w$]*/g));
  const isDeclared = (name: string): boolean => new RegExp(`\\b(const|class|function) ${name}\\b`).test(text);
  const imports = Object.entries(MODULES).flatMap(([module, exports]) => {
    const values = Object.keys(exports).filter((name) => used.delete(name) && !isDeclared(name));
    const types = module === "xdpkit" ? TYPES.filter((name) => used.has(name)).map((name) => `type ${name}`) : [];
    return values.length + types.length === 0
      ? []
      : [`import { ${[...values, ...types].join(", ")} } from "${module}";`];
  });
  return [...imports, ...program];
}

const PROGRAM = [
  "export const seen = global(u64);",
  "export const program = xdp((ctx) => {",
  "const ethernet = ctx.header(Ethernet, 0) ?? exit(XdpAction.Aborted);",
  "const ipv4 = ctx.header(Ipv4, Ethernet.size) ?? exit(XdpAction.Aborted);",
  "const udp = ctx.header(Udp, Ethernet.size + Ipv4.size) ?? exit(XdpAction.Aborted);",
];

function wrapped(code: readonly string[]): string {
  const text = code.join("\n");
  const tail = isModule(text) || /^import /m.test(text) ? [] : ["return XdpAction.Pass;", "});"];
  return [...head(code), ...code, ...tail, ""].join("\n");
}
