/** Pins: names for maps, programs and links in a bpf file system (BPF_OBJ_PIN, BPF_OBJ_GET; kernel/bpf/inode.c). */
import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { type Attributes, attributes, BpfCommand, tryBpf } from "./syscall.ts";

/** BPF_FS_MAGIC of include/uapi/linux/magic.h. */
const BPF_FILE_SYSTEM = 0xcafe4a11;

/** True for a path that exists in a bpf file system. */
export const isInBpfFileSystem = (path: string): boolean =>
  existsSync(path) && statfsSync(path).type === BPF_FILE_SYSTEM;

/** That a pin can be made there, as far as the folder goes. @throws XdpkitError KERNEL_PIN */
export function requirePinFolder(path: string): void {
  const folder = dirname(path);
  if (isInBpfFileSystem(folder)) return;
  throw xdpkitError("KERNEL_PIN", { action: "pin", path, errno: existsSync(folder) ? "EPERM" : "ENOENT" });
}

/** Gives an object a name that holds it after the process has ended. @throws XdpkitError KERNEL_PIN */
export function pin(fd: number, path: string): void {
  const result = tryBpf(BpfCommand.ObjectPin, withPath(path).u32(8, fd));
  if (result < 0) throw xdpkitError("KERNEL_PIN", { action: "pin", path, errno: errnoName(result) });
}

/** A descriptor of what is pinned there; undefined when nothing is. @throws XdpkitError KERNEL_PIN */
export function openPin(path: string): number | undefined {
  const result = tryOpenPin(path);
  if (result === -errno.ENOENT) return undefined;
  if (result < 0) throw xdpkitError("KERNEL_PIN", { action: "open", path, errno: errnoName(result) });
  return result;
}

/** A descriptor, or a negative error number. */
export function tryOpenPin(path: string): number {
  return tryBpf(BpfCommand.ObjectGet, withPath(path));
}

function withPath(path: string): Attributes {
  return attributes().pointer(0, new TextEncoder().encode(`${path}\0`));
}
