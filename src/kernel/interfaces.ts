/**
 * Network interfaces of the thread's namespace, from rtnetlink (RTM_GETLINK; include/uapi/linux/if_link.h).
 *
 * Never from /sys/class/net, which shows the namespace that its mount was made in.
 */
import { concatBytes, printHex, xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { NetlinkProtocol, type NetlinkSocket, withNetlink } from "./netlink.ts";
import {
  type AttributeMap,
  listAttributes,
  readAttributes,
  readText,
  readU32,
  textAttribute,
  u32Attribute,
} from "./netlink-attributes.ts";

/** `native`: by the driver; `generic`: by the kernel for any driver, slower; `offload`: on the card. */
export type XdpMode = "native" | "generic" | "offload";

/** A program on an interface, as netlink tells it. */
export interface AttachedProgram {
  /** How it is attached. */
  readonly mode: XdpMode;
  /** As `bpftool prog` numbers it. */
  readonly programId: number;
}

/** An interface as rtnetlink tells it. */
export interface NetworkInterface {
  /** `ifindex`; it stays when the interface is renamed. */
  readonly index: number;
  /** At most 15 characters. */
  readonly name: string;
  /** `altname` of iproute2. */
  readonly alternativeNames: readonly string[];
  /** Of virtual interfaces: `veth`, `bridge`, … */
  readonly kind?: string;
  /** As text, `02:00:00:00:00:01`; absent where there is no such address. */
  readonly mac?: string;
  /** Bytes above the Ethernet header. */
  readonly mtu: number;
  /** Set up by the administrator (IFF_UP). */
  readonly up: boolean;
  /** Up, and the other end as well (IFF_LOWER_UP). */
  readonly carrier: boolean;
  /** Index of the bridge, bond or VRF that it belongs to. */
  readonly master?: number;
  /** The other end of a veth pair, or what a VLAN stands on; `namespaceId` (of this namespace) where it is elsewhere. */
  readonly lower?: { readonly index: number; readonly namespaceId?: number };
  /** Queues that it was made with. */
  readonly queues: { readonly receive: number; readonly transmit: number };
  /** At most one of each mode. */
  readonly attached: readonly AttachedProgram[];
}

const RTM_GETLINK = 18;
/** struct ifinfomsg. */
const HEADER_BYTES = 16;
const IFF_UP = 1;
const IFF_LOWER_UP = 1 << 16;
/** Bytes of a name with its zero (IFNAMSIZ); alternative names may be longer. */
const NAME_BYTES = 16;

const Ifla = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  EXT_MASK: 29,
  NUM_TX_QUEUES: 31,
  NUM_RX_QUEUES: 32,
  LINK_NETNSID: 37,
  XDP: 43,
  TARGET_NETNSID: 46,
  PROP_LIST: 52,
  ALT_IFNAME: 53,
} as const;
const IFLA_INFO_KIND = 1;
/** IFLA_XDP_DRV_PROG_ID and its kin. */
const XDP_PROGRAM_IDS: readonly (readonly [attribute: number, mode: XdpMode])[] = [
  [5, "native"],
  [6, "generic"],
  [7, "offload"],
];
/** RTEXT_FILTER_SKIP_STATS. */
const SKIP_STATISTICS = u32Attribute(Ifla.EXT_MASK, 1 << 3);

/** ERANGE, EINVAL: no name is that long, no index so small. */
const NO_SUCH_INTERFACE: readonly number[] = [-errno.ENODEV, -errno.ERANGE, -errno.EINVAL];

/** Struct ifinfomsg for the interface with an index; 0 for all, or where a name follows. */
export function interfaceHeader(index: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  new DataView(bytes.buffer).setInt32(4, index, true);
  return bytes;
}

/** All interfaces of the thread's namespace. @throws XdpkitError KERNEL_CALL, KERNEL_NETLINK */
export function listInterfaces(): NetworkInterface[] {
  const body = concatBytes(interfaceHeader(0), SKIP_STATISTICS);
  return withNetlink(NetlinkProtocol.ROUTE, (socket) => socket.dump(RTM_GETLINK, body, "RTM_GETLINK")).map(
    readInterface,
  );
}

/**
 * The interface with a name (or alternative name) or index; undefined when there is none. `namespaceId` asks in another
 * namespace, by the number that this one has for it.
 *
 * @throws XdpkitError KERNEL_CALL, KERNEL_NETLINK
 */
export function tryFindInterface(which: string | number, namespaceId?: number): NetworkInterface | undefined {
  return withNetlink(NetlinkProtocol.ROUTE, (socket) => askForInterface(socket, which, namespaceId));
}

/** The same in the namespace of a socket. */
export function askForInterface(
  socket: NetlinkSocket,
  which: string | number,
  namespaceId?: number,
): NetworkInterface | undefined {
  if (which === "" || which === 0) return undefined;
  const there = namespaceId === undefined ? [] : [u32Attribute(Ifla.TARGET_NETNSID, namespaceId)];
  const answer = socket.try(RTM_GETLINK, concatBytes(...selector(which), SKIP_STATISTICS, ...there));
  if (answer.bodies) return readInterface(answer.bodies[0]!);
  const { errno: code, sentence = "" } = answer.refusal;
  if (NO_SUCH_INTERFACE.includes(code)) return undefined;
  throw xdpkitError("KERNEL_NETLINK", { request: "RTM_GETLINK", errno: errnoName(code), sentence });
}

/**
 * By name, alternative name or index, in the thread's network namespace.
 *
 * @throws XdpkitError KERNEL_NO_INTERFACE, KERNEL_CALL, KERNEL_NETLINK
 */
export function findInterface(which: string | number): NetworkInterface {
  const found = tryFindInterface(which);
  if (found) return found;
  const known = listInterfaces().map(({ name }) => name);
  throw xdpkitError("KERNEL_NO_INTERFACE", { which: String(which), known });
}

function selector(which: string | number): Uint8Array[] {
  if (typeof which === "number") return [interfaceHeader(which)];
  const short = new TextEncoder().encode(which).length < NAME_BYTES;
  return [interfaceHeader(0), textAttribute(short ? Ifla.IFNAME : Ifla.ALT_IFNAME, which)];
}

function readInterface(body: Uint8Array): NetworkInterface {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const flags = view.getUint32(8, true);
  const attributes = readAttributes(body.subarray(HEADER_BYTES));
  const kind = readText(readAttributes(attributes.get(Ifla.LINKINFO)).get(IFLA_INFO_KIND));
  const mac = readMac(attributes.get(Ifla.ADDRESS));
  const master = readU32(attributes.get(Ifla.MASTER));
  const lower = readLower(attributes);
  return {
    index: view.getInt32(4, true),
    name: readText(attributes.get(Ifla.IFNAME)) ?? "",
    alternativeNames: readAlternativeNames(attributes),
    ...(kind === undefined ? {} : { kind }),
    ...(mac === undefined ? {} : { mac }),
    mtu: readU32(attributes.get(Ifla.MTU)) ?? 0,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    ...(master === undefined ? {} : { master }),
    ...(lower ? { lower } : {}),
    queues: {
      receive: readU32(attributes.get(Ifla.NUM_RX_QUEUES)) ?? 1,
      transmit: readU32(attributes.get(Ifla.NUM_TX_QUEUES)) ?? 1,
    },
    attached: readAttached(attributes),
  };
}

function readMac(address: Uint8Array | undefined): string | undefined {
  if (address?.length !== 6) return undefined;
  return printHex(address, ":");
}

function readLower(attributes: AttributeMap): NetworkInterface["lower"] {
  const index = readU32(attributes.get(Ifla.LINK));
  const namespaceId = readU32(attributes.get(Ifla.LINK_NETNSID));
  if (index === undefined || index === 0) return undefined;
  return { index, ...(namespaceId === undefined ? {} : { namespaceId: namespaceId | 0 }) };
}

function readAlternativeNames(attributes: AttributeMap): string[] {
  const list = attributes.get(Ifla.PROP_LIST);
  if (!list) return [];
  return [...listAttributes(list)].filter(([type]) => type === Ifla.ALT_IFNAME).map(([, text]) => readText(text)!);
}

/** Linux before 4.18 tells no ids by mode; those kernels have no BPF links either. */
function readAttached(attributes: AttributeMap): AttachedProgram[] {
  const xdp = readAttributes(attributes.get(Ifla.XDP));
  return XDP_PROGRAM_IDS.flatMap(([type, mode]) => {
    const programId = readU32(xdp.get(type));
    return programId ? [{ mode, programId }] : [];
  });
}
