/**
 * A copy of the checkout in which one file at a time is changed and tests are run: in network and mount namespaces of their own,
 * so that code that is wrong attaches nothing to an interface of the machine and pins nothing in its bpffs.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stage } from "./layers.ts";
import type { Mutant } from "./places.ts";

/** `killed`: a test failed; `ended`: it took more than three times as long; `survived`: no test noticed. */
export type Fate = "killed" | "ended" | "survived";

/** With interfaces, as machines have them. */
const PRIVATE =
  'mount -t bpf none /sys/fs/bpf; ip link set lo up; ip link add eth0 type veth peer name eth1; exec "$@"';

/** Beyond the normal time three times over, for starting up on a busy machine. */
const GRACE_MS = 20_000;

export class Copy implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "xdpkit-mutate-"));
  readonly #normalMs = new Map<Stage, number>();
  #endTests: (() => void) | undefined;

  /** Of what is committed. */
  constructor(root: string) {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => {
        this[Symbol.dispose]();
        process.exit(1);
      });
    execFileSync("git", ["clone", "--quiet", root, this.root]);
    symlinkSync(join(root, "node_modules"), join(this.root, "node_modules"));
    symlinkSync(join(root, "../shared"), join(this.#folder, "shared"));
    mkdirSync(join(this.root, "out"), { recursive: true });
  }

  get root(): string {
    return join(this.#folder, "xdpkit");
  }

  /** Runs the stages without a change, which must pass, and keeps how long they take. @throws Error when they do not */
  async measure(stages: readonly Stage[]): Promise<void> {
    for (const stage of stages) {
      const begin = performance.now();
      if (!(await this.#passes(stage, Number.POSITIVE_INFINITY)).passed)
        throw new Error(`without a change a test fails: npx vitest run ${stage.words.join(" ")}`);
      this.#normalMs.set(stage, performance.now() - begin);
    }
  }

  async fateOf(mutant: Mutant, stages: readonly Stage[]): Promise<Fate> {
    const file = join(this.root, mutant.file);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.slice(0, mutant.start) + mutant.becomes + text.slice(mutant.end));
    try {
      for (const stage of stages) {
        if (stage.only && !stage.only.test(mutant.file)) continue;
        const { passed, ended } = await this.#passes(stage, 3 * this.#normalMs.get(stage)! + GRACE_MS);
        if (!passed) return ended ? "ended" : "killed";
      }
      return "survived";
    } finally {
      writeFileSync(file, text);
    }
  }

  async #passes({ words }: Stage, limitMs: number): Promise<{ passed: boolean; ended: boolean }> {
    const vitest = ["npx", "vitest", "run", "--bail", "1", "--reporter", "dot", ...words];
    const child = spawn("unshare", ["--net", "--mount", "sh", "-ec", PRIVATE, "sh", ...vitest], {
      cwd: this.root,
      stdio: "ignore",
      detached: true,
      env: { ...process.env, XDPKIT_REQUIRE_KERNEL: "1", XDPKIT_SEED: "1" },
    });
    const end = (signal: NodeJS.Signals) => {
      try {
        process.kill(-child.pid!, signal);
      } catch {
        // It has ended meanwhile.
      }
    };
    this.#endTests = () => end("SIGTERM");
    let ended = false;
    const timers: NodeJS.Timeout[] = [];
    if (Number.isFinite(limitMs)) {
      timers.push(setTimeout(() => end((ended = true) && "SIGTERM"), limitMs));
      timers.push(setTimeout(() => end("SIGKILL"), limitMs + 5_000));
    }
    const status = await new Promise<number | null>((resolve) => child.once("exit", resolve));
    for (const timer of timers) clearTimeout(timer);
    this.#endTests = undefined;
    return { passed: status === 0, ended };
  }

  [Symbol.dispose](): void {
    this.#endTests?.();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
