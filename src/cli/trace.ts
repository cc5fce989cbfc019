/** `xdpkit trace`: what programs write with `trace` and bpf_printk, as it comes. */
import type { Command } from "commander";
import { xdpkitError } from "../base/index.ts";

interface TraceOptions {
  readonly json?: boolean;
  readonly tracefs: string;
  readonly lines?: number;
}

export function addTraceCommand(program: Command): void {
  program
    .command("trace")
    .summary("print what programs log")
    .description("Prints what programs write with trace and bpf_printk, until it is interrupted.")
    .option("--lines <n>", "end after so many lines", lineCount)
    .option("--tracefs <folder>", "where tracefs is mounted", "/sys/kernel/tracing")
    .option("--json", "print an object per line")
    .action(trace);
}

function lineCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1) return count;
  throw xdpkitError("CLI_USAGE", { problem: `--lines takes a whole number from 1, not ${text}` });
}

async function trace({ json, tracefs, lines = Number.POSITIVE_INFINITY }: TraceOptions): Promise<void> {
  const { openTrace } = await import("../kernel/index.ts");
  using stream = openTrace(tracefs);
  let count = 0;
  let lost = 0n;
  for await (const { task, pid, cpu, timestampNs, text } of stream) {
    if (stream.lost > lost) process.stderr.write(`xdpkit: ${stream.lost - lost} lines found no room\n`);
    lost = stream.lost;
    const seconds = `${timestampNs / 1_000_000_000n}.${String((timestampNs / 1000n) % 1_000_000n).padStart(6, "0")}`;
    const line = json
      ? JSON.stringify({ task, pid, cpu, timestampNs: Number(timestampNs), text })
      : `${`${task}-${pid}`.padStart(22)} [${String(cpu).padStart(3, "0")}] ${seconds}: ${text}`;
    process.stdout.write(`${line}\n`);
    if (++count >= lines) break;
  }
}
