import { constants } from "node:os";
import { expect, it } from "vitest";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "./errno.ts";

it.skipIf(process.platform !== "linux")("has every error number of the system", () => {
  // Two names of one number: the table has the one that the kernel's headers define first.
  const { EWOULDBLOCK: _, ENOTSUP: __, ...system } = constants.errno as Record<string, number>;
  expect(errno).toMatchObject(system);
  expect([errnoName(-88), errnoName(524), errnoName(199)]).toEqual(["ENOTSOCK", "ENOTSUPP", "errno 199"]);
  expect(new Set(Object.values(errno)).size).toBe(Object.keys(errno).length);
});

it("says what to do about numbers and instructions that have one way out", () => {
  const socket = xdpkitError("KERNEL_MAP_OPERATION", { map: "xsks", operation: "update", errno: errnoName(-88) });
  expect([socket.problem, socket.hint]).toEqual([
    "map xsks: update fails with ENOTSOCK",
    "an XSKMAP takes descriptors of AF_XDP sockets, which only the process that has the socket can give",
  ]);
  expect(xdpkitError("VM_BAD_INSTRUCTION", { text: "callx r3" }).hint).toContain("call functions by name");
});
