/** Errors of the kernel layer about interfaces, namespaces and attaching; with what mends a driver's refusal. */
import { entry } from "./entry.ts";

/** What a driver or the core refused. */
export interface AttachRefusal {
  readonly interface: string;
  /** Name of a veth's other end, where it is known. */
  readonly peer?: string;
  readonly mode: string;
  readonly errno: string;
  /** The kernel's sentence; "" when it gave none. */
  readonly reason: string;
}

export const attachErrors = {
  KERNEL_NETLINK: entry(
    (p: { request: string; errno: string; sentence: string }) =>
      `${p.request} failed with ${p.errno}${p.sentence === "" ? "" : `: ${p.sentence}`}`,
    (p) => (p.errno === "EPERM" ? "run as root, or with CAP_NET_ADMIN" : "see rtnetlink(7)"),
  ),
  KERNEL_NO_INTERFACE: entry(
    (p: { which: string; known: readonly string[] }) => `there is no interface ${p.which} in this network namespace`,
    (p) => `it has ${p.known.join(", ")}; another namespace is chosen by name: --netns, inNamespace()`,
  ),
  KERNEL_INTERFACE_GONE: entry(
    (p: { what: string }) => `the interface of ${p.what} has gone`,
    () => "attach again when the interface is back",
  ),
  KERNEL_NO_NAMESPACE: entry(
    (p: { name: string; known: readonly string[] }) => `there is no network namespace ${p.name}`,
    (p) =>
      p.known.length === 0
        ? "ip netns list shows none; make one with ip netns add NAME"
        : `ip netns list shows ${p.known.join(", ")}`,
  ),
  KERNEL_ATTACH: entry(
    (p: AttachRefusal) =>
      `${p.interface} does not take the program in ${p.mode} mode: ${p.reason === "" ? "" : `${p.reason} `}(${p.errno})`,
    hintFor,
  ),
  KERNEL_PROGRAM_TYPE: entry(
    (p: { interface: string; program: string; type: string }) =>
      `program ${p.program} is of type ${p.type}, so ${p.interface} does not take it`,
    () => "only programs of type XDP can be attached here",
  ),
  KERNEL_PIN_WITHOUT_LINK: entry(
    (p: { pin: string }) => `what is attached by netlink is no BPF link, so ${p.pin} cannot hold it`,
    () => 'attach by link (via: "link", the default), or leave out pin: netlink holds the program until it is detached',
  ),
  KERNEL_OCCUPIED: entry(
    /** `replaceVia`: how it was attached, when it can be replaced without a gap. */
    (p: { interface: string; holder: string; replaceVia?: "link" | "netlink" }) =>
      `${p.interface} has ${p.holder} already`,
    ({ interface: name, replaceVia: via }) =>
      `${via ? `replace it: --replace${via === "netlink" ? " without --pin" : ""}, { replace: true, via: "${via}" }; or ` : ""}take it away first: xdpkit detach ${name}`,
  ),
  KERNEL_UNEXPECTED_PROGRAM: entry(
    (p: { holder: string }) => `${p.holder} does not hold the program that was expected`,
    () => "someone else has replaced it; xdpkit list shows what is attached",
  ),
  KERNEL_AMBIGUOUS_LINK: entry(
    (p: { interface: string; holder: string }) =>
      `${p.interface} has ${p.holder} and the kernel does not tell which of the links is the one here`,
    () => "another namespace has the same program at the same index: detach by link, bpftool link detach id ID",
  ),
  KERNEL_LOCKED: entry(
    (p: { path: string; holder: number | undefined }) =>
      `${p.path} is in use${p.holder === undefined ? "" : ` by process ${p.holder}`}`,
    () =>
      "wait for that process or end it, or take another folder; in one process, attach or dispose of what was loaded before",
  ),
  KERNEL_NOT_ATTACHED: entry(
    (p: { interface: string; mode: string }) =>
      `${p.interface} has no XDP program${p.mode === "" ? "" : ` in ${p.mode} mode`}`,
    () => "xdpkit list shows what is attached",
  ),
  KERNEL_LINK_UPDATE: entry(
    (p: { link: number; errno: string }) => `link ${p.link} does not take the program: ${p.errno}`,
    (p) =>
      p.errno === "EINVAL"
        ? "the new program must be of type XDP, and of the same kind as the old one"
        : "the driver takes it no more than it would when it is attached: give it what the old one had, such as fragments",
  ),
  KERNEL_NOT_A_LINK: entry(
    (p: { what: string }) => `${p.what} is no link of an XDP program`,
    () => "bpftool link show pinned PATH says what a pin is",
  ),
} as const;

type Mend = (p: AttachRefusal) => string;
const FRAGMENTS = "or declare the program with fragments (section xdp.frags)";

/** By words of the kernel's sentences: what they have in common over the drivers. */
const MENDS: readonly (readonly [words: RegExp, mend: Mend])[] = [
  [/peer mtu/i, (p) => `ip link set dev ${p.peer ?? "PEER"} mtu 3506 at the other end, ${FRAGMENTS}`],
  [/\bmtu\b|frame size|linear frames/i, (p) => `ip link set dev ${p.interface} mtu 1500, ${FRAGMENTS}`],
  [/rx queues.*peer/i, (p) => `ethtool -L ${p.interface} rx N with N of the peer's transmit queues, or fewer of those`],
  [/queues|channels|rings/i, (p) => `ethtool -L ${p.interface} combined N with a smaller N`],
  [/\blro\b|large receive/i, (p) => `ethtool -K ${p.interface} lro off`],
  [/hw.?gro/i, (p) => `ethtool -K ${p.interface} rx-gro-hw off`],
  [/data-split|header.?split|hds/i, (p) => `ethtool -G ${p.interface} tcp-data-split off, ${FRAGMENTS}`],
  [/frag|multi-?buf|scatter/i, () => `lower the MTU, ${FRAGMENTS}`],
  [
    /native mode/i,
    () => 'use generic mode, or state it as a fallback: --mode native-or-generic, mode: ["native", "generic"]',
  ],
  [/upper device/i, (p) => `detach the program of the bridge or bond that ${p.interface} belongs to, or attach there`],
  [/peer is detached/i, () => "give the interface its peer back: a veth works as a pair"],
  [/_(DEV|CPU)MAP programs/, () => "such a program belongs into an entry of a devmap or cpumap"],
  [
    /bound|offloaded/i,
    () => "load it for this interface, or without binding it to one, and attach it in the mode it was loaded for",
  ],
];

function hintFor(p: AttachRefusal): string {
  const [, mend] = MENDS.find(([words]) => words.test(p.reason)) ?? [];
  if (mend) return mend(p);
  if (p.errno === "EPERM") return "run as root, or with CAP_BPF and CAP_NET_ADMIN";
  if (p.errno === "EOPNOTSUPP") return "the driver cannot do this mode: use another";
  return `xdpkit doctor ${p.interface} says what stands in the way`;
}
