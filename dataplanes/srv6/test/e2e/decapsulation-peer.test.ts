/** The kernel's SRv6 encapsulates; End.DX6 and End with USD or USP take it out, at the edge of `domain.ts`. */
import { expect } from "vitest";
import { oneIn } from "../../../../test/support/extent.ts";
import { suite } from "../../../../test/support/require.ts";
import { domainOfEach, eachPing, PINGS } from "./domain.ts";

const drawn = oneIn(3);

suite("kernel encapsulation, our end", ["root", "bpf", "ip", "ethtool", "ping", "tshark"], () => {
  const domain = domainOfEach();

  for (const mode of ["encap", "encap.red"])
    drawn(`kernel ${mode} of IPv6 → our End.DX6, both ways`, async () => {
      const { west, east } = domain.current;
      west.ip(`-6 route add fd03::/64 encap seg6 mode ${mode} segs fc00:2::36 dev w0`);
      east.ip(`-6 route add fd01::/64 encap seg6 mode ${mode} segs fc00:2::16 dev e0`);
      const edge = await domain.current.start(`sids:
  - { sid: "fc00:2::36", behaviour: End.DX6, nextHop: { interface: e1, address: "fc00:9:3::2" } }
  - { sid: "fc00:2::16", behaviour: End.DX6, nextHop: { interface: w1, address: "fc00:9:1::2" } }
`);
      const { atWest, atEast } = await domain.current.ping("fd01::2", "fd03::2");
      await eachPing(atWest, "ipv6.dst == fc00:2::36 && ipv6.dst == fd03::2 && icmpv6.type == 128");
      await eachPing(atEast, "!(ipv6.nxt == 41) && !ipv6.routing && icmpv6.type == 128");
      await eachPing(atEast, "ipv6.dst == fc00:2::16 && ipv6.dst == fd01::2 && icmpv6.type == 129");
      await eachPing(atWest, "!(ipv6.nxt == 41) && !ipv6.routing && icmpv6.type == 129");
      const { sids } = await edge.stats();
      for (const sid of ["fc00:2::36", "fc00:2::16"]) expect(Number(sids[sid]!.packets)).toBeGreaterThanOrEqual(PINGS);
    });

  for (const [name, from, to, request, reply] of [
    ["IPv4", "10.1.0.2", "10.3.0.2", "icmp.type == 8", "icmp.type == 0"],
    ["IPv6", "fd01::2", "fd03::2", "icmpv6.type == 128", "icmpv6.type == 129"],
  ] as const)
    drawn(`kernel encap of ${name} → our End, then the same path ends at our End with USD`, async () => {
      const { west, east } = domain.current;
      const [there, back] = name === "IPv4" ? ["10.3.0.0/24", "10.1.0.0/24"] : ["fd03::/64", "fd01::/64"];
      // There through east's End and back to our USD; back reduced, without SRH.
      west.ip(`route add ${there} encap seg6 mode encap segs fc00:2::e,fc00:3::e,fc00:2::d dev w0`);
      east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
      east.ip(`route add ${back} encap seg6 mode encap.red segs fc00:2::d dev e0`);
      const edge = await domain.current.start(`sids:
  - { sid: "fc00:2::e", behaviour: End, flavours: [USD] }
  - { sid: "fc00:2::d", behaviour: End, flavours: [USD, USP, PSP] }
`);
      const { atWest, atEast } = await domain.current.ping(from, to);
      await eachPing(atEast, `ipv6.dst == fc00:3::e && ipv6.routing.segleft == 1 && ${request}`);
      await eachPing(atEast, `ipv6.dst == fc00:2::d && ipv6.routing.segleft == 0 && ${request}`);
      await eachPing(atEast, `!ipv6.routing && !(ipv6.dst == fc00:2::/32) && ${request}`);
      await eachPing(atWest, `!(ipv6.src == fc00::/16) && ${reply}`);
      expect(Number((await edge.stats()).sids["fc00:2::d"]!.packets)).toBeGreaterThanOrEqual(2 * PINGS);
    });

  drawn("kernel insertion → kernel End → our End with USP, then the edge's own address answers", async () => {
    const { west, middle, east } = domain.current;
    // The edge's kernel takes no SRH itself: what it answers, the edge has taken the SRH out of.
    for (const name of ["all", "w1", "e1"]) middle.namespace.sysctl(`net.ipv6.conf.${name}.seg6_enabled`, "0");
    middle.ip("addr add fc00:2::5/128 dev lo");
    west.ip("-6 route add fc00:2::5/128 encap seg6 mode inline segs fc00:3::e dev w0");
    east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
    const edge = await domain.current.start(`sids: [{ sid: "fc00:2::5", behaviour: End, flavours: [USP] }]\n`);
    const { atWest, atEast } = await domain.current.ping("fd01::2", "fc00:2::5");
    await eachPing(atEast, "ipv6.dst == fc00:2::5 && ipv6.routing.segleft == 0 && icmpv6.type == 128");
    await eachPing(atWest, "ipv6.src == fc00:2::5 && icmpv6.type == 129");
    expect(Number((await edge.stats()).outcomes["localDelivery"])).toBeGreaterThanOrEqual(PINGS);
  });

  drawn("without USP the edge's kernel refuses the SRH", async () => {
    const { west, middle, east } = domain.current;
    for (const name of ["all", "w1", "e1"]) middle.namespace.sysctl(`net.ipv6.conf.${name}.seg6_enabled`, "0");
    middle.ip("addr add fc00:2::5/128 dev lo");
    west.ip("-6 route add fc00:2::5/128 encap seg6 mode inline segs fc00:3::e dev w0");
    east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
    await domain.current.start(`sids: [{ sid: "fc00:2::5", behaviour: End }]\n`);
    const said = await west
      .run("ping", "-c", "5", "-i", "0.05", "-W", "1", "-I", "fd01::2", "fc00:2::5")
      .catch(({ stdout }) => String(stdout));
    expect(said).toContain("5 packets transmitted, 0 received");
  });
});
