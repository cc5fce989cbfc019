/**
 * Section names to program kinds, as libbpf has them (its table of SEC() names, docs/program_types.rst).
 *
 * Names that libbpf 1.x no longer takes, but objects for XDP still have, are read as before 1.0: anything that begins
 * with `xdp`. Invariant: the first row that matches decides, so longer names stand before their prefixes.
 */
import type { BpfFunction, BpfObject, ProgramKind } from "./bpf-object.ts";

/** Rows whose name ends with `+` match `name` and `name/…`. */
const XDP_SECTIONS = [
  { section: "xdp.frags/devmap", kind: "xdp/devmap", fragments: true },
  { section: "xdp.frags_devmap", kind: "xdp/devmap", fragments: true },
  { section: "xdp/devmap", kind: "xdp/devmap", fragments: false },
  { section: "xdp_devmap", kind: "xdp/devmap", fragments: false },
  { section: "xdp.frags/cpumap", kind: "xdp/cpumap", fragments: true },
  { section: "xdp.frags_cpumap", kind: "xdp/cpumap", fragments: true },
  { section: "xdp/cpumap", kind: "xdp/cpumap", fragments: false },
  { section: "xdp_cpumap", kind: "xdp/cpumap", fragments: false },
  { section: "xdp.frags", kind: "xdp", fragments: true },
  { section: "xdp", kind: "xdp", fragments: false },
] as const satisfies readonly { section: string; kind: string; fragments: boolean }[];

const OTHER_SECTIONS = [
  ..."socket sk_reuseport/migrate sk_reuseport kprobe.multi+ kretprobe.multi+ kprobe.session+".split(" "),
  ..."kprobe+ kretprobe+ uprobe.multi.s+ uprobe.multi+ uprobe.session.s+ uprobe.session+ uprobe.s+ uprobe+".split(" "),
  ..."uretprobe.multi.s+ uretprobe.multi+ uretprobe.s+ uretprobe+ ksyscall+ kretsyscall+ usdt.s+ usdt+".split(" "),
  ..."tc/ingress tc/egress tcx/ingress tcx/egress tc classifier action netkit/primary netkit/peer".split(" "),
  ..."tracepoint+ tp_btf+ tp+ raw_tracepoint.w+ raw_tracepoint+ raw_tp.w+ raw_tp+".split(" "),
  ..."fentry.s+ fentry+ fmod_ret.s+ fmod_ret+ fexit.s+ fexit+ freplace+ lsm_cgroup+ lsm.s+ lsm+".split(" "),
  ..."iter.s+ iter+ syscall perf_event lwt_in lwt_out lwt_xmit lwt_seg6local sockops".split(" "),
  ..."sk_skb/stream_parser sk_skb/stream_verdict sk_skb/verdict sk_skb sk_msg sk_lookup lirc_mode2".split(" "),
  ..."flow_dissector cgroup_skb/ingress cgroup_skb/egress cgroup/skb cgroup/sock_create cgroup/sock_release".split(" "),
  ..."cgroup/sock cgroup/post_bind4 cgroup/post_bind6 cgroup/bind4 cgroup/bind6 cgroup/connect4".split(" "),
  ..."cgroup/connect6 cgroup/connect_unix cgroup/sendmsg4 cgroup/sendmsg6 cgroup/sendmsg_unix".split(" "),
  ..."cgroup/recvmsg4 cgroup/recvmsg6 cgroup/recvmsg_unix cgroup/getpeername4 cgroup/getpeername6".split(" "),
  ..."cgroup/getpeername_unix cgroup/getsockname4 cgroup/getsockname6 cgroup/getsockname_unix".split(" "),
  ..."cgroup/sysctl cgroup/getsockopt cgroup/setsockopt cgroup/dev struct_ops.s+ struct_ops+ netfilter".split(" "),
];

/** The kind of a section whose name libbpf does not know. */
export const UNKNOWN_KIND = "unspec";

/** What libbpf makes of `xdp.frags/devmap`, `?xdp`, `fentry/tcp_connect`; the kind is `unspec` when it knows nothing. */
export function programKind(section: string): ProgramKind {
  const autoload = !section.startsWith("?");
  const name = autoload ? section : section.slice(1);
  const xdp = XDP_SECTIONS.find((row) => name === row.section || name.startsWith(`${row.section}/`));
  if (xdp) return { kind: xdp.kind, fragments: xdp.fragments, autoload };
  if (name.startsWith("xdp")) return { kind: "xdp", fragments: false, autoload };
  const other = OTHER_SECTIONS.find((row) => matches(row, name));
  return { kind: other?.replace("+", "") ?? UNKNOWN_KIND, fragments: false, autoload };
}

/**
 * The object with its programs of sections that name no type as XDP programs, whatever their sections are called; for
 * `all` those of other types as well. A single global function of .text is a program then, as to libbpf.
 */
export function withProgramType(object: BpfObject, all: boolean): BpfObject {
  const programs = object.functions.filter((one) => one.program);
  const alone = object.functions.filter((one) => one.section === ".text" && one.linkage === "global");
  const chosen = new Set<BpfFunction>(programs.length > 0 ? programs : alone.length === 1 ? alone : []);
  const isTaken = (one: BpfFunction): boolean => all || one.program === undefined || one.program.kind === UNKNOWN_KIND;
  const program: ProgramKind = { kind: "xdp", fragments: false, autoload: true };
  const functions = object.functions.map((one) =>
    chosen.has(one) && isTaken(one) && !one.program?.kind.startsWith("xdp") ? { ...one, program } : one,
  );
  return { ...object, functions };
}

function matches(row: string, name: string): boolean {
  if (!row.endsWith("+")) return row === name;
  const prefix = row.slice(0, -1);
  return name === prefix || name.startsWith(`${prefix}/`);
}
