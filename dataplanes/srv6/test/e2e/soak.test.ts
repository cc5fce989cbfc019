/**
 * Random operations under traffic: reloads of every kind, sessions that come and go, configurations that are wrong, kills of
 * the process at any moment. Nothing is lost, and the counters add up exactly.
 *
 * XDPKIT_SOAK: seconds (default 6, in `npm run test:long` 60); XDPKIT_SEED repeats a run.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { build, srh } from "xdpkit/packet";
import { extent } from "../../../../test/support/extent.ts";
import { Random, runSeed } from "../../../../test/support/random.ts";
import { suite } from "../../../../test/support/require.ts";
import { DROPPED, PASSED } from "../../program/outcomes.xdp.ts";
import { arrives, data, gtpU, inner4, ip4, ip6, udp } from "../frames.ts";
import { Stream, VIA } from "./stream.ts";

const SECONDS = Number(process.env["XDPKIT_SOAK"] ?? extent(6, 60));
const SID = "fc00:2::e";
/** The neighbour's other address. */
const VIA_NEW = "02:00:00:00:0e:03";

/** All of them forward the traffic; what else they hold differs. */
function configuration(random: Random): string {
  const flavours = ["[]", "[PSP]", "[USP, USD]", "[PSP, USD]"][random.between(0, 3)];
  const behaviour = [
    `End, flavours: ${flavours}`,
    'End.X, nextHop: { interface: e1, address: "fc00:9:3::2" }',
    "End.T, table: 254",
  ][random.between(0, 2)];
  const others = Array.from(
    { length: random.between(0, 19) },
    (_, i) => `  - { sid: "fc00:2:${i + 1}::/64", behaviour: End.DT46 }`,
  );
  const tunnel =
    random.between(0, 1) === 0
      ? ""
      : `policies: [{ name: up, headend: H.M.GTP4.D, paths: [{ segments: ["fc00:3:7::/48"] }] }]
steering: [{ prefix: 192.0.2.1/32, policy: up }]
sessionSlots: 64
`;
  return `interfaces: [w1, e1]
address: "fc00:2::1"
sids:
  - { sid: "${SID}", behaviour: ${behaviour} }
${others.join("\n")}
${tunnel}`;
}

const BROKEN = [
  "interfaces: [w1, e1]\n",
  "interfaces: [w1]\naddress: fc00:2::1\n",
  "sids: [",
  'interfaces: [w1, e1]\naddress: "fc00:2::1"\nsids: [{ sid: "fc00:2::e", behaviour: End.X }]\n',
];

/** Of the traffic: one that is forwarded, one that is dropped, one that the kernel gets, whatever the configuration. */
const FORWARDED = [ip6(SID), srh({ segments: ["fc00:3::1", SID], segmentsLeft: 1 }), udp(), data];
const CUT = build([arrives, ip6(SID), srh({ segments: ["fc00:3::1", SID], segmentsLeft: 1 })]).subarray(0, 80);
const NOT_OURS = [ip6("fc00:77::1"), udp(), data];
const TUNNEL = [
  ip4("192.0.2.1"),
  udp({ sourcePort: 2152, destinationPort: 2152 } as never),
  gtpU({ teid: 1, messageType: 255 } as never),
  ...inner4(),
];

suite("operations under traffic", ["root", "bpf", "ip", "ethtool", "kernel 5.18"], () => {
  let stream: Stream;
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "xdpkit-soak-"));
    stream = await Stream.create("soak", configuration(new Random(1)));
  });
  afterEach(async () => {
    await stream[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const seed = runSeed();
  it(`loses nothing in ${SECONDS} s, XDPKIT_SEED=${seed}`, { timeout: (SECONDS + 60) * 1000 }, async () => {
    const random = new Random(seed);
    const { edge, middle } = stream;
    await stream.begin(FORWARDED, CUT, NOT_OURS, TUNNEL);

    /** There already, not there, or no table of sessions in this configuration: nothing else may go wrong. */
    const sessions = (command: string, ...words: readonly string[]): Promise<unknown> =>
      edge.srv6(command, ...words).catch((error: Error) => {
        expect(error.message).toMatch(
          /SRV6_SESSION: (session .* is there already|there is no session|there is no policy|the configuration has no table)/,
        );
      });
    let isNew = false;
    let nextTeid = 1_000_000;
    const operations: Readonly<Record<string, () => Promise<unknown>>> = {
      reload: () => {
        writeFileSync(edge.file, configuration(random));
        return edge.srv6("reload");
      },
      broken: async () => {
        const wrong = `${edge.file}.broken`;
        writeFileSync(wrong, BROKEN[random.between(0, BROKEN.length - 1)]!);
        await expect(edge.srv6("reload", wrong)).rejects.toThrow(/SRV6_(CONFIG|YAML)/);
      },
      kill: async () => {
        const { pid } = JSON.parse(await edge.srv6("status", "--json")) as { pid: number };
        // Sometimes in the middle of a reload.
        const busy = random.between(0, 1) === 0 ? edge.srv6("reload").catch(() => {}) : undefined;
        await setTimeout(random.between(0, 299));
        process.kill(pid, "SIGKILL");
        await busy;
        await edge.up();
      },
      session: () => {
        const teid = `${random.between(2, 999)}`;
        return random.between(0, 1) === 0
          ? sessions("session add", "192.0.2.1", teid, "up")
          : sessions("session delete", "192.0.2.1", teid);
      },
      many: () => {
        const file = join(folder, "sessions.csv");
        const count = random.between(1, 1500);
        writeFileSync(file, Array.from({ length: count }, () => `192.0.2.1 ${nextTeid++} up\n`).join(""));
        return sessions("session load", file);
      },
      neighbour: async () => {
        isNew = !isNew;
        middle.ip(`neigh replace fc00:9:3::2 dev e1 lladdr ${isNew ? VIA_NEW : VIA} nud permanent`);
      },
      route: async () => {
        middle.ip(
          "-6 route replace fc00:3::/32 via fc00:9:3::2 mtu 1400",
          "-6 route replace fc00:3::/32 via fc00:9:3::2",
        );
      },
      rule: async () => {
        middle.ip("-6 rule add from 2001:db8:99::/48 lookup 254");
        await setTimeout(random.between(0, 200));
        middle.ip("-6 rule del from 2001:db8:99::/48 lookup 254");
      },
    };
    const names = [...Object.keys(operations), "reload", "kill"];
    const done = Object.fromEntries(Object.keys(operations).map((name) => [name, 0]));
    const end = performance.now() + SECONDS * 1000;
    while (performance.now() < end) {
      const name = names[random.between(0, names.length - 1)]!;
      done[name]!++;
      await operations[name]!();
    }
    const sent = await stream.end();

    const { outcomes, interfaces } = await edge.stats();
    const count = (all: readonly string[]): number => all.reduce((sum, one) => sum + Number(outcomes[one] ?? 0), 0);
    const received = Object.values(interfaces).reduce((sum, one) => sum + Number(one.received.packets), 0);
    const left = Object.values(interfaces).reduce((sum, one) => sum + Number(one.sent.packets), 0);
    const arrived = stream.arrived(VIA) + stream.arrived(VIA_NEW);
    console.log(`${JSON.stringify(done)}: ${JSON.stringify({ sent, received, left, arrived, outcomes })}`);
    // Tunnels are forwarded by some configurations, and are the kernel's in others.
    const tunnels = count(["forwarded"]) - sent;
    expect(tunnels).toBeGreaterThanOrEqual(0);
    expect([arrived, left]).toEqual([sent + tunnels, sent + tunnels]);
    expect(Number(outcomes["lengthMismatch"])).toBe(sent);
    expect(count(DROPPED)).toBe(sent);
    // What the hosts say of themselves is the kernel's, too.
    expect(Number(outcomes["notOurs"])).toBeGreaterThanOrEqual(sent + (sent - tunnels));
    expect(received).toBe(count(["forwarded", ...PASSED, ...DROPPED]));
  });
});
