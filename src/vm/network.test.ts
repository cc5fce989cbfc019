/** Network files that are wrong: one coded error each, at the path of the value. Kernel configuration and externs. */
import { describe, expect, it } from "vitest";
import { programOf } from "../../test/support/assembly.ts";
import { createVm, Network, type NetworkConfig } from "./index.ts";

const ETH = { index: 2, name: "eth0", mac: "02:00:00:00:00:01", addresses: ["192.0.2.1/24", "fd00::1/64"] };
const route = (row: object): object => ({ interfaces: [ETH], routes: [row] });
const neighbour = (row: object): object => ({ interfaces: [ETH], neighbours: [row] });
const rule = (row: object): object => ({ interfaces: [ETH], rules: [row] });
const port = (row: object): object => ({ interfaces: [ETH, { index: 3, name: "eth1", ...row }] });

const ROWS: readonly (readonly [config: object, path: string, problem: string])[] = [
  [{ interfaces: {} }, "$.interfaces", "expected a list"],
  [{ interfaces: [null] }, "$.interfaces[0]", "expected fields with values"],
  [{ routes: "all" }, "$.routes", "expected a list"],
  [{ rules: [[]] }, "$.rules[0]", "expected fields with values"],
  [{ neighbours: [7] }, "$.neighbours[0]", "expected fields with values"],
  [port({ index: 0 }), "$.interfaces[1].index", "an index is a number from 1"],
  [port({ index: 1.5 }), "$.interfaces[1].index", "an index is a number from 1"],
  [port({ index: "3" }), "$.interfaces[1].index", 'expected a number, found "3"'],
  [port({ index: 2 }), "$.interfaces[1].index", "index 2 is taken"],
  [port({ name: "" }), "$.interfaces[1].name", "an interface needs a name"],
  [port({ name: 5 }), "$.interfaces[1].name", "expected a string, found 5"],
  [port({ name: "eth0" }), "$.interfaces[1].name", "the name eth0 is taken"],
  [port({ mtu: 67 }), "$.interfaces[1].mtu", "an MTU is 68 to 65535 bytes"],
  [port({ mtu: 65536 }), "$.interfaces[1].mtu", "an MTU is 68 to 65535 bytes"],
  [port({ mac: "02:00" }), "$.interfaces[1].mac", '"02:00" is no MAC address'],
  [port({ addresses: "10.0.0.1" }), "$.interfaces[1].addresses", "expected a list"],
  [port({ addresses: ["10.0.0.1/24", "10.0.0/8"] }), "$.interfaces[1].addresses[1]", '"10.0.0" is no IP address'],
  [port({ addresses: ["10.0.0.1/33"] }), "$.interfaces[1].addresses[0]", '"10.0.0.1/33" is no prefix'],
  [port({ addresses: ["10.0.0.1/2/3"] }), "$.interfaces[1].addresses[0]", '"10.0.0.1/2/3" is no prefix'],
  [port({ addresses: ["fd00::1/129"] }), "$.interfaces[1].addresses[0]", '"fd00::1/129" is no prefix'],
  [port({ addresses: ["fd00::1/-1"] }), "$.interfaces[1].addresses[0]", '"fd00::1/-1" is no prefix'],
  [route({ to: "nowhere", interface: "eth0" }), "$.routes[0].to", '"nowhere" is no IP address'],
  [route({ to: "10.0.0.0/8" }), "$.routes[0]", "a unicast route needs an interface or via"],
  [route({ to: "10.0.0.0/8", interface: "eth9" }), "$.routes[0].interface", 'no interface is named "eth9"'],
  [route({ to: "10.0.0.0/8", via: "x" }), "$.routes[0].via", '"x" is no IP address'],
  [
    route({ to: "10.0.0.0/8", via: "198.51.100.1" }),
    "$.routes[0].via",
    "no interface has an address in the gateway's network",
  ],
  [route({ to: "fd01::/16", via: "192.0.2.9" }), "$.routes[0]", "the gateway of an IPv6 route is an IPv6 address"],
  [
    route({ to: "10.0.0.0/8", via: "192.0.2.9", nextHops: [] }),
    "$.routes[0].nextHops",
    "either nextHops, or via and interface",
  ],
  [route({ to: "10.0.0.0/8", nextHops: {} }), "$.routes[0].nextHops", "expected a list"],
  [
    route({ to: "10.0.0.0/8", nextHops: [{ interface: "eth0" }, { interface: "lo" }] }),
    "$.routes[0].nextHops[1].interface",
    'no interface is named "lo"',
  ],
  [
    route({ to: "10.0.0.0/8", nextHops: [{ interface: "eth0", weight: 0 }] }),
    "$.routes[0].nextHops[0].weight",
    "0 is no number from 1 to 256",
  ],
  [
    route({ to: "10.0.0.0/8", type: "tunnel" }),
    "$.routes[0].type",
    "expected one of unicast, local, broadcast, multicast, blackhole, unreachable, prohibit, throw",
  ],
  [
    route({ to: "10.0.0.0/8", interface: "eth0", table: "main" }),
    "$.routes[0].table",
    'expected a number, found "main"',
  ],
  [
    route({ to: "10.0.0.0/8", interface: "eth0", metric: -1 }),
    "$.routes[0].metric",
    "-1 is no number from 0 to 4294967295",
  ],
  [route({ to: "10.0.0.0/8", interface: "eth0", mtu: 10 }), "$.routes[0].mtu", "10 is no number from 68 to 65535"],
  [
    route({ to: "10.0.0.0/8", interface: "eth0", source: "fd00::1" }),
    "$.routes[0].source",
    "the source is of another family",
  ],
  [
    route({ to: "10.0.0.0/8", interface: "eth0", encapsulation: { bytes: "x" } }),
    "$.routes[0].encapsulation",
    "expected bytes, each a number",
  ],
  [neighbour({ address: "x", interface: "eth0" }), "$.neighbours[0].address", '"x" is no IP address'],
  [neighbour({ address: "10.0.0.1", interface: "x" }), "$.neighbours[0].interface", 'no interface is named "x"'],
  [
    neighbour({ address: "10.0.0.1", interface: "eth0" }),
    "$.neighbours[0]",
    "a neighbour that is reachable needs a mac",
  ],
  [
    neighbour({ address: "10.0.0.1", interface: "eth0", mac: "x", state: "stale" }),
    "$.neighbours[0].mac",
    '"x" is no MAC address',
  ],
  [
    neighbour({ address: "10.0.0.1", interface: "eth0", state: "gone" }),
    "$.neighbours[0].state",
    "expected one of permanent, noarp, reachable, stale, delay, probe, incomplete, failed",
  ],
  [rule({ priority: "a", table: 1 }), "$.rules[0].priority", 'expected a number, found "a"'],
  [rule({ priority: 1 }), "$.rules[0].table", "the field is missing"],
  [rule({ priority: 1, table: 1, from: "x" }), "$.rules[0].from", '"x" is no IP address'],
  [
    rule({ priority: 1, table: 1, from: "10.0.0.0/8", to: "fd00::/8" }),
    "$.rules[0]",
    "from, to and family are of two families",
  ],
  [rule({ priority: 1, table: 1, ingress: "x" }), "$.rules[0].ingress", 'no interface is named "x"'],
  [rule({ priority: 1, table: 1, mark: -1 }), "$.rules[0].mark", "-1 is no number from 0 to 4294967295"],
  [rule({ priority: 1, table: 1, family: "ipx" }), "$.rules[0].family", "expected one of ipv4, ipv6"],
  [
    rule({ priority: 1, table: 1, family: "ipv6", to: "10.0.0.0/8" }),
    "$.rules[0]",
    "from, to and family are of two families",
  ],
];

describe("a network", () => {
  it.each(ROWS)("%j is refused", (config, path, problem) => {
    expect(() => new Network(config as NetworkConfig)).toThrow(
      expect.objectContaining({ code: "VM_NETWORK", problem, at: { kind: "path", path } }),
    );
  });

  it("adds what the kernel adds: connected routes, local addresses, broadcast, anycast, link-local", () => {
    const shown = new Network({ interfaces: [ETH] }).routes.map(
      ({ prefix, length, type, table }) => `${prefix.join(".")}/${length} ${type} ${table}`,
    );
    const fd00 = (last: number): string => `253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.${last}`;
    expect(shown).toEqual([
      "192.0.2.1/32 local 255",
      "192.0.2.0/24 unicast 254",
      "192.0.2.255/32 broadcast 255",
      `${fd00(1)}/128 local 255`,
      `${fd00(0)}/64 unicast 254`,
      `${fd00(0)}/128 anycast 255`,
      "254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.0/64 unicast 254",
    ]);
  });
});

describe("externs", () => {
  const kconfig = (size: number, weak = ""): ReturnType<typeof programOf> =>
    programOf(
      "r1 = CONFIG_THING ll\nr0 = *(u32 *)(r1 + 0)\nexit",
      `.extern kconfig CONFIG_THING offset=0 size=${size} ${weak}`,
    );
  const PACKET = new Uint8Array(60);

  it.each([
    [7, 7],
    [-1n, 0xffffffff],
    ["y", 1],
    ["n", 0],
    ["m", 2],
  ])("a kconfig value %s reads as %i", async (value, expected) => {
    const vm = await createVm(kconfig(4), { kconfig: { CONFIG_THING: value } });
    expect(vm.run(PACKET).action).toBe(expected);
  });

  it("text of kconfig is cut to size and ends with 0", async () => {
    const vm = await createVm(kconfig(8), { kconfig: { CONFIG_THING: "abcdefghij" } });
    expect(vm.run(PACKET).action).toBe(0x64636261);
  });

  it("a value that is no integer, a strong one that is missing, a weak one", async () => {
    await expect(createVm(kconfig(4), { kconfig: { CONFIG_THING: 1.5 } })).rejects.toMatchObject({
      code: "VM_KCONFIG",
      problem: "CONFIG_THING: 1.5 is no integer",
    });
    await expect(createVm(kconfig(4))).rejects.toMatchObject({
      code: "VM_UNKNOWN_EXTERN",
      problem: "kconfig CONFIG_THING does not exist in the virtual machine",
      hint: "give it a value in the machine's `kconfig` option",
    });
    expect((await createVm(kconfig(4, "weak"))).run(PACKET).action).toBe(0);
  });

  it.each([
    ["ksym", "", "VM_UNKNOWN_EXTERN"],
    ["ksym", "weak", 0],
  ])("a %s that is missing, %s", async (kind, weak, expected) => {
    const object = programOf("r0 = bpf_thing ll\nexit", `.extern ${kind} bpf_thing ${weak}`);
    if (typeof expected === "number") expect((await createVm(object)).run(PACKET).action).toBe(expected);
    else await expect(createVm(object)).rejects.toMatchObject({ code: expected });
  });

  it("a kernel function: missing, weak and called, present", async () => {
    const call = (name: string, weak = ""): ReturnType<typeof programOf> =>
      programOf(`r6 = r1\nr2 = r10\nr2 += -8\ncall ${name}\nexit`, `.extern kfunc ${name} ${weak}`);
    await expect(createVm(call("bpf_nothing"))).rejects.toMatchObject({ code: "VM_UNKNOWN_EXTERN" });
    const weak = await createVm(call("bpf_nothing", "weak"));
    expect(() => weak.run(PACKET)).toThrow(
      expect.objectContaining({
        code: "VM_MISSING_KFUNC",
        problem: "kernel function bpf_nothing is called, but does not exist in the virtual machine",
      }),
    );
    const known = await createVm(call("bpf_xdp_metadata_rx_timestamp"));
    expect(known.run(PACKET).action | 0).toBe(-95);
    expect(known.run(PACKET, { hints: { timestampNs: 5n } }).action).toBe(0);
  });
});
