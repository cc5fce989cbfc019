/**
 * A topology for end-to-end tests: namespaces joined by veth pairs, processes inside them, the data plane as its command.
 * All of it goes when the test ends, whatever happens: namespaces and what runs in them are removed at the process's exit, too.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BpfFolder } from "../../../../test/support/bpf-folder.ts";
import { atEnd } from "../../../../test/support/cleanup.ts";
import { Namespace } from "../../../../test/support/namespace.ts";

const XDPKIT = fileURLToPath(new URL("../../../../dist/cli/main.js", import.meta.url));
const run = promisify(execFile);

/** Processes that have a word with `text`, such as a folder of this test's own. */
function processesOf(text: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text) ? [Number(name)] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** A process that ends has no words any more while it still holds its descriptors; a zombie holds none. */
function holdsAnything(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** They hold nothing any more when it returns. */
function killAllOf(text: string): void {
  const pids = processesOf(text);
  for (const pid of pids) tryKill(pid);
  for (let tries = 0; tries < 1000 && pids.some(holdsAnything); tries++)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}

export class Host implements Disposable {
  readonly namespace: Namespace;
  readonly #children: ChildProcess[] = [];

  constructor(purpose: string) {
    this.namespace = new Namespace(purpose);
    this.namespace.ip("link set lo up");
    this.namespace.sysctls({
      "net.ipv4.conf.all.forwarding": "1",
      "net.ipv6.conf.all.forwarding": "1",
      "net.ipv6.conf.all.seg6_enabled": "1",
      "net.ipv6.conf.default.seg6_enabled": "1",
      "net.ipv4.conf.all.rp_filter": "0",
      "net.ipv4.conf.default.rp_filter": "0",
    });
  }

  /** `ip …`, one after the other. */
  ip(...commands: readonly string[]): void {
    this.namespace.batch(commands);
  }

  /** What it prints. @throws the command's failure */
  async run(command: string, ...words: readonly string[]): Promise<string> {
    const { stdout } = await run("ip", ["netns", "exec", this.namespace.name, command, ...words], {
      timeout: 60_000,
      maxBuffer: 1 << 26,
    });
    return stdout;
  }

  /** Runs until the test ends, or `stop`. */
  start(command: string, ...words: readonly string[]): Running {
    const child = spawn("ip", ["netns", "exec", this.namespace.name, command, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const forget = atEnd(() => child.kill("SIGKILL"));
    child.once("exit", forget);
    this.#children.push(child);
    return new Running(child);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill("SIGKILL");
    this.namespace[Symbol.dispose]();
  }
}

export class Running {
  readonly #child: ChildProcess;
  #said = "";
  readonly #ended: Promise<void>;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#said += text;
      });
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
  }

  /** What it has printed, when that matches. @throws Error when it has ended before, or nothing comes for 10 s */
  async said(pattern: RegExp): Promise<string> {
    for (let waited = 0; waited < 10_000; waited += 20) {
      if (pattern.test(this.#said)) return this.#said;
      if (this.#child.exitCode !== null) break;
      await setTimeout(20);
    }
    throw new Error(`it did not say ${pattern}: ${this.#said}`);
  }

  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<string> {
    this.#child.kill(signal);
    await this.#ended;
    return this.#said;
  }
}

/**
 * Two hosts joined; each end is "host interface". Checksums and segments are made as on a wire, and what XDP redirects to an
 * end is taken in (a veth does so with GRO or a program of its own).
 */
export function join2(a: Host, nameA: string, b: Host, nameB: string): void {
  a.namespace.ip(`link add ${nameA} type veth peer name ${nameB} netns ${b.namespace.name}`);
  const ends = [
    [a, nameA],
    [b, nameB],
  ] as const;
  for (const [host, name] of ends) host.namespace.ip(`link set ${name} up`);
  // A veth learns that its other end takes frames only while both are up (veth_set_features).
  for (const [host, name] of ends)
    host.namespace.run("ethtool", ["-K", name, "gro", "on", "tx", "off", "tso", "off", "gso", "off"]);
}

/** The data plane of a host, by the command line. */
export class Edge implements Disposable {
  readonly host: Host;
  readonly #folder = mkdtempSync(join(tmpdir(), "xdpkit-e2e-"));
  readonly #pins = new BpfFolder();
  /** The configuration. */
  readonly file: string;
  readonly #forget: () => void;

  constructor(host: Host, yaml: string) {
    this.host = host;
    this.#forget = atEnd(() => killAllOf(this.#folder));
    this.file = join(this.#folder, "srv6.yaml");
    writeFileSync(this.file, yaml);
  }

  /** The script of the command line. */
  readonly command = XDPKIT;
  get pinPath(): string {
    return `${this.#pins.path}/srv6`;
  }

  async srv6(command: string, ...words: readonly string[]): Promise<string> {
    const where = ["--netns", this.host.namespace.name, "--run", this.#folder];
    const { stdout } = await run(process.execPath, [XDPKIT, "srv6", ...command.split(" "), ...words, ...where]);
    return stdout;
  }

  up = (): Promise<string> => this.srv6("up", this.file, "--background", "--pin-path", this.pinPath);
  stats = async (): Promise<EdgeStats> => JSON.parse(await this.srv6("stats", "--json")) as EdgeStats;

  async down(): Promise<void> {
    await this.srv6("down", "--pin-path", this.pinPath);
  }

  /** Its process ends, too, if `down` did not end it. */
  [Symbol.dispose](): void {
    killAllOf(this.#folder);
    this.#pins[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true });
    this.#forget();
  }
}

export interface EdgeStats {
  readonly outcomes: Readonly<Record<string, string>>;
  readonly interfaces: Readonly<
    Record<string, { readonly received: { readonly packets: string }; readonly sent: { readonly packets: string } }>
  >;
  readonly sids: Readonly<Record<string, { readonly packets: string }>>;
  readonly policies: Readonly<Record<string, { readonly packets: string }>>;
}

/** A capture on an interface, read by tshark. */
export class Capture {
  readonly #running: Running;
  readonly #file: string;
  readonly #host: Host;
  /** Of tshark, `name:value`. */
  preferences: readonly string[] = [];

  private constructor(host: Host, running: Running, file: string) {
    this.#host = host;
    this.#running = running;
    this.#file = file;
  }

  static async start(host: Host, name: string, folder: string): Promise<Capture> {
    const file = join(folder, `${host.namespace.name}-${name}.pcapng`);
    const running = host.start("dumpcap", "-q", "-i", name, "-w", file);
    await running.said(/Capturing on/);
    await running.said(/File: /);
    await setTimeout(100);
    return new Capture(host, running, file);
  }

  async stop(): Promise<void> {
    await setTimeout(400);
    await this.#running.stop("SIGINT");
  }

  /** Packets that match a display filter. */
  async count(filter: string): Promise<number> {
    return (await this.fields(filter, "frame.number")).length;
  }

  async fields(filter: string, ...fields: readonly string[]): Promise<string[]> {
    const words = ["-n", "-r", this.#file, "-Y", filter, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
    const checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
    checks.push(...this.preferences.flatMap((preference) => ["-o", preference]));
    return (await this.#host.run("tshark", ...words, ...checks)).split("\n").filter((line) => line !== "");
  }
}
