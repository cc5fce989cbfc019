/**
 * Network namespaces of the calling thread (setns(2)).
 *
 * A namespace belongs to a thread. Everything this layer asks of the kernel is synchronous, so it happens in the thread's
 * namespace; libuv's other threads stay where they are. Sockets and links keep the namespace that they were made in.
 */
import { closeSync, openSync, readdirSync } from "node:fs";
import koffi from "koffi";
import { invariant, xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";

const CLONE_NEWNET = 0x40000000;
/** Where `ip netns` keeps them. */
const NAMED = "/run/netns";

/** 0 or a negative error number. */
function tryEnter(fd: number): number {
  const setns = koffi.load(null).func("int setns(int fd, int type)") as (fd: number, type: number) => number;
  return setns(fd, CLONE_NEWNET) < 0 ? -koffi.errno() : 0;
}

/** The names that `ip netns list` shows. */
export function namespaceNames(): string[] {
  try {
    return readdirSync(NAMED).sort();
  } catch {
    return [];
  }
}

function noNamespace(name: string) {
  return xdpkitError("KERNEL_NO_NAMESPACE", { name, known: namespaceNames() });
}

/** A name that `ip netns` gave, or a path such as `/proc/123/ns/net`. */
function open(name: string): number {
  try {
    return openSync(name.includes("/") ? name : `${NAMED}/${name}`, "r");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM")
      throw xdpkitError("KERNEL_CALL", { call: `opening ${name}`, errno: code });
    throw noNamespace(name);
  }
}

/**
 * The calling thread works in a namespace from now on. Threads that it starts afterwards do, too.
 *
 * @throws XdpkitError KERNEL_NO_NAMESPACE, KERNEL_CALL
 */
export function enterNamespace(name: string): void {
  const fd = open(name);
  const result = tryEnter(fd);
  closeSync(fd);
  if (result === -errno.EINVAL) throw noNamespace(name);
  if (result < 0) throw xdpkitError("KERNEL_CALL", { call: "setns", errno: errnoName(result) });
}

/**
 * Runs `body` inside a namespace, then comes back. Only what `body` does before it returns happens there: what
 * it leaves to later happens outside.
 *
 * @throws XdpkitError KERNEL_NO_NAMESPACE, KERNEL_CALL
 */
export function inNamespace<T>(name: string, body: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  try {
    enterNamespace(name);
    return body();
  } finally {
    const result = tryEnter(home);
    closeSync(home);
    invariant(result === 0, `the way back into the own namespace: ${errnoName(result)}`);
  }
}
