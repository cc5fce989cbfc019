/**
 * Programs replaced while packets come in: none is lost, none sees no program or goes where it should not, and what the maps
 * hold stays; also when the process that replaces them is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openPinnedLink, openPinnedMap } from "../../src/kernel/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { atEnd } from "../support/cleanup.ts";
import { extent } from "../support/extent.ts";
import { Namespace } from "../support/namespace.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const file = (name: string): string => fileURLToPath(new URL(`../programs/live/${name}`, import.meta.url));
const REGISTER = fileURLToPath(new URL("../../dist/register/main.js", import.meta.url));
const REPLACEMENTS = extent(20, 100);
const KILLS = extent(3, 8);

/** A child whose lines can be waited for. */
class Child implements Disposable {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  readonly #ended: Promise<unknown>;

  constructor(command: string, ...parameters: string[]) {
    this.process = spawn(command, parameters, { stdio: ["pipe", "pipe", "inherit"] });
    this.process.once(
      "exit",
      atEnd(() => this.process.kill("SIGKILL")),
    );
    createInterface({ input: this.process.stdout! }).on("line", (line) => this.lines.push(line));
    this.#ended = once(this.process, "close");
  }

  async line(count = 1): Promise<void> {
    while (this.lines.length < count) {
      if (this.process.exitCode !== null) throw new Error(`it ended with ${this.process.exitCode}`);
      await setTimeout(5);
    }
  }

  /** Its exit status, or the signal. */
  async end(): Promise<number | string> {
    this.process.stdin!.end();
    await this.#ended;
    return this.process.exitCode ?? this.process.signalCode!;
  }

  async kill(): Promise<number | string> {
    this.process.kill("SIGKILL");
    return this.end();
  }

  [Symbol.dispose](): void {
    this.process.kill("SIGKILL");
  }
}

suite("upgrades under traffic", ["root", "bpf", "ip", "kernel 5.15"], () => {
  let [here, there]: Namespace[] = [];
  let pins: BpfFolder;
  let traffic: Child[];

  beforeEach(async () => {
    [here, there] = [new Namespace("upgrade-a"), new Namespace("upgrade-b")];
    here.ip(`link add v0 type veth peer name v1 netns ${there.name}`);
    for (const [space, name, address] of [
      [here, "v0", "10.9.0.1"],
      [there, "v1", "10.9.0.2"],
    ] as const) {
      space.ip(`addr add ${address}/24 dev ${name}`);
      space.ip(`link set ${name} up`);
    }
    const [mac, peer] = [here.link("v0").mac, there.link("v1").mac];
    here.ip(`neigh replace 10.9.0.2 lladdr ${peer} dev v0 nud permanent`);
    there.ip(`neigh replace 10.9.0.1 lladdr ${mac} dev v1 nud permanent`);
    pins = new BpfFolder();
    traffic = [];
  });
  afterEach(() => {
    for (const child of traffic) child[Symbol.dispose]();
    pins[Symbol.dispose]();
    here![Symbol.dispose]();
    there![Symbol.dispose]();
  });

  const folder = (): string => join(pins.path, "steer");
  const upgrader = (first: number, count: number): Child =>
    new Child(
      process.execPath,
      "--import",
      REGISTER,
      file("upgrader.ts"),
      here!.name,
      "v0",
      folder(),
      `${first}`,
      `${count}`,
    );
  const inside = ({ name }: Namespace, ...parameters: string[]): Child =>
    new Child("ip", "netns", "exec", name, process.execPath, file("traffic.mjs"), ...parameters);

  async function startTraffic(): Promise<void> {
    const receiver = inside(here!, "receive");
    traffic.push(receiver);
    await receiver.line();
    const sender = inside(there!, "send", "10.9.0.1");
    traffic.push(sender);
    await sender.line();
  }

  /** What was sent and received, and what the pinned map has counted. */
  async function stopTraffic() {
    const [receiver, sender] = traffic as [Child, Child];
    await setTimeout(200);
    await sender.end();
    await setTimeout(500);
    await receiver.end();
    const { sent } = JSON.parse(sender.lines.at(-1)!) as { sent: number };
    const seen = JSON.parse(receiver.lines.at(-1)!) as Record<string, number>;
    using map = openPinnedMap(join(folder(), "routes"))!;
    let counted = 0n;
    for (const key of map.keys()) counted += new DataView(map.get(key)!.buffer).getBigUint64(8, true);
    return { sent, counted: Number(counted), ...seen };
  }

  const programId = (): number => {
    using link = openPinnedLink(join(folder(), "link"))!;
    return link.info().programId;
  };

  it(`loses nothing in ${REPLACEMENTS} replacements`, async () => {
    using first = upgrader(1, 0);
    await first.line();
    expect(await first.end()).toBe(0);
    await startTraffic();
    using second = upgrader(2, REPLACEMENTS);
    await second.line(REPLACEMENTS + 1);
    expect(await second.end()).toBe(0);
    const { sent, overflowed, versions, ...seen } = (await stopTraffic()) as Record<string, number>;
    console.log(`${REPLACEMENTS} replacements: ${JSON.stringify({ sent, overflowed, versions, ...seen })}`);
    expect(seen).toEqual({ counted: sent, received: sent! - overflowed!, twice: 0, misrouted: 0, unprocessed: 0 });
    expect(sent).toBeGreaterThan(2_000);
    expect(versions).toBeGreaterThan(REPLACEMENTS / 2);
  });

  const seed = runSeed();
  it(`goes on when the process is killed ${KILLS} times, XDPKIT_SEED=${seed}`, async () => {
    const random = new Random(seed);
    using first = upgrader(1, 0);
    await first.line();
    await first.end();
    await startTraffic();
    const attached = new Set([programId()]);
    for (let kill = 1; kill <= KILLS; kill++) {
      using child = upgrader(1_000 * kill, 1_000_000);
      // Some die while they start, some while they replace a version by the next.
      if (kill % 2 === 0) await child.line(3);
      await setTimeout(random.between(0, 600));
      expect(await child.kill()).toBe("SIGKILL");
      attached.add(programId());
    }
    using last = upgrader(1_000_000, 0);
    await last.line();
    expect(await last.end()).toBe(0);
    const { sent, overflowed, versions, ...seen } = (await stopTraffic()) as Record<string, number>;
    console.log(`${KILLS} kills: ${JSON.stringify({ sent, overflowed, versions, ...seen })}`);
    expect(seen).toEqual({ counted: sent, received: sent! - overflowed!, twice: 0, misrouted: 0, unprocessed: 0 });
    expect(attached.size).toBeGreaterThan(KILLS / 2);
    expect(versions).toBeGreaterThan(KILLS / 2);
  });
});
