/** Builds the package once before the tests: the command line and the packed package are tested as users get them. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export default function build(): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const run = (...words: string[]) => execFileSync(process.execPath, words, { cwd: root, stdio: "inherit" });
  run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
  run("scripts/instrument-dist.mjs");
  run("scripts/bundle-cli.mjs");
}
