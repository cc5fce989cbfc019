/** `xdpkit build` and what else takes a `*.xdp.ts`: objects, diagnostics, passes, watching. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readElf } from "../../src/object/index.ts";
import { compileExample } from "../support/example-objects.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CLI = join(ROOT, "dist/cli/main.js");
const END = join(ROOT, "examples/end/end.xdp.ts");

let folder: string;
const file = (name: string): string => join(folder, name);

function xdpkit(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

const MODULES: Readonly<Record<string, string>> = {
  "drop.xdp.ts": `import { xdp } from "xdpkit";
import { verdict } from "./verdict.ts";
export const drop = xdp(() => verdict);
`,
  "verdict.ts": `import { XdpAction } from "xdpkit";
export const verdict: XdpAction = XdpAction.Drop;
`,
  "two.xdp.ts": `import { HashMap, u32, u64, xdp, XdpAction } from "xdpkit";
export const counts = new HashMap({ key: u32, value: u64, maxEntries: 4 });
export const first = xdp((ctx) => {
\tconst place = counts.lookup(1);
\treturn place!.value === 0n ? XdpAction.Drop : XdpAction.Pass;
});
export const second = xdp((ctx) => {
  let wide = 1 / ctx.ingressInterface;
  return wide;
});
`,
  "none.xdp.ts": "export const verdict = 1;\nexport const other = 2;\n",
  "nothing.xdp.ts": "const verdict = 1;\n",
  "syntax.xdp.ts": 'import { xdp } from "xdpkit";\nexport const drop = xdp(() => ;\n',
  "missing.xdp.ts": 'import { x } from "./not-there.ts";\nexport const y = x;\n',
  "unknown.xdp.ts": 'import { xdp, nosuch } from "xdpkit";\nexport const y = nosuch;\n',
  "throws.xdp.ts": "const table: string[] = [];\n\nexport const first = table[0]!.length;\n",
  "option.xdp.ts":
    'import { HashMap, u32 } from "xdpkit";\nexport const m = new HashMap({ key: u32, value: u32, maxEntries: -1 });\n',
  "cycle.xdp.ts":
    'import { xdp, XdpAction } from "xdpkit";\nimport { next } from "./other.xdp.ts";\nexport const one = 1;\nexport const cycle = xdp(() => (next() === 2 ? XdpAction.Drop : XdpAction.Pass));\n',
  "other.xdp.ts": 'import { one } from "./cycle.xdp.ts";\nexport const next = (): number => one + 1;\n',
  "meta.xdp.ts":
    'import { readFileSync } from "node:fs";\nimport { xdp, XdpAction } from "xdpkit";\nconst text = readFileSync(new URL("verdict.ts", import.meta.url), "utf8");\nexport const meta = xdp(() => (text.length > 9 ? XdpAction.Tx : XdpAction.Pass));\n',
  "data.xdp.ts":
    'import { xdp, type XdpAction } from "xdpkit";\nimport data from "./data.json" with { type: "json" };\nexport const json = xdp(() => data.verdict as XdpAction);\n',
  "data.json": '{ "verdict": 3 }\n',
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xdpkit-build-"));
  mkdirSync(file("node_modules"));
  symlinkSync(ROOT, file("node_modules/xdpkit"));
  writeFileSync(file("package.json"), '{ "type": "module" }');
  for (const [name, text] of Object.entries(MODULES)) writeFileSync(file(name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

const instructionsOf = (name: string) => readElf(readFileSync(file(name))).functions.map((one) => one.instructions);

describe("build", () => {
  it("writes what the compiler makes, and says so in one line", async () => {
    const { status, stdout, stderr } = xdpkit("build", END, "-o", "end.o");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      new RegExp(
        `^built end\\.o of ${END}: 1 program \\(end\\), [\\d,]+ instructions, 3 maps, [\\d,]+ bytes, \\d+ ms\\n$`,
      ),
    );
    expect(instructionsOf("end.o")).toEqual((await compileExample("end")).functions.map((one) => one.instructions));
  });

  it("prints a summary as JSON", () => {
    const { stdout } = xdpkit("build", "drop.xdp.ts", "-o", "drop.o", "--json");
    expect(JSON.parse(stdout)).toEqual({
      module: "drop.xdp.ts",
      output: "drop.o",
      bytes: readFileSync(file("drop.o")).length,
      license: "Dual MIT/GPL",
      programs: [{ name: "drop", section: "xdp", instructions: 2 }],
      subprograms: [],
      maps: [],
    });
  });

  it.each(["cycle", "meta", "data"])("evaluates the module %s as Node does", (name) => {
    expect(xdpkit("build", `${name}.xdp.ts`, "-o", `${name}.o`).status).toBe(0);
    const [verdict] = instructionsOf(`${name}.o`)[0]!;
    expect(verdict).toMatchObject({ imm: { cycle: 1, meta: 3, data: 3 }[name] });
  });

  it("writes line information with the names of files as seen from here", () => {
    xdpkit("build", "cycle.xdp.ts", "-o", "cycle.o");
    xdpkit("build", "drop.xdp.ts", "-o", "drop.o");
    const files = ["cycle.o", "drop.o"].map((name) => readElf(readFileSync(file(name))).functions[0]!.lines[0]!.file);
    expect(files).toEqual(["cycle.xdp.ts", "drop.xdp.ts"]);
  });
});

describe("build refuses", () => {
  it("all programs that cannot be compiled, each with its line, a caret and a hint", () => {
    writeFileSync(file("kept.o"), "as it was");
    const { status, stdout, stderr } = xdpkit("build", "two.xdp.ts", "-o", "kept.o");
    expect([status, stdout]).toEqual([1, ""]);
    const lines = stderr.split("\n");
    expect(lines[0]).toMatch(/^xdpkit: COMPILER_NOT_PROVEN two\.xdp\.ts:5:\d+: /);
    expect(lines[1]).toBe("  5 | \treturn place!.value === 0n ? XdpAction.Drop : XdpAction.Pass;");
    expect(lines[2]).toMatch(/^ {6}\t *\^$/);
    expect(lines[3]).toMatch(/^ {2}\S/);
    expect(lines[4]).toMatch(/^xdpkit: COMPILER_[A-Z]+ two\.xdp\.ts:[789]:\d+: /);
    expect(readFileSync(file("kept.o"), "utf8")).toBe("as it was");
  });

  it("and gives the diagnostics as JSON, too", () => {
    const { status, stdout } = xdpkit("build", "two.xdp.ts", "-o", "kept.o", "--json");
    expect(status).toBe(1);
    const { diagnostics } = JSON.parse(stdout);
    expect(diagnostics).toHaveLength(2);
    expect(diagnostics[0]).toMatchObject({ code: "COMPILER_NOT_PROVEN", at: { file: "two.xdp.ts", line: 5 } });
  });

  it.each([
    ["syntax", "xdpkit: STAGE_SYNTAX syntax.xdp.ts:2:31: "],
    ["missing", 'xdpkit: STAGE_IMPORT missing.xdp.ts:1:19: cannot import "./not-there.ts"'],
    ["unknown", 'xdpkit: STAGE_EXPORT unknown.xdp.ts:1:15: "xdpkit" has no export nosuch'],
    ["throws", "xdpkit: STAGE_THROWN throws.xdp.ts:3: the module threw TypeError: "],
    ["option", "xdpkit: LANG_MAP_OPTION option.xdp.ts:2: HASH: maxEntries is -1"],
  ])("a module with wrong %s", (name, expected) => {
    const { status, stderr } = xdpkit("build", `${name}.xdp.ts`, "-o", "x.o");
    expect(stderr.slice(0, expected.length), stderr).toBe(expected);
    // The line, the caret where the column is known, the hint.
    expect([status, stderr.split("\n").length]).toEqual([1, /:\d+:\d+: /.test(expected) ? 5 : 4]);
  });

  it("programs of another copy of the package, by name", () => {
    cpSync(join(ROOT, "dist"), file("copy/dist"), { recursive: true });
    writeFileSync(
      file("copies.xdp.ts"),
      'import { xdp } from "./copy/dist/lang/index.js";\nexport const p = xdp(() => 2);\n',
    );
    const { status, stderr } = xdpkit("build", "copies.xdp.ts", "-o", "x.o");
    expect(stderr).toMatch(/CLI_TWO_COPIES at copies\.xdp\.ts: /);
    expect(status).toBe(2);
  });

  it.each([
    [
      "no program",
      ["build", "none.xdp.ts", "-o", "x.o"],
      /CLI_NO_EXPORTS at none\.xdp\.ts: .* other, verdict, .*\(.+\)/,
    ],
    ["no export", ["build", "nothing.xdp.ts", "-o", "x.o"], /CLI_NO_EXPORTS .*exports nothing/],
    ["no file", ["build", "gone.xdp.ts", "-o", "x.o"], /CLI_FILE at gone\.xdp\.ts: /],
    ["an object", ["build", "drop.o", "-o", "x.o"], /CLI_USAGE: build compiles a \*\.xdp\.ts, not drop\.o/],
    ["no output", ["build", "drop.xdp.ts"], /CLI_USAGE: required option '-o, --output <object>'/],
    [
      "itself as output",
      ["build", "drop.xdp.ts", "-o", "drop.xdp.ts"],
      /CLI_FILE at drop\.xdp\.ts: .* it is the input/,
    ],
    ["a pass of no name", ["disasm", "drop.xdp.ts", "--dump=warp"], /CLI_PASS: .* pass warp, only lower, fold, /],
    ["passes of an object", ["disasm", "drop.o", "--dump=fold"], /CLI_USAGE: --dump is for a \*\.xdp\.ts/],
  ])("%s", (_, words, expected) => {
    const { status, stdout, stderr } = xdpkit(...words);
    expect(stderr).toMatch(expected);
    expect([status, stdout, stderr.trimEnd().split("\n").length]).toEqual([2, "", 1]);
  });
});

describe("a module in place of an object", () => {
  it("runs as its object does", () => {
    const capture = join(ROOT, "examples/captures/mixed.pcap");
    xdpkit("build", END, "-o", "end.o");
    const run = (program: string) => xdpkit("run", program, "--in", capture, "--dump", "outcomes", "--json");
    const ours = run(END);
    expect(ours.status, ours.stderr).toBe(0);
    const { outcomes, ...rest } = JSON.parse(ours.stdout);
    expect([rest.packets, outcomes]).toEqual([
      237,
      { outcomes: { truncated: 0, badSrh: 0, noRoute: 0, forwarded: 0 } },
    ]);
    expect(rest).toEqual(JSON.parse(run("end.o").stdout));
  });

  it("takes map files as its types are written, prints its outcomes by name, and decides as the C program of the demo", () => {
    const edge = (program: string, denied: string) =>
      xdpkit(
        "run",
        join(ROOT, "examples/edge", program),
        "--in",
        join(ROOT, "examples/captures/mixed.pcap"),
        "--map",
        `denied=${join(ROOT, "examples/edge", denied)}`,
        "--dump",
        "denied",
        "--json",
      );
    const ours = JSON.parse(edge("edge.xdp.ts", "denied.json").stdout);
    const theirs = JSON.parse(edge("edge.o", "denied-btf.json").stdout);
    expect(ours.verdicts).toEqual(theirs.verdicts);
    expect(ours.maps.denied).toEqual([{ key: "198.51.100.0/24", value: theirs.maps.denied[0].value }]);
    expect(ours.outcomes.reasons).toMatchObject({ truncated: 1, pingAnswered: 14, srv6: 25 });
    writeFileSync(file("wrong.json"), '[{"key": "198.51.100.0/40", "value": 0}]');
    const { status, stderr } = xdpkit(
      "run",
      join(ROOT, "examples/edge/edge.xdp.ts"),
      "--in",
      join(ROOT, "examples/captures/mixed.pcap"),
      "--map",
      "denied=wrong.json",
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/LANG_PREFIX at wrong\.json: \$\[0\]\.key: /);
  });

  it("is disassembled beside its own lines", () => {
    const lines = xdpkit("disasm", "drop.xdp.ts").stdout.split("\n");
    expect(lines.slice(3, 8)).toEqual([
      "Disassembly of section xdp:",
      "",
      "0000000000000000 <drop>:",
      "; export const drop = xdp(() => verdict);",
      "       0:\tr0 = 0x1",
    ]);
  });

  it("shows what a pass has made", () => {
    const { stdout } = xdpkit("disasm", "drop.xdp.ts", "--dump=eliminateDead");
    expect(stdout).toMatch(/^function drop\nb0\n[\s\S]*exit v\d+\n/);
    expect(JSON.parse(xdpkit("disasm", "drop.xdp.ts", "--dump=lower", "--json").stdout)).toMatchObject([
      { program: "drop", pass: "lower" },
    ]);
  });
});

describe("build --watch", () => {
  let child: ChildProcess | undefined;
  afterAll(() => child?.kill("SIGKILL"));

  it("builds again when an import changes, survives a refusal, and ends on SIGINT", async () => {
    let text = "";
    child = spawn(process.execPath, [CLI, "build", "drop.xdp.ts", "-o", "watched.o", "--watch"], { cwd: folder });
    child.stdout!.on("data", (chunk) => (text += chunk));
    child.stderr!.on("data", (chunk) => (text += chunk));
    const until = (pattern: RegExp) => expect.poll(() => text, { timeout: 20_000 }).toMatch(pattern);
    await until(/^built watched\.o of drop\.xdp\.ts: [^\n]*\n$/);
    text = "";
    writeFileSync(file("verdict.ts"), MODULES["verdict.ts"]!.replace("XdpAction.Drop", "XdpAction.Tx"));
    await until(/^built watched\.o of drop\.xdp\.ts: [^\n]*\n$/);
    expect(instructionsOf("watched.o")[0]![0]).toMatchObject({ imm: 3 });
    text = "";
    writeFileSync(file("verdict.ts"), "export const verdict = ;\n");
    await until(/^xdpkit: STAGE_SYNTAX verdict\.ts:1:24: /);
    text = "";
    writeFileSync(file("verdict.ts"), MODULES["verdict.ts"]!);
    await until(/^built watched\.o/);
    const ended = new Promise((resolve) => child!.on("exit", resolve));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
  });
});
