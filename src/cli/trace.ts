/** `xdpkit trace`: what programs write with `trace` and bpf_printk, as it comes. */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";

export function addTraceCommand(program: Command): void {
  program
    .command("trace")
    .summary("print what programs log")
    .description("Prints what programs write with trace and bpf_printk, until it is interrupted.")
    .option("--lines <n>", "end after so many lines", lineCount)
    .option("--tracefs <folder>", "where tracefs is mounted", "/sys/kernel/tracing")
    .option("--json", "print an object per line")
    .action(async (options) => (await import("./trace-lines.ts")).printTrace(options));
}

function lineCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1) return count;
  throw xdpkitError("CLI_USAGE", { problem: `--lines takes a whole number from 1, not ${text}` });
}
