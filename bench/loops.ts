/**
 * `loop(n, body)` both ways, of the same bodies: walked by the verifier (what a target before 5.17 gets) and called by
 * `bpf_loop`. Instructions that the verifier follows, milliseconds to load, nanoseconds per round. What the front's
 * threshold stands on (docs/decisions/loops.md).
 */
import { performance } from "node:perf_hooks";
import { type CompilableProgram, compileOrThrow } from "../src/compiler/index.ts";
import { LoadedObject, pinThread } from "../src/kernel/index.ts";
import { programInfo } from "../src/kernel/program-info.ts";
import { loadText } from "../test/support/load-module.ts";
import { median, table } from "./median.ts";

const ROUNDS = 8000;
const TIMES = 15;

const BODIES: readonly (readonly [name: string, body: string])[] = [
  ["a sum", "n += i & 7;"],
  ["two variables and a test", "if ((i & 3) === start) n += i & 7; w = w * 5n + u64(i);"],
  [
    "a byte of the packet",
    "const b = ctx.header(u8, i & 63); if (!b) return loop.Break; n += b.value; return undefined;",
  ],
  ["a store to a map's value", "cell.value = cell.value + u64(i & start);"],
  ["a look-up", "if (known.lookup(i & 15)) n += 1;"],
];

function textOf(body: string, target: string): string {
  return `import { exit, global, HashMap, loop, PerCpuArray, u32, u64, u8, xdp, XdpAction } from "xdpkit";
const known = new HashMap({ key: u32, value: u32, maxEntries: 16 });
const cpu = new PerCpuArray({ value: u64, maxEntries: 1 });
const out = global(u64);
export const program = xdp((ctx) => {
const start = (ctx.header(u8, 3) ?? exit(XdpAction.Aborted)).value;
const cell = cpu.at(0);
let n = 0;
let w = 1n;
loop(${ROUNDS}, (i) => { ${body} });
out.value = u64(n) + w;
return XdpAction.Pass;
}${target});`;
}

function measure(text: string, file: string): { verified: number; milliseconds: number; nanoseconds: number } {
  const { object } = compileOrThrow(loadText(text, file)["program"] as CompilableProgram);
  const begun = performance.now();
  using loaded = new LoadedObject(object);
  const program = loaded.program("program");
  const milliseconds = performance.now() - begun;
  const times = Array.from({ length: TIMES }, () => program.run(new Uint8Array(64), { repeat: 50 }).durationNs);
  return { verified: programInfo(program).verifiedInstructions, milliseconds, nanoseconds: median(times) / ROUNDS };
}

/** The table. Needs root. */
export async function benchLoops(): Promise<string> {
  pinThread(0);
  const rows = BODIES.map(([name, body], index) => {
    const [walked, called] = [', { target: "5.15" }', ""].map((target, way) =>
      measure(textOf(body, target), `loop-${index}-${way}.xdp.ts`),
    ) as [ReturnType<typeof measure>, ReturnType<typeof measure>];
    const pair = (pick: (one: typeof walked) => string): string => `${pick(walked)} / ${pick(called)}`;
    return [
      name,
      pair(({ verified }) => String(verified)),
      pair(({ milliseconds }) => milliseconds.toFixed(1)),
      pair(({ nanoseconds }) => nanoseconds.toFixed(2)),
    ];
  });
  return table([`${ROUNDS} rounds of`, "verified: walked / called", "load, ms", "ns per round"], rows);
}
