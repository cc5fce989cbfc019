/** Errors of the kernel layer. */
import { attachErrors } from "./attach.ts";
import { entry } from "./entry.ts";

export const kernelErrors = {
  KERNEL_UNAVAILABLE: entry(
    (p: { reason: string }) => `the kernel cannot be reached: ${p.reason}`,
    () => "bpf(2) needs Linux on x86-64 or arm64",
  ),
  KERNEL_CALL: entry(
    (p: { call: string; errno: string }) => `${p.call} failed with ${p.errno}`,
    (p) =>
      p.errno !== "EPERM"
        ? "see bpf(2)"
        : `run as root, or with ${p.call === "setns" ? "CAP_SYS_ADMIN" : "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"}`,
  ),
  KERNEL_PACKET_SIZE: entry(
    (p: { have: number; least: number }) =>
      `a packet of ${p.have} bytes cannot be run: the kernel wants at least ${p.least}`,
    () => "XDP programs see whole Ethernet headers",
  ),
  KERNEL_REFUSED: entry(
    (p: { program: string; errno: string; reason: string }) =>
      `the kernel refuses program ${p.program} with ${p.errno}: ${p.reason}`,
    () => "the verifier's whole log is in the error's `cause`",
  ),
  KERNEL_PIN: entry(
    (p: { action: "pin" | "open"; path: string; errno: string }) => `cannot ${p.action} ${p.path}: ${p.errno}`,
    (p) => PIN_HINTS[p.errno] ?? "see bpf(2), BPF_OBJ_PIN",
  ),
  KERNEL_UNKNOWN_KERNEL_SYMBOL: entry(
    (p: { name: string }) => `the running kernel has no ${p.name}`,
    () => "declare it weak, or use a kernel that has it",
  ),
  ...attachErrors,
} as const;

const PIN_HINTS: Readonly<Record<string, string>> = {
  EPERM: "the path must lie in a bpf file system: mount -t bpf bpf /sys/fs/bpf",
  EINVAL: "the path must lie in a bpf file system, and the last name must have no dot",
  EEXIST: "something is pinned there already: take another name, or remove it",
  ENOENT: "a folder of the path does not exist: make it with mkdir",
  EACCES: "run as root, or as the owner of the folder",
};
