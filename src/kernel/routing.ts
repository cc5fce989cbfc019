/**
 * Routes, neighbours and what changes of them, from rtnetlink (include/uapi/linux/rtnetlink.h, neighbour.h): for programs
 * that keep the way of a packet in their own tables.
 *
 * Everything is asked in the thread's network namespace; a watch keeps the one that it was opened in.
 */
import { concatBytes, xdpkitError } from "../base/index.ts";
import { parseAddress, printAddress } from "../schema/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { NetlinkProtocol, type NetlinkRefusal, NetlinkSocket, withNetlink } from "./netlink.ts";
import { attribute, readAttributes, readU32, u32Attribute } from "./netlink-attributes.ts";
import { type RecordSource, Records } from "./records.ts";

const Message = { GETROUTE: 26, NEWNEIGH: 28, GETNEIGH: 30, GETRULE: 34 } as const;
const Rta = { DST: 1, OIF: 4, GATEWAY: 5, PREFSRC: 7, METRICS: 8 } as const;
const RTAX_MTU = 2;
const Nda = { DST: 1, LLADDR: 2, FLAGS_EXT: 15 } as const;
const NTF_USE = 1;
const NTF_EXT_MANAGED = 1;
const NLM_F_CREATE = 0x400;
const AF_INET = 2;
const AF_INET6 = 10;
/** struct rtmsg, struct ndmsg, struct fib_rule_hdr. */
const HEADER_BYTES = 12;

const familyOf = (address: string): "ipv4" | "ipv6" => (address.includes(":") ? "ipv6" : "ipv4");
const numberOf = (family: "ipv4" | "ipv6"): number => (family === "ipv6" ? AF_INET6 : AF_INET);
const bytesOf = (address: string): Uint8Array => parseAddress(familyOf(address), address);
const printed = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && printAddress(bytes.length === 16 ? "ipv6" : "ipv4", bytes);

/** RTN_*: what a route does with packets. */
const ROUTE_TYPES = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
] as const;
/** What becomes of packets, in the words of `ip route`. */
export type RouteType = (typeof ROUTE_TYPES)[number];

/** The way to one destination. */
export interface ResolvedRoute {
  /** What becomes of packets. */
  readonly type: RouteType;
  /** Where they leave; absent for routes that lead nowhere. */
  readonly interfaceIndex?: number;
  /** Absent: the destination is on the link. */
  readonly gateway?: string;
  /** The address that the kernel would send from. */
  readonly source?: string;
  /** Of the route, bytes; absent: that of the interface. */
  readonly mtu?: number;
}

/**
 * The kernel's way to a destination, as `ip route get` (RTM_GETROUTE); null when there is none.
 *
 * @throws XdpkitError KERNEL_NETLINK for any other refusal, SCHEMA_ADDRESS for text that is no address
 */
export function resolveRoute(
  destination: string,
  options: { readonly interfaceIndex?: number } = {},
): ResolvedRoute | null {
  const family = familyOf(destination);
  const address = bytesOf(destination);
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = numberOf(family);
  header[1] = address.length * 8;
  const out = options.interfaceIndex === undefined ? [] : [u32Attribute(Rta.OIF, options.interfaceIndex)];
  const body = concatBytes(header, attribute(Rta.DST, address), ...out);
  const answer = withNetlink(NetlinkProtocol.ROUTE, (socket) => socket.try(Message.GETROUTE, body));
  if (answer.refusal) return noWay(answer.refusal, destination);
  const [reply] = answer.bodies;
  if (!reply) return null;
  const attributes = readAttributes(reply.subarray(HEADER_BYTES));
  const interfaceIndex = readU32(attributes.get(Rta.OIF));
  const gateway = printed(attributes.get(Rta.GATEWAY));
  const source = printed(attributes.get(Rta.PREFSRC));
  const mtu = readU32(readAttributes(attributes.get(Rta.METRICS)).get(RTAX_MTU));
  return {
    type: ROUTE_TYPES[reply[7]!] ?? "unspecified",
    ...(interfaceIndex === undefined ? {} : { interfaceIndex }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
    ...(mtu === undefined ? {} : { mtu }),
  };
}

/** What a destination without a way is refused with. */
const NO_WAY: readonly number[] = [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL, errno.ENODEV];

function noWay(refusal: NetlinkRefusal, destination: string): null {
  if (NO_WAY.includes(-refusal.errno)) return null;
  const { errno: number, sentence = "" } = refusal;
  throw xdpkitError("KERNEL_NETLINK", { request: `the route to ${destination}`, errno: errnoName(number), sentence });
}

/** NUD_*. */
const NEIGHBOUR_STATES: readonly (readonly [bit: number, name: NeighbourState])[] = [
  [0x01, "incomplete"],
  [0x02, "reachable"],
  [0x04, "stale"],
  [0x08, "delay"],
  [0x10, "probe"],
  [0x20, "failed"],
  [0x40, "noarp"],
  [0x80, "permanent"],
];
/** `NUD_*` of include/uapi/linux/neighbour.h; `permanent` ones have been set by hand. */
export type NeighbourState =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "noarp"
  | "permanent";

/** A row of the neighbour table. */
export interface Neighbour {
  /** Where the neighbour is. */
  readonly interfaceIndex: number;
  /** IPv4 or IPv6. */
  readonly address: string;
  /** Whether its MAC address is known. */
  readonly state: NeighbourState;
  /** Absent while it is not known. */
  readonly mac?: string;
}

const printMac = (bytes: Uint8Array): string => printAddress("mac", bytes);

function neighbourHeader(family: "ipv4" | "ipv6", interfaceIndex: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = numberOf(family);
  new DataView(header.buffer).setInt32(4, interfaceIndex, true);
  return header;
}

function readNeighbour(body: Uint8Array): Neighbour | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const attributes = readAttributes(body.subarray(HEADER_BYTES));
  const address = printed(attributes.get(Nda.DST));
  if (address === undefined) return undefined;
  const bits = view.getUint16(8, true);
  const mac = attributes.get(Nda.LLADDR);
  return {
    interfaceIndex: view.getInt32(4, true),
    address,
    state: NEIGHBOUR_STATES.find(([bit]) => (bits & bit) !== 0)?.[1] ?? "none",
    ...(mac?.length === 6 ? { mac: printMac(mac) } : {}),
  };
}

const UNKNOWN: readonly number[] = [errno.ENOENT, errno.ENODEV, errno.EINVAL];

/** What the kernel knows of a neighbour; null: nothing. @throws XdpkitError KERNEL_NETLINK */
export function findNeighbour(interfaceIndex: number, address: string): Neighbour | null {
  const body = concatBytes(neighbourHeader(familyOf(address), interfaceIndex), attribute(Nda.DST, bytesOf(address)));
  const answer = withNetlink(NetlinkProtocol.ROUTE, (socket) => socket.try(Message.GETNEIGH, body));
  if (answer.refusal) {
    const { errno: number, sentence = "" } = answer.refusal;
    if (UNKNOWN.includes(-number)) return null;
    throw xdpkitError("KERNEL_NETLINK", { request: `the neighbour ${address}`, errno: errnoName(number), sentence });
  }
  const [reply] = answer.bodies;
  return (reply && readNeighbour(reply)) ?? null;
}

/**
 * Has the kernel resolve a neighbour and keep it resolved, whether packets of its own go there or not (NTF_EXT_MANAGED,
 * kernel 5.16). A permanent one stays as it is.
 *
 * @throws XdpkitError KERNEL_NETLINK
 */
export function keepNeighbour(interfaceIndex: number, address: string): void {
  const known = findNeighbour(interfaceIndex, address);
  if (known?.state === "permanent" || known?.state === "noarp") return;
  const header = neighbourHeader(familyOf(address), interfaceIndex);
  // Without it an entry that is known would be forgotten first.
  header[10] = NTF_USE;
  const body = concatBytes(header, attribute(Nda.DST, bytesOf(address)), u32Attribute(Nda.FLAGS_EXT, NTF_EXT_MANAGED));
  const answer = withNetlink(NetlinkProtocol.ROUTE, (socket) => socket.try(Message.NEWNEIGH, body, NLM_F_CREATE));
  if (!answer.refusal) return;
  const { errno: number, sentence = "" } = answer.refusal;
  throw xdpkitError("KERNEL_NETLINK", {
    request: `keeping the neighbour ${address}`,
    errno: errnoName(number),
    sentence,
  });
}

/** FRA_* (include/uapi/linux/fib_rules.h) that packets must match. */
const SELECTORS = {
  source: [2],
  input: [3],
  output: [17],
  mark: [10],
  tunnel: [12],
  vrf: [19],
  user: [20],
  protocol: [22],
  ports: [23, 24],
  class: [25],
  label: [26],
} as const;
/** What a rule asks for besides the destination. */
export type RuleSelector = keyof typeof SELECTORS;
const Fra = { DST: 1, PRIORITY: 6, TABLE: 15 } as const;

/** A policy rule, as `ip rule`. */
export interface Rule {
  /** Addresses that it is for. */
  readonly family: "ipv4" | "ipv6";
  /** The smallest is asked first. */
  readonly priority: number;
  /** 0: none, it does something else. */
  readonly table: number;
  /** Prefix; absent: any destination. */
  readonly destination?: string;
  /** What it asks for besides the destination: `input` and `output` interface, `class` (DSCP or traffic class) … */
  readonly selectors: readonly RuleSelector[];
}

/** Rules of both families, by priority. @throws XdpkitError KERNEL_NETLINK */
export function listRules(): Rule[] {
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    const header = new Uint8Array(HEADER_BYTES);
    header[0] = numberOf(family);
    const bodies = withNetlink(NetlinkProtocol.ROUTE, (socket) => socket.dump(Message.GETRULE, header, "the rules"));
    return bodies.map((body) => readRule(family, body));
  });
}

function readRule(family: Rule["family"], body: Uint8Array): Rule {
  const [, destinationLength = 0, , tos] = body;
  const attributes = readAttributes(body.subarray(HEADER_BYTES));
  const destination = printed(attributes.get(Fra.DST));
  const selectors = (Object.keys(SELECTORS) as RuleSelector[]).filter(
    (name) => SELECTORS[name].some((type) => attributes.has(type)) || (name === "class" && tos !== 0),
  );
  return {
    family,
    priority: readU32(attributes.get(Fra.PRIORITY)) ?? 0,
    table: readU32(attributes.get(Fra.TABLE)) ?? body[4]!,
    ...(destination === undefined ? {} : { destination: `${destination}/${destinationLength}` }),
    selectors,
  };
}

/** Something that packets' ways depend on has changed. */
export interface NetworkChange {
  /** "lost": the kernel could not tell all; anything may have changed. */
  readonly kind: "link" | "address" | "route" | "neighbour" | "rule" | "lost";
  /** Of links, addresses, neighbours. */
  readonly interfaceIndex?: number;
  /** As it is now; state "none" when the kernel has forgotten it. */
  readonly neighbour?: Neighbour;
}

/** First message type of each kind: NEW, DEL. */
const KINDS: Readonly<Record<number, NetworkChange["kind"]>> = {
  16: "link",
  17: "link",
  20: "address",
  21: "address",
  24: "route",
  25: "route",
  28: "neighbour",
  29: "neighbour",
  32: "rule",
  33: "rule",
};
const DELNEIGH = 29;
/** RTMGRP_LINK, NEIGH, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE; IPV6_RULE is group 19. */
const GROUPS = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | (1 << 18);

const hasInterface = (kind: NetworkChange["kind"]): boolean =>
  kind === "link" || kind === "address" || kind === "neighbour";

function readChange(kind: NetworkChange["kind"], type: number, body: Uint8Array): NetworkChange {
  if (!hasInterface(kind) || body.length < HEADER_BYTES) return { kind };
  const interfaceIndex = new DataView(body.buffer, body.byteOffset, body.length).getInt32(4, true);
  const known = kind === "neighbour" ? readNeighbour(body) : undefined;
  if (!known) return { kind, interfaceIndex };
  const { address } = known;
  const neighbour = type === DELNEIGH ? ({ interfaceIndex, address, state: "none" } as const) : known;
  return { kind, interfaceIndex, neighbour };
}

class ChangeSource implements RecordSource<NetworkChange> {
  readonly #socket: NetlinkSocket;
  #lost = 0n;

  constructor() {
    this.#socket = new NetlinkSocket(NetlinkProtocol.ROUTE, GROUPS);
  }

  get fds(): readonly number[] {
    return [this.#socket.fd];
  }
  get available(): boolean {
    return this.#socket.isReadable;
  }
  get lost(): bigint {
    return this.#lost;
  }

  read(take: (change: NetworkChange) => void): void {
    for (;;) {
      const messages = this.#socket.tryReceive();
      if (messages === "none") return;
      if (messages === "overrun") {
        this.#lost += 1n;
        take({ kind: "lost" });
        continue;
      }
      for (const { type, body } of messages) {
        const kind = KINDS[type];
        if (kind) take(readChange(kind, type, body));
      }
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/**
 * Changes of links, addresses, routes, rules and neighbours of the thread's namespace, from now on. `lost` counts how often
 * the kernel could not tell all.
 *
 * @throws XdpkitError KERNEL_CALL
 */
export const watchNetwork = (): Records<NetworkChange, NetworkChange> =>
  new Records(new ChangeSource(), (change) => change);
