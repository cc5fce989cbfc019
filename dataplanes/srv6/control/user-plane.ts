/**
 * The data plane in operation: loads the program of a configuration, attaches it, follows the kernel's routes and neighbours,
 * and replaces the program when the configuration changes.
 *
 * A reload makes a whole new program with tables of its own and then switches each interface to it by its link: a packet
 * meets the old configuration or the new one, never a mixture. What counts and what lives (counters, sessions, cached
 * routes) is in maps that are pinned and shared by all programs. Nothing is switched before all of it could be made.
 */
import { rmSync } from "node:fs";
import { compileOrThrow } from "xdpkit/compiler";
import {
  type Detached,
  detachXdp,
  findInterface,
  inNamespace,
  keepNeighbour,
  Loaded,
  listRules,
  type NetworkChange,
  type Records,
  resolveRoute,
  watchNetwork,
  type XdpLink,
  type XdpMode,
} from "xdpkit/kernel";
import { Headend } from "../program/behaviours.ts";
import { answers, outcomes, samples } from "../program/outcomes.xdp.ts";
import type { Plan } from "../program/plan.ts";
import { createProgram, type Plane } from "../program/program.xdp.ts";
import { control } from "../program/tables.xdp.ts";
import { isSteered, steerHint, takesTunnels } from "./check.ts";
import type { Srv6Config, VlanConfig } from "./config.ts";
import { contentOf, type Entry, portEntry } from "./content.ts";
import { DropLog } from "./drops.ts";
import { Srv6Error } from "./error.ts";
import { fill } from "./fill.ts";
import { Adjacencies } from "./next-hops.ts";
import { NO_NUMBERS, type Numbering, numberingOf } from "./numbering.ts";
import { planOf } from "./plan.ts";
import { parsePrefix } from "./prefix.ts";
import { finishGrowth, pinnedSlots, withRoom } from "./session-growth.ts";
import { type NewSession, printAddress, SessionTable } from "./sessions.ts";
import { Ticks } from "./ticks.ts";

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
}

const PIN_PATH = "/sys/fs/bpf/srv6";
/** Maps that outlive a reload, and the process. */
const SHARED: ReadonlySet<string> = new Set([
  "control",
  "rx",
  "tx",
  "outcomes",
  "answers",
  "sid_counters",
  "policy_counters",
  "sessions",
  "limits",
  "routes",
  "samples",
]);
/** How long the program trusts what this process wrote, and how often it is told again. */
const LEASE_SECONDS = 3n;
const RENEWAL_MS = 1000;

/** One program with its tables. */
interface Generation {
  readonly plane: Plane;
  readonly loaded: Loaded;
  readonly adjacencies: Adjacencies;
  readonly numbers: Numbering;
  readonly config: Srv6Config;
  /** Its table of sessions is larger than that of the program before. */
  readonly grows: boolean;
}

const sessionsOf = ({ loaded, plane }: Generation): never => loaded.map(plane.tables.sessions) as never;
const hasTunnels = ({ hasSessions, headends }: Plan): boolean => hasSessions && headends.has(Headend.MGtp4D);
const namesOf = (vlans: readonly VlanConfig[]): string[] =>
  vlans.flatMap(({ name, interface: below }) => [name, below]);
/** Numbers of policies that sessions may keep: not those of others before, for numbers are given again. */
function tunnelPolicies({ config, numbers }: Generation, before: Numbering): ReadonlySet<number> {
  const owners = new Map(Object.entries(before.policies).map(([name, number]) => [number, name]));
  const kept = (config.policies ?? []).filter(({ name }) => (owners.get(numbers.policies[name]!) ?? name) === name);
  return new Set(kept.filter(takesTunnels).map(({ name }) => numbers.policies[name]!));
}
const tunnelOf = (address: string, teid: number) => ({ address: Number(parsePrefix(address).value), teid });

export class UserPlane implements Disposable {
  readonly #options: UserPlaneOptions;
  readonly #ticks = new Ticks();
  readonly #drops = new DropLog();
  readonly #links = new Map<string, XdpLink>();
  #current: Generation | undefined;
  #watch: Records<NetworkChange, NetworkChange> | undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #generation = 0;
  #sessions: SessionTable | undefined;
  /** Something has changed that is not answered yet; a route, link or rule is among it. */
  #isDirty = false;
  #hasNewRoutes = false;
  /** Rules ask for more than the destination, so that an answer is good for one packet only. */
  #hasSelectors = false;
  #isClosed = false;
  /** Usable MAC addresses as they were last heard of. */
  readonly #neighbours = new Map<string, string>();

  private constructor(options: UserPlaneOptions) {
    this.#options = options;
  }

  /**
   * Loads and attaches. What an earlier process pinned is taken over without losing a packet.
   *
   * @throws XdpkitError COMPILER_*, KERNEL_*; then nothing has changed
   */
  static start(config: Srv6Config, options: UserPlaneOptions): UserPlane {
    const plane = new UserPlane(options);
    try {
      plane.#watch = plane.inside(watchNetwork);
      plane.#watch.on((change) => plane.#changed(change));
      plane.#readRules();
      plane.#start(config, options.numbers ?? NO_NUMBERS);
      plane.#renewal = setInterval(() => plane.#renew(), RENEWAL_MS);
    } catch (error) {
      plane[Symbol.dispose]();
      throw error;
    }
    return plane;
  }

  get config(): Srv6Config {
    return this.#current!.config;
  }
  get numbers(): Numbering {
    return this.#current!.numbers;
  }
  get plane(): Plane {
    return this.#current!.plane;
  }
  get loaded(): Loaded {
    return this.#current!.loaded;
  }
  /** Next hops that are down, or whose neighbour is not known. */
  get unresolved() {
    return this.#current!.adjacencies.unresolved;
  }

  /** Dropped packets, a few of each second. */
  get drops(): DropLog {
    return this.#drops;
  }

  get hasSessions(): boolean {
    return this.#sessions !== undefined;
  }
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
  inside<T>(body: () => T): T {
    const { namespace } = this.#options;
    return namespace === undefined ? body() : inNamespace(namespace, body);
  }

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

  /** Takes the program from the interfaces; the pinned maps stay until the folder is removed. */
  detach(): Detached[] {
    return this.#options.interfaces.flatMap((name) => this.inside(() => detachXdp({ interface: name })));
  }

  /** Ends following the kernel; what is attached goes on, by the routes, once the lease has ended. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#renewal);
    this.#watch?.[Symbol.dispose]();
    for (const link of this.#links.values()) link[Symbol.dispose]();
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
        // Of the try before.
        rmSync(this.#sessionsPath, { force: true });
        this.#apply(config, numbers, enough);
      });
    else {
      if (slots > pinned) this.#apply({ ...config, sessions: [], sessionSlots: pinned }, numbers, pinned);
      withRoom(Math.max(slots, pinned), (enough) => this.#apply(config, numbers, enough));
    }
  }

  #apply(config: Srv6Config, before: Numbering, sessionSlots: number): void {
    const next = this.#make(config, before, sessionSlots);
    const old = this.#current;
    try {
      // While the old program still counts in the smaller one.
      const larger = next.grows ? this.#sessions!.grown(sessionsOf(next), sessionSlots) : undefined;
      this.#switch(next, old);
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
    next.adjacencies.update();
    this.#keepGateways();
  }

  #make(config: Srv6Config, before: Numbering, sessionSlots: number): Generation {
    const numbers = numberingOf(config, before);
    const { steering = [], vlans = [] } = config;
    const named = [...steering.flatMap(({ interface: name }) => name ?? []), ...namesOf(vlans)];
    const interfaces = Object.fromEntries(named.map((name) => [name, this.inside(() => findInterface(name).index)]));
    let room = config.room ?? 64;
    for (;;) {
      const plan = { ...planOf({ ...config, room }, numbers), sessionSlots };
      const content = contentOf({ ...config, sessions: [] }, plan, interfaces, numbers);
      room *= 2;
      if (!content) continue;
      const { program, plane, carry } = createProgram(plan);
      const grows = this.#sessions !== undefined && hasTunnels(plan) && sessionSlots > this.#sessions.slots;
      const { object, names } = compileOrThrow(hasTunnels(plan) ? [program, carry] : [program]);
      const isShared = ({ name }: { readonly name: string }): boolean =>
        SHARED.has(name) && !(grows && name === "sessions");
      const maps = object.maps.map((map) => (isShared(map) ? { ...map, pinByName: true } : map));
      const loaded = new Loaded({ ...object, maps }, { pinPath: this.#pinPath }, names);
      try {
        fill(loaded, plane, content);
        fill(loaded, plane, { entries: this.#portEntries(config, numbers), nextHops: new Map() });
        const map = loaded.map(plane.tables.adjacencies) as never;
        const adjacencies = new Adjacencies(map, content.nextHops, vlans, (body) => this.inside(body));
        adjacencies.fill();
        this.#generation = loaded.map(control).get(0)?.generation ?? 0;
        this.#advance(loaded);
        return { plane, loaded, adjacencies, numbers, config, grows };
      } catch (error) {
        loaded[Symbol.dispose]();
        throw error;
      }
    }
  }

  /** All interfaces that packets arrive on. @throws Srv6Error SRV6_CONFIG for two of one place in the tables */
  #portEntries({ steering = [], vlans = [] }: Srv6Config, { policies }: Numbering): Entry[] {
    const policyOf = new Map(steering.map(({ interface: name, policy }) => [name, policies[policy ?? ""] ?? 0]));
    const names = new Map<number, string>();
    return [...new Set([...this.#options.interfaces, ...namesOf(vlans)])].map((name) => {
      const { index, mac } = this.inside(() => findInterface(name));
      const other = names.get(index & 1023);
      if (other !== undefined) {
        const problem = `the indices of ${other} and ${name} are alike modulo 1024`;
        throw new Srv6Error("SRV6_CONFIG", problem, { hint: "make one of the interfaces anew: it gets another index" });
      }
      names.set(index & 1023, name);
      return portEntry(index, policyOf.get(name) ?? 0, mac);
    });
  }

  /**
   * Has the kernel keep the neighbours that policies lead to by their routes: packets that are sent past it do not. A route
   * that is not there yet is looked for again when routes change.
   */
  #keepGateways(): void {
    const { policies = [] } = this.config;
    const firsts = new Set(
      policies.flatMap(({ paths }) => paths.filter(({ nextHop }) => !nextHop).map(({ segments }) => segments[0]!)),
    );
    for (const segment of firsts) {
      try {
        const { address } = parsePrefix(segment);
        this.inside(() => {
          const route = resolveRoute(address);
          if (route?.type === "unicast" && route.interfaceIndex !== undefined)
            keepNeighbour(route.interfaceIndex, route.gateway ?? address);
        });
      } catch {
        // A neighbour that cannot be kept is resolved when packets come.
      }
    }
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
      this.#takeBack(this.#options.interfaces, old);
      throw error;
    }
  }

  /** Sessions that the configuration names; those that were added otherwise stay, unless their policy goes. */
  #applySessions(next: Generation, before: Srv6Config | undefined, numbersBefore: Numbering): void {
    const { plane, numbers, config } = next;
    if (!hasTunnels(plane)) {
      this.#sessions = undefined;
      return;
    }
    const map = sessionsOf(next);
    const table = this.#sessions ?? new SessionTable(map, plane.sessionSlots);
    table.use(map);
    this.#sessions = table;
    // It only grows: what was added or deleted meanwhile stays so.
    if (config === before) return;
    const wanted = (config.sessions ?? []).map(
      ({ address, teid, policy }): NewSession => ({ ...tunnelOf(address, teid), policy: numbers.policies[policy]! }),
    );
    const keys = new Set(wanted.map(({ address, teid }) => `${address} ${teid}`));
    const gone = (before?.sessions ?? [])
      .map(({ address, teid }) => tunnelOf(address, teid))
      .filter(({ address, teid }) => !keys.has(`${address} ${teid}`) && table.has(address, teid));
    const moved = wanted.filter(
      ({ address, teid, policy }) => table.has(address, teid) && table.policyOf(address, teid) !== policy,
    );
    const fresh = wanted.filter(({ address, teid }) => !table.has(address, teid));
    const orphans = table
      .othersThan(tunnelPolicies(next, numbersBefore))
      .filter(
        ({ address, teid }) =>
          !keys.has(`${address} ${teid}`) && !gone.some((one) => one.address === address && one.teid === teid),
      );
    table.change([...moved, ...fresh], [...gone, ...orphans, ...moved]);
  }

  get #sessionsPath(): string {
    return `${this.#pinPath}/sessions`;
  }
  get #pinPath(): string {
    return this.#options.pinPath ?? PIN_PATH;
  }

  /** Each interface gets the new program; when one refuses, those before it get the old one back. */
  #switch(next: Generation, old: Generation | undefined): void {
    const switched: string[] = [];
    try {
      for (const name of this.#options.interfaces) {
        const link = this.#links.get(name);
        const program = next.loaded.program("srv6");
        if (link) link.update(program);
        else this.#links.set(name, this.#attach(name, next));
        switched.push(name);
      }
    } catch (error) {
      this.#takeBack(switched, old);
      throw error;
    }
  }

  /** The interfaces get the old program again; without one they get none. */
  #takeBack(names: readonly string[], old: Generation | undefined): void {
    for (const name of names) {
      const link = this.#links.get(name)!;
      if (old) link.update(old.loaded.program("srv6"));
      else {
        link.detach();
        link[Symbol.dispose]();
        this.#links.delete(name);
      }
    }
  }

  #attach(name: string, next: Generation): XdpLink {
    const { mode = ["native", "generic"] } = this.#options;
    const pin = `${this.#pinPath}/link_${name}`;
    return this.inside(() => next.loaded.attach("srv6", { interface: name, mode, pin, replace: true }));
  }

  /** Answers that were remembered are asked again. */
  #advance(loaded = this.#current?.loaded): void {
    this.#generation = (this.#generation + 1) >>> 0 || 1;
    this.#renew(loaded);
  }

  /** Where they cannot be read, the careful way. */
  #readRules(): void {
    try {
      this.#hasSelectors = this.inside(() => listRules().some(({ selectors }) => selectors.length > 0));
    } catch {
      this.#hasSelectors = true;
    }
  }

  #renew(loaded = this.#current?.loaded): void {
    const validUntil = this.#ticks.now() + LEASE_SECONDS * this.#ticks.perSecond;
    loaded?.map(control).set(0, { generation: this.#generation, keeps: this.#hasSelectors ? 0 : 1, validUntil });
  }

  /** What has come together is answered together: a thousand routes are one change. */
  #changed(change: NetworkChange): void {
    if (!this.#matters(change)) return;
    if (change.kind !== "neighbour") this.#hasNewRoutes = true;
    if (change.kind === "rule" || change.kind === "lost") this.#readRules();
    if (this.#isDirty) return;
    this.#isDirty = true;
    queueMicrotask(() => this.#follow());
  }

  #follow(): void {
    const keepsGateways = this.#hasNewRoutes;
    this.#isDirty = false;
    this.#hasNewRoutes = false;
    if (!this.#current || this.#isClosed) return;
    this.#advance();
    this.#current.adjacencies.update();
    if (keepsGateways) this.#keepGateways();
  }

  /** Most news of neighbours are that they were heard of again. */
  #matters({ kind, neighbour }: NetworkChange): boolean {
    if (kind !== "neighbour" || !neighbour) return true;
    const { interfaceIndex, address, state, mac = "" } = neighbour;
    const key = `${interfaceIndex} ${address}`;
    const usable = state === "none" || state === "failed" || state === "incomplete" ? "" : mac;
    const known = this.#neighbours.get(key);
    if (known === usable) return false;
    if (state === "none") this.#neighbours.delete(key);
    else this.#neighbours.set(key, usable);
    return true;
  }
}
