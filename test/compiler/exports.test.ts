/**
 * Every name that `xdpkit` and `xdpkit/walk` export, in kernel code: what a module can import there compiles, or is of user
 * space and says so. An export without a row fails.
 */
import { describe, expect, it } from "vitest";
import { XdpkitError } from "../../src/base/index.ts";
import * as lang from "../../src/lang/index.ts";
import * as walk from "../../src/lang/walk.xdp.ts";
import { compiledObject } from "../support/compiled.ts";
import { loadText } from "../support/load-module.ts";

/** The inside of a program that has taken `link`, `ip` and `udp`; declarations of the module stand in front of it. */
interface Row {
  readonly body: string;
  readonly module?: string;
}

const map = (made: string, body: string): Row => ({ module: `export const held = ${made};`, body });
const keyed = (kind: string): Row =>
  map(
    `new ${kind}({ key: u32, value: u64, maxEntries: 4 })`,
    "if (!held.update(1, 2n) || !held.delete(2)) return XdpAction.Drop; const one = held.lookup(1); if (one) found(u32(one.value))",
  );
const indexed = (kind: string): Row =>
  map(`new ${kind}({ value: u64, maxEntries: 4 })`, "held.at(1).value = 3n; found(u32(held.at(1).value))");
const target = (kind: string): Row => map(`new ${kind}({ maxEntries: 4 })`, "return held.redirect(1, XdpAction.Drop)");
const nested = (kind: string, key: string): Row => ({
  module: `const inner = new HashMap({ key: u32, value: u32, maxEntries: 4 });
export const held = new ${kind}({ ${key}inner, maxEntries: 4 });`,
  body: "const row = held.lookup(1); if (row) found(row.lookup(2)?.value ?? 0)",
});
const field = (schema: string, value: string): Row => ({
  module: `class Held extends struct({ x: ${schema} }) {}`,
  body: `const held = new Held({ x: ${value} }); found(jhash(held, 1))`,
});
const number = (expression: string): Row => ({ body: `found(${expression})` });
const TUPLE =
  "{ source: ip.source, destination: ip.destination, sourcePort: 1, destinationPort: 2, protocol: ip.protocol }";

const KERNEL: Readonly<Record<string, Row>> = {
  // Types of fields, which cast as well.
  ...Object.fromEntries(["u8", "u16", "u32", "i8", "i16", "i32"].map((name) => [name, number(`${name}(ip.ttl)`)])),
  ...Object.fromEntries(["u64", "i64"].map((name) => [name, number(`u32(${name}(ip.ttl))`)])),
  be16: field("be16", "udp.length"),
  be32: field("be32", "udp.length"),
  be64: field("be64", "u64(udp.length)"),
  bits: { module: "class Held extends struct({ x: bits(4), y: bits(4) }) {}", body: "found(new Held({ x: 3 }).x)" },
  flag: {
    module: "class Held extends struct({ x: flag, y: bits(7) }) {}",
    body: "if (new Held({ x: true }).x) found(1)",
  },
  bool: field("bool", "ip.ttl > 1"),
  bytes: {
    module: "const Four = bytes(4);\nclass Held extends struct({ x: bytes(4) }) {}",
    body: "const four = ctx.header(Four, 0) ?? exit(XdpAction.Drop); found(jhash(new Held({ x: four }), 1))",
  },
  array: field("array(u8, 4)", "[1, ip.ttl, 3, 4]"),
  mac: field("mac", "link.source"),
  ipv4Address: field("ipv4Address", "ip.source"),
  ipv6Address: field("ipv6Address", '"2001:db8::1"'),
  struct: field("u8", "ip.ttl"),
  named: field("named(u8, { A: 1 })", "ip.ttl"),
  spinLock: {
    module: `class Held extends struct({ lock: spinLock, count: u64 }) {}
export const held = new ArrayMap({ value: Held, maxEntries: 1 });`,
    body: "const row = held.at(0); withLock(row.lock, () => { row.count += 1n; })",
  },
  // Maps.
  HashMap: keyed("HashMap"),
  LruHashMap: keyed("LruHashMap"),
  PerCpuHashMap: keyed("PerCpuHashMap"),
  LruPerCpuHashMap: keyed("LruPerCpuHashMap"),
  ArrayMap: indexed("ArrayMap"),
  PerCpuArray: indexed("PerCpuArray"),
  LpmTrie: map(
    "new LpmTrie({ key: ipv4Address, value: u32, maxEntries: 4 })",
    "found(held.lookup(ip.source)?.value ?? 0)",
  ),
  Queue: map("new Queue({ value: u32, maxEntries: 4 })", "held.push(ip.ttl); found(held.pop()?.value ?? 0)"),
  Stack: map("new Stack({ value: u32, maxEntries: 4 })", "held.push(ip.ttl); found(held.pop()?.value ?? 0)"),
  BloomFilter: map("new BloomFilter({ value: u32, maxEntries: 4 })", "held.add(ip.ttl); if (held.has(7)) found(1)"),
  RingBuffer: map("new RingBuffer({ value: Event, bytes: 4096 })", "if (!held.output({ a: 1 })) found(1)"),
  PerfEventArray: map("new PerfEventArray({ value: Event })", "held.output(ctx, new Event({ a: 1 }))"),
  UserRingBuffer: map("new UserRingBuffer({ value: Event, bytes: 4096 })", "held.drain((event) => found(event.a))"),
  DevMap: target("DevMap"),
  DevHashMap: target("DevHashMap"),
  CpuMap: target("CpuMap"),
  XskMap: target("XskMap"),
  ProgramArray: {
    module: `export const held = new ProgramArray({ maxEntries: 2, programs: () => ({ 1: other }) });
export const other = xdp(() => XdpAction.Drop);`,
    body: "held.tailCall(ctx, 1)",
  },
  ArrayOfMaps: nested("ArrayOfMaps", ""),
  HashOfMaps: nested("HashOfMaps", "key: u32, "),
  Outcomes: map('new Outcomes(["short", "odd"])', 'return held.drop("odd")'),
  // Variables and programs.
  Global: map("new Global(u32, 1)", "held.value += 1; found(held.value)"),
  global: map("global(u32, 1)", "held.value += 1; found(held.value)"),
  Setting: map("new Setting(u32, 1)", "found(held.value)"),
  setting: map("setting(u32, 1)", "found(held.value)"),
  tracing: { body: "if (tracing.value) found(1)" },
  xdp: { body: "found(1)" },
  XdpAction: { body: "return XdpAction.Tx" },
  devMapProgram: {
    module:
      "export const held = devMapProgram((ctx) => (ctx.egressInterface === 2 ? XdpAction.Drop : XdpAction.Pass));",
    body: "found(1)",
  },
  cpuMapProgram: { module: "export const held = cpuMapProgram(() => XdpAction.Pass);", body: "found(1)" },
  subprogram: { module: "const held = subprogram((a: number): number => a + 1);", body: "found(held(ip.ttl))" },
  // Control.
  range: { body: "for (const i of range(4)) found(i)" },
  unroll: { body: "for (const i of unroll(4)) found(i)" },
  loop: { body: "found(loop(4, (i) => (i === ip.ttl ? loop.Break : undefined)))" },
  exit: { body: "if (ip.ttl === 1) exit(XdpAction.Drop)" },
  trace: { body: "trace`ttl ${ip.ttl}`" },
  // Places.
  equals: { body: "if (equals(ip, copyOf(ip))) found(1)" },
  copyOf: { body: "found(copyOf(ip).ttl)" },
  assign: { body: "assign(udp, new Udp({ length: 8 }))" },
  overlay: { body: "found(overlay(Event, udp).a)" },
  atomic: {
    module: "export const held = new ArrayMap({ value: Event, maxEntries: 1 });",
    body: 'const row = held.at(0); atomic.add(row, "a", 1); found(atomic.fetchAdd(row, "a", 1)); atomic.or(row, "a", 1); atomic.and(row, "a", 1); atomic.xor(row, "a", 1); found(atomic.exchange(row, "a", 1)); found(atomic.compareExchange(row, "a", 1, 2)); found(atomic.load(row, "a")); atomic.store(row, "a", 3)',
  },
  withLock: {
    module: `class Held extends struct({ lock: spinLock, count: u64 }) {}
export const held = new HashMap({ key: u32, value: Held, maxEntries: 4 });`,
    body: "const row = held.lookup(1); if (row) withLock(row.lock, () => { row.count += 1n; })",
  },
  // Helpers.
  redirect: { body: "return redirect(3)" },
  fibLookup: { body: "const route = fibLookup(ctx, ip); if (route.found) found(route.mtu)" },
  FibResult: { body: "const r = fibLookup(ctx, ip); if (!r.found && r.result === FibResult.Blackhole) found(1)" },
  checkMtu: { body: "if (!checkMtu(ctx, 0).fits) found(1)" },
  ...Object.fromEntries(
    ["ktimeGetNs", "ktimeGetBootNs", "ktimeGetCoarseNs", "ktimeGetTaiNs", "jiffies64"].map((name) => [
      name,
      number(`u32(${name}())`),
    ]),
  ),
  getPrandomU32: number("getPrandomU32()"),
  getSmpProcessorId: number("getSmpProcessorId()"),
  getNumaNodeId: number("getNumaNodeId()"),
  checksum: number("checksum(ip)"),
  checksumReplace: number('checksumReplace(ip.checksum, ip.source, "192.0.2.1")'),
  checksumAdd: number("checksumFinish(checksumAdd(0, ip))"),
  checksumFinish: number("checksumFinish(ip.totalLength)"),
  checksumPacket: number("checksumPacket(ctx, 14, 20, 20) ?? 0"),
  jhash: number("jhash(ip.source, 1)"),
  jhashWords: number("jhashWords(1, ip.ttl, 3, 4)"),
  inPrefix: { body: 'if (inPrefix(ip.source, "10.0.0.0/8")) found(1)' },
  conntrackLookup: { body: `const known = conntrackLookup(ctx, ${TUPLE}); if (known) known.release()` },
  conntrackAllocate: {
    body: `const made = conntrackAllocate(ctx, ${TUPLE}); if (made) { const known = made.insert(); known?.release(); }`,
  },
  takeLink: { body: "const taken = takeLink(ctx.cursor()); if (taken) found(taken.length)" },
  skipOptions: { body: "found(skipOptions(ctx.cursor(54), 0, 2) ?? 0)" },
  skipExtensions: { body: "found(skipExtensions(ctx.cursor(54), 0, 2) ?? 0)" },
};

/** For the modules and the programs around kernel code: in it, they are refused as such. */
const USER_SPACE =
  "counterName countersOf decode describeFunction encode encodeInto entriesOf fromJson inside intrinsicOf isCompiled isForeignProgram isGiven isMapHandle isProgram isSchema isSubprogram jsonCodec layoutOf leaveOut mapCodecs mapShape nameOf nameOfValue parseAddress parseValue partsOf print printAddress requireRegistered sameValue schemaCodec toJson windowOf withKernelRuntime withProgram withSettings zero".split(
    " ",
  );
/** Base classes, which nobody makes. */
const ABSTRACT = ["Foreign", "MapHandle"];

let texts = 0;

function compiled(names: readonly string[], { body, module = "" }: Row): void {
  const imported = [...new Set([...names, ..."global struct u8 u32 xdp XdpAction exit jhash".split(" ")])];
  const [own, others] = [imported.filter((name) => name in lang), imported.filter((name) => name in walk)];
  const text = `import { ${own.join(", ")} } from "xdpkit";
import { ${others.join(", ")} } from "xdpkit/walk";
import { Ethernet, Ipv4, Udp } from "xdpkit/packet";
class Event extends struct({ a: u32 }) {}
export const out = global(u32);
const found = (n: number): void => { out.value = n; };
${module}
export const program = xdp((ctx) => {
  const link = ctx.header(Ethernet, 0) ?? exit(XdpAction.Aborted);
  const ip = ctx.header(Ipv4, 14) ?? exit(XdpAction.Aborted);
  const udp = ctx.header(Udp, 34) ?? exit(XdpAction.Aborted);
  ${body};
  return XdpAction.Pass;
});
`;
  compiledObject(loadText(text, `exports-${texts++}.xdp.ts`));
}

/** The exports that a text names. */
const namesIn = (...text: string[]): string[] =>
  [...Object.keys(lang), ...Object.keys(walk)].filter((name) => new RegExp(`\\b${name}\\b`).test(text.join(" ")));

describe("compiles", () => {
  it.each(Object.entries(KERNEL))("%s", (name, row) => {
    expect(namesIn(row.body, row.module ?? "", "xdp XdpAction struct u8")).toContain(name);
    compiled(namesIn(row.body, row.module ?? ""), row);
  });
});

describe("is refused as of user space", () => {
  it.each(USER_SPACE)("%s", (name) => {
    const call = (): void => compiled([name], { body: `(${name} as (x: unknown) => unknown)(1)` });
    expect(call).toThrow(XdpkitError);
    expect(call).toThrow(/COMPILER_USER_SPACE|COMPILER_NO_SOURCE/);
  });
});

it("every export has a row", () => {
  const rows = [...Object.keys(KERNEL), ...USER_SPACE, ...ABSTRACT].toSorted();
  expect(rows).toEqual([...Object.keys(lang), ...Object.keys(walk)].toSorted());
});
