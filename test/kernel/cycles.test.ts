/**
 * Loading, attaching and detaching over and over: memory stays flat, and nothing is left open, mapped or loaded.
 * 10,000 of them in `npm run test:long`.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { extent } from "../support/extent.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const CYCLES = extent(30, 10_000);
/** What the collected heap may grow by after the first tenth, and what resident memory may after the first half. */
const HEAP_GROWTH = 1 << 20;
const RESIDENT_GROWTH = 16 << 20;

interface Held {
  readonly cycles: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly mappings: number;
  readonly descriptors: number;
}

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

suite("cycles", ["root", "bpf", "ip", "bpftool", "kernel 5.15"], () => {
  let namespace: Namespace;
  beforeEach(() => {
    namespace = new Namespace("cycles");
    namespace.veth("v0", "v1");
  });
  afterEach(() => namespace[Symbol.dispose]());

  it(`${CYCLES} of load, attach and detach leave memory flat and nothing open`, { timeout: 1_800_000 }, () => {
    const run = ["--expose-gc", "--import", path("dist/register/main.js"), path("test/programs/live/cycles.ts")];
    const text = execFileSync(process.execPath, [...run, namespace.name, "v0", `${CYCLES}`], { encoding: "utf8" });
    const rows = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Held);
    const [first, middle, last] = [rows[0]!, rows[4]!, rows.at(-1)!];
    const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
    console.log(`${last.cycles} cycles, MiB resident: ${rows.map(({ rss }) => mebibytes(rss)).join(" ")}`);
    expect(last.cycles).toBe(CYCLES);
    expect(last.heapUsed - first.heapUsed).toBeLessThan(HEAP_GROWTH);
    expect(last.rss - middle.rss).toBeLessThan(RESIDENT_GROWTH);
    expect([last.mappings, last.descriptors]).toEqual([0, first.descriptors]);
    expect(namespace.ip("-d link show v0")).not.toContain("xdp");
    const left = JSON.parse(execFileSync("bpftool", ["-j", "prog", "list"], { encoding: "utf8" })) as {
      name?: string;
    }[];
    expect(left.filter(({ name }) => name === "cycle")).toEqual([]);
  });
});
