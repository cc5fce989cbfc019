/**
 * GTP-U over IPv6 at the edge of `domain.ts`: west is a radio network whose tunnels scapy and a kernel's UDP socket speak, east
 * and far a data network behind a kernel's SRv6. What is not as agreed (TEID, QFI, direction, lengths, checksum) never arrives.
 *
 *   10.45.0.2 ue0 ── GTP-U ── edge ════════════ SRv6 ═══════════ east ── far
 *                    fc00:2::60  End.M.GTP6.D ─────▶ End.DX4, End.DT6
 *                    End.M.GTP6.E ◀───── H.Encaps
 */
import { expect } from "vitest";
import { oneIn } from "../../../../test/support/extent.ts";
import { suite } from "../../../../test/support/require.ts";
import { type Domain, domainOfEach, eachPing, PINGS, pingAll } from "./domain.ts";
import type { Running } from "./hosts.ts";
import { gtp6, SCAPY } from "./scapy.ts";

const TEID_UP = "0x11223344";
/** QFI 9, TEID_UP and QFI 5, 0xa1b2c3d4 as Args.Mob.Session. */
const ARGUMENTS_UP = "2411:2233:4400:0";
const ARGUMENTS_DOWN = "14a1:b2c3:d400:0";

/** Neighbours are found, and nothing is dropped. */
const HARMLESS = /^(forwarded|notOurs|noNeighbour|localDelivery)$/;

const drawn = oneIn(3);

suite("GTP-U over IPv6 and the kernel", ["root", "bpf", "ip", "ethtool", "ping", "tshark", SCAPY], () => {
  const domain = domainOfEach();

  /** The radio network's end, and routes of both directions. */
  async function radio({ west, east }: Domain, mode: string, ...more: readonly string[]): Promise<Running> {
    const radio = await gtp6(west, {
      device: "ue0",
      local: "fd01::2",
      remote: "fc00:2::60",
      send: `${TEID_UP},9,uplink`,
      take: "0xa1b2c3d4,5,downlink",
      more,
    });
    west.ip("addr add 10.45.0.2/32 dev ue0", "addr add fd45::2/128 dev ue0 nodad");
    west.ip("route add 10.3.0.0/24 dev ue0", "-6 route add fd03::/64 dev ue0");
    east.ip("-6 route add fc00:3:d4::/64 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("-6 route add fc00:3:d6::/64 encap seg6local action End.DT6 table 254 dev e0");
    east.ip("-6 route add fc00:3::e/128 encap seg6local action End dev e0");
    // One segment is left behind ours: the tunnel's end.
    for (const ue of ["10.45.0.0/24", "fd45::/64"])
      east.ip(`route add ${ue} encap seg6 mode ${mode} segs fc00:2:6e:0:${ARGUMENTS_DOWN},fd01::2 dev e0`);
    return radio;
  }
  const yaml = (headend: string, segments: string, more = ""): string => `${more}sids:
  - { sid: "fc00:2::60", behaviour: End.M.GTP6.D, policy: core }
  - { sid: "fc00:2:6e::/64", behaviour: End.M.GTP6.E, source: "fc00:2::60" }
policies: [{ name: core, headend: ${headend}, paths: [{ segments: [${segments}] }] }]
`;
  /** All that the radio network took was right, and it took each answer. */
  async function agreed(radio: Running): Promise<void> {
    const counts = JSON.parse((await radio.stop()).replace(/^ready\n/, "")) as { taken: number; refused: object };
    expect(counts.refused).toEqual({});
    expect(counts.taken).toBeGreaterThanOrEqual(PINGS);
  }
  const request = `gtp.message == 0xff && gtp.teid == ${TEID_UP} && gtp.ext_hdr.pdu_ses_con.qos_flow_id == 9`;
  const answer = "gtp.message == 0xff && gtp.teid == 0xa1b2c3d4 && gtp.ext_hdr.pdu_ses_con.qos_flow_id == 5";
  const IPV4 = ["10.45.0.2", "10.3.0.2", "icmp.type == 8", "icmp.type == 0"] as const;
  const IPV6 = ["fd45::2", "fd03::2", "icmpv6.type == 128", "icmpv6.type == 129"] as const;

  for (const [headend, segments, mode, first, [from, to, asks, replies]] of [
    ["H.Encaps.Red", `"fc00:3:d4::/64"`, "encap", `fc00:3:d4:0:${ARGUMENTS_UP}`, IPV4],
    ["H.Encaps", `"fc00:3:d4::/64"`, "encap", `fc00:3:d4:0:${ARGUMENTS_UP}`, IPV4],
    ["H.Encaps.Red", `"fc00:3::e", "fc00:3:d6::/64"`, "encap", "fc00:3::e", IPV6],
    ["H.Encaps", `"fc00:3::e", "fc00:3:d6::/64"`, "encap.red", "fc00:3::e", IPV6],
  ] as const)
    drawn(
      `our End.M.GTP6.D, ${headend} by [${segments}] → kernel; kernel ${mode} → our End.M.GTP6.E; checksums`,
      async () => {
        const end = await radio(domain.current, mode);
        const edge = await domain.current.start(yaml(headend, segments, "udpChecksum: true\n"));
        const { atWest, atEast } = await domain.current.captured(async () => {
          await pingAll(domain.current.west, from, to);
          await pingAll(domain.current.west, from, to, "-s", "1201");
        });
        await agreed(end);
        await eachPing(atWest, `${request} && ${asks}`);
        await eachPing(atEast, `ipv6.dst == ${first} && ${asks}`);
        await eachPing(atEast, `ipv6.dst == fc00:2:6e:0:${ARGUMENTS_DOWN} && ${replies}`);
        await eachPing(atWest, `${answer} && ipv6.src == fc00:2::60 && udp.checksum.status == 1 && ${replies}`);
        expect(await atEast.count("udp.port == 2152")).toBe(0);
        expect(Object.keys((await edge.stats()).outcomes).filter((name) => !HARMLESS.test(name))).toEqual([]);
      },
    );

  drawn("without UDP checksums, to a peer that takes them so", async () => {
    const end = await radio(domain.current, "encap", "--zero-checksum", "rx,tx");
    await domain.current.start(yaml("H.Encaps.Red", `"fc00:3:d4::/64"`));
    domain.current.takesZeroChecksums = true;
    const { atWest } = await domain.current.ping(IPV4[0], IPV4[1]);
    await agreed(end);
    await eachPing(atWest, `${request} && udp.checksum == 0 && icmp.type == 8`);
    await eachPing(atWest, `${answer} && udp.checksum == 0 && icmp.type == 0`);
  });

  drawn("without UDP checksums the kernel of another peer refuses them", async () => {
    const { west } = domain.current;
    const end = await radio(domain.current, "encap");
    await domain.current.start(yaml("H.Encaps.Red", `"fc00:3:d4::/64"`));
    await west.run("ping", "-c", "3", "-i", "0.2", "-W", "1", "-I", IPV4[0], IPV4[1]).catch(() => {});
    expect(JSON.parse((await end.stop()).replace(/^ready\n/, ""))).toMatchObject({ taken: 0, refused: {} });
    const [, errors] = /Udp6InCsumErrors\s+(\d+)/.exec(await west.run("cat", "/proc/net/snmp6"))!;
    expect(Number(errors)).toBeGreaterThanOrEqual(1);
  });
});
