/**
 * `bpf_fib_lookup` (bpf_ipv4_fib_lookup and bpf_ipv6_fib_lookup in net/core/filter.c), step by step and in the kernel's
 * order, over the machine's network.
 *
 *   struct bpf_fib_lookup, 64 bytes:
 *    0 family u8, 1 l4_protocol u8, 2 sport be16, 4 dport be16, 6 tot_len in / mtu_result out u16, 8 ifindex u32,
 *   12 tos u8 / flowinfo be32 in, rt_metric u32 out, 16 source (16), 32 destination (16),
 *   48 tbid u32 in, h_vlan_proto and h_vlan_TCI out, 52 smac (6), 58 dmac (6)
 *
 * Invariant: the fields that the kernel writes before it gives up are written here too.
 */
import { errno, FibResult } from "../uapi/index.ts";
import { inPrefix, type Network, type NextHop, type Route, type Rule, Table } from "./network.ts";

/** BPF_FIB_LOOKUP_*. */
export const FibFlag = { Direct: 1, Output: 2, SkipNeighbour: 4, TableId: 8, Source: 16, Mark: 32 } as const;
const ALL_FLAGS = 63;
export const FIB_PARAMETERS_BYTES = 64;

type Field = readonly [offset: number, bytes: number];

/** What a look-up reads of its parameters: what is unwritten there decides its answer. */
export function* fibInputs(
  view: DataView,
  at: number,
  flags: number,
  cpu: { read(address: number, size: number): void },
): Generator<Field> {
  cpu.read(at, 1);
  const ipv6 = view.getUint8(at) === AF_INET6;
  yield [6, 6];
  if (ipv6) yield [12, 4];
  yield [16, ipv6 ? 16 : 4];
  yield [32, ipv6 ? 16 : 4];
  if ((flags & FibFlag.Direct) !== 0 && (flags & FibFlag.TableId) !== 0) yield [48, 4];
  if ((flags & FibFlag.Mark) !== 0) yield [52, 4];
}

/** What the kernel has written of the parameters when it gives this answer. */
export function fibOutputs(result: number): readonly Field[] {
  if (result === FibResult.FRAG_NEEDED) return [[6, 2]];
  const found: readonly Field[] = [
    [6, 10],
    [16, 32],
  ];
  if (result === FibResult.SUCCESS) return [...found, [48, 16]];
  return result === FibResult.NO_NEIGH || result === FibResult.NO_SRC_ADDR ? found : [];
}
const AF_INET = 2;
const AF_INET6 = 10;

interface Query {
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly ingress: number;
  readonly output: number | undefined;
  readonly mark: number;
}

/** The helper: 0 or above is BPF_FIB_LKUP_RET_*, below 0 an error number. */
export function fibLookup(network: Network, bytes: Uint8Array, at: number, size: number, flags: number): number {
  if (size < FIB_PARAMETERS_BYTES || (flags & ~ALL_FLAGS) !== 0) return -errno.EINVAL;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FIB_PARAMETERS_BYTES);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return -errno.EAFNOSUPPORT;
  const ipv6 = family === AF_INET6;
  const length = ipv6 ? 16 : 4;
  const source = bytes.slice(at + 16, at + 16 + length);
  const destination = bytes.slice(at + 32, at + 32 + length);
  if (ipv6 && (needsStrict(destination) || needsStrict(source))) return FibResult.NOT_FWDED;

  const ingress = network.interfaces.get(view.getUint32(8, true));
  if (!ingress) return -errno.ENODEV;
  if (!(ipv6 ? ingress.forwarding.ipv6 : ingress.forwarding.ipv4)) return FibResult.FWD_DISABLED;

  const output = flags & FibFlag.Output ? ingress.index : undefined;
  const mark = flags & FibFlag.Mark ? view.getUint32(52, true) : 0;
  const query: Query = { family: ipv6 ? 6 : 4, source, destination, ingress: ingress.index, output, mark };
  const route = flags & FibFlag.Direct ? direct(network, query, view, flags) : byRules(network, query);
  if (typeof route === "number") return route;
  const refused = refusedType(route);
  return refused ?? forward(network, query, route, view, flags);
}

/** Multicast, link-local and loopback addresses are never forwarded (rt6_need_strict). */
function needsStrict(address: Uint8Array): boolean {
  if (address[0] === 0xff) return true;
  if (address[0] === 0xfe && (address[1]! & 0xc0) === 0x80) return true;
  return address[15] === 1 && address.subarray(0, 15).every((byte) => byte === 0);
}

/** BPF_FIB_LOOKUP_DIRECT: one table, no rules. */
function direct(network: Network, query: Query, view: DataView, flags: number): Route | number {
  let table: number = Table.Main;
  if (flags & FibFlag.TableId) {
    table = view.getUint32(48, true);
    view.setUint32(48, 0, true);
    if (!network.routes.some((route) => route.table === table)) return FibResult.NOT_FWDED;
  }
  return (
    // The IPv4 main table holds the local one as long as nobody has added a rule (fib_trie_unmerge).
    (query.family === 4 && table === Table.Main && !network.hasRules
      ? best(network, query, [Table.Local, Table.Main])
      : undefined) ??
    best(network, query, [table]) ??
    FibResult.NOT_FWDED
  );
}

function byRules(network: Network, query: Query): Route | number {
  for (const rule of network.rules) {
    if (!applies(rule, query)) continue;
    const route = best(network, query, [rule.table]);
    if (route && route.type !== "throw") return route;
  }
  return FibResult.NOT_FWDED;
}

function applies(rule: Rule, query: Query): boolean {
  if (rule.family !== undefined && rule.family !== query.family) return false;
  if (rule.ingress !== undefined && rule.ingress !== query.ingress) return false;
  if (rule.mark !== undefined && rule.mark !== query.mark) return false;
  if (rule.from && rule.from.length > 0) {
    // An IPv6 look-up for output does not say that it has a source address (RT6_LOOKUP_F_HAS_SADDR, fib6_rule_match).
    if (query.family === 6 && query.output !== undefined) return false;
    if (!inPrefix(query.source, rule.from)) return false;
  }
  return !rule.to || inPrefix(query.destination, rule.to);
}

/** Longest prefix, then lowest metric. Routes over interfaces that are down do not count. */
function best(network: Network, query: Query, tables: readonly number[]): Route | undefined {
  let found: Route | undefined;
  for (const route of network.routes) {
    if (!tables.includes(route.table) || !inPrefix(query.destination, { address: route.prefix, length: route.length }))
      continue;
    if (route.nextHops.length > 0 && usableHops(network, route, query).length === 0) continue;
    if (!found || route.length > found.length || (route.length === found.length && route.metric < found.metric)) {
      found = route;
    }
  }
  return found;
}

/**
 * Hops over interfaces that are up. BPF_FIB_LOOKUP_OUTPUT binds IPv4 to its interface; to IPv6 it is a preference only
 * (fib6_table_lookup is called without RT6_LOOKUP_F_IFACE).
 */
function usableHops(network: Network, route: Route, { family, output }: Query): readonly NextHop[] {
  const up = route.nextHops.filter((hop) => network.interfaces.get(hop.interface)?.up);
  if (output === undefined) return up;
  const bound = up.filter((hop) => hop.interface === output);
  return family === 4 || bound.length > 0 ? bound : up;
}

function refusedType(route: Route): number | undefined {
  switch (route.type) {
    case "unicast":
      return undefined;
    case "blackhole":
      return FibResult.BLACKHOLE;
    case "unreachable":
      return FibResult.UNREACHABLE;
    case "prohibit":
      return FibResult.PROHIBIT;
    default:
      return FibResult.NOT_FWDED;
  }
}

function forward(network: Network, query: Query, route: Route, view: DataView, flags: number): number {
  const hop = selectPath(network, route, query);
  const egress = network.interfaces.get(hop.interface)!;
  const mtu = (route.mtu ?? egress.mtu) - (route.encapsulationBytes ?? 0);
  if (view.getUint16(6, true) > mtu) {
    view.setUint16(6, mtu, true);
    return FibResult.FRAG_NEEDED;
  }
  if (route.encapsulationBytes !== undefined) return FibResult.UNSUPP_LWT;
  view.setUint32(12, route.metric, true);
  view.setUint32(8, egress.index, true);
  if (flags & FibFlag.Source && !writeSource(route, egress.addresses, query, view)) return FibResult.NO_SRC_ADDR;
  const target = hop.via ?? query.destination;
  if (hop.via) writeNextHop(hop.via, view);
  if (!(flags & FibFlag.SkipNeighbour)) {
    const neighbour = network.neighbour(egress.index, target);
    if (!neighbour?.valid) return FibResult.NO_NEIGH;
    writeBytes(view, 52, egress.mac);
    writeBytes(view, 58, neighbour.mac);
  }
  view.setUint32(48, 0, true);
  view.setUint16(6, mtu, true);
  return FibResult.SUCCESS;
}

/** A gateway of the other family changes the family of the answer (IPv4 via IPv6, RFC 5549). */
function writeNextHop(via: Uint8Array, view: DataView): void {
  if (via.length === 16) view.setUint8(0, AF_INET6);
  writeBytes(view, 32, via);
}

function writeSource(
  route: Route,
  addresses: readonly { readonly address: Uint8Array }[],
  query: Query,
  view: DataView,
): boolean {
  const own = addresses.filter(({ address }) => address.length === query.source.length);
  const onLink = own.find((one) => inPrefix(query.destination, one as { address: Uint8Array; length: number }));
  const source = route.source ?? (onLink ?? own[0])?.address;
  if (source) writeBytes(view, 16, source);
  // IPv4 leaves 0.0.0.0 when there is none.
  else if (query.family === 4) writeBytes(view, 16, new Uint8Array(4));
  return source !== undefined || query.family === 4;
}

function writeBytes(view: DataView, offset: number, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) view.setUint8(offset + i, bytes[i]!);
}

/** One of several paths by a hash of the addresses; the kernel's hash has a random seed, so only the spread agrees. */
function selectPath(network: Network, route: Route, query: Query): NextHop {
  const alive = usableHops(network, route, query);
  const total = alive.reduce((sum, hop) => sum + hop.weight, 0);
  let hash = 0;
  for (const byte of [...query.source, ...query.destination])
    hash = (Math.imul(hash ^ byte, 0x01000193) ^ (hash >>> 15)) >>> 0;
  let point = hash % total;
  return alive.find((hop) => (point -= hop.weight) < 0)!;
}
