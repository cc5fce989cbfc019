/** The machine's CPUs, and which one the calling thread runs on: per-CPU maps and timings need a thread that stays. */
import { readFileSync } from "node:fs";
import koffi from "koffi";
import { xdpkitError } from "../base/index.ts";
import { errnoName } from "../uapi/index.ts";

/** Room for 1024 CPUs (CPU_SETSIZE), bytes. */
const SET_BYTES = 128;

/** Keeps the calling thread on one CPU (sched_setaffinity(2)). @throws XdpkitError KERNEL_CALL */
export function pinThread(cpu: number): void {
  const set = new Uint8Array(SET_BYTES);
  set[cpu >> 3] = 1 << (cpu & 7);
  const libc = koffi.load(null);
  const call = libc.func("int sched_setaffinity(int pid, size_t size, const void *set)") as (
    pid: number,
    size: number,
    set: Uint8Array,
  ) => number;
  if (call(0, SET_BYTES, set) < 0) {
    throw xdpkitError("KERNEL_CALL", { call: "sched_setaffinity", errno: errnoName(koffi.errno()) });
  }
}

/** CPUs that may ever be there: the number of values of a per-CPU map. */
export const possibleCpus = (): number => cpuList("possible").length;

/** CPUs that run now. */
export const onlineCpus = (): number[] => cpuList("online");

/** `0-3,8`. */
function cpuList(which: "possible" | "online"): number[] {
  const text = readFileSync(`/sys/devices/system/cpu/${which}`, "utf8").trim();
  return text.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
