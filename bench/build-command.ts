/**
 * The whole `xdpkit build` command against the whole clang command on the C twin: process start to object file, alternating.
 * `node -e 0` beside them says how much of ours is Node itself.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TWINS } from "../test/support/example-objects.ts";
import { CLANG, HEADERS } from "./clang.ts";
import { alternate, table } from "./median.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ROUNDS = 11;

function timed(command: string, words: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(command, words, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")}: ${stderr}`);
  return performance.now() - start;
}

export async function benchBuildCommand(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "xdpkit-bench-"));
  const rows = TWINS.map(([name]) => {
    const source = `examples/${name}/${name}`;
    const ours = ["dist/cli/main.js", "build", `${source}.xdp.ts`, "-o", join(folder, "ours.o")];
    const theirs = [...CLANG, ...HEADERS, "-c", `${source}.c`, "-o", join(folder, "theirs.o")];
    const [build, clang, node] = alternate(ROUNDS, [
      () => timed(process.execPath, ours),
      () => timed("clang-19", theirs),
      () => timed(process.execPath, ["-e", "0"]),
    ]) as [number, number, number];
    return [name, ...[build, clang, node].map((ms) => ms.toFixed(0)), (build / clang).toFixed(2)];
  });
  rmSync(folder, { recursive: true });
  return table(["example", "xdpkit build, ms", "clang -O2 -g, ms", "node alone, ms", "ratio"], rows);
}
