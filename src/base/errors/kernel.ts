/** Errors of the kernel layer. */
import { attachErrors } from "./attach.ts";
import { entry } from "./entry.ts";

/** Calls for which CAP_BPF does not do (bpf_obj_get_next_id, bpf_*_get_fd_by_id, bpf_enable_stats; kernel/bpf/syscall.c). */
const ADMINISTRATORS = /^(setns|listing \w+|BPF_\w+_GET_FD_BY_ID|BPF_ENABLE_STATS)$/;

export const kernelErrors = {
  KERNEL_UNAVAILABLE: entry(
    (p: { reason: string }) => `the kernel cannot be reached: ${p.reason}`,
    () => "bpf(2) needs Linux on x86-64 or arm64",
  ),
  KERNEL_BTF: entry(
    (p: { errno: string; reason: string }) => `the kernel does not take the object's types (${p.errno}: ${p.reason})`,
    () => "maps and programs are loaded without: other tools show bytes in place of fields",
  ),
  KERNEL_CALL: entry(
    (p: { call: string; errno: string }) => `${p.call} failed with ${p.errno}`,
    (p) =>
      p.errno !== "EPERM"
        ? "see bpf(2)"
        : `run as root, or with ${ADMINISTRATORS.test(p.call) ? "CAP_SYS_ADMIN" : "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"}`,
  ),
  KERNEL_PACKET_SIZE: entry(
    (p: { have: number; least: number }) =>
      `a packet of ${p.have} bytes cannot be run: the kernel wants at least ${p.least}`,
    () => "XDP programs see whole Ethernet headers",
  ),
  KERNEL_REFUSED: entry(
    /** `sentence` is the kernel's own, "" when it gave none; `reason` the same in plain words, where they are known. */
    (p: { program: string; errno: string; sentence: string; reason?: string; inside?: string }) => {
      const which = p.inside === undefined ? p.program : `${p.program} in function ${p.inside}`;
      const said = p.reason === undefined || p.sentence === "" ? p.errno : `${p.errno}: ${p.sentence}`;
      return `the kernel refuses program ${which}: ${p.reason ?? p.sentence} (${said})`;
    },
    () => "the verifier's log, the error's `cause`, shows the way there with all registers",
  ),
  KERNEL_PERMISSION: entry(
    (p: { program: string }) => `this process may not load program ${p.program} (EPERM)`,
    () =>
      "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON: setcap on the node binary, --cap-add of containers",
  ),
  KERNEL_PIN: entry(
    (p: { action: "pin" | "open"; path: string; errno: string }) => `cannot ${p.action} ${p.path}: ${p.errno}`,
    (p) => PIN_HINTS[p.errno] ?? "see bpf(2), BPF_OBJ_PIN",
  ),
  KERNEL_PIN_LAYOUT: entry(
    (p: { map: string; path: string; difference: string }) =>
      `map ${p.map} does not fit the one that is pinned at ${p.path}: ${p.difference}`,
    (p) =>
      `give load() a migration of ${p.map}, take another pinPath, or remove the pin with what it holds: rm ${p.path}`,
  ),
  KERNEL_MAP_DEFINITION: entry(
    (p: { map: string; field: string; rule: string; errno: string }) =>
      `the kernel refuses map ${p.map}: ${p.field} ${p.rule} (${p.errno})`,
    () => "correct the map's definition",
  ),
  KERNEL_MAP_FULL: entry(
    (p: { map: string; maxEntries: number }) => `map ${p.map} is full: it has room for ${p.maxEntries}`,
    () => "delete entries, declare a larger maxEntries, or use an LRU hash, which evicts",
  ),
  KERNEL_MAP_INDEX: entry(
    (p: { map: string; maxEntries: number }) => `map ${p.map} has no such index: it has 0 to ${p.maxEntries - 1}`,
    () => "indices are below maxEntries",
  ),
  KERNEL_MAP_PRESENT: entry(
    (p: { map: string }) => `map ${p.map} has this key already`,
    () => 'set it with the mode "any" or "replace"',
  ),
  KERNEL_MAP_ABSENT: entry(
    (p: { map: string }) => `map ${p.map} does not have this key`,
    () => 'set it with the mode "any" or "create"',
  ),
  KERNEL_MAP_READ_ONLY: entry(
    (p: { map: string; reason: "frozen" | "read-only" | "write-only" }) => `map ${p.map} is ${p.reason} for user space`,
    (p) =>
      p.reason === "frozen"
        ? "constants are fixed at load: give them as settings"
        : "it was created with BPF_F_RDONLY or BPF_F_WRONLY",
  ),
  KERNEL_MAP_OPERATION: entry(
    (p: { map: string; operation: string; errno: string }) => `map ${p.map}: ${p.operation} fails with ${p.errno}`,
    (p) => MAP_HINTS[p.errno] ?? "see bpf(2)",
  ),
  KERNEL_MAP_WALK: entry(
    (p: { map: string; maxEntries: number }) =>
      `map ${p.map} changes so fast that a walk of its ${p.maxEntries} entries does not end`,
    () => "try again when fewer entries are deleted at the same time",
  ),
  KERNEL_NOT_A_MAP: entry(
    (p: { path: string; what: string }) => `${p.path} is no map, but ${p.what}`,
    () => "give the path of a map: bpftool map list -f shows where maps are pinned",
  ),
  KERNEL_TRACE: entry(
    (p: { path: string; errno: string }) => `cannot read ${p.path}: ${p.errno}`,
    (p) => TRACE_HINTS[p.errno] ?? "see Documentation/trace/ftrace.rst",
  ),
  KERNEL_UNKNOWN_MAP: entry(
    (p: { name: string; known: readonly string[] }) => `what was loaded has no map ${p.name}`,
    (p) => (p.known.length === 0 ? "it has no maps" : `it has ${p.known.join(", ")}`),
  ),
  KERNEL_UNKNOWN_VARIABLE: entry(
    (p: { name: string; known: readonly string[] }) => `what was loaded has no global variable ${p.name}`,
    (p) => (p.known.length === 0 ? "it has no global variables" : `it has ${p.known.join(", ")}`),
  ),
  KERNEL_UNKNOWN_KERNEL_SYMBOL: entry(
    (p: { name: string }) => `the running kernel has no ${p.name}`,
    () => "declare it weak, or use a kernel that has it",
  ),
  ...attachErrors,
} as const;

const MAP_HINTS: Readonly<Record<string, string>> = {
  EPERM: "run as root, or with CAP_BPF and CAP_NET_ADMIN",
  EINVAL: "this type of map does not allow it; elements of arrays cannot be deleted",
  EOPNOTSUPP: "this type of map has no such operation",
  ENOTSUPP: "this type of map has no such operation",
  ENOMEM: "nothing could be evicted, or the memory limit (ulimit -l, the cgroup's) is reached",
  EBUSY: "a program on this CPU was changing the same bucket: try again",
  ENOTSOCK: "an XSKMAP takes descriptors of AF_XDP sockets, which only the process that has the socket can give",
  ENODEV: "there is no interface of that index in this network namespace",
};

const TRACE_HINTS: Readonly<Record<string, string>> = {
  ENOENT: "mount -t tracefs tracefs /sys/kernel/tracing",
  EACCES: "run as root",
  EPERM: "run as root",
  EBUSY: "another process reads it: only one can",
};

const PIN_HINTS: Readonly<Record<string, string>> = {
  EPERM: "the path must lie in a bpf file system, and its names must have no dot: mount -t bpf bpf /sys/fs/bpf",
  EINVAL: "the path must lie in a bpf file system, and the last name must have no dot",
  EEXIST: "something is pinned there already: take another name, or remove it",
  ENOENT: "a folder of the path does not exist: make it with mkdir",
  EISDIR: "it is a folder: give the path of what is pinned in it, or another name",
  ENAMETOOLONG: "a name has at most 255 bytes",
  EACCES: "run as root, or as the owner of the folder",
};
