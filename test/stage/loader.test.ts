/** Node and Vite as users run them: the built package, a project of its own, and a child process. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeFunction } from "../../src/lang/index.ts";
import { Ipv4 } from "../../src/packet/index.ts";
import { xdpkit } from "../../src/register/index.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const REGISTER = pathToFileURL(join(ROOT, "dist/register/main.js")).href;
const LANG = pathToFileURL(join(ROOT, "dist/lang/index.js")).href;
let project: string;

const file = (name: string): string => join(project, name);
const run = (...words: string[]): string => execFileSync(process.execPath, words, { cwd: project, encoding: "utf8" });

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "xdpkit-loader-"));
  const modules = join(project, "node_modules/xdpkit");
  mkdirSync(modules, { recursive: true });
  writeFileSync(file("package.json"), '{ "type": "module" }');
  const exports = { ".": "./index.js", "./packet": "./packet.js", "./walk": "./walk.js" };
  writeFileSync(join(modules, "package.json"), JSON.stringify({ name: "xdpkit", type: "module", exports }));
  const built = (path: string): string => `export * from "${pathToFileURL(join(ROOT, "dist", path)).href}";`;
  writeFileSync(join(modules, "index.js"), built("lang/index.js"));
  writeFileSync(join(modules, "packet.js"), built("packet/index.js"));
  writeFileSync(join(modules, "walk.js"), built("lang/walk.xdp.js"));
  cpSync(EXAMPLES, project, { recursive: true, filter: (path) => !path.endsWith("tsconfig.json") });
  writeFileSync(file("plain.ts"), "export const twice = (n: number): number => n * 2;\n");
  writeFileSync(
    file("kernel.xdp.ts"),
    'import { twice } from "./plain.js";\nimport rules from "./firewall/rules.json" with { type: "json" };\nexport const first: unknown = rules[0];\nexport function f(x: number): number {\n  return twice(x) + N;\n}\nconst N = 3;\n',
  );
});
afterAll(() => rmSync(project, { recursive: true }));

const DESCRIBE = `
  const { captures, kind, name, module } = describeFunction(f);
  console.log(kind, name, module.file.split("/").at(-1), [...captures].map(([n, t]) => n + "=" + typeof t()).join(" "));`;

it("node --import xdpkit/register loads *.xdp.ts and .ts, and JSON beside them", () => {
  const app = `import { describeFunction } from "${LANG}"; import { f, first } from "./kernel.xdp.ts";
    const x: number = f(1); console.log(x, first.name);${DESCRIBE}`;
  writeFileSync(file("app.ts"), app);
  expect(run("--import", REGISTER, "app.ts")).toBe("5 bogons\nfunction f kernel.xdp.ts twice=function N=number\n");
});

it("importModule needs no flag", () => {
  const index = pathToFileURL(join(ROOT, "dist/register/index.js")).href;
  const app = `import { describeFunction } from "${LANG}"; import { importModule } from "${index}";
    const { f } = await importModule("kernel.xdp.ts"); await importModule("kernel.xdp.ts");${DESCRIBE}`;
  writeFileSync(file("app.mjs"), app);
  expect(run("app.mjs")).toBe("function f kernel.xdp.ts twice=function N=number\n");
});

it("loads *.xdp.js of other packages, and leaves our own headers as they were built", () => {
  mkdirSync(file("node_modules/other"), { recursive: true });
  writeFileSync(file("node_modules/other/package.json"), '{ "type": "module", "main": "walk.xdp.js" }');
  writeFileSync(file("node_modules/other/walk.xdp.js"), "export const f = (a) => a;\n");
  const app = `import { describeFunction } from "${LANG}"; import { f } from "other"; import { Ipv4 } from "xdpkit/packet";${DESCRIBE}
    const { get } = Object.getOwnPropertyDescriptor(Ipv4.prototype, "headerLength");
    const got = describeFunction(get); console.log(got.module.file, got.module.source.slice(got.start, got.end));`;
  writeFileSync(file("app.mjs"), app);
  const header = "get headerLength(): number {\n    return this.ihl * 4;\n  }";
  expect(run("--import", REGISTER, "app.mjs")).toBe(
    `arrow f walk.xdp.js \nxdpkit/packet/headers/ipv4.xdp.ts ${header}\n`,
  );
});

it("shows where a stack trace comes from, and where a syntax error is", () => {
  writeFileSync(
    file("throws.xdp.ts"),
    "interface A {\n  b: string;\n}\nexport const f = (a: A): never => {\n  throw new Error(a.b);\n};\nf({ b: 'c' });\n",
  );
  expect(
    spawnSync(process.execPath, ["--import", REGISTER, "throws.xdp.ts"], { cwd: project, encoding: "utf8" }).stderr,
  ).toContain("throws.xdp.ts:5:9");
  writeFileSync(file("broken.xdp.ts"), "export const f = 1;\nexport const g = = 2;\n");
  const { stderr, status } = spawnSync(process.execPath, ["--import", REGISTER, "broken.xdp.ts"], {
    cwd: project,
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stderr).toContain(
    "broken.xdp.ts:2:18: Unexpected token\n  2 | export const g = = 2;\n                       ^\n",
  );
});

it("evaluates the examples, and finds all that they hand to xdp()", () => {
  const names = readdirSync(EXAMPLES, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".xdp.ts"));
  const app = `import { describeFunction, isProgram } from "${LANG}";
    for (const name of ${JSON.stringify(names.sort())}) {
      for (const value of Object.values(await import("./" + name))) {
        if (!isProgram(value)) continue;
        const { captures, kind } = describeFunction(value.body);
        for (const thunk of captures.values()) thunk();
        console.log(name, value.name, kind, captures.size);
      }
    }`;
  writeFileSync(file("examples.mjs"), app);
  expect(run("--import", REGISTER, "examples.mjs").trim().split("\n")).toEqual([
    "af-xdp/af-xdp.xdp.ts steer arrow 8",
    "cpu-spread/cpu-spread.xdp.ts onCpu arrow 6",
    "cpu-spread/cpu-spread.xdp.ts spread arrow 8",
    "deny-list/deny-list.xdp.ts deny arrow 11",
    "edge/edge.xdp.ts edge arrow 5",
    "egress/egress.xdp.ts bridge arrow 6",
    "egress/egress.xdp.ts rewriteSource arrow 4",
    "end-psp/end-psp.xdp.ts end arrow 17",
    "end/end.xdp.ts end arrow 13",
    "ethertype-counter/ethertype-counter.xdp.ts count arrow 7",
    "firewall/firewall.xdp.ts firewall arrow 11",
    "gtp4-decap/gtp4-decap.xdp.ts decapsulate arrow 25",
    "gtp4-encap/gtp4-encap.xdp.ts encapsulate arrow 23",
    "icmp-errors/icmp-errors.xdp.ts answer arrow 6",
    "load-balancer/load-balancer.xdp.ts balancer arrow 11",
    "payload-cutter/payload-cutter.xdp.ts cut arrow 5",
    "static-nat/static-nat.xdp.ts nat arrow 12",
    "syn-tracking/syn-tracking.xdp.ts guard arrow 11",
    "tlv-dispatch/tlv-dispatch.xdp.ts dispatch arrow 15",
    "tlv-dispatch/tlv-dispatch.xdp.ts end arrow 6",
    "tlv-dispatch/tlv-dispatch.xdp.ts endDx6 arrow 11",
    "tlv-dispatch/tlv-dispatch.xdp.ts endPathTracing arrow 14",
    "token-bucket/token-bucket.xdp.ts limiter arrow 15",
  ]);
});

it("the Vite plugin instruments what Vitest imports, and what Vite bundles and minifies", async () => {
  const getter = Object.getOwnPropertyDescriptor(Ipv4.prototype, "isFragment")!.get!;
  expect(describeFunction(getter)).toMatchObject({ kind: "getter", name: "isFragment" });
  writeFileSync(file("bundle.ts"), `import { f } from "./kernel.xdp.ts"; export { f };`);
  await build({
    root: project,
    configFile: false,
    logLevel: "silent",
    plugins: [xdpkit()],
    build: { lib: { entry: file("bundle.ts"), formats: ["es"], fileName: "out" }, minify: true, outDir: file("out") },
  });
  const app = `import { describeFunction } from "${LANG}"; import * as out from "./out/out.js"; const { f } = out;${DESCRIBE}`;
  writeFileSync(file("bundled.mjs"), app);
  expect(run("bundled.mjs")).toBe("function f kernel.xdp.ts twice=function N=number\n");
});

it("a type among the values of an import is left out in Node, by Vite and on the command line, as tsc has it", async () => {
  const lines = [
    'import { XdpAction, XdpContext, xdp } from "xdpkit";',
    'import { Ethernet } from "xdpkit/packet";',
    'import { Length } from "./types.js";',
    "const isShort = (ctx: XdpContext, least: Length): boolean => ctx.length < least && ctx.header(Ethernet, 0) === null;",
    "export const typed = xdp((ctx) => (isShort(ctx, 60) ? XdpAction.Drop : XdpAction.Pass));",
    "export const f = isShort;",
  ];
  writeFileSync(file("typed.xdp.ts"), lines.join("\n"));
  writeFileSync(file("types.d.ts"), "export type Length = number;\n");
  const names = "arrow isShort typed.xdp.ts Ethernet=function\n";
  writeFileSync(
    file("typed.mjs"),
    `import { describeFunction } from "${LANG}"; import { f } from "./typed.xdp.ts";${DESCRIBE}`,
  );
  expect(run("--import", REGISTER, "typed.mjs")).toBe(names);
  await build({
    root: project,
    configFile: false,
    logLevel: "silent",
    plugins: [xdpkit()],
    build: { lib: { entry: file("typed.xdp.ts"), formats: ["es"], fileName: "typed" }, outDir: file("typed") },
  });
  writeFileSync(
    file("typed.mjs"),
    `import { describeFunction } from "${LANG}"; import { f } from "./typed/typed.js";${DESCRIBE}`,
  );
  expect(run("typed.mjs")).toBe(names);
  expect(run(join(ROOT, "dist/cli/main.js"), "build", "typed.xdp.ts", "-o", "typed.o")).toContain("typed.o");
});
