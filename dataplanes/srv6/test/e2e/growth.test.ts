/** The table of sessions grows under traffic: nothing is lost, and the counts are exact. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inNamespace, type Loaded, load } from "xdpkit/kernel";
import { build } from "xdpkit/packet";
import { suite } from "../../../../test/support/require.ts";
import { arrives, gtpU, inner4, ip4, udp } from "../frames.ts";
import { frames, tap } from "../tap.xdp.ts";
import { Edge, Host, join2 } from "./hosts.ts";

const SEND = fileURLToPath(new URL("send.ts", import.meta.url));
const REGISTER = fileURLToPath(new URL("../../../../dist/register/main.js", import.meta.url));
const VIA = "02:00:00:00:0e:02";

suite("growth under traffic", ["root", "bpf", "ip", "ethtool", "kernel 5.18"], () => {
  let west: Host;
  let middle: Host;
  let east: Host;
  let edge: Edge;
  let taps: Loaded;
  let traffic: ChildProcess | undefined;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "xdpkit-growth-"));
    [west, middle, east] = [new Host("growth-west"), new Host("growth-edge"), new Host("growth-east")];
    join2(west, "w0", middle, "w1");
    join2(middle, "e1", east, "e0");
    middle.ip("addr add fc00:9:3::1/64 dev e1 nodad", "-6 route add fc00:3::/32 via fc00:9:3::2");
    middle.ip(`neigh replace fc00:9:3::2 dev e1 lladdr ${VIA} nud permanent`);
    taps = await load(tap);
    inNamespace(east.namespace.name, () => taps.attach(tap, { interface: "e0", via: "netlink" })[Symbol.dispose]());
    edge = new Edge(
      middle,
      `interfaces: [w1, e1]
address: "fc00:2::1"
policies: [{ name: p, headend: H.M.GTP4.D, paths: [{ segments: ["fc00:3::/48"] }] }, { name: e, headend: H.Encaps, paths: [{ segments: ["fc00:3::1"] }] }]
sessions: [{ address: 192.0.2.1, teid: 1, policy: p }]
steering: [{ prefix: 192.0.2.1/32, sessionsOnly: true }]
sessionSlots: 64
`,
    );
    await edge.up();
  });
  afterAll(async () => {
    traffic?.kill("SIGKILL");
    await edge?.down().catch(() => {});
    edge?.[Symbol.dispose]();
    taps?.[Symbol.dispose]();
    for (const host of [west, middle, east]) host?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    [["192.0.2.1", "9", "e"], /there is no policy of H.M.GTP4.D called e/],
    [["192.0.2.1/24", "9", "p"], /"192.0.2.1\/24" is no IPv4 address of a host/],
    [["fc00::1", "9", "p"], /"fc00::1" is no IPv4 address of a host/],
  ])("no session %s", async (words, expected) => {
    await expect(edge.srv6("session add", ...words)).rejects.toThrow(expected);
  });

  it("from 64 slots to more than 10,000", async () => {
    const packet = build([
      Object.assign(arrives, { destination: middle.namespace.link("w1").mac }),
      ip4("192.0.2.1"),
      udp({ sourcePort: 2152, destinationPort: 2152 } as never),
      gtpU({ teid: 1, messageType: 255 } as never),
      ...inner4(),
    ]);
    const words = ["--import", REGISTER, SEND, west.namespace.name, "w0", Buffer.from(packet).toString("hex")];
    traffic = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
    let said = "";
    traffic.stdout!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    while (!said.includes("sends")) await setTimeout(20);
    let teid = 2;
    for (const count of [50, 500, 5000]) {
      const file = join(folder, "sessions.csv");
      writeFileSync(file, Array.from({ length: count }, () => `192.0.2.1, ${teid++}, p\n`).join(""));
      expect(await edge.srv6("session load", file)).toBe(`${count} sessions added\n`);
    }
    await setTimeout(300);
    traffic.stdin!.end();
    while (!/sent \d+/.test(said)) await setTimeout(20);
    const sent = Number(/sent (\d+)/.exec(said)![1]);
    await setTimeout(300);

    const sessions = JSON.parse(await edge.srv6("session list", "--json")) as { teid: number; packets: string }[];
    const { outcomes } = await edge.stats();
    const counted = Number(sessions.find((one) => one.teid === 1)!.packets);
    const arrived = Number(taps.map(frames).get({ destination: VIA, vlan: 0 }) ?? 0n);
    console.log(JSON.stringify({ sent, counted, arrived, sessions: sessions.length, outcomes }));
    expect(sessions.length).toBe(5551);
    expect([counted, arrived, Number(outcomes["forwarded"])]).toEqual([sent, sent, sent]);
    expect(sent).toBeGreaterThan(5_000);
  });
});
