/**
 * The package as a user gets it: packed, installed into an empty project outside the repository, every public import
 * opened, and the README's project: its modules and settings, checked by stock tsc, built, run and loaded.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BpfFolder } from "../support/bpf-folder.ts";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let project: string;

const run = (command: string, words: readonly string[], cwd = project): string =>
  execFileSync(command, words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** The modules of a page, by the names in their first lines. */
function filesOf(page: string): { readonly name: string; readonly text: string }[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/```ts\n\/\/ (\S+\.ts)\n[\s\S]*?```/g)].map(([block, name]) => ({
    name: name!,
    text: block!.slice("```ts\n".length, -"```".length),
  }));
}

/** The README's modules, named by their first line (the one without a name is about clang's object), and its tsconfig. */
function readmeFiles(): { readonly name: string; readonly text: string }[] {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  return [...readme.matchAll(/```(ts|json)\n([\s\S]*?)```/g)].map(([, kind, text]) => {
    const named = /^\/\/ (\S+\.ts)\n/.exec(text!)?.[1] ?? "clang-object.ts";
    return { name: kind === "json" ? "tsconfig.json" : named, text: text! };
  });
}

/** Unpacks the tarball where npm would put it; its dependencies are those of this checkout, at the same pinned versions. */
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "xdpkit-package-"));
  const [packed] = JSON.parse(
    run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], ROOT),
  ) as [{ filename: string }];
  const modules = join(project, "node_modules");
  mkdirSync(join(modules, "xdpkit"), { recursive: true });
  run("tar", ["-xzf", packed.filename, "-C", join(modules, "xdpkit"), "--strip-components=1"]);
  const { dependencies } = JSON.parse(readFileSync(join(modules, "xdpkit/package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  mkdirSync(join(modules, "@babel"));
  for (const name of Object.keys(dependencies)) symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  // What npm does for `npm install … typescript @types/node`.
  symlinkSync(join(ROOT, "node_modules/typescript"), join(modules, "typescript"));
  symlinkSync(join(ROOT, "node_modules/@types"), join(modules, "@types"));
  mkdirSync(join(modules, ".bin"));
  chmodSync(join(modules, "xdpkit/dist/cli/main.js"), 0o755);
  symlinkSync("../xdpkit/dist/cli/main.js", join(modules, ".bin/xdpkit"));
  symlinkSync("../typescript/bin/tsc", join(modules, ".bin/tsc"));
  writeFileSync(join(project, "package.json"), '{ "type": "module", "private": true }');
  for (const { name, text } of readmeFiles()) writeFileSync(join(project, name), text);
  cpSync(join(ROOT, "examples/captures/mixed.pcap"), join(project, "traffic.pcap"));
  cpSync(join(ROOT, "examples/edge/edge.o"), join(project, "examples/edge/edge.o"), { recursive: true });
});
afterAll(() => rmSync(project, { recursive: true }));

it("opens every public import", () => {
  const { exports } = JSON.parse(readFileSync(join(project, "node_modules/xdpkit/package.json"), "utf8")) as {
    exports: Record<string, unknown>;
  };
  const names = Object.keys(exports).filter((path) => !path.endsWith(".json"));
  expect(names).toEqual([
    ".",
    "./packet",
    "./walk",
    "./isa",
    "./btf",
    "./object",
    "./compiler",
    "./vm",
    "./kernel",
    "./srv6",
    "./srv6/commands",
    "./errors",
    "./register",
    "./vite",
  ]);
  for (const path of names) {
    const script = `import(${JSON.stringify(`xdpkit${path.slice(1)}`)}).then((m) => console.log(Object.keys(m).length))`;
    // xdpkit/register is imported for what it does.
    expect(Number(run(process.execPath, ["-e", script])) > 0, path).toBe(path !== "./register");
  }
});

describe("the README's project", () => {
  it("is checked by stock tsc with the settings that the README gives", () => {
    expect(run("npx", ["--no-install", "tsc", "--noEmit"])).toBe("");
  });

  it("is built", () => {
    expect(run("npx", ["--no-install", "xdpkit", "build", "guard.xdp.ts", "-o", "guard.o"])).toMatch(
      /^built guard\.o of guard\.xdp\.ts: 1 program \(guard\), \d+ instructions, 2 maps, [\d,]+ bytes, \d+ ms\n$/,
    );
  });

  it("is run over a capture", () => {
    const words = ["--no-install", "xdpkit", "run", "guard.xdp.ts", "--in", "traffic.pcap", "--dump", "outcomes"];
    const { packets, verdicts, outcomes } = JSON.parse(run("npx", [...words, "--json"]));
    expect({ packets, verdicts, outcomes }).toEqual({
      packets: 237,
      verdicts: { XDP_DROP: 1, XDP_PASS: 236 },
      outcomes: { outcomes: { otherProtocol: 109, truncated: 1, denied: 0, allowed: 127 } },
    });
  });

  it("is tested by Vitest as docs/guides/testing.md says", () => {
    const files = filesOf("docs/guides/testing.md");
    expect(files.map(({ name }) => name)).toEqual(["vitest.config.ts", "guard.test.ts", "kernel.test.ts"]);
    for (const { name, text } of files) writeFileSync(join(project, name), text);
    symlinkSync(join(ROOT, "node_modules/vitest"), join(project, "node_modules/vitest"));
    const said = run(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--reporter", "json"]);
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(said);
    const skipped = process.getuid?.() === 0 ? 0 : 1;
    expect({ numPassedTests, numFailedTests, numPendingTests }).toEqual({
      numPassedTests: 3 - skipped,
      numFailedTests: 0,
      numPendingTests: skipped,
    });
  });

  it("takes objects of clang, too", () => {
    expect(run(process.execPath, ["--import", "xdpkit/register", "clang-object.ts"])).toBe("");
  });

  it("is tested by code around it", () => {
    expect(run(process.execPath, ["--import", "xdpkit/register", "try-guard.ts"])).toBe("XDP_DROP 1n\n1n\n");
  });

  it("says in one line what to do where its modules were not instrumented", () => {
    const emit = [
      "tsc",
      "--noEmit",
      "false",
      "--allowImportingTsExtensions",
      "false",
      "--outDir",
      "emitted",
      "--noCheck",
    ];
    run("npx", ["--no-install", ...emit, "--rewriteRelativeImportExtensions"]);
    expect(run(process.execPath, ["--import", "xdpkit/register", "emitted/try-guard.js"])).toBe("XDP_DROP 1n\n1n\n");
    const { status, stderr } = spawnSync(process.execPath, ["emitted/try-guard.js"], {
      cwd: project,
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^XdpkitError: STAGE_NOT_INSTRUMENTED: the source of this function is not known\n {2}.*run with node --import xdpkit\/register.*\n {4}at async file:\S+try-guard\.js:5:\d+ \{\n/m,
    );
  });
});

suite("the README's object", ["root", "bpf", "bpftool"], () => {
  it("is loaded by bpftool", () => {
    using pins = new BpfFolder();
    run("bpftool", ["prog", "load", "guard.o", join(pins.path, "guard")]);
    const shown = JSON.parse(run("bpftool", ["--json", "prog", "show", "pinned", join(pins.path, "guard")]));
    expect(shown).toMatchObject({ type: "xdp", name: "guard" });
  });
});

it("loads a kernel module: the public names of hook and registry fit together", () => {
  writeFileSync(join(project, "kernel.xdp.ts"), "export const f = (x: number): number => x + N;\nconst N = 1;\n");
  writeFileSync(
    join(project, "app.ts"),
    'import { describeFunction } from "xdpkit"; import { f } from "./kernel.xdp.ts"; console.log(f(1), describeFunction(f).captures.get("N")());',
  );
  expect(run(process.execPath, ["--import", "xdpkit/register", "app.ts"])).toBe("2 1\n");
});

it("has a command line", () => {
  expect(run(process.execPath, ["node_modules/xdpkit/dist/cli/main.js", "--version"])).toBe("0.1.0\n");
});
