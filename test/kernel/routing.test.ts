/** Routes, neighbours and their changes, beside what `ip` says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  findNeighbour,
  inNamespace,
  keepNeighbour,
  listRules,
  type NetworkChange,
  resolveRoute,
  watchNetwork,
} from "../../src/kernel/index.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

suite("routing", ["root", "ip"], () => {
  let namespace: Namespace;
  let v1: number;
  const inside = <T>(body: () => T): T => inNamespace(namespace.name, body);

  beforeAll(() => {
    namespace = new Namespace("routing");
    namespace.ip("link set lo up");
    namespace.veth("v1", "p1");
    v1 = namespace.link("v1").index;
    namespace.ip("addr add 10.9.1.1/24 dev v1");
    namespace.ip("addr add fd00:1::1/64 dev v1 nodad");
    namespace.ip("route add 198.51.100.0/24 via 10.9.1.2 mtu lock 1400");
    namespace.ip("-6 route add fc00:2::/32 via fd00:1::2");
    namespace.ip("route add blackhole 203.0.113.0/24");
    namespace.ip("neigh replace 10.9.1.2 dev v1 lladdr 02:00:00:00:01:02 nud permanent");
    namespace.ip("neigh replace fd00:1::2 dev v1 lladdr 02:00:00:00:01:02 nud reachable");
    namespace.ip("neigh replace fd00:1::9 dev v1 nud failed");
  });
  afterAll(() => namespace[Symbol.dispose]());

  it("rules, and what they ask for besides the destination", () => {
    const plain = inside(() => listRules());
    expect(plain.map(({ family, priority, table }) => [family, priority, table])).toEqual([
      ["ipv4", 0, 255],
      ["ipv4", 32766, 254],
      ["ipv4", 32767, 253],
      ["ipv6", 0, 255],
      ["ipv6", 32766, 254],
    ]);
    expect(plain.flatMap(({ selectors }) => selectors)).toEqual([]);
    const rules: readonly (readonly [string, string[]])[] = [
      ["from 10.9.1.0/24 lookup 70", ["source"]],
      ["to 198.51.100.0/24 lookup 70", []],
      ["iif v1 lookup 70", ["input"]],
      ["oif v1 lookup 70", ["output"]],
      ["tos 0x10 lookup 70", ["class"]],
      ["fwmark 7 lookup 70", ["mark"]],
      ["ipproto udp dport 53 lookup 70", ["protocol", "ports"]],
      ["uidrange 1-9 lookup 70", ["user"]],
      ["lookup 300 suppress_prefixlength 0", []],
    ];
    for (const [text, selectors] of rules) {
      namespace.ip(`rule add priority 77 ${text}`);
      const table = text.includes("300") ? 300 : 70;
      const destination = text.startsWith("to 198") ? { destination: "198.51.100.0/24" } : {};
      const found = inside(() => listRules()).filter(({ priority }) => priority === 77);
      expect(found, text).toEqual([{ family: "ipv4", priority: 77, table, ...destination, selectors }]);
      namespace.ip("rule del priority 77");
    }
    namespace.ip("-6 rule add priority 77 from fc00::/16 to fc00:2::/32 lookup 70");
    expect(inside(() => listRules()).filter(({ priority }) => priority === 77)).toEqual([
      { family: "ipv6", priority: 77, table: 70, destination: "fc00:2::/32", selectors: ["source"] },
    ]);
    namespace.ip("-6 rule del priority 77");
  });

  describe("resolveRoute", () => {
    it("finds gateway, source and MTU", () => {
      expect(inside(() => resolveRoute("198.51.100.7"))).toEqual({
        type: "unicast",
        interfaceIndex: v1,
        gateway: "10.9.1.2",
        source: "10.9.1.1",
        mtu: 1400,
      });
      expect(inside(() => resolveRoute("fc00:2::7"))).toMatchObject({
        type: "unicast",
        interfaceIndex: v1,
        gateway: "fd00:1::2",
        source: "fd00:1::1",
      });
    });
    it("knows what is on the link, and what is ours", () => {
      expect(inside(() => resolveRoute("10.9.1.77"))).toEqual({
        type: "unicast",
        interfaceIndex: v1,
        source: "10.9.1.1",
      });
      expect(inside(() => resolveRoute("fd00:1::1"))).toMatchObject({ type: "local" });
    });
    it("link-local by the interface", () => {
      expect(inside(() => resolveRoute("fe80::2", { interfaceIndex: v1 }))).toMatchObject({ interfaceIndex: v1 });
    });
    it("null without a way", () => {
      expect(inside(() => resolveRoute("192.0.2.1"))).toBe(null);
      expect(inside(() => resolveRoute("203.0.113.1"))).toBe(null);
      expect(inside(() => resolveRoute("2001:db8::1"))).toBe(null);
    });
    it("refuses text that is no address", () => {
      expect(() => resolveRoute("here")).toThrow(expect.objectContaining({ code: "SCHEMA_ADDRESS" }));
    });
  });

  describe("findNeighbour", () => {
    it.each([
      ["10.9.1.2", { state: "permanent", mac: "02:00:00:00:01:02" }],
      ["fd00:1::2", { state: "reachable", mac: "02:00:00:00:01:02" }],
      ["fd00:1::9", { state: "failed" }],
    ])("%s", (address, expected) => {
      expect(inside(() => findNeighbour(v1, address))).toEqual({ interfaceIndex: v1, address, ...expected });
    });
    it("null for one that is not known", () => {
      expect(inside(() => findNeighbour(v1, "10.9.1.200"))).toBe(null);
      expect(inside(() => findNeighbour(9999, "10.9.1.2"))).toBe(null);
    });
  });

  it("keepNeighbour has the kernel look for it", () => {
    inside(() => keepNeighbour(v1, "10.9.1.50"));
    expect(namespace.ip("neigh show 10.9.1.50")).toMatch(/managed/);
    inside(() => keepNeighbour(v1, "fd00:1::2"));
    expect(namespace.ip("-6 neigh show fd00:1::2")).toMatch(/lladdr 02:00:00:00:01:02 managed/);
    inside(() => keepNeighbour(v1, "10.9.1.2"));
    expect(namespace.ip("neigh show 10.9.1.2")).toMatch(/lladdr 02:00:00:00:01:02 PERMANENT/);
    expect(() => inside(() => keepNeighbour(9999, "10.9.1.50"))).toThrow(
      expect.objectContaining({ code: "KERNEL_NETLINK" }),
    );
  });

  describe("watchNetwork", () => {
    /** What changes while `body` runs, until one of a kind has come. */
    async function changes(kind: NetworkChange["kind"], body: () => void): Promise<NetworkChange[]> {
      using watch = inside(watchNetwork);
      body();
      const seen: NetworkChange[] = [];
      for await (const change of watch) {
        seen.push(change);
        if (change.kind === kind) break;
      }
      return seen;
    }
    it.each([
      ["route", "route add 192.0.2.0/24 via 10.9.1.2", {}],
      ["route", "-6 route del fc00:2::/32", {}],
      ["link", "link set v1 down", { interfaceIndex: true }],
      ["link", "link set v1 up", { interfaceIndex: true }],
      ["address", "addr add 10.9.7.1/24 dev v1", { interfaceIndex: true }],
      ["rule", "rule add from 10.9.7.0/24 table 77", {}],
      ["rule", "-6 rule add from fd00:7::/64 table 77", {}],
    ] as const)("%s: ip %s", async (kind, command, more) => {
      const seen = await changes(kind, () => namespace.ip(command));
      const last = seen.at(-1)!;
      expect(last).toEqual({ kind, ...("interfaceIndex" in more ? { interfaceIndex: v1 } : {}) });
    });
    it.each([
      [
        "neigh replace 10.9.1.2 dev v1 lladdr 02:00:00:00:01:03 nud permanent",
        { state: "permanent", mac: "02:00:00:00:01:03" },
      ],
      ["neigh del 10.9.1.2 dev v1", { state: "failed" }],
    ])("neighbour: ip %s", async (command, more) => {
      const seen = await changes("neighbour", () => namespace.ip(command));
      const neighbour = { interfaceIndex: v1, address: "10.9.1.2" };
      expect(seen.at(-1)).toMatchObject({ kind: "neighbour", interfaceIndex: v1, neighbour });
      expect(seen.map((change) => change.neighbour).filter(Boolean)).toContainEqual({ ...neighbour, ...more });
    });
    it("says when it was told too little", async () => {
      using watch = inside(watchNetwork);
      const many = Array.from({ length: 3000 }, (_, i) => `route replace 100.64.${i >> 8}.${i & 255}/32 dev v1`);
      namespace.run("sh", ["-c", `printf '${many.join("\\n")}\\n' | ip -batch -`]);
      const seen = watch.drain();
      expect(seen.some(({ kind }) => kind === "lost")).toBe(true);
      expect(watch.lost).toBeGreaterThan(0n);
    });
  });
});
