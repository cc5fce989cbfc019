/**
 * Network namespaces of the calling thread (setns(2)). Only synchronous work may run inside: libuv's other threads stay
 * where they are.
 */
import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { xdpkitError } from "../base/index.ts";
import { errnoName } from "../uapi/index.ts";

const CLONE_NEWNET = 0x40000000;

function enter(fd: number): void {
  const setns = koffi.load(null).func("int setns(int fd, int type)") as (fd: number, type: number) => number;
  if (setns(fd, CLONE_NEWNET) < 0) {
    throw xdpkitError("KERNEL_CALL", { call: "setns", errno: errnoName(koffi.errno()) });
  }
}

/** Runs `body` inside a namespace that `ip netns` made, then comes back. @throws XdpkitError KERNEL_CALL */
export function inNamespace<T>(name: string, body: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  const there = openSync(`/run/netns/${name}`, "r");
  try {
    enter(there);
    return body();
  } finally {
    enter(home);
    closeSync(there);
    closeSync(home);
  }
}
