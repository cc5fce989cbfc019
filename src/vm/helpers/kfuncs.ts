/** Kernel functions that XDP programs may call: hardware hints of the packet (net/core/xdp.c). */
import { errno } from "../../uapi/index.ts";
import type { HelperFunction } from "../cpu.ts";
import type { Machine } from "../machine.ts";

/** By BTF name. A driver that has no hint answers -EOPNOTSUPP. */
export function kernelFunctions(machine: Machine): Readonly<Record<string, HelperFunction>> {
  return {
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
