/** Why accesses to the packet and to the context of XDP are refused. */
import { registerState } from "../verifier-log.ts";
import { isStore, type Reason, span } from "./reason.ts";

/** Fields of `struct xdp_md` (include/uapi/linux/bpf.h), 4 bytes each. */
const CONTEXT = ["data", "data_end", "data_meta", "ingress_ifindex", "rx_queue_index", "egress_ifindex"];

export const packetReasons: readonly Reason[] = [
  {
    sentence: /^invalid access to packet, off=(-?\d+) size=(\d+), (R\d+)\(id=(\d+),off=-?\d+,r=(\d+)\)/,
    reason: ([off, size, register, id, proven], log) => {
      const meta = registerState(log, register!)?.startsWith("pkt_meta");
      const what = meta ? "the metadata" : "the packet";
      const from = id === "0" ? `of ${what}` : `behind a pointer into ${what} that was moved by a variable`;
      const known =
        Number(off) < 0
          ? "which lie in front of it"
          : proven === "0"
            ? `but on this path nothing was compared with ${meta ? "data" : "data_end"}`
            : `but on this path only the first ${proven} are known to be there`;
      return `it accesses ${span(Number(off), Number(size))} ${from}, ${known}`;
    },
    hint: ([off, size, register, id], log) => {
      const end = registerState(log, register!)?.startsWith("pkt_meta") ? "data" : "data_end";
      const start = id !== "0" ? "the moved pointer" : end === "data" ? "data_meta" : "data";
      return Number(off) < 0
        ? "make room in front first (bpf_xdp_adjust_head, bpf_xdp_adjust_meta), and load data again"
        : `go on only where ${start} + ${Number(off) + Number(size)} <= ${end}: compare right before the access, with the same pointer`;
    },
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
