/** What a test has in the system goes with it: when it is interrupted, ended, or when the process that runs it has gone. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { suite } from "../support/require.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** What test/support/hold.ts has made. */
interface Held {
  readonly namespace: string;
  readonly mount: string;
  readonly process: number;
}

async function hold(): Promise<{ readonly child: ChildProcess; readonly held: Held }> {
  const child = fork(path("../support/hold.ts"), { execArgv: ["--import", path("../../dist/register/main.js")] });
  const [held] = (await once(child, "message")) as [Held];
  return { child, held };
}

/** False for one that has ended and that nobody has asked about yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const left = ({ namespace, mount, process }: Held): string[] => [
  ...(existsSync(`/run/netns/${namespace}`) ? [namespace] : []),
  ...(readFileSync("/proc/mounts", "utf8").includes(mount) ? [mount] : []),
  ...(isRunning(process) ? [`process ${process}`] : []),
];

suite("a test that is ended", ["root", "ip"], () => {
  it.each([
    ["SIGINT", (child: ChildProcess) => child.kill("SIGINT"), 130],
    ["SIGTERM", (child: ChildProcess) => child.kill("SIGTERM"), 143],
    ["the end of its runner", (child: ChildProcess) => child.disconnect(), 1],
  ])("by %s leaves no namespace, mount or process", async (_, end, status) => {
    const { child, held } = await hold();
    expect(left(held)).toHaveLength(3);
    end(child);
    expect(await once(child, "exit")).toEqual([status, null]);
    await expect.poll(() => left(held), { timeout: 30_000 }).toEqual([]);
  });
});
