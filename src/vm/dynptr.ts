/**
 * Dynamic pointers (`struct bpf_dynptr`, kernel/bpf/helpers.c): a place of memory, of a ring-buffer record or of the packet,
 * whose bounds are checked when it is used. 16 bytes that programs cannot look into; this machine lays them out as
 *
 *   0 address, or offset in the packet u32 | 4 size u32 | 8 kind u32 | 12 read-only u32
 *
 * Invariant: a dynamic pointer on the stack is one only while its slots say so; a store into them takes it away.
 */
import { errno } from "../uapi/index.ts";
import type { Cpu } from "./cpu.ts";
import type { Machine } from "./machine.ts";
import { RingBuffer } from "./maps/index.ts";
import { ObjectId } from "./memory.ts";

export const DYNPTR_BYTES = 16;
/** DYNPTR_MAX_SIZE. */
export const MAX_DYNPTR = (1 << 24) - 1;
export const Kind = { Empty: 0, Memory: 1, Record: 2, Packet: 3 } as const;

export interface Dynptr {
  /** Of the packet: the offset from its start. */
  readonly address: number;
  readonly size: number;
  readonly kind: number;
  readonly readOnly: boolean;
}

export const EMPTY: Dynptr = { address: 0, size: 0, kind: Kind.Empty, readOnly: false };

/** Room for one in argument n; what lay there is gone. */
export function dynptrRoom(cpu: Cpu, n: number): number {
  return cpu.pointer(n, DYNPTR_BYTES, "room");
}

export function writeDynptr(cpu: Cpu, at: number, { address, size, kind, readOnly }: Dynptr): void {
  const { view } = cpu.memory;
  [address, size, kind, readOnly ? 1 : 0].forEach((word, i) => {
    view.setUint32(at + 4 * i, word, true);
  });
  cpu.writtenOpaque(at, DYNPTR_BYTES);
}

/** Where argument n's dynamic pointer lies. Faults when it is none. */
export function dynptrAddress(cpu: Cpu, n: number): number {
  const at = cpu.pointer(n, DYNPTR_BYTES, "room");
  if (cpu.origins[2 * n] !== ObjectId.Stack || cpu.shadow.isOpaque(at, DYNPTR_BYTES)) return at;
  throw cpu.error("VM_HELPER_ARGUMENT", { name: cpu.helperName, argument: n, problem: "not a dynamic pointer" });
}

export function dynptrArgument(cpu: Cpu, n: number): Dynptr {
  const at = dynptrAddress(cpu, n);
  const { view } = cpu.memory;
  const word = (index: number): number => view.getUint32(at + 4 * index, true);
  return { address: word(0), size: word(1), kind: word(2), readOnly: word(3) !== 0 };
}

/** bpf_dynptr_check_off_len: 0, or an error number. */
export function checkRange({ kind, size }: Dynptr, offset: number, length: number): number {
  if (kind === Kind.Empty) return -errno.EINVAL;
  return offset + length > size ? -errno.E2BIG : 0;
}

/** Makes a pointer to `length` bytes behind a dynamic pointer the result; `address` is that of the first. */
export function resultSlice(machine: Machine, cpu: Cpu, address: number, length: number, readOnly: boolean): void {
  const { memory, packet } = machine;
  const object = memory.addObject(memory.regionAt(address), length, address, cpu.pc);
  if (readOnly) memory.stores[object.id] = -1;
  if (object.region === packet.region || object.region === packet.fragmentRegion) packet.addPointer(object);
  for (const map of machine.maps) if (map instanceof RingBuffer) map.addSlice(address, object);
  cpu.resultPointer(address, object.id);
}

/** bpf_dynptr_slice: a pointer into memory or packet; where the packet is in pieces, into the buffer of argument 3. */
export function slice(machine: Machine, cpu: Cpu, readOnly: boolean): void {
  const pointer = dynptrArgument(cpu, 1);
  const [offset, length] = [cpu.argument(2), cpu.argument(4)];
  const buffer = cpu.argument(3);
  if (checkRange(pointer, offset, length) !== 0 || (!readOnly && pointer.readOnly)) cpu.result(0);
  else if (pointer.kind !== Kind.Packet) resultSlice(machine, cpu, pointer.address + offset, length, readOnly);
  else {
    const address = machine.packet.pieceAt(pointer.address + offset, length);
    if (address !== 0) resultSlice(machine, cpu, address, length, readOnly);
    else if (buffer === 0 && cpu.high(3) === 0) cpu.result(0);
    else copyToBuffer(machine, cpu, pointer.address + offset, length);
  }
}

function copyToBuffer(machine: Machine, cpu: Cpu, offset: number, length: number): void {
  const to = cpu.pointer(3, length, "room");
  machine.packet.transfer(offset, to, length, false);
  cpu.written(to, length);
  cpu.resultSame(3);
}
