/** Places: dead, overwritten, compared, null, read-only. */
import type { Row } from "./row.ts";

export const places: readonly Row[] = [
  [
    "COMPILER_DEAD_PLACE",
    "if (!ctx.adjustHead(-8)) return XdpAction.Drop;\n«ethernet.etherType» = 5;",
    { message: "this place of the packet died at adjustHead in line @1" },
  ],
  ["COMPILER_DEAD_PLACE", "if (!ctx.adjustTail(-4)) return XdpAction.Drop;\nseen.value = u64(«ipv4.ttl»);"],
  [
    "COMPILER_DEAD_PLACE",
    "if (!ctx.setLength(60)) return XdpAction.Drop;\nif («ipv6.hopLimit» === 1) return XdpAction.Drop;",
  ],
  [
    "COMPILER_DEAD_PLACE",
    "const outer = ctx.prepend(Ipv4);\nif (!outer) return XdpAction.Drop;\nouter.ttl = «ipv4.ttl»;",
  ],
  ["COMPILER_DEAD_PLACE", "const front = ctx.replaceHead(14, Ethernet);\nif (front) «ethernet.source» = front.source;"],
  [
    "COMPILER_DEAD_PLACE",
    "if (!ctx.removeHead(14)) return XdpAction.Drop;\nreturn touch(ipv6);",
    {
      module: "function touch(ip: Ipv6): XdpAction {\n«ip.hopLimit» = 1;\nreturn XdpAction.Pass;\n}",
    },
  ],
  [
    "COMPILER_DEAD_PLACE",
    "if (ipv4.ttl === 1) {\nif (!ctx.adjustHead(4)) return XdpAction.Drop;\n}\n«ipv4.ttl» = 2;",
    { message: "this place of the packet died at adjustHead in line @2" },
  ],
  [
    "COMPILER_DEAD_PLACE",
    "const octet = ctx.header(u8, 20);\nif (!octet || !ctx.adjustHead(4)) return XdpAction.Drop;\n«octet.value» = 2;",
  ],
  [
    "COMPILER_DEAD_PLACE",
    "if (!ctx.adjustHead(4)) return XdpAction.Drop;\nif (equals(«ipv6», ipv6)) return XdpAction.Drop;",
  ],
  [
    "COMPILER_DEAD_PLACE",
    "const meta = ctx.metadata(Inner);\nif (!meta || !ctx.adjustMeta(-4)) return XdpAction.Drop;\nreturn «meta.a» === 1 ? XdpAction.Drop : XdpAction.Pass;",
  ],
  [
    "COMPILER_DEAD_PLACE",
    "if (!ctx.adjustHead(4)) return XdpAction.Drop;\nreturn checksum(«ipv4») === 0 ? XdpAction.Pass : XdpAction.Drop;",
  ],
  [
    "COMPILER_OVERWRITTEN",
    "const old = local.list;\nlocal.list = [1, 2, 3, 4, 5, 6, 7, 8];\nseen.value = u64(«old[0]» + 1);",
    { message: "this is an old name for a place that line @2 overwrote as a whole" },
  ],
  ["COMPILER_OVERWRITTEN", "const inner = local.inner;\nlocal.inner = new Inner({ a: 1 });\n«inner.b» = 5;"],
  ["COMPILER_OVERWRITTEN", "const old = value.inner;\nvalue.inner = { a: 1, b: 2 };\nlocal.inner = «old»;"],
  [
    "COMPILER_PLACES_COMPARED",
    "if («copyOf(ipv6) === ipv6») return XdpAction.Drop;",
    { message: "`===` says whether two names are one place, not whether the bytes are equal" },
  ],
  ["COMPILER_PLACES_COMPARED", "if («local.inner !== value.inner») return XdpAction.Drop;"],
  ["COMPILER_PLACES_COMPARED", "if («value.list == staged.list») return XdpAction.Drop;"],
  ["COMPILER_PLACES_COMPARED", "switch (local.inner) {\ncase «value.inner»:\nreturn XdpAction.Drop;\n}"],
  [
    "COMPILER_PLACES_COMPARED",
    "const pair = { a: ipv4.ttl };\nif («pair === { a: 1 }») return XdpAction.Drop;",
    { isJavaScript: true },
  ],
  [
    "COMPILER_MAYBE_NULL",
    "const found = values.lookup(7) as Value;\n«found.small» = 1;",
    { message: "`found` may be null" },
  ],
  ["COMPILER_MAYBE_NULL", "seen.value = «(locals.lookup(7) as Local).count»;"],
  ["COMPILER_MAYBE_NULL", 'atomic.add(«locals.lookup(7) as Local», "count", 1n);'],
  [
    "COMPILER_MAYBE_NULL",
    "const count: number | null = ipv4.ttl > 3 ? ipv4.ttl : null;\nipv4.ttl = «count as number» + 1;",
  ],
  [
    "COMPILER_MAYBE_NULL",
    "const a: any = ctx;\n«a.header(Ipv6, 40).hopLimit» = 3;",
    { message: "`a.header(Ipv6, 40)` may be null" },
  ],
  [
    "COMPILER_MAYBE_NULL",
    'const inner = nested.lookup(ipv4.ttl) as typeof numbers;\nif («inner.lookup»("192.0.2.1")) return XdpAction.Drop;',
    {
      module: "const nested = new ArrayOfMaps({ inner: numbers, maxEntries: 4 });",
    },
  ],
  [
    "COMPILER_NOT_PROVEN",
    "let last: Local | null = null;\nfor (const i of range(3)) last = i > 1 ? last : locals.lookup(i);\nseen.value = «last!.count»;",
  ],
  [
    "COMPILER_NOT_PROVEN",
    "const deep = «ctx.header(Ipv6, 200)!»;\ndeep.hopLimit = 1;",
    { message: "`!` claims that `ctx.header(Ipv6, 200)` is there, and that cannot be proven" },
  ],
  ["COMPILER_NOT_PROVEN", "«values.lookup(3)!».small = 1;"],
  ["COMPILER_NOT_PROVEN", "seen.value = u64(«local.list[ipv4.ttl]!» + 1);"],
  [
    "COMPILER_READ_ONLY",
    "«hits» += 1;",
    { message: "`hits`, a variable of the module, cannot be written from kernel code" },
  ],
  ["COMPILER_READ_ONLY", "«hits»++;"],
  ["COMPILER_READ_ONLY", "«staged.seen» = 1;"],
  ["COMPILER_READ_ONLY", "«staged.list[0]» = 1;"],
  [
    "COMPILER_READ_ONLY",
    "«(limit as unknown as { value: number }).value» = 5;",
    { message: "`limit`, a setting, cannot be written from kernel code" },
  ],
  ["COMPILER_READ_ONLY", "const pair = { a: ipv4.ttl };\n«pair.a» = 1;"],
  ["COMPILER_READ_ONLY", "const pair = [ipv4.ttl, 2];\n«pair[0]» = 1;"],
  ["COMPILER_READ_ONLY", "«value.lock» = new Value().lock;"],
  ["COMPILER_READ_ONLY", "«(ctx as { length: number }).length» = 60;"],
  [
    "COMPILER_SHARED_UPDATE",
    "«value.count += 1n»;",
    { message: "another CPU may change `count` between the read and the write" },
  ],
  ["COMPILER_SHARED_UPDATE", "«value.small++»;"],
  ["COMPILER_SHARED_UPDATE", "const cell = numbers.lookup(ipv4.source);\nif (cell) «cell.value += 1n»;"],
  ["COMPILER_SHARED_UPDATE", "«value.list[2]! += 1»;"],
  ["COMPILER_SHARED_UPDATE", "«value.inner.b -= 1»;"],
  ["COMPILER_SHARED_UPDATE", "const v = table.at(2);\n«v.count <<= 1n»;"],
  [
    "COMPILER_INDEX",
    "value.list[«ipv6.hopLimit»]! = 1;",
    { message: "the index lies between 0 and 255; it must be 0 to 3" },
  ],
  ["COMPILER_INDEX", "local.list[«9»] = 1;", { isJavaScript: true }],
  ["COMPILER_INDEX", "local.list[«ipv4.ttl - 1»]! += 1;"],
  [
    "COMPILER_INDEX",
    "seen.value = table.at(«ipv4.ttl & 7»).count;",
    { message: "the index lies between 0 and 7; it must be 0 to 3" },
  ],
  ["COMPILER_INDEX", "seen.value = perCpu.at(«4»).count;"],
  [
    "COMPILER_INDEX",
    "const l = new Local({ list: «[1, 2, 3, 4, 5, 6, 7, 8, 9]» });\nperCpu.update(0, l);",
    { isJavaScript: true },
  ],
];
