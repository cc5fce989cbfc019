/**
 * A folder for one process at a time (flock(2)): the kernel lets go of it when the holder ends, however it ends.
 *
 * bpf file systems have no files to lock, so it is the folder itself that is locked, as libxdp does it.
 */
import { closeSync, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";
import koffi from "koffi";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { Descriptor } from "./descriptor.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

type Flock = (fd: number, operation: number) => number;
let native: Flock | undefined;

const flock: Flock = (fd, operation) => {
  native ??= koffi.load(null).func("int flock(int fd, int operation)") as Flock;
  return native(fd, operation) < 0 ? -koffi.errno() : 0;
};

/** The process that holds the lock of a folder, as /proc/locks tells it: `1: FLOCK ADVISORY WRITE 4711 00:1f:42 0 EOF`. */
function holderOf(path: string): number | undefined {
  const ino = statSync(path, { throwIfNoEntry: false })?.ino;
  const [, pid] =
    new RegExp(`FLOCK .* (\\d+) [0-9a-f]+:[0-9a-f]+:${ino} `).exec(readFileSync("/proc/locks", "utf8")) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

class FolderLock extends Descriptor {}

/** Folders that this thread has locked with `lockFolder`, by device and inode. */
const own = new Set<string>();

const identity = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

/** The lock, or undefined while someone else holds it. @throws XdpkitError KERNEL_PIN for a folder that is not there */
function tryLock(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    throw xdpkitError("KERNEL_PIN", { action: "open", path, errno: (cause as NodeJS.ErrnoException).code ?? "" });
  }
  const result = flock(fd, LOCK_EX | LOCK_NB);
  if (result === 0) return fd;
  closeSync(fd);
  if (result !== -errno.EAGAIN) throw xdpkitError("KERNEL_CALL", { call: "flock", errno: errnoName(result) });
  return undefined;
}

const locked = (path: string) => xdpkitError("KERNEL_LOCKED", { path, holder: holderOf(path) });

/**
 * A folder for this process alone, until it is disposed of. `load` takes the folder of its pins as its own then.
 *
 * @throws XdpkitError KERNEL_LOCKED while someone else holds it, KERNEL_PIN, KERNEL_CALL for a folder that is not there
 */
export function lockFolder(path: string): Disposable {
  const fd = tryLock(path);
  if (fd === undefined) throw locked(path);
  const folder = identity(fstatSync(fd));
  own.add(folder);
  return {
    [Symbol.dispose]: () => {
      if (own.delete(folder)) closeSync(fd);
    },
  };
}

/** How long a start waits for another one, and between its attempts, milliseconds. */
const WAIT_MS = 10_000;
const POLL_MS = 10;

/**
 * The lock of a change to the pins of a folder, which is made where it is missing: waits up to 10 s for another process. The
 * holder may have taken the folder away meanwhile, and another have made it again.
 *
 * @throws XdpkitError KERNEL_LOCKED, at once when this process holds it for another change; KERNEL_PIN
 */
export function lockPins(path: string, make: () => void): Disposable {
  for (const end = performance.now() + WAIT_MS; ; ) {
    make();
    const now = statSync(path, { throwIfNoEntry: false });
    if (now && own.has(identity(now))) return { [Symbol.dispose]: () => {} };
    const fd = now && tryLock(path);
    if (fd !== undefined) {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found && identity(found) === identity(fstatSync(fd))) return new FolderLock(fd);
      closeSync(fd);
    } else if (now && (holderOf(path) === process.pid || performance.now() > end)) throw locked(path);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
}
