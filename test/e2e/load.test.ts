/** `xdpkit load`: pins that bpftool sees, maps that are used again, programs that are replaced. */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BpfFolder } from "../support/bpf-folder.ts";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EDGE = "examples/edge/edge.o";
const STEER = "test/programs/live/steer.xdp.ts";

suite("xdpkit load", ["root", "bpf", "bpftool", "kernel 5.15"], () => {
  let mount: BpfFolder;
  let folder: string;
  beforeEach(() => {
    mount = new BpfFolder();
    folder = join(mount.path, "edge");
  });
  afterEach(() => mount[Symbol.dispose]());

  function xdpkit(...words: string[]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["dist/cli/main.js", ...words], {
      cwd: ROOT,
      encoding: "utf8",
    });
    const told = (text: string) => text.replaceAll(folder, "FOLDER").replace(/(program|map) \d+/g, "$1 N");
    return { status, stdout: told(stdout), stderr: told(stderr) };
  }
  const bpftool = (...words: string[]) =>
    JSON.parse(execFileSync("bpftool", ["-j", ...words], { encoding: "utf8" })) as Record<string, unknown>;

  it("pins programs, and all maps when it is told to", () => {
    expect(xdpkit("load", EDGE, folder, "--pin-all-maps")).toEqual({
      status: 0,
      stdout: `program N edge, tag d193ba7021eee079, pinned at FOLDER/edge
map N reasons, percpu_hash, pinned at FOLDER/reasons
map N denied, lpm_trie, pinned at FOLDER/denied
map N .rodata, array
`,
      stderr: "",
    });
    expect(bpftool("prog", "show", "pinned", join(folder, "edge"))).toMatchObject({ name: "edge", type: "xdp" });
    expect(bpftool("map", "show", "pinned", join(folder, "denied"))).toMatchObject({ name: "denied" });
  });

  it("uses the maps again that a module pins, and replaces its program", () => {
    expect(xdpkit("load", STEER, folder).status).toBe(0);
    const before = bpftool("map", "show", "pinned", join(folder, "routes"))["id"];
    expect(xdpkit("load", STEER, folder)).toEqual({
      status: 2,
      stdout: "",
      stderr: "xdpkit: error KERNEL_PIN: cannot pin FOLDER/steer: EEXIST (add --replace, or take another folder)\n",
    });
    const program = bpftool("prog", "show", "pinned", join(folder, "steer"))["id"];
    const { stdout } = xdpkit("load", STEER, folder, "--replace", "--json");
    const { programs, maps } = JSON.parse(stdout) as Record<"programs" | "maps", Record<string, unknown>[]>;
    expect(maps).toContainEqual({ id: before, name: "routes", type: "hash", pin: "FOLDER/routes", reused: true });
    expect(programs).toEqual([{ id: expect.any(Number), name: "steer", tag: expect.any(String), pin: "FOLDER/steer" }]);
    const after = bpftool("prog", "show", "pinned", join(folder, "steer"))["id"];
    expect(after).toBe(programs[0]!["id"]);
    expect(after).not.toBe(program);
    expect(readdirSync(folder).sort()).toEqual(["routes", "steer"]);
  });

  it.each([
    [
      "a folder that is in no bpf file system",
      [EDGE, "/tmp/xdpkit-none"],
      "KERNEL_PIN: cannot pin /tmp/xdpkit-none: EPERM",
    ],
    ["a program that is not there", [EDGE, "FOLDER", "--program", "other"], "CLI_NO_PROGRAM"],
    ["a file that is not there", ["test/objects/none.o", "FOLDER"], "CLI_FILE"],
  ])("refuses %s, and leaves nothing", (_, words, message) => {
    const { status, stdout, stderr } = xdpkit("load", ...words.map((word) => word.replace("FOLDER", folder)));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(`xdpkit: error ${message}`);
    expect(stderr.trimEnd()).not.toContain("\n");
    expect(readdirSync(mount.path)).toEqual(["maps.debug", "progs.debug"]);
  });
});
