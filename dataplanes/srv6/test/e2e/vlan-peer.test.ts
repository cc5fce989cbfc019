/**
 * End.DX2V: two VLANs on a trunk through SRv6, each to its own site. This kernel has no VLANs, and Linux's l2encap takes no tagged
 * frames; `peers/vlan.py` tags, the kernel of west puts the SRH in and takes frames back, east's is End both ways.
 *
 *   tap10 ─┐                                  ┌─ l10 ── s0 site 10 ── tap
 *   tap20 ─┼─ west ═══ east ═══ End.DX2V edge ┤
 *   tap30 ─┘                                  └─ l20 ── s0 site 20 ── tap
 */
import { afterEach, expect, it } from "vitest";
import { suite } from "../../../../test/support/require.ts";
import { domainOfEach, eachPing, FAULTS, PINGS, pingAll } from "./domain.ts";
import { Capture, Host, join2 } from "./hosts.ts";
import { SCAPY, vlan } from "./scapy.ts";

suite("VLANs through SRv6", ["root", "bpf", "ip", "ethtool", "ping", "tshark", SCAPY], () => {
  const domain = domainOfEach();
  const sites: Host[] = [];
  afterEach(() => {
    for (const site of sites.splice(0)) site[Symbol.dispose]();
  });

  /** West's end of a VLAN. */
  async function trunk(id: number): Promise<void> {
    const { west } = domain.current;
    west.ip(`addr add fc00:1::${id}/128 dev lo`);
    await vlan(west, { device: `tap${id}`, vlan: id, source: `fc00:1::${id}`, sid: "fc00:2::d2" });
    west.ip(`addr add 10.77.${id}.1/24 dev tap${id}`, `addr add fd77:${id}::1/64 dev tap${id} nodad`);
  }
  async function site(id: number): Promise<Host> {
    const host = new Host(`peer-site${id}`);
    sites.push(host);
    join2(host, "s0", domain.current.middle, `l${id}`);
    await vlan(host, { device: "tap", vlan: id, interface: "s0" });
    host.ip(`addr add 10.77.${id}.2/24 dev tap`, `addr add fd77:${id}::2/64 dev tap nodad`);
    return host;
  }

  it("kernel insertion → kernel End → our End.DX2V; our H.Encaps.L2 → kernel End → kernel; ARP and all", async () => {
    const { west, east, folder } = domain.current;
    west.ip("-6 route add fc00:2::d2/128 encap seg6 mode inline segs fc00:3::e dev w0");
    east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
    const [ten, twenty] = [await site(10), await site(20)];
    for (const id of [10, 20, 30]) await trunk(id);
    const edge = await domain.current.start(
      `sids:
  - { sid: "fc00:2::d2", behaviour: End.DX2V, table: 7, vlans: { 10: { interface: l10 }, 20: { interface: l20 } } }
policies:
  - { name: ten, headend: H.Encaps.L2, paths: [{ segments: ["fc00:3::e", "fc00:1::10"] }] }
  - { name: twenty, headend: H.Encaps.L2.Red, paths: [{ segments: ["fc00:1::20"] }] }
steering: [{ interface: l10, policy: ten }, { interface: l20, policy: twenty }]
`,
      "w1, e1, l10, l20",
    );
    const atTen = await Capture.start(ten, "s0", folder);
    const atTwenty = await Capture.start(twenty, "s0", folder);
    const { atWest } = await domain.current.captured(async () => {
      for (const id of [10, 20]) {
        await pingAll(west, `10.77.${id}.1`, `10.77.${id}.2`);
        await pingAll(west, `fd77:${id}::1`, `fd77:${id}::2`, "-s", "1200");
      }
      await west.run("ping", "-c", "2", "-i", "0.2", "-W", "1", "-I", "10.77.30.1", "10.77.30.2").catch(() => {});
    });
    for (const [capture, id] of [
      [atTen, 10],
      [atTwenty, 20],
    ] as const) {
      await capture.stop();
      expect(await capture.fields(FAULTS, "_ws.col.info")).toEqual([]);
      await eachPing(capture, `vlan.id == ${id} && icmp.type == 8`);
      await eachPing(capture, `vlan.id == ${id} && icmpv6.type == 129`);
      expect(await capture.count(`vlan.id == ${id} && arp.opcode == 1`)).toBeGreaterThanOrEqual(1);
      expect(await capture.count(`vlan && vlan.id != ${id}`)).toBe(0);
      await eachPing(atWest, `ipv6.dst == fc00:3::e && ipv6.routing.nxt == 143 && vlan.id == ${id} && icmp.type == 8`);
      await eachPing(atWest, `ipv6.dst == fc00:1::${id} && vlan.id == ${id} && icmp.type == 0`);
    }
    const { outcomes, sids } = await edge.stats();
    // The VLAN that leads nowhere: ARP, and what its device said before the capture.
    const lost = await atWest.count("vlan.id == 30 && ipv6.dst == fc00:3::e");
    expect(lost).toBeGreaterThanOrEqual(1);
    expect(Number(outcomes["noPath"])).toBeGreaterThanOrEqual(lost);
    expect(Number(sids["fc00:2::d2"]!.packets)).toBeGreaterThanOrEqual(4 * PINGS);
  }, 180_000);
});
