/**
 * `npm run test:package -- --node 20,22,24`: the README as a stranger follows it. On a fresh clone of what is committed, with
 * each version of Node (npm's package `node` brings it), its blocks of commands are run as they are printed.
 *
 * Commands that need root and an interface called eth0 run in a namespace that has one. Exit status 1: a command failed, or
 * printed to standard error.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { node: { type: "string", default: "20,22,24" } } });
const isRoot = process.getuid?.() === 0;

/** Blocks of shell commands by what stands in them; each is run somewhere, or this script fails. */
interface Step {
  readonly has: string;
  readonly folder: "clone" | "project";
  /** Commands that are not run, and why. */
  readonly skip?: Readonly<Record<string, string>>;
}
const STEPS: readonly Step[] = [
  { has: "npm run demo", folder: "clone", skip: { "npm ci && npm test": "CI runs it by itself" } },
  { has: "npm link", folder: "clone" },
  { has: "npm install ../xdpkit/", folder: "project" },
];

const readme = readFileSync(join(ROOT, "README.md"), "utf8");
const blocks = (kind: string): readonly string[] =>
  [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].flatMap(([, found, text]) => (found === kind ? [text!] : []));

let passed = 0;
let failed = 0;

class Stranger {
  readonly folder: string;
  readonly version: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(folder: string, version: string) {
    this.folder = folder;
    this.version = version;
    const bin = join(folder, "bin");
    mkdirSync(join(folder, "prefix/bin"), { recursive: true });
    mkdirSync(bin);
    // npm link and npm install -g stay inside; sudo is root itself, in a namespace with an interface eth0.
    const sudo = `#!/bin/sh
exec unshare --net --mount sh -ec 'mount -t bpf none /sys/fs/bpf; ip link add eth0 type veth peer name eth1; ip link set eth0 up; exec "$@"' sudo "$@"
`;
    writeFileSync(join(bin, "sudo"), sudo);
    chmodSync(join(bin, "sudo"), 0o755);
    const node = join(nodeOf(folder, version), "..");
    this.#environment = {
      ...process.env,
      PATH: [bin, node, join(folder, "prefix/bin"), process.env["PATH"]].join(delimiter),
      npm_config_prefix: join(folder, "prefix"),
      npm_config_update_notifier: "false",
      XDG_CACHE_HOME: join(folder, "cache"),
    };
  }

  /** Runs a line of a block; what it prints on standard error is a failure, but for npm's progress. */
  run(line: string, cwd: string): string {
    const isNpm = /^npm (ci|install|link|run build)/.test(line) || / npm pack/.test(line);
    const { status, stdout, stderr } = spawnSync("bash", ["-ec", line], {
      cwd,
      env: this.#environment,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    const good = status === 0 && (isNpm || stderr === "");
    if (good) passed++;
    else failed++;
    console.log(`${good ? "ok  " : "FAIL"}  Node ${this.version}: ${line}`);
    if (!good) console.log(`exit status ${status}\n${stdout}${stderr}`);
    return stdout;
  }
}

/** Node of a major version: the running one, or npm's package `node`. */
function nodeOf(folder: string, major: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const home = join(folder, "node");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), '{ "private": true }');
  execFileSync("npm", ["install", "--silent", "--ignore-scripts", `node@${major}`], { cwd: home });
  const [file] = execFileSync("find", [home, "-path", "*/bin/node", "-type", "f", "-size", "+1M"], {
    encoding: "utf8",
  }).split("\n");
  return file!;
}

/** The commands of a block, without their comments; `cd` goes before those that follow. */
function commandsOf(block: string): readonly string[] {
  let before = "";
  return block.split("\n").flatMap((text) => {
    const line = text.replace(/\s+#.*$/, "").trim();
    if (line === "" || line.startsWith("#")) return [];
    if (!line.startsWith("cd ")) return [`${before}${line}`];
    before += `${line} && `;
    return [];
  });
}

function follow(major: string): void {
  const folder = mkdtempSync(join(tmpdir(), `xdpkit-stranger-${major}-`));
  try {
    execFileSync("git", ["clone", "--quiet", "--no-hardlinks", ROOT, join(folder, "xdpkit")]);
    const stranger = new Stranger(folder, major);
    const [clone, project] = [join(folder, "xdpkit"), join(folder, "project")];
    const [, pack = ""] = /In a checkout of xdpkit, `(.*?)` makes/.exec(readme) ?? [];
    stranger.run(pack, clone);
    writeProject(project, clone);
    for (const { has, folder: where, skip = {} } of STEPS) {
      const block = blocks("sh").find((text) => text.includes(has));
      if (block === undefined) throw new Error(`the README has no block with ${has}`);
      for (const line of commandsOf(block)) {
        const reason = skip[line] ?? (line.includes("sudo ") && !isRoot ? "needs root" : undefined);
        if (reason === undefined) check(line, stranger.run(line, where === "clone" ? clone : project));
        else console.log(`skip  Node ${major}: ${line} (${reason})`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the README says that a command prints. */
function check(line: string, printed: string): void {
  if (!line.includes("try-guard.ts") || printed === "XDP_DROP 1n\n1n\n") return;
  failed++;
  console.log(`FAIL  ${line} printed ${JSON.stringify(printed)}`);
}

/** The README's modules, named by their first line, its tsconfig, and a capture. */
function writeProject(project: string, clone: string): void {
  mkdirSync(project);
  for (const text of blocks("ts")) {
    const [, name] = /^\/\/ (\S+\.ts)\n/.exec(text) ?? [];
    if (name !== undefined) writeFileSync(join(project, name), text);
  }
  writeFileSync(join(project, "tsconfig.json"), blocks("json")[0]!);
  copyFileSync(join(clone, "examples/captures/mixed.pcap"), join(project, "traffic.pcap"));
}

const unknown = blocks("sh").filter((block) => !STEPS.some(({ has }) => block.includes(has)));
if (unknown.length > 0) throw new Error(`no step runs this block of the README:\n${unknown.join("\n")}`);
for (const major of values.node.split(",")) follow(major);
console.log(`${passed} commands ran as the README says, ${failed} did not`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
