/** The table of sessions grows under traffic: nothing is lost, and the counts are exact. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { suite } from "../../../../test/support/require.ts";
import { gtpU, inner4, ip4, udp } from "../frames.ts";
import { Stream } from "./stream.ts";

suite("growth under traffic", ["root", "bpf", "ip", "ethtool", "kernel 5.18"], () => {
  let stream: Stream;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "xdpkit-growth-"));
    stream = await Stream.create(
      "growth",
      `interfaces: [w1, e1]
address: "fc00:2::1"
policies: [{ name: p, headend: H.M.GTP4.D, paths: [{ segments: ["fc00:3::/48"] }] }, { name: e, headend: H.Encaps, paths: [{ segments: ["fc00:3::1"] }] }]
sessions: [{ address: 192.0.2.1, teid: 1, policy: p }]
steering: [{ prefix: 192.0.2.1/32, sessionsOnly: true }]
sessionSlots: 64
`,
    );
  });
  afterAll(async () => {
    await stream?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    [["192.0.2.1", "9", "e"], /there is no policy of H.M.GTP4.D called e/],
    [["192.0.2.1/24", "9", "p"], /"192.0.2.1\/24" is no IPv4 address of a host/],
    [["fc00::1", "9", "p"], /"fc00::1" is no IPv4 address of a host/],
  ])("no session %s", async (words, expected) => {
    await expect(stream.edge.srv6("session add", ...words)).rejects.toThrow(expected);
  });

  it("from 64 slots to more than 10,000", async () => {
    const { edge } = stream;
    const tunnel = [
      ip4("192.0.2.1"),
      udp({ sourcePort: 2152, destinationPort: 2152 } as never),
      gtpU({ teid: 1, messageType: 255 } as never),
      ...inner4(),
    ];
    await stream.begin(tunnel);
    let teid = 2;
    for (const count of [50, 500, 5000]) {
      const file = join(folder, "sessions.csv");
      writeFileSync(file, Array.from({ length: count }, () => `192.0.2.1, ${teid++}, p\n`).join(""));
      expect(await edge.srv6("session load", file)).toBe(`${count} sessions added\n`);
    }
    const sent = await stream.end();

    const sessions = JSON.parse(await edge.srv6("session list", "--json")) as { teid: number; packets: string }[];
    const { outcomes } = await edge.stats();
    const counted = Number(sessions.find((one) => one.teid === 1)!.packets);
    const arrived = stream.arrived();
    console.log(JSON.stringify({ sent, counted, arrived, sessions: sessions.length, outcomes }));
    expect(sessions.length).toBe(5551);
    expect([counted, arrived, Number(outcomes["forwarded"])]).toEqual([sent, sent, sent]);
    expect(sent).toBeGreaterThan(3_000);
  });
});
