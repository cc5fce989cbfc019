/** The doctor's checks of one interface: driver, queues, offloads, MTU, what is attached, and a veth's other end. */
import { XdpkitError } from "../../base/index.ts";
import { describeAttachment, listAttachments } from "../attachments.ts";
import { activeOffloads, channels, type DeviceFeatures, deviceFeatures, driverOf } from "../device.ts";
import { findInterface, type NetworkInterface, tryFindInterface, type XdpMode } from "../interfaces.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

/** What is known of an interface, asked once. */
interface Subject {
  readonly self: NetworkInterface;
  readonly driver: string;
  readonly features: DeviceFeatures | undefined;
  /** A veth's other end, here or in another namespace. */
  readonly peer: NetworkInterface | undefined;
}

/** What stands in the way of XDP on an interface. @throws XdpkitError KERNEL_NO_INTERFACE */
export function examineInterface(which: string | number): Finding[] {
  const self = findInterface(which);
  const { kind, lower, name, index } = self;
  const peer = kind === "veth" && lower ? tryFindInterface(lower.index, lower.namespaceId) : undefined;
  const subject = { self, driver: driverOf(name)?.name ?? kind ?? "", features: deviceFeatures(index), peer };
  return [link, native, queues, offloads, mtu, attached, otherEnd].flatMap((check) => check(subject));
}

function link({ self: { name, up, carrier } }: Subject): Finding[] {
  if (!up) return [warning("link", `${name} is down: no packet comes in`, `ip link set dev ${name} up`)];
  if (!carrier) return [warning("link", `${name} has no carrier: no packet comes in`, "bring the other end up")];
  return [ok("link", `${name} is up`)];
}

const GENERIC = "attach in generic mode: --mode generic, or --mode native-or-generic";

function native({ self: { name }, driver, features }: Subject): Finding[] {
  const of = `the driver of ${name}${driver === "" ? "" : `, ${driver},`}`;
  if (!features) return [ok("driver", `${of} is not asked for its XDP features before Linux 6.3`)];
  const { xdp, metadata } = features;
  if (!xdp.includes("basic")) return [warning("driver", `${of} offers no native XDP now`, GENERIC)];
  const hints = metadata.length === 0 ? "" : `; hints: ${metadata.join(", ")}`;
  return [ok("driver", `${of} has native XDP: ${xdp.join(", ")}${hints}`)];
}

/** How a command for the other end is given: it works in that end's namespace. */
const atPeer = ({ self, peer }: Subject, command: string): string =>
  self.lower?.namespaceId === undefined ? command : `in the namespace of ${peer?.name ?? "the peer"}: ${command}`;

/**
 * A veth needs as many receive queues in use as its peer has transmit queues in use (veth_xdp_set, drivers/net/veth.c). Its
 * driver keeps the answer in its XDP features since Linux 6.3, also for a peer in another namespace, whose queues in use are not
 * told: netlink counts those that it was made with.
 */
function queues(subject: Subject): Finding[] {
  const { self, peer, features } = subject;
  const { receive, transmit } = channels(self.index) ?? self.queues;
  const isHere = self.lower?.namespaceId === undefined;
  const sending = peer && isHere ? (channels(peer.index) ?? peer.queues).transmit : undefined;
  const isRefused = features ? !features.xdp.includes("basic") : sending !== undefined && sending > receive;
  if (self.kind !== "veth" || !peer || !isRefused)
    return [ok("queues", `${self.name} has ${receive} receive and ${transmit} transmit queues`)];
  const count = sending === undefined ? "" : `${sending} `;
  const says = `${self.name} has ${receive} receive queues, fewer than the ${count}transmit queues of its peer: native XDP is refused`;
  // No more can be in use than it was made with.
  const isEnough = sending !== undefined && self.queues.receive >= sending;
  return [
    problem(
      "queues",
      says,
      isEnough ? `ethtool -L ${self.name} rx ${sending}` : atPeer(subject, `ethtool -L ${peer.name} tx ${receive}`),
    ),
  ];
}

interface Offload {
  /** The kernel's name of the feature (net/ethtool/common.c). */
  readonly feature: string;
  readonly level: typeof warning | typeof problem;
  readonly says: string;
  /** What ethtool -K calls it. */
  readonly option: string;
}

const OFFLOADS: readonly Offload[] = [
  {
    feature: "rx-lro",
    level: problem,
    says: "LRO merges packets before a program sees them: drivers refuse native XDP with it",
    option: "lro",
  },
  {
    feature: "rx-gro-hw",
    level: problem,
    says: "hardware GRO merges packets before a program sees them: drivers refuse native XDP with it",
    option: "rx-gro-hw",
  },
  {
    feature: "rx-vlan-hw-parse",
    level: warning,
    says: "VLAN tags are taken off before a program sees the packet",
    option: "rxvlan",
  },
];
/** A veth takes nothing off: its peer sends the tag beside the packet, while this is on. */
const PEER_OFFLOADS: readonly Offload[] = [
  {
    feature: "tx-vlan-hw-insert",
    level: warning,
    says: "VLAN tags that its stack adds come beside the packet, where a program of the other end does not see them",
    option: "txvlan",
  },
];

/** Of another namespace's peer nothing is known: offloads are told inside a namespace only. */
function offloads({ self, peer }: Subject): Finding[] {
  const isVeth = self.kind === "veth";
  const sender = isVeth ? peer : self;
  const isHere = sender === self || self.lower?.namespaceId === undefined;
  const active = sender && isHere ? activeOffloads(sender.index) : undefined;
  if (!sender || !active) return [];
  const found = (isVeth ? PEER_OFFLOADS : OFFLOADS)
    .filter(({ feature }) => active.has(feature))
    .map(({ level, says, option }) =>
      level("offloads", `${sender.name}: ${says}`, `ethtool -K ${sender.name} ${option} off`),
    );
  return found.length > 0 ? found : [ok("offloads", `${self.name} has no offload that stands in the way of XDP`)];
}

/**
 * The most that a program without fragments can have on pages of 4 KiB: the page without XDP_PACKET_HEADROOM (256), the
 * Ethernet header (14) and struct skb_shared_info (320). Other drivers' limits lie at it or below.
 */
const LINEAR_MTU = 3506;

/** It is the peer's MTU that counts for a veth: what it sends comes in here. */
function mtu(subject: Subject): Finding[] {
  const { self, peer } = subject;
  const sender = self.kind === "veth" ? peer : self;
  if (!sender || sender.mtu <= LINEAR_MTU)
    return [ok("mtu", `the MTU of ${self.name}, ${self.mtu}, leaves room for XDP`)];
  const whose = sender === self ? self.name : `${self.name}'s peer ${sender.name}`;
  const says = `the MTU of ${whose}, ${sender.mtu}, is above ${LINEAR_MTU}: native programs without fragments are refused`;
  const command = `ip link set dev ${sender.name} mtu ${LINEAR_MTU}`;
  const there = sender === self ? command : atPeer(subject, command);
  return [warning("mtu", says, `${there}, or declare the program with fragments (xdp.frags)`)];
}

function attached({ self }: Subject): Finding[] {
  if (self.attached.length === 0) return [ok("attached", `${self.name} has no XDP program`)];
  return describeAll(self).map(({ mode, text }) => {
    const says = `${self.name} has ${text}`;
    if (mode !== "generic") return ok("attached", says);
    const why = "generic mode sees packets late, after GRO and with checksums left open";
    return warning("attached", `${says}; ${why}`, `xdpkit detach ${self.name}, then attach with --mode native`);
  });
}

/** Without privilege the kernel tells ids of programs, not what they are. */
function describeAll(self: NetworkInterface): { readonly mode: XdpMode; readonly text: string }[] {
  try {
    return listAttachments([self]).map((one) => ({ mode: one.mode, text: describeAttachment(one) }));
  } catch (error) {
    if (!(error instanceof XdpkitError) || error.code !== "KERNEL_CALL") throw error;
    return self.attached.map(({ mode, programId }) => ({ mode, text: `program ${programId} in ${mode} mode` }));
  }
}

/**
 * What becomes of frames that programs send out of a veth (drivers/net/veth.c): they come to a ring of its peer, which is there
 * while the peer has a native program or GRO. Redirected ones then arrive (veth_xdp_xmit); those of XDP_TX are taken from the
 * ring only when the peer has a program (veth_xdp_flush). Otherwise they are dropped without a word.
 */
function otherEnd(subject: Subject): Finding[] {
  const { self, features, peer } = subject;
  if (self.kind !== "veth") return [];
  if (!peer)
    return [problem("peer", `the peer of ${self.name} cannot be seen`, "its namespace has gone: make the pair again")];
  const whose = `the peer of ${self.name}, ${peer.name},`;
  if (peer.attached.some(({ mode }) => mode === "native"))
    return [ok("peer", `${whose} takes what programs send (XDP_TX, redirect)`)];
  const mend = `attach a program that passes to ${peer.name}, in native mode`;
  if (features?.xdp.includes("ndo-xmit"))
    return [
      warning(
        "peer",
        `${whose} has GRO and no native program: it takes redirected frames, XDP_TX of ${self.name} is lost`,
        mend,
      ),
    ];
  const says = `${whose} has neither a native program nor GRO: what programs send out of ${self.name} (XDP_TX, redirect) is lost`;
  return [warning("peer", says, `${mend}; for redirects alone ${atPeer(subject, `ethtool -K ${peer.name} gro on`)}`)];
}
