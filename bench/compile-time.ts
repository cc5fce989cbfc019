/**
 * Compiling in a process that is warm, against a run of clang -O2 on the C twin (process start included: clang has no other
 * way), alternating.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TWINS } from "../test/support/example-objects.ts";
import { CLANG, HEADERS } from "./clang.ts";
import { alternate, table } from "./median.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WARM = 20;
const ROUNDS = 15;

type Compiler = typeof import("../src/compiler/index.ts");
type Register = typeof import("../src/register/index.ts");

/** What was built, not its source: tsx's code is slower. */
const built = (file: string) => import(join(ROOT, "dist", file)) as Promise<Record<string, unknown>>;

export async function benchCompileTime(): Promise<string> {
  const { compileOrThrow, programsOf } = (await built("compiler/index.js")) as unknown as Compiler;
  const { evaluateGraph, readGraph } = (await built("register/index.js")) as unknown as Register;
  const host = {
    xdpkit: () => built("lang/index.js"),
    "xdpkit/packet": () => built("packet/index.js"),
    "xdpkit/walk": () => built("lang/walk.xdp.js"),
  };
  const folder = mkdtempSync(join(tmpdir(), "xdpkit-bench-"));
  const subjects = await Promise.all(
    TWINS.map(async ([name]) => {
      const source = join(ROOT, `examples/${name}/${name}`);
      return { name, source, programs: programsOf(await evaluateGraph(readGraph(`${source}.xdp.ts`), host)) };
    }),
  );
  for (let round = 0; round < WARM; round++) for (const { programs } of subjects) compileOrThrow(programs);
  const ratios: number[] = [];
  const rows = subjects.map(({ name, source, programs }) => {
    const [ours, clang] = alternate(ROUNDS, [
      () => timed(() => compileOrThrow(programs)),
      () =>
        timed(() => execFileSync("clang-19", [...CLANG, ...HEADERS, "-c", `${source}.c`, "-o", join(folder, "x.o")])),
    ]) as [number, number];
    ratios.push(ours / clang);
    return [name, ours.toFixed(1), clang.toFixed(1), (ours / clang).toFixed(2)];
  });
  rmSync(folder, { recursive: true });
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  return table(
    ["example", "compile, ms", "clang -O2 -g, ms", "ratio"],
    [...rows, ["geometric mean", "", "", mean.toFixed(2)]],
  );
}

function timed(body: () => unknown): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}
