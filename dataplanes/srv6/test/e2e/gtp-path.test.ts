/**
 * A mobile network whose tunnels cross an SRv6 domain: osmo-ggsn and sgsnemu speak GTP with one another, the edges turn it
 * into SRv6 and back, and the kernel between them routes IPv6.
 *
 *   sgsnemu ── edge 1 ═══ core (kernel) ═══ edge 2 ── osmo-ggsn
 *   10.1.0.2   H.M.GTP4.D ──────────────▶ End.M.GTP4.E   10.2.0.2
 *              End.M.GTP4.E ◀────────────── H.M.GTP4.D
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { suite } from "../../../../test/support/require.ts";
import { Capture, Edge, Host, join2 } from "./hosts.ts";

const UE = "10.45.0.2";
const GATEWAY = "10.45.0.1";

const edgeYaml = (interfaces: string, locator: string, peer: string, tunnelTo: string): string => `
interfaces: [${interfaces}]
address: "fc00:${locator}::1"
address4: 10.9.${locator}.1
sids:
  - { sid: "fc00:${locator}:4::/48", behaviour: End.M.GTP4.E, pduSession: none }
policies:
  - name: tunnel
    headend: H.M.GTP4.D
    source: "fc00:${locator}:5::/64"
    paths: [{ segments: ["fc00:${peer}:4::/48"] }]
steering:
  - { prefix: ${tunnelTo}/32, policy: tunnel }
`;

suite(
  "GTP-U through SRv6",
  ["root", "bpf", "ip", "ethtool", "sgsnemu", "osmo-ggsn", "ping", "iperf3", "curl", "tshark"],
  () => {
    const hosts = {} as Record<"sgsn" | "edge1" | "core" | "edge2" | "ggsn", Host>;
    const edges: Edge[] = [];
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "xdpkit-gtp-"));
      for (const name of ["sgsn", "edge1", "core", "edge2", "ggsn"] as const) hosts[name] = new Host(`gtp-${name}`);
      const { sgsn, edge1, core, edge2, ggsn } = hosts;
      join2(sgsn, "s0", edge1, "r1");
      join2(edge1, "c1", core, "k1");
      join2(core, "k2", edge2, "c2");
      join2(edge2, "g1", ggsn, "g0");
      sgsn.ip("addr add 10.1.0.2/24 dev s0", "route add 10.2.0.0/24 via 10.1.0.1");
      edge1.ip("addr add 10.1.0.1/24 dev r1", "addr add 10.9.1.1/24 dev c1", "addr add fd00:1::1/64 dev c1 nodad");
      edge1.ip("route add 10.2.0.0/24 via 10.9.1.2", "-6 route add fc00:2::/32 via fd00:1::2");
      core.ip("addr add 10.9.1.2/24 dev k1", "addr add fd00:1::2/64 dev k1 nodad");
      core.ip("addr add 10.9.2.2/24 dev k2", "addr add fd00:2::2/64 dev k2 nodad");
      core.ip("route add 10.1.0.0/24 via 10.9.1.1", "route add 10.2.0.0/24 via 10.9.2.1");
      core.ip("-6 route add fc00:1::/32 via fd00:1::1", "-6 route add fc00:2::/32 via fd00:2::1");
      edge2.ip("addr add 10.2.0.1/24 dev g1", "addr add 10.9.2.1/24 dev c2", "addr add fd00:2::1/64 dev c2 nodad");
      edge2.ip("route add 10.1.0.0/24 via 10.9.2.2", "-6 route add fc00:1::/32 via fd00:2::2");
      ggsn.ip("addr add 10.2.0.2/24 dev g0", "route add default via 10.2.0.1");
      edges.push(
        new Edge(edge1, edgeYaml("r1, c1", "1", "2", "10.2.0.2")),
        new Edge(edge2, edgeYaml("c2, g1", "2", "1", "10.1.0.2")),
      );
      for (const edge of edges) await edge.up();

      const configuration = join(folder, "ggsn.cfg");
      writeFileSync(
        configuration,
        `log stderr
 logging level set-all notice
ggsn ggsn0
 gtp state-dir ${folder}
 gtp bind-ip 10.2.0.2
 apn internet
  gtpu-mode tun
  tun-device tun4
  type-support v4
  ip prefix dynamic 10.45.0.0/16
  ip ifconfig ${GATEWAY}/16
  no shutdown
 default-apn internet
 no shutdown ggsn
`,
      );
      await ggsn.start("osmo-ggsn", "-c", configuration).said(/Successfully started/);
      ggsn.ip("link set tun4 mtu 1400");
      const phone = sgsn.start(
        "sgsnemu",
        "--listen",
        "10.1.0.2",
        "--remote",
        "10.2.0.2",
        "--createif",
        "--tun-device",
        "ue0",
        "--statedir",
        folder,
        "--pidfile",
        join(folder, "sgsnemu.pid"),
      );
      void phone;
      for (let tries = 0; !(await sgsn.run("ip", "-o", "addr", "show")).includes(UE); tries++) {
        if (tries > 50) throw new Error("no session was set up");
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      sgsn.ip("link set ue0 mtu 1400", `route replace ${GATEWAY} dev ue0`);
    }, 60_000);

    afterAll(async () => {
      for (const edge of edges) await edge.down().finally(() => edge[Symbol.dispose]());
      for (const host of Object.values(hosts)) host[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    const dropped = async (): Promise<string[]> => {
      const kinds = /forwarded|notOurs|noNeighbour|echo/;
      const all = await Promise.all(edges.map((edge) => edge.stats()));
      return all.flatMap(({ outcomes }) => Object.keys(outcomes).filter((name) => !kinds.test(name)));
    };

    it("ping loses nothing, and tshark reads every packet", async () => {
      const { sgsn, core, ggsn } = hosts;
      const inCore = await Capture.start(core, "k1", folder);
      const atGateway = await Capture.start(ggsn, "g0", folder);
      const said = await sgsn.run("ping", "-c", "100", "-i", "0.01", "-s", "1000", GATEWAY);
      expect(said).toMatch(/100 packets transmitted, 100 received, 0% packet loss/);
      await inCore.stop();
      await atGateway.stop();
      // Neither the first packets, while neighbours are found, nor any other go as GTP-U through the core.
      expect(await inCore.count("udp.port == 2152")).toBe(0);
      expect(await inCore.count(`ipv6.dst == fc00:2:4::/48 && ip.dst == ${GATEWAY} && icmp.type == 8`)).toBe(100);
      expect(await inCore.count(`ipv6.dst == fc00:1:4::/48 && ip.dst == ${UE} && icmp.type == 0`)).toBe(100);
      const sids = new Set(await inCore.fields("icmp.type == 8", "ipv6.src", "ipv6.dst"));
      expect([...sids].every((line) => /^fc00:1:5:0:a01:2:868:0\tfc00:2:4:a02:2:/.test(line))).toBe(true);
      expect(await atGateway.count("gtp.message == 0xff && icmp.type == 8")).toBe(100);
      expect(await atGateway.count("gtp.message == 0xff && icmp.type == 0")).toBe(100);
      for (const capture of [inCore, atGateway])
        expect(await capture.fields("_ws.expert.severity >= 6291456", "_ws.col.info")).toEqual([]);
      expect(await dropped()).toEqual([]);
    });

    it("iperf3 and curl work, and nothing is dropped", async () => {
      const { sgsn, ggsn } = hosts;
      const server = ggsn.start("iperf3", "-s", "-1", "--forceflush", "-B", GATEWAY);
      await server.said(/Server listening/);
      const report = JSON.parse(await sgsn.run("iperf3", "-c", GATEWAY, "-t", "2", "-J")) as {
        end: { sum_received: { bits_per_second: number } };
      };
      expect(report.end.sum_received.bits_per_second).toBeGreaterThan(1e6);
      console.log(`iperf3: ${(report.end.sum_received.bits_per_second / 1e6).toFixed(0)} Mbit/s`);
      const page = "x".repeat(200_000);
      const script = `require("http").createServer((q, s) => s.end("${page.slice(0, 1)}".repeat(${page.length}))).listen(8080, "${GATEWAY}", () => console.log("listens"))`;
      await ggsn.start(process.execPath, "-e", script).said(/listens/);
      expect(await sgsn.run("curl", "-s", "--max-time", "20", `http://${GATEWAY}:8080/`)).toBe(page);
      expect(await dropped()).toEqual([]);
    });
  },
);
