/** After each test file: every map, program, link, BTF and perf event that it opened is closed, or the file fails. */
import { readdirSync, readlinkSync } from "node:fs";
import { afterAll } from "vitest";

function openObjects(): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const what = readlinkSync(`/proc/self/fd/${fd}`);
      return /bpf|btf|perf_event|trace_pipe/.test(what) ? [what] : [];
    } catch {
      return []; // the descriptor of the folder itself
    }
  });
}

afterAll(() => {
  const left = openObjects();
  if (left.length > 0) throw new Error(`${left.length} descriptors are still open: ${[...new Set(left)].join(", ")}`);
});
