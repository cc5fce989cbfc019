/**
 * `npm run test:long -- --seed N [vitest's words]`: every test with the counts of docs/agreement.md, in a fixed order.
 *
 * The seed is printed at the beginning, so that a run can be repeated.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: { seed: { type: "string" } },
  allowPositionals: true,
  strict: true,
});
const seed = Number(values.seed ?? (Date.now() % 0x7fffffff) + 1);
if (!Number.isInteger(seed) || seed <= 0) {
  console.error(`--seed ${values.seed}: a positive integer is needed, such as --seed 42`);
  process.exit(2);
}
console.log(`test:long --seed ${seed}`);
const { status } = spawnSync("npx", ["vitest", "run", ...positionals], {
  stdio: "inherit",
  env: { ...process.env, XDPKIT_LONG: "1", XDPKIT_SEED: `${seed}` },
});
process.exit(status ?? 1);
