/** Dropped packets are shown with their reason: a few of each second, over reloads, with their tags. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inNamespace, load } from "xdpkit/kernel";
import { build, type Part, parse, print, VlanTag } from "xdpkit/packet";
import { suite } from "../../../../test/support/require.ts";
import type { DropReport } from "../../commands/report.ts";
import { arrives, data, inner4, ip4, ip6, udp } from "../frames.ts";
import { sender } from "../tap.xdp.ts";
import { Edge, Host, join2 } from "./hosts.ts";

const SID = "fc00:2::d4";
const truncated = build([arrives, ip6(SID), ...inner4()]).subarray(0, 60);
const unknown = [arrives, ip6(SID), ip4("192.0.2.9", { version: 5 } as never), udp(), data];

suite("dropped packets", ["root", "bpf", "ip", "ethtool", "tshark", "kernel 5.18"], () => {
  let middle: Host;
  let west: Host;
  let edge: Edge;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "xdpkit-drops-"));
    middle = new Host("drops-edge");
    west = new Host("drops-west");
    join2(west, "w0", middle, "w1");
    middle.namespace.veth("w1.7", "other");
    edge = new Edge(
      middle,
      `interfaces: [w1]
address: "fc00:2::1"
sids: [{ sid: "${SID}", behaviour: End.DT4 }]
vlans: [{ name: w1.7, interface: w1, tags: [7] }]
dropSamples: 100
`,
    );
    await edge.up();
  });
  afterAll(async () => {
    await edge?.down().catch(() => {});
    edge?.[Symbol.dispose]();
    for (const host of [middle, west]) host?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function send(packet: readonly Part[] | Uint8Array, count: number): Promise<void> {
    using loaded = await load(sender);
    const ingressInterface = west.namespace.link("w0").index;
    const bytes = packet instanceof Uint8Array ? packet : build(packet);
    inNamespace(west.namespace.name, () =>
      loaded.program(sender).runLive(bytes, { ingressInterface, repeat: count, batchSize: 1 }),
    );
    await setTimeout(100);
  }
  const drops = async (): Promise<DropReport[]> =>
    (await edge.srv6("drops", "--json"))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as DropReport);
  const packetOf = ({ packet }: DropReport): Uint8Array => Uint8Array.from(Buffer.from(packet, "hex"));

  it("says so when none was", async () => {
    expect(await edge.srv6("drops")).toBe("no packet was dropped lately\n");
  });

  it("each with its reason, its interface, its bytes and when", async () => {
    await send(truncated, 1);
    await setTimeout(20);
    await send(unknown, 1);
    const [first, second, ...more] = await drops();
    expect(more).toEqual([]);
    expect(first).toMatchObject({ number: 1, reason: "lengthMismatch", interface: "w1", length: 60 });
    expect(packetOf(first!)).toEqual(truncated);
    expect(second).toMatchObject({ number: 2, reason: "unknownInner", interface: "w1" });
    expect(packetOf(second!)).toEqual(build(unknown));
    expect(Math.abs(Date.now() - Number(BigInt(second!.time) / 1_000_000n))).toBeLessThan(60_000);
    expect(BigInt(second!.time)).toBeGreaterThan(BigInt(first!.time));
  });

  it("a frame of a VLAN has its tag", async () => {
    const [frame, ...rest] = unknown;
    const tagged = [frame!, new VlanTag({ vlan: 7, priority: 3 } as never), ...rest];
    await send(tagged, 1);
    const last = (await drops()).at(-1)!;
    expect(print(parse(packetOf(last)))).toBe(print(parse(build(tagged))));
    expect(last).toMatchObject({ reason: "unknownInner", length: build(tagged).length });
  });

  it("no more than so many a second, however many are dropped; all are counted", async () => {
    const before = (await drops()).length;
    const counted = Number((await edge.stats()).outcomes["unknownInner"]);
    const since = performance.now();
    await send(unknown, 20_000);
    const seconds = (performance.now() - since) / 1000;
    const shown = (await drops()).length - before;
    expect(Number((await edge.stats()).outcomes["unknownInner"]) - counted).toBe(20_000);
    expect(shown).toBeGreaterThan(0);
    // On one processor, or a second one now and then.
    expect(shown).toBeLessThan(2 + 2 * 100 * seconds);
  });

  it("goes on after a reload", async () => {
    await edge.srv6("reload");
    const before = (await drops()).at(-1)!.number;
    await setTimeout(20);
    await send(truncated, 1);
    expect((await drops()).at(-1)).toMatchObject({ number: before + 1, reason: "lengthMismatch" });
  });

  it("a capture of them is read by tshark: reason as comment, verdict, interface", async () => {
    const file = join(folder, "drops.pcapng");
    const said = await edge.srv6("drops", "--write", file);
    expect(said).toMatch(/^time \(UTC\) +interface +reason +packet\n/);
    expect(said).toMatch(/^\d\d:\d\d:\d\d\.\d{3} +w1 +lengthMismatch +\S/m);
    const fields = ["frame.interface_name", "frame.comment", "frame.verdict.ebpf_xdp", "vlan.id"];
    const words = ["-n", "-r", file, "-T", "fields", ...fields.flatMap((one) => ["-e", one])];
    const lines = (await middle.run("tshark", ...words)).split("\n");
    expect(lines[0]).toBe("w1\tdropped: lengthMismatch\t1\t");
    expect(lines[2]).toBe("w1\tdropped: unknownInner\t1\t7");
  });
});
