/** `xdpkit map` and `xdpkit trace` beside bpftool: each reads what the other writes, and every refusal is one line. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compileOrThrow } from "../../src/compiler/index.ts";
import { KernelHandles, LoadedObject, mapInfo, openPinnedMap, pin } from "../../src/kernel/index.ts";
import { readElf } from "../../src/object/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { extent } from "../support/extent.ts";
import * as handles from "../support/handles.xdp.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const ENTRIES = extent(10_000, 1_000_000);

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CLI = join(ROOT, "dist/cli/main.js");

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function xdpkit(words: readonly string[], input = ""): Outcome {
  const options = { cwd: ROOT, encoding: "utf8", input, maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], options);
  return { status, stdout, stderr };
}

/** Words divided by spaces. */
const bpftool = (words: string): string => execFileSync("bpftool", words.split(" "), { cwd: ROOT, encoding: "utf8" });
const formatted = (place: string): unknown[] =>
  (JSON.parse(bpftool(`-j map dump pinned ${place}`)) as { formatted: unknown }[]).map((entry) => entry.formatted);

suite("the map command", ["bpf", "root", "ip", "bpftool", "kernel 6.1"], () => {
  let bpf: BpfFolder;
  let folder: string;
  let loaded: LoadedObject;
  let open: KernelHandles;
  const at = (name: string): string => join(bpf.path, name);

  beforeAll(() => {
    bpf = new BpfFolder();
    folder = mkdtempSync(join(tmpdir(), "xdpkit-map-"));
    const { main, leaving, answer } = handles;
    const { object: compiled, names } = compileOrThrow([main, leaving, answer]);
    loaded = new LoadedObject(compiled);
    open = new KernelHandles(loaded, names);
    open.fill();
    for (const name of ["peers", "runs", "lengths", "work", "ports", "tenants", "events"])
      pin(loaded.map(name).fd, at(name));
  });
  afterAll(() => {
    open[Symbol.dispose]();
    loaded[Symbol.dispose]();
    bpf[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  it("bpftool reads what is set here, with the field names", () => {
    expect(xdpkit(["map", "set", at("lengths"), "1", "9"])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(xdpkit(["map", "set", at("runs"), "0", "[5, 6]"]).status).toBe(0);
    open.open(handles.peers).set("192.0.2.1", { address: "2001:db8::1", port: 443, packets: 2n });
    expect(formatted(at("peers"))).toMatchObject([{ value: { port: 443, packets: 2 } }]);
    expect(formatted(at("lengths"))).toEqual([
      { key: 0, value: 0 },
      { key: 1, value: 9 },
    ]);
    const values = [
      { cpu: 0, value: 5 },
      { cpu: 1, value: 6 },
    ];
    expect(formatted(at("runs"))).toEqual([{ key: 0, values }]);
    expect(JSON.parse(xdpkit(["map", "dump", at("runs")]).stdout)).toEqual([{ key: 0, values }]);
  });

  it("reads what bpftool makes, pins and sets", () => {
    bpftool(`map create ${at("theirs")} type hash key 4 value 8 entries 4 name theirs`);
    bpftool(`map update pinned ${at("theirs")} key 1 0 0 0 value 2 0 0 0 0 0 0 128`);
    using map = openPinnedMap(at("theirs"))!;
    expect(mapInfo(map.fd).definition).toMatchObject({ name: "theirs", type: 1, keySize: 4, valueSize: 8 });
    expect(xdpkit(["map", "dump", at("theirs")]).stdout).toBe(bpftool(`map dump pinned ${at("theirs")}`));
    const value = "9223372036854775810";
    expect(JSON.parse(xdpkit(["map", "dump", at("theirs"), "--json"]).stdout)).toEqual([{ key: 1, value }]);
    expect(xdpkit(["map", "get", at("theirs"), "1"]).stdout).toBe(`"${value}"\n`);
    bpftool(`map create ${at("percpu")} type percpu_array key 4 value 6 entries 2 name percpu`);
    expect(xdpkit(["map", "dump", at("percpu")]).stdout).toBe(bpftool(`map dump pinned ${at("percpu")}`));
  });

  it("lists maps as bpftool does", () => {
    const { id } = mapInfo(loaded.map("peers").fd);
    const theirs = bpftool(`map show id ${id}`).replace(/\n\tpids .*/, "");
    expect(xdpkit(["map", "list", at("peers")]).stdout).toBe(theirs);
    const all = JSON.parse(xdpkit(["map", "list", "--json"]).stdout) as { id: number }[];
    const { pids: _, ...facts } = JSON.parse(bpftool(`-j map show id ${id}`)) as Record<string, unknown>;
    expect(all.find((one) => one.id === id)).toEqual(facts);
  });

  it("a module says what keys and values look like", () => {
    const words = ["--module", "examples/deny-list/deny-list.xdp.ts"] as const;
    const rules = at("rules");
    bpftool(`map create ${rules} type lpm_trie key 8 value 8 entries 9 name rules4 flags 1`);
    const value = { number: 7, allow: true };
    const set = xdpkit(["map", "set", rules, "198.51.100.0/24", JSON.stringify(value), ...words]);
    expect(set).toEqual({ status: 0, stdout: "", stderr: "" });
    const got = xdpkit(["map", "get", rules, "198.51.100.0/24", "--json", ...words]);
    expect(got.stdout).toBe(`${JSON.stringify(value)}\n`);
    const dumped = xdpkit(["map", "dump", rules, "--json", ...words]);
    expect(JSON.parse(dumped.stdout)).toEqual([{ key: "198.51.100.0/24", value }]);
    expect(xdpkit(["map", "dump", rules]).stdout).toBe(bpftool(`map dump pinned ${rules}`));
    expect(xdpkit(["map", "delete", rules, "198.51.100.0/24", ...words]).status).toBe(0);
    expect(xdpkit(["map", "delete", rules, "198.51.100.0/24", ...words]).status).toBe(1);
  });

  it("variables are set one at a time", () => {
    bpftool(`prog loadall test/objects/globals.o ${at("programs")} pinmaps ${at("maps")}`);
    const place = at("maps/globals_bss");
    for (const value of ['{"weak_total": 5}', '{"last_length": 9}'])
      expect(xdpkit(["map", "set", place, "0", value])).toEqual({ status: 0, stdout: "", stderr: "" });
    const [entry] = JSON.parse(xdpkit(["map", "dump", place]).stdout) as unknown[];
    expect(entry).toMatchObject({ value: { weak_total: 5, last_length: 9 } });
    expect(xdpkit(["map", "set", at("maps/globals_rodata"), "0", "{}"]).stderr).toMatch(
      /^xdpkit: error KERNEL_MAP_READ_ONLY: map globals.rodata is frozen/,
    );
  });

  it("queues are pushed to and looked at; targets and inner maps show what they hold", () => {
    for (const value of ["4", "5"]) xdpkit(["map", "set", at("work"), value]);
    expect(xdpkit(["map", "get", at("work")]).stdout).toBe("4\n");
    expect([open.open(handles.work).pop(), open.open(handles.work).pop()]).toEqual([4, 5]);
    expect(xdpkit(["map", "get", at("work")]).status).toBe(1);
    expect(xdpkit(["map", "set", at("ports"), "2", '{"interface": "lo"}']).stderr).toBe("");
    const dumped = (name: string): unknown => JSON.parse(xdpkit(["map", "dump", at(name), "--json"]).stdout);
    expect(dumped("ports")).toEqual([{ key: 2, value: { interface: 1 } }]);
    expect(dumped("tenants")).toEqual([{ key: 0, value: mapInfo(loaded.map("first").fd).id }]);
  });

  it(`exports and imports ${ENTRIES} entries`, () => {
    bpftool(`map create ${at("many")} type hash key 4 value 8 entries ${ENTRIES} name many`);
    using many = openPinnedMap(at("many"))!;
    const file = join(folder, "many.json");
    const lines = Array.from({ length: ENTRIES }, (_, key) => `{"key":${key},"value":${key * 3}}`);
    writeFileSync(file, `[${lines.join(",\n")}]`);
    const imported = xdpkit(["map", "import", at("many"), file]);
    expect(imported).toEqual({ status: 0, stdout: `${ENTRIES} entries\n`, stderr: "" });
    const last = new Uint8Array(Uint32Array.of(ENTRIES - 1).buffer);
    expect(new DataView(many.get(last)!.buffer).getBigUint64(0, true)).toBe(BigInt(3 * (ENTRIES - 1)));
    const back = join(folder, "back.json");
    expect(xdpkit(["map", "export", at("many"), back])).toEqual({ status: 0, stdout: "", stderr: "" });
    const entries = JSON.parse(readFileSync(back, "utf8")) as { key: number; value: number }[];
    expect([entries.length, entries.every(({ key, value }) => value === key * 3)]).toEqual([ENTRIES, true]);
    const more = xdpkit(
      ["map", "import", at("many"), "-"],
      `[{"key": 0, "value": 1}, {"key": ${ENTRIES}, "value": 1}]`,
    );
    expect(more.stderr).toMatch(/^xdpkit: error KERNEL_MAP_FULL at -: \$\[1\]: map many is full/);
  });

  it.each([
    ["a file that is no list", '{"key": 1}', "CLI_MAP_FILE", "$"],
    ["a list that does not end", '[{"key": 0, "value": 1}', "CLI_MAP_FILE", "$"],
    ["something behind the list", "[] []", "CLI_MAP_FILE", "$"],
    ["an entry without a value", '[{"key": 0}]', "CLI_MAP_FILE", "$[0]"],
    ["an element that is no JSON", '[{"key": 0, "value": 1}, {key: 1}]', "CLI_JSON", "$[1]"],
    ["a brace too many", "[{}}]", "CLI_JSON", "$[0]"],
    ["an empty element", '[{"key": 0, "value": 1},]', "CLI_JSON", "$[1]"],
    ["a value too large", '[{"key": 0, "value": 1}, {"key": 1, "value": 4294967296}]', "BTF_VALUE_RANGE", "$[1].value"],
    ["an index too large", '[{"key": 0, "value": 1}, {"key": 2, "value": 1}]', "KERNEL_MAP_INDEX", "$[1]"],
  ])("import refuses %s", (_, text, code, path) => {
    const file = join(folder, "wrong.json");
    writeFileSync(file, text);
    const { status, stderr } = xdpkit(["map", "import", at("lengths"), file]);
    const [first, ...others] = stderr.split("\n");
    expect([status, others], stderr).toEqual([2, [""]]);
    expect(first).toContain(`xdpkit: error ${code} at ${file}: ${path}: `);
  });

  it.each([
    [["dump", "no-such-map"], "CLI_NO_MAP"],
    [["dump", "id:4294967295"], "CLI_NO_MAP"],
    [["dump", "/nowhere/at/all"], "CLI_NO_MAP"],
    [["dump", "EVENTS"], "CLI_MAP_CLOSED"],
    [["dump", "WORK"], "CLI_MAP_CLOSED"],
    [["set", "TENANTS", "0", "1"], "CLI_MAP_DESCRIPTORS"],
    [["set", "EVENTS", "1"], "CLI_MAP_CLOSED"],
    [["get", "EVENTS", "1"], "CLI_MAP_CLOSED"],
    [["delete", "WORK", "1"], "CLI_MAP_CLOSED"],
    [["import", "TENANTS", "-"], "CLI_MAP_DESCRIPTORS"],
    [["import", "WORK", "-"], "CLI_MAP_CLOSED"],
    [["set", "LENGTHS", "0"], "CLI_USAGE"],
    [["set", "LENGTHS", "0", "1", "--mode", "often"], "CLI_USAGE"],
    [["set", "LENGTHS", "9", "1"], "KERNEL_MAP_INDEX"],
    [["set", "LENGTHS", "0", "1", "--mode", "create"], "KERNEL_MAP_PRESENT"],
    [["set", "PORTS", "0", '{"interface": "nowhere0"}'], "VALUE_FORM"],
    [["get", "LENGTHS"], "CLI_USAGE"],
    [["get", "LENGTHS", "text"], "BTF_VALUE"],
    [["delete", "LENGTHS", "0"], "KERNEL_MAP_OPERATION"],
    [["import", "LENGTHS", "/nowhere.json"], "CLI_FILE"],
    [["export", "LENGTHS", "/nowhere/at/all"], "CLI_FILE"],
    [["dumpp"], "CLI_USAGE"],
  ])("map %j is refused with %s", (words, code) => {
    const placed = words.map((word) => (/^[A-Z]+$/.test(word) ? at(word.toLowerCase()) : word));
    const { status, stderr } = xdpkit(["map", ...placed]);
    expect([status, /^xdpkit: error (\w+)/.exec(stderr)?.[1], stderr.split("\n").length], stderr).toEqual([2, code, 2]);
  });

  it("device maps take interfaces of another namespace by name", () => {
    using namespace = new Namespace("map-devices");
    namespace.veth("v7", "v8");
    expect(xdpkit(["map", "set", at("ports"), "1", '{"interface": "v7"}']).status).toBe(2);
    const set = xdpkit(["map", "set", at("ports"), "1", '{"interface": "v7"}', "--netns", namespace.name]);
    expect(set).toEqual({ status: 0, stdout: "", stderr: "" });
    const { index } = namespace.link("v7");
    expect(JSON.parse(xdpkit(["map", "get", at("ports"), "1"]).stdout)).toMatchObject({ interface: index });
    const entries = '[{"key": 1, "value": {"interface": "v8"}}]';
    expect(xdpkit(["map", "import", at("ports"), "-", "--netns", namespace.name], entries).stdout).toBe("1 entries\n");
    expect(xdpkit(["map", "delete", at("ports"), "1"]).status).toBe(0);
  });

  it("says that a folder is no map", () => {
    const { status, stderr } = xdpkit(["map", "dump", bpf.path]);
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/KERNEL_PIN: cannot open \S+: EISDIR \(it is a folder/),
    ]);
  });

  it("asks a Bloom filter, and adds to it", () => {
    bpftool(`map create ${at("seen")} type bloom_filter key 0 value 4 entries 64 name seen`);
    expect(xdpkit(["map", "get", at("seen"), "7"])).toMatchObject({ status: 1, stdout: "" });
    expect(xdpkit(["map", "set", at("seen"), "7"])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(xdpkit(["map", "get", at("seen"), "7"])).toEqual({ status: 0, stdout: "true\n", stderr: "" });
    expect(xdpkit(["map", "dump", at("seen")]).stderr).toMatch(/^xdpkit: error CLI_MAP_CLOSED: map seen is a bloom_/);
  });

  it("several maps of one name are told apart by their ids", () => {
    for (const name of ["one", "two"])
      bpftool(`map create ${at(name)} type array key 4 value 4 entries 1 name xdpkit_twice`);
    const { stderr } = xdpkit(["map", "dump", "xdpkit_twice"]);
    expect(stderr).toMatch(/^xdpkit: error CLI_SEVERAL_MAPS: 2 maps are called xdpkit_twice/);
    const [, id] = /choose one: (id:\d+)/.exec(stderr)!;
    expect(xdpkit(["map", "dump", id!]).stdout).toBe("key: 00 00 00 00  value: 00 00 00 00\nFound 1 element\n");
  });
});

suite("the trace command", ["bpf", "root"], () => {
  it("prints what programs log, and says what is missing", async () => {
    using folder = new BpfFolder("tracefs");
    const bytes = readFileSync(new URL("../objects/strings.o", import.meta.url));
    using loaded = new LoadedObject(readElf(bytes, { name: "strings" }));
    const program = loaded.program("name_packet");
    const child = spawn(process.execPath, [CLI, "trace", "--tracefs", folder.path, "--json"], { cwd: ROOT });
    const timer = setInterval(() => program.run(new Uint8Array(99)), 50);
    let text = "";
    // Other programs of the machine may log, too.
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (text.includes("ninety-nine")) child.kill("SIGTERM");
    }
    clearInterval(timer);
    const line = text.split("\n").find((one) => one.includes("ninety-nine"))!;
    expect(JSON.parse(line)).toMatchObject({ text: "ninety-nine bytes, 99", cpu: expect.any(Number) });
    expect(xdpkit(["trace", "--tracefs", "/nowhere"]).stderr).toMatch(/^xdpkit: error KERNEL_TRACE: cannot read/);
  });
});
