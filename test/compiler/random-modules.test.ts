/**
 * Random modules: stock tsc takes them, the compiler compiles them, the kernel's verifier accepts them, and they do the same
 * as JavaScript in V8, in the interpreter and in the kernel. `XDPKIT_MODULES=5000` makes a long run of it.
 */
import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { pinThread } from "../../src/kernel/index.ts";
import { typeErrors } from "../support/check-types.ts";
import { comparable, compiledObject, type EngineName, observeCompiled } from "../support/compiled.ts";
import { extent } from "../support/extent.ts";
import { type Exports, loadText } from "../support/load-module.ts";
import { type Observation, observe } from "../support/observe.ts";
import { Random, runSeed } from "../support/random.ts";
import { type RandomRun, randomModule, runs } from "../support/random-modules.ts";

const MODULES = Number(process.env["XDPKIT_MODULES"] ?? extent(12, 1_000));
const TYPE_CHECKED = extent(20, 400);
const ENGINES: readonly EngineName[] = process.getuid?.() === 0 ? ["interpreter", "kernel"] : ["interpreter"];

/** The compiled program does the same on the machine and, where there is one, in the kernel. */
async function compareWithCompiler(
  exports: Exports,
  runsOf: readonly RandomRun[],
  expected: readonly Observation[],
): Promise<void> {
  const object = compiledObject(exports);
  for (const engine of ENGINES) {
    for (const [index, run] of runsOf.entries()) {
      const found = await observeCompiled(exports, object, run, engine);
      expect({ engine, ...found }).toEqual({ engine, ...comparable(expected[index]!, found) });
    }
  }
}

// Values of per-CPU maps are compared as the first CPU's.
beforeAll(() => {
  if (ENGINES.includes("kernel")) pinThread(0);
});

it("random modules do the same in V8, in the machine and in the kernel", {
  timeout: 60_000 + 5_000 * MODULES,
}, async () => {
  const seed = runSeed();
  const actions = new Map<number, number>();
  for (let i = 0; i < MODULES; i++) {
    const module = randomModule(seed + i);
    try {
      const exports = loadText(module.text, `random-${module.seed}.xdp.ts`);
      const all = runs(new Random(module.seed), exports);
      const observations = all.map((run) => observe(exports, run));
      for (const { verdicts } of observations)
        for (const { action } of verdicts) actions.set(action, (actions.get(action) ?? 0) + 1);
      await compareWithCompiler(exports, all, observations);
    } catch (cause) {
      throw new Error(`XDPKIT_SEED=${module.seed}: ${(cause as Error).message}\n${module.text}`, { cause });
    }
  }
  // Every verdict: of so many modules none is missing.
  if (MODULES >= 100) expect([...actions.keys()].toSorted()).toEqual([0, 1, 2, 3, 4]);
});

/** Modules that once went wrong, as the generator wrote them then. */
const pinned = (name: string): Exports => {
  const text = readFileSync(new URL(`pinned/${name}.txt`, import.meta.url), "utf8");
  return loadText(text, `pinned-${name}.xdp.ts`);
};

it("a threaded loop whose phi is its own of the round before compiles", () => {
  expect(compiledObject(pinned("threaded-loop")).functions).toHaveLength(1);
});

it("a circle of blocks that threading has cut off compiles", () => {
  expect(compiledObject(pinned("cut-off-circle")).functions.length).toBeGreaterThan(0);
});

it("the same seed gives the same text, runs and observation", () => {
  const [first, second] = [randomModule(42), randomModule(42)];
  expect(first.text).toBe(second.text);
  expect(randomModule(43).text).not.toBe(first.text);
  expect(randomModule(42, 3).text.length).toBeLessThan(first.text.length);
  const exports = loadText(first.text, "random-twice.xdp.ts");
  const observations = [1, 2].map(() => runs(new Random(7), exports).map((run) => observe(exports, run)));
  expect(observations[0]).toEqual(observations[1]);
});

it("stock tsc --strict takes them", () => {
  const seed = runSeed();
  const texts = Array.from({ length: TYPE_CHECKED }, (_, i) => randomModule(seed + i).text);
  const errors = typeErrors(new Map(texts.map((text, i) => [`m${seed + i}.xdp.ts`, text])));
  expect(Object.fromEntries(errors)).toEqual({});
});
