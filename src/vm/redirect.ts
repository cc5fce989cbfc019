/**
 * What happens to a redirected packet (xdp_do_redirect in net/core/filter.c, kernel/bpf/devmap.c, cpumap.c): the port is
 * looked up when the program has ended, and it may have gone by then.
 */
import { errno, errnoName, type XdpActionName, xdpActionName } from "../uapi/index.ts";
import type { Machine, RedirectRequest } from "./machine.ts";
import { CpuMap, DevHashMap, DevMap, type Target } from "./maps/index.ts";

/** Ethernet header and one VLAN tag (xdp_ok_fwd_dev). */
const LINK_BYTES = 14 + 4;

/** Where a packet went with verdict 4 (`XDP_REDIRECT`). */
export interface Redirect {
  /** The first interface; 0 when the packet goes to a CPU or a socket, or nowhere. */
  readonly interfaceIndex: number;
  /** All interfaces of a broadcast. */
  readonly interfaces: readonly number[];
  /** Number of the processor, when it went through a CPU map. */
  readonly cpu?: number;
  /** What was put into the XSKMAP. */
  readonly socket?: string;
  /** Name of the map that it went through. */
  readonly map?: string;
  /** Index in that map. */
  readonly key?: number;
  /** Why the packet is lost: the error number's name. */
  readonly failure?: string;
  /** The `xdp/devmap` or `xdp/cpumap` program that ran on the packet. */
  readonly second?: { readonly program: string; readonly action: XdpActionName };
}

const NOWHERE = { interfaceIndex: 0, interfaces: [] } as const;

export class Redirector {
  readonly #machine: Machine;
  readonly #run: (program: string) => number;

  constructor(machine: Machine, run: (program: string) => number) {
    this.#machine = machine;
    this.#run = run;
  }

  /** Follows the last redirect helper; runs the program of the slot. */
  resolve(): Redirect {
    const request = this.#machine.redirect;
    this.#machine.redirect = undefined;
    if (!request) return { ...NOWHERE, failure: errnoName(errno.EINVAL) };
    if (request.kind === "interface") return this.#toInterface(request.interfaceIndex, {});
    const { map, key } = request;
    if (request.broadcast) return this.#broadcast(request);
    if (map instanceof CpuMap) return this.#toCpu(map, key);
    const target = map.slot(key);
    if (target === undefined) return { ...NOWHERE, map: map.name, key, failure: errnoName(errno.EINVAL) };
    if (typeof target === "string") return { ...NOWHERE, map: map.name, key, socket: target };
    return this.#toDevice(map.name, key, target);
  }

  #toInterface(index: number, more: Partial<Redirect>): Redirect {
    const failure = this.#checkPort(index);
    return {
      interfaceIndex: index,
      interfaces: [index],
      ...more,
      ...(failure === 0 ? {} : { failure: errnoName(failure) }),
    };
  }

  /** 0, or why the port does not take the packet. Without a described network every port does. */
  #checkPort(index: number): number {
    const { network, packet } = this.#machine;
    if (network.empty) return 0;
    const port = network.interfaces.get(index);
    if (!port) return errno.EINVAL;
    if (!port.up) return errno.ENETDOWN;
    return packet.totalLength > port.mtu + LINK_BYTES ? errno.EMSGSIZE : 0;
  }

  #toDevice(map: string, key: number, target: Target): Redirect {
    const sent = this.#toInterface(target.number, { map, key });
    if (sent.failure !== undefined || target.program === undefined) return sent;
    const second = this.#runSecond(target.program, target.number);
    return { ...sent, second, ...(second.action === "XDP_PASS" ? {} : { failure: second.action }) };
  }

  #toCpu(map: CpuMap, key: number): Redirect {
    const target = map.slot(key);
    if (!target) return { ...NOWHERE, map: map.name, key, failure: errnoName(errno.EINVAL) };
    const at = { ...NOWHERE, map: map.name, key, cpu: key };
    if (target.program === undefined) return at;
    const home = this.#machine.cpuNumber;
    this.#machine.cpuNumber = key % this.#machine.cpus;
    const second = this.#runSecond(target.program, 0);
    this.#machine.cpuNumber = home;
    const further = second.action === "XDP_REDIRECT" ? this.resolve() : at;
    const lost = second.action === "XDP_DROP" || second.action === "XDP_ABORTED" || second.action === "XDP_TX";
    return { ...further, cpu: key, second, ...(lost ? { failure: second.action } : {}) };
  }

  #runSecond(program: string, egress: number): { readonly program: string; readonly action: XdpActionName } {
    const { packet } = this.#machine;
    packet.setInterfaces(packet.ingressInterface, egress);
    return { program, action: xdpActionName(this.#run(program)) ?? "XDP_ABORTED" };
  }

  /** Whether a port's program lets its copy of a broadcast pass. */
  #accepts({ number, program }: Target): boolean {
    if (program === undefined) return true;
    const restore = this.#machine.packet.save();
    const { action } = this.#runSecond(program, number);
    restore();
    return action === "XDP_PASS";
  }

  /** To every port of the map that takes the packet, the ingress one left out on demand. */
  #broadcast(request: Extract<RedirectRequest, { kind: "map" }>): Redirect {
    const { map } = request;
    const { packet } = this.#machine;
    if (!(map instanceof DevMap || map instanceof DevHashMap)) return { ...NOWHERE, failure: errnoName(errno.EINVAL) };
    const interfaces = [...map.slots.values()]
      .filter(({ number }) => this.#checkPort(number) === 0)
      .filter(({ number }) => !(request.excludeIngress && number === packet.ingressInterface))
      .filter((target) => this.#accepts(target))
      .map(({ number }) => number);
    return { interfaceIndex: interfaces[0] ?? 0, interfaces, map: map.name };
  }
}
