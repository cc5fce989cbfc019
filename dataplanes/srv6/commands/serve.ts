/** A data plane as a process: started from a file, asked over its socket, its numbers kept for the next start. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { problemOf } from "xdpkit/errors";
import { lockFolder, makePinFolder } from "xdpkit/kernel";
import { isHost4, takesTunnels } from "../control/check.ts";
import type { Srv6Config } from "../control/config.ts";
import { Srv6Error } from "../control/error.ts";
import { NO_NUMBERS } from "../control/numbering.ts";
import { parsePrefix } from "../control/prefix.ts";
import { readConfig } from "../control/read-config.ts";
import type { ConfigFile } from "../control/schema.ts";
import { UserPlane } from "../control/user-plane.ts";
import { type Answer, type Request, requireNotRunning, runFolder, socketOf, stateOf } from "./client.ts";
import { dropsOf, type Status, sessionsOf, statsOf, statusOf } from "./report.ts";
import { pinPathOf, readFile, readState, type ServeOptions, type State } from "./state.ts";

/** An IPv4 address as a number. @throws Srv6Error SRV6_SESSION */
function readHost(text: string): number {
  if (isHost4(text)) return Number(parsePrefix(text).value);
  throw new Srv6Error("SRV6_SESSION", `${JSON.stringify(text)} is no IPv4 address of a host`, {
    hint: "such as 192.0.2.1",
  });
}

export class Service {
  readonly #options: ServeOptions;
  readonly #ended: () => void;
  readonly #lock: Disposable;
  /** Why the last reload was refused, and when; undefined when it was not. */
  #mistake: Status["mistake"];
  #file: string;
  #config: Srv6Config & ConfigFile;
  #plane: UserPlane;
  #server: Server | undefined;

  private constructor(
    options: ServeOptions,
    file: string,
    config: Srv6Config & ConfigFile,
    plane: UserPlane,
    { lock, ended }: { readonly lock: Disposable; readonly ended: () => void },
  ) {
    this.#options = options;
    this.#lock = lock;
    this.#file = file;
    this.#config = config;
    this.#plane = plane;
    this.#ended = ended;
  }

  /**
   * Starts, or takes over what an earlier process left. `ended`: when it was asked to go down.
   *
   * @throws Srv6Error SRV6_*, XdpkitError KERNEL_*, KERNEL_LOCKED while another process has the pins; then nothing has changed
   */
  static async start(file: string, options: ServeOptions, ended: () => void): Promise<Service> {
    const config = readConfig(readFile(file), file);
    await requireNotRunning(options);
    const state = readState(options);
    makePinFolder(pinPathOf(options));
    const lock = lockFolder(pinPathOf(options));
    const plane = startOr(() => lock[Symbol.dispose](), config, {
      interfaces: config.interfaces,
      pinPath: pinPathOf(options),
      ...(options.mode === undefined ? {} : { mode: options.mode }),
      ...(options.netns === undefined ? {} : { namespace: options.netns }),
      ...(options.replace ? { replace: true } : {}),
      numbers: state?.numbers ?? NO_NUMBERS,
    });
    const service = new Service(options, file, config, plane, { lock, ended });
    service.#save();
    await service.#listen();
    return service;
  }

  status(): Status {
    const mistake = this.#mistake ? { mistake: this.#mistake } : {};
    return { ...statusOf(this.#plane, this.#file, this.#config.interfaces), ...mistake };
  }

  /** Ends the process's part: what is attached goes on. */
  close(): void {
    this.#server?.close();
    rmSync(socketOf(this.#options), { force: true });
    this.#plane[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  /** @throws Srv6Error SRV6_*, XdpkitError KERNEL_*; then the old configuration goes on, and `status` tells the mistake */
  reload(file?: string, text?: string): void {
    try {
      this.#reload(file, text);
      this.#mistake = undefined;
    } catch (error) {
      this.#mistake = { time: new Date().toISOString(), text: (error as Error).message };
      throw error;
    }
  }

  #reload(file = this.#file, text = readFile(file)): void {
    const config = readConfig(text, file);
    const changed = config.interfaces.join() !== this.#config.interfaces.join();
    if (changed)
      throw new Srv6Error("SRV6_CONFIG", "the interfaces cannot change while it runs", {
        at: { kind: "file", file },
        hint: "xdpkit srv6 down, then up",
      });
    this.#plane.reload(config);
    this.#config = config;
    this.#file = file;
    this.#save();
  }

  #save(): void {
    const { numbers } = this.#plane;
    const state: State = { numbers, interfaces: this.#config.interfaces, pinPath: pinPathOf(this.#options) };
    mkdirSync(runFolder(this.#options), { recursive: true });
    const path = stateOf(this.#options);
    writeFileSync(`${path}.next`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${path}.next`, path);
  }

  #listen(): Promise<void> {
    const path = socketOf(this.#options);
    if (existsSync(path)) rmSync(path);
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
  }

  #serve(socket: Socket): void {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => {
      let answer: Answer;
      let request: Request | undefined;
      try {
        request = JSON.parse(text) as Request;
        answer = { result: this.#answer(request) ?? null };
      } catch (error) {
        const { code = "SRV6_CONFIG", at, hint } = error as Srv6Error;
        answer = {
          error: { code, message: problemOf(error), ...(at ? { at } : {}), ...(hint === undefined ? {} : { hint }) },
        };
      }
      socket.end(`${JSON.stringify(answer)}\n`, () => {
        if (request?.command === "down" && "result" in answer) this.#ended();
      });
    });
  }

  #answer(request: Request): unknown {
    const plane = this.#plane;
    switch (request.command) {
      case "status":
        return this.status();
      case "stats":
        return statsOf(plane);
      case "sessions":
        return sessionsOf(plane);
      case "drops":
        return dropsOf(plane, request.since);
      case "reload":
        return this.reload(request.file, request.text);
      case "add":
        return this.#add(request.sessions);
      case "delete":
        return this.#delete(request.address, request.teid);
      case "down":
        plane.detach();
        return rmSync(pinPathOf(this.#options), { recursive: true, force: true });
    }
  }

  #add(sessions: readonly (readonly [string, number, string])[]): void {
    this.#requireSessions();
    this.#plane.addSessions(
      sessions.map(([address, teid, policy]) => {
        const able = (this.#plane.config.policies ?? []).filter(takesTunnels).map(({ name }) => name);
        if (!able.includes(policy))
          throw new Srv6Error("SRV6_SESSION", `there is no policy of H.M.GTP4.D called ${policy}`, {
            hint: `there are ${able.join(", ")}`,
          });
        return { address: readHost(address), teid, policy: this.#plane.numbers.policies[policy]! };
      }),
    );
  }

  #delete(address: string, teid: number): void {
    this.#requireSessions();
    if (!this.#plane.sessions.delete(readHost(address), teid))
      throw new Srv6Error("SRV6_SESSION", `there is no session ${address} ${teid}`, {
        hint: "xdpkit srv6 session list",
      });
  }

  #requireSessions(): void {
    if (!this.#plane.hasSessions)
      throw new Srv6Error("SRV6_SESSION", "the configuration has no table of sessions", {
        hint: "steer an address to a policy of H.M.GTP4.D, write sessionSlots: 65536, and reload",
      });
  }
}

/** A plane, or what `undo` undoes. */
function startOr(undo: () => void, ...words: Parameters<typeof UserPlane.start>): UserPlane {
  try {
    return UserPlane.start(...words);
  } catch (error) {
    undo();
    throw error;
  }
}
