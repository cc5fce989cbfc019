/**
 * The package as a user gets it: packed, installed into an empty project, every public import opened, and the README's
 * program type-checked with stock tsc and run.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let project: string;

const run = (command: string, words: readonly string[], cwd = project): string =>
  execFileSync(command, words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

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
  writeFileSync(join(project, "package.json"), '{ "type": "module", "private": true }');
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
    "./vm",
    "./kernel",
    "./register",
    "./vite",
  ]);
  for (const path of names) {
    const script = `import(${JSON.stringify(`xdpkit${path.slice(1)}`)}).then((m) => console.log(Object.keys(m).length))`;
    // xdpkit/register is imported for what it does.
    expect(Number(run(process.execPath, ["-e", script])) > 0, path).toBe(path !== "./register");
  }
});

it("runs the README's program, type-checked by stock tsc", () => {
  const [, program] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, "README.md"), "utf8"))!;
  const check = "console.log(name, packet.length, packet[34]);\n";
  writeFileSync(join(project, "program.ts"), `${program}${check}`);
  const compilerOptions = {
    strict: true,
    module: "nodenext",
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."]);
  expect(run(process.execPath, ["program.js"])).toBe("XDP_TX 42 0\n");
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
