/** Maps that say what they hold at load hold it, whoever evaluates the module and wherever it runs. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CAPTURE = "examples/captures/mixed.pcap";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xdpkit-filled-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function verdicts(module: string, engine: string): unknown {
  const file = `test/programs/${module}.xdp.ts`;
  const words = ["run", file, "--program", "filled", "--in", CAPTURE, "--out", join(folder, "out.pcapng")];
  const { stdout, stderr } = spawnSync(process.execPath, ["dist/cli/main.js", ...words, "--engine", engine, "--json"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return (JSON.parse(stdout) as { readonly verdicts: unknown }).verdicts;
}

it.each(["filled", "filled-by-node"])("%s in the interpreter", (module) => {
  expect(verdicts(module, "interpreter")).toMatchObject({ XDP_TX: 237 });
});

suite("in the kernel", ["root", "bpf", "kernel 5.15"], () => {
  it.each(["filled", "filled-by-node"])("%s", (module) => {
    expect(verdicts(module, "kernel")).toMatchObject({ XDP_TX: 237 });
  });
});
