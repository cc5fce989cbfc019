/**
 * Random operations under traffic: reloads of every kind, sessions that come and go, configurations that are wrong, kills of
 * the process at any moment. Nothing is lost, and the counters add up exactly.
 *
 * XDPKIT_SOAK: seconds (default 15); XDPKIT_SEED repeats a run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inNamespace, type Loaded, load } from "xdpkit/kernel";
import { build } from "xdpkit/packet";
import { Random, runSeed } from "../../../../test/support/random.ts";
import { suite } from "../../../../test/support/require.ts";
import { DROPPED, PASSED } from "../../program/outcomes.xdp.ts";
import { arrives, data, ip6, srh, udp } from "../frames.ts";
import { frames, tap } from "../tap.xdp.ts";
import { Edge, Host, join2 } from "./hosts.ts";

const SECONDS = Number(process.env["XDPKIT_SOAK"] ?? 15);
const REGISTER = fileURLToPath(new URL("../../../../dist/register/main.js", import.meta.url));
const SEND = fileURLToPath(new URL("send.ts", import.meta.url));
const SID = "fc00:2::e";
const VIA = "02:00:00:00:0e:02";

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
      : `policies: [{ name: up, headend: H.M.GTP4.D, paths: [{ segments: ["fc00:7::/48"] }] }]
steering: [{ prefix: 192.0.2.1/32, policy: up }]
sessionSlots: 1024
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

suite("operations under traffic", ["root", "bpf", "ip", "ethtool", "kernel 5.18"], () => {
  let west: Host;
  let middle: Host;
  let east: Host;
  let edge: Edge;
  let taps: Loaded;
  let traffic: ChildProcess | undefined;

  beforeEach(async () => {
    [west, middle, east] = [new Host("soak-west"), new Host("soak-edge"), new Host("soak-east")];
    join2(west, "w0", middle, "w1");
    join2(middle, "e1", east, "e0");
    middle.ip("addr add fc00:9:3::1/64 dev e1 nodad", "-6 route add fc00:3::/32 via fc00:9:3::2");
    middle.ip(`neigh replace fc00:9:3::2 dev e1 lladdr ${VIA} nud permanent`);
    taps = await load(tap);
    inNamespace(east.namespace.name, () => taps.attach(tap, { interface: "e0", via: "netlink" })[Symbol.dispose]());
    edge = new Edge(middle, configuration(new Random(1)));
    await edge.up();
  });
  afterEach(async () => {
    traffic?.kill("SIGKILL");
    await edge.down().catch(() => {});
    edge[Symbol.dispose]();
    taps[Symbol.dispose]();
    for (const host of [west, middle, east]) host[Symbol.dispose]();
  });

  const seed = runSeed();
  it(`loses nothing in ${SECONDS} s, XDPKIT_SEED=${seed}`, { timeout: (SECONDS + 60) * 1000 }, async () => {
    const random = new Random(seed);
    const packet = build([
      Object.assign(arrives, { destination: middle.namespace.link("w1").mac }),
      ip6(SID),
      srh({ segments: ["fc00:3::1", SID], segmentsLeft: 1 }),
      udp(),
      data,
    ]);
    traffic = spawn(
      process.execPath,
      ["--import", REGISTER, SEND, west.namespace.name, "w0", Buffer.from(packet).toString("hex")],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    let said = "";
    traffic.stdout!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const saying = async (pattern: RegExp): Promise<RegExpMatchArray> => {
      for (;;) {
        const found = said.match(pattern);
        if (found) return found;
        await setTimeout(20);
      }
    };
    await saying(/sends/);

    const done: Record<string, number> = { reload: 0, broken: 0, kill: 0, session: 0 };
    const pidOf = async (): Promise<number> => (JSON.parse(await edge.srv6("status", "--json")) as { pid: number }).pid;
    const end = performance.now() + SECONDS * 1000;
    while (performance.now() < end) {
      const kind = ["reload", "reload", "broken", "kill", "session"][random.between(0, 4)]!;
      done[kind] = done[kind]! + 1;
      if (kind === "reload") {
        writeFileSync(edge.file, configuration(random));
        await edge.srv6("reload");
      } else if (kind === "broken") {
        const wrong = `${edge.file}.broken`;
        writeFileSync(wrong, BROKEN[random.between(0, BROKEN.length - 1)]!);
        await expect(edge.srv6("reload", wrong)).rejects.toThrow(/SRV6_(CONFIG|YAML)/);
      } else if (kind === "kill") {
        const pid = await pidOf();
        // Sometimes in the middle of a reload.
        const busy = random.between(0, 1) === 0 ? edge.srv6("reload").catch(() => {}) : undefined;
        await setTimeout(random.between(0, 299));
        process.kill(pid, "SIGKILL");
        await busy;
        await edge.up();
      } else {
        const teid = `${random.between(0, 999)}`;
        const change =
          random.between(0, 1) === 0 ? ["session add", "192.0.2.1", teid, "up"] : ["session delete", "192.0.2.1", teid];
        // There already, not there, or no table of sessions in this configuration: nothing else may go wrong.
        await edge.srv6(change[0]!, ...change.slice(1)).catch((error: Error) => {
          expect(error.message).toMatch(
            /SRV6_SESSION: (session .* is there already|there is no session|there is no policy|the configuration has no table)/,
          );
        });
      }
    }
    traffic.stdin!.end();
    const sent = Number((await saying(/sent (\d+)/))[1]);
    await setTimeout(300);

    const { outcomes, interfaces } = await edge.stats();
    const count = (names: readonly string[]): number => names.reduce((sum, one) => sum + Number(outcomes[one] ?? 0), 0);
    const received = Object.values(interfaces).reduce((sum, one) => sum + Number(one.received.packets), 0);
    const left = Object.values(interfaces).reduce((sum, one) => sum + Number(one.sent.packets), 0);
    const arrivedAt = Number(taps.map(frames).get({ destination: VIA, vlan: 0 }) ?? 0n);
    console.log(`${JSON.stringify(done)}: ${JSON.stringify({ sent, received, left, arrivedAt, outcomes })}`);
    // Nothing but the traffic is forwarded, and all of it; what the hosts say of themselves goes to the kernel.
    expect(arrivedAt).toBe(sent);
    expect(Number(outcomes["forwarded"])).toBe(sent);
    expect(left).toBe(sent);
    expect(count(DROPPED)).toBe(0);
    expect(received).toBe(count(["forwarded", ...PASSED, ...DROPPED]));
  });
});
