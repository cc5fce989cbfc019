/** Lines of `xdpkit trace`: as the kernel's trace_pipe writes them, or as JSON. */
import { openTrace, type TraceLine } from "../kernel/index.ts";

interface TraceOptions {
  readonly json?: boolean;
  /** Where tracefs is mounted. */
  readonly tracefs: string;
  /** End after so many. */
  readonly lines?: number;
}

export async function printTrace({ json, tracefs, lines = Number.POSITIVE_INFINITY }: TraceOptions): Promise<void> {
  using stream = openTrace(tracefs);
  let [count, lost] = [0, 0n];
  for await (const line of stream) {
    if (stream.lost > lost) process.stderr.write(`xdpkit: ${stream.lost - lost} lines found no room\n`);
    lost = stream.lost;
    process.stdout.write(`${json ? lineToJson(line) : printLine(line)}\n`);
    if (++count >= lines) break;
  }
}

function printLine({ task, pid, cpu, timestampNs, text }: TraceLine): string {
  const micros = String((timestampNs / 1000n) % 1_000_000n).padStart(6, "0");
  const where = `${`${task}-${pid}`.padStart(22)} [${String(cpu).padStart(3, "0")}]`;
  return `${where} ${timestampNs / 1_000_000_000n}.${micros}: ${text}`;
}

const lineToJson = ({ timestampNs, ...line }: TraceLine): string =>
  JSON.stringify({ ...line, timestampNs: Number(timestampNs) });
