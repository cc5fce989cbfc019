/**
 * After each test file: every map, program, link, BTF and perf event that it opened is closed, their memory is unmapped, and
 * its namespaces are gone, or the file fails.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll } from "vitest";
import { endOfFile } from "./cleanup.ts";

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

/** Maps and rings that are mapped into memory. */
function mappedObjects(): string[] {
  if (process.platform !== "linux") return [];
  return readFileSync("/proc/self/maps", "utf8").match(/(anon_inode:)?\[?(bpf|perf_event)\S*$/gm) ?? [];
}

/** Those that test/support/namespace.ts makes for this process. */
function namespaces(): string[] {
  const folder = "/run/netns";
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(`-${process.pid}`)) : [];
}

const PROBES = {
  "descriptors are still open": openObjects,
  "mappings are left": mappedObjects,
  "namespaces are left": namespaces,
};

afterAll(() => {
  endOfFile();
  for (const [what, probe] of Object.entries(PROBES)) {
    const left = probe();
    if (left.length > 0) throw new Error(`${left.length} ${what}: ${[...new Set(left)].join(", ")}`);
  }
});
