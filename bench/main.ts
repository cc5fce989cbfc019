/**
 * `npm run bench [-- NAME] [--write]`: benchmarks by name, as Markdown tables; `--write` puts them into
 * docs/benchmarks.md, between the markers of their names.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { benchBuildCommand } from "./build-command.ts";
import { benchCompileTime } from "./compile-time.ts";
import { benchCompiler } from "./compiler.ts";
import { benchInterpreter } from "./interpreter.ts";
import { benchKernelMaps } from "./kernel-maps.ts";
import { benchLoops } from "./loops.ts";
import { benchSrv6 } from "./srv6.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<string>>> = {
  interpreter: benchInterpreter,
  compiler: benchCompiler,
  "compile-time": benchCompileTime,
  "build-command": benchBuildCommand,
  "kernel-maps": benchKernelMaps,
  loops: benchLoops,
  srv6: benchSrv6,
};
const PAGE = new URL("../docs/benchmarks.md", import.meta.url);

const words = process.argv.slice(2);
const write = words.includes("--write");
const wanted = words.filter((word) => word !== "--write");
const unknown = wanted.find((name) => !(name in BENCHMARKS));
if (unknown !== undefined) {
  console.error(`no benchmark ${unknown}; there are ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exit(2);
}

function writeTable(name: string, text: string): void {
  const page = readFileSync(PAGE, "utf8");
  const [begin, end] = [`<!-- bench ${name} -->`, `<!-- end ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) {
    console.error(`docs/benchmarks.md has no place for ${name}: it wants "${begin}" and "${end}"`);
    process.exit(1);
  }
  writeFileSync(PAGE, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`);
}

for (const [name, bench] of Object.entries(BENCHMARKS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const text = await bench();
  console.log(`\n## ${name}\n\n${text}`);
  if (write) writeTable(name, text);
}
