/**
 * The network that the machine knows: interfaces, routes, neighbours, rules. It is what `bpf_fib_lookup`,
 * `bpf_redirect` and `bpf_check_mtu` ask.
 *
 * Given as plain data (`--network FILE` of the command line, YAML or JSON); everything is checked when it is read, and
 * what the kernel adds by itself is added: connected routes, local addresses, broadcast, fe80::/64.
 * Invariant: names of interfaces are resolved to indices once, here.
 */
import {
  fail,
  type InterfaceConfig,
  type NeighbourConfig,
  type NetworkConfig,
  number,
  type Path,
  type Prefix,
  parse,
  parseDestination,
  parseIp,
  parsePrefix,
  type RouteConfig,
  type RouteType,
  type RuleConfig,
  U32,
  VALID_STATES,
} from "./network-config.ts";
import { checkNetworkShape } from "./network-shape.ts";

export interface NetworkInterface {
  readonly index: number;
  readonly name: string;
  readonly mac: Uint8Array;
  mtu: number;
  up: boolean;
  readonly forwarding: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly addresses: readonly { readonly address: Uint8Array; readonly length: number }[];
}

export interface NextHop {
  readonly via?: Uint8Array;
  readonly interface: number;
  readonly weight: number;
}

export interface Route {
  readonly prefix: Uint8Array;
  readonly length: number;
  readonly type: RouteType | "anycast";
  readonly nextHops: readonly NextHop[];
  readonly table: number;
  readonly metric: number;
  readonly mtu?: number;
  /** Bytes that an encapsulation of the route adds; undefined without one. */
  readonly encapsulationBytes?: number;
  readonly source?: Uint8Array;
}

export interface Neighbour {
  readonly mac: Uint8Array;
  readonly valid: boolean;
}

export interface Rule {
  readonly priority: number;
  readonly family: 4 | 6 | undefined;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly ingress?: number;
  readonly mark?: number;
  readonly table: number;
}

/** RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT (include/uapi/linux/rtnetlink.h). */
export const Table = { Local: 255, Main: 254, Default: 253 } as const;
/** What the machine's helpers find, from `NetworkConfig`. */
export class Network {
  /** By index. */
  readonly interfaces = new Map<number, NetworkInterface>();
  /** Those of the configuration, and those that addresses bring. */
  readonly routes: Route[] = [];
  readonly #neighbours = new Map<string, Neighbour>();
  /** By priority. */
  readonly rules: Rule[];
  /** True when there are IPv4 rules beyond those that every network has. */
  readonly hasRules: boolean;
  readonly #names = new Map<string, number>();

  /** @throws XdpkitError VM_NETWORK with the path of the value that is wrong */
  constructor(config: NetworkConfig = {}) {
    checkNetworkShape(config);
    const { interfaces = [], routes = [], neighbours = [] } = config;
    interfaces.forEach((one, i) => {
      this.#addInterface(one, ["interfaces", i]);
    });
    routes.forEach((one, i) => {
      this.#addRoute(one, ["routes", i]);
    });
    neighbours.forEach((one, i) => {
      this.#addNeighbour(one, ["neighbours", i]);
    });
    const rules = (config.rules ?? []).map((one, i) => this.#rule(one, ["rules", i]));
    this.hasRules = rules.some((rule) => rule.family !== 6);
    this.rules = [
      { priority: 0, family: undefined, table: Table.Local },
      ...rules,
      { priority: 32766, family: undefined, table: Table.Main },
      { priority: 32767, family: 4 as const, table: Table.Default },
    ].sort((a, b) => a.priority - b.priority);
  }

  /** True when no interface is described: then nothing is known about ports, and every port is taken to exist. */
  get empty(): boolean {
    return this.interfaces.size === 0;
  }

  /** Undefined when there is none. */
  interfaceNamed(name: string): NetworkInterface | undefined {
    const index = this.#names.get(name);
    return index === undefined ? undefined : this.interfaces.get(index);
  }

  /** Undefined when there is none. `address` has 4 or 16 bytes. */
  neighbour(interfaceIndex: number, address: Uint8Array): Neighbour | undefined {
    return this.#neighbours.get(`${interfaceIndex} ${address.join(".")}`);
  }

  #index(name: string, path: Path): number {
    const index = this.#names.get(name);
    return index ?? fail(`no interface is named ${JSON.stringify(name)}`, path);
  }

  #addInterface(config: InterfaceConfig, path: Path): void {
    const { index, name, mtu = 1500, up = true, forwarding = true } = config;
    if (!Number.isInteger(index) || index < 1 || index > 0x7fffffff)
      fail("an index is a number from 1", [...path, "index"]);
    if (typeof name !== "string" || name === "") fail("an interface needs a name", [...path, "name"]);
    if (this.interfaces.has(index)) fail(`index ${index} is taken`, [...path, "index"]);
    if (this.#names.has(name)) fail(`the name ${name} is taken`, [...path, "name"]);
    if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65535) fail("an MTU is 68 to 65535 bytes", [...path, "mtu"]);
    const given: unknown = config.addresses ?? [];
    if (!Array.isArray(given)) fail("this must be a list", [...path, "addresses"]);
    const addresses = (given as unknown[]).map((text, i) => parsePrefix(text, [...path, "addresses", i]));
    const both = typeof forwarding === "boolean" ? { ipv4: forwarding, ipv6: forwarding } : forwarding;
    const mac = config.mac === undefined ? new Uint8Array(6) : parse("mac", config.mac, [...path, "mac"]);
    const flags = { ipv4: both.ipv4 ?? true, ipv6: both.ipv6 ?? true };
    const one: NetworkInterface = { index, name, mac, mtu, up, forwarding: flags, addresses };
    this.interfaces.set(index, one);
    this.#names.set(name, index);
    for (const prefix of addresses) this.#addConnected(one, prefix);
    this.#push(
      { prefix: Uint8Array.of(0xfe, 0x80, ...new Uint8Array(14)), length: 64 },
      "unicast",
      index,
      Table.Main,
      256,
    );
  }

  /** What `ip address add` brings: the connected route, the local address, broadcast or subnet-router anycast. */
  #addConnected(one: NetworkInterface, { address, length }: Prefix): void {
    const bits = address.length * 8;
    const prefix = { prefix: mask(address, length), length };
    this.#push({ prefix: address, length: bits }, "local", one.index, Table.Local, 0);
    if (length < bits) this.#push(prefix, "unicast", one.index, Table.Main, bits === 32 ? 0 : 256);
    if (bits === 32 && length < 31) {
      const broadcast = prefix.prefix.map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, length - 8 * i))));
      this.#push({ prefix: broadcast, length: 32 }, "broadcast", one.index, Table.Local, 0);
    }
    if (bits === 128 && length < 127 && one.forwarding.ipv6) {
      this.#push({ prefix: prefix.prefix, length: 128 }, "anycast", one.index, Table.Local, 0);
    }
  }

  #push(
    to: { prefix: Uint8Array; length: number },
    type: Route["type"],
    index: number,
    table: number,
    metric: number,
  ): void {
    this.routes.push({ ...to, type, nextHops: [{ interface: index, weight: 1 }], table, metric });
  }

  #addRoute(config: RouteConfig, path: Path): void {
    const { address, length } = parseDestination(config.to, [...path, "to"]);
    const type = config.type ?? "unicast";
    const nextHops = this.#nextHops(config, path);
    // An IPv4 route may have an IPv6 gateway (RFC 5549), not the other way round.
    const gateway = nextHops.find(({ via }) => via && via.length < address.length);
    if (gateway) fail("the gateway of an IPv6 route is an IPv6 address", path);
    const source = config.source === undefined ? undefined : parseIp(config.source, [...path, "source"]);
    if (source && source.length !== address.length) fail("the source is of another family", [...path, "source"]);
    if (type === "unicast" && nextHops.length === 0) fail("a unicast route needs an interface or via", path);
    this.routes.push({
      prefix: mask(address, length),
      length,
      type,
      nextHops,
      table: number(config.table ?? Table.Main, 1, U32, [...path, "table"]),
      metric: number(config.metric ?? (address.length === 4 ? 0 : 1024), 0, U32, [...path, "metric"]),
      ...(config.encapsulation
        ? { encapsulationBytes: number(config.encapsulation.bytes, 0, 65535, [...path, "encapsulation", "bytes"]) }
        : {}),
      ...(config.mtu === undefined ? {} : { mtu: number(config.mtu, 68, 65535, [...path, "mtu"]) }),
      ...(source ? { source } : {}),
    });
  }

  #nextHops(config: RouteConfig, path: Path): NextHop[] {
    const one = config.interface ?? config.via;
    if (config.nextHops && one !== undefined) fail("either nextHops, or via and interface", [...path, "nextHops"]);
    if (config.nextHops) {
      return config.nextHops.map((hop, i) => this.#nextHop(hop, [...path, "nextHops", i]));
    }
    return one === undefined ? [] : [this.#nextHop(config, path)];
  }

  #nextHop(hop: { via?: string; interface?: string; weight?: number }, path: Path): NextHop {
    const via = hop.via === undefined ? undefined : parseIp(hop.via, [...path, "via"]);
    const index =
      hop.interface === undefined ? this.#onLink(via, path) : this.#index(hop.interface, [...path, "interface"]);
    return { interface: index, weight: number(hop.weight ?? 1, 1, 256, [...path, "weight"]), ...(via ? { via } : {}) };
  }

  /** The interface whose addresses reach a gateway that was given without one. */
  #onLink(via: Uint8Array | undefined, path: Path): number {
    for (const one of this.interfaces.values()) {
      if (via && one.addresses.some(({ address, length }) => inPrefix(via, { address, length }))) return one.index;
    }
    return fail("no interface has an address in the gateway's network", [...path, "via"]);
  }

  #addNeighbour(config: NeighbourConfig, path: Path): void {
    const address = parseIp(config.address, [...path, "address"]);
    const index = this.#index(config.interface, [...path, "interface"]);
    const valid = VALID_STATES.includes(config.state ?? "reachable");
    if (valid && config.mac === undefined) fail("a neighbour that is reachable needs a mac", path);
    const mac = config.mac === undefined ? new Uint8Array(6) : parse("mac", config.mac, [...path, "mac"]);
    this.#neighbours.set(`${index} ${address.join(".")}`, { mac, valid });
  }

  #rule(config: RuleConfig, path: Path): Rule {
    const from = config.from === undefined ? undefined : parseDestination(config.from, [...path, "from"]);
    const to = config.to === undefined ? undefined : parseDestination(config.to, [...path, "to"]);
    const families = [from, to].flatMap((prefix) => (prefix ? [prefix.address.length === 4 ? 4 : 6] : [])) as (4 | 6)[];
    if (config.family !== undefined) families.push(config.family === "ipv4" ? 4 : 6);
    const [family] = families;
    if (families.some((one) => one !== family)) fail("from, to and family are of two families", path);
    return {
      priority: number(config.priority, 0, U32, [...path, "priority"]),
      family,
      table: number(config.table, 1, U32, [...path, "table"]),
      ...(from ? { from } : {}),
      ...(to ? { to } : {}),
      ...(config.ingress === undefined ? {} : { ingress: this.#index(config.ingress, [...path, "ingress"]) }),
      ...(config.mark === undefined ? {} : { mark: number(config.mark, 0, U32, [...path, "mark"]) }),
    };
  }
}

export function mask(address: Uint8Array, length: number): Uint8Array {
  return address.map((byte, i) => byte & ~(0xff >> Math.min(8, Math.max(0, length - 8 * i))));
}

export function inPrefix(address: Uint8Array, { address: prefix, length }: Prefix): boolean {
  if (address.length !== prefix.length) return false;
  for (let i = 0; i * 8 < length; i++) {
    const used = ~(0xff >> Math.min(8, length - 8 * i)) & 0xff;
    if (((address[i]! ^ prefix[i]!) & used) !== 0) return false;
  }
  return true;
}
