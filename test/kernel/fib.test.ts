/**
 * `bpf_fib_lookup` and `bpf_check_mtu` of the machine against the kernel's, over one network built twice: with `ip` in a
 * namespace, and as the machine's configuration.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { concatBytes, printHex } from "../../src/base/index.ts";
import { parse } from "../../src/isa/index.ts";
import { inNamespace, type KernelProgram, LoadedObject } from "../../src/kernel/index.ts";
import type { BpfObject } from "../../src/object/index.ts";
import { fibResultName } from "../../src/uapi/index.ts";
import { createVm, type NetworkConfig, type Vm } from "../../src/vm/index.ts";
import { Namespace } from "../support/namespace.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const QUERIES = 4000;
const AF_INET = 2;
const AF_INET6 = 10;

/** Packet: 14 bytes, then `struct bpf_fib_lookup` (64), flags (4): answered in place. */
const FIB_PROGRAM = `
r6 = r1
r7 = *(u32 *)(r6 + 0x0)
r8 = *(u32 *)(r6 + 0x4)
r2 = r7
r2 += 0x60
if r2 <= r8 goto +0x2
r0 = 0xff
exit
${Array.from({ length: 8 }, (_, i) => `r1 = *(u64 *)(r7 + ${hex(14 + 8 * i)})\n*(u64 *)(r10 - ${hex(64 - 8 * i)}) = r1`).join("\n")}
r4 = *(u32 *)(r7 + 0x4e)
r1 = r6
r2 = r10
r2 += -0x40
r3 = 0x40
call 0x45
${Array.from({ length: 8 }, (_, i) => `r1 = *(u64 *)(r10 - ${hex(64 - 8 * i)})\n*(u64 *)(r7 + ${hex(14 + 8 * i)}) = r1`).join("\n")}
exit
`;

/** Packet: 14 bytes, interface (4), length in and out (4), difference (4). */
const MTU_PROGRAM = `
r6 = r1
r7 = *(u32 *)(r6 + 0x0)
r8 = *(u32 *)(r6 + 0x4)
r2 = r7
r2 += 0x40
if r2 <= r8 goto +0x2
r0 = 0xff
exit
r1 = *(u32 *)(r7 + 0x12)
*(u32 *)(r10 - 0x4) = r1
r2 = *(u32 *)(r7 + 0xe)
r4 = *(s32 *)(r7 + 0x16)
r1 = r6
r3 = r10
r3 += -0x4
r5 = 0x0
call 0xa3
r1 = *(u32 *)(r10 - 0x4)
*(u32 *)(r7 + 0x12) = r1
exit
`;

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function objectOf(text: string): BpfObject {
  const instructions = parse(text.trim());
  const program = { kind: "xdp", fragments: false, autoload: true };
  const main = {
    name: "main",
    section: "xdp",
    linkage: "global" as const,
    program,
    instructions,
    references: [],
    lines: [],
    relocations: [],
  };
  return { license: "GPL", functions: [main], maps: [], externs: [] };
}

/** Builds the namespace and says the same as plain data. */
function build(namespace: Namespace): NetworkConfig {
  namespace.ip("link set lo up");
  for (const family of ["ipv4", "ipv6"]) namespace.sysctl(`net.${family}.conf.all.forwarding`, "1");
  namespace.sysctl("net.ipv6.conf.default.accept_dad", "0");
  namespace.veth("v0", "p0");
  namespace.veth("v1", "p1");
  namespace.veth("v2", "p2");
  namespace.ip("link set v1 mtu 1400");
  for (const family of ["ipv4", "ipv6"]) namespace.sysctl(`net.${family}.conf.v2.forwarding`, "0");
  for (const i of [0, 1, 2]) {
    namespace.ip(`address add 10.0.${i}.1/24 dev v${i}`);
    namespace.ip(`address add fd00:${i}::1/64 dev v${i} nodad`);
  }
  const neighbours = [
    ["10.0.0.2", "v0", "02:00:00:00:00:02", "permanent"],
    ["10.0.0.3", "v0", "02:00:00:00:00:03", "stale"],
    ["10.0.1.2", "v1", "02:00:00:00:01:02", "reachable"],
    ["fd00:0::2", "v0", "02:00:00:00:06:02", "permanent"],
    ["fd00:0::3", "v0", "02:00:00:00:06:03", "stale"],
    ["fd00:1::2", "v1", "02:00:00:00:16:02", "permanent"],
  ] as const;
  for (const [address, device, mac, state] of neighbours)
    namespace.ip(`neigh replace ${address} dev ${device} lladdr ${mac} nud ${state}`);
  namespace.ip("neigh replace 10.0.0.9 dev v0 nud failed");
  const routes = [
    "10.1.0.0/16 via 10.0.0.2",
    "10.1.2.0/24 via 10.0.1.2",
    "10.2.0.0/16 via 10.0.0.2 mtu lock 1300",
    "10.8.0.0/16 via inet6 fd00:0::2 dev v0",
    "10.10.0.0/16 via 10.0.0.9 dev v0",
    "10.11.0.0/16 dev v0 metric 5",
    "10.11.0.0/16 via 10.0.1.2 metric 50",
    "10.6.0.0/16 encap seg6 mode encap segs fd00:1::2 dev v1",
    "blackhole 10.3.0.0/16",
    "unreachable 10.4.0.0/16",
    "prohibit 10.5.0.0/16",
    "throw 10.7.0.0/16",
    "10.9.0.0/16 via 10.0.1.2 table 100",
    "10.12.0.0/16 via 10.0.0.2 src 10.0.1.1",
  ];
  const routes6 = [
    "fd01::/32 via fd00:0::2",
    "fd01:2::/48 via fd00:1::2",
    "fd02::/16 via fd00:0::2 mtu lock 1300",
    "fd08::/16 via fe80::1 dev v0",
    "fd06::/16 encap seg6 mode encap segs fd00:1::2 dev v1",
    "blackhole fd03::/16",
    "unreachable fd04::/16",
    "prohibit fd05::/16",
    "fd09::/16 via fd00:1::2 table 100",
    "fd0c::/16 via fd00:0::2 src fd00:1::1",
  ];
  for (const route of routes) namespace.ip(`route add ${route}`);
  for (const route of routes6) namespace.ip(`-6 route add ${route}`);
  namespace.ip("rule add from 10.77.0.0/16 lookup 100 priority 1000");
  namespace.ip("rule add fwmark 7 lookup 100 priority 1001");
  namespace.ip("-6 rule add from fd77::/16 lookup 100 priority 1000");
  const interfaces = [0, 1, 2].map((i) => ({
    ...namespace.link(`v${i}`),
    name: `v${i}`,
    forwarding: i !== 2,
    addresses: [`10.0.${i}.1/24`, `fd00:${i}::1/64`],
  }));
  return {
    interfaces,
    neighbours: [
      ...neighbours.map(([address, device, mac, state]) => ({ address, interface: device, mac, state })),
      { address: "10.0.0.9", interface: "v0", state: "failed" },
    ],
    routes: [
      { to: "10.1.0.0/16", via: "10.0.0.2" },
      { to: "10.1.2.0/24", via: "10.0.1.2" },
      { to: "10.2.0.0/16", via: "10.0.0.2", mtu: 1300 },
      { to: "10.8.0.0/16", via: "fd00:0::2", interface: "v0" },
      { to: "10.10.0.0/16", via: "10.0.0.9", interface: "v0" },
      { to: "10.11.0.0/16", interface: "v0", metric: 5 },
      { to: "10.11.0.0/16", via: "10.0.1.2", metric: 50 },
      { to: "10.6.0.0/16", interface: "v1", encapsulation: { bytes: 64 } },
      { to: "10.3.0.0/16", type: "blackhole" },
      { to: "10.4.0.0/16", type: "unreachable" },
      { to: "10.5.0.0/16", type: "prohibit" },
      { to: "10.7.0.0/16", type: "throw" },
      { to: "10.9.0.0/16", via: "10.0.1.2", table: 100 },
      { to: "10.12.0.0/16", via: "10.0.0.2", source: "10.0.1.1" },
      { to: "fd01::/32", via: "fd00:0::2" },
      { to: "fd01:2::/48", via: "fd00:1::2" },
      { to: "fd02::/16", via: "fd00:0::2", mtu: 1300 },
      { to: "fd08::/16", via: "fe80::1", interface: "v0" },
      { to: "fd06::/16", interface: "v1", encapsulation: { bytes: 64 } },
      { to: "fd03::/16", type: "blackhole" },
      { to: "fd04::/16", type: "unreachable" },
      { to: "fd05::/16", type: "prohibit" },
      { to: "fd09::/16", via: "fd00:1::2", table: 100 },
      { to: "fd0c::/16", via: "fd00:0::2", source: "fd00:1::1" },
    ],
    rules: [
      { priority: 1000, from: "10.77.0.0/16", table: 100 },
      { priority: 1001, family: "ipv4", mark: 7, table: 100 },
      { priority: 1000, from: "fd77::/16", table: 100 },
    ],
  };
}

function address4(random: Random): Uint8Array {
  if (random.chance(0.4)) return Uint8Array.of(10, 0, random.between(0, 3), random.pick([0, 1, 2, 3, 9, 200, 255]));
  if (random.chance(0.05)) return random.bytes(4);
  return Uint8Array.of(
    10,
    random.pick([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 77]),
    random.pick([0, 2]),
    random.between(1, 250),
  );
}

function address6(random: Random): Uint8Array {
  const tail = new Uint8Array(12);
  tail[11] = random.pick([0, 1, 2, 3, 9]);
  if (random.chance(0.4)) return concatBytes(Uint8Array.of(0xfd, 0, 0, random.between(0, 3)), tail);
  if (random.chance(0.1))
    return concatBytes(
      random.pick([Uint8Array.of(0xfe, 0x80, 0, 0), Uint8Array.of(0xff, 2, 0, 0), new Uint8Array(4)]),
      tail,
    );
  return concatBytes(
    Uint8Array.of(0xfd, random.pick([1, 2, 3, 4, 5, 6, 8, 9, 0x0c, 0x77]), 0, random.pick([0, 2])),
    tail,
  );
}

function randomQuery(random: Random, interfaces: readonly number[]): Uint8Array {
  const packet = new Uint8Array(100);
  const view = new DataView(packet.buffer, 14);
  const flags = random.chance(0.5) ? 0 : random.u32() & (random.chance(0.05) ? 127 : 63);
  const ipv6 = random.chance(0.5);
  view.setUint8(0, random.chance(0.01) ? 3 : ipv6 ? AF_INET6 : AF_INET);
  view.setUint8(1, 17);
  view.setUint16(6, random.pick([0, 60, 1300, 1301, 1400, 1401, 1500, 1501]), true);
  view.setUint32(8, random.pick([...interfaces, ...interfaces, 9999]), true);
  packet.set(ipv6 ? address6(random) : address4(random), 14 + 16);
  packet.set(ipv6 ? address6(random) : address4(random), 14 + 32);
  // Addresses that a rule leads to another table.
  if (random.chance(0.1)) {
    packet.set(ipv6 ? [0xfd, 0x77] : [10, 77], 14 + 16);
    packet.set(ipv6 ? [0xfd, 9, 0, 0] : [10, 9], 14 + 32);
  }
  if (flags & 8) view.setUint32(48, random.pick([100, 254, 255, 253, 77]), true);
  if (flags & 32) view.setUint32(52, random.pick([0, 7]), true);
  view.setUint32(64, flags, true);
  return packet;
}

suite("the network", ["bpf", "root", "ip"], () => {
  const seed = runSeed();
  let namespace: Namespace;
  let config: NetworkConfig;

  beforeAll(() => {
    namespace = new Namespace("fib");
    config = build(namespace);
  });
  afterAll(() => namespace[Symbol.dispose]());

  async function both(
    text: string,
  ): Promise<{ readonly vm: Vm; readonly loaded: LoadedObject; readonly program: KernelProgram }> {
    const object = objectOf(text);
    const loaded = new LoadedObject(object);
    return { vm: await createVm(object, { network: config }), loaded, program: loaded.program("main") };
  }

  it(`bpf_fib_lookup answers as the kernel's: ${QUERIES} queries, XDPKIT_SEED=${seed}`, async () => {
    const random = new Random(seed);
    const { vm, loaded, program } = await both(FIB_PROGRAM);
    const seen = new Set<string>();
    for (let i = 0; i < QUERIES; i++) {
      const packet = randomQuery(
        random,
        config.interfaces!.map(({ index }) => index),
      );
      const expected = inNamespace(namespace.name, () => program.run(packet));
      const got = vm.run(packet);
      const what = `query ${i} of XDPKIT_SEED=${seed}: ${printHex(packet.subarray(14, 82), " ")}`;
      expect([got.action | 0, printHex(got.packet, " ")], what).toEqual([
        expected.action | 0,
        printHex(expected.packet, " "),
      ]);
      seen.add(fibResultName(got.action) ?? String(got.action | 0));
    }
    loaded[Symbol.dispose]();
    expect([...seen].sort()).toEqual(
      [
        "-19",
        "-22",
        "-97",
        "BLACKHOLE",
        "FRAG_NEEDED",
        "FWD_DISABLED",
        "NOT_FWDED",
        "NO_NEIGH",
        "PROHIBIT",
        "SUCCESS",
        "UNREACHABLE",
        "UNSUPP_LWT",
      ].sort(),
    );
  });

  it("bpf_check_mtu answers as the kernel's", async () => {
    const random = new Random(seed);
    const { vm, loaded, program } = await both(MTU_PROGRAM);
    for (let i = 0; i < 500; i++) {
      const packet = new Uint8Array(random.between(64, 1600));
      const view = new DataView(packet.buffer, 14);
      view.setUint32(0, random.pick([...config.interfaces!.map(({ index }) => index), 9999]), true);
      view.setUint32(4, random.pick([0, 60, 1386, 1400, 1401, 1500, 1501]), true);
      view.setInt32(8, random.pick([0, 0, 20, 100, -20, -1000]), true);
      const expected = inNamespace(namespace.name, () => program.run(packet));
      const got = vm.run(packet);
      const what = `query ${i} of XDPKIT_SEED=${seed}: ${printHex(packet.subarray(14, 26), " ")} in ${packet.length}`;
      expect([got.action | 0, printHex(got.packet)], what).toEqual([expected.action | 0, printHex(expected.packet)]);
    }
    loaded[Symbol.dispose]();
  });
});
