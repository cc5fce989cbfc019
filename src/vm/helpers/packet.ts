/** Helpers on the packet, its route and its checksum (net/core/filter.c). */
import { errno, XdpAction } from "../../uapi/index.ts";
import type { Cpu } from "../cpu.ts";
import { FIB_PARAMETERS_BYTES, fibInputs, fibLookup, fibOutputs } from "../fib.ts";
import type { Machine } from "../machine.ts";
import { CpuMap, DevHashMap, DevMap, XskMap } from "../maps/index.ts";
import type { HelperTable } from "./table.ts";

const BROADCAST = 1 << 3;
const EXCLUDE_INGRESS = 1 << 4;
const ACTION_MASK = XdpAction.Aborted | XdpAction.Drop | XdpAction.Pass | XdpAction.Tx;
/** hard_header_len of an Ethernet device. */
const ETHERNET = 14;

export function packetHelpers(machine: Machine): HelperTable {
  const { packet } = machine;
  return {
    bpf_xdp_adjust_head(cpu) {
      packet.endPointers(cpu.pc);
      cpu.result(packet.adjustHead(cpu.argument(2) | 0));
    },
    bpf_xdp_adjust_tail(cpu) {
      packet.endPointers(cpu.pc);
      cpu.result(packet.adjustTail(cpu.argument(2) | 0));
    },
    bpf_xdp_adjust_meta(cpu) {
      packet.endPointers(cpu.pc);
      cpu.result(packet.adjustMeta(cpu.argument(2) | 0));
    },
    bpf_xdp_get_buff_len(cpu) {
      cpu.resultUnsigned(packet.totalLength);
    },
    bpf_xdp_load_bytes(cpu) {
      const size = cpu.argument(4);
      const to = cpu.pointer(3, size, "room");
      const result = packet.transfer(cpu.argument(2), to, size, false);
      if (result === 0) cpu.written(to, size);
      cpu.result(result);
    },
    bpf_xdp_store_bytes(cpu) {
      const size = cpu.argument(4);
      cpu.result(packet.transfer(cpu.argument(2), cpu.pointer(3, size), size, true));
    },
    bpf_fib_lookup(cpu) {
      const size = cpu.argument(3);
      const at = cpu.pointer(2, size, "room");
      const flags = cpu.argument(4);
      if (size >= FIB_PARAMETERS_BYTES) {
        for (const [offset, count] of fibInputs(machine.memory.view, at, flags, cpu)) cpu.read(at + offset, count);
      }
      const result = fibLookup(machine.network, machine.memory.bytes, at, size, flags);
      for (const [offset, count] of fibOutputs(result)) cpu.written(at + offset, count);
      cpu.result(result);
    },
    bpf_check_mtu(cpu) {
      checkMtu(machine, cpu);
    },
    bpf_redirect(cpu) {
      if (!cpu.isZero(2)) {
        cpu.result(XdpAction.Aborted);
        return;
      }
      machine.redirect = { kind: "interface", interfaceIndex: cpu.argument(1) };
      cpu.result(XdpAction.Redirect);
    },
    bpf_redirect_map(cpu) {
      cpu.result(redirectMap(machine, cpu));
    },
    bpf_csum_diff(cpu) {
      cpu.result(checksumDifference(machine, cpu));
    },
  };
}

/** __bpf_xdp_redirect_map: the action in the low bits of the flags is the answer to an empty slot. */
function redirectMap(machine: Machine, cpu: Cpu): number {
  const map = machine.mapArgument(cpu, 1);
  const key = cpu.argument(2);
  const flags = cpu.argument(3);
  const device = map instanceof DevMap || map instanceof DevHashMap;
  const allowed = ACTION_MASK | (device ? BROADCAST | EXCLUDE_INGRESS : 0);
  if ((flags & ~allowed) !== 0 || cpu.high(3) !== 0) return XdpAction.Aborted;
  if (!(device || map instanceof CpuMap || map instanceof XskMap)) {
    throw cpu.error("VM_HELPER_ARGUMENT", {
      name: "bpf_redirect_map",
      argument: 1,
      problem: `map ${map.name} is no redirect target`,
    });
  }
  const broadcast = (flags & BROADCAST) !== 0;
  if (!broadcast && map.slot(key) === undefined) {
    machine.redirect = undefined;
    return flags & ACTION_MASK;
  }
  machine.redirect = { kind: "map", map, key, broadcast, excludeIngress: (flags & EXCLUDE_INGRESS) !== 0 };
  return XdpAction.Redirect;
}

/** bpf_xdp_check_mtu: BPF_MTU_CHK_RET_SUCCESS 0 or BPF_MTU_CHK_RET_FRAG_NEEDED 1. */
function checkMtu(machine: Machine, cpu: Cpu): void {
  const at = cpu.pointer(3, 4, "update");
  const index = cpu.argument(2) || machine.packet.ingressInterface;
  const device = machine.network.interfaces.get(index);
  if (!cpu.isZero(5)) {
    cpu.result(-errno.EINVAL);
    return;
  }
  if (!device) {
    cpu.result(-errno.ENODEV);
    return;
  }
  const { view } = machine.memory;
  const given = view.getUint32(at, true);
  const length = ((given === 0 ? machine.packet.length : given + ETHERNET) + cpu.argument(4)) | 0;
  view.setUint32(at, device.mtu, true);
  cpu.result(length <= device.mtu + ETHERNET ? 0 : 1);
}

/** bpf_csum_diff since Linux 6.13 (any length, zeros behind an odd end): seed + to - from in ones' complement, folded to 16 bits. */
function checksumDifference(machine: Machine, cpu: Cpu): number {
  const fromSize = cpu.argument(2);
  const toSize = cpu.argument(4);
  const seed = cpu.argument(5);
  const from = fromSize === 0 ? 0 : cpu.pointer(1, fromSize);
  const to = toSize === 0 ? 0 : cpu.pointer(3, toSize);
  const sum = (at: number, size: number, start: number): number => partialSum(machine.memory.view, at, size, start);
  if (fromSize !== 0 && toSize !== 0) return fold(add(sum(to, toSize, seed), ~sum(from, fromSize, 0) >>> 0));
  if (toSize !== 0) return fold(sum(to, toSize, seed));
  return fold(fromSize !== 0 ? ~sum(from, fromSize, ~seed >>> 0) >>> 0 : seed);
}

/** Ones' complement addition of 32-bit words. */
function add(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffffffff ? (sum + 1) >>> 0 : sum;
}

function partialSum(view: DataView, at: number, size: number, start: number): number {
  let sum = start;
  const whole = size & ~3;
  for (let i = 0; i < whole; i += 4) sum = add(sum, view.getUint32(at + i, true));
  let rest = 0;
  for (let i = whole; i < size; i++) rest |= view.getUint8(at + i) << (8 * (i - whole));
  return add(sum, rest);
}

function fold(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return ((once >>> 16) + once) & 0xffff;
}
