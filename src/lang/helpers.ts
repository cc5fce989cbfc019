/** The kernel's helpers as functions: time, chance, routes, checksums, hashes, connections. */
import type { Ipv4Address, Ipv6Address, MacAddress } from "../schema/index.ts";
import { FibResult as FIB } from "../uapi/index.ts";
import type { XdpContext } from "./context.ts";
import { intrinsic } from "./intrinsic.ts";
import type { XdpAction } from "./program.ts";

/** XdpAction.Redirect to an interface (`bpf_redirect`). A DevMap is faster. */
export const redirect: (interfaceIndex: number) => XdpAction = intrinsic("redirect", { helper: "bpf_redirect" });

/** What a route look-up answers (BPF_FIB_LKUP_RET_*). */
export type FibResult = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
export const FibResult: {
  readonly Success: FibResult;
  readonly Blackhole: FibResult;
  readonly Unreachable: FibResult;
  readonly Prohibit: FibResult;
  /** No route, or a local destination. */
  readonly NotForwarded: FibResult;
  readonly ForwardingDisabled: FibResult;
  readonly UnsupportedLwt: FibResult;
  readonly NoNeighbour: FibResult;
  readonly FragmentationNeeded: FibResult;
  readonly NoSourceAddress: FibResult;
} = Object.freeze({
  Success: FIB.SUCCESS as FibResult,
  Blackhole: FIB.BLACKHOLE as FibResult,
  Unreachable: FIB.UNREACHABLE as FibResult,
  Prohibit: FIB.PROHIBIT as FibResult,
  NotForwarded: FIB.NOT_FWDED as FibResult,
  ForwardingDisabled: FIB.FWD_DISABLED as FibResult,
  UnsupportedLwt: FIB.UNSUPP_LWT as FibResult,
  NoNeighbour: FIB.NO_NEIGH as FibResult,
  FragmentationNeeded: FIB.FRAG_NEEDED as FibResult,
  NoSourceAddress: FIB.NO_SRC_ADDR as FibResult,
});

/** Test `found` first: the addresses exist only then. */
export type FibLookup =
  | {
      readonly found: true;
      readonly interfaceIndex: number;
      readonly source: MacAddress;
      readonly destination: MacAddress;
      /** Bytes. */
      readonly mtu: number;
    }
  | { readonly found: false; readonly result: FibResult; readonly mtu: number };

/** What `bpf_fib_lookup` is asked about an IPv4 packet. */
export interface FibRoute4 {
  /** Policy rules and the route's source check may ask for it. */
  readonly source: Ipv4Address;
  /** What the route is looked up for. */
  readonly destination: Ipv4Address;
  /** Bytes of the IP packet: more than the route's MTU is refused. */
  readonly totalLength: number;
}
/** What `bpf_fib_lookup` is asked about an IPv6 packet. */
export interface FibRoute6 {
  /** Policy rules and the route's source check may ask for it. */
  readonly source: Ipv6Address;
  /** What the route is looked up for. */
  readonly destination: Ipv6Address;
  /** Bytes behind the IPv6 header: with its 40 more than the route's MTU is refused. */
  readonly payloadLength: number;
}
/** Flags of `bpf_fib_lookup` (`BPF_FIB_LOOKUP_*`). */
export interface FibOptions {
  /** Ignore policy rules. */
  readonly direct?: boolean;
  /** Look up as if leaving through `interfaceIndex`. */
  readonly output?: boolean;
  /** The packet arrives there, or leaves there with `output`. Default: where it arrived. */
  readonly interfaceIndex?: number;
  /** Kernel 6.3. */
  readonly skipNeighbour?: boolean;
  /** Kernel 6.7. */
  readonly tableId?: number;
  /** Bytes for the MTU check, when it is not the header's own. */
  readonly length?: number;
  /**
   * IPv6 only: traffic class and flow label, 28 bits (RFC 8200 section 3). Among several next hops of a route the kernel
   * chooses by the label and the addresses; rules may ask for the class. Default 0.
   */
  readonly flowInfo?: number;
}

/** `bpf_fib_lookup` for the addresses of an IPv4 or IPv6 header (kernel 4.18). GPL only. */
export const fibLookup: (ctx: XdpContext, route: FibRoute4 | FibRoute6, options?: FibOptions) => FibLookup = intrinsic(
  "fibLookup",
  { helper: "bpf_fib_lookup", gplOnly: true },
);

/** `bpf_check_mtu` (kernel 5.12): whether the packet, grown by so many bytes, fits. GPL only. */
export const checkMtu: (
  ctx: XdpContext,
  interfaceIndex: number,
  growth?: number,
) => { readonly fits: boolean; readonly mtu: number } = intrinsic("checkMtu", {
  helper: "bpf_check_mtu",
  gplOnly: true,
});

/** Nanoseconds since boot, suspend left out (CLOCK_MONOTONIC). */
export const ktimeGetNs: () => bigint = intrinsic("ktimeGetNs", { helper: "bpf_ktime_get_ns" });
/** Nanoseconds since boot, suspend included. Kernel 5.8. */
export const ktimeGetBootNs: () => bigint = intrinsic("ktimeGetBootNs", { helper: "bpf_ktime_get_boot_ns" });
/** Nanoseconds of the last tick: cheaper. Kernel 5.11. */
export const ktimeGetCoarseNs: () => bigint = intrinsic("ktimeGetCoarseNs", { helper: "bpf_ktime_get_coarse_ns" });
/** Nanoseconds of CLOCK_TAI. Kernel 6.1. */
export const ktimeGetTaiNs: () => bigint = intrinsic("ktimeGetTaiNs", { helper: "bpf_ktime_get_tai_ns" });
/** Ticks. Kernel 5.6. */
export const jiffies64: () => bigint = intrinsic("jiffies64", { helper: "bpf_jiffies64" });
/** 0 to 2^32 - 1. */
export const getPrandomU32: () => number = intrinsic("getPrandomU32", { helper: "bpf_get_prandom_u32" });
/** Number of the processor that runs the program (`bpf_get_smp_processor_id`), from 0. */
export const getSmpProcessorId: () => number = intrinsic("getSmpProcessorId", { helper: "bpf_get_smp_processor_id" });
/** Number of its NUMA node (`bpf_get_numa_node_id`), from 0. */
export const getNumaNodeId: () => number = intrinsic("getNumaNodeId", { helper: "bpf_get_numa_node_id" });

/** Checksums are numbers in host order, as the fields are read; a word may be a number of up to 32 bits or an address. */
export type ChecksumWord = number | Ipv4Address | Ipv6Address;
/** The Internet checksum (RFC 1071) of whole places, each of even size. */
export const checksum: (...places: object[]) => number = intrinsic("checksum");
/**
 * RFC 1624: the checksum after `from` in the packet became `to`. They may be of different kinds: an IPv6 address that becomes
 * an IPv4 address changes the pseudo-header so (RFC 7915 section 4.5).
 */
export const checksumReplace: (checksum: number, from: ChecksumWord, to: ChecksumWord) => number =
  intrinsic("checksumReplace");
/** The sum of a place or a word, for building a checksum over pieces. */
export const checksumAdd: (sum: number, piece: object | ChecksumWord) => number = intrinsic("checksumAdd");
/** Folds a sum and inverts it. */
export const checksumFinish: (sum: number) => number = intrinsic("checksumFinish");
/** Over `length` bytes from `offset`, variable but bounded by `atMost`; null when the packet is shorter. */
export const checksumPacket: (
  ctx: XdpContext,
  offset: number,
  length: number,
  atMost: number,
  sum?: number,
) => number | null = intrinsic("checksumPacket");

/** Jenkins' hash, as in the kernel (include/linux/jhash.h). */
export const jhash: (value: ChecksumWord | object, seed: number) => number = intrinsic("jhash");
/** `jhash_3words`. */
export const jhashWords: (a: number, b: number, c: number, seed: number) => number = intrinsic("jhashWords");

/** True when the address lies in the prefix. The prefix is a staged constant: one mask and compare per word. */
export const inPrefix: (address: Ipv4Address | Ipv6Address, prefix: string) => boolean = intrinsic("inPrefix");

/** A connection of nf_conntrack. Every path must release what was found or inserted, once; the compiler checks it. */
export interface Conntrack {
  /** IPS_* (include/uapi/linux/netfilter/nf_conntrack_common.h). */
  readonly status: number;
  /** As nftables and iptables set it, 32 bits. */
  readonly mark: number;
  /**
   * `bpf_ct_change_timeout` (kernel 6.0): milliseconds from now, 0 to 2^32 - 1, of which the kernel keeps as many ticks. False
   * for a connection whose timeout is fixed.
   */
  changeTimeout(milliseconds: number): boolean;
  /** `bpf_ct_change_status` (kernel 6.0). False when a bit may not change so: IPS_ASSURED is not cleared, IPS_DYING is not set. */
  changeStatus(status: number): boolean;
  /** Gives the entry back (`bpf_ct_release`). Each entry that was found must be given back on every path. */
  release(): void;
}

/**
 * A connection that is not yet in the table of nf_conntrack. Every path must insert it, once, which the compiler checks: the
 * kernel has no other way to take it back.
 */
export interface NewConntrack {
  /** `bpf_ct_set_timeout` (kernel 6.0): milliseconds, 0 to 2^32 - 1. Without it 10 seconds. */
  setTimeout(milliseconds: number): void;
  /** `bpf_ct_set_status` (kernel 6.0): IPS_*. False when a bit may not be set so. */
  setStatus(status: number): boolean;
  /**
   * `bpf_ct_set_nat_info` (kernel 6.1): packets of the connection get another source or destination, of the tuple's family.
   * `port` in host order; 0, which is the default, is any. False when there is none free, and on a kernel without nf_nat.
   */
  setNat(kind: "source" | "destination", address: Ipv4Address | Ipv6Address, port?: number): boolean;
  /** `bpf_ct_insert_entry` (kernel 6.0). Null when the table has such a connection already, or is full. */
  insert(): Conntrack | null;
}

/** Which connection: addresses and ports as in the packet. */
export interface ConntrackTuple<A> {
  /** Address of the sender. */
  readonly source: A;
  /** Address of the receiver. */
  readonly destination: A;
  /** In host order. */
  readonly sourcePort: number;
  /** In host order. */
  readonly destinationPort: number;
  /** 6 for TCP, 17 for UDP. */
  readonly protocol: number;
}
/**
 * `bpf_xdp_ct_lookup` (kernel 5.18) in the namespace of the interface that received the packet. TCP and UDP. Null when there
 * is no such connection, and on a kernel without nf_conntrack. GPL only.
 */
export const conntrackLookup: (
  ctx: XdpContext,
  tuple: ConntrackTuple<Ipv4Address> | ConntrackTuple<Ipv6Address>,
) => Conntrack | null = intrinsic("conntrackLookup", { kfunc: "bpf_xdp_ct_lookup", since: "5.18", gplOnly: true });

/**
 * `bpf_xdp_ct_alloc` (kernel 6.0) in the namespace of the interface that received the packet: a connection whose first packet
 * has this tuple. TCP and UDP. Null without memory, and on a kernel without nf_conntrack. GPL only.
 */
export const conntrackAllocate: (
  ctx: XdpContext,
  tuple: ConntrackTuple<Ipv4Address> | ConntrackTuple<Ipv6Address>,
) => NewConntrack | null = intrinsic("conntrackAllocate", { kfunc: "bpf_xdp_ct_alloc", since: "6.0", gplOnly: true });
