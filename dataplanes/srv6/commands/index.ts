/**
 * `xdpkit srv6 …`: what its commands do. They write to standard output, and throw what went wrong.
 *
 * Most of them ask the process that runs and print its answer: the compiler and the kernel layer are imported only by those
 * that need them.
 */
import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { Srv6Error } from "../control/error.ts";
import { ask, isRunning, logOf, requireNotRunning, runFolder, socketOf, stateOf, type Where } from "./client.ts";
import type { DropOptions } from "./drops.ts";
import { printSessions, printStats, printStatus, printTop } from "./print.ts";
import type { SessionReport, Stats, Status } from "./report.ts";
import { readFile, readState, type ServeOptions } from "./state.ts";

export interface CommandOptions extends ServeOptions {
  readonly json?: boolean;
}

const write = (text: string): void => {
  process.stdout.write(text);
};
const writeJson = (value: unknown): void => write(`${JSON.stringify(value, null, 2)}\n`);

/** Runs until it is told to go down, or ended; SIGHUP reads the file again. */
export async function up(file: string, options: CommandOptions & { readonly background?: boolean }): Promise<void> {
  if (options.background) return upInBackground(options);
  const { Service } = await import("./serve.ts");
  await new Promise<void>((resolve, reject) => {
    Service.start(file, options, () => {
      rmSync(stateOf(options), { force: true });
      resolve();
    }).then((service) => {
      write(`${printStatus(service.status())}\n`);
      process.removeAllListeners("SIGINT");
      process.removeAllListeners("SIGTERM");
      const end = (): void => {
        service.close();
        resolve();
      };
      process.once("SIGINT", end);
      process.once("SIGTERM", end);
      process.on("SIGHUP", () => {
        try {
          service.reload();
          write(`${file}: reloaded\n`);
        } catch (error) {
          process.stderr.write(`${file}: not reloaded: ${(error as Error).message}\n`);
        }
      });
      process.once("exit", () => rmSync(socketOf(options), { force: true }));
    }, reject);
  });
  process.exit(0);
}

/** A process of its own, which is there when the command returns. */
async function upInBackground(options: CommandOptions): Promise<void> {
  await requireNotRunning(options);
  const words = process.argv.slice(1).filter((word) => word !== "--background" && word !== "-b");
  mkdirSync(runFolder(options), { recursive: true });
  const log = openSync(logOf(options), "a+", 0o600);
  const { size } = fstatSync(log);
  // A file, not a pipe: what it prints later must not end it when nobody reads.
  const child = spawn(process.execPath, [...process.execArgv, ...words], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  const ended = new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
  for (;;) {
    const code = await Promise.race([
      ended,
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100)),
    ]);
    if (code !== undefined) {
      process.stderr.write(readFileSync(logOf(options)).subarray(size));
      process.exit(code);
    }
    if (await isRunning(options)) break;
  }
  closeSync(log);
  child.unref();
  await status(options);
}

/** Detaches and removes what is pinned; also when the process has gone. */
export async function down(options: CommandOptions): Promise<void> {
  if (await isRunning(options)) await ask(options, { command: "down" });
  else {
    const state = readState(options);
    if (!state) throw new Srv6Error("SRV6_NOT_RUNNING", "nothing is up here", { hint: "xdpkit srv6 up FILE" });
    const { detachFrom } = await import("./detach.ts");
    detachFrom(state.interfaces, options.netns);
    rmSync(options.pinPath ?? state.pinPath, { recursive: true, force: true });
  }
  rmSync(stateOf(options), { force: true });
  write("down: the program is off all interfaces, pins are removed\n");
}

export async function reload(file: string | undefined, options: CommandOptions): Promise<void> {
  const text = file === undefined ? {} : { file, text: readFile(file) };
  await ask(options, { command: "reload", ...text });
  await status(options);
}

/** @throws Srv6Error SRV6_YAML, SRV6_CONFIG */
export async function check(file: string): Promise<void> {
  const { readConfig } = await import("../control/read-config.ts");
  const { interfaces, sids = [], policies = [], sessions = [] } = readConfig(readFile(file), file);
  write(
    `${file}: ${sids.length} SIDs, ${policies.length} policies, ${sessions.length} sessions on ${interfaces.join(", ")}\n`,
  );
}

export async function schema(): Promise<void> {
  writeJson((await import("../control/schema.ts")).SCHEMA);
}

export async function drops(options: DropOptions): Promise<void> {
  const commands = await import("./drops.ts");
  await commands.drops(options);
}

export async function status(options: CommandOptions): Promise<void> {
  const answer = (await ask(options, { command: "status" })) as Status;
  if (options.json) writeJson(answer);
  else write(`${printStatus(answer)}\n`);
}

const statsFrom = async (where: Where): Promise<Stats> => (await ask(where, { command: "stats" })) as Stats;

export async function stats(options: CommandOptions): Promise<void> {
  const answer = await statsFrom(options);
  if (options.json) writeJson(answer);
  else write(printStats(answer));
}

export async function sids(options: CommandOptions): Promise<void> {
  const { sids: all } = await statsFrom(options);
  if (options.json) writeJson(all);
  else write(printStats({ sids: all }));
}

export async function policies(options: CommandOptions): Promise<void> {
  const { policies: all } = await statsFrom(options);
  if (options.json) writeJson(all);
  else write(printStats({ policies: all }));
}

export async function listSessions(options: CommandOptions): Promise<void> {
  const all = (await ask(options, { command: "sessions" })) as SessionReport[];
  if (options.json) writeJson(all);
  else write(printSessions(all));
}

export async function addSession(
  address: string,
  teid: string,
  policy: string,
  options: CommandOptions,
): Promise<void> {
  await ask(options, { command: "add", sessions: [[address, readTeid(teid), policy]] });
}

export async function deleteSession(address: string, teid: string, options: CommandOptions): Promise<void> {
  await ask(options, { command: "delete", address, teid: readTeid(teid) });
}

/** A line each: address, TEID and policy, divided by commas or spaces; `#` begins a comment. All or none are added. */
export async function loadSessions(file: string, options: CommandOptions): Promise<void> {
  const sessions = readFile(file)
    .split("\n")
    .flatMap((line, index) => {
      const words = line
        .replace(/#.*/, "")
        .trim()
        .split(/[\s,]+/);
      if (words[0] === "") return [];
      const [address, teid, policy] = words;
      if (words.length !== 3 || !/^\d+\.\d+\.\d+\.\d+$/.test(address!))
        throw new Srv6Error("SRV6_FILE", "a line is an address, a TEID and a policy", {
          at: { kind: "source", file, line: index + 1, column: 1, text: line },
          hint: "such as 192.0.2.1, 0x11223344, uplink",
        });
      return [[address!, readTeid(teid!), policy!] as const];
    });
  await ask(options, { command: "add", sessions });
  write(`${sessions.length} sessions added\n`);
}

function readTeid(text: string): number {
  const teid = Number(text);
  if (Number.isInteger(teid) && teid >= 0 && teid <= 0xffffffff) return teid;
  throw new Srv6Error("SRV6_SESSION", `${JSON.stringify(text)} is no TEID`, {
    hint: "0 to 4294967295, also as 0x11223344",
  });
}

/** A view of rates that is written anew each second, until it is ended. */
export async function top(options: CommandOptions & { readonly count?: string }): Promise<void> {
  const rounds = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
  let before = await statsFrom(options);
  for (let round = 0; round < rounds; round++) {
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const now = await statsFrom(options);
    const text = printTop(before, now, (performance.now() - since) / 1000);
    write(process.stdout.isTTY ? `\u001b[H\u001b[2J${text}` : `${text}\n`);
    before = now;
  }
}
