/** Pins: names for maps, programs and links in a bpf file system (BPF_OBJ_PIN, BPF_OBJ_GET; kernel/bpf/inode.c). */
import { existsSync, mkdirSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
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

/** A folder for pins: its last name is made where it is missing, which true says. @throws XdpkitError KERNEL_PIN */
export function makePinFolder(folder: string): boolean {
  const isMissing = !existsSync(folder);
  if (isMissing) {
    requirePinFolder(folder);
    changing(folder, () => mkdirSync(folder, { recursive: true }));
  }
  requirePinFolder(join(folder, "pin"));
  return isMissing;
}

/** Gives an object a name that holds it after the process has ended. @throws XdpkitError KERNEL_PIN */
export function pin(fd: number, path: string): void {
  const result = tryBpf(BpfCommand.ObjectPin, withPath(path).u32(8, fd));
  if (result < 0) throw xdpkitError("KERNEL_PIN", { action: "pin", path, errno: errnoName(result) });
}

/** Begins the name of the pin that takes the place of another, while it is made: no map and no program is called so. */
const NEXT = "0next_";

/** Where the pin waits that takes the place of the one at `path`. */
export const nextPin = (path: string): string => join(dirname(path), NEXT + basename(path));

/** The name of the pin that one of this name waits to replace. */
export const replacedBy = (name: string): string | undefined =>
  name.startsWith(NEXT) ? name.slice(NEXT.length) : undefined;

/** Takes the place of what is there, at once. @throws XdpkitError KERNEL_PIN */
export const renamePin = (from: string, path: string): void => changing(path, () => renameSync(from, path));

/** The pin of another object becomes that of this one, at once. @throws XdpkitError KERNEL_PIN */
export function replacePin(fd: number, path: string): void {
  const next = nextPin(path);
  changing(next, () => rmSync(next, { force: true }));
  pin(fd, next);
  try {
    renamePin(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** What the file system refuses, as an error of ours. */
function changing(path: string, body: () => void): void {
  try {
    body();
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? "";
    throw xdpkitError("KERNEL_PIN", { action: "pin", path, errno }, { cause });
  }
}

/** A descriptor of what is pinned there; undefined when nothing is. @throws XdpkitError KERNEL_PIN */
export function openPin(path: string): number | undefined {
  const result = tryOpenPin(path);
  if (result === -errno.ENOENT) return undefined;
  if (result >= 0) return result;
  const isFolder = result === -errno.EACCES && statSync(path, { throwIfNoEntry: false })?.isDirectory();
  throw xdpkitError("KERNEL_PIN", { action: "open", path, errno: isFolder ? "EISDIR" : errnoName(result) });
}

/** A descriptor, or a negative error number. */
export function tryOpenPin(path: string): number {
  return tryBpf(BpfCommand.ObjectGet, withPath(path));
}

function withPath(path: string): Attributes {
  return attributes().pointer(0, new TextEncoder().encode(`${path}\0`));
}
