/**
 * `npm run fuzz [-- --seconds N --seed N --target NAME]`: mutated inputs for every reader, bounded by time.
 *
 * A target returns, or throws what is a bug: then the input is written to out/ and the run ends with status 1. A target
 * that takes more than a second for one input has hung, and memory that grows by more than 512 MiB is a bug, too.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { concatBytes } from "../src/base/index.ts";
import { Random } from "../test/support/random.ts";
import { objectTargets } from "./fuzz/object.ts";
import { packetTargets } from "./fuzz/packet.ts";
import type { FuzzTarget } from "./fuzz/target.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 0x7fffffff) },
    target: { type: "string" },
  },
});

const MAX_INPUT = 1 << 20;
const SLOW_MS = 1000;
const HANG_MS = 20_000;
const GROWTH_BYTES = 512 * 2 ** 20;
/** Numbers that lengths and counts go wrong with. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

const targets: Readonly<Record<string, FuzzTarget>> = { ...packetTargets, ...objectTargets };

/** One to eight changes: bits, bytes, numbers, cuts, repeats, and pieces of other seeds. */
function mutate(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = random.pick(seeds).slice();
  for (let i = random.between(1, 8); i > 0; i--) bytes = change(random, bytes, seeds);
  return bytes.subarray(0, MAX_INPUT);
}

function change(random: Random, bytes: Uint8Array, seeds: readonly Uint8Array[]): Uint8Array {
  if (bytes.length === 0) return random.bytes(8);
  const at = random.between(0, bytes.length - 1);
  const size = random.between(1, Math.min(64, bytes.length - at));
  switch (random.between(0, 6)) {
    case 0:
      bytes[at]! ^= 1 << random.between(0, 7);
      return bytes;
    case 1:
      bytes[at] = random.u32() & 0xff;
      return bytes;
    case 2:
      return writeNumber(random, bytes, at);
    case 3:
      return bytes.slice(0, at);
    case 4:
      return concatBytes(bytes.subarray(0, at), bytes.subarray(at + size));
    case 5:
      return concatBytes(bytes.subarray(0, at + size), bytes.subarray(at));
    default: {
      const other = random.pick(seeds);
      const from = other.length === 0 ? 0 : random.between(0, other.length - 1);
      return concatBytes(bytes.subarray(0, at), other.subarray(from, from + 256), bytes.subarray(at));
    }
  }
}

function writeNumber(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  const width = random.pick([1, 2, 4]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const value = random.pick(EDGES);
  const little = random.chance(0.5);
  if (at + width > bytes.length) return bytes;
  if (width === 1) view.setUint8(at, value & 0xff);
  else if (width === 2) view.setUint16(at, value & 0xffff, little);
  else view.setUint32(at, value, little);
  return bytes;
}

function report(name: string, seed: number, input: Uint8Array, problem: unknown): never {
  mkdirSync("out", { recursive: true });
  const file = `out/fuzz-${name}-${seed}.bin`;
  writeFileSync(file, input);
  console.error(`${name}: --seed ${seed} found a bug, its input is ${file}`);
  console.error(problem);
  process.exit(1);
}

/** What the watchdog sees: a count of inputs, and the input that is being run. */
const shared = new SharedArrayBuffer(16 + MAX_INPUT);
const beat = new Int32Array(shared, 0, 2);
const running = new Uint8Array(shared, 16);

/** Ends the process when one input runs for too long: an endless loop never comes back to be timed. */
function startWatchdog(): Worker {
  const script = `
    const { workerData: { shared, file } } = require("node:worker_threads");
    const beat = new Int32Array(shared, 0, 2), input = new Uint8Array(shared, 16);
    let last = -1;
    setInterval(() => {
      if (beat[0] === last) {
        require("node:fs").mkdirSync("out", { recursive: true });
        require("node:fs").writeFileSync(file, Uint8Array.from(input.subarray(0, beat[1])));
        require("node:fs").writeSync(2, "an input hangs; it is " + file + "\\n");
        process.kill(process.pid, "SIGKILL");
      }
      last = beat[0];
    }, ${HANG_MS});`;
  const watchdog = new Worker(script, { eval: true, workerData: { shared, file: `out/fuzz-hang-${seed}.bin` } });
  watchdog.unref();
  return watchdog;
}

async function fuzz(name: string, target: FuzzTarget, seconds: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const seeds = await target.seeds();
  const end = performance.now() + seconds * 1000;
  const before = process.memoryUsage().rss;
  let inputs = 0;
  for (let now = performance.now(); now < end; inputs++) {
    const input = mutate(random, seeds);
    running.set(input);
    beat[1] = input.length;
    beat[0]!++;
    try {
      await target.run(input);
    } catch (error) {
      report(name, seed, input, error);
    }
    const after = performance.now();
    if (after - now > SLOW_MS) report(name, seed, input, `one input took ${Math.round(after - now)} ms`);
    now = after;
    if (inputs % 256 === 0 && process.memoryUsage().rss - before > GROWTH_BYTES)
      report(name, seed, input, "memory grows");
  }
  console.log(`${name.padEnd(16)}${inputs.toLocaleString("en-US").padStart(12)} inputs in ${seconds} s, nothing found`);
}

const chosen = Object.entries(targets).filter(([name]) => values.target === undefined || name === values.target);
const seed = Number(values.seed);
if (chosen.length === 0) {
  console.error(`no target ${values.target}; there are ${Object.keys(targets).join(", ")}`);
  process.exit(2);
}
console.log(`seed ${seed}`);
startWatchdog();
for (const [name, target] of chosen) await fuzz(name, target, Number(values.seconds) / chosen.length, seed);
