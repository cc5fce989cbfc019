/**
 * Drop-in interworking, RFC 9433 section 5.4: two tunnel ends that know nothing of SRv6, two gateways of ours, a kernel that is
 * End between them. Each gateway takes the tunnel's own destination for a SID and keeps it as the last segment.
 *
 *   gNB ── gateway 1 ═══════ core (kernel End) ═══════ gateway 2 ── UPF
 *   fd0a::2  fd0b::2: End.M.GTP6.D.Di ──────────▶ End.M.GTP6.E      fd0b::2
 *            End.M.GTP6.E ◀────────── fd0a::2: End.M.GTP6.D.Di
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { oneIn } from "../../../../test/support/extent.ts";
import { suite } from "../../../../test/support/require.ts";
import { FAULTS, PINGS, pingAll } from "./domain.ts";
import { Capture, Edge, Host, join2 } from "./hosts.ts";
import { gtp6, SCAPY } from "./scapy.ts";

const UE = ["10.45.0.2", "fd45::2"] as const;
const GATEWAY = ["10.45.0.1", "fd45::1"] as const;
const RADIO = "fd0a::2";
const CORE = "fd0b::2";
const UP = { teid: "0x11223344", qfi: "9", args: "2411:2233:4400:0" };
const DOWN = { teid: "0xa1b2c3d4", qfi: "5", args: "14a1:b2c3:d400:0" };

/** `taken`: the tunnel's end that packets are for; those that come back come out as from there. */
const gatewayYaml = (
  interfaces: string,
  number: number,
  taken: string,
  pduSession: string,
  segments: string,
): string => `
interfaces: [${interfaces}]
address: "fc00:${number}::1"
udpChecksum: true
sids:
  - { sid: "${taken}", behaviour: End.M.GTP6.D.Di, policy: across }
  - { sid: "fc00:${number}:6e::/64", behaviour: End.M.GTP6.E, source: "${taken}", pduSession: ${pduSession} }
policies: [{ name: across, headend: H.Encaps, paths: [{ segments: [${segments}] }] }]
`;

const drawn = oneIn(2);

suite("GTP-U over IPv6 between two gateways", ["root", "bpf", "ip", "ethtool", "ping", "tshark", SCAPY], () => {
  const hosts = {} as Record<"radio" | "edge1" | "core" | "edge2" | "upf", Host>;
  const edges: Edge[] = [];
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xdpkit-gtp6-"));
    for (const name of ["radio", "edge1", "core", "edge2", "upf"] as const) hosts[name] = new Host(`gtp6-${name}`);
    const { radio, edge1, core, edge2, upf } = hosts;
    join2(radio, "r0", edge1, "r1");
    join2(edge1, "c1", core, "k1");
    join2(core, "k2", edge2, "c2");
    join2(edge2, "u1", upf, "u0");
    radio.ip(`addr add ${RADIO}/64 dev r0 nodad`, "-6 route add default via fd0a::1");
    edge1.ip("addr add fd0a::1/64 dev r1 nodad", "addr add fd00:1::1/64 dev c1 nodad");
    edge1.ip("-6 route add default via fd00:1::2");
    core.ip("addr add fd00:1::2/64 dev k1 nodad", "addr add fd00:2::2/64 dev k2 nodad");
    core.ip("-6 route add fc00:1::/32 via fd00:1::1", "-6 route add fc00:2::/32 via fd00:2::1");
    core.ip("-6 route add fc00:c::e/128 encap seg6local action End dev k1");
    edge2.ip("addr add fd0b::1/64 dev u1 nodad", "addr add fd00:2::1/64 dev c2 nodad");
    edge2.ip("-6 route add default via fd00:2::2");
    upf.ip(`addr add ${CORE}/64 dev u0 nodad`, "-6 route add default via fd0b::1");
  });
  afterEach(async () => {
    for (const edge of edges.splice(0)) {
      await edge.down().catch(() => {});
      edge[Symbol.dispose]();
    }
    for (const host of Object.values(hosts)) host[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [name, via] of [
    ["directly", ""],
    ["through the kernel's End", `"fc00:c::e", `],
  ] as const)
    drawn(
      `End.M.GTP6.D.Di → End.M.GTP6.E both ways, ${name}: TEID and QFI arrive, nothing is lost`,
      async () => {
        const { radio, edge1, core, edge2, upf } = hosts;
        edges.push(
          new Edge(edge1, gatewayYaml("r1, c1", 1, CORE, "downlink", `${via}"fc00:2:6e::/64"`)),
          new Edge(edge2, gatewayYaml("c2, u1", 2, RADIO, "uplink", `${via}"fc00:1:6e::/64"`)),
        );
        for (const edge of edges) await edge.up();
        const [up, down] = [`${UP.teid},${UP.qfi},uplink`, `${DOWN.teid},${DOWN.qfi},downlink`];
        const ends = [
          await gtp6(radio, { device: "ue0", local: RADIO, remote: CORE, send: up, take: down }),
          await gtp6(upf, { device: "n6", local: CORE, remote: RADIO, send: down, take: up }),
        ];
        radio.ip(`addr add ${UE[0]}/24 dev ue0`, `addr add ${UE[1]}/64 dev ue0 nodad`);
        upf.ip(`addr add ${GATEWAY[0]}/24 dev n6`, `addr add ${GATEWAY[1]}/64 dev n6 nodad`);
        const captures = await Promise.all(
          (
            [
              [radio, "r0"],
              [core, "k1"],
              [upf, "u0"],
            ] as const
          ).map(([host, end]) => Capture.start(host, end, folder)),
        );
        const [atRadio, inCore, atUpf] = captures as [Capture, Capture, Capture];
        for (const i of [0, 1] as const) await pingAll(radio, UE[i], GATEWAY[i]);
        await pingAll(radio, UE[0], GATEWAY[0], "-s", "1201");
        for (const capture of captures) {
          await capture.stop();
          expect(await capture.fields(FAULTS, "_ws.col.info")).toEqual([]);
        }
        for (const end of ends) {
          const counts = JSON.parse((await end.stop()).replace(/^ready\n/, "")) as { taken: number; refused: object };
          expect(counts.refused).toEqual({});
          expect(counts.taken).toBeGreaterThanOrEqual(3 * PINGS);
        }
        expect(await inCore.count("udp.port == 2152")).toBe(0);
        for (const [to, { args }, last, filter] of [
          ["2", UP, CORE, "icmp.type == 8 || icmpv6.type == 128"],
          ["1", DOWN, RADIO, "icmp.type == 0 || icmpv6.type == 129"],
        ] as const) {
          const lists = new Set(await inCore.fields(filter, "ipv6.routing.srh.addr"));
          const sid = `fc00:${to}:6e:0:${args}`;
          expect(lists).toEqual(new Set([via === "" ? `${last},${sid}` : `${last},${sid},fc00:c::e`]));
        }
        const sums = "udp.checksum.status == 1 && gtp.message == 0xff";
        for (const capture of [atRadio, atUpf])
          for (const [{ teid, qfi }, type] of [
            [UP, "icmp.type == 8"],
            [DOWN, "icmp.type == 0"],
          ] as const) {
            const session = `gtp.teid == ${teid} && gtp.ext_hdr.pdu_ses_con.qos_flow_id == ${qfi}`;
            expect(await capture.count(`${session} && ${sums} && ${type}`)).toBeGreaterThanOrEqual(2 * PINGS);
          }
      },
      180_000,
    );
});
