/**
 * The interpreter: nanoseconds per instruction, and against the kernel's JIT (BPF_PROG_TEST_RUN) where bpf(2) may be used.
 *
 * A run includes laying the packet out and copying it back, as `vm.run` does; the last column is the loop alone: the
 * difference to an empty program, divided by the instructions.
 */
import { readFileSync } from "node:fs";
// The built package: a loader that rewrites sources would be measured as well.
import { LoadedObject, pinThread, possibleCpus } from "../dist/kernel/index.js";
import { readElf } from "../dist/object/index.js";
import { createVm } from "../dist/vm/index.js";
import { alternate, table } from "./median.ts";

const ROUNDS = 11;
const RUNS = 20_000;
const KERNEL_REPEAT = 200_000;

const SUBJECTS = [
  ["loops", "sum_packet"],
  ["arithmetic-v3", "calculate"],
  ["assembler", "bounded"],
  ["tunnel", "encapsulate"],
  ["balancer", "balance"],
] as const;

/** 128 bytes: Ethernet, IPv4, UDP. */
const PACKET = new Uint8Array(128);
PACKET.set([
  2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 114, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
]);

const objectOf = (file: string) => readElf(readFileSync(new URL(`../test/objects/${file}.o`, import.meta.url)));

function nanoseconds(runs: number, body: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < runs; i++) body();
  return Number(process.hrtime.bigint() - start) / runs;
}

/** Mean of the kernel for one run; undefined where bpf(2) is not permitted, or the program wears its packet out. */
function kernelTime(file: string, program: string): (() => number) | undefined {
  if (program === "encapsulate") return undefined;
  try {
    const loaded = new LoadedObject(objectOf(file)).program(program);
    return () => loaded.run(PACKET, { repeat: KERNEL_REPEAT }).durationNs;
  } catch {
    return undefined;
  }
}

async function row(file: string, program: string, empty: () => number): Promise<string[]> {
  const vm = await createVm(objectOf(file), { program, cpus: possibleCpus() });
  const { instructions } = vm.run(PACKET);
  const kernel = kernelTime(file, program);
  const mine = (): number => nanoseconds(RUNS, () => vm.run(PACKET));
  const [whole = 0, base = 0, jit = 0] = alternate(ROUNDS, kernel ? [mine, empty, kernel] : [mine, empty]);
  return [
    `${file} ${program}`,
    String(instructions),
    whole.toFixed(0),
    (whole / instructions).toFixed(1),
    ((whole - base) / instructions).toFixed(1),
    kernel ? `${(whole / jit).toFixed(1)} ×` : "–",
  ];
}

export async function benchInterpreter(): Promise<string> {
  pinThread(0);
  const nothing = await createVm(objectOf("sections"), { program: "plain" });
  const empty = (): number => nanoseconds(RUNS, () => nothing.run(PACKET));
  const rows: string[][] = [];
  for (const [file, program] of SUBJECTS) rows.push(await row(file, program, empty));
  return table(
    ["program", "instructions", "ns per run", "ns per instruction", "loop alone", "against the kernel's JIT"],
    rows,
  );
}
