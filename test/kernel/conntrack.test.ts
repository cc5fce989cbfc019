/**
 * `conntrackLookup` against connections that conntrack(8) made in a namespace: what is found, what its fields say, and that
 * every reference was given back; and the machine, which has no connections.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compileOrThrow, programsOf } from "../../src/compiler/index.ts";
import { LD_IMM64 } from "../../src/isa/index.ts";
import { inNamespace, LoadedObject } from "../../src/kernel/index.ts";
import { XdpAction } from "../../src/lang/index.ts";
import { writeElf } from "../../src/object/index.ts";
import { build, Ethernet, Ipv4, Ipv6, Tcp, Udp } from "../../src/packet/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { loadText } from "../support/load-module.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const MODULE = `import { be32, type Conntrack, conntrackLookup, exit, range, RingBuffer, struct, subprogram, u16, u32, xdp, XdpAction, type XdpContext } from "xdpkit";
import { Ethernet, EtherType, Ipv4, Ipv6, Udp } from "xdpkit/packet";
export class Answer extends struct({ status: be32, mark: be32 }) {}

// One register for what either family found.
export const find = xdp((ctx) => {
  const ethernet = ctx.header(Ethernet, 0) ?? exit(XdpAction.Aborted);
  const is6 = ethernet.etherType === EtherType.Ipv6;
  const answer = ctx.header(Answer, 100) ?? exit(XdpAction.Aborted);
  const ports = ctx.header(Udp, is6 ? 54 : 34) ?? exit(XdpAction.Aborted);
  const ipv4 = ctx.header(Ipv4, 14) ?? exit(XdpAction.Aborted);
  const ipv6 = ctx.header(Ipv6, 14) ?? exit(XdpAction.Aborted);
  const known = is6
    ? conntrackLookup(ctx, { source: ipv6.source, destination: ipv6.destination, sourcePort: ports.sourcePort, destinationPort: ports.destinationPort, protocol: ipv6.nextHeader })
    : conntrackLookup(ctx, { source: ipv4.source, destination: ipv4.destination, sourcePort: ports.sourcePort, destinationPort: ports.destinationPort, protocol: ipv4.protocol });
  if (!known) return XdpAction.Drop;
  answer.status = known.status;
  answer.mark = known.mark;
  known.release();
  return XdpAction.Pass;
});

// Two at once, one given back on each way out.
export const both = xdp((ctx) => {
  const ipv4 = ctx.header(Ipv4, 14) ?? exit(XdpAction.Aborted);
  const one = conntrackLookup(ctx, { source: ipv4.source, destination: ipv4.destination, sourcePort: 1000, destinationPort: 2000, protocol: 17 });
  const other = conntrackLookup(ctx, { source: ipv4.destination, destination: ipv4.source, sourcePort: 2000, destinationPort: 1000, protocol: 17 });
  let verdict: XdpAction = XdpAction.Pass;
  if (one && other && one.mark === other.mark) verdict = XdpAction.Tx;
  if (other) other.release();
  if (one) one.release();
  return verdict;
});
`;

const moduleOf = (body: string, helpers: string): string => `${MODULE.split("// One")[0]}
const events = new RingBuffer({ value: u32, bytes: 4096 });
const tupleOf = (ipv4: Ipv4, sourcePort = 1000) => ({ source: ipv4.source, destination: ipv4.destination, sourcePort, destinationPort: 2000, protocol: 17 });
${helpers}
export const program = xdp((ctx) => {
  const ipv4 = ctx.header(Ipv4, 14) ?? exit(XdpAction.Aborted);
${body}
});
`;

/** Ways to hold a connection and to give it back: the compiler takes them, so the verifier must. Drop where none is found. */
const ACCEPTED: readonly (readonly [name: string, body: string, verdict: XdpAction, helpers: string])[] = [
  [
    "with ?. behind a test of a field",
    "const known = conntrackLookup(ctx, tupleOf(ipv4));\nconst mark = known?.mark ?? 0;\nknown?.release();\nreturn mark === 0x12345678 ? XdpAction.Pass : XdpAction.Drop;",
    XdpAction.Pass,
    "",
  ],
  [
    "with ?? exit",
    "const known = conntrackLookup(ctx, tupleOf(ipv4)) ?? exit(XdpAction.Drop);\nif (known.mark === 1) {\nknown.release();\nreturn XdpAction.Aborted;\n}\nknown.release();\nreturn XdpAction.Tx;",
    XdpAction.Tx,
    "",
  ],
  [
    "a second try where the first found none",
    "const known = conntrackLookup(ctx, tupleOf(ipv4, 7)) ?? conntrackLookup(ctx, tupleOf(ipv4));\nif (!known) return XdpAction.Drop;\nconst status = known.status;\nknown.release();\nreturn (status & 8) !== 0 ? XdpAction.Pass : XdpAction.Aborted;",
    XdpAction.Pass,
    "",
  ],
  [
    "assigned on one path",
    "let known: Conntrack | null = null;\nif (ipv4.ttl > 3) known = conntrackLookup(ctx, tupleOf(ipv4));\nif (!known) return XdpAction.Drop;\nknown.release();\nreturn XdpAction.Pass;",
    XdpAction.Pass,
    "",
  ],
  [
    "a look-up in each round of a loop",
    "let found = 0;\nfor (let i = 0; i < 4; i++) {\nconst known = conntrackLookup(ctx, tupleOf(ipv4, 998 + i));\nif (!known) continue;\nif (known.mark !== 0) found++;\nknown.release();\n}\nreturn found === 1 ? XdpAction.Pass : XdpAction.Drop;",
    XdpAction.Pass,
    "",
  ],
  [
    "out of a loop by break",
    "let known: Conntrack | null = null;\nfor (const i of range(4)) {\nconst one = conntrackLookup(ctx, tupleOf(ipv4, 998 + i));\nif (one) {\nif (one.mark !== 0) {\none.release();\nreturn XdpAction.Pass;\n}\none.release();\n}\n}\nreturn known === null ? XdpAction.Drop : XdpAction.Aborted;",
    XdpAction.Pass,
    "",
  ],
  [
    "in a function that returns it",
    "const known = find(ctx, ipv4);\nif (!known) return XdpAction.Drop;\nknown.release();\nreturn XdpAction.Pass;",
    XdpAction.Pass,
    "const find = (ctx: XdpContext, ipv4: Ipv4): Conntrack | null => ipv4.ttl === 0 ? null : conntrackLookup(ctx, tupleOf(ipv4));",
  ],
  [
    "in a subprogram",
    "return known(ctx, 1000) > 0 ? XdpAction.Pass : XdpAction.Drop;",
    XdpAction.Pass,
    'const known = subprogram((ctx: XdpContext, port: number): number => {\nconst one = conntrackLookup(ctx, { source: "192.0.2.1", destination: "198.51.100.1", sourcePort: u16(port), destinationPort: 2000, protocol: 17 });\nif (!one) return 0;\nconst { mark } = one;\none.release();\nreturn mark;\n});',
  ],
  [
    "while the packet is moved",
    "const known = conntrackLookup(ctx, tupleOf(ipv4));\nif (!known) return XdpAction.Drop;\nconst isMoved = move(ctx);\nconst { mark } = known;\nknown.release();\nreturn isMoved && mark === 0x12345678 ? XdpAction.Pass : XdpAction.Aborted;",
    XdpAction.Pass,
    "const move = subprogram((ctx: XdpContext): boolean => ctx.adjustHead(-8));",
  ],
  [
    "beside a record",
    "const known = conntrackLookup(ctx, tupleOf(ipv4));\nconst record = events.reserve();\nif (record) {\nrecord.value = known ? known.mark : 0;\nevents.submit(record);\n}\nif (!known) return XdpAction.Drop;\nknown.release();\nreturn XdpAction.Pass;",
    XdpAction.Pass,
    "",
  ],
];

/** IPS_* (include/uapi/linux/netfilter/nf_conntrack_common.h). */
const ASSURED = 1 << 2;
const CONFIRMED = 1 << 3;
/** Where the program writes what it found. */
const ANSWER = 100;
const MARK = 0x12345678;

suite("connections", ["bpf", "root", "ip", "conntrack", "bpftool", "nsenter", "kernel 5.18"], () => {
  let namespace: Namespace;
  const { object } = compileOrThrow(programsOf(loadText(MODULE, "connections.xdp.ts")));

  beforeAll(() => {
    namespace = new Namespace("conntrack");
    namespace.ip("link set lo up");
    const add = (words: string): string => namespace.run("conntrack", `-I -t 600 ${words} -m ${MARK}`.split(" "));
    add("-s 192.0.2.1 -d 198.51.100.1 -p udp --sport 1000 --dport 2000");
    add("-s 2001:db8::1 -d 2001:db8::2 -p udp --sport 1000 --dport 2000");
    add("-s 192.0.2.1 -d 198.51.100.1 -p tcp --sport 1000 --dport 2000 --state ESTABLISHED -u ASSURED");
  });
  afterAll(() => namespace[Symbol.dispose]());

  const packet = (version: 4 | 6, transport: "udp" | "tcp", sourcePort: number): Uint8Array =>
    build([
      new Ethernet({}),
      version === 4
        ? new Ipv4({ source: "192.0.2.1", destination: "198.51.100.1" })
        : new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2" }),
      new (transport === "udp" ? Udp : Tcp)({ sourcePort, destinationPort: 2000 }),
      new Uint8Array(80),
    ]);

  const PACKETS: readonly (readonly [name: string, bytes: Uint8Array, isKnown: boolean, status: number])[] = [
    ["UDP over IPv4", packet(4, "udp", 1000), true, CONFIRMED],
    ["another port", packet(4, "udp", 1001), false, 0],
    ["TCP with the same ports", packet(4, "tcp", 1000), true, CONFIRMED | ASSURED],
    ["UDP over IPv6", packet(6, "udp", 1000), true, CONFIRMED],
    ["TCP over IPv6", packet(6, "tcp", 1000), false, 0],
  ];

  const answerOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset + ANSWER);

  it.each(PACKETS)("%s", (_, bytes, isKnown, status) => {
    using loaded = new LoadedObject(object);
    const { action, packet: after } = inNamespace(namespace.name, () => loaded.program("find").run(bytes));
    expect(action).toBe(isKnown ? XdpAction.Pass : XdpAction.Drop);
    const answer = answerOf(after);
    expect(answer.getUint32(0) & (CONFIRMED | ASSURED)).toBe(status);
    expect(answer.getUint32(4)).toBe(isKnown ? MARK : 0);
    // Where the connections are not, none is found.
    expect(loaded.program("find").run(bytes).action).toBe(XdpAction.Drop);
  });

  it.each(ACCEPTED)("is loaded, and gives back what it holds: %s", (_, body, verdict, helpers) => {
    const { object: made } = compileOrThrow(programsOf(loadText(moduleOf(body, helpers), "accepted.xdp.ts")));
    using loaded = new LoadedObject(made);
    const run = () => inNamespace(namespace.name, () => loaded.program("program").run(PACKETS[0]![1]).action);
    expect(run()).toBe(verdict);
    expect(loaded.program("program").run(PACKETS[0]![1]).action).toBe(XdpAction.Drop);
    expect(namespace.run("conntrack", ["-L", "-p", "udp"]).match(/use=\d+/g)).toEqual(["use=1", "use=1"]);
  });

  it("does not ask for the function before 6.4, where its address cannot be taken", () => {
    const [before, after] = ["5.18", "6.4"].map((target) => {
      const [helpers, options] = ["", `, { target: "${target}" });\n`];
      const text = moduleOf(ACCEPTED[0]![1], helpers).replace(/\);\n$/, options);
      return compileOrThrow(programsOf(loadText(text, "accepted.xdp.ts"))).object;
    });
    const asked = ({ functions: [main] }: typeof object) =>
      main!.references.filter(
        (one) => one.kind === "extern" && main!.instructions[one.instruction]!.opcode === LD_IMM64,
      ).length;
    expect([asked(before!), asked(after!)]).toEqual([0, 1]);
    using loaded = new LoadedObject(before!);
    const run = () => loaded.program("program").run(PACKETS[0]![1]).action;
    expect([inNamespace(namespace.name, run), run()]).toEqual([XdpAction.Pass, XdpAction.Drop]);
  });

  it("finds a connection by what it answers with, while it holds it", () => {
    using loaded = new LoadedObject(object);
    const run = (bytes: Uint8Array) => inNamespace(namespace.name, () => loaded.program("both").run(bytes).action);
    expect([run(packet(4, "udp", 1000)), run(packet(6, "udp", 1000))]).toEqual([XdpAction.Tx, XdpAction.Pass]);
  });

  it("gives every reference back", () => {
    using loaded = new LoadedObject(object);
    inNamespace(namespace.name, () => {
      for (let i = 0; i < 100; i++) for (const name of ["find", "both"]) loaded.program(name).run(PACKETS[0]![1]);
    });
    // One reference each is the table's own.
    const listed = namespace.run("conntrack", ["-L", "-p", "udp"]);
    expect(listed).toContain("sport=1000");
    expect(listed.match(/use=\d+/g)).toEqual(["use=1", "use=1"]);
  });

  it("is nothing to the machine, which has no connections", async () => {
    for (const [name, bytes] of PACKETS) {
      const vm = await createVm(object, { program: "find" });
      expect(vm.run(bytes).action, name).toBe(XdpAction.Drop);
    }
  });

  it("loads with libbpf, which compares the functions' types and finds the fields", () => {
    const folder = mkdtempSync(join(tmpdir(), "xdpkit-conntrack-"));
    const pins = `/sys/fs/bpf/xdpkit-conntrack-${process.pid}`;
    try {
      writeFileSync(join(folder, "connections.o"), writeElf(object));
      execFileSync("bpftool", ["prog", "loadall", join(folder, "connections.o"), pins]);
      const bytes = join(folder, "packet");
      const out = join(folder, "out");
      writeFileSync(bytes, PACKETS[2]![1]);
      const run = ["prog", "run", "pinned", `${pins}/find`, "data_in", bytes, "data_out", out];
      const enter = [`--net=/run/netns/${namespace.name}`, "bpftool", ...run];
      expect(execFileSync("nsenter", enter, { encoding: "utf8" })).toContain(`Return value: ${XdpAction.Pass}`);
      expect(answerOf(new Uint8Array(readFileSync(out))).getUint32(4)).toBe(MARK);
    } finally {
      rmSync(folder, { recursive: true });
      rmSync(pins, { recursive: true, force: true });
    }
  });
});
