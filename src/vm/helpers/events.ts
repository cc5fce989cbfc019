/** Helpers on ring buffers, perf events and dynamic pointers (kernel/bpf/ringbuf.c, kernel/trace/bpf_trace.c). */
import { errno } from "../../uapi/index.ts";
import type { Cpu } from "../cpu.ts";
import {
  checkRange,
  type Dynptr,
  dynptrAddress,
  dynptrArgument,
  dynptrRoom,
  EMPTY,
  Kind,
  MAX_DYNPTR,
  resultSlice,
  writeDynptr,
} from "../dynptr.ts";
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
      const at = dynptrRoom(cpu, 4);
      const size = cpu.argument(2);
      const refused = !cpu.isZero(3);
      const memory = { address: refused ? 0 : cpu.pointer(1, size, "room"), size, kind: Kind.Memory, readOnly: false };
      writeDynptr(cpu, at, refused ? EMPTY : memory);
      cpu.result(refused ? -errno.EINVAL : 0);
    },
    bpf_ringbuf_reserve_dynptr(cpu) {
      const at = dynptrRoom(cpu, 4);
      const size = cpu.argument(2);
      const ring = ringArgument(machine, cpu);
      const flagged = !cpu.isZero(3);
      const address = flagged || size > MAX_DYNPTR ? 0 : ring.reserve(size, cpu.pc);
      writeDynptr(cpu, at, address === 0 ? EMPTY : { address, size, kind: Kind.Record, readOnly: false });
      if (address !== 0) cpu.result(0);
      else cpu.result(!flagged && size > MAX_DYNPTR ? -errno.E2BIG : -errno.EINVAL);
    },
    bpf_ringbuf_submit_dynptr: (cpu) => finishDynptr(machine, cpu, false),
    bpf_ringbuf_discard_dynptr: (cpu) => finishDynptr(machine, cpu, true),
    bpf_dynptr_read: (cpu) => cpu.result(dynptrRead(machine, cpu)),
    bpf_dynptr_write: (cpu) => cpu.result(dynptrWrite(machine, cpu)),
    bpf_dynptr_data(cpu) {
      const pointer = dynptrArgument(cpu, 1);
      const [offset, size] = [cpu.argument(2), cpu.argument(3)];
      const direct = pointer.kind !== Kind.Packet && checkRange(pointer, offset, size) === 0;
      if (direct) resultSlice(machine, cpu, pointer.address + offset, size, pointer.readOnly);
      else cpu.result(0);
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
  const at = dynptrAddress(cpu, 1);
  const { address } = dynptrArgument(cpu, 1);
  // A failed reservation leaves an empty pointer, which must be given back too.
  if (address !== 0) finish(machine, cpu, address, discard);
  writeDynptr(cpu, at, EMPTY);
}

/** bpf_dynptr_read: 0, or an error number. */
function dynptrRead(machine: Machine, cpu: Cpu): number {
  const size = cpu.argument(2);
  const to = cpu.pointer(1, size, "room");
  const pointer = dynptrArgument(cpu, 3);
  const offset = cpu.argument(4);
  const error = cpu.isZero(5) ? checkRange(pointer, offset, size) : -errno.EINVAL;
  const result = error || transfer(machine, pointer, offset, to, size, false);
  if (result === 0) cpu.written(to, size);
  return result;
}

function dynptrWrite(machine: Machine, cpu: Cpu): number {
  const size = cpu.argument(4);
  const from = cpu.pointer(3, size, "copy");
  const pointer = dynptrArgument(cpu, 1);
  const offset = cpu.argument(2);
  if (pointer.readOnly) return -errno.EINVAL;
  const error = checkRange(pointer, offset, size) || (cpu.isZero(5) ? 0 : -errno.EINVAL);
  return error || transfer(machine, pointer, offset, from, size, true);
}

/** Between memory at `address` and what a dynamic pointer stands for. */
function transfer(
  machine: Machine,
  pointer: Dynptr,
  offset: number,
  address: number,
  size: number,
  store: boolean,
): number {
  const place = pointer.address + offset;
  if (pointer.kind === Kind.Packet) return machine.packet.transfer(place, address, size, store);
  if (store) machine.memory.bytes.copyWithin(place, address, address + size);
  else machine.memory.bytes.copyWithin(address, place, place + size);
  return 0;
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
    writeDynptr(cpu, pointer, { address: record.address, size: record.size, kind: Kind.Memory, readOnly: true });
    cpu.callback(target, [cpu.elementAt(pointer), context], () => {
      if (cpu.callbackResult() === 1n) cpu.result(count);
      else next();
    });
  };
  next();
}
