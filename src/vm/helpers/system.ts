/** Helpers on time, chance, CPUs, tail calls, locks, strings and memory (kernel/bpf/helpers.c, core.c). */
import { errno } from "../../uapi/index.ts";
import type { Cpu } from "../cpu.ts";
import type { Machine } from "../machine.ts";
import { ProgramArray } from "../maps/index.ts";
import { type FormatSource, type FormatValue, formatKernel } from "../printf.ts";
import { parseInteger } from "../strtox.ts";
import type { HelperTable } from "./table.ts";

/** MAX_TAIL_CALL_CNT (include/linux/bpf.h). */
const MAX_TAIL_CALLS = 33;
/** HZ of the modelled kernel: 250. */
const NS_PER_JIFFY = 4_000_000n;
/** INITIAL_JIFFIES: the counter starts five minutes before it would wrap at 32 bits. */
const INITIAL_JIFFIES = 4294892296n;
/** TAI - UTC since 2017. */
const TAI_OFFSET_NS = 37_000_000_000n;
/** MAX_TRACE_PRINTK_VARARGS, MAX_BPRINTF_VARARGS. */
const TRACE_ARGUMENTS = 3;
const FORMAT_ARGUMENTS = 12;
/** MAX_BPRINTF_BUF, less the final 0: characters of a trace line. */
const TRACE_LENGTH = 1023;

export function systemHelpers(machine: Machine): HelperTable {
  const { clock } = machine;
  const source: FormatSource = { read: (address, size) => machine.peek(address, size) };
  return {
    bpf_ktime_get_ns: (cpu) => cpu.resultWide(clock.nowNs),
    bpf_ktime_get_boot_ns: (cpu) => cpu.resultWide(clock.nowNs),
    bpf_ktime_get_coarse_ns: (cpu) => cpu.resultWide(clock.nowNs - (clock.nowNs % NS_PER_JIFFY)),
    bpf_ktime_get_tai_ns: (cpu) => cpu.resultWide(clock.nowNs + TAI_OFFSET_NS),
    bpf_jiffies64: (cpu) => cpu.resultWide(INITIAL_JIFFIES + clock.nowNs / NS_PER_JIFFY),
    bpf_get_prandom_u32: (cpu) => cpu.resultUnsigned(machine.random()),
    bpf_get_smp_processor_id: (cpu) => cpu.resultUnsigned(machine.cpuNumber),
    bpf_get_numa_node_id: (cpu) => cpu.resultUnsigned(0),
    // A packet is handled in softirq context of the idle task.
    bpf_get_current_pid_tgid: (cpu) => cpu.resultUnsigned(0),
    bpf_get_current_cgroup_id: (cpu) => cpu.resultUnsigned(1),
    bpf_get_current_ancestor_cgroup_id: (cpu) => cpu.resultUnsigned(cpu.argument(1) === 0 ? 1 : 0),
    bpf_get_ns_current_pid_tgid: (cpu) => cpu.result(-errno.EINVAL),
    // The machine has no sockets: every look-up misses, so nothing is ever released.
    bpf_sk_lookup_tcp: (cpu) => cpu.resultUnsigned(0),
    bpf_sk_lookup_udp: (cpu) => cpu.resultUnsigned(0),
    bpf_skc_lookup_tcp: (cpu) => cpu.resultUnsigned(0),
    bpf_sk_release: (cpu) => cpu.result(0),
    bpf_tail_call: (cpu) => tailCall(machine, cpu),
    bpf_spin_lock: (cpu) => lock(machine, cpu),
    bpf_spin_unlock: (cpu) => unlock(machine, cpu),
    bpf_strtol: (cpu) => cpu.result(parseNumber(machine, cpu, true)),
    bpf_strtoul: (cpu) => cpu.result(parseNumber(machine, cpu, false)),
    bpf_strncmp: (cpu) => cpu.result(compareStrings(cpu)),
    bpf_probe_read_kernel: (cpu) => cpu.result(probeRead(machine, cpu, true)),
    bpf_probe_read_user: (cpu) => cpu.result(probeRead(machine, cpu, false)),
    bpf_probe_read_kernel_str: (cpu) => cpu.result(probeReadString(machine, cpu, true)),
    bpf_probe_read_user_str: (cpu) => cpu.result(probeReadString(machine, cpu, false)),
    bpf_trace_printk(cpu) {
      const format = readFormat(machine, cpu, 1, cpu.argument(2));
      const values = Array.from({ length: TRACE_ARGUMENTS }, (_, i) => () => cpu.wide(3 + i));
      cpu.result(trace(machine, format, values, source));
    },
    bpf_trace_vprintk(cpu) {
      const format = readFormat(machine, cpu, 1, cpu.argument(2));
      const values = readValues(machine, cpu, 3, cpu.argument(4));
      cpu.result(values ? trace(machine, format, values, source) : -errno.EINVAL);
    },
    bpf_snprintf(cpu) {
      const values = readValues(machine, cpu, 4, cpu.argument(5));
      const format = readString(machine, cpu, 3);
      const text = values ? formatKernel(format, values, source, cpu.argument(2)) : -errno.EINVAL;
      cpu.result(typeof text === "string" ? writeString(machine, cpu, text) : text);
    },
  };
}

/** bpf_strtol, bpf_strtoul: the number goes to argument 4, the result counts the characters that were read. */
function parseNumber(machine: Machine, cpu: Cpu, signed: boolean): number {
  const size = cpu.argument(2);
  const at = cpu.pointer(1, size);
  const to = cpu.pointer(4, 8, "write");
  const { view, bytes } = machine.memory;
  view.setBigInt64(to, 0n, true);
  const parsed = parseInteger(latin1(bytes.subarray(at, at + size)), cpu.flags(3));
  if (typeof parsed === "number") return parsed;
  const { value, negative, consumed } = parsed;
  if (!signed && negative) return -errno.EINVAL;
  const number = negative ? -value : value;
  if (signed && BigInt.asIntN(64, number) !== number) return -errno.ERANGE;
  view.setBigUint64(to, BigInt.asUintN(64, number), true);
  return consumed;
}

/** Falls through on a missing program and at the limit; r1 stays the context. */
function tailCall(machine: Machine, cpu: Cpu): void {
  const map = machine.mapArgument(cpu, 2);
  if (!(map instanceof ProgramArray)) {
    throw cpu.error("VM_HELPER_ARGUMENT", {
      name: "bpf_tail_call",
      argument: 2,
      problem: `map ${map.name} holds no programs`,
    });
  }
  const name = map.slot(cpu.argument(3));
  if (name === undefined || cpu.tailCalls >= MAX_TAIL_CALLS) return;
  cpu.replace(machine.entryOf(name));
}

function lock(machine: Machine, cpu: Cpu): void {
  const at = cpu.pointer(1, 4, "update");
  const { view } = cpu.memory;
  if (view.getUint32(at, true) !== 0) {
    throw cpu.error("VM_HELPER_ARGUMENT", {
      name: "bpf_spin_lock",
      argument: 1,
      problem: "the lock is held: a deadlock",
    });
  }
  view.setUint32(at, 1, true);
  machine.lock = at;
}

function unlock(machine: Machine, cpu: Cpu): void {
  const at = cpu.pointer(1, 4, "update");
  machine.lock = 0;
  cpu.memory.view.setUint32(at, 0, true);
}

/** strncmp of lib/string.c: -1, 0 or 1. */
function compareStrings(cpu: Cpu): number {
  const limit = cpu.argument(2);
  const a = cpu.pointer(1, limit);
  const b = cpu.pointer(3, 1);
  const { bytes } = cpu.memory;
  const end = b + cpu.extent(3);
  for (let i = 0; i < limit && b + i < end; i++) {
    const [x, y] = [bytes[a + i]!, bytes[b + i]!];
    if (x !== y) return x < y ? -1 : 1;
    if (x === 0) return 0;
  }
  return 0;
}

/** Addresses below the first of the kernel: `copy_from_kernel_nofault` does not even try them. */
const KERNEL_START = 0xffff_8000_0000_0000n;

/** End of the addresses of user space (x86-64, four levels of page tables). */
const USER_END = 0x7fff_ffff_f000n;

const cannotRead = (address: bigint): number => (address < KERNEL_START ? -errno.ERANGE : -errno.EFAULT);

/** User memory does not exist here; what cannot be read becomes zeros and an error. */
function probeRead(machine: Machine, cpu: Cpu, kernel: boolean): number {
  const size = cpu.argument(2);
  const to = cpu.pointer(1, size, "write");
  // All memory of the machine is the kernel's.
  if (size === 0 && !kernel) return cpu.wide(3) <= USER_END && !machine.peek(cpu.wide(3), 1) ? 0 : -errno.EFAULT;
  // One byte at least: an address of nothing is bad for a copy of nothing, too.
  const from = kernel ? machine.peek(cpu.wide(3), Math.max(size, 1)) : null;
  if (from) machine.memory.bytes.set(from.subarray(0, size), to);
  else machine.memory.bytes.fill(0, to, to + size);
  if (from) return 0;
  if (size === 0 && cpu.wide(3) >= KERNEL_START) return 0;
  return kernel ? cannotRead(cpu.wide(3)) : -errno.EFAULT;
}

/** Copies up to and with the final 0; the result is its length. What cannot be read becomes zeros and an error. */
function probeReadString(machine: Machine, cpu: Cpu, kernel: boolean): number {
  const size = cpu.argument(2);
  const to = cpu.pointer(1, size, "room");
  const from = cpu.wide(3);
  const { bytes } = machine.memory;
  for (let i = 0; i < size; i++) {
    const byte = kernel ? machine.peek(from + BigInt(i), 1)?.[0] : undefined;
    if (byte === undefined) {
      bytes.fill(0, to, to + size);
      cpu.written(to, size);
      return kernel ? cannotRead(from + BigInt(i)) : -errno.EFAULT;
    }
    bytes[to + i] = i === size - 1 ? 0 : byte;
    cpu.written(to + i, 1);
    if (byte === 0) return i + 1;
  }
  return size;
}

function trace(machine: Machine, format: string | null, values: readonly FormatValue[], source: FormatSource): number {
  if (format === null) return -errno.EINVAL;
  const text = formatKernel(format, values, source, TRACE_LENGTH + 1, (before, specifier) =>
    machine.traceRefused(before, specifier),
  );
  if (typeof text === "number") return text;
  machine.trace(text.slice(0, TRACE_LENGTH));
  return text.length;
}

/** Null when the format does not end within its size. */
function readFormat(machine: Machine, cpu: Cpu, argument: number, size: number): string | null {
  const at = cpu.pointer(argument, size);
  const bytes = machine.memory.bytes.subarray(at, at + size);
  const end = bytes.indexOf(0);
  return end < 0 ? null : latin1(bytes.subarray(0, end));
}

/** One character per byte; formats may be longer than a call takes arguments. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function readString(machine: Machine, cpu: Cpu, argument: number): string {
  const start = cpu.pointer(argument, 1);
  const inside = machine.memory.bytes.subarray(start, start + cpu.extent(argument));
  const end = inside.indexOf(0);
  if (end < 0) throw cpu.error("VM_HELPER_ARGUMENT", { name: "bpf_snprintf", argument, problem: "text without end" });
  return latin1(inside.subarray(0, end));
}

function readValues(machine: Machine, cpu: Cpu, argument: number, size: number): FormatValue[] | null {
  if (size % 8 !== 0 || size > FORMAT_ARGUMENTS * 8) return null;
  if (size === 0) return [];
  const at = cpu.pointer(argument, size);
  return Array.from({ length: size / 8 }, (_, i) => () => machine.memory.view.getBigUint64(at + 8 * i, true));
}

/** Truncates to the buffer, always ends with 0; the result counts the whole text and its 0. */
function writeString(machine: Machine, cpu: Cpu, text: string): number {
  const size = cpu.argument(2);
  if (size > 0) {
    const at = cpu.pointer(1, size, "room");
    const kept = text.slice(0, size - 1);
    for (let i = 0; i < kept.length; i++) machine.memory.bytes[at + i] = kept.charCodeAt(i);
    machine.memory.bytes[at + kept.length] = 0;
    cpu.written(at, kept.length + 1);
  }
  return text.length + 1;
}
