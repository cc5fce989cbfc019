/** The doctor's checks of the machine and of the thread's network namespace. */
import { existsSync, readFileSync } from "node:fs";
import { XdpkitError } from "../../base/index.ts";
import { hasHelper } from "../features.ts";
import { bpfMounts } from "../link-holders.ts";
import { loadPass } from "../pass-program.ts";
import { programInfo } from "../program-info.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { examineFeatures } from "./kernel-features.ts";

/** Checks that need no privilege come first; what the kernel does not let this process try ends the list. */
export function examineHost(): Finding[] {
  const findings = [...capabilities(), ...unprivileged(), ...fileSystem(), ...typeInformation(), ...forwarding()];
  const reach = reachable();
  if (reach.level !== "ok") return [reach, ...findings];
  return [reach, ...jit(), ...findings, ...memory(), ...examineFeatures()];
}

/** A program that does nothing is loaded, not attached. */
function reachable(): Finding {
  try {
    loadPass("doctor")[Symbol.dispose]();
    return ok("bpf", "programs can be loaded");
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    return problem(
      "bpf",
      `programs cannot be loaded: ${error.problem}`,
      "run as root, or give node the capabilities below",
    );
  }
}

/** Bits of CapEff (include/uapi/linux/capability.h). CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON. */
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;
const CAP_PERFMON = 38;
const CAP_BPF = 39;
const GIVE = 'setcap cap_bpf,cap_perfmon,cap_net_admin+ep "$(command -v node)"';

function capabilities(): Finding[] {
  const [, mask = "0"] = /^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/thread-self/status", "utf8")) ?? [];
  const has = (bit: number): boolean => (BigInt(`0x${mask}`) & (1n << BigInt(bit))) !== 0n;
  const lacks = [
    ...(has(CAP_BPF) || has(CAP_SYS_ADMIN) ? [] : ["CAP_BPF (load)"]),
    ...(has(CAP_PERFMON) || has(CAP_SYS_ADMIN) ? [] : ["CAP_PERFMON (pointers, tracing)"]),
    ...(has(CAP_NET_ADMIN) ? [] : ["CAP_NET_ADMIN (attach)"]),
  ];
  if (lacks.length > 0) return [problem("capabilities", `this process lacks ${lacks.join(", ")}`, GIVE)];
  const others = has(CAP_SYS_ADMIN) ? "" : "; programs, links and types of others are not told without CAP_SYS_ADMIN";
  return [ok("capabilities", `this process may load and attach: CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN${others}`)];
}

function readSetting(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, "utf8").trim();
  } catch {
    return undefined;
  }
}

function unprivileged(): Finding[] {
  const setting = readSetting("kernel/unprivileged_bpf_disabled");
  if (setting !== "0") return [];
  const mend = "sysctl -w kernel.unprivileged_bpf_disabled=2";
  return [warning("unprivileged-bpf", "any user may load some kinds of programs", mend)];
}

/** net.core.bpf_jit_enable is shown in the first network namespace only: a program tells whether it was compiled. */
function jit(): Finding[] {
  const program = loadPass("doctor");
  const { jitedBytes } = programInfo(program);
  program[Symbol.dispose]();
  if (jitedBytes === 0)
    return [problem("jit", "programs are interpreted, not compiled", "sysctl -w net.core.bpf_jit_enable=1")];
  if (readSetting("net/core/bpf_jit_harden") === "2")
    return [
      warning("jit", "programs are compiled with blinded constants: slower", "sysctl -w net.core.bpf_jit_harden=1"),
    ];
  return [ok("jit", "programs are compiled to machine code")];
}

function fileSystem(): Finding[] {
  const mounts = bpfMounts();
  if (mounts.length > 0) return [ok("bpffs", `a bpf file system is mounted at ${mounts.join(", ")}`)];
  return [warning("bpffs", "no bpf file system is mounted: nothing can be pinned", "mount -t bpf bpf /sys/fs/bpf")];
}

function typeInformation(): Finding[] {
  if (existsSync("/sys/kernel/btf/vmlinux"))
    return [ok("btf", "the kernel has its BTF: CO-RE and kernel functions work")];
  const mend = "use a kernel with CONFIG_DEBUG_INFO_BTF=y";
  return [warning("btf", "the kernel has no BTF: CO-RE and kernel functions do not work", mend)];
}

/** These files show the namespace of the thread that opens them. */
const FORWARDING = [
  { check: "forwarding-ipv4", family: "IPv4", path: "net/ipv4/ip_forward", name: "net.ipv4.ip_forward" },
  {
    check: "forwarding-ipv6",
    family: "IPv6",
    path: "net/ipv6/conf/all/forwarding",
    name: "net.ipv6.conf.all.forwarding",
  },
] as const;

function forwarding(): Finding[] {
  return FORWARDING.map(({ check, family, path, name }) => {
    const setting = readSetting(path);
    if (setting === undefined) return warning(check, `there is no ${family} here`, `load ${family} into the kernel`);
    if (setting !== "0") return ok(check, `${family} is forwarded`);
    const says = `${family} is not forwarded: bpf_fib_lookup answers BPF_FIB_LKUP_RET_FWD_DISABLED`;
    return warning(check, says, `sysctl -w ${name}=1`);
  });
}

/** Since Linux 5.11 (as bpf_ktime_get_coarse_ns) memory of BPF counts for the control group, not for RLIMIT_MEMLOCK. */
function memory(): Finding[] {
  if (hasHelper("bpf_ktime_get_coarse_ns"))
    return [ok("memory", "maps count for the control group's memory: RLIMIT_MEMLOCK does not limit them")];
  const [, limit = ""] = /^Max locked memory\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (limit === "unlimited") return [ok("memory", "RLIMIT_MEMLOCK is unlimited")];
  return [problem("memory", `RLIMIT_MEMLOCK lets maps have ${limit} bytes in all`, "ulimit -l unlimited")];
}
