/**
 * The compiler against clang -O2: each example in TypeScript and its C twin (examples/<name>/<name>.c), same algorithm,
 * same maps, same packets. Instructions executed per packet, and nanoseconds in the kernel.
 *
 * As long as a program does not compile the twin is compared with itself: that row shows the noise of the harness.
 */
import type { XdpkitError } from "../src/base/index.ts";
import { inNamespace, LoadedObject, pinThread, possibleCpus } from "../src/kernel/index.ts";
import type { BpfObject } from "../src/object/index.ts";
import { createVm } from "../src/vm/index.ts";
import { fillKernel, fillVm, TWINS, twinOf } from "../test/support/example-objects.ts";
import { ExampleNetwork, stateFor, typicalFor } from "../test/support/example-traffic/index.ts";
import { compileExample } from "./compile-example.ts";
import { KernelTimer } from "./kernel-timing.ts";
import { table } from "./median.ts";

const ROUNDS = 31;
const REPEAT = 20_000;

interface Subject {
  readonly object: BpfObject;
  readonly program: string;
}

interface Row {
  readonly name: string;
  /** Ours, clang's; the sum over the packets. */
  readonly instructions: readonly number[];
  readonly nanoseconds: readonly number[];
  /** Nanoseconds, the mean over the packets. */
  readonly spread: number;
  readonly packets: number;
  readonly note: string;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const ratio = ([ours = 0, theirs = 0]: readonly number[]): number => ours / theirs;

async function countInstructions(name: string, { object, program }: Subject, network: ExampleNetwork): Promise<number> {
  const vm = await createVm(object, { program, cpus: possibleCpus(), network: network.config });
  fillVm(vm, stateFor(name, network.egress));
  // Once before it counts, so that tables that fill themselves are warm.
  const counts = [0, 1].map(() => typicalFor(name).map((packet) => vm.run(packet).instructions));
  return sum(counts[1]!);
}

function timeInKernel(name: string, subjects: readonly Subject[], network: ExampleNetwork) {
  const loaded = subjects.map(({ object }) => new LoadedObject(object));
  try {
    for (const one of loaded) fillKernel(one, stateFor(name, network.egress));
    const programs = loaded.map((one, i) => one.program(subjects[i]!.program));
    using timer = new KernelTimer(programs, (body) => inNamespace(network.namespace.name, body));
    return typicalFor(name).map((packet) => timer.time(packet, ROUNDS, REPEAT));
  } finally {
    for (const one of loaded) one[Symbol.dispose]();
  }
}

async function measure(name: string, program: string, network: ExampleNetwork): Promise<Row> {
  const theirs = { object: twinOf(name), program };
  const compiled = await compileExample(name, program);
  const ours = compiled.object ? { object: compiled.object, program } : theirs;
  const instructions = [];
  for (const subject of [ours, theirs]) instructions.push(await countInstructions(name, subject, network));
  const timings = timeInKernel(name, [ours, theirs], network);
  const packets = timings.length;
  return {
    name,
    instructions,
    nanoseconds: [0, 1].map((i) => sum(timings.map(({ middles }) => middles[i]!)) / packets),
    spread: sum(timings.flatMap(({ spreads }) => spreads)) / (2 * packets),
    packets,
    note: compiled.reason ?? "",
  };
}

function printRow({ name, instructions, nanoseconds, spread, packets, note }: Row): string[] {
  const mean = instructions.map((count) => count / packets);
  return [
    note ? `${name} (${note})` : name,
    ...mean.map((count) => count.toFixed(0)),
    ratio(instructions).toFixed(2),
    ...nanoseconds.map((value) => value.toFixed(1)),
    ratio(nanoseconds).toFixed(2),
    `± ${spread.toFixed(1)}`,
  ];
}

const geometricMean = (ratios: readonly number[]): string =>
  Math.exp(sum(ratios.map(Math.log)) / ratios.length).toFixed(2);

export async function benchCompiler(): Promise<string> {
  pinThread(0);
  using network = new ExampleNetwork();
  const rows: Row[] = [];
  for (const [name, program] of TWINS) {
    try {
      rows.push(await measure(name, program, network));
    } catch (error) {
      const { message, cause } = error as XdpkitError;
      console.error(`${name}: ${message}\n${String(cause ?? "").slice(-2000)}`);
    }
  }
  const means = ["geometric mean", "", "", geometricMean(rows.map((row) => ratio(row.instructions)))];
  means.push("", "", geometricMean(rows.map((row) => ratio(row.nanoseconds))), "");
  return table(
    ["example", "instructions", "clang -O2", "ratio", "ns", "clang -O2", "ratio", "noise, ns"],
    [...rows.map(printRow), means],
  );
}
