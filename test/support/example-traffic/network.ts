/**
 * The routes that the examples' traffic meets, in a namespace of the kernel and as the machine's network: every answer
 * of `bpf_fib_lookup` that forward.xdp.ts tells apart can be had.
 *
 * Packets arrive on `lo`, as test runs have it; interface `v1` (also reachable by its index in `ports`) leads out.
 */
import type { NetworkConfig } from "../../../src/vm/index.ts";
import { Namespace } from "../namespace.ts";

/** IPv6 destinations by what becomes of them. */
export const ROUTES6 = {
  forwarded: "fc00:2::",
  blackhole: "fc00:3::",
  unreachable: "fc00:4::",
  prohibited: "fc00:5::",
  noNeighbour: "fc00:6::",
  narrow: "fc00:7::",
  none: "fc00:9::",
} as const;
/** The same for IPv4, /24 each. */
export const ROUTES4 = {
  forwarded: "198.51.100.0",
  blackhole: "198.51.103.0",
  unreachable: "198.51.104.0",
  prohibited: "198.51.105.0",
  noNeighbour: "198.51.106.0",
  narrow: "198.51.107.0",
  none: "203.0.113.0",
} as const;

const GATEWAYS = ["10.9.1.2", "fd00:1::2"] as const;
const SILENT = ["10.9.1.9", "fd00:1::9"] as const;
const PEER = "02:00:00:00:01:02";
const TYPES = { blackhole: "blackhole", unreachable: "unreachable", prohibited: "prohibit" } as const;
const NARROW = 100;

export class ExampleNetwork implements Disposable {
  readonly namespace = new Namespace("examples");
  /** Index of the interface that routes lead to. */
  readonly egress: number;
  readonly config: NetworkConfig;

  constructor() {
    const { namespace } = this;
    namespace.ip("link set lo up");
    namespace.veth("v1", "p1");
    namespace.ip("link set v1 address 02:00:00:00:01:01");
    for (const family of ["ipv4", "ipv6"]) namespace.sysctl(`net.${family}.conf.all.forwarding`, "1");
    namespace.ip("addr add 10.9.1.1/24 dev v1");
    namespace.ip("addr add fd00:1::1/64 dev v1 nodad");
    for (const address of GATEWAYS) namespace.ip(`neigh replace ${address} dev v1 lladdr ${PEER} nud permanent`);
    for (const address of SILENT) namespace.ip(`neigh replace ${address} dev v1 nud failed`);
    this.#addRoutes(ROUTES4, 24, 0);
    this.#addRoutes(ROUTES6, 32, 1);
    this.egress = namespace.link("v1").index;
    this.config = this.#describe();
  }

  #addRoutes(routes: Readonly<Record<string, string>>, length: number, family: 0 | 1): void {
    const ip = (words: string) => this.namespace.ip(`${family ? "-6 " : ""}route add ${words}`);
    for (const [kind, type] of Object.entries(TYPES)) ip(`${type} ${routes[kind]}/${length}`);
    ip(`${routes["forwarded"]}/${length} via ${GATEWAYS[family]}`);
    ip(`${routes["noNeighbour"]}/${length} via ${SILENT[family]}`);
    ip(`${routes["narrow"]}/${length} via ${GATEWAYS[family]} mtu lock ${NARROW}`);
  }

  #describe(): NetworkConfig {
    const routes = [...describeRoutes(ROUTES4, 24, 0), ...describeRoutes(ROUTES6, 32, 1)];
    const v1 = { ...this.namespace.link("v1"), name: "v1", addresses: ["10.9.1.1/24", "fd00:1::1/64"] };
    return {
      interfaces: [{ index: 1, name: "lo", mtu: 65535 }, v1],
      neighbours: [
        ...GATEWAYS.map((address) => ({ address, interface: "v1", mac: PEER, state: "permanent" as const })),
        ...SILENT.map((address) => ({ address, interface: "v1", state: "failed" as const })),
      ],
      routes,
    };
  }

  [Symbol.dispose](): void {
    this.namespace[Symbol.dispose]();
  }
}

function describeRoutes(routes: Readonly<Record<string, string>>, length: number, family: 0 | 1) {
  const to = (kind: string) => `${routes[kind]}/${length}`;
  return [
    ...Object.entries(TYPES).map(([kind, type]) => ({ to: to(kind), type })),
    { to: to("forwarded"), via: GATEWAYS[family] },
    { to: to("noNeighbour"), via: SILENT[family] },
    { to: to("narrow"), via: GATEWAYS[family], mtu: NARROW },
  ];
}
