/** What the kernel knows of a loaded program (struct bpf_prog_info, include/uapi/linux/bpf.h; offsets in bytes). */
import { readFileSync } from "node:fs";
import { printHex } from "../base/index.ts";
import { programTypeName } from "../uapi/index.ts";
import { readText } from "./netlink-attributes.ts";
import { objectInfo, openById } from "./object-info.ts";
import { addressOf, attributes, BpfCommand, bpf, closeFd } from "./syscall.ts";

/** What the kernel tells of a program. */
export interface ProgramInfo {
  /** As `bpftool prog` numbers it. */
  readonly id: number;
  /** At most 15 characters. */
  readonly name: string;
  /** `XDP`, `SCHED_CLS`, …; the number of one that is not known here. */
  readonly type: string;
  /** 16 hexadecimal digits: a digest of the instructions. */
  readonly tag: string;
  /** When it was loaded, to about a second. */
  readonly loadedAt: Date;
  /** User who loaded it. */
  readonly uid: number;
  /** Maps that it uses, as `bpftool map` numbers them. */
  readonly mapIds: readonly number[];
  /** Whether its license lets it call helpers that are for the GPL only. */
  readonly gplCompatible: boolean;
  /** Bytes of instructions after the verifier; 0 where reading them is not permitted. */
  readonly translatedBytes: number;
  /** Bytes of machine code; 0 without JIT. */
  readonly jitedBytes: number;
  /** Of its functions and lines. */
  readonly btfId?: number;
  /** Of a program bound to a device: its interface. */
  readonly interfaceIndex?: number;
  /** Counted while kernel.bpf_stats_enabled is 1, or somebody holds `enableStatistics()`. */
  readonly runs: { readonly count: bigint; readonly timeNs: bigint; readonly missed: bigint };
  /** Instructions that the verifier walked through, since Linux 5.16. */
  readonly verifiedInstructions: number;
}

const INFO_BYTES = 232;
/** Maps of a program: what is read at once. A verifier takes 64. */
const MAX_MAPS = 64;
const At = {
  type: 0,
  id: 4,
  tag: 8,
  jitedBytes: 16,
  translatedBytes: 20,
  loadTime: 40,
  uid: 48,
  mapCount: 52,
  mapIds: 56,
  name: 64,
  interfaceIndex: 80,
  flags: 84,
  btfId: 128,
  runTime: 192,
  runCount: 200,
  missed: 208,
  verified: 216,
} as const;

/** What the kernel tells of a program. @throws XdpkitError KERNEL_CALL */
export function programInfo({ fd }: { readonly fd: number }): ProgramInfo {
  const mapIds = new Uint8Array(4 * MAX_MAPS);
  const view = objectInfo(fd, INFO_BYTES, (info) => {
    info.setUint32(At.mapCount, MAX_MAPS, true);
    info.setBigUint64(At.mapIds, addressOf(mapIds), true);
  });
  const bytes = new Uint8Array(view.buffer);
  const u32 = (at: number): number => view.getUint32(at, true);
  const count = Math.min(u32(At.mapCount), MAX_MAPS);
  return {
    id: u32(At.id),
    name: readText(bytes.subarray(At.name, At.name + 16))!,
    type: programTypeName(u32(At.type)) ?? String(u32(At.type)),
    tag: printHex(bytes.subarray(At.tag, At.tag + 8)),
    loadedAt: sinceBoot(view.getBigUint64(At.loadTime, true)),
    uid: u32(At.uid),
    mapIds: Array.from(new Uint32Array(mapIds.buffer, 0, count)),
    gplCompatible: (u32(At.flags) & 1) !== 0,
    translatedBytes: u32(At.translatedBytes),
    jitedBytes: u32(At.jitedBytes),
    ...(u32(At.btfId) === 0 ? {} : { btfId: u32(At.btfId) }),
    ...(u32(At.interfaceIndex) === 0 ? {} : { interfaceIndex: u32(At.interfaceIndex) }),
    runs: {
      count: view.getBigUint64(At.runCount, true),
      timeNs: view.getBigUint64(At.runTime, true),
      missed: view.getBigUint64(At.missed, true),
    },
    verifiedInstructions: u32(At.verified),
  };
}

/** Undefined when the program is gone. @throws XdpkitError KERNEL_CALL */
export function programInfoById(id: number): ProgramInfo | undefined {
  const fd = openById("program", id);
  if (fd === undefined) return undefined;
  try {
    return programInfo({ fd });
  } finally {
    closeFd(fd);
  }
}

/** Nanoseconds since boot as a date: /proc/uptime counts as the kernel does, sleep included. */
function sinceBoot(timeNs: bigint): Date {
  const uptimeSeconds = Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
  return new Date(Date.now() - uptimeSeconds * 1000 + Number(timeNs / 1_000_000n));
}

/** Lets the kernel count runs and their time, of all programs, until it is disposed of (BPF_ENABLE_STATS, Linux 5.8). */
export function enableStatistics(): Disposable {
  const fd = bpf(BpfCommand.EnableStats, attributes(), "BPF_ENABLE_STATS");
  return { [Symbol.dispose]: () => closeFd(fd) };
}
