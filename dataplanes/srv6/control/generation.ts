/** One program with its tables, made of a configuration: loaded and filled, not attached yet. */
import { findInterface, Loaded, tryFindInterface } from "xdpkit/kernel";
import type { Plane } from "../program/program.xdp.ts";
import type { Srv6Config, VlanConfig } from "./config.ts";
import { contentOf, type Entry, portEntry } from "./content.ts";
import { Srv6Error } from "./error.ts";
import { fill } from "./fill.ts";
import { Adjacencies } from "./next-hops.ts";
import { type Numbering, numberingOf } from "./numbering.ts";
import { planOf } from "./plan.ts";
import { hasTunnels, programsFor } from "./programs.ts";

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

export interface Generation {
  readonly plane: Plane;
  readonly loaded: Loaded;
  readonly adjacencies: Adjacencies;
  readonly numbers: Numbering;
  readonly config: Srv6Config;
  /** Its table of sessions is larger than that of the program before. */
  readonly grows: boolean;
}

export interface GenerationOptions {
  /** Names of the interfaces that packets arrive on. */
  readonly interfaces: readonly string[];
  readonly pinPath: string;
  /** Runs something in the namespace of the data plane. */
  readonly inside: <T>(body: () => T) => T;
  /** Of the generation before. */
  readonly numbers: Numbering;
  readonly sessionSlots: number;
  /** Of the table that the program before reads. */
  readonly slotsBefore: number | undefined;
}

export const sessionsOf = ({ loaded, plane }: Generation): never => loaded.map(plane.tables.sessions) as never;

/** @throws XdpkitError COMPILER_*, KERNEL_*, Srv6Error SRV6_CONFIG */
export function makeGeneration(config: Srv6Config, options: GenerationOptions): Generation {
  const { inside, pinPath, sessionSlots, slotsBefore } = options;
  const numbers = numberingOf(config, options.numbers);
  const { steering = [], vlans = [] } = config;
  const named = [...steering.flatMap(({ interface: name }) => name ?? []), ...namesOf(vlans)];
  const interfaces = Object.fromEntries(named.map((name) => [name, inside(() => findInterface(name).index)]));
  let room = config.room ?? 64;
  for (;;) {
    const plan = { ...planOf({ ...config, room }, numbers), sessionSlots };
    const content = contentOf({ ...config, sessions: [] }, plan, interfaces, numbers);
    room *= 2;
    if (!content) continue;
    const { plane, compiled } = programsFor(plan);
    const { object, names } = compiled;
    const grows = slotsBefore !== undefined && hasTunnels(plan) && sessionSlots > slotsBefore;
    const isShared = ({ name }: { readonly name: string }): boolean =>
      SHARED.has(name) && !(grows && name === "sessions");
    const maps = object.maps.map((map) => (isShared(map) ? { ...map, pinByName: true } : map));
    const loaded = new Loaded({ ...object, maps }, { pinPath }, names);
    try {
      fill(loaded, plane, content);
      fillPorts({ loaded, plane, config, numbers }, options);
      const map = loaded.map(plane.tables.adjacencies) as never;
      const adjacencies = new Adjacencies(map, content.nextHops, vlans, inside);
      adjacencies.fill();
      return { plane, loaded, adjacencies, numbers, config, grows };
    } catch (error) {
      loaded[Symbol.dispose]();
      throw error;
    }
  }
}

const namesOf = (vlans: readonly VlanConfig[]): string[] =>
  vlans.flatMap(({ name, interface: below }) => [name, below]);

type Interfaces = Pick<GenerationOptions, "interfaces" | "inside">;

/** Writes the rows of interfaces. @throws Srv6Error SRV6_CONFIG for two of one place in the table */
export function fillPorts(
  { loaded, plane, config, numbers }: Pick<Generation, "loaded" | "plane" | "config" | "numbers">,
  interfaces: Interfaces,
): void {
  fill(loaded, plane, { entries: portEntries(config, numbers, interfaces), nextHops: new Map() });
}

/** Those that have gone have no row. @throws Srv6Error SRV6_CONFIG for two of one place in the table */
function portEntries(
  { steering = [], vlans = [] }: Srv6Config,
  { policies }: Numbering,
  { interfaces, inside }: Interfaces,
): Entry[] {
  const policyOf = new Map(steering.map(({ interface: name, policy }) => [name, policies[policy ?? ""] ?? 0]));
  const names = new Map<number, string>();
  return [...new Set([...interfaces, ...namesOf(vlans)])].flatMap((name) => {
    const found = inside(() => tryFindInterface(name));
    if (!found) return [];
    const { index, mac } = found;
    const other = names.get(index & 1023);
    if (other !== undefined) {
      const problem = `the indices of ${other} and ${name} are alike modulo 1024`;
      throw new Srv6Error("SRV6_CONFIG", problem, {
        hint: "create one of the interfaces again: it gets another index",
      });
    }
    names.set(index & 1023, name);
    return portEntry(index, policyOf.get(name) ?? 0, mac);
  });
}
