/**
 * What a driver says of its device: XDP features (genetlink family netdev), offloads and channels (family ethtool), its name
 * (SIOCETHTOOL). All of the thread's namespace; undefined where driver or kernel do not say.
 */
import koffi from "koffi";
import { askFamily } from "./generic-netlink.ts";
import { listAttributes, nested, readAttributes, readText, readU32, u32Attribute } from "./netlink-attributes.ts";
import { addressOf, closeFd } from "./syscall.ts";

const NETDEV_CMD_DEV_GET = 1;
const NETDEV_A_DEV_IFINDEX = 1;
const NETDEV_A_DEV_XDP_FEATURES = 3;
const NETDEV_A_DEV_XDP_RX_METADATA_FEATURES = 5;

/** enum netdev_xdp_act and netdev_xdp_rx_metadata: bits in their order. */
const XDP_FEATURES = ["basic", "redirect", "ndo-xmit", "xsk-zerocopy", "hw-offload", "rx-sg", "ndo-xmit-sg"] as const;
const METADATA = ["timestamp", "hash", "vlan-tag"] as const;
export type XdpFeature = (typeof XDP_FEATURES)[number];

/** What a driver says that it can do for XDP. */
export interface DeviceFeatures {
  /** As the kernel's netdev family names them: `basic` is native XDP, `ndo-xmit` a target of redirects, `rx-sg` fragments. */
  readonly xdp: readonly XdpFeature[];
  /** Of what programs may ask the NIC. */
  readonly metadata: readonly (typeof METADATA)[number][];
}

/** Since Linux 6.3. */
export function deviceFeatures(interfaceIndex: number): DeviceFeatures | undefined {
  const answer = askFamily("netdev", NETDEV_CMD_DEV_GET, u32Attribute(NETDEV_A_DEV_IFINDEX, interfaceIndex));
  const bits = readU32(answer?.get(NETDEV_A_DEV_XDP_FEATURES));
  if (bits === undefined) return undefined;
  const metadata = readU32(answer?.get(NETDEV_A_DEV_XDP_RX_METADATA_FEATURES)) ?? 0;
  return {
    xdp: XDP_FEATURES.filter((_, bit) => bits & (1 << bit)),
    metadata: METADATA.filter((_, bit) => metadata & (1 << bit)),
  };
}

const ETHTOOL_MSG_FEATURES_GET = 11;
const ETHTOOL_MSG_CHANNELS_GET = 17;
const ETHTOOL_A_HEADER_DEV_INDEX = 1;
const ETHTOOL_A_FEATURES_ACTIVE = 4;
const ETHTOOL_A_BITSET_BITS = 3;
const ETHTOOL_A_BITSET_BIT_NAME = 2;
const ETHTOOL_A_CHANNELS_RX_COUNT = 6;
const ETHTOOL_A_CHANNELS_TX_COUNT = 7;
const ETHTOOL_A_CHANNELS_COMBINED_COUNT = 9;

/** ETHTOOL_A_*_HEADER is 1 in every request. */
const deviceHeader = (index: number): Uint8Array => nested(1, u32Attribute(ETHTOOL_A_HEADER_DEV_INDEX, index));

/** Offloads that are on, by the names that `ethtool -k` and the kernel have for them: `rx-gro`, `rx-lro`, … Since Linux 5.7. */
export function activeOffloads(interfaceIndex: number): ReadonlySet<string> | undefined {
  const answer = askFamily("ethtool", ETHTOOL_MSG_FEATURES_GET, deviceHeader(interfaceIndex));
  const bits = readAttributes(answer?.get(ETHTOOL_A_FEATURES_ACTIVE)).get(ETHTOOL_A_BITSET_BITS);
  if (!bits) return answer && new Set();
  const names = [...listAttributes(bits)].map(([, bit]) =>
    readText(readAttributes(bit).get(ETHTOOL_A_BITSET_BIT_NAME)),
  );
  return new Set(names.filter((name) => name !== undefined));
}

/** Queues in use; a combined channel is one of each. Since Linux 5.7. */
export function channels(interfaceIndex: number): { readonly receive: number; readonly transmit: number } | undefined {
  const answer = askFamily("ethtool", ETHTOOL_MSG_CHANNELS_GET, deviceHeader(interfaceIndex));
  if (!answer) return undefined;
  const count = (type: number): number => readU32(answer.get(type)) ?? 0;
  const combined = count(ETHTOOL_A_CHANNELS_COMBINED_COUNT);
  return {
    receive: combined + count(ETHTOOL_A_CHANNELS_RX_COUNT),
    transmit: combined + count(ETHTOOL_A_CHANNELS_TX_COUNT),
  };
}

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GDRVINFO = 3;
/** struct ethtool_drvinfo, struct ifreq; bytes of a name with its zero. */
const DRIVER_INFO_BYTES = 196;
const REQUEST_BYTES = 40;
const NAME_BYTES = 16;

/** `veth`, `ixgbe`, …, and its version. */
export function driverOf(interfaceName: string): { readonly name: string; readonly version: string } | undefined {
  const libc = koffi.load(null);
  const socket = libc.func("int socket(int family, int type, int protocol)");
  const ioctl = libc.func("int ioctl(int fd, unsigned long request, void *argument)");
  const info = new Uint8Array(DRIVER_INFO_BYTES);
  new DataView(info.buffer).setUint32(0, ETHTOOL_GDRVINFO, true);
  const request = new Uint8Array(REQUEST_BYTES);
  request.set(new TextEncoder().encode(interfaceName).subarray(0, NAME_BYTES - 1));
  new DataView(request.buffer).setBigUint64(NAME_BYTES, addressOf(info), true);
  const fd = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0) as number;
  if (fd < 0) return undefined;
  const result = ioctl(fd, SIOCETHTOOL, request) as number;
  closeFd(fd);
  if (result < 0) return undefined;
  return { name: readText(info.subarray(4, 36))!, version: readText(info.subarray(36, 68))! };
}
