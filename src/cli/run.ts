/** `xdpkit run PROG --in A.pcap [--out B.pcapng]`: its options. What it does is loaded when it is asked for. */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";
import { addMapOption } from "./map-option.ts";
import { collect } from "./repeated-option.ts";
import type { RunOptions } from "./run-capture.ts";
import { addVerifierLogOption } from "./verifier-log.ts";

/** A whole number in a range, for commander. @throws XdpkitError CLI_USAGE */
function whole(name: string, from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    throw xdpkitError("CLI_USAGE", { problem: `${name} takes a whole number from ${from} to ${to}, not ${text}` });
  };
}

/** One of some words, for commander. @throws XdpkitError CLI_USAGE */
function oneOf(name: string, words: readonly string[]): (text: string) => string {
  return (text) => {
    if (words.includes(text)) return text;
    throw xdpkitError("CLI_USAGE", { problem: `${name} takes one of ${words.join(", ")}, not ${text}` });
  };
}

export function addRunCommand(program: Command): void {
  const command = program
    .command("run")
    .summary("run packets of a capture through a program")
    .description("Runs the packets of a capture through an XDP program, without NIC and root, and counts the verdicts.")
    .argument("<program>", "*.xdp.ts, or ELF object")
    .requiredOption("--in <capture>", "pcap or pcapng to read; - for standard input")
    .option(
      "--out <capture>",
      "pcapng to write: entry and exit of each packet, with its verdict; - for standard output",
    )
    .option("--program <name>", "the program, when the object holds several")
    .option("--engine <engine>", "interpreter or kernel (BPF_PROG_TEST_RUN, needs root)", "interpreter")
    .option("--dump <name>", "print a map's content as JSON afterwards; may be repeated", collect, [])
    .option("--network <file>", "interfaces, routes and neighbours, YAML or JSON (interpreter)")
    .option("--repeat <n>", "run each packet n times, count it once", whole("--repeat", 1, 1_000_000), 1)
    .option("--type <type>", "xdp: run a program whose section names another type, or none")
    .option("--btf <file>", "kernel types for CO-RE (interpreter; default /sys/kernel/btf/vmlinux; none: as compiled)")
    .option("--cpus <n>", "simulated CPUs (interpreter)", whole("--cpus", 1, 256), 1)
    .option("--seed <n>", "seed of the program's random numbers (interpreter)", whole("--seed", 0, 0xffffffff), 1)
    .option(
      "--unwritten <what>",
      "what lies where nothing was written: fault when it decides anything, garbage, or zero (interpreter)",
      oneOf("--unwritten", ["fault", "garbage", "zero"]),
    )
    .option(
      "--linear <bytes>",
      "most bytes before the fragments, for xdp.frags (interpreter)",
      whole("--linear", 0, 65536),
    )
    .option("--headroom <bytes>", "bytes before each packet (interpreter)", whole("--headroom", 40, 4096))
    .option("--json", "print the result as JSON");
  addMapOption(command);
  addVerifierLogOption(command).action(async (file: string, options: RunOptions, command: Command) => {
    const { run } = await import("./run-capture.ts");
    return run(file, options, command);
  });
}
