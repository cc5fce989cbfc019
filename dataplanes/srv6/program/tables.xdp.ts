/**
 * The tables between the control plane and the program.
 *
 *   sids       open addressing in an array, one cache line per slot: prefix and value together
 *   sessions   the same for (tunnel address, TEID), two slots per cache line, counters inside
 *   paths      ready-made outer headers
 *   adjacencies  next hops that the control plane resolved: two halves, of which one is valid
 *   steered    per-CPU, direct-mapped: what the tries of the steering said
 *   routes     per-CPU, direct-mapped: what bpf_fib_lookup said, good for one generation
 *
 * Publication: a slot's key is written last and cleared first; what is wider than a word is written where nobody reads, then
 * a word is switched. A slot or half is used again only after a grace period.
 */
import {
  ArrayMap,
  array,
  bool,
  HashMap,
  ipv4Address,
  ipv6Address,
  LpmTrie,
  mac,
  PerCpuArray,
  spinLock,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "xdpkit";
import { Ethernet, Ipv6, SegmentRoutingHeader } from "xdpkit/packet";
import type { Plan } from "./plan.ts";

/** A local SID, 64 bytes. `high` and `low` are the prefix as numbers; both 0 is an empty slot. */
export class Sid extends struct({
  high: u64,
  low: u64,
  behaviour: u8,
  /** Bits of `Flavour`. */
  flavours: u8,
  /** Length of the prefix: locator and function, bits. */
  bits: u8,
  /** Of NEXT-CSID: length of the locator block, bits. */
  block: u8,
  /** Of its counters. */
  counter: u32,
  /** 0: by the destination. */
  adjacency: u32,
  /** Routing table of End.T and End.DT*; 0: what the rules give. */
  table: u32,
  /** Of End.B6.* and End.M.GTP6.D*. */
  policy: u32,
  /** Mobile: hop limit or TTL of what leaves; 0: the packet's, less one. */
  hopLimit: u8,
  /** Mobile: DSCP of what leaves; above 63: the packet's. */
  dscp: u8,
  /** PDU type of the PDU Session Container: 0 downlink, 1 uplink; above 15: no container. */
  pduType: u8,
  /** End.Limit: bits of the group behind the function, then 32 bits of rate. */
  groupBits: u8,
  /** End.MAP: the SID in its place. End.M.GTP6.E, End.M.GTP4.E: the source, or its prefix. */
  address: ipv6Address,
  /** Its own place in the array. */
  slot: u32,
  spare: u32,
}) {}

/** An uplink tunnel: 32 bytes. `address` 0 is an empty slot. */
export class Session extends struct({
  address: u32,
  teid: u32,
  policy: u32,
  spare: u32,
  packets: u64,
  bytes: u64,
}) {}

/** MAC addresses in the order of the frame. */
export class Stations extends struct({ destination: mac, source: mac }) {}

/** `interfaceIndex` 0: not resolved, and why (`refusal`, one of `FibResult`). 36 bytes. */
export class NextHop extends struct({
  interfaceIndex: u32,
  mtu: u32,
  stations: Stations,
  refusal: u32,
  /** Of a VLAN: its own index, and the tags on the way out of `interfaceIndex`. 0: none. */
  port: u32,
  outer: u32,
  inner: u32,
}) {}
/** 128 bytes; the second half is for when the first cannot be trusted. */
export class Adjacency extends struct({
  active: u32,
  spare: u32,
  halves: array(NextHop, 2),
  /** Gateway as two numbers; of IPv4 1 and the address. `high` 0: none, the destination is on the link. */
  high: u64,
  low: u64,
  rest: array(u64, 4),
}) {}

/** What the kernel's tables say for a destination: 64 bytes. */
export class Route extends struct({
  high: u64,
  low: u64,
  /** What else the answer depends on: the table, the family, and the flow where routes have several next hops. */
  context: u64,
  /** Of `control` when the answer was asked for; 0: none. */
  generation: u32,
  hop: NextHop,
}) {}

/** One line, written by the control plane. */
export class Control extends struct({
  /** Changes with every route, neighbour, rule and link. 0 before the first. */
  generation: u32,
  /** 0: what the tables say depends on more than the destination (rules), and is asked for each packet. */
  keeps: u32,
  /** In ticks (jiffies): adjacencies and cached routes are trusted until then. */
  validUntil: u64,
}) {}

/** Which policy a destination is steered into, 0 for none. An IPv4 address is in `low`. `family` 0: nothing yet. 24 bytes. */
export class Steered extends struct({ high: u64, low: u64, policy: u32, family: u32 }) {}

export class Counter extends struct({ packets: u64, bytes: u64 }) {}

/** A weighted choice among paths: path `first + slots[hash & 63]`. */
export class Policy extends struct({
  /** `Headend`; 0: none. */
  kind: u8,
  /** 1: `first` is the path. */
  count: u8,
  spare: u16,
  first: u32,
  rest: u64,
  slots: array(u8, 64),
}) {}

/** What a processor keeps for itself. */
export class Scratch extends struct({
  source: ipv6Address,
  /** What the first program found, for the one that it jumps to: the slot of a SID, or a policy. */
  found: u32,
  reserved: u32,
  /** The question to the program that answers with errors: type and code of ICMP or ICMPv6, the word behind them. */
  family: u8,
  kind: u8,
  code: u8,
  spare: u8,
  rest: u32,
  /** Of the IP header of the offending packet, bytes from the start of the frame. */
  offset: u32,
  pad: u32,
  /** Errors are allowed again then. */
  nextErrorNs: u64,
  /** And samples. */
  nextSampleNs: u64,
  /** Why the packet is dropped: an index in `DROPPED`. */
  reason: u32,
  spare3: u32,
  /** Of a packet without a way out, as it came. */
  ethernet: Ethernet,
  reserved2: u16,
  /** Tags that were taken off, and whose frame it is: the index of the VLAN, or of the interface. */
  outer: u32,
  inner: u32,
  port: u32,
}) {}

/**
 * Of an interface by its index, modulo 1024: `policy` for whole frames that it receives, 0 for none; its own address, which
 * packets for the kernel must carry.
 */
export class Port extends struct({ policy: u32, station: mac, isKnown: bool, spare: u8 }) {}

/** What End.DX2V looks up: `table` is that of the SID. */
export class Vlan extends struct({ table: u32, vlan: u32 }) {}

/** A VLAN by its tags, of which `inner` may be 0, and the other way about. Tags: protocol and identifier. */
export class TaggedInput extends struct({ interfaceIndex: u32, outer: u32, inner: u32 }) {}
export class TaggedOutput extends struct({ interfaceIndex: u32, outer: u32, inner: u32 }) {}

/** A token bucket of End.Limit. */
export class Bucket extends struct({ lock: spinLock, spare: u32, bits: u64, updatedNs: u64 }) {}

/** The largest segment list in an SRH. */
export const MAX_SEGMENTS = 10;

/** Room for the longest. */
export class Outer extends struct({
  ipv6: Ipv6,
  srh: SegmentRoutingHeader,
  segments: array(ipv6Address, MAX_SEGMENTS),
}) {}

/** Which rows the program reads, and until when. */
export const control = new ArrayMap({ value: Control, maxEntries: 1 });
/** Packets and bytes received, by interface index modulo 1024. */
export const interfaces = new PerCpuArray({ value: Counter, maxEntries: 1024, name: "rx" });
/** What interfaces do with packets, by interface index modulo 1024. */
export const ports = new ArrayMap({ value: Port, maxEntries: 1024 });
export const scratch = new PerCpuArray({ value: Scratch, maxEntries: 1 });
/** Packets and bytes sent, by interface index modulo 1024. */
export const egress = new PerCpuArray({ value: Counter, maxEntries: 1024, name: "tx" });

/** A ready-made encapsulation; 64 bytes and the headers. */
export class Path extends struct({
  adjacency: u32,
  /** Segments in the SRH, the last first; 0 without SRH. */
  count: u8,
  /** Bits of `PathFlag`. */
  flags: u8,
  /** By how many bits the arguments are shifted into the mobile SID. */
  shift: u8,
  /** 0: that of the packet inside, less one. */
  hopLimit: u8,
  outer: Outer,
}) {}

/** Of SIDs and of policies. A power of two. */
export const COUNTERS = 16384;

export function createTables(plan: Plan) {
  return {
    sids: new ArrayMap({ value: Sid, maxEntries: plan.sidSlots, name: "sids" }),
    sidCounters: new PerCpuArray({ value: Counter, maxEntries: COUNTERS, name: "sid_counters" }),
    sessions: new ArrayMap({ value: Session, maxEntries: plan.sessionSlots, name: "sessions" }),
    policies: new ArrayMap({ value: Policy, maxEntries: plan.policies, name: "policies" }),
    policyCounters: new PerCpuArray({ value: Counter, maxEntries: COUNTERS, name: "policy_counters" }),
    paths: new ArrayMap({ value: Path, maxEntries: plan.paths, name: "paths" }),
    adjacencies: new ArrayMap({ value: Adjacency, maxEntries: plan.adjacencies, name: "adjacencies" }),
    routes: new PerCpuArray({ value: Route, maxEntries: plan.routeSlots, name: "routes" }),
    steering4: new LpmTrie({ key: ipv4Address, value: u32, maxEntries: plan.steeringEntries, name: "steering4" }),
    steering6: new LpmTrie({ key: ipv6Address, value: u32, maxEntries: plan.steeringEntries, name: "steering6" }),
    vlans: new HashMap({ key: Vlan, value: u32, maxEntries: plan.vlans, name: "vlans" }),
    taggedInputs: new HashMap({ key: TaggedInput, value: u32, maxEntries: plan.vlanPorts, name: "tagged_in" }),
    taggedOutputs: new HashMap({ key: u32, value: TaggedOutput, maxEntries: plan.vlanPorts, name: "tagged_out" }),
    steered: new PerCpuArray({ value: Steered, maxEntries: plan.routeSlots, name: "steered" }),
    limits: new HashMap({ key: u64, value: Bucket, maxEntries: 65536, preallocate: false, name: "limits" }),
  };
}
/** Maps of a program. */
export type Tables = ReturnType<typeof createTables>;
