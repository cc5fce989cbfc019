/** `xdpkit load`: pins that bpftool sees, maps that are used again, programs that are replaced. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeElf } from "../../src/object/index.ts";
import { programOf } from "../support/assembly.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EDGE = "examples/edge/edge.o";
const STEER = "test/programs/live/steer.xdp.ts";

suite("xdpkit load", ["root", "bpf", "ip", "bpftool", "kernel 5.15"], () => {
  let mount: BpfFolder;
  let namespace: Namespace;
  let folder: string;
  let temporary: string;
  beforeEach(() => {
    mount = new BpfFolder();
    folder = join(mount.path, "edge");
    temporary = mkdtempSync(join(tmpdir(), "xdpkit-load-"));
    namespace = new Namespace("load-cli");
    namespace.veth("v0", "v1");
  });
  afterEach(() => {
    mount[Symbol.dispose]();
    rmSync(temporary, { recursive: true });
    namespace[Symbol.dispose]();
  });

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
    ["a folder with a dot", [EDGE, "FOLDER.1"], "KERNEL_PIN: cannot pin FOLDER.1: EPERM"],
    [
      "a name that is too long",
      [EDGE, `FOLDER${"x".repeat(252)}`],
      `KERNEL_PIN: cannot pin FOLDER${"x".repeat(252)}: ENAMETOOLONG`,
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

  it("replaces programs only, whatever stands at their names", () => {
    mkdirSync(join(folder, "edge"), { recursive: true });
    const wrong = "what has this name is no program: take another folder, or remove it";
    const refused = (errno: string) => ({
      status: 2,
      stdout: "",
      stderr: `xdpkit: error KERNEL_PIN: cannot pin FOLDER/edge: ${errno} (${wrong})\n`,
    });
    expect(xdpkit("load", EDGE, folder, "--replace")).toEqual(refused("EISDIR"));
    rmSync(join(folder, "edge"), { recursive: true });
    const create = `map create ${folder}/edge type hash key 4 value 4 entries 1 name edge`;
    execFileSync("bpftool", create.split(" "));
    expect(xdpkit("load", EDGE, folder, "--replace")).toEqual(refused("EEXIST"));
    expect(bpftool("map", "show", "pinned", join(folder, "edge"))).toMatchObject({ name: "edge" });
    expect(readdirSync(folder)).toEqual(["edge"]);
  });

  it("leaves a pin that is called as another one's next", () => {
    const create = `map create ${folder}/steer_next type hash key 4 value 4 entries 1 name steer_next`;
    expect(xdpkit("load", STEER, folder).status).toBe(0);
    execFileSync("bpftool", create.split(" "));
    expect(xdpkit("load", STEER, folder, "--replace").status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(["routes", "steer", "steer_next"]);
  });

  it("names the field in which a pinned map differs, in one line, and leaves it", () => {
    mkdirSync(folder);
    const path = join(folder, "routes");
    execFileSync(
      "bpftool",
      "map create PATH type hash key 4 value 8 entries 16 name routes"
        .split(" ")
        .map((word) => (word === "PATH" ? path : word)),
    );
    const before = bpftool("map", "show", "pinned", path)["id"];
    for (const command of [
      ["load", STEER, folder],
      ["attach", STEER, "v0", "--pin-maps", folder, "--netns", namespace.name],
    ])
      expect(xdpkit(...command)).toEqual({
        status: 1,
        stdout: "",
        stderr:
          "xdpkit: error KERNEL_PIN_LAYOUT at test/programs/live/steer.xdp.ts: map routes does not fit the one that is pinned at FOLDER/routes: its value has 8 bytes where 16 are declared (give load() a migration of routes, take another pinPath, or remove the pin with what it holds: rm FOLDER/routes)\n",
      });
    expect(bpftool("map", "show", "pinned", path)["id"]).toBe(before);
    expect(readdirSync(folder)).toEqual(["routes"]);
  });

  it("refuses a program that is too large for the kernel in one diagnostic", () => {
    const file = join(temporary, "large.o");
    const object = programOf("r0 = 2\nexit");
    const [move, exit] = object.functions[0]!.instructions;
    const instructions = [...Array.from({ length: 1_000_000 }, () => move!), exit!];
    writeFileSync(file, writeElf({ ...object, functions: [{ ...object.functions[0]!, instructions }] }));
    const { status, stdout, stderr } = xdpkit("load", file, folder);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("KERNEL_REFUSED");
    expect(stderr).toMatch(/1,000,000/);
    expect(existsSync(folder)).toBe(false);
  });
});
