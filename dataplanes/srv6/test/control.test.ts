/** Numbers, shares, and the table of sessions as the program reads it, in the virtual machine. */
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { build, type Part } from "xdpkit/packet";
import { createVm } from "xdpkit/vm";
import { sharesOf } from "../control/content.ts";
import { numberingOf } from "../control/numbering.ts";
import { SessionTable } from "../control/sessions.ts";
import { contentOf, control, createProgram, fill, planOf, type Srv6Config } from "../index.ts";
import { arrives, gtpU, inner4, ip4, udp } from "./frames.ts";

describe("sharesOf", () => {
  it.each([
    [[1], [64]],
    [
      [1, 1],
      [32, 32],
    ],
    [
      [3, 1],
      [48, 16],
    ],
    [
      [1, 1, 1],
      [22, 21, 21],
    ],
    [
      [64, 1],
      [63, 1],
    ],
    [Array(64).fill(1), Array(64).fill(1)],
    [
      [64, ...Array(63).fill(1)],
      [1, ...Array(63).fill(1)],
    ],
  ])("%j", (weights, expected) => {
    const shares = sharesOf(weights);
    expect(shares.reduce((a, b) => a + b, 0)).toBe(64);
    expect(shares).toEqual(expected);
  });
});

describe("numberingOf", () => {
  const config = (...names: readonly string[]): Srv6Config => ({
    address: "fc00::1",
    sids: names.map((sid) => ({ sid, behaviour: "End" })),
  });
  it("of names that objects have by themselves", () => {
    const policies = ["constructor", "toString"].map((name) => ({ name, headend: "H.Encaps" as const, paths: [] }));
    expect(numberingOf({ address: "::1", policies }).policies).toEqual({ constructor: 1, toString: 2 });
  });

  it("keeps numbers, and gives those of what has gone again", () => {
    const first = numberingOf(config("a::", "b::", "c::"));
    expect(first.sids).toEqual({ "a::": 1, "b::": 2, "c::": 3 });
    const second = numberingOf(config("c::", "d::"), first);
    expect(second.sids).toEqual({ "c::": 3, "d::": 1 });
  });
});

describe("sessions while the program runs", () => {
  const UPF = 0xc0000201;
  const segments = (second: number) => [{ segments: [`fc00:2:${second.toString(16)}::/48`] }];
  const config: Srv6Config = {
    address: "fc00:1::1",
    policies: [
      { name: "a", headend: "H.M.GTP4.D", paths: segments(0xa) },
      { name: "b", headend: "H.M.GTP4.D", paths: segments(0xb) },
    ],
    steering: [{ prefix: "192.0.2.1/32", policy: "a" }],
    sessionSlots: 64,
  };
  const packet = (teid: number): Uint8Array =>
    build([
      arrives,
      ip4("192.0.2.1"),
      udp({ sourcePort: 2152, destinationPort: 2152 } as never),
      gtpU({ teid, messageType: 255 } as never) as Part,
      ...inner4(),
    ]);

  async function running() {
    const plan = planOf(config);
    const { program, plane } = createProgram(plan);
    const vm = await createVm(program, {
      network: {
        interfaces: [
          { index: 1, name: "in", mtu: 1500 },
          { index: 2, name: "out", mtu: 1500, addresses: ["fd00::1/64"] },
        ],
        neighbours: [{ address: "fd00::2", interface: "out", mac: "02:00:00:00:00:22" }],
        routes: [{ to: "fc00:2::/32", via: "fd00::2" }],
      },
    });
    fill(vm, plane, contentOf(config, plan, {})!);
    vm.map(control).set(0, { generation: 1, keeps: 1, validUntil: 1n << 62n });
    const map = vm.map(plane.tables.sessions);
    /** The policy that a packet takes: "a" or "b". */
    const policyOf = (teid: number): string => {
      const { action, packet: out } = vm.run(packet(teid));
      expect(action).toBe(4);
      return { 10: "a", 11: "b" }[out[14 + 24 + 5]!]!;
    };
    return { map, table: new SessionTable(map as never, plan.sessionSlots), policyOf };
  }

  it("comes, counts and goes", async () => {
    const { table, policyOf } = await running();
    expect(policyOf(7)).toBe("a");
    table.add([{ address: UPF, teid: 7, policy: 2 }]);
    expect([policyOf(7), policyOf(7), policyOf(8)]).toEqual(["b", "b", "a"]);
    expect([...table.list()]).toMatchObject([{ address: UPF, teid: 7, policy: 2, packets: 2n, bytes: 136n }]);
    expect(table.delete(UPF, 7)).toMatchObject({ packets: 2n });
    expect(policyOf(7)).toBe("a");
    expect(table.delete(UPF, 7)).toBe(undefined);
  });

  it("is found behind others that have gone, and their places are used again after a rest", async () => {
    const { table, policyOf } = await running();
    const teids = Array.from({ length: 40 }, (_, i) => i + 1);
    table.add(teids.map((teid) => ({ address: UPF, teid, policy: 2 })));
    for (const teid of teids.filter((one) => one % 2 === 0)) table.delete(UPF, teid);
    expect(teids.map(policyOf)).toEqual(teids.map((teid) => (teid % 2 === 0 ? "a" : "b")));
    await setTimeout(30);
    const more = Array.from({ length: 20 }, (_, i) => i + 1001);
    table.add(more.map((teid) => ({ address: UPF, teid, policy: 2 })));
    expect(more.map(policyOf)).toEqual(more.map(() => "b"));
    expect(teids.map(policyOf)).toEqual(teids.map((teid) => (teid % 2 === 0 ? "a" : "b")));
  });

  it("all or none: when one has no place, or is there already", async () => {
    const { table, policyOf } = await running();
    table.add([{ address: UPF, teid: 5, policy: 2 }]);
    const twice = [1, 2, 5].map((teid) => ({ address: UPF, teid, policy: 2 }));
    expect(() => table.add(twice)).toThrow(/session 192\.0\.2\.1 5 is there already/);
    expect(table.size).toBe(1);
    expect(policyOf(1)).toBe("a");
    const many = Array.from({ length: 64 }, (_, i) => ({ address: UPF, teid: i + 100, policy: 2 }));
    expect(() => table.add(many)).toThrow(/has no place in 64 slots/);
    expect(table.size).toBe(1);
  });

  it("a table that is there already is taken over", async () => {
    const { table, map, policyOf } = await running();
    table.add([1, 2, 3].map((teid) => ({ address: UPF, teid, policy: 2 })));
    table.delete(UPF, 2);
    const next = new SessionTable(map as never, 64);
    expect(next.size).toBe(2);
    expect(next.policyOf(UPF, 3)).toBe(2);
    next.add([{ address: UPF, teid: 2, policy: 2 }]);
    expect([1, 2, 3].map(policyOf)).toEqual(["b", "b", "b"]);
  });
});
