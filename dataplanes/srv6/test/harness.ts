/**
 * A configuration on both engines: the virtual machine, and the kernel (a test run in a namespace of its own). A packet must come out of both with the same verdict, outcome and bytes.
 */
import { afterAll, expect, it } from "vitest";
import type { XdpProgram } from "xdpkit";
import { inNamespace, type Loaded, load } from "xdpkit/kernel";
import { build, type Part, parse, print } from "xdpkit/packet";
import { createVm, type Vm } from "xdpkit/vm";
import { atFileEnd } from "../../../test/support/cleanup.ts";
import { ExampleNetwork } from "../../../test/support/example-traffic/network.ts";
import { programsFor } from "../control/programs.ts";
import {
  answers,
  type Content,
  contentOf,
  control,
  fill,
  outcomes,
  type Plane,
  planOf,
  type Srv6Config,
  tagsOf,
  type VlanConfig,
} from "../index.ts";
import { Headend } from "../program/behaviours.ts";

const ACTIONS = ["aborted", "drop", "pass", "tx", "redirect"] as const;

/** What becomes of a packet. */
export interface Result {
  readonly action: (typeof ACTIONS)[number];
  /** The one outcome that it counted, and the answer besides. */
  readonly outcome: string;
  readonly packet: Uint8Array;
}

/** MAC addresses of the way out: `ExampleNetwork`. */
export const STATIONS = { destination: "02:00:00:00:01:02", source: "02:00:00:00:01:01" } as const;
/** Room for adjacencies of a configuration in the tables: next hop and MTU. */
const MTU = 1500;
/** Test runs begin there. */
const LO = 1;

interface Engine {
  readonly name: string;
  run(packet: Uint8Array): { action: number; packet: Uint8Array };
  counts(): Record<string, bigint>;
}

/** What counted between two readings. */
function difference(before: Record<string, bigint>, after: Record<string, bigint>): string {
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  return changed
    .map((name) => (after[name]! - before[name]! === 1n ? name : `${name} ${after[name]! - before[name]!}`))
    .join(" ");
}

let network: ExampleNetwork | undefined;
/** One for all configurations of a file. */
function sharedNetwork(): ExampleNetwork {
  if (!network) {
    network = new ExampleNetwork();
    atFileEnd(() => {
      network?.[Symbol.dispose]();
      network = undefined;
    });
  }
  return network;
}

/** Next hops, as the control plane would resolve them; interfaces called `down` are not. */
function fillNextHops(
  target: { map(handle: never): { set(key: never, value: never): void } },
  plane: Plane,
  content: Content,
  egress: number,
  vlan: VlanConfig | undefined,
): void {
  const out = vlan
    ? { interfaceIndex: LO, port: egress, ...tagsOf(vlan) }
    : { interfaceIndex: egress, port: 0, outer: 0, inner: 0 };
  const hop = { mtu: MTU, stations: STATIONS, refusal: 0, ...out };
  const none = { ...hop, interfaceIndex: 0, refusal: 7 };
  for (const [index, nextHop] of content.nextHops) {
    const half = nextHop.interface === "down" ? none : hop;
    const value = {
      active: index & 1,
      spare: 0,
      halves: index & 1 ? [none, half] : [half, none],
      high: 0n,
      low: 0n,
      rest: Array<bigint>(4).fill(0n),
    };
    target.map(plane.tables.adjacencies as never).set(index as never, value as never);
  }
  target.map(control as never).set(0 as never, { generation: 1, keeps: 1, validUntil: 1n << 62n } as never);
}

export class Node implements Disposable {
  readonly #engines: Engine[] = [];
  #loaded: Loaded | undefined;

  private constructor() {}

  static async create(config: Srv6Config): Promise<Node> {
    const node = new Node();
    const network = sharedNetwork();
    const plan = planOf(config);
    const { program, plane, compiled } = programsFor(plan);
    const content = contentOf(config, plan, { lo: LO, v1: network.egress, vlan7: 1007 });
    if (!content) throw new Error("the tables are too small");
    // Whole frames that are encapsulated are never answered.
    const canAnswer = plan.behaviours.size > 0 || [...plan.headends].some((kind) => kind !== Headend.EncapsL2);
    const vm = await createVm(compiled, { network: network.config, program: compiled.names.get(program)! });
    fill(vm as never, plane, content);
    fillNextHops(vm as never, plane, content, network.egress, config.vlans?.[0]);
    node.#engines.push(vmEngine(vm, canAnswer));
    const loaded = await load(compiled, { programs: [compiled.names.get(program)!] });
    node.#loaded = loaded;
    fill(loaded as never, plane, content);
    fillNextHops(loaded as never, plane, content, network.egress, config.vlans?.[0]);
    node.#engines.push(kernelEngine(loaded, program, network.namespace.name, canAnswer));
    return node;
  }

  /** On all engines; they must agree. */
  run(packet: Uint8Array): Result {
    const results = this.#engines.map((engine) => {
      const before = engine.counts();
      const { action, packet: out } = engine.run(packet);
      return {
        engine: engine.name,
        action: ACTIONS[action]!,
        outcome: difference(before, engine.counts()),
        packet: out,
      };
    });
    const [first, ...others] = results;
    for (const { engine, ...other } of others) {
      const readable = ({ action, outcome, packet: out }: Result) => ({
        action,
        outcome,
        hex: Buffer.from(out).toString("hex"),
      });
      expect(readable(other), engine).toEqual(readable(first!));
    }
    return first!;
  }

  [Symbol.dispose](): void {
    this.#loaded?.[Symbol.dispose]();
  }
}

type Counted = { map(handle: never): { read(): Record<string, bigint> } };

/** `answers`: whether the program has them. */
function countsOf(target: Counted, canAnswer: boolean): Record<string, bigint> {
  const answered = canAnswer ? Object.entries(target.map(answers as never).read()) : [];
  return {
    ...target.map(outcomes as never).read(),
    ...Object.fromEntries(answered.map(([name, count]) => [`+${name}`, count])),
  };
}

function vmEngine(vm: Vm, canAnswer: boolean): Engine {
  // As if up for an hour: the limit of ICMP errors begins open.
  vm.clock.nowNs = 3_600_000_000_000n;
  return {
    name: "vm",
    run: (packet) => {
      vm.clock.nowNs += 3_000_000n; // more than the errors are apart
      return vm.run(packet);
    },
    counts: () => countsOf(vm as never, canAnswer),
  };
}

function kernelEngine(loaded: Loaded, program: XdpProgram, namespace: string, canAnswer: boolean): Engine {
  return {
    name: "kernel",
    run: (packet) => inNamespace(namespace, () => loaded.program(program).run(packet)),
    counts: () => countsOf(loaded as never, canAnswer),
  };
}

/** A row of a table of tests. */
export interface Row {
  readonly name: string;
  readonly packet: readonly Part[] | Uint8Array;
  /** Default: of what `gives` says. */
  readonly outcome: string;
  /** The whole frame that leaves; left out: the packet as it came. */
  readonly gives?: readonly Part[] | Uint8Array;
}

const bytesOf = (parts: readonly Part[] | Uint8Array): Uint8Array =>
  parts instanceof Uint8Array ? parts : build(parts);
const text = (packet: Uint8Array): string => `${print(parse(packet))}\n${Buffer.from(packet).toString("hex")}`;

/** Tests of one configuration: verdict, outcome and every byte. */
export function rows(config: Srv6Config, table: readonly Row[]): void {
  let node: Node | undefined;
  afterAll(() => node?.[Symbol.dispose]());
  it.each(table.map((row) => [row.name, row] as const))("%s", async (_, { packet, outcome, gives }) => {
    node ??= await Node.create(config);
    const sent = bytesOf(packet);
    const result = node.run(sent);
    expect(result.outcome).toBe(outcome);
    expect(text(result.packet)).toBe(text(bytesOf(gives ?? sent)));
  });
}
