/** Binding SIDs and End.MAP between kernels that encapsulate, go on and decapsulate, at the edge of `domain.ts`. */
import { expect } from "vitest";
import { oneIn } from "../../../../test/support/extent.ts";
import { suite } from "../../../../test/support/require.ts";
import { domainOfEach, eachPing, PINGS } from "./domain.ts";

const drawn = oneIn(5);

suite("segments that stand for others", ["root", "bpf", "ip", "ethtool", "ping", "tshark"], () => {
  const domain = domainOfEach();

  drawn("kernel → our End.B6.Encaps.Red → kernel End → kernel End.DT6 → kernel End.DX4", async () => {
    const { west, east } = domain.current;
    west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::b6,fc00:3::d4 dev w0");
    east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
    east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DT6 table 254 dev e0");
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    const edge = await domain.current.start(`sids: [{ sid: "fc00:2::b6", behaviour: End.B6.Encaps.Red, policy: p }]
policies: [{ name: p, headend: H.Encaps.Red, paths: [{ segments: ["fc00:3::e", "fc00:3::d6"] }] }]
`);
    const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
    // Of the policy's two segments the SRH lists the last only; the SRH inside has none left.
    await eachPing(atEast, "ipv6.dst == fc00:3::e && ipv6.dst == fc00:3::d4 && icmp.type == 8");
    const listed = await atEast.fields("icmp.type == 8", "ipv6.routing.srh.last_entry", "ipv6.routing.segleft");
    expect(new Set(listed)).toEqual(new Set(["0,1\t1,0"]));
    expect(Number((await edge.stats()).policies["p"]!.packets)).toBeGreaterThanOrEqual(PINGS);
  });

  for (const flavours of ["", " flavors psp"])
    drawn(`kernel → our End.B6.Insert → kernel End${flavours} → kernel End.DX4`, async () => {
      const { west, east } = domain.current;
      west.ip("route add 10.3.0.0/24 encap seg6 mode encap segs fc00:2::b6,fc00:3::d4 dev w0");
      east.ip(`-6 route add fc00:3::e/128 encap seg6local action End${flavours} dev e0`);
      east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
      east.ip("route add 10.1.0.0/24 via 10.9.3.1");
      await domain.current.start(`sids: [{ sid: "fc00:2::b6", behaviour: End.B6.Insert, policy: p }]
policies: [{ name: p, headend: H.Insert, paths: [{ segments: ["fc00:3::e"] }] }]
`);
      const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
      // The inserted SRH first, with the next segment of the one behind it as its last.
      await eachPing(atEast, "ipv6.dst == fc00:3::e && icmp.type == 8");
      const listed = await atEast.fields("icmp.type == 8", "ipv6.routing.segleft", "ipv6.routing.srh.addr");
      expect(new Set(listed)).toEqual(new Set(["1,0\tfc00:3::d4,fc00:3::e,fc00:3::d4,fc00:2::b6"]));
    });

  for (const [mode, routing] of [
    ["encap", "ipv6.routing.segleft == 0"],
    ["encap.red", "!ipv6.routing"],
  ] as const)
    drawn(`kernel ${mode} → our End.MAP → kernel End.DX4 and End.DT6`, async () => {
      const { west, east } = domain.current;
      west.ip(`route add 10.3.0.0/24 encap seg6 mode ${mode} segs fc00:2::a4 dev w0`);
      west.ip(`-6 route add fd03::/64 encap seg6 mode ${mode} segs fc00:2::a6 dev w0`);
      east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
      east.ip("-6 route add fc00:3::d6/128 encap seg6local action End.DT6 table 254 dev e0");
      east.ip("route add 10.1.0.0/24 via 10.9.3.1", "-6 route add fd01::/64 via fc00:9:3::1");
      const edge = await domain.current.start(`sids:
  - { sid: "fc00:2::a4", behaviour: End.MAP, map: "fc00:3::d4" }
  - { sid: "fc00:2::a6", behaviour: End.MAP, map: "fc00:3::d6" }
`);
      const four = await domain.current.ping("10.1.0.2", "10.3.0.2");
      await eachPing(four.atEast, `ipv6.dst == fc00:3::d4 && ${routing} && icmp.type == 8`);
      const six = await domain.current.ping("fd01::2", "fd03::2");
      await eachPing(six.atEast, `ipv6.dst == fc00:3::d6 && ${routing} && icmpv6.type == 128`);
      const { sids } = await edge.stats();
      for (const sid of ["fc00:2::a4", "fc00:2::a6"]) expect(Number(sids[sid]!.packets)).toBeGreaterThanOrEqual(PINGS);
    });
});
