/** Why accesses to the packet and to the context of XDP are refused. */
import { registerState, upperBound, type VerifierLog } from "../verifier-log.ts";
import { isStore, type Reason, span } from "./reason.ts";

/** Fields of `struct xdp_md` (include/uapi/linux/bpf.h), 4 bytes each. */
const CONTEXT = ["data", "data_end", "data_meta", "ingress_ifindex", "rx_queue_index", "egress_ifindex"];

/** MAX_PACKET_OFF (kernel/bpf/verifier.c): a comparison of a pointer that may lie farther behind data proves nothing. */
const FARTHEST = 0xffff;

/** What `R2(id=1,off=14,r=0)` says about the packet, or the metadata in front of it. */
interface PacketAccess {
  /** Bytes from where the pointer came from, and to be accessed. */
  readonly off: number;
  readonly size: number;
  /** Moved by something that is not constant. */
  readonly moved: boolean;
  /** It may lie farther behind data than comparisons reach. */
  readonly far: boolean;
  readonly proven: number;
  readonly meta: boolean;
}

function packetAccess([off, size, register, id, proven]: readonly string[], log: VerifierLog): PacketAccess {
  const state = registerState(log, register!);
  const most = upperBound(state);
  return {
    off: Number(off),
    size: Number(size),
    moved: id !== "0",
    far: id !== "0" && proven === "0" && most !== undefined && most + Number(off) + Number(size) > FARTHEST,
    proven: Number(proven),
    meta: state?.startsWith("pkt_meta") ?? false,
  };
}

function packetReason({ off, size, moved, far, proven, meta }: PacketAccess): string {
  const what = meta ? "the metadata" : "the packet";
  const from = moved ? `behind a pointer into ${what} that was moved by a variable` : `of ${what}`;
  const accesses = `it accesses ${span(off, size)} ${from}`;
  if (off < 0 && moved) return `${accesses}, and the variable may be less than ${-off}`;
  if (off < 0) return `${accesses}, in front of what is there`;
  if (far) return `${accesses} and may lie more than ${FARTHEST} bytes behind data, where comparisons prove nothing`;
  if (proven > 0) return `${accesses}, but on this path only the first ${proven} are known to be there`;
  return `${accesses}, but on this path no comparison with ${meta ? "data" : "data_end"} covers it`;
}

function packetHint({ off, size, moved, far, meta }: PacketAccess): string {
  if (off < 0)
    return `start ${-off} further on, or go on only where the offset is at least ${-off}: nothing in front of ${meta ? "data_meta" : "data"} can be read`;
  if (far)
    return "bound the variable before it is added (x &= 0x7fff, or if (x > 1500) return), then compare with data_end";
  const [start, end] = meta ? ["data_meta", "data"] : ["data", "data_end"];
  return `go on only where ${moved ? "the moved pointer" : start} + ${off + size} <= ${end}: compare right before the access, with the same pointer`;
}

export const packetReasons: readonly Reason[] = [
  {
    sentence: /^invalid access to packet, off=(-?\d+) size=(\d+), (R\d+)\(id=(\d+),(?:off=-?\d+,)?r=(\d+)\)/,
    reason: (groups, log) => packetReason(packetAccess(groups, log)),
    hint: (groups, log) => packetHint(packetAccess(groups, log)),
  },
  {
    sentence: /^R(\d+) offset is outside of the packet/,
    reason: ([register]) => `R${register} does not point into the part of the packet that is known to be there`,
    hint: "compare the end of what is accessed with data_end right before the access",
  },
  {
    sentence: /^invalid bpf_context access off=(-?\d+) size=(\d+)/,
    reason: ([off, size], log) => {
      const field = CONTEXT[Number(off) / 4];
      if (isStore(log)) return `it writes ${size} bytes at ${off} into the context, which is read-only`;
      if (field === "egress_ifindex" && size === "4")
        return "it reads egress_ifindex, which only programs in a devmap have";
      return `it reads ${size} bytes at ${off} of struct xdp_md, where no such field is`;
    },
    hint: ([off, size], log) =>
      isStore(log)
        ? "change the packet's bounds with bpf_xdp_adjust_head, _tail or _meta"
        : off === "20" && size === "4"
          ? "put the program into section xdp/devmap, or use ingress_ifindex"
          : `read the fields as 32-bit numbers: ${CONTEXT.map((name, index) => `${name} at ${4 * index}`).join(", ")}`,
  },
  {
    sentence: /^dereference of modified ctx ptr R(\d+) off=(-?\d+) disallowed/,
    reason: ([register, off]) =>
      `R${register} is the context moved by ${off}: only the context itself can be read or passed`,
    hint: "keep the context pointer as it came, and put the distance into the access",
  },
  {
    sentence: /^variable ctx access|^R\d+ variable ctx access/,
    reason: "it reads the context at a place that is only known at run time",
    hint: "read each field by its own constant offset",
  },
  {
    sentence: /^BPF_ATOMIC (?:stores|loads) (?:into|from) R\d+ (\w+) is not allowed/,
    reason: ([kind]) => `atomic operations do not work on memory of kind ${kind}`,
    hint: "work on a local copy, or keep the counter in a map",
  },
  {
    sentence: /BPF_LD_\[ABS\|IND\] instructions not allowed/,
    reason: "the packet instructions of classic BPF (ld_abs, ld_ind) are not for XDP",
    hint: "read through data, compared with data_end, or with bpf_xdp_load_bytes",
  },
];
