/** `npm run bench [-- NAME]`: benchmarks by name, as Markdown tables for docs/benchmarks.md. */
import { benchCompiler } from "./compiler.ts";
import { benchInterpreter } from "./interpreter.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<string>>> = {
  interpreter: benchInterpreter,
  compiler: benchCompiler,
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in BENCHMARKS));
if (unknown !== undefined) {
  console.error(`no benchmark ${unknown}; there are ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exit(2);
}
for (const [name, bench] of Object.entries(BENCHMARKS)) {
  if (wanted.length === 0 || wanted.includes(name)) console.log(`\n## ${name}\n\n${await bench()}`);
}
