/**
 * The kernel's own SRv6 (seg6, seg6local) as the other end: what it encapsulates we take, what we encapsulate it takes.
 *
 *   west ──── w1 edge e1 ──── east ──── far
 *   10.1.0.2                            10.3.0.2
 *   fd01::2                             fd03::2
 *
 * The edge runs the data plane; west and east are kernels that encapsulate and decapsulate.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { suite } from "../../../../test/support/require.ts";
import { Capture, Edge, Host, join2 } from "./hosts.ts";

const PINGS = 20;

suite("the kernel as the other end", ["root", "bpf", "ip", "ethtool", "ping", "tshark"], () => {
  let west: Host;
  let middle: Host;
  let east: Host;
  let far: Host;
  let edge: Edge | undefined;
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xdpkit-peer-"));
    west = new Host("peer-west");
    middle = new Host("peer-edge");
    east = new Host("peer-east");
    far = new Host("peer-far");
    join2(west, "w0", middle, "w1");
    join2(middle, "e1", east, "e0");
    join2(east, "f1", far, "f0");
    east.ip("addr add 10.3.0.1/24 dev f1", "addr add fd03::1/64 dev f1 nodad");
    far.ip(
      "addr add 10.3.0.2/24 dev f0",
      "addr add fd03::2/64 dev f0 nodad",
      "route add default via 10.3.0.1",
      "-6 route add default via fd03::1",
    );
    west.ip(
      "addr add 10.1.0.2/32 dev lo",
      "addr add fd01::2/128 dev lo",
      "addr add 10.9.1.2/24 dev w0",
      "addr add fc00:9:1::2/64 dev w0 nodad",
    );
    middle.ip("addr add 10.9.1.1/24 dev w1", "addr add fc00:9:1::1/64 dev w1 nodad");
    middle.ip("addr add 10.9.3.1/24 dev e1", "addr add fc00:9:3::1/64 dev e1 nodad");
    east.ip("addr add 10.9.3.2/24 dev e0", "addr add fc00:9:3::2/64 dev e0 nodad");
    middle.ip("route add 10.1.0.0/24 via 10.9.1.2", "route add 10.3.0.0/24 via 10.9.3.2");
    middle.ip("-6 route add fd01::/64 via fc00:9:1::2", "-6 route add fd03::/64 via fc00:9:3::2");
    middle.ip("-6 route add fc00:1::/32 via fc00:9:1::2", "-6 route add fc00:3::/32 via fc00:9:3::2");
    west.ip("-6 route add fc00:2::/32 via fc00:9:1::1", "-6 route add fc00:3::/32 via fc00:9:1::1");
    east.ip("-6 route add fc00:2::/32 via fc00:9:3::1", "-6 route add fc00:1::/32 via fc00:9:3::1");
  });
  afterEach(async () => {
    await edge?.down().catch(() => {});
    edge?.[Symbol.dispose]();
    edge = undefined;
    for (const host of [west, middle, east, far]) host[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(yaml: string): Promise<Edge> {
    edge = new Edge(middle, `interfaces: [w1, e1]\naddress: "fc00:2::1"\naddress4: 10.9.1.1\n${yaml}`);
    await edge.up();
    return edge;
  }

  /** Pings from west to east; what SRv6 carries is read at both ends by tshark without a warning. */
  async function ping(from: string, to: string): Promise<{ readonly atWest: Capture; readonly atEast: Capture }> {
    const [atWest, atEast] = await Promise.all([Capture.start(west, "w0", folder), Capture.start(east, "e0", folder)]);
    // The first may wait for neighbours.
    await west.run("ping", "-c", "3", "-i", "0.2", "-w", "1", "-I", from, to).catch(() => {});
    const said = await west
      .run("ping", "-c", `${PINGS}`, "-i", "0.02", "-W", "1", "-I", from, to)
      .catch(({ stdout }) => String(stdout));
    await Promise.all([atWest.stop(), atEast.stop()]);
    expect(said).toContain(`${PINGS} packets transmitted, ${PINGS} received, 0% packet loss`);
    const bad = "_ws.expert.severity >= 6291456 || _ws.malformed";
    const faults = await Promise.all([atWest, atEast].map((capture) => capture.fields(bad, "frame.number")));
    expect(faults).toEqual([[], []]);
    return { atWest, atEast };
  }
  const atLeast = async (capture: Capture, filter: string): Promise<void> => {
    expect(await capture.count(filter)).toBeGreaterThanOrEqual(PINGS);
  };

  it("kernel H.Encaps → our End → kernel End.DX4; kernel H.Encaps → our End.DT4", async () => {
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::e,fc00:3::d4 dev w0");
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 encap seg6 mode encap segs fc00:2::d4 dev e0");
    const running = await start(`sids:
  - { sid: "fc00:2::e", behaviour: End }
  - { sid: "fc00:2::d4", behaviour: End.DT4 }
`);
    const { atEast } = await ping("10.1.0.2", "10.3.0.2");
    await atLeast(atEast, "ipv6.routing.segleft == 0 && ipv6.dst == fc00:3::d4 && icmp.type == 8");
    const { sids } = await running.stats();
    expect(Number(sids["fc00:2::e"]!.packets)).toBeGreaterThanOrEqual(PINGS);
    expect(Number(sids["fc00:2::d4"]!.packets)).toBeGreaterThanOrEqual(PINGS);
  });

  it("our End with PSP before the kernel's End.DX4", async () => {
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::e,fc00:3::d4 dev w0");
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    await start(`sids: [{ sid: "fc00:2::e", behaviour: End, flavours: [PSP] }]\n`);
    const { atEast } = await ping("10.1.0.2", "10.3.0.2");
    await atLeast(atEast, "ipv6.nxt == 4 && ipv6.dst == fc00:3::d4 && icmp.type == 8");
  });

  it("our End.X and End.T before the kernel's End.DT6", async () => {
    west.ip("-6 route add fd03::/64 encap seg6 mode encap segs fc00:2::f,fc00:2::7,fc00:3::d6 dev w0");
    east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DT6 table 254 dev e0");
    east.ip("-6 route add fd01::/64 encap seg6 mode encap segs fc00:2::d6 dev e0");
    await start(`sids:
  - { sid: "fc00:2::f", behaviour: End.X, nextHop: { interface: e1, address: "fc00:9:3::2" } }
  - { sid: "fc00:2::7", behaviour: End.T, table: 254 }
  - { sid: "fc00:2::d6", behaviour: End.DT6 }
`);
    // End.X sends to east, whose kernel routes the second SID back to us.
    const { atEast } = await ping("fd01::2", "fd03::2");
    await atLeast(atEast, "ipv6.routing.segleft == 1 && ipv6.dst == fc00:2::7");
    await atLeast(atEast, "ipv6.routing.segleft == 0 && ipv6.dst == fc00:3::d6");
  });

  for (const headend of ["H.Encaps", "H.Encaps.Red"]) {
    it(`our ${headend} → kernel End → kernel End.DX4; kernel reduced H.Encaps → our End.DX4`, async () => {
      west.ip("route add 10.3.0.0/24 via 10.9.1.1");
      east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
      east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
      east.ip("route add 10.1.0.0/24 encap seg6 mode encap.red segs fc00:2::14 dev e0");
      await start(`sids: [{ sid: "fc00:2::14", behaviour: End.DX4, nextHop: { interface: w1, address: 10.9.1.2 } }]
policies: [{ name: p, headend: ${headend}, paths: [{ segments: ["fc00:3::e", "fc00:3::d4"] }] }]
steering: [{ prefix: 10.3.0.0/24, policy: p }]
`);
      const { atEast, atWest } = await ping("10.1.0.2", "10.3.0.2");
      await atLeast(atEast, "ipv6.dst == fc00:3::e && ipv6.routing.segleft == 1 && icmp.type == 8");
      await atLeast(atWest, "!ipv6 && icmp.type == 0");
    });
  }

  it("our H.Encaps of IPv6 → kernel End.DX6; kernel → our End.DX6 and End.DT46", async () => {
    west.ip("-6 route add fd03::/64 via fc00:9:1::1");
    east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DX6 nh6 :: dev e0");
    east.ip("-6 route add fd01::/64 encap seg6 mode encap segs fc00:2::46 dev e0");
    east.ip("route add 10.1.0.0/24 encap seg6 mode encap segs fc00:2::46 dev e0");
    await start(`sids:
  - { sid: "fc00:2::46", behaviour: End.DT46 }
policies: [{ name: p, headend: H.Encaps, paths: [{ segments: ["fc00:3::d6"] }] }]
steering: [{ prefix: "fd03::/64", policy: p }]
`);
    const { atEast } = await ping("fd01::2", "fd03::2");
    await atLeast(atEast, "ipv6.routing.segleft == 0 && icmpv6.type == 128");
  });

  it("our H.Insert → kernel End; kernel insertion → our End", async () => {
    west.ip("-6 route add fd03::/64 via fc00:9:1::1");
    east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
    east.ip("-6 route add fd01::/64 encap seg6 mode inline segs fc00:2::e dev e0");
    await start(`sids: [{ sid: "fc00:2::e", behaviour: End, flavours: [PSP] }]
policies: [{ name: p, headend: H.Insert, paths: [{ segments: ["fc00:3::e"] }] }]
steering: [{ prefix: "fd03::/64", policy: p }]
`);
    const { atEast, atWest } = await ping("fd01::2", "fd03::2");
    await atLeast(atEast, "ipv6.routing.segleft == 1 && ipv6.dst == fc00:3::e && icmpv6.type == 128");
    await atLeast(atWest, "!ipv6.routing && icmpv6.type == 129");
  });

  it("a binding SID: kernel → our End.B6.Encaps → kernel End.DT6 → kernel End.DX4", async () => {
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::b6,fc00:3::d4 dev w0");
    east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DT6 table 254 dev e0");
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    await start(`sids: [{ sid: "fc00:2::b6", behaviour: End.B6.Encaps, policy: p }]
policies: [{ name: p, headend: H.Encaps, paths: [{ segments: ["fc00:3::d6"] }] }]
`);
    const { atEast } = await ping("10.1.0.2", "10.3.0.2");
    await atLeast(atEast, "ipv6.dst == fc00:3::d6 && ipv6.dst == fc00:3::d4 && icmp.type == 8");
  });

  it("NEXT-CSID: kernel → our End in a container → kernel End.DX4", async () => {
    // Block fc00:3, ours 2: the container is fc00:3:2:d4::.
    west.ip("-6 route add fc00:3:2::/48 via fc00:9:1::1");
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap.red segs fc00:3:2:d4:: dev w0");
    east.ip("-6 route add fc00:3:d4::/48 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    await start(`sids: [{ sid: "fc00:3:2::/48", behaviour: End, flavours: [NEXT-CSID], block: 32 }]\n`);
    const { atEast } = await ping("10.1.0.2", "10.3.0.2");
    await atLeast(atEast, "ipv6.dst == fc00:3:d4:: && icmp.type == 8");
  });

  it("frames: our H.Encaps.L2 → kernel End.DX2, and kernel H.Encaps.L2 → our End.DX2", async () => {
    // A wire of its own from west into the edge, and one in east that the kernel gives frames to.
    join2(west, "l0", middle, "l1");
    east.ip("link add t0 type veth peer name t1", "link set t0 up", "link set t1 up");
    west.ip("addr add 10.77.0.1/24 dev l0");
    east.ip("addr add 10.77.0.2/24 dev t1");
    east.ip("-6 route add fc00:3::d2/128 encap seg6local action End.DX2 oif t0 dev e0");
    edge = new Edge(
      middle,
      `interfaces: [l1, e1]
address: "fc00:2::1"
sids: [{ sid: "fc00:2::d2", behaviour: End.DX2, nextHop: { interface: l1 } }]
policies: [{ name: l2, headend: H.Encaps.L2.Red, paths: [{ segments: ["fc00:3::d2"] }] }]
steering: [{ interface: l1, policy: l2 }]
`,
    );
    await edge.up();
    const capture = await Capture.start(east, "e0", folder);
    east.ip("neigh replace 10.77.0.1 dev t1 lladdr 02:00:00:00:77:01 nud permanent");
    await west.run("ping", "-c", "5", "-i", "0.05", "-W", "1", "10.77.0.2").catch(() => {});
    await capture.stop();
    expect(await capture.count("ipv6.nxt == 143 && ipv6.dst == fc00:3::d2 && arp")).toBeGreaterThanOrEqual(1);
    expect(await capture.fields("_ws.malformed", "frame.number")).toEqual([]);
  });
});
