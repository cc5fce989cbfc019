/** What an operator's day brings: files with mistakes, interfaces that go and come back, others at the same interface. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BpfFolder } from "../../../../test/support/bpf-folder.ts";
import { suite } from "../../../../test/support/require.ts";
import { Edge, Host, join2 } from "./hosts.ts";

const YAML = `interfaces: [w1, e1]
address: "fc00:2::1"
sids: [{ sid: "fc00:2::e", behaviour: End }]
`;

interface Status {
  readonly pid: number;
  readonly sids: number;
  readonly missing: Readonly<Record<string, string>>;
  readonly mistake?: { readonly text: string };
}

suite("operation", ["root", "bpf", "ip", "ethtool", "bpftool"], () => {
  let west: Host;
  let middle: Host;
  let east: Host;
  let edge: Edge;
  beforeEach(() => {
    [west, middle, east] = ["west", "edge", "east"].map((place) => new Host(`operation-${place}`)) as [
      Host,
      Host,
      Host,
    ];
    join2(west, "w0", middle, "w1");
    join2(middle, "e1", east, "e0");
    edge = new Edge(middle, YAML);
  });
  afterEach(() => {
    edge[Symbol.dispose]();
    for (const host of [west, middle, east]) host[Symbol.dispose]();
  });

  const status = async (): Promise<Status> => JSON.parse(await edge.srv6("status", "--json")) as Status;
  const programOf = (name: string): number | undefined => {
    const [link] = JSON.parse(middle.namespace.ip(`-j link show ${name}`)) as [{ xdp?: { prog: { id: number } } }];
    return link.xdp?.prog.id;
  };
  const failure = (promise: Promise<string>): Promise<string> =>
    promise.then(
      () => "",
      ({ stderr }: { stderr: string }) => stderr,
    );

  it("a mistake in the file at SIGHUP is told by status, and the old configuration goes on", async () => {
    await edge.up();
    const { pid } = await status();
    writeFileSync(edge.file, `${YAML}nonsense: [\n`);
    process.kill(pid, "SIGHUP");
    await expect.poll(async () => (await status()).mistake?.text, { timeout: 20_000 }).toContain("SRV6_YAML");
    expect(await status()).toMatchObject({ pid, sids: 1, missing: {} });
    expect(await edge.srv6("status")).toMatch(/\n {2}reload refused at \S+: SRV6_YAML \S+srv6\.yaml:\d+:\d+: /);
    writeFileSync(edge.file, `${YAML.trimEnd().replace(/\]$/, "")}, { sid: "fc00:2::f", behaviour: End }]\n`);
    process.kill(pid, "SIGHUP");
    await expect.poll(async () => (await status()).sids, { timeout: 20_000 }).toBe(2);
    expect((await status()).mistake).toBeUndefined();
  });

  it("an interface that goes and comes back has the program again", async () => {
    await edge.up();
    const before = programOf("w1");
    middle.ip("link del e1");
    await expect.poll(async () => (await status()).missing, { timeout: 20_000 }).toEqual({ e1: "it has gone" });
    expect(await edge.srv6("reload")).toContain("not attached to e1: it has gone");
    expect(programOf("w1")).not.toBe(before);
    join2(middle, "e1", east, "e0");
    await expect.poll(() => programOf("e1"), { timeout: 20_000 }).toBe(programOf("w1"));
    expect((await status()).missing).toEqual({});
  });

  it("down works while an interface is missing, and so does the next up", async () => {
    await edge.up();
    middle.ip("link del e1");
    await expect.poll(async () => (await status()).missing, { timeout: 20_000 }).toEqual({ e1: "it has gone" });
    await edge.down();
    expect(programOf("w1")).toBeUndefined();
    expect(await failure(edge.up())).toMatch(/KERNEL_NO_INTERFACE: there is no interface e1/);
    join2(middle, "e1", east, "e0");
    await edge.up();
    expect([programOf("w1"), programOf("e1")]).not.toContain(undefined);
  });

  it("the program of others is refused, and taken over only with --replace", async () => {
    using pins = new BpfFolder();
    const foreign = join(pins.path, "foreign");
    const object = new URL("../../../../examples/edge/edge.o", import.meta.url).pathname;
    execFileSync("bpftool", ["prog", "load", object, foreign]);
    middle.namespace.run("bpftool", ["net", "attach", "xdp", "pinned", foreign, "dev", "w1"]);
    const theirs = programOf("w1");
    expect(await failure(edge.up())).toMatch(/KERNEL_OCCUPIED: w1 has program \d+ edge/);
    expect([programOf("w1"), programOf("e1")]).toEqual([theirs, undefined]);
  });

  it("a second instance takes nothing from the first", async () => {
    await edge.up();
    const before = [programOf("w1"), programOf("e1")];
    const run = mkdtempSync(join(tmpdir(), "xdpkit-second-"));
    using pins = new BpfFolder();
    const words = ["--netns", middle.namespace.name, "--run", run];
    const second = (...more: readonly string[]): Promise<string> =>
      failure(edge.host.run(process.execPath, edge.command, "srv6", "up", edge.file, ...words, ...more));
    expect(await second("--pin-path", join(pins.path, "srv6"))).toMatch(/KERNEL_OCCUPIED: w1 has program \d+ srv6/);
    const { pid } = await status();
    expect(await second("--pin-path", edge.pinPath)).toMatch(
      new RegExp(`KERNEL_LOCKED: \\S+ is in use by process ${pid} `),
    );
    expect([programOf("w1"), programOf("e1")]).toEqual(before);
    rmSync(run, { recursive: true });
  });
});
