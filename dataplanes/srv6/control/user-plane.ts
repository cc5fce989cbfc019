/**
 * The data plane in operation: loads the program of a configuration, attaches it, follows the kernel's routes and neighbours,
 * and replaces the program when the configuration changes.
 *
 * A reload makes a whole new program with tables of its own and then switches each interface to it by its link: a packet
 * meets the old configuration or the new one, never a mixture. What counts and what lives (counters, sessions, cached
 * routes) is in maps that are pinned and shared by all programs. Nothing is switched before all of it could be made.
 */
import { rmSync } from "node:fs";
import { inNamespace, type Loaded, type NetworkChange, type Records, watchNetwork, type XdpMode } from "xdpkit/kernel";
import { answers, outcomes, samples } from "../program/outcomes.xdp.ts";
import type { Plane } from "../program/program.xdp.ts";
import { control } from "../program/tables.xdp.ts";
import { isSteered, steerHint } from "./check.ts";
import type { Srv6Config } from "./config.ts";
import { applyConfigured } from "./configured-sessions.ts";
import { DropLog } from "./drops.ts";
import { Srv6Error } from "./error.ts";
import { fillPorts, type Generation, makeGeneration, sessionsOf } from "./generation.ts";
import { keepGateways, NeighbourCache, rulesHaveSelectors } from "./netlink-events.ts";
import { NO_NUMBERS, type Numbering } from "./numbering.ts";
import { planOf } from "./plan.ts";
import { Ports } from "./ports.ts";
import { hasTunnels } from "./programs.ts";
import { finishGrowth, pinnedSlots, withRoom } from "./session-growth.ts";
import { type NewSession, printAddress, SessionTable } from "./sessions.ts";
import { Ticks } from "./ticks.ts";

/** Interfaces, pins and namespace. */
export interface UserPlaneOptions {
  /** Names of the interfaces that packets arrive on. */
  readonly interfaces: readonly string[];
  /** Folder in a bpf file system for links and shared maps. Default /sys/fs/bpf/srv6. */
  readonly pinPath?: string;
  /** Default: native, else generic. */
  readonly mode?: XdpMode | readonly XdpMode[];
  /** A network namespace by name. */
  readonly namespace?: string;
  /** Of an earlier process: counters and sessions go on under the same numbers. */
  readonly numbers?: Numbering;
  /** Takes the place of programs that others have attached. Default false: they are a reason to refuse. */
  readonly replace?: boolean;
}

const PIN_PATH = "/sys/fs/bpf/srv6";
/** How long the program trusts what this process wrote, and how often it is told again. */
const LEASE_SECONDS = 3n;
const RENEWAL_MS = 1000;

/** A running data plane: attached to its interfaces, following routes, neighbours and links. */
export class UserPlane implements Disposable {
  readonly #options: UserPlaneOptions;
  readonly #ticks = new Ticks();
  readonly #drops = new DropLog();
  readonly #ports: Ports;
  #current: Generation | undefined;
  #watch: Records<NetworkChange, NetworkChange> | undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #generation = 0;
  #sessions: SessionTable | undefined;
  /** Something has changed that is not answered yet; a route, link or rule is among it. */
  #isDirty = false;
  #hasNewRoutes = false;
  /** Of rules: an answer is good for one packet only. */
  #hasSelectors = false;
  #isClosed = false;
  readonly #neighbours = new NeighbourCache();

  private constructor(options: UserPlaneOptions) {
    const { interfaces, mode = ["native", "generic"], replace = false } = options;
    this.#options = options;
    this.#ports = new Ports({ interfaces, mode, replace, pinPath: this.#pinPath, inside: this.inside });
  }

  /**
   * Loads and attaches. What an earlier process pinned is taken over without losing a packet.
   *
   * @throws XdpkitError COMPILER_*, KERNEL_*, KERNEL_OCCUPIED where others have a program; then nothing has changed
   */
  static start(config: Srv6Config, options: UserPlaneOptions): UserPlane {
    const plane = new UserPlane(options);
    try {
      plane.#watch = plane.inside(watchNetwork);
      plane.#watch.on((change) => plane.#changed(change));
      plane.#hasSelectors = rulesHaveSelectors(plane.inside);
      plane.#start(config, options.numbers ?? NO_NUMBERS);
      plane.#renewal = setInterval(() => plane.#renew(), RENEWAL_MS);
    } catch (error) {
      plane[Symbol.dispose]();
      throw error;
    }
    return plane;
  }

  /** What it runs. */
  get config(): Srv6Config {
    return this.#current!.config;
  }
  /** Of the running configuration. */
  get numbers(): Numbering {
    return this.#current!.numbers;
  }
  /** Its program's tables. */
  get plane(): Plane {
    return this.#current!.plane;
  }
  /** Its programs and maps in the kernel. */
  get loaded(): Loaded {
    return this.#current!.loaded;
  }
  /** Next hops that are down, or whose neighbour is not known. */
  get unresolved() {
    return this.#current!.adjacencies.unresolved;
  }

  /** Interfaces without the program, and why: they have gone, or refuse it since they came back. */
  get missing(): ReadonlyMap<string, string> {
    return this.#ports.missing;
  }

  /** Dropped packets, a few of each second. */
  get drops(): DropLog {
    return this.#drops;
  }

  /** Whether its configuration has a policy for tunnels of their own. */
  get hasSessions(): boolean {
    return this.#sessions !== undefined;
  }
  /** Tunnels that have a policy of their own; `hasSessions` says whether there can be any. */
  get sessions(): SessionTable {
    return this.#sessions!;
  }
  /** Of what the kernel's tables say; changes with them. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the program has a map: those that it does not use are left out. */
  has(map: string): boolean {
    return Array.from(this.loaded.maps).some(({ definition: { name } }) => name === map);
  }

  /** Runs something in the namespace of the data plane. */
  readonly inside = <T>(body: () => T): T => {
    const { namespace } = this.#options;
    return namespace === undefined ? body() : inNamespace(namespace, body);
  };

  /** Another configuration, at once or not at all. @throws XdpkitError as `start`; then the old one goes on */
  reload(config: Srv6Config): void {
    const slots = Math.max(this.#sessions?.slots ?? 0, planOf(config).sessionSlots);
    withRoom(slots, (enough) => this.#apply(config, this.numbers, enough));
  }

  /** Adds sessions, all or none; the table grows where it must. @throws Srv6Error SRV6_SESSION, SRV6_FULL */
  addSessions(sessions: readonly NewSession[]): void {
    for (const address of new Set(sessions.map((one) => printAddress(one.address))))
      if (!isSteered(this.config, address))
        throw new Srv6Error("SRV6_SESSION", `nothing under steering takes ${address}`, { hint: steerHint(address) });
    withRoom(this.sessions.slots, (slots) => {
      if (slots > this.sessions.slots) this.#apply(this.config, this.numbers, slots);
      this.sessions.add(sessions);
    });
  }

  /** Packets by what became of them, and answers by their kind. */
  counts(): { readonly outcomes: Record<string, bigint>; readonly answers: Record<string, bigint> } {
    return { outcomes: this.loaded.map(outcomes).read(), answers: this.loaded.map(answers).read() };
  }

  /** Takes the program from the interfaces: their names. The pinned maps stay until the folder is removed. */
  detach(): readonly string[] {
    return this.#ports.detach();
  }

  /** Ends following the kernel; what is attached goes on, by the routes, once the lease has ended. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#renewal);
    this.#watch?.[Symbol.dispose]();
    this.#ports[Symbol.dispose]();
    this.#drops.close();
    this.#current?.adjacencies.close();
    this.#current?.loaded[Symbol.dispose]();
    this.#ticks[Symbol.dispose]();
  }

  /** The sessions that an earlier process left stay where they are; the table grows behind that. */
  #start(config: Srv6Config, numbers: Numbering): void {
    const plan = planOf(config);
    const slots = plan.sessionSlots;
    const pinned = hasTunnels(plan) ? pinnedSlots(this.#sessionsPath) : 0;
    if (pinned === 0)
      withRoom(slots, (enough) => {
        // Left behind by the previous attempt.
        rmSync(this.#sessionsPath, { force: true });
        this.#apply(config, numbers, enough);
      });
    else {
      if (slots > pinned) this.#apply({ ...config, sessions: [], sessionSlots: pinned }, numbers, pinned);
      withRoom(Math.max(slots, pinned), (enough) => this.#apply(config, numbers, enough));
    }
  }

  #apply(config: Srv6Config, before: Numbering, sessionSlots: number): void {
    const next = makeGeneration(config, {
      interfaces: this.#options.interfaces,
      pinPath: this.#pinPath,
      inside: this.inside,
      numbers: before,
      sessionSlots,
      slotsBefore: this.#sessions?.slots,
    });
    const old = this.#current;
    try {
      this.#generation = next.loaded.map(control).get(0)?.generation ?? 0;
      this.#advance(next.loaded);
      // While the old program still counts in the smaller one.
      const larger = next.grows ? this.#sessions!.grown(sessionsOf(next), sessionSlots) : undefined;
      this.#ports.switch(next.loaded, old?.loaded);
      this.#applySessionsOrBack(next, old, before, larger);
    } catch (error) {
      next.adjacencies.close();
      next.loaded[Symbol.dispose]();
      throw error;
    }
    this.#current = next;
    // Sessions go with the last policy that they could have.
    if (!this.#sessions) rmSync(this.#sessionsPath, { force: true });
    else if (next.grows) finishGrowth(next.loaded, this.#sessions, this.#sessionsPath);
    // Before the old program's buffers go: their places in the shared map are taken over.
    if (this.has("samples")) this.#drops.listen(next.loaded.map(samples) as never);
    old?.adjacencies.close();
    old?.loaded[Symbol.dispose]();
    // What the old program remembered until it was switched.
    this.#advance();
    // What changed while the tables were written.
    this.#followInterfaces(next);
    next.adjacencies.update();
    keepGateways(this.config, this.inside);
  }

  /** A table without place for the sessions takes the programs back. */
  #applySessionsOrBack(
    next: Generation,
    old: Generation | undefined,
    numbers: Numbering,
    larger: SessionTable | undefined,
  ): void {
    const before = this.#sessions;
    try {
      if (larger) this.#sessions = larger;
      this.#applySessions(next, old?.config, numbers);
    } catch (error) {
      this.#sessions = before;
      if (before && old) before.use(sessionsOf(old));
      this.#ports.takeBack(old?.loaded);
      throw error;
    }
  }

  #applySessions(next: Generation, before: Srv6Config | undefined, numbersBefore: Numbering): void {
    if (!hasTunnels(next.plane)) {
      this.#sessions = undefined;
      return;
    }
    const map = sessionsOf(next);
    const table = this.#sessions ?? new SessionTable(map, next.plane.sessionSlots);
    table.use(map);
    this.#sessions = table;
    // It only grows: what was added or deleted meanwhile stays so.
    if (next.config !== before) applyConfigured(table, next, { config: before, numbers: numbersBefore });
  }

  get #sessionsPath(): string {
    return `${this.#pinPath}/sessions`;
  }
  get #pinPath(): string {
    return this.#options.pinPath ?? PIN_PATH;
  }

  /** Answers that were remembered are asked again. */
  #advance(loaded = this.#current?.loaded): void {
    this.#generation = (this.#generation + 1) >>> 0 || 1;
    this.#renew(loaded);
  }

  #renew(loaded = this.#current?.loaded): void {
    const validUntil = this.#ticks.now() + LEASE_SECONDS * this.#ticks.perSecond;
    loaded?.map(control).set(0, { generation: this.#generation, keeps: this.#hasSelectors ? 0 : 1, validUntil });
  }

  #changed(change: NetworkChange): void {
    if (!this.#neighbours.matters(change)) return;
    if (change.kind !== "neighbour") this.#hasNewRoutes = true;
    if (change.kind === "rule" || change.kind === "lost") this.#hasSelectors = rulesHaveSelectors(this.inside);
    if (this.#isDirty) return;
    this.#isDirty = true;
    queueMicrotask(() => this.#follow());
  }

  /** An interface that has come back has another index and MAC address: its row of the tables is written first. */
  #followInterfaces({ loaded, plane, config, numbers }: Generation): void {
    const { inside } = this;
    this.#ports.follow(loaded, (name) => fillPorts({ loaded, plane, config, numbers }, { interfaces: [name], inside }));
  }

  /** Coalesces a burst of netlink events into one update: a thousand routes are one change. */
  #follow(): void {
    const hasNewRoutes = this.#hasNewRoutes;
    this.#isDirty = false;
    this.#hasNewRoutes = false;
    if (!this.#current || this.#isClosed) return;
    if (hasNewRoutes) this.#followInterfaces(this.#current);
    this.#advance();
    this.#current.adjacencies.update();
    if (hasNewRoutes) keepGateways(this.config, this.inside);
  }
}
