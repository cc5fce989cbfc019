/**
 * `conntrackAllocate` in the kernel: what conntrack(8) lists of connections that a program has made, that every reference was
 * given back, and the machine, which makes none.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { compileOrThrow, programsOf } from "../../src/compiler/index.ts";
import { inNamespace, LoadedObject } from "../../src/kernel/index.ts";
import { XdpAction } from "../../src/lang/index.ts";
import { writeElf } from "../../src/object/index.ts";
import { build, Ethernet, Ipv4, Ipv6, Tcp, Udp } from "../../src/packet/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { loadText } from "../support/load-module.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

/** `tuple` is that of the packet; the body ends in a verdict. */
const moduleOf = (body: string, module = ""): string => `
import { type Conntrack, conntrackAllocate, conntrackLookup, exit, loop, type NewConntrack, range, subprogram, u16, u32, xdp, XdpAction, type XdpContext } from "xdpkit";
import { Ethernet, EtherType, Ipv4, Ipv6, Udp } from "xdpkit/packet";
${module}
export const program = xdp((ctx) => {
  const ethernet = ctx.header(Ethernet, 0) ?? exit(XdpAction.Aborted);
  const is6 = ethernet.etherType === EtherType.Ipv6;
  const { sourcePort, destinationPort } = ctx.header(Udp, is6 ? 54 : 34) ?? exit(XdpAction.Aborted);
  const ipv4 = ctx.header(Ipv4, 14) ?? exit(XdpAction.Aborted);
  const ipv6 = ctx.header(Ipv6, 14) ?? exit(XdpAction.Aborted);
  const allocate = (): NewConntrack | null =>
    is6
      ? conntrackAllocate(ctx, { source: ipv6.source, destination: ipv6.destination, sourcePort, destinationPort, protocol: ipv6.nextHeader })
      : conntrackAllocate(ctx, { source: ipv4.source, destination: ipv4.destination, sourcePort, destinationPort, protocol: ipv4.protocol });
${body}
});
`;

const packet = (version: 4 | 6, transport: "udp" | "tcp", sourcePort = 1000): Uint8Array =>
  build([
    new Ethernet({}),
    version === 4
      ? new Ipv4({ source: "192.0.2.1", destination: "198.51.100.1" })
      : new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2" }),
    new (transport === "udp" ? Udp : Tcp)({ sourcePort, destinationPort: 2000 }),
    new Uint8Array(80),
  ]);

const MAKE = `const made = allocate();
  if (!made) return XdpAction.Drop;
  made.setTimeout(90_000);
  const known = made.insert();
  if (!known) return XdpAction.Tx;
  known.release();
  return XdpAction.Pass;`;

suite("new connections", ["bpf", "root", "ip", "conntrack", "bpftool", "kernel 6.1"], () => {
  let namespace: Namespace;
  beforeAll(() => {
    namespace = new Namespace("ctnew");
    namespace.ip("link set lo up");
  });
  afterAll(() => namespace[Symbol.dispose]());
  beforeEach(() => namespace.run("conntrack", ["-F"]));

  const objectOf = (body: string, module = "") =>
    compileOrThrow(programsOf(loadText(moduleOf(body, module), "new-connections.xdp.ts"))).object;
  const list = (): string[] => {
    const families = ["ipv4", "ipv6"].map((family) => namespace.run("conntrack", ["-L", "-f", family]));
    return families.flatMap((text) => text.split("\n")).filter((line) => line.includes("sport="));
  };
  const run = (loaded: LoadedObject, bytes: Uint8Array) =>
    inNamespace(namespace.name, () => loaded.program("program").run(bytes).action);

  it.each([
    [packet(4, "udp"), /^udp +17 (8[89]|90) src=192\.0\.2\.1 dst=198\.51\.100\.1 sport=1000 dport=2000 .*use=1/],
    [packet(4, "tcp"), /^tcp +6 (8[89]|90) .*src=192\.0\.2\.1 dst=198\.51\.100\.1 sport=1000 dport=2000 .*use=1/],
    [packet(6, "udp"), /^udp +17 (8[89]|90) src=2001:db8::1 dst=2001:db8::2 sport=1000 dport=2000 .*use=1/],
  ])("is listed with its timeout, and found as there the second time", (bytes, line) => {
    using loaded = new LoadedObject(objectOf(MAKE));
    expect(run(loaded, bytes)).toBe(XdpAction.Pass);
    expect(list()).toEqual([expect.stringMatching(line)]);
    expect(run(loaded, bytes)).toBe(XdpAction.Tx);
    expect(list()).toHaveLength(1);
  });

  const WAYS: readonly (readonly [name: string, body: string, line: RegExp, module: string])[] = [
    [
      "a status, which answers whether it may be",
      "const made = allocate() ?? exit(XdpAction.Drop);\nconst [assured, dying] = [made.setStatus(4), made.setStatus(1 << 9)];\nconst known = made.insert() ?? exit(XdpAction.Tx);\nconst { status } = known;\nknown.release();\nreturn assured && !dying && (status & 12) === 12 ? XdpAction.Pass : XdpAction.Aborted;",
      /ASSURED/,
      "",
    ],
    [
      "a change of timeout and status in the table",
      "const known = allocate()?.insert() ?? null;\nif (!known) return XdpAction.Drop;\nconst later = known.changeTimeout(3_600_000);\nconst assured = known.changeStatus(known.status | 4);\nknown.release();\nreturn later && assured ? XdpAction.Pass : XdpAction.Aborted;",
      /^udp +17 (3600|359\d) .*ASSURED/,
      "",
    ],
    [
      "another source, and another destination with a port",
      'const made = allocate() ?? exit(XdpAction.Drop);\nconst isSet = made.setNat("source", "203.0.113.9") && made.setNat("destination", "203.0.113.1", 8080);\nconst known = made.insert() ?? exit(XdpAction.Tx);\nknown.release();\nreturn isSet ? XdpAction.Pass : XdpAction.Aborted;',
      /sport=1000 dport=2000 .*src=203\.0\.113\.1 dst=203\.0\.113\.9 sport=8080 dport=1000/,
      "",
    ],
    [
      "held in one variable with what was found",
      "let known: Conntrack | null = conntrackLookup(ctx, { source: ipv4.source, destination: ipv4.destination, sourcePort, destinationPort, protocol: ipv4.protocol });\nif (!known) {\nconst made = allocate();\nif (made) {\nmade.setTimeout(5000 + (ipv4.ttl << 1));\nknown = made.insert();\n}\n}\nif (!known) return XdpAction.Drop;\nknown.changeTimeout(60_000);\nknown.release();\nreturn XdpAction.Pass;",
      /^udp +17 (60|59) /,
      "",
    ],
    [
      "in a subprogram",
      "return make(ctx, sourcePort) ? XdpAction.Pass : XdpAction.Drop;",
      /sport=1000 dport=53 /,
      'const make = subprogram((ctx: XdpContext, port: number): boolean => {\nconst made = conntrackAllocate(ctx, { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: u16(port), destinationPort: 53, protocol: 17 });\nconst known = made?.insert() ?? null;\nknown?.release();\nreturn known !== null;\n});',
    ],
  ];

  it.each(WAYS)("%s", (_, body, line, module) => {
    using loaded = new LoadedObject(objectOf(body, module));
    expect(run(loaded, packet(4, "udp"))).toBe(XdpAction.Pass);
    expect(list()).toEqual([expect.stringMatching(line)]);
    expect(list()[0]).toContain("use=1");
  });

  it("makes many in a loop that the kernel calls", () => {
    const body =
      'let count = 0;\nloop(10_000, (i) => {\nconst made = conntrackAllocate(ctx, { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: u16(i), destinationPort: 53, protocol: 17 });\nif (made) {\nmade.setTimeout(30_000);\nconst known = made.insert();\nif (known) {\ncount += 1;\nknown.release();\n}\n}\nreturn i === 99 ? loop.Break : undefined;\n});\nreturn count === 100 ? XdpAction.Pass : XdpAction.Drop;';
    using loaded = new LoadedObject(objectOf(body));
    expect(run(loaded, packet(4, "udp"))).toBe(XdpAction.Pass);
    expect(list().filter((line) => line.includes("use=1"))).toHaveLength(100);
  });

  it("makes none in the machine", async () => {
    const vm = await createVm(objectOf(MAKE), { program: "program" });
    expect(vm.run(packet(4, "udp")).action).toBe(XdpAction.Drop);
  });

  it("loads with libbpf, which compares the functions' types", () => {
    const folder = mkdtempSync(join(tmpdir(), "xdpkit-conntrack-"));
    const pins = `/sys/fs/bpf/xdpkit-ctnew-${process.pid}`;
    const body = `const made = allocate() ?? exit(XdpAction.Drop);\nmade.setStatus(4);\nmade.setTimeout(1000);\nmade.setNat("source", "203.0.113.9");\nconst known = made.insert() ?? exit(XdpAction.Tx);\nknown.changeTimeout(5000);\nknown.changeStatus(12);\nknown.release();\nreturn XdpAction.Pass;`;
    try {
      writeFileSync(join(folder, "made.o"), writeElf(objectOf(body)));
      execFileSync("bpftool", ["prog", "loadall", join(folder, "made.o"), pins]);
    } finally {
      rmSync(folder, { recursive: true });
      rmSync(pins, { recursive: true, force: true });
    }
  });
});
