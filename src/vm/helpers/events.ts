/** Helpers on ring buffers, perf events and dynamic pointers (kernel/bpf/ringbuf.c, kernel/trace/bpf_trace.c). */
import { errno } from "../../uapi/index.ts";
import type { Cpu } from "../cpu.ts";
import type { Machine } from "../machine.ts";
import { PerfEventArray, RingBuffer, UserRingBuffer } from "../maps/index.ts";
import { FUNCTION_HANDLE } from "../text.ts";
import type { HelperTable } from "./table.ts";

const CURRENT_CPU = 0xffffffff;
/** RINGBUF_MAX_RECORD_SZ: the two top bits of a record's length are flags. */
const MAX_RECORD = 0x3fffffff;
/** BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP. */
const WAKEUP_FLAGS = 3;
/** BPF_MAX_USER_RINGBUF_SAMPLES. */
const MAX_SAMPLES = 128 * 1024;

/**
 * `struct bpf_dynptr` as this machine lays it out; programs cannot look inside.
 *
 *   0 address u32 | 4 size u32 | 8 kind u32 (0 empty, 1 memory, 2 ring-buffer record) | 12 read-only u32
 */
const DYNPTR_BYTES = 16;
/** DYNPTR_MAX_SIZE. */
const MAX_DYNPTR = (1 << 24) - 1;
const Kind = { Empty: 0, Memory: 1, Record: 2 } as const;

export function eventHelpers(machine: Machine): HelperTable {
  return {
    bpf_ringbuf_reserve(cpu) {
      const ring = ringArgument(machine, cpu);
      const size = cpu.argument(2);
      const refused = !cpu.isZero(3) || size > MAX_RECORD;
      const address = refused ? 0 : ring.reserve(size, cpu.pc);
      if (address === 0) cpu.result(0);
      else cpu.resultPointer(address, ring.objectAt(address));
    },
    bpf_ringbuf_submit: (cpu) => finish(machine, cpu, cpu.argument(1), false),
    bpf_ringbuf_discard: (cpu) => finish(machine, cpu, cpu.argument(1), true),
    bpf_ringbuf_output(cpu) {
      const size = cpu.argument(3);
      cpu.result(ringArgument(machine, cpu).output(cpu.pointer(2, size, "copy"), size, cpu.flags(4)));
    },
    bpf_ringbuf_query(cpu) {
      cpu.resultWide(BigInt(ringArgument(machine, cpu).query(cpu.flags(2))));
    },
    bpf_perf_event_output: (cpu) => cpu.result(perfOutput(machine, cpu)),
    bpf_dynptr_from_mem(cpu) {
      const pointer = cpu.pointer(4, DYNPTR_BYTES, "write");
      const size = cpu.argument(2);
      const refused = !cpu.isZero(3);
      writeDynptr(
        cpu,
        pointer,
        refused ? 0 : cpu.pointer(1, size, "room"),
        refused ? 0 : size,
        refused ? Kind.Empty : Kind.Memory,
      );
      cpu.result(refused ? -errno.EINVAL : 0);
    },
    bpf_ringbuf_reserve_dynptr(cpu) {
      const pointer = cpu.pointer(4, DYNPTR_BYTES, "write");
      const size = cpu.argument(2);
      const ring = ringArgument(machine, cpu);
      const flagged = !cpu.isZero(3);
      const address = flagged || size > MAX_DYNPTR ? 0 : ring.reserve(size, cpu.pc);
      writeDynptr(cpu, pointer, address, address === 0 ? 0 : size, address === 0 ? Kind.Empty : Kind.Record);
      if (address !== 0) cpu.result(0);
      else cpu.result(!flagged && size > MAX_DYNPTR ? -errno.E2BIG : -errno.EINVAL);
    },
    bpf_ringbuf_submit_dynptr: (cpu) => finishDynptr(machine, cpu, false),
    bpf_ringbuf_discard_dynptr: (cpu) => finishDynptr(machine, cpu, true),
    bpf_dynptr_read(cpu) {
      const size = cpu.argument(2);
      const to = cpu.pointer(1, size, "room");
      const from = inside(cpu, 3, cpu.argument(4), size, cpu.isZero(5));
      if (from.error === 0) {
        machine.memory.bytes.copyWithin(to, from.address, from.address + size);
        cpu.written(to, size);
      }
      cpu.result(from.error);
    },
    bpf_dynptr_write(cpu) {
      const size = cpu.argument(4);
      const from = cpu.pointer(3, size, "copy");
      const to = inside(cpu, 1, cpu.argument(2), size);
      const error = to.error || (cpu.isZero(5) ? 0 : -errno.EINVAL);
      if (error === 0) machine.memory.bytes.copyWithin(to.address, from, from + size);
      cpu.result(error);
    },
    bpf_dynptr_data(cpu) {
      const size = cpu.argument(3);
      const place = inside(cpu, 1, cpu.argument(2), size);
      if (place.error !== 0) cpu.result(0);
      else cpu.resultPointer(place.address, slice(machine, cpu, place.address, size));
    },
    bpf_user_ringbuf_drain: (cpu) => drain(machine, cpu),
  };
}

function ringArgument(machine: Machine, cpu: Cpu): RingBuffer {
  const map = machine.mapArgument(cpu, 1);
  if (map instanceof RingBuffer) return map;
  throw cpu.error("VM_HELPER_ARGUMENT", {
    name: cpu.helperName,
    argument: 1,
    problem: `map ${map.name} is no ring buffer`,
  });
}

function finish(machine: Machine, cpu: Cpu, address: number, discard: boolean): void {
  const rings = machine.maps.filter((map) => map instanceof RingBuffer);
  if (rings.some((ring) => ring.finish(address, discard, cpu.pc))) return;
  throw cpu.error("VM_HELPER_ARGUMENT", { name: cpu.helperName, argument: 1, problem: "not a reserved record" });
}

function finishDynptr(machine: Machine, cpu: Cpu, discard: boolean): void {
  const pointer = cpu.pointer(1, DYNPTR_BYTES, "update");
  const address = cpu.memory.view.getUint32(pointer, true);
  // A failed reservation leaves an empty pointer, which must be given back too.
  if (address !== 0) finish(machine, cpu, address, discard);
  writeDynptr(cpu, pointer, 0, 0, Kind.Empty);
}

function writeDynptr(cpu: Cpu, at: number, address: number, size: number, kind: number, readOnly = 0): void {
  const { view } = cpu.memory;
  [address, size, kind, readOnly].forEach((word, i) => {
    view.setUint32(at + 4 * i, word, true);
  });
}

/** `size` bytes at `offset` of the dynamic pointer in argument n. */
function inside(
  cpu: Cpu,
  n: number,
  offset: number,
  size: number,
  flagsAllow = true,
): { readonly error: number; readonly address: number } {
  const at = cpu.pointer(n, DYNPTR_BYTES);
  const { view } = cpu.memory;
  if (view.getUint32(at + 8, true) === Kind.Empty || !flagsAllow) return { error: -errno.EINVAL, address: 0 };
  if (offset + size > view.getUint32(at + 4, true)) return { error: -errno.E2BIG, address: 0 };
  return { error: 0, address: view.getUint32(at, true) + offset };
}

/** What a pointer to `size` bytes behind a dynamic pointer may reach. */
function slice(machine: Machine, cpu: Cpu, address: number, size: number): number {
  const region = machine.memory.regionAt(address);
  return machine.memory.addObject(region, size, address, cpu.pc).id;
}

/** bpf_perf_event_output with an xdp_md: low half of the flags the CPU, bits 32 to 51 packet bytes to append. */
function perfOutput(machine: Machine, cpu: Cpu): number {
  const map = machine.mapArgument(cpu, 2);
  if (!(map instanceof PerfEventArray)) {
    throw cpu.error("VM_HELPER_ARGUMENT", {
      name: "bpf_perf_event_output",
      argument: 2,
      problem: `map ${map.name} holds no events`,
    });
  }
  const size = cpu.argument(5);
  const data = cpu.pointer(4, size, "copy");
  const appended = cpu.high(3);
  if (appended > 0xfffff) return -errno.EINVAL;
  if (appended > machine.packet.totalLength) return -errno.EFAULT;
  const index = cpu.argument(3) === CURRENT_CPU ? machine.cpuNumber : cpu.argument(3);
  // An event counts on its own CPU only (__bpf_perf_event_output).
  const foreign = index !== machine.cpuNumber && map.slot(index) !== undefined;
  const record = new Uint8Array(size + appended);
  record.set(machine.memory.bytes.subarray(data, data + size));
  record.set(machine.packet.copy().subarray(0, appended), size);
  return foreign ? -errno.EOPNOTSUPP : map.output(index, record);
}

/** Callback: long (*)(dynptr, ctx); 1 ends the walk. The result counts records. */
function drain(machine: Machine, cpu: Cpu): void {
  const map = machine.mapArgument(cpu, 1);
  if (!(map instanceof UserRingBuffer) || cpu.argument(2) < FUNCTION_HANDLE) {
    throw cpu.error("VM_HELPER_ARGUMENT", {
      name: "bpf_user_ringbuf_drain",
      argument: 1,
      problem: "not a user ring buffer",
    });
  }
  if (cpu.flags(4) > WAKEUP_FLAGS) {
    cpu.result(-errno.EINVAL);
    return;
  }
  const target = cpu.argument(2) - FUNCTION_HANDLE;
  const context = cpu.passOn(3);
  const pointer = machine.dynptrScratch();
  let count = 0;
  const next = (): void => {
    const record = count < MAX_SAMPLES ? map.next() : undefined;
    if (!record) {
      cpu.result(count);
      return;
    }
    count++;
    writeDynptr(cpu, pointer, record.address, record.size, Kind.Memory, 1);
    cpu.callback(target, [cpu.elementAt(pointer), context], () => {
      if (cpu.callbackResult() === 1n) cpu.result(count);
      else next();
    });
  };
  next();
}
