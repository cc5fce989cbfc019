/** Error numbers of map operations as errors that say what is wrong with which map. */
import { readFileSync } from "node:fs";
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import type { BpfMap } from "../object/index.ts";
import { errno, errnoName, MapFlag, MapType } from "../uapi/index.ts";

interface OpenMap {
  readonly fd: number;
  readonly definition: BpfMap;
}

/** The error behind the negative number that an operation (`update`, `delete`) gave. */
export function mapError(map: OpenMap, operation: string, result: number): XdpkitError {
  const { name, type, maxEntries } = map.definition;
  switch (-result) {
    case errno.E2BIG:
      return INDEXED.includes(type)
        ? xdpkitError("KERNEL_MAP_INDEX", { map: name, maxEntries })
        : xdpkitError("KERNEL_MAP_FULL", { map: name, maxEntries });
    case errno.ENOSPC:
      return xdpkitError("KERNEL_MAP_FULL", { map: name, maxEntries });
    case errno.EEXIST:
      return xdpkitError("KERNEL_MAP_PRESENT", { map: name });
    case errno.ENOENT:
      return xdpkitError("KERNEL_MAP_ABSENT", { map: name });
    case errno.EPERM: {
      const reason = reasonOf(map);
      if (reason) return xdpkitError("KERNEL_MAP_READ_ONLY", { map: name, reason });
    }
  }
  return xdpkitError("KERNEL_MAP_OPERATION", { map: name, operation, errno: errnoName(result) });
}

/** Types whose keys are indices below `maxEntries`. */
const INDEXED: readonly number[] = [
  MapType.ARRAY,
  MapType.PERCPU_ARRAY,
  MapType.PROG_ARRAY,
  MapType.PERF_EVENT_ARRAY,
  MapType.ARRAY_OF_MAPS,
  MapType.DEVMAP,
  MapType.CPUMAP,
  MapType.XSKMAP,
];

/** Why user space may not do it; undefined when it is the process that lacks a right. */
function reasonOf({ fd, definition }: OpenMap): "frozen" | "read-only" | "write-only" | undefined {
  if (definition.flags & MapFlag.RDONLY) return "read-only";
  if (definition.flags & MapFlag.WRONLY) return "write-only";
  return isFrozen(fd) ? "frozen" : undefined;
}

/** BPF_OBJ_GET_INFO_BY_FD does not tell; /proc does. */
export function isFrozen(fd: number): boolean {
  return /^frozen:\t1$/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
}
