/**
 * `npm run mutate -- FOLDER --seed N [--count 60] [--jobs 1]`: whether tests would notice if the code were wrong. Places are
 * drawn from all where a comparison, boundary, operator, condition, statement, constant or returned value can be changed; the
 * tests of the layer run with each change, in a copy of what is committed. Survivors are printed with their line.
 *
 * One that takes three times as long as without a change has been noticed. Exit status 1: fewer than 85 % were noticed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../test/support/random.ts";
import { LAYERS, layerOf } from "./mutate/layers.ts";
import { type Mutant, placesOf } from "./mutate/places.ts";
import { Copy, type Fate } from "./mutate/run.ts";

const GOAL = 0.85;
const ROOT = fileURLToPath(new URL("..", import.meta.url));

const { values, positionals } = parseArgs({
  options: {
    seed: { type: "string", default: `${(Date.now() % 0x7fffffff) + 1}` },
    count: { type: "string", default: "60" },
    jobs: { type: "string", default: "1" },
  },
  allowPositionals: true,
});
const folder = (positionals[0] ?? "").replace(/\/+$/, "");
const stages = layerOf(folder);
if (!stages) {
  console.error(
    `'${folder}' is no folder with tests of its own: give one of ${Object.keys(LAYERS).join(", ")}, or one inside`,
  );
  process.exit(2);
}

const isCode = (file: string): boolean =>
  file.endsWith(".ts") && !/\.(test|gen|d)\.ts$/.test(file) && !/(^|\/)(test|node_modules)\//.test(file);
const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
  .map((name) => `${folder}/${name}`)
  .filter(isCode)
  .sort();
const places = files.flatMap((file) => placesOf(file, readFileSync(join(ROOT, file), "utf8")));
const random = new Random(Number(values.seed));
const drawn: Mutant[] = [];
while (drawn.length < Math.min(Number(values.count), places.length))
  drawn.push(...places.splice(random.between(0, places.length - 1), 1));
console.log(
  `mutate ${folder} --seed ${values.seed}: ${drawn.length} of ${drawn.length + places.length} places in ${files.length} files`,
);

const fates = new Map<Mutant, Fate>();
const queue = [...drawn];
async function work(): Promise<void> {
  using copy = new Copy(ROOT);
  await copy.measure(stages!);
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
    const fate = await copy.fateOf(mutant, stages!);
    fates.set(mutant, fate);
    const change = `${mutant.was.split("\n")[0]} → ${mutant.becomes.split("\n")[0]}`;
    console.log(`${fate.padEnd(8)} ${mutant.file}:${mutant.line} ${mutant.kind}: ${change}`);
  }
}
await Promise.all(Array.from({ length: Number(values.jobs) }, work));

const survivors = drawn.filter((mutant) => fates.get(mutant) === "survived");
const score = 1 - survivors.length / drawn.length;
console.log(
  `\n${drawn.length - survivors.length} of ${drawn.length} were noticed (${(100 * score).toFixed(0)} %); survivors:`,
);
for (const { file, line, kind, was, becomes } of survivors)
  console.log(`  ${file}:${line} ${kind}: ${was} → ${becomes}`);
process.exit(score >= GOAL ? 0 : 1);
