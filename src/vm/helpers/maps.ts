/** Helpers on maps (kernel/bpf/helpers.c, kernel/bpf/map_iter.c). */
import { errno } from "../../uapi/index.ts";
import { type Cpu, numberArgument, type Use } from "../cpu.ts";
import type { Machine } from "../machine.ts";
import { BloomFilter, type VmMap } from "../maps/index.ts";
import { ObjectId } from "../memory.ts";
import { FUNCTION_HANDLE, MAP_HANDLE } from "../text.ts";
import type { HelperTable } from "./table.ts";

/** BPF_MAX_LOOPS (include/linux/bpf.h). */
const MAX_LOOPS = 8 * 1024 * 1024;

export function mapHelpers(machine: Machine): HelperTable {
  const keyPointer = (cpu: Cpu, map: VmMap): number => cpu.pointer(2, map.definition.keySize);
  const valuePointer = (cpu: Cpu, map: VmMap, argument: number, use: Use): number =>
    cpu.pointer(argument, map.definition.valueSize, use);
  return {
    bpf_map_lookup_elem(cpu) {
      const map = machine.mapArgument(cpu, 1);
      found(cpu, map.lookup(keyPointer(cpu, map)));
    },
    bpf_map_update_elem(cpu) {
      const map = machine.mapArgument(cpu, 1);
      cpu.result(map.update(keyPointer(cpu, map), valuePointer(cpu, map, 3, "read"), cpu.flags(4)));
    },
    bpf_map_delete_elem(cpu) {
      const map = machine.mapArgument(cpu, 1);
      cpu.result(map.delete(keyPointer(cpu, map)));
    },
    bpf_map_lookup_percpu_elem(cpu) {
      const map = machine.mapArgument(cpu, 1);
      const key = keyPointer(cpu, map);
      found(cpu, cpu.argument(3) < machine.cpus ? map.lookupOnCpu(key, cpu.argument(3)) : 0);
    },
    bpf_map_push_elem(cpu) {
      const map = machine.mapArgument(cpu, 1);
      cpu.result(map.push(valuePointer(cpu, map, 2, "read"), cpu.flags(3)));
    },
    bpf_map_pop_elem(cpu) {
      const map = machine.mapArgument(cpu, 1);
      cpu.result(map.pop(valuePointer(cpu, map, 2, "write")));
    },
    bpf_map_peek_elem(cpu) {
      const map = machine.mapArgument(cpu, 1);
      // A bloom filter looks for the value; a queue writes it.
      const use = map instanceof BloomFilter ? "update" : "write";
      cpu.result(map.peek(valuePointer(cpu, map, 2, use)));
    },
    bpf_for_each_map_elem(cpu) {
      forEach(machine, cpu);
    },
    bpf_loop(cpu) {
      loop(cpu);
    },
  };
}

/** The result of a look-up: a value, or an inner map. */
function found(cpu: Cpu, address: number): void {
  if (address >= MAP_HANDLE) cpu.resultHandle(address);
  else cpu.resultPointer(address);
}

/** Position of the function that argument n names. */
export function functionArgument(cpu: Cpu, n: number): number {
  const value = cpu.argument(n);
  if (cpu.origins[2 * n] === ObjectId.Handle && value >= FUNCTION_HANDLE) return value - FUNCTION_HANDLE;
  throw cpu.error("VM_HELPER_ARGUMENT", { name: cpu.helperName, argument: n, problem: "not a function" });
}

/** Callback: long (*)(map, key, value, ctx); a result other than 0 ends the walk. */
function forEach(machine: Machine, cpu: Cpu): void {
  const map = machine.mapArgument(cpu, 1);
  const target = functionArgument(cpu, 2);
  const [handle, context] = [cpu.passOn(1), cpu.passOn(3)];
  const elements = map.elements(cpu.depth);
  if (!cpu.isZero(4) || !elements) {
    cpu.result(-errno.EINVAL);
    return;
  }
  let count = 0;
  const next = (): void => {
    const { value: element, done } = elements.next();
    if (done) {
      cpu.result(count);
      return;
    }
    count++;
    cpu.callback(target, [handle, cpu.elementAt(element[0]), cpu.elementAt(element[1]), context], () => {
      if (cpu.callbackResult() === 0n) next();
      else cpu.result(count);
    });
  };
  next();
}

/** Callback: long (*)(u64 index, ctx); a result other than 0 ends the loop. */
function loop(cpu: Cpu): void {
  const rounds = cpu.argument(1);
  const target = functionArgument(cpu, 2);
  const context = cpu.passOn(3);
  if (!cpu.isZero(4)) {
    cpu.result(-errno.EINVAL);
    return;
  }
  if (rounds > MAX_LOOPS) {
    cpu.result(-errno.E2BIG);
    return;
  }
  const round = (index: number): void => {
    if (index >= rounds) {
      cpu.result(index);
      return;
    }
    cpu.callback(target, [numberArgument(index), context], () => {
      if (cpu.callbackResult() === 0n) round(index + 1);
      else cpu.result(index + 1);
    });
  };
  round(0);
}
