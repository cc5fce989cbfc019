/**
 * A folder for one process at a time (flock(2)): the kernel lets go of it when the holder ends, however it ends.
 *
 * bpf file systems have no files to lock, so it is the folder itself that is locked, as libxdp does it.
 */
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import koffi from "koffi";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";

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
  const { ino } = statSync(path);
  const [, pid] =
    new RegExp(`FLOCK .* (\\d+) [0-9a-f]+:[0-9a-f]+:${ino} `).exec(readFileSync("/proc/locks", "utf8")) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/**
 * Disposing it lets the next one in.
 *
 * @throws XdpkitError KERNEL_LOCKED, KERNEL_PIN, KERNEL_CALL for a folder that is not there
 */
export function lockFolder(path: string): Disposable {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    throw xdpkitError("KERNEL_PIN", { action: "open", path, errno: (cause as NodeJS.ErrnoException).code ?? "" });
  }
  const result = flock(fd, LOCK_EX | LOCK_NB);
  if (result === 0) return { [Symbol.dispose]: () => closeSync(fd) };
  closeSync(fd);
  if (result !== -errno.EAGAIN) throw xdpkitError("KERNEL_CALL", { call: "flock", errno: errnoName(result) });
  throw xdpkitError("KERNEL_LOCKED", { path, holder: holderOf(path) });
}
