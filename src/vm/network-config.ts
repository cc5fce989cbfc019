/**
 * The network file as plain data, and the checks of its values: every refusal is VM_NETWORK at the path of the value.
 *
 * Such a file is YAML or JSON that someone wrote: nothing about the form of a value is sure.
 */
import { type Location, xdpkitError } from "../base/index.ts";
import { type AddressFamily, parseAddress } from "../schema/index.ts";

/** What `bpf_fib_lookup` and redirects find: interfaces, routes, neighbours and rules, as `ip` configures them. */
export interface NetworkConfig {
  /** Default: none; packets arrive on index 1. */
  readonly interfaces?: readonly InterfaceConfig[];
  /** Besides those that the interfaces' addresses bring. */
  readonly routes?: readonly RouteConfig[];
  /** Default: none. */
  readonly neighbours?: readonly NeighbourConfig[];
  /** Besides the kernel's own: local, main, default. */
  readonly rules?: readonly RuleConfig[];
}

/** A network interface of the machine. */
export interface InterfaceConfig {
  /** `ifindex`, 1 or more. */
  readonly index: number;
  /** `eth0` */
  readonly name: string;
  /** Default: zeros. */
  readonly mac?: string;
  /** Bytes of the IP packet; 1500 by default. */
  readonly mtu?: number;
  /** Default true. */
  readonly up?: boolean;
  /** `net.ipv4.conf.X.forwarding` and its IPv6 twin; default true. */
  readonly forwarding?: boolean | { readonly ipv4?: boolean; readonly ipv6?: boolean };
  /** With prefix length: `192.0.2.1/24`. */
  readonly addresses?: readonly string[];
}

/** What becomes of packets, in the words of `ip route`. */
export type RouteType =
  | "unicast"
  | "local"
  | "broadcast"
  | "multicast"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | "throw";

/** A route, in the words of `ip route`. */
export interface RouteConfig {
  /** `10.0.0.0/8`, `2001:db8::/32`, `default`, `default6`. */
  readonly to: string;
  /** Default `unicast`. */
  readonly type?: RouteType;
  /** Address of the next hop; absent where the destination is on the link. */
  readonly via?: string;
  /** Name of the interface; found by `via` when absent. */
  readonly interface?: string;
  /** Equal-cost paths in place of `via` and `interface`. */
  readonly nextHops?: readonly { readonly via?: string; readonly interface: string; readonly weight?: number }[];
  /** Default 254 (main). */
  readonly table?: number;
  /** Of several to one prefix the smallest is taken. Default 0, for IPv6 1024. */
  readonly metric?: number;
  /** A locked MTU (`ip route … mtu lock N`), bytes. */
  readonly mtu?: number;
  /** The route has an encapsulation (`encap seg6 …`) that adds so many bytes: BPF_FIB_LKUP_RET_UNSUPP_LWT. */
  readonly encapsulation?: { readonly bytes: number };
  /** Preferred source address. */
  readonly source?: string;
}

/** A row of the neighbour table, as `ip neigh` shows it. */
export interface NeighbourConfig {
  /** IPv4 or IPv6. */
  readonly address: string;
  /** Name of the interface. */
  readonly interface: string;
  /** Needed unless the state is `failed` or `incomplete`. */
  readonly mac?: string;
  /** Default `reachable`. `failed` and `incomplete` are not valid for forwarding. */
  readonly state?: "permanent" | "noarp" | "reachable" | "stale" | "delay" | "probe" | "incomplete" | "failed";
}

/** A policy rule, in the words of `ip rule`. */
export interface RuleConfig {
  /** The smallest is asked first; 0 to 4,294,967,295. */
  readonly priority: number;
  /** Default: that of the prefixes, else both. */
  readonly family?: "ipv4" | "ipv6";
  /** Prefix of the source. */
  readonly from?: string;
  /** Prefix of the destination. */
  readonly to?: string;
  /** Name of the interface that the packet arrived on. */
  readonly ingress?: string;
  /** Of the lookup: 0 unless `bpf_fib_lookup` is asked with BPF_FIB_LOOKUP_MARK. */
  readonly mark?: number;
  /** Number of the table that is asked: 254 is main. */
  readonly table: number;
}

export interface Prefix {
  readonly address: Uint8Array;
  readonly length: number;
}

/** NUD_VALID: what a frame may be sent to. */
export const VALID_STATES: readonly string[] = ["permanent", "noarp", "reachable", "stale", "delay", "probe"];

export type Path = readonly (string | number)[];

const location = (path: Path): Location => ({
  kind: "path",
  path: path.reduce<string>((text, step) => text + (typeof step === "number" ? `[${step}]` : `.${step}`), "$"),
});

export function number(given: number, from: number, to: number, path: Path): number {
  if (Number.isInteger(given) && given >= from && given <= to) return given;
  return fail(`${JSON.stringify(given)} is no number from ${from} to ${to}`, path);
}

export const U32 = 0xffffffff;

export function fail(problem: string, path: Path): never {
  throw xdpkitError("VM_NETWORK", { problem }, { at: location(path) });
}

export function parse(family: AddressFamily, text: unknown, path: Path): Uint8Array {
  try {
    return parseAddress(family, String(text));
  } catch {
    return fail(`${JSON.stringify(text)} is no ${family === "mac" ? "MAC" : "IP"} address`, path);
  }
}

export const parseIp = (text: unknown, path: Path): Uint8Array =>
  parse(String(text).includes(":") ? "ipv6" : "ipv4", text, path);

export function parseDestination(text: string, path: Path): Prefix {
  if (text === "default") return { address: new Uint8Array(4), length: 0 };
  if (text === "default6") return { address: new Uint8Array(16), length: 0 };
  return parsePrefix(text, path);
}

/** An address without a length is a host. */
export function parsePrefix(text: unknown, path: Path): Prefix {
  const [ip = "", bits, ...rest] = String(text).split("/");
  const address = parseIp(ip, path);
  const length = bits === undefined ? address.length * 8 : Number(bits);
  if (rest.length > 0 || !/^\d*$/.test(bits ?? "0") || !(length >= 0 && length <= address.length * 8)) {
    fail(`${JSON.stringify(text)} is no prefix`, path);
  }
  return { address, length };
}
