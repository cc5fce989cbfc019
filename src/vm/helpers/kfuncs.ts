/**
 * Kernel functions that XDP programs may call: hardware hints of the packet (net/core/xdp.c), dynamic pointers, iterators
 * (kernel/bpf/helpers.c).
 */
import { errno } from "../../uapi/index.ts";
import type { Cpu, HelperFunction } from "../cpu.ts";
import { dynptrAddress, dynptrArgument, dynptrRoom, EMPTY, Kind, slice, writeDynptr } from "../dynptr.ts";
import type { Machine } from "../machine.ts";
import { iterators } from "./iterators.ts";

/** By BTF name. A driver that has no hint answers -EOPNOTSUPP. */
export function kernelFunctions(machine: Machine): Readonly<Record<string, HelperFunction>> {
  return {
    ...iterators(machine),
    ...dynamicPointers(machine),
    // One CPU runs at a time, and nothing is freed while it does.
    bpf_rcu_read_lock: () => {},
    bpf_rcu_read_unlock: () => {},
    bpf_xdp_metadata_rx_timestamp(cpu) {
      const { timestampNs } = machine.hints;
      const at = cpu.pointer(2, 8, "room");
      if (timestampNs !== undefined) machine.memory.view.setBigUint64(at, timestampNs, true);
      if (timestampNs !== undefined) cpu.written(at, 8);
      cpu.result(timestampNs === undefined ? -errno.EOPNOTSUPP : 0);
    },
    bpf_xdp_metadata_rx_hash(cpu) {
      const { hash } = machine.hints;
      const value = cpu.pointer(2, 4, "room");
      const type = cpu.pointer(3, 4, "room");
      if (hash) {
        machine.memory.view.setUint32(value, hash.value, true);
        machine.memory.view.setUint32(type, hash.type, true);
        cpu.written(value, 4);
        cpu.written(type, 4);
      }
      cpu.result(hash ? 0 : -errno.EOPNOTSUPP);
    },
    bpf_xdp_metadata_rx_vlan_tag(cpu) {
      const { vlan } = machine.hints;
      const protocol = cpu.pointer(2, 2, "room");
      const tag = cpu.pointer(3, 2, "room");
      if (vlan) {
        machine.memory.view.setUint16(protocol, vlan.protocol, false);
        machine.memory.view.setUint16(tag, vlan.tag, true);
        cpu.written(protocol, 2);
        cpu.written(tag, 2);
      }
      cpu.result(vlan ? 0 : -errno.EOPNOTSUPP);
    },
  };
}

function dynamicPointers(machine: Machine): Readonly<Record<string, HelperFunction>> {
  return {
    bpf_dynptr_from_xdp(cpu) {
      const at = dynptrRoom(cpu, 3);
      const refused = !cpu.isZero(2);
      const whole = { address: 0, size: machine.packet.totalLength, kind: Kind.Packet, readOnly: false };
      writeDynptr(cpu, at, refused ? EMPTY : whole);
      cpu.result(refused ? -errno.EINVAL : 0);
    },
    bpf_dynptr_slice: (cpu) => slice(machine, cpu, true),
    bpf_dynptr_slice_rdwr: (cpu) => slice(machine, cpu, false),
    bpf_dynptr_adjust: (cpu) => cpu.result(adjust(cpu)),
    bpf_dynptr_clone(cpu) {
      const to = dynptrRoom(cpu, 2);
      const pointer = dynptrArgument(cpu, 1);
      writeDynptr(cpu, to, pointer);
      cpu.result(pointer.kind === Kind.Empty ? -errno.EINVAL : 0);
    },
    bpf_dynptr_size(cpu) {
      const { kind, size } = dynptrArgument(cpu, 1);
      cpu.resultUnsigned(kind === Kind.Empty ? -errno.EINVAL : size);
    },
    bpf_dynptr_is_null: (cpu) => cpu.result(dynptrArgument(cpu, 1).kind === Kind.Empty ? 1 : 0),
    bpf_dynptr_is_rdonly(cpu) {
      const { kind, readOnly } = dynptrArgument(cpu, 1);
      cpu.result(kind !== Kind.Empty && readOnly ? 1 : 0);
    },
  };
}

/** From `start` to `end` of what the dynamic pointer stands for. */
function adjust(cpu: Cpu): number {
  const at = dynptrAddress(cpu, 1);
  const pointer = dynptrArgument(cpu, 1);
  const [start, end] = [cpu.argument(2), cpu.argument(3)];
  if (pointer.kind === Kind.Empty || start > end) return -errno.EINVAL;
  if (end > pointer.size) return -errno.ERANGE;
  writeDynptr(cpu, at, { ...pointer, address: pointer.address + start, size: end - start });
  return 0;
}
