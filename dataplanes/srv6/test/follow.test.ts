/**
 * The running data plane between wires: packets that really leave, while the kernel's routes, neighbours and links change.
 *
 *   a0 ──── a1  router  b1 ──── b0
 *                       c1 ──── c0
 */
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileOrThrow } from "xdpkit/compiler";
import { inNamespace, type Loaded, load } from "xdpkit/kernel";
import { build, type Part, VlanTag } from "xdpkit/packet";
import { BpfFolder } from "../../../test/support/bpf-folder.ts";
import { Namespace } from "../../../test/support/namespace.ts";
import { suite } from "../../../test/support/require.ts";
import { statsOf } from "../commands/report.ts";
import { control, type Srv6Config, UserPlane } from "../index.ts";
import { arrives, data, gtpU, inner4, ip4, ip6, srh, udp } from "./frames.ts";
import { frames, sender, tap } from "./tap.xdp.ts";

const SID = "fc00:1::e";
const NEXT = "fc00:2::2";
const VIA_B = "02:00:00:00:0b:02";
const VIA_B_NEW = "02:00:00:00:0b:03";
const VIA_C = "02:00:00:00:0c:02";
const [TAP, SENDER] = [compileOrThrow(tap), compileOrThrow(sender)];
/** An event wakes the process within a millisecond; a loaded machine takes longer. */
const EVENT_MS = 100;

suite("following the kernel", ["root", "bpf", "ip", "kernel 5.18"], () => {
  let space: Namespace;
  let pins: BpfFolder;
  let taps: { readonly b: Loaded; readonly c: Loaded };
  let send: Loaded;
  let plane: UserPlane | undefined;
  const inside = <T>(body: () => T): T => inNamespace(space.name, body);

  beforeEach(async () => {
    space = new Namespace("follow");
    pins = new BpfFolder();
    for (const one of ["a", "b", "c"]) space.veth(`${one}1`, `${one}0`);
    for (const name of ["net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.forwarding"]) space.sysctl(name, "1");
    for (const [one, number] of [
      ["b", 1],
      ["c", 2],
    ] as const) {
      space.ip(`addr add fd00:${number}::1/64 dev ${one}1 nodad`);
      space.ip(`addr add 10.9.${number}.1/24 dev ${one}1`);
      space.ip(`neigh replace fd00:${number}::2 dev ${one}1 lladdr 02:00:00:00:0${one}:02 nud permanent`);
      space.ip(`neigh replace 10.9.${number}.2 dev ${one}1 lladdr 02:00:00:00:0${one}:02 nud permanent`);
    }
    space.ip("-6 route add fc00:2::/32 via fd00:1::2");
    space.ip("-6 route add fc00:2::/32 via fd00:2::2 metric 2048");
    const tapAt = async (name: string): Promise<Loaded> => {
      const loaded = await load(TAP);
      inside(() => loaded.attach(tap, { interface: name, via: "netlink" })[Symbol.dispose]());
      return loaded;
    };
    taps = { b: await tapAt("b0"), c: await tapAt("c0") };
    send = await load(SENDER);
  });
  afterEach(() => {
    plane?.[Symbol.dispose]();
    plane = undefined;
    for (const one of [taps.b, taps.c, send]) one[Symbol.dispose]();
    space[Symbol.dispose]();
    pins[Symbol.dispose]();
  });

  const start = (config: Srv6Config, interfaces: readonly string[] = ["a1"]): UserPlane => {
    plane = UserPlane.start(config, { interfaces, pinPath: `${pins.path}/srv6`, namespace: space.name });
    return plane;
  };

  /** Frames that arrived since the last time, by destination: `b 02:…` */
  const counted = new Map<string, bigint>();
  beforeEach(() => counted.clear());
  function arrived(): Record<string, number> {
    const fresh: Record<string, number> = {};
    for (const [name, loaded] of Object.entries(taps)) {
      for (const [{ destination, vlan }, count] of loaded.map(frames).entries()) {
        if (destination.startsWith("33:33")) continue; // what the kernel says of itself
        const key = `${name} ${destination}${vlan === 0 ? "" : ` ${vlan}`}`;
        const more = Number(count - (counted.get(key) ?? 0n));
        if (more > 0) fresh[key] = more;
        counted.set(key, count);
      }
    }
    return fresh;
  }

  const COUNT = 20;
  async function traffic(packet: readonly Part[], settleMs = EVENT_MS): Promise<Record<string, number>> {
    await setTimeout(settleMs);
    arrived();
    const ingressInterface = space.link("a0").index;
    inside(() => send.program(sender).runLive(build(packet), { ingressInterface, repeat: COUNT, batchSize: 1 }));
    // A busy machine takes its time to take the frames in; where none are expected, half a second must do.
    const seen: Record<string, number> = {};
    for (let tries = 0, count = 0; tries < 25 && count < COUNT; tries++) {
      await setTimeout(20);
      for (const [key, more] of Object.entries(arrived())) {
        seen[key] = (seen[key] ?? 0) + more;
        count += more;
      }
    }
    return seen;
  }

  const srv6 = [arrives, ip6(SID), srh({ segments: [NEXT, SID], segmentsLeft: 1 }), udp(), data];
  const kinds = [
    ["by the routes", { address: "fc00:1::1", sids: [{ sid: SID, behaviour: "End" }] }],
    [
      "by an adjacency",
      {
        address: "fc00:1::1",
        sids: [{ sid: SID, behaviour: "End.X", nextHop: { interface: "b1", address: "fd00:1::2" } }],
      },
    ],
  ] as const satisfies readonly (readonly [string, Srv6Config])[];

  it.each(kinds)("%s: a neighbour gets another address", async (_, config) => {
    start(config);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip(`neigh replace fd00:1::2 dev b1 lladdr ${VIA_B_NEW} nud permanent`);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B_NEW}`]: COUNT });
    // Quickly, and more often than an adjacency has halves.
    for (const lladdr of [VIA_B, VIA_B_NEW, VIA_B, VIA_B_NEW, VIA_B])
      space.ip(`neigh replace fd00:1::2 dev b1 lladdr ${lladdr} nud permanent`);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
  });

  it("a better route comes and goes", async () => {
    start(kinds[0][1]);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip(`-6 route add ${NEXT}/128 via fd00:2::2`);
    expect(await traffic(srv6)).toEqual({ [`c ${VIA_C}`]: COUNT });
    space.ip(`-6 route del ${NEXT}/128 via fd00:2::2`);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip(`-6 route add blackhole ${NEXT}/128`);
    expect(await traffic(srv6)).toEqual({});
    expect(plane!.counts().outcomes["blackhole"]).toBe(BigInt(COUNT));
  });

  it.each(kinds)("%s: an interface goes down and comes back", async (_, config) => {
    start(config);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip("link set b1 down");
    // What a cross-connect cannot send goes to the kernel, which has a route.
    expect(await traffic(srv6)).toEqual({ [`c ${VIA_C}`]: COUNT });
    space.ip("link set b1 up");
    space.ip("addr replace fd00:1::1/64 dev b1 nodad");
    space.ip(`neigh replace fd00:1::2 dev b1 lladdr ${VIA_B} nud permanent`);
    space.ip("-6 route replace fc00:2::/32 via fd00:1::2");
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
  });

  it("a rule leads to another table", async () => {
    start(kinds[0][1]);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip("-6 route add fc00:2::/32 via fd00:2::2 table 77");
    space.ip("-6 rule add to fc00:2::/48 table 77");
    expect(await traffic(srv6)).toEqual({ [`c ${VIA_C}`]: COUNT });
    space.ip("-6 rule del to fc00:2::/48 table 77");
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
  });

  it("a rule for a source: neighbouring packets go different ways", async () => {
    const from = (source: string) => [arrives, ip6(SID, { source } as never), ...srv6.slice(2)];
    // By flow they would hardly share an answer.
    const running = start({ ...kinds[0][1], multipath: false });
    const keeps = () => running.loaded.map(control).get(0)!.keeps;
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip("-6 route add fc00:2::/32 via fd00:2::2 table 77");
    space.ip("-6 rule add from 2001:db8:7::/48 table 77");
    for (const _ of [1, 2]) {
      expect(await traffic(from("2001:db8:7::1"))).toEqual({ [`c ${VIA_C}`]: COUNT });
      expect(await traffic(from("2001:db8:8::1"))).toEqual({ [`b ${VIA_B}`]: COUNT });
    }
    expect(keeps()).toBe(0);
    space.ip("-6 rule del from 2001:db8:7::/48 table 77");
    expect(await traffic(from("2001:db8:7::1"))).toEqual({ [`b ${VIA_B}`]: COUNT });
    expect(keeps()).toBe(1);
  });

  describe("a route with two next hops", () => {
    const FLOWS = 64;
    async function spread(
      config: Srv6Config,
      packet: (flow: number) => readonly Part[],
    ): Promise<Record<string, number>> {
      space.ip("-6 route add fc00:2:2::/48 nexthop via fd00:1::2 nexthop via fd00:2::2");
      space.ip("route add 198.51.100.0/24 nexthop via 10.9.1.2 nexthop via 10.9.2.2");
      start(config);
      await traffic(packet(0));
      const sum: Record<string, number> = {};
      for (let flow = 0; flow < FLOWS; flow++) {
        const seen = await traffic(packet(flow), 0);
        // A flow has one way.
        expect(Object.values(seen)).toEqual([COUNT]);
        for (const name of Object.keys(seen)) sum[name] = (sum[name] ?? 0) + 1;
      }
      return sum;
    }
    const end = (flow: number) => [
      arrives,
      ip6(SID, { flowLabel: 1000 + 77 * flow } as never),
      srh({ segments: ["fc00:2:2::1", SID], segmentsLeft: 1 }),
      udp(),
      data,
    ];
    const atLeast = (sum: Record<string, number>, least: number): void => {
      for (const name of [`b ${VIA_B}`, `c ${VIA_C}`]) expect(sum[name], JSON.stringify(sum)).toBeGreaterThan(least);
    };

    it("End: flows by their label", async () => atLeast(await spread(kinds[0][1], end), FLOWS / 5));
    it("multipath: false: one way for all", async () => {
      const sum = await spread({ ...kinds[0][1], multipath: false }, end);
      expect(Object.values(sum)).toEqual([FLOWS]);
    });
    it("End.DT4: flows by their addresses", async () => {
      const packet = (flow: number) => [arrives, ip6("fc00:1::d4"), ...inner4(0, `198.51.100.${flow + 1}`)];
      const config: Srv6Config = { address: "fc00:1::1", sids: [{ sid: "fc00:1::d4", behaviour: "End.DT4" }] };
      atLeast(await spread(config, packet), FLOWS / 5);
    });
  });

  it("a VLAN: frames arrive and leave with its tag, its routes and neighbours count", async () => {
    // This kernel has no VLAN devices: one that is called like it holds its addresses, routes and neighbours.
    space.veth("b1.7", "other");
    space.ip("addr add fd00:7::1/64 dev b1.7 nodad");
    space.ip("neigh replace fd00:7::2 dev b1.7 lladdr 02:00:00:00:07:02 nud permanent");
    space.ip("-6 route add fc00:7::/32 via fd00:7::2");
    start(
      {
        ...kinds[0][1],
        vlans: [
          { name: "b1.7", interface: "b1", tags: [7] },
          { name: "c1", interface: "a1", tags: [9, 8] },
        ],
      },
      ["a1", "b1"],
    );
    const path = srh({ segments: ["fc00:7::1", SID], segmentsLeft: 1 });
    const packet = (...tags: Part[]) => [arrives, ...tags, ip6(SID), path, udp(), data];
    const tags = (vlan: number, ...more: number[]) => [vlan, ...more].map((one) => new VlanTag({ vlan: one } as never));
    expect(await traffic(packet())).toEqual({ "b 02:00:00:00:07:02 7": COUNT });
    expect(await traffic(packet(...tags(9, 8)))).toEqual({ "b 02:00:00:00:07:02 7": COUNT });
    // Somebody else's: the kernel has no such VLAN.
    expect(await traffic(packet(...tags(9)))).toEqual({});
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip("neigh replace fd00:7::2 dev b1.7 lladdr 02:00:00:00:07:03 nud permanent");
    expect(await traffic(packet())).toEqual({ "b 02:00:00:00:07:03 7": COUNT });
    const { interfaces } = statsOf(plane!);
    expect(interfaces["b1.7"]!.sent.packets).toBe(String(3 * COUNT));
    expect(interfaces["b1"]!.sent.packets).toBe(String(4 * COUNT));
    expect(interfaces["c1"]!.received.packets).toBe(String(COUNT));
    // The kernel says something of itself there.
    expect(Number(interfaces["a1"]!.received.packets)).toBeGreaterThanOrEqual(5 * COUNT);
  });

  it("a neighbour is forgotten and found", async () => {
    start(kinds[0][1]);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip("neigh replace fd00:1::2 dev b1 nud failed");
    await traffic(srv6);
    expect(plane!.counts().outcomes["noNeighbour"]).toBe(BigInt(COUNT));
    space.ip(`neigh replace fd00:1::2 dev b1 lladdr ${VIA_B_NEW} nud permanent`);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B_NEW}`]: COUNT });
  });

  it("IPv4 behind End.DT4 follows, too", async () => {
    space.ip("route add 198.51.100.0/24 via 10.9.1.2");
    const packet = [arrives, ip6("fc00:1::d4"), ...inner4()];
    start({ address: "fc00:1::1", sids: [{ sid: "fc00:1::d4", behaviour: "End.DT4" }] });
    expect(await traffic(packet)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip("route replace 198.51.100.0/24 via 10.9.2.2");
    expect(await traffic(packet)).toEqual({ [`c ${VIA_C}`]: COUNT });
  });

  it("without the process the routes are asked for each packet, once the lease has ended", async () => {
    start(kinds[1][1])[Symbol.dispose]();
    plane = undefined;
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    space.ip(`neigh replace fd00:1::2 dev b1 lladdr ${VIA_B_NEW} nud permanent`);
    await setTimeout(3100);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B_NEW}`]: COUNT });
  });

  it("a reload changes what is done, and keeps counting", async () => {
    const running = start(kinds[0][1]);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    running.reload({ address: "fc00:1::1", sids: [{ sid: SID, behaviour: "End", flavours: ["PSP"] }] });
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    expect(running.counts().outcomes["forwarded"]).toBe(BigInt(2 * COUNT));
    // Nothing changes when it cannot be: an interface that is not there.
    expect(() => running.reload({ address: "fc00:1::1", steering: [{ interface: "nowhere", policy: "p" }] })).toThrow(
      expect.objectContaining({ code: "KERNEL_NO_INTERFACE" }),
    );
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    expect(running.counts().outcomes["forwarded"]).toBe(BigInt(3 * COUNT));
    expect(running.detach()).toHaveLength(1);
    expect(await traffic(srv6)).toEqual({});
  });

  describe("sessions and reloads", () => {
    const session = (teid: number, policy: string) => ({ address: "192.0.2.1", teid, policy });
    const config = (more: Partial<Srv6Config> = {}): Srv6Config => ({
      address: "fc00:1::1",
      policies: ["a", "b"].map((name, i) => ({
        name,
        headend: "H.M.GTP4.D",
        paths: [{ segments: [`fc00:2:${i + 1}::/48`], nextHop: i === 0 ? viaB : viaC }],
      })),
      steering: [{ prefix: "192.0.2.1/32", policy: "a" }],
      sessionSlots: 64,
      ...more,
    });
    const viaB = { interface: "b1", address: "fd00:1::2" };
    const viaC = { interface: "c1", address: "fd00:2::2" };
    const tunnel = (teid: number): Part[] => [
      arrives,
      ip4("192.0.2.1"),
      udp({ sourcePort: 2152, destinationPort: 2152 } as never),
      gtpU({ teid, messageType: 255 } as never),
      ...inner4(),
    ];
    const UPF = 0xc0000201;
    const toB = { [`b ${VIA_B}`]: COUNT };
    const toC = { [`c ${VIA_C}`]: COUNT };

    it("sessions go on, come and go after a reload, too", async () => {
      const running = start(config({ sessions: [session(1, "b")] }));
      expect(await traffic(tunnel(1))).toEqual(toC);
      expect(await traffic(tunnel(2))).toEqual(toB);
      running.reload(config({ sessions: [session(1, "b"), session(2, "b")] }));
      expect(await traffic(tunnel(2))).toEqual(toC);
      running.sessions.add([{ address: UPF, teid: 3, policy: running.numbers.policies["b"]! }]);
      expect(await traffic(tunnel(3))).toEqual(toC);
      expect(running.sessions.delete(UPF, 1)).toMatchObject({ packets: BigInt(COUNT) });
      expect(await traffic(tunnel(1))).toEqual(toB);
      // Another policy for one, none for another; what was added otherwise stays.
      running.reload(config({ sessions: [session(2, "a")] }));
      expect(await traffic(tunnel(2))).toEqual(toB);
      expect(await traffic(tunnel(3))).toEqual(toC);
    });

    it("sessions go with their policy, and its number is not another's with them", async () => {
      const [a, b] = config().policies!;
      const running = start(config());
      running.addSessions([{ address: UPF, teid: 3, policy: running.numbers.policies["b"]! }]);
      running.reload(config({ policies: [a!, { ...b!, name: "c" }] }));
      expect(running.numbers.policies["c"]).toBe(2);
      expect(running.sessions.size).toBe(0);
      expect(await traffic(tunnel(3))).toEqual(toB);
    });

    it("what was deleted or moved stays so when the table grows", async () => {
      const running = start(config({ sessions: [session(1, "b"), session(2, "b")] }));
      running.sessions.delete(UPF, 1);
      running.sessions.delete(UPF, 2);
      running.addSessions([{ address: UPF, teid: 2, policy: running.numbers.policies["a"]! }]);
      running.addSessions(tunnels(100, 100, running.numbers.policies["b"]!));
      expect(running.sessions.slots).toBeGreaterThan(64);
      expect(running.sessions.has(UPF, 1)).toBe(false);
      expect(running.sessions.policyOf(UPF, 2)).toBe(running.numbers.policies["a"]);
    });

    const tunnels = (from: number, count: number, policy: number) =>
      Array.from({ length: count }, (_, i) => ({ address: UPF, teid: from + i, policy }));
    const counted = (running: UserPlane, teid: number): bigint =>
      [...running.sessions.list()].find((one) => one.teid === teid)!.packets;

    it("the table of sessions grows: with what they counted, also by a reload, and for the next process", async () => {
      const running = start(config({ sessions: [session(1, "b")] }));
      const b = running.numbers.policies["b"]!;
      expect(await traffic(tunnel(1))).toEqual(toC);
      running.addSessions(tunnels(1000, 100, b));
      expect(running.sessions.slots).toBeGreaterThan(64);
      expect(running.sessions.size).toBe(101);
      expect(await traffic(tunnel(1))).toEqual(toC);
      expect(await traffic(tunnel(1099))).toEqual(toC);
      expect(await traffic(tunnel(2))).toEqual(toB);
      expect(counted(running, 1)).toBe(BigInt(2 * COUNT));
      const many = Array.from({ length: 3000 }, (_, i) => session(i + 10_000, "b"));
      running.reload(config({ sessions: [session(1, "b"), ...many] }));
      const { slots } = running.sessions;
      expect(running.sessions.size).toBe(3101);
      expect(await traffic(tunnel(12_999))).toEqual(toC);
      running[Symbol.dispose]();
      const next = UserPlane.start(config({ sessions: [session(1, "b"), ...many] }), {
        interfaces: ["a1"],
        pinPath: `${pins.path}/srv6`,
        namespace: space.name,
        numbers: running.numbers,
      });
      plane = next;
      expect([next.sessions.slots, next.sessions.size]).toEqual([slots, 3101]);
      expect(await traffic(tunnel(1))).toEqual(toC);
      expect(await traffic(tunnel(1000))).toEqual(toC);
      expect(counted(next, 1)).toBe(BigInt(3 * COUNT));
    });

    it("sessions go with the last policy that they could have, and another table comes", async () => {
      const running = start(config({ sessions: [session(1, "b")] }));
      running.addSessions(tunnels(2, 1, running.numbers.policies["b"]!));
      const { sessionSlots: _, ...plain } = config();
      running.reload({ ...plain, policies: [], steering: [], sids: [{ sid: SID, behaviour: "End" }] });
      expect(running.hasSessions).toBe(false);
      running.reload({ ...plain, sessions: [session(1, "b")] });
      expect([running.sessions.slots, running.sessions.size]).toEqual([65_536, 1]);
      expect(await traffic(tunnel(1))).toEqual(toC);
      expect(await traffic(tunnel(2))).toEqual(toB);
    });

    it("a file with more sessions than the table of the process before has slots", async () => {
      start(config({ sessions: [session(1, "b")] }))[Symbol.dispose]();
      const many = Array.from({ length: 200 }, (_, i) => session(i + 1, "b"));
      const running = start(config({ sessions: many, sessionSlots: 1024 }));
      expect([running.sessions.slots, running.sessions.size]).toEqual([1024, 200]);
      expect(await traffic(tunnel(200))).toEqual(toC);
    });

    it("a file that cannot be: the old configuration goes on, all of it", async () => {
      const running = start(config({ sessions: [session(1, "b")] }));
      const many = [session(100, "a"), session(100, "b")];
      expect(() => running.reload(config({ sessions: many, steering: [] }))).toThrow(
        expect.objectContaining({ code: "SRV6_SESSION" }),
      );
      expect(running.sessions.size).toBe(1);
      expect(await traffic(tunnel(1))).toEqual(toC);
      expect(await traffic(tunnel(2))).toEqual(toB);
    });
  });

  it("many routes at once are one change", async () => {
    const running = start(kinds[0][1]);
    expect(await traffic(srv6)).toEqual({ [`b ${VIA_B}`]: COUNT });
    const before = running.generation;
    const many = Array.from({ length: 500 }, (_, i) => `route add fc00:9:${i.toString(16)}::/48 via fd00:1::2`);
    space.run("sh", ["-c", `printf '${many.join("\\n")}\\n' | ip -6 -batch -`]);
    space.ip(`-6 route add ${NEXT}/128 via fd00:2::2`);
    expect(await traffic(srv6)).toEqual({ [`c ${VIA_C}`]: COUNT });
    expect(running.generation - before).toBeLessThan(50);
  });
});
