/** What maps hold at load: beside an object, by `--map`, from a module; full before the program can decide. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BpfFolder } from "../support/bpf-folder.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const CLI = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const CAPTURE = fileURLToPath(new URL("../../examples/captures/mixed.pcap", import.meta.url));
const GUARD = `import { HashMap, ipv4Address, LpmTrie, setting, u32, u64, xdp, XdpAction } from "xdpkit";
import { Ethernet, EtherType, Ipv4 } from "xdpkit/packet";
export const denied = new LpmTrie({ key: ipv4Address, value: u64, maxEntries: 8, ENTRIES });
export const verdict = setting(u32, XdpAction.Drop);
export const guard = xdp((ctx) => {
  const ethernet = ctx.header(Ethernet, 0);
  if (!ethernet || ethernet.etherType !== EtherType.Ipv4) return XdpAction.Pass;
  const ipv4 = ctx.header(Ipv4, Ethernet.size);
  return ipv4 && denied.lookup(ipv4.source) ? verdict.value : XdpAction.Pass;
});
`;
const DENIED = 'entries: () => [["198.51.100.0/24", 1n], ["192.0.2.10/32", 2n]]';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "xdpkit-fill-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);

function xdpkit(...words: readonly string[]) {
  return spawnSync(process.execPath, [CLI, ...words], { cwd: folder, encoding: "utf8" });
}

function build(entries = DENIED): ReturnType<typeof xdpkit> {
  writeFileSync(at("guard.xdp.ts"), GUARD.replace("ENTRIES", entries));
  return xdpkit("build", "guard.xdp.ts", "-o", "guard.o");
}

const verdicts = (program: string, ...words: readonly string[]): unknown =>
  (JSON.parse(xdpkit("run", program, "--in", CAPTURE, "--json", ...words).stdout) as { verdicts: unknown }).verdicts;

describe("a fill file", () => {
  it("holds the entries, names its object, and is named by build", () => {
    const { status, stdout } = build();
    expect([status, stdout.split("\n")[1]]).toEqual([
      0,
      "  2 entries of denied in guard.fill: xdpkit load, attach and run fill them; after another loader: bpftool batch file guard.fill",
    ]);
    expect(readFileSync(at("guard.fill"), "utf8").replace(/[0-9a-f]{64}/, "DIGEST")).toBe(
      `# fill of guard.o sha256 DIGEST
map update name denied key hex 18 00 00 00 c6 33 64 00 value hex 01 00 00 00 00 00 00 00
map update name denied key hex 20 00 00 00 c0 00 02 0a value hex 02 00 00 00 00 00 00 00
`,
    );
    expect(JSON.parse(xdpkit("build", "guard.xdp.ts", "-o", "guard.o", "--json").stdout)).toMatchObject({
      fill: { file: "guard.fill", entries: { denied: 2 } },
    });
  });

  it("is taken with the object: module and object do the same", () => {
    build();
    const dropped = { XDP_DROP: 94, XDP_PASS: 143 };
    expect(verdicts("guard.xdp.ts")).toEqual(dropped);
    expect(verdicts("guard.o")).toEqual(dropped);
  });

  it("of an earlier build is refused", () => {
    build();
    const old = readFileSync(at("guard.fill"), "utf8");
    writeFileSync(at("guard.xdp.ts"), GUARD.replace("ENTRIES", DENIED).replace("XdpAction.Drop", "XdpAction.Tx"));
    xdpkit("build", "guard.xdp.ts", "-o", "guard.o");
    writeFileSync(at("guard.fill"), old);
    const { status, stderr } = xdpkit("run", "guard.o", "--in", CAPTURE);
    expect([status, stderr]).toEqual([
      2,
      "xdpkit: error OBJECT_FILL_STALE at guard.fill: these entries were written for another version of the object (build again, or remove the file: then the maps are empty at load)\n",
    ]);
  });

  it("goes when the module has no entries any more, and only then", () => {
    build();
    build("");
    expect(existsSync(at("guard.fill"))).toBe(false);
    writeFileSync(at("guard.fill"), "mine\n");
    build("");
    expect(readFileSync(at("guard.fill"), "utf8")).toBe("mine\n");
    expect(xdpkit("run", "guard.o", "--in", CAPTURE).stderr).toContain("OBJECT_FILL at guard.fill:1: ");
  });

  it("with a line of something else is refused there", () => {
    build();
    writeFileSync(at("guard.fill"), `${readFileSync(at("guard.fill"), "utf8")}map delete name denied key 1\n`);
    expect(xdpkit("run", "guard.o", "--in", CAPTURE).stderr).toContain("OBJECT_FILL at guard.fill:4: ");
  });

  it.each([
    ["new PerCpuHashMap({ key: u32, value: u64, maxEntries: 1, entries: () => [[1, [1n]]] })", "the number of CPUs"],
    ["new DevMap({ maxEntries: 1, entries: () => [[0, { interface: 1 }]] })", "the interfaces and programs"],
  ])("cannot hold what depends on the machine: %s", (map, what) => {
    writeFileSync(
      at("other.xdp.ts"),
      `import { DevMap, PerCpuHashMap, u32, u64, xdp, XdpAction } from "xdpkit";
export const other = ${map};
export const program = xdp(() => { ${map.includes("DevMap") ? "return other.redirect(0)" : "return other.lookup(1) ? XdpAction.Drop : XdpAction.Pass"}; });
`,
    );
    const { status, stderr } = xdpkit("build", "other.xdp.ts", "-o", "other.o");
    expect([status, existsSync(at("other.o"))]).toEqual([2, false]);
    expect(stderr).toContain(`other: entries cannot stand beside an object, for they depend on ${what} of the machine`);
  });
});

suite("in the kernel", ["root", "bpf", "ip", "bpftool", "kernel 5.15"], () => {
  let mount: BpfFolder;
  let namespace: Namespace;
  beforeEach(() => {
    mount = new BpfFolder();
    namespace = new Namespace("fill");
    namespace.veth("v0", "v1");
  });
  afterEach(() => {
    namespace[Symbol.dispose]();
    mount[Symbol.dispose]();
  });

  const pins = (): string => join(mount.path, "guard");
  const dump = (path: string): unknown =>
    (JSON.parse(execFileSync("bpftool", ["-j", "map", "dump", "pinned", path], { encoding: "utf8" })) as object[])
      .length;

  it("load fills from the file beside the object, and bpftool from the same file", () => {
    build();
    expect(xdpkit("load", "guard.o", pins(), "--pin-all-maps").status).toBe(0);
    expect(dump(join(pins(), "denied"))).toBe(2);
    rmSync(pins(), { recursive: true });
    execFileSync("bpftool", ["prog", "loadall", at("guard.o"), pins(), "pinmaps", join(mount.path, "maps")]);
    const own = join(mount.path, "maps/denied");
    expect(dump(own)).toBe(0);
    const batch = readFileSync(at("guard.fill"), "utf8").replaceAll("name denied", `pinned ${own}`);
    writeFileSync(at("pinned.fill"), batch);
    execFileSync("bpftool", ["batch", "file", at("pinned.fill")]);
    expect(dump(own)).toBe(2);
  });

  it("attach fills maps and sets settings, by file, before the program is there", () => {
    build("");
    writeFileSync(at("denied.json"), '[{ "key": "198.51.100.0/24", "value": 1 }]');
    writeFileSync(at("settings.json"), '{ "verdict": 3 }');
    const words = ["--netns", namespace.name, "--map", "denied=denied.json", "--map", ".rodata=settings.json"];
    const { status, stderr } = xdpkit("attach", "guard.xdp.ts", "v0", ...words);
    expect([status, stderr]).toEqual([0, ""]);
    const [attached] = JSON.parse(namespace.ip("-j link show v0")) as [{ xdp: { prog: { id: number } } }];
    const { map_ids } = JSON.parse(
      execFileSync("bpftool", ["-j", "prog", "show", "id", `${attached.xdp.prog.id}`], { encoding: "utf8" }),
    ) as { map_ids: readonly number[] };
    const held = map_ids.map((id) =>
      execFileSync("bpftool", ["-j", "map", "dump", "id", `${id}`], { encoding: "utf8" }),
    );
    expect(held.some((text) => text.includes('"0x18","0x00","0x00","0x00","0xc6","0x33","0x64","0x00"'))).toBe(true);
    expect(held.some((text) => text.includes('"verdict":3'))).toBe(true);
  });

  it("a wrong file changes nothing", () => {
    build("");
    writeFileSync(at("denied.json"), '[{ "key": "198.51.100.0/24", "value": 1 }, { "key": "nowhere", "value": 1 }]');
    const { status, stderr } = xdpkit("load", "guard.xdp.ts", pins(), "--pin-all-maps", "--map", "denied=denied.json");
    expect([status, existsSync(pins())]).toEqual([2, false]);
    expect(stderr).toMatch(/^xdpkit: error LANG_PREFIX at denied\.json: \$\[1\]\.key: /);
  });

  it("programs that are there already take no --map", () => {
    build();
    expect(xdpkit("load", "guard.o", pins()).status).toBe(0);
    writeFileSync(at("denied.json"), "[]");
    const words = ["--netns", namespace.name, "--map", "denied=denied.json"];
    const { status, stderr } = xdpkit("attach", join(pins(), "guard"), "v0", ...words);
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining("--map is for programs that are loaded, not for ") as string,
    ]);
  });
});
