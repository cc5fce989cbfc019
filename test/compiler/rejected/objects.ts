/** What concerns the whole program: names, licence, target, stack, functions that are no kernel functions. */
import type { Row } from "./row.ts";

const BIG =
  "class Big extends struct({ words: array(u64, 40) }) {}\nconst bigs = new HashMap({ key: u32, value: Big, maxEntries: 4 });";

export const objects: readonly Row[] = [
  [
    "COMPILER_STACK",
    "export const program = xdp(«(ctx) => {\nconst [a, b] = [new Big(), new Big()];\na.words[ctx.length & 31]! = 1n;\nb.words[ctx.length & 15]! = 2n;\nbigs.update(1, a);\nbigs.update(2, b);\nbigs.update(3, a);\nbigs.update(4, b);\nreturn XdpAction.Pass;\n}»);",
    {
      isWhole: true,
      module: BIG,
      message: "program needs 648 bytes of stack; a BPF program has 512, with the subprograms that it calls",
    },
  ],
  [
    "COMPILER_NO_SOURCE",
    "if («Math.random()» > 1) return XdpAction.Drop;",
    { message: "the source of `random` is not known" },
  ],
  ["COMPILER_NO_SOURCE", "«console.log(ipv4.ttl)»;"],
  ["COMPILER_NO_SOURCE", "seen.value = BigInt(«Date.now()»);"],
  ["COMPILER_NO_SOURCE", 'if («parseInt("5")» === ipv4.ttl) return XdpAction.Drop;'],
  ["COMPILER_NO_SOURCE", "if («Number.isInteger(ipv4.ttl)») return XdpAction.Drop;"],
  ["COMPILER_NO_SOURCE", "const twice = «staged.list.map((x) => x * 2)»;\nseen.value = u64(twice.length);"],
  ["COMPILER_NO_SOURCE", "«JSON.stringify(staged)»;"],
  ["COMPILER_NO_SOURCE", "«queueMicrotask(() => {})»;"],
  [
    "COMPILER_USER_SPACE",
    "const other = «new HashMap({ key: u32, value: u32, maxEntries: 1 })»;\nother.update(1, 2);",
    { message: "`new HashMap` belongs to user space" },
  ],
  [
    "COMPILER_USER_SPACE",
    "const inside = «xdp(() => XdpAction.Pass)»;\nvoid inside;",
    { message: "`xdp` belongs to user space" },
  ],
  ["COMPILER_USER_SPACE", "const S = «struct({ a: u32 })»;\nseen.value = u64(new S().a);"],
  ["COMPILER_USER_SPACE", "const octets = «encode(u32, 5)»;\nseen.value = u64(octets.length);"],
  ["COMPILER_USER_SPACE", "«limit.with(5)»;"],
  ["COMPILER_USER_SPACE", "const g = «global(u32)»;\ng.value = 1;"],
  ["COMPILER_USER_SPACE", "«(drops as any).read»();", { message: "`(drops as any).read` belongs to user space" }],
  ["COMPILER_USER_SPACE", "const packet = «build([new Ethernet()])»;\nseen.value = u64(packet.length);"],
  [
    "COMPILER_GPL_ONLY",
    "const route = «fibLookup(ctx, ipv6)»;\nif (route.found) return XdpAction.Drop;",
    { options: '{ license: "MIT" }', message: '`fibLookup` is for GPL programs, and the licence is "MIT"' },
  ],
  ["COMPILER_GPL_ONLY", "«trace`here`»;", { options: '{ license: "Proprietary" }' }],
  [
    "COMPILER_GPL_ONLY",
    "const { fits } = «checkMtu(ctx, 3)»;\nif (fits) return XdpAction.Drop;",
    { options: '{ license: "Apache-2.0" }' },
  ],
  [
    "COMPILER_GPL_ONLY",
    "«samples.output(ctx, new Local())»;",
    {
      module: "const samples = new PerfEventArray({ value: Local });",
      options: '{ license: "MIT" }',
    },
  ],
  [
    "COMPILER_GPL_ONLY",
    'const known = «conntrackLookup(ctx, { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: 1, destinationPort: 2, protocol: 6 })»;\nknown?.release();',
    { options: '{ license: "MIT" }' },
  ],
  [
    "COMPILER_TARGET",
    'const known = «conntrackLookup(ctx, { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: 1, destinationPort: 2, protocol: 6 })»;\nknown?.release();',
    { options: '{ target: "5.15" }', message: "`conntrackLookup` needs Linux 5.18; the target is 5.15" },
  ],
  [
    "COMPILER_TARGET",
    "loop(«10_000», () => {\nseen.value += 1n;\n});",
    {
      options: '{ target: "5.15" }',
      message: "a loop of more than 8192 rounds needs Linux 5.17; the target is 5.15",
    },
  ],
  [
    "COMPILER_TARGET",
    "seen.value = «ktimeGetTaiNs()»;",
    { options: '{ target: "5.4" }', message: "`ktimeGetTaiNs` needs Linux 6.1; the target is 5.4" },
  ],
  [
    "COMPILER_TARGET",
    'const old = «atomic.fetchAdd(value, "count", 1n)»;\nseen.value = old;',
    { options: '{ target: "5.10" }' },
  ],
  [
    "COMPILER_TARGET",
    "const record = «events.reserve()»;\nif (record) events.submit(record);",
    { options: '{ target: "5.4" }' },
  ],
  ["COMPILER_TARGET", "if (!«ctx.loadBytes(0, local)») return XdpAction.Drop;", { options: '{ target: "5.15" }' }],
  [
    "COMPILER_TARGET",
    "return ports.broadcast();".replace("ports.broadcast()", "«ports.broadcast()»"),
    {
      module: "const ports = new DevMap({ maxEntries: 4 });",
      options: '{ target: "5.10" }',
    },
  ],
  ["COMPILER_TARGET", "if («ctx.totalLength» > 9000) return XdpAction.Drop;", { options: '{ target: "5.15" }' }],
  [
    "COMPILER_TARGET",
    "const hash = «ctx.rxHash()»;\nif (hash) seen.value = u64(hash.hash);",
    { options: '{ target: "6.1", deviceBound: true }' },
  ],
  ["COMPILER_TARGET", "if (!«ctx.adjustTail(4)») return XdpAction.Drop;", { options: '{ target: "4.14" }' }],
  ["COMPILER_TARGET", "«for (const i of range(4)) seen.value += u64(i);»", { options: '{ target: "4.19" }' }],
  [
    "COMPILER_TARGET",
    "if («filter.has(ipv4.ttl)») return XdpAction.Drop;",
    {
      module: "const filter = new BloomFilter({ value: u32, maxEntries: 16 });",
      options: '{ target: "5.15" }',
    },
  ],
  [
    "COMPILER_PROGRAM_NAME",
    'export const programs = xdp(«() => XdpAction.Pass», { name: "" });',
    { isWhole: true, message: "the program has no name" },
  ],
  [
    "COMPILER_PROGRAM_NAME",
    'export const free = xdp(() => XdpAction.Pass, { license: "GPL" });\nexport const closed = xdp(«() => XdpAction.Pass», { license: "MIT" });',
    { isWhole: true, message: "an object has one licence, not GPL and MIT" },
  ],
  [
    "COMPILER_PROGRAM_NAME",
    "const found = «hidden.map.lookup(1)»;\nif (found) return XdpAction.Drop;",
    {
      module: "const hidden = { map: new HashMap({ key: u32, value: u32, maxEntries: 1 }) };",
      message: "the map that is used here has no name",
    },
  ],
  [
    "COMPILER_NAME_CLASH",
    'export const one = xdp(() => XdpAction.Pass, { name: "same" });\nexport const two = xdp(«() => XdpAction.Drop», { name: "same" });',
    { isWhole: true, message: "two programs are called `same` (the kernel keeps 15 characters)" },
  ],
  [
    "COMPILER_NAME_CLASH",
    "if (sessionsOfUplink4.lookup(1)) return XdpAction.Drop;\nif («sessionsOfUplink6.lookup(1)») return XdpAction.Drop;",
    {
      module:
        "const sessionsOfUplink4 = new HashMap({ key: u32, value: u32, maxEntries: 1 });\nconst sessionsOfUplink6 = new HashMap({ key: u32, value: u32, maxEntries: 1 });",
    },
  ],
];
