/**
 * The kernel's own SRv6 (seg6, seg6local) as the other end: what it encapsulates we take, what we encapsulate it takes. The
 * domain is that of `domain.ts`.
 */
import { expect } from "vitest";
import { oneIn } from "../../../../test/support/extent.ts";
import { suite } from "../../../../test/support/require.ts";
import { domainOfEach, eachPing, PINGS } from "./domain.ts";

const drawn = oneIn(5);

suite("the kernel as the other end", ["root", "bpf", "ip", "ethtool", "ping", "tshark"], () => {
  const domain = domainOfEach();

  drawn("kernel H.Encaps → our End → kernel End.DX4; kernel H.Encaps → our End.DT4", async () => {
    const { west, east } = domain.current;
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::e,fc00:3::d4 dev w0");
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 encap seg6 mode encap segs fc00:2::d4 dev e0");
    const running = await domain.current.start(`sids:
  - { sid: "fc00:2::e", behaviour: End }
  - { sid: "fc00:2::d4", behaviour: End.DT4 }
`);
    const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
    await eachPing(atEast, "ipv6.routing.segleft == 0 && ipv6.dst == fc00:3::d4 && icmp.type == 8");
    const { sids } = await running.stats();
    expect(Number(sids["fc00:2::e"]!.packets)).toBeGreaterThanOrEqual(PINGS);
    expect(Number(sids["fc00:2::d4"]!.packets)).toBeGreaterThanOrEqual(PINGS);
  });

  drawn("our End with PSP before the kernel's End.DX4", async () => {
    const { west, east } = domain.current;
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::e,fc00:3::d4 dev w0");
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    await domain.current.start(`sids: [{ sid: "fc00:2::e", behaviour: End, flavours: [PSP] }]\n`);
    const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
    await eachPing(atEast, "ipv6.nxt == 4 && ipv6.dst == fc00:3::d4 && icmp.type == 8");
  });

  drawn("our End.X and End.T before the kernel's End.DT6", async () => {
    const { west, east } = domain.current;
    west.ip("-6 route add fd03::/64 encap seg6 mode encap segs fc00:2::f,fc00:2::7,fc00:3::d6 dev w0");
    east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DT6 table 254 dev e0");
    east.ip("-6 route add fd01::/64 encap seg6 mode encap segs fc00:2::d6 dev e0");
    await domain.current.start(`sids:
  - { sid: "fc00:2::f", behaviour: End.X, nextHop: { interface: e1, address: "fc00:9:3::2" } }
  - { sid: "fc00:2::7", behaviour: End.T, table: 254 }
  - { sid: "fc00:2::d6", behaviour: End.DT6 }
`);
    // End.X sends to east, whose kernel routes the second SID back to us.
    const { atEast } = await domain.current.ping("fd01::2", "fd03::2");
    await eachPing(atEast, "ipv6.routing.segleft == 1 && ipv6.dst == fc00:2::7");
    await eachPing(atEast, "ipv6.routing.segleft == 0 && ipv6.dst == fc00:3::d6");
  });

  for (const headend of ["H.Encaps", "H.Encaps.Red"]) {
    drawn(`our ${headend} → kernel End → kernel End.DX4; kernel reduced H.Encaps → our End.DX4`, async () => {
      const { west, east } = domain.current;
      west.ip("route add 10.3.0.0/24 via 10.9.1.1");
      east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
      east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
      east.ip("route add 10.1.0.0/24 encap seg6 mode encap.red segs fc00:2::14 dev e0");
      await domain.current.start(`sids: [{ sid: "fc00:2::14", behaviour: End.DX4, nextHop: { interface: w1, address: 10.9.1.2 } }]
policies: [{ name: p, headend: ${headend}, paths: [{ segments: ["fc00:3::e", "fc00:3::d4"] }] }]
steering: [{ prefix: 10.3.0.0/24, policy: p }]
`);
      const { atEast, atWest } = await domain.current.ping("10.1.0.2", "10.3.0.2");
      await eachPing(atEast, "ipv6.dst == fc00:3::e && ipv6.routing.segleft == 1 && icmp.type == 8");
      await eachPing(atWest, "!ipv6 && icmp.type == 0");
    });
  }

  drawn("our H.Encaps of IPv6 → kernel End.DX6; kernel H.Encaps → our End.DT46", async () => {
    const { west, east } = domain.current;
    west.ip("-6 route add fd03::/64 via fc00:9:1::1");
    east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DX6 nh6 :: dev e0");
    east.ip("-6 route add fd01::/64 encap seg6 mode encap segs fc00:2::46 dev e0");
    east.ip("route add 10.1.0.0/24 encap seg6 mode encap segs fc00:2::46 dev e0");
    await domain.current.start(`sids:
  - { sid: "fc00:2::46", behaviour: End.DT46 }
policies: [{ name: p, headend: H.Encaps, paths: [{ segments: ["fc00:3::d6"] }] }]
steering: [{ prefix: "fd03::/64", policy: p }]
`);
    const { atEast } = await domain.current.ping("fd01::2", "fd03::2");
    await eachPing(atEast, "ipv6.routing.segleft == 0 && icmpv6.type == 128");
  });

  drawn("our H.Insert → kernel End; kernel insertion → our End", async () => {
    const { west, east } = domain.current;
    west.ip("-6 route add fd03::/64 via fc00:9:1::1");
    east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
    east.ip("-6 route add fd01::/64 encap seg6 mode inline segs fc00:2::e dev e0");
    await domain.current.start(`sids: [{ sid: "fc00:2::e", behaviour: End, flavours: [PSP] }]
policies: [{ name: p, headend: H.Insert, paths: [{ segments: ["fc00:3::e"] }] }]
steering: [{ prefix: "fd03::/64", policy: p }]
`);
    const { atEast, atWest } = await domain.current.ping("fd01::2", "fd03::2");
    await eachPing(atEast, "ipv6.routing.segleft == 1 && ipv6.dst == fc00:3::e && icmpv6.type == 128");
    await eachPing(atWest, "!ipv6.routing && icmpv6.type == 129");
  });

  drawn("a binding SID: kernel → our End.B6.Encaps → kernel End.DT6 → kernel End.DX4", async () => {
    const { west, east } = domain.current;
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::b6,fc00:3::d4 dev w0");
    east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DT6 table 254 dev e0");
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    await domain.current.start(`sids: [{ sid: "fc00:2::b6", behaviour: End.B6.Encaps, policy: p }]
policies: [{ name: p, headend: H.Encaps, paths: [{ segments: ["fc00:3::d6"] }] }]
`);
    const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
    await eachPing(atEast, "ipv6.dst == fc00:3::d6 && ipv6.dst == fc00:3::d4 && icmp.type == 8");
  });

  drawn("NEXT-CSID: kernel → our End in a container → kernel End.DX4", async () => {
    const { west, east } = domain.current;
    // Block fc00:3, ours 2: the container is fc00:3:2:d4::.
    west.ip("-6 route add fc00:3:2::/48 via fc00:9:1::1");
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap.red segs fc00:3:2:d4:: dev w0");
    east.ip("-6 route add fc00:3:d4::/48 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    await domain.current.start(`sids: [{ sid: "fc00:3:2::/48", behaviour: End, flavours: [NEXT-CSID], block: 32 }]\n`);
    const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
    await eachPing(atEast, "ipv6.dst == fc00:3:d4:: && icmp.type == 8");
  });

  drawn("NEXT-CSID: kernel → our End.X in a container → kernel End with NEXT-CSID → kernel End.DX4", async () => {
    const { west, east } = domain.current;
    // The edge has no route for what is left of the container: the adjacency leads there.
    west.ip("-6 route add fc00:4:2::/48 via fc00:9:1::1");
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap.red segs fc00:4:2:7:d4:: dev w0");
    east.ip("-6 route add fc00:4:7::/48 encap seg6local action End flavors next-csid lblen 32 nflen 16 dev e0");
    east.ip("-6 route add fc00:4:d4::/48 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    const sid = `{ sid: "fc00:4:2::/48", behaviour: End.X, flavours: [NEXT-CSID], block: 32, `;
    const hop = `nextHop: { interface: e1, address: "fc00:9:3::2" } }`;
    const edge = await domain.current.start(`sids: [${sid}${hop}]\n`);
    const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
    await eachPing(atEast, "ipv6.dst == fc00:4:7:d4:: && icmp.type == 8");
    expect(Number((await edge.stats()).sids["fc00:4:2::/48"]!.packets)).toBeGreaterThanOrEqual(PINGS);
  });
});
