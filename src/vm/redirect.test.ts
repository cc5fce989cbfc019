/** Where redirected packets go, and why they are lost (net/core/filter.c, kernel/bpf/devmap.c, cpumap.c). */
import { describe, expect, it } from "vitest";
import { programOf } from "../../test/support/assembly.ts";
import { createVm, type NetworkConfig, type Redirect, type Vm } from "./index.ts";

const NETWORK: NetworkConfig = {
  interfaces: [
    { index: 2, name: "wide", mtu: 1500 },
    { index: 3, name: "narrow", mtu: 100 },
    { index: 4, name: "down", up: false },
    { index: 5, name: "other" },
  ],
};
const PACKET = new Uint8Array(60);
const NOWHERE = { interfaceIndex: 0, interfaces: [] };

const toInterface = (index: number): string => `r1 = ${index}\nr2 = 0\ncall 23\nexit`;
const toMap = (key: number, flags = 0): string => `r1 = targets ll\nr2 = ${key}\nr3 = ${flags}\ncall 51\nexit`;

/** Second programs: drop short packets; write what they see into the packet; count on their CPU. */
const SECOND = `
.section xdp/devmap
.global mark
r2 = *(u32 *)(r1 + 0)
r3 = *(u32 *)(r1 + 12)
*(u8 *)(r2 + 0) = r3
r3 = *(u32 *)(r1 + 20)
*(u8 *)(r2 + 1) = r3
r0 = 2
exit
.global refuse
r0 = 1
exit
.section xdp/cpumap
.global onward
call 8
r6 = r0
r1 = 5
r2 = 0
call 23
exit
.global count
call 8
*(u32 *)(r10 - 4) = r0
r2 = r10
r2 += -4
r3 = r2
r1 = seen ll
r4 = 0
call 2
r0 = 2
exit
.global answer
r0 = 3
exit`;

async function vmOf(code: string, map = "", network: NetworkConfig | undefined = NETWORK): Promise<Vm> {
  const maps = `${map}\n.map seen type=1 key=4 value=4 entries=8`;
  return createVm(programOf(code, maps, SECOND), { program: "main", cpus: 2, ...(network ? { network } : {}) });
}

describe("bpf_redirect", () => {
  const rows: readonly (readonly [string, number, number, Partial<Redirect>])[] = [
    ["an interface", 2, 60, {}],
    ["an unknown interface", 9, 60, { failure: "EINVAL" }],
    ["interface 0", 0, 60, { failure: "EINVAL" }],
    ["an interface that is down", 4, 60, { failure: "ENETDOWN" }],
    ["the largest frame that fits", 3, 118, {}],
    ["one byte more", 3, 119, { failure: "EMSGSIZE" }],
  ];
  it.each(rows)("to %s", async (_, index, size, more) => {
    const vm = await vmOf(toInterface(index));
    const verdict = vm.run(new Uint8Array(size));
    expect([verdict.name, verdict.redirect]).toEqual([
      "XDP_REDIRECT",
      { interfaceIndex: index, interfaces: [index], ...more },
    ]);
  });

  it("knows every port when no network is described", async () => {
    const vm = await createVm(programOf(toInterface(77)));
    expect(vm.run(PACKET).redirect).toEqual({ interfaceIndex: 77, interfaces: [77] });
  });

  it("that was not called: the packet is lost", async () => {
    const vm = await vmOf("r0 = 4\nexit");
    expect(vm.run(PACKET).redirect).toEqual({ ...NOWHERE, failure: "EINVAL" });
  });

  it("of an earlier run does not count", async () => {
    const vm = await vmOf(
      "r2 = *(u32 *)(r1 + 16)\nif r2 == 0 goto +2\nr0 = 4\nexit\nr1 = 2\nr2 = 0\ncall 23\nr0 = 2\nexit",
    );
    expect(vm.run(PACKET).redirect).toBeUndefined();
    expect(vm.run(PACKET, { rxQueue: 1 }).redirect).toEqual({ ...NOWHERE, failure: "EINVAL" });
  });

  it("with flags is an aborted packet", async () => {
    const vm = await vmOf("r1 = 2\nr2 = 1\ncall 23\nexit");
    expect(vm.run(PACKET)).toMatchObject({ name: "XDP_ABORTED", action: 0 });
  });
});

describe("a device map", () => {
  const DEVMAP = ".map targets type=14 key=4 value=8 entries=8";

  it("sends to a port by name, and an empty slot answers with the flags", async () => {
    const vm = await vmOf(toMap(1, 2), DEVMAP);
    expect(vm.run(PACKET)).toMatchObject({ name: "XDP_PASS" });
    vm.map("targets").set(1, "other");
    expect(vm.run(PACKET).redirect).toEqual({ interfaceIndex: 5, interfaces: [5], map: "targets", key: 1 });
  });

  it("runs its program, which sees both interfaces", async () => {
    const vm = await vmOf(toMap(1), DEVMAP);
    vm.map("targets").set(1, { interface: "other", program: "mark" });
    const { redirect, packet, instructions } = vm.run(PACKET, { ingressInterface: 2 });
    expect(redirect).toMatchObject({ interfaceIndex: 5, second: { program: "mark", action: "XDP_PASS" } });
    expect([redirect?.failure, packet[0], packet[1], instructions]).toEqual([undefined, 2, 5, 12]);
  });

  it("loses the packet that its program drops", async () => {
    const vm = await vmOf(toMap(1), DEVMAP);
    vm.map("targets").set(1, { interface: 2, program: "refuse" });
    expect(vm.run(PACKET).redirect).toEqual({
      interfaceIndex: 2,
      interfaces: [2],
      map: "targets",
      key: 1,
      second: { program: "refuse", action: "XDP_DROP" },
      failure: "XDP_DROP",
    });
  });

  it("does not run the program of a port that is down", async () => {
    const vm = await vmOf(toMap(1), DEVMAP);
    vm.map("targets").set(1, { interface: "down", program: "mark" });
    expect(vm.run(PACKET).redirect).toEqual({
      interfaceIndex: 4,
      interfaces: [4],
      map: "targets",
      key: 1,
      failure: "ENETDOWN",
    });
  });

  it.each([
    ["to all ports that take the packet", 8, 60, [2, 3, 5]],
    ["but the one it came from", 24, 60, [3, 5]],
    ["but those whose MTU is too small", 8, 500, [2, 5]],
  ] as const)("broadcasts %s", async (_, flags, size, interfaces) => {
    const vm = await vmOf(toMap(0, flags), DEVMAP);
    for (const [slot, name] of ["wide", "narrow", "down", "other"].entries()) vm.map("targets").set(slot, name);
    const { redirect } = vm.run(new Uint8Array(size), { ingressInterface: 2 });
    expect(redirect).toEqual({ interfaceIndex: interfaces[0], interfaces, map: "targets" });
  });

  it("broadcasts through the programs of its ports, each on a copy", async () => {
    const vm = await vmOf(toMap(0, 8), DEVMAP);
    vm.map("targets").set(0, { interface: 2, program: "refuse" });
    vm.map("targets").set(1, { interface: 3, program: "mark" });
    vm.map("targets").set(2, { interface: 5 });
    const { redirect, packet } = vm.run(PACKET);
    expect(redirect).toEqual({ interfaceIndex: 3, interfaces: [3, 5], map: "targets" });
    expect([packet[0], packet[1]]).toEqual([0, 0]);
  });
});

describe("a CPU map", () => {
  const CPUMAP = ".map targets type=16 key=4 value=8 entries=2";

  it("names the CPU, on which its program runs", async () => {
    const vm = await vmOf(toMap(1), CPUMAP);
    vm.map("targets").set(1, { queueSize: 64, program: "count" });
    expect(vm.run(PACKET).redirect).toEqual({
      ...NOWHERE,
      map: "targets",
      key: 1,
      cpu: 1,
      second: { program: "count", action: "XDP_PASS" },
    });
    expect([...vm.map("seen").keys()]).toEqual([Uint8Array.of(1, 0, 0, 0)]);
  });

  it("goes on where its program redirects", async () => {
    const vm = await vmOf(toMap(0), CPUMAP);
    vm.map("targets").set(0, { queueSize: 64, program: "onward" });
    expect(vm.run(PACKET).redirect).toMatchObject({ interfaceIndex: 5, interfaces: [5], cpu: 0 });
  });

  it("has no XDP_TX", async () => {
    const vm = await vmOf(toMap(0), CPUMAP);
    vm.map("targets").set(0, { queueSize: 64, program: "answer" });
    expect(vm.run(PACKET).redirect).toMatchObject({ failure: "XDP_TX", cpu: 0 });
  });
});

it("a socket map gives the socket's name", async () => {
  const vm = await vmOf(toMap(3, 2), ".map targets type=17 key=4 value=4 entries=4");
  expect(vm.run(PACKET).name).toBe("XDP_PASS");
  vm.map("targets").set(3, "queue-3");
  expect(vm.run(PACKET).redirect).toEqual({ ...NOWHERE, map: "targets", key: 3, socket: "queue-3" });
});
