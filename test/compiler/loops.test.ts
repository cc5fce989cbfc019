/**
 * `loop(n, body)` by target: `bpf_loop` for many rounds where the kernel has it, rounds that the verifier walks where it has
 * not. Both do the same as V8.
 */
import { describe, expect, it } from "vitest";
import { LoadedObject } from "../../src/kernel/index.ts";
import { programInfo } from "../../src/kernel/program-info.ts";
import { disassemble } from "../../src/object/index.ts";
import { comparable, compiledObject, observeCompiled } from "../support/compiled.ts";
import { type Exports, loadText } from "../support/load-module.ts";
import { observe } from "../support/observe.ts";

let files = 0;

/** A program that leaves `n` in `out`; `first` is byte 0 of the packet. */
function moduleOf(body: string, target?: string): Exports {
  const options = target === undefined ? "" : `, { target: "${target}" }`;
  const text = `import { exit, global, loop, RingBuffer, struct, u32, u64, u8, withLock, HashMap, spinLock, xdp, XdpAction } from "xdpkit";
class Pair extends struct({ first: u64, second: u32, last: u8 }) {}
class Guarded extends struct({ lock: spinLock, count: u64 }) {}
const events = new RingBuffer({ value: Pair, bytes: 4096 });
const guarded = new HashMap({ key: u32, value: Guarded, maxEntries: 4 });
export const out = global(u64);
export const program = xdp((ctx) => {
const first = (ctx.header(u8, 0) ?? exit(XdpAction.Aborted)).value;
let n = 0;
${body}
out.value = u64(n);
return XdpAction.Pass;
}${options});`;
  return loadText(text, `loops-${files++}.xdp.ts`);
}

const RUN = { packets: [Uint8Array.from({ length: 64 }, (_, index) => index + 1)], maps: [] };

/** How often the code calls `bpf_loop`, helper 181. */
const callsOf = (exports: Exports): number =>
  disassemble(compiledObject(exports)).filter(({ text }) => /call 0xb5$/.test(text)).length;

const LARGE = "loop(8000, (i) => { if ((i & 3) === first) n += i; n ^= i & 7; });";

describe("what becomes of a loop", () => {
  it.each([
    ["many rounds on any kernel", LARGE, undefined, 1],
    ["for 6.12", LARGE, "6.12", 1],
    ["for 5.17, the first that has bpf_loop", LARGE, "5.17", 1],
    ["for 5.16", LARGE, "5.16", 0],
    ["for 5.4", LARGE, "5.4", 0],
    ["few rounds", "loop(100, (i) => { n += i; });", undefined, 0],
    ["more than the verifier would walk", "loop(10_000, (i) => { n += i & first; });", undefined, 1],
    [
      "no number known, but a limit",
      "loop(first << 8, (i) => { if (i & 1) n += i & first; else n += 1; });",
      undefined,
      1,
    ],
    [
      "code that only later rounds come to, and its own variables",
      "loop(9000, () => { n += 1; if (n > 5 && first & 1) n += 2; });",
      undefined,
      1,
    ],
    ["a large loop of small ones", "loop(3000, () => { loop(4, (i) => { n += i & first; }); });", undefined, 1],
    [
      "a place that changes, which cannot be handed over",
      "let one = guarded.lookup(1); loop(8000, (i) => { if (i & first) n += 1; else n += 2; one = guarded.lookup(i & 3); }); n += one ? 1 : 2;",
      undefined,
      0,
    ],
    [
      "under a lock",
      "const g = guarded.lookup(1); if (g) withLock(g.lock, () => { loop(8000, (i) => { if (i & first) n += 1; else n += 2; }); g.count = u64(n); });",
      undefined,
      0,
    ],
    [
      "a record that the body fills",
      "const r = events.reserve(); if (r) { loop(8000, (i) => { if (i & first) n += 1; r.second = i; }); events.discard(r); }",
      undefined,
      0,
    ],
    [
      "a record that is only there meanwhile",
      "const r = events.reserve(); if (r) { loop(9000, (i) => { if (i & first) n += 1; }); events.discard(r); }",
      undefined,
      1,
    ],
  ])("%s", async (_, body, target, calls) => {
    const exports = moduleOf(body, target);
    expect(callsOf(exports)).toBe(calls);
    for (const engine of ["interpreter", ...(process.getuid?.() === 0 ? ["kernel" as const] : [])] as const) {
      const found = await observeCompiled(exports, compiledObject(exports), RUN, engine);
      expect({ engine, ...found }).toEqual({ engine, ...comparable(observe(exports, RUN), found) });
    }
  });
});

/** What a stack struct holds before the first round must not look as if it stayed: kernels before 6.7 believed it. */
it("hides the stack from kernels that follow the body once", () => {
  const body =
    "const p = new Pair({ first: 1n }); loop(9000, (i) => { p.first = p.first + u64(i & 1); }); n = u32(p.first);";
  const hidden = (target?: string): number =>
    disassemble(compiledObject(moduleOf(body, target)), "program").filter(({ text }) => text.includes(" ^= ")).length;
  expect([hidden(), hidden("6.6"), hidden("6.7")]).toEqual([4, 4, 0]);
});

it.skipIf(process.getuid?.() !== 0)("a million rounds are followed once", () => {
  const body = "let w = 1n; loop(1_000_000, (i) => { w = w * 3n + u64(i); if (i === 900_000) n = i & first; });";
  using loaded = new LoadedObject(compiledObject(moduleOf(`${body} n += u32(w);`)));
  expect(programInfo(loaded.program("program")).verifiedInstructions).toBeLessThan(200);
});
