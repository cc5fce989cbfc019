/**
 * A wire through SRv6: frames of a site go through the edge of `domain.ts` to far, and back by the kernel of east.
 *
 *   site s0 ──── l1 edge ════ SRv6 ════ east f1 ──── far
 *   10.77.0.1                                        10.77.0.2
 *
 * Linux takes into its l2encap what it would route: IPv4 and IPv6 to its own MAC address, never ARP, neighbour discovery or
 * tagged frames, and leaves the Ethernet header as it came. So both hosts need fixed neighbours, and east's interface has the
 * site's address: what far sends to the site, east takes.
 */
import { afterEach, beforeEach, expect } from "vitest";
import { oneIn } from "../../../../test/support/extent.ts";
import { suite } from "../../../../test/support/require.ts";
import { domainOfEach, eachPing, pingAll } from "./domain.ts";
import { Capture, Host, join2 } from "./hosts.ts";

const SITE = "02:00:00:00:77:01";
const FAR = "02:00:00:00:77:02";

const drawn = oneIn(3);

suite("a wire between our end and the kernel's", ["root", "bpf", "ip", "ethtool", "ping", "tshark"], () => {
  const domain = domainOfEach();
  let site: Host;
  beforeEach(() => {
    const { middle, east, far } = domain.current;
    site = new Host("peer-site");
    join2(site, "s0", middle, "l1");
    site.ip(`link set s0 address ${SITE}`, "addr add 10.77.0.1/24 dev s0", "addr add fd77::1/64 dev s0 nodad");
    site.ip(`neigh add 10.77.0.2 dev s0 lladdr ${FAR}`, `neigh add fd77::2 dev s0 lladdr ${FAR}`);
    east.ip(`link set f1 address ${SITE}`);
    far.ip(`link set f0 address ${FAR}`, "addr add 10.77.0.2/24 dev f0", "addr add fd77::2/64 dev f0 nodad");
    far.ip(`neigh add 10.77.0.1 dev f0 lladdr ${SITE}`, `neigh add fd77::1 dev f0 lladdr ${SITE}`);
    east.ip("-6 route add fc00:3::d2/128 encap seg6local action End.DX2 oif f1 dev e0");
  });
  afterEach(() => site[Symbol.dispose]());

  for (const [headend, mode, segments] of [
    ["H.Encaps.L2", "l2encap", `"fc00:3::d2"`],
    ["H.Encaps.L2.Red", "l2encap", `"fc00:3::d2"`],
    ["H.Encaps.L2.Red", "l2encap.red", `"fc00:3::e", "fc00:3::d2"`],
  ] as const)
    drawn(`our ${headend} by [${segments}] → kernel End.DX2; kernel ${mode} → our End.DX2`, async () => {
      const { east, far, folder } = domain.current;
      east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
      for (const site of ["10.77.0.1/32", "fd77::1/128"])
        east.ip(`route add ${site} encap seg6 mode ${mode} segs fc00:2::d2 dev e0`);
      await domain.current.start(
        `sids: [{ sid: "fc00:2::d2", behaviour: End.DX2, nextHop: { interface: l1 } }]
policies: [{ name: wire, headend: ${headend}, paths: [{ segments: [${segments}] }] }]
steering: [{ interface: l1, policy: wire }]
`,
        "l1, e1",
      );
      const atFar = await Capture.start(far, "f0", folder);
      const { atEast } = await domain.current.captured(async () => {
        await pingAll(site, "10.77.0.1", "10.77.0.2");
        await pingAll(site, "10.77.0.1", "10.77.0.2", "-s", "1300");
        await pingAll(site, "fd77::1", "fd77::2");
        // Frames that the kernel's own headend would not take: ARP for nobody.
        await site.run("ping", "-c", "1", "-W", "1", "10.77.0.99").catch(() => {});
      });
      await atFar.stop();
      const isReduced = headend === "H.Encaps.L2.Red";
      const toDx2 = isReduced && !segments.includes(",") ? "ipv6.nxt == 143" : "ipv6.routing.nxt == 143";
      await eachPing(atEast, `${toDx2} && icmp.type == 8 && eth.dst == ${FAR} && eth.src == ${SITE}`);
      await eachPing(atEast, `ipv6.dst == fc00:2::d2 && icmp.type == 0 && eth.dst == ${SITE} && eth.src == ${FAR}`);
      await eachPing(atFar, `icmp.type == 8 && eth.src == ${SITE} && eth.dst == ${FAR} && ip.ttl == 64`);
      await eachPing(atFar, "icmpv6.type == 128");
      expect(await atFar.count("arp.dst.proto_ipv4 == 10.77.0.99")).toBeGreaterThanOrEqual(1);
    });
});
