/** Control flow: loops, recursion, locks, records, results, verdicts, and constructs that kernel code does not have. */
import type { Row } from "./row.ts";

const unsupported = (text: string, construct: string, options: Row[2] = {}): Row => [
  "COMPILER_UNSUPPORTED",
  text,
  { ...options, message: `${construct} cannot be compiled` },
];

/** The flow of a packet with fixed ports. */
const FLOW =
  "const flow = (ipv4: Ipv4) => ({ source: ipv4.source, destination: ipv4.destination, sourcePort: 1, destinationPort: 2, protocol: ipv4.protocol });";

export const control: readonly Row[] = [
  [
    "COMPILER_LOOP",
    "«for (let i = 0; i < ipv6.payloadLength * ipv6.payloadLength; i++) seen.value += 1n;»",
    {
      message: "the verifier must see this loop end: no counter that grows by a constant has a limit",
    },
  ],
  ["COMPILER_LOOP", "«while (true) if (local.small === 1) break;»"],
  ["COMPILER_LOOP", "let i = 0;\n«do {\ni += ipv4.ttl;\n} while (i < 1000);»"],
  ["COMPILER_LOOP", "«for (;;) {\n}»"],
  ["COMPILER_LOOP", "«for (const i of range(1000000)) seen.value += u64(i);»"],
  [
    "COMPILER_LOOP",
    "for (const i of «unroll(5000)») seen.value += u64(i);",
    { message: "the verifier must see this loop end: it is unrolled 5000 times" },
  ],
  ["COMPILER_LOOP", "let n = ipv4.ttl;\n«while (n !== 1) n = n & 1 ? n + 3 : n >> 1;»"],
  [
    "COMPILER_CAPTURED",
    "const low = ipv4.ttl;\nvalues.forEach((one) => {\none.wide = «low»;\n});",
    { message: "`low` belongs to the function around this one, which the kernel calls by itself" },
  ],
  ["COMPILER_CAPTURED", "let found = false;\nnumbers.forEach(() => {\n«found» = true;\n});"],
  [
    "COMPILER_LOOP",
    "loop(«2 ** 23 + 1», () => {\nseen.value += 1n;\n});",
    { message: "the verifier must see this loop end: it may go round more than 8388608 times" },
  ],
  ["COMPILER_LOOP", "loop(«value.wide», () => {\nseen.value += 1n;\n});"],
  [
    "COMPILER_LOOP_VALUE",
    "let last = local.inner;\nloop(10_000, (i) => {\nif (i === 7) «last» = value.inner;\n});\nseen.value = u64(last.a);",
    { message: "the kernel calls the body of this loop, and between its rounds there is no place of Inner" },
  ],
  [
    "COMPILER_LOOP_VALUE",
    "let at: Ipv4 | null = null;\nloop(10_000, () => {\n«at» = ctx.header(Ipv4, 14);\n});\nif (at) seen.value = 1n;",
  ],
  [
    "COMPILER_CAPTURED",
    "const record = events.reserve();\nif (record) {\nloop(10_000, () => {\n«record».small = 1;\n});\nevents.submit(record);\n}",
    { message: "`record` belongs to the function around this one, which the kernel calls by itself" },
  ],
  [
    "COMPILER_CAPTURED",
    `${FLOW}\nconst known = conntrackLookup(ctx, flow(ipv4));\nif (known) {\nloop(10_000, () => {\nseen.value = u64(«known».mark);\n});\nknown.release();\n}`,
  ],
  [
    "COMPILER_DEAD_PLACE",
    "loop(10_000, (i) => {\nseen.value = u64(«ipv4.ttl»);\nreturn ctx.adjustHead(2) && i < 3 ? undefined : loop.Break;\n});",
  ],
  [
    "COMPILER_DEAD_PLACE",
    "loop(10_000, () => (ctx.adjustHead(2) ? undefined : loop.Break));\nseen.value = u64(«ipv4.ttl»);",
  ],
  [
    "COMPILER_OVERWRITTEN",
    "const inner = value.inner;\nloop(10_000, () => {\nvalue.inner = local.inner;\n});\nseen.value = u64(«inner.a»);",
  ],
  [
    "COMPILER_OVERWRITTEN",
    "const inner = value.inner;\nloop(10_000, () => {\nseen.value = u64(«inner.a»);\nvalue.inner = local.inner;\n});",
  ],
  ["COMPILER_PRODUCT", "let sum = 0;\nloop(8_000_000, () => {\n«sum += value.wide»;\n});\nseen.value = u64(sum);"],
  ["COMPILER_UNDER_LOCK", "withLock(value.lock, () => {\n«loop(10_000, () => {\nvalue.count += 1n;\n})»;\n});"],
  [
    "COMPILER_RECORD_LEAK",
    "«loop(10_000, () => {\nconst record = events.reserve();\nif (record) record.small = 1;\n})»;",
  ],
  [
    "COMPILER_RECURSION",
    "deep(3);",
    { module: "function deep(n: number): void {\nloop(10_000, () => {\n«deep(n)»;\n});\n}" },
  ],
  [
    "COMPILER_RECURSION",
    "return again(3);",
    {
      module: "function again(n: number): XdpAction {\nreturn n === 0 ? XdpAction.Pass : «again(n - 1)»;\n}",
      message: "`again` calls itself",
    },
  ],
  [
    "COMPILER_RECURSION",
    "return even(3) ? XdpAction.Pass : XdpAction.Drop;",
    {
      module:
        "const even = (n: number): boolean => n === 0 || odd(n - 1);\nconst odd = (n: number): boolean => n !== 0 && «even(n - 1)»;",
    },
  ],
  [
    "COMPILER_RECURSION",
    "const down = (n: number): number => (n > 0 ? «down(n - 1)» : 0);\nseen.value = u64(down(ipv4.ttl));",
    { message: "`down` calls itself" },
  ],
  [
    "COMPILER_RECURSION",
    "seen.value = u64(new Chain().next);",
    {
      module: "class Chain extends struct({ a: u32 }) {\nget next(): number {\nreturn this.a + «this.next»;\n}\n}",
    },
  ],
  [
    "COMPILER_RECURSION",
    "seen.value = u64(again(3));",
    {
      module: "const again: (n: number) => number = subprogram((n: number): number => (n > 0 ? «again(n >> 1)» : 0));",
    },
  ],
  [
    "COMPILER_UNSUPPORTED",
    "if (check(ipv4.ttl)) return XdpAction.Pass;",
    { module: "const check = subprogram((ttl: number): boolean => ttl > 1 || «exit(XdpAction.Drop)»);" },
  ],
  [
    "COMPILER_UNSUPPORTED",
    "onward(ctx, ipv4.ttl & 3);",
    {
      module: `const programs = new ProgramArray({ maxEntries: 4, name: "programs", programs: () => ({}) });
const onward = subprogram((ctx: XdpContext, index: number): void => «programs.tailCall(ctx, index)»);`,
      message: "tailCall in a subprogram cannot be compiled",
    },
  ],
  [
    "COMPILER_UNSUPPORTED",
    "const eight = ctx.header(Eight, 14);\nif (!eight || element(eight, ipv4.ttl) === 1) return XdpAction.Drop;",
    {
      module:
        "class Eight extends struct({ list: array(u8, 8) }) {}\nconst element = subprogram((eight: Eight, i: number): number => «eight.list[i & 7]»!);",
      message: "a variable index into the packet without the context cannot be compiled",
    },
  ],
  [
    "COMPILER_UNSUPPORTED",
    "seen.value = u64(«six(1, 2, 3, 4, 5, 6)»);",
    {
      module:
        "const six = subprogram((a: number, b: number, c: number, d: number, e: number, f: number): number => a + b + c + d + e + f);",
    },
  ],
  [
    "COMPILER_TYPE",
    "seen.value = u64(low(«ipv4.ttl * 2 ** 40»));",
    {
      module: "const low = subprogram((a: number): number => u32(a));",
      message: "a number of 32 bits is needed here, and this is a number",
    },
  ],
  [
    "COMPILER_TYPE",
    "seen.value = u64(pair(1).a);",
    { module: "const pair = subprogram((a: number): { a: number } => («{ a }»));" },
  ],
  [
    "COMPILER_DEAD_PLACE",
    "if (!grow(ctx)) return XdpAction.Drop;\n«ipv4.ttl» = 1;",
    { module: "const grow = subprogram((ctx: XdpContext): boolean => ctx.adjustHead(-4));" },
  ],
  [
    "COMPILER_UNDER_LOCK",
    "withLock(value.lock, () => «twice(1)»);",
    { module: "const twice = subprogram((a: number): number => a * 2);" },
  ],
  [
    "COMPILER_UNDER_LOCK",
    "withLock(value.lock, () => «table.lookup(1)»);",
    { message: "a call under the lock of line @1" },
  ],
  [
    "COMPILER_UNDER_LOCK",
    "withLock(value.lock, () => {\nvalue.count = «ktimeGetNs()»;\n});",
    { message: "`ktimeGetNs` under the lock of line @1" },
  ],
  [
    "COMPILER_UNDER_LOCK",
    "withLock(value.lock, () => {\nif (value.small === 1) «exit(XdpAction.Drop)»;\n});",
    { message: "the program ends under the lock of line @1" },
  ],
  [
    "COMPILER_UNDER_LOCK",
    'withLock(value.lock, () => «drops.drop("truncated")»);',
    { message: "a counter under the lock of line @1" },
  ],
  [
    "COMPILER_UNDER_LOCK",
    "withLock(value.lock, () => withLock(value.lock, () => 1));".replace(
      "withLock(value.lock, () => 1)",
      "«withLock(value.lock, () => 1)»",
    ),
  ],
  [
    "COMPILER_UNDER_LOCK",
    "withLock(value.lock, () => slow());",
    { module: "const slow = (): number => «getPrandomU32()»;" },
  ],
  ["COMPILER_UNDER_LOCK", "withLock(value.lock, () => «trace`count ${value.count}`»);"],
  [
    "COMPILER_RECORD_LEAK",
    "const record = events.reserve();\nif (record) record.count = 1n;\n«return XdpAction.Drop;»",
    {
      message: "the record that line @1 reserved is neither submitted nor discarded on this path",
    },
  ],
  [
    "COMPILER_RECORD_LEAK",
    "const record = events.reserve();\nif (!record) return XdpAction.Drop;\nif (ipv4.ttl === 1) «return XdpAction.Aborted;»\nevents.submit(record);",
  ],
  [
    "COMPILER_RECORD_LEAK",
    "const record = events.reserve() ?? exit(XdpAction.Drop);\nconst deep = ctx.header(Ipv6, 90) ?? «exit(XdpAction.Drop)»;\nrecord.small = deep.hopLimit;\nevents.submit(record);",
  ],
  [
    "COMPILER_RECORD_LEAK",
    "«for (const i of range(4)) {\nconst record = events.reserve();\nif (record) record.small = i;\n}»",
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "const known = conntrackLookup(ctx, flow(ipv4));\nif (known) seen.value = u64(known.mark);\n«return XdpAction.Drop;»",
    { module: FLOW, message: "the connection that line @1 found is not released on this path" },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nif (known.mark === 1) «return XdpAction.Aborted;»\nknown.release();",
    { module: FLOW },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nconst deep = ctx.header(Ipv6, 90) ?? «exit(XdpAction.Drop)»;\nseen.value = u64(deep.hopLimit + known.mark);\nknown.release();",
    { module: FLOW },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "«for (const i of range(4)) {\nconst known = conntrackLookup(ctx, flow(ipv4));\nif (known) seen.value = u64(known.mark + i);\n}»",
    { module: FLOW },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "const known = conntrackLookup(ctx, flow(ipv4));\n«next.tailCall(ctx, 1)»;\nknown?.release();",
    { module: `${FLOW}\nconst next = new ProgramArray({ maxEntries: 4 });` },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "seen.value = u64(mark(ctx));",
    {
      module:
        'const mark = subprogram((ctx: XdpContext): number => {\nconst known = conntrackLookup(ctx, { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: 1, destinationPort: 2, protocol: 17 });\n«return known ? known.mark : 0;»\n});',
    },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "let known = conntrackLookup(ctx, flow(ipv4));\nknown = conntrackLookup(ctx, flow(ipv4));\nknown?.release();\n«return XdpAction.Drop;»",
    { module: FLOW },
  ],
  [
    "COMPILER_RELEASED",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nknown.release();\nseen.value = u64(«known.mark»);",
    { module: FLOW, message: "the connection was released in line @2, on a path that leads here" },
  ],
  [
    "COMPILER_RELEASED",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nif (ipv4.ttl === 1) known.release();\n«known.release()»;",
    { module: FLOW },
  ],
  [
    "COMPILER_RELEASED",
    "const known = conntrackLookup(ctx, flow(ipv4));\nconst other = ipv4.ttl > 3 ? known : null;\n«known?.release()»;\nif (other) seen.value = 1n;",
    { module: FLOW, message: "the connection that line @1 found belongs to another variable since paths met" },
  ],
  [
    "COMPILER_RELEASED",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\n«for (const i of range(4)) {\nif (i === ipv4.ttl) known.release();\n}»",
    { module: FLOW },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "const made = conntrackAllocate(ctx, flow(ipv4));\nmade?.setTimeout(1000);\n«return XdpAction.Drop;»",
    { module: FLOW, message: "the connection that line @1 allocated is not inserted on this path" },
  ],
  [
    "COMPILER_CONNECTION_LEAK",
    "const made = conntrackAllocate(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nmade.insert();\n«return XdpAction.Pass;»",
    { module: FLOW, message: "the connection that line @2 found is not released on this path" },
  ],
  [
    "COMPILER_RELEASED",
    "const made = conntrackAllocate(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nmade.insert()?.release();\n«made.setStatus(4)»;",
    { module: FLOW, message: "the connection was inserted in line @2, on a path that leads here" },
  ],
  [
    "COMPILER_RELEASED",
    "const made = conntrackAllocate(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nconst known = made.insert() ?? «made.insert()»;\nknown?.release();",
    { module: FLOW },
  ],
  [
    "COMPILER_TYPE",
    "const made = conntrackAllocate(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nmade.setTimeout(«-1»);\nmade.insert()?.release();",
    { module: FLOW, message: "a time in milliseconds of 0 to 4294967295 is needed here, and this is one of -1 to -1" },
  ],
  [
    "COMPILER_TYPE",
    'const made = conntrackAllocate(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nmade.setNat("source", ipv4.source, «value.wide»);\nmade.insert()?.release();',
    { module: FLOW },
  ],
  [
    "COMPILER_TARGET",
    "const made = «conntrackAllocate(ctx, flow(ipv4))»;\nmade?.insert()?.release();",
    { module: FLOW, options: '{ target: "5.18" }', message: "`conntrackAllocate` needs Linux 6.0; the target is 5.18" },
  ],
  [
    "COMPILER_TARGET",
    'const made = conntrackAllocate(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\n«made.setNat("source", ipv4.source)»;\nmade.insert()?.release();',
    { module: FLOW, options: '{ target: "6.0" }' },
  ],
  [
    "COMPILER_TARGET",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\n«known.changeTimeout(1000)»;\nknown.release();",
    { module: FLOW, options: '{ target: "5.19" }' },
  ],
  [
    "COMPILER_GPL_ONLY",
    "const made = «conntrackAllocate(ctx, flow(ipv4))»;\nmade?.insert()?.release();",
    { module: FLOW, options: '{ license: "MIT" }' },
  ],
  [
    "COMPILER_UNDER_LOCK",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nwithLock(value.lock, () => «known.release()»);",
    { module: FLOW, message: "`release` under the lock of line @2" },
  ],
  [
    "COMPILER_TYPE",
    "const known = conntrackLookup(ctx, «{ source: ipv4.source, destination: ipv6.destination, sourcePort: 1, destinationPort: 2, protocol: 17 } as never»);\nknown?.release();",
  ],
  [
    "COMPILER_TYPE",
    "const known = conntrackLookup(ctx, «{ source: ipv4.source, destination: ipv4.destination, sourcePort: value.wide, destinationPort: 2, protocol: 17 }»);\nknown?.release();",
    { message: "a number of 16 bits in `sourcePort` is needed here, and this is one of 0 to 4294967295" },
  ],
  [
    "COMPILER_ADDRESS_TEXT",
    'const known = conntrackLookup(ctx, «{ source: "192.0.2", destination: ipv4.destination, sourcePort: 1, destinationPort: 2, protocol: 17 }»);\nknown?.release();',
  ],
  [
    "COMPILER_NO_PROPERTY",
    "const known = conntrackLookup(ctx, flow(ipv4)) ?? exit(XdpAction.Drop);\nseen.value = u64(«known.timeout»);",
    { module: FLOW, isJavaScript: true },
  ],
  [
    "COMPILER_IGNORED_RESULT",
    "«ctx.adjustHead(-8)»;",
    { message: "`adjustHead` may fail, and its result is not looked at" },
  ],
  ["COMPILER_IGNORED_RESULT", "«ctx.adjustTail(-8)»;"],
  ["COMPILER_IGNORED_RESULT", "«ctx.adjustMeta(-8)»;"],
  ["COMPILER_IGNORED_RESULT", "«ctx.removeHead(8)»;"],
  ["COMPILER_IGNORED_RESULT", "«ctx.setLength(80)»;"],
  ["COMPILER_IGNORED_RESULT", "«ctx.prepend(Ethernet)»;"],
  ["COMPILER_IGNORED_RESULT", "«ctx.replaceHead(8, Ethernet)»;"],
  ["COMPILER_IGNORED_RESULT", "«ctx.prependMetadata(Inner)»;"],
  ["COMPILER_IGNORED_RESULT", "const l = new Local();\n«ctx.loadBytes(8, l)»;"],
  ["COMPILER_IGNORED_RESULT", "«ctx.storeBytes(8, local)»;"],
  [
    "COMPILER_NO_VERDICT",
    "export const program = xdp(«(ctx) => {\nif (ctx.length > 9) return XdpAction.Drop;\n}»);",
    {
      isWhole: true,
      isJavaScript: true,
      message: "`program` has a path without a verdict",
    },
  ],
  ["COMPILER_NO_VERDICT", "«return undefined as unknown as XdpAction;»"],
  unsupported("locals.update(1, { «...local» });", "`...` in an object"),
  unsupported("const pair = [1, 2] as const;\nreturn pick(«...pair»);", "`...` in a call", {
    module: "const pick = (a: number, b: number): XdpAction => (a > b ? XdpAction.Drop : XdpAction.Pass);",
  }),
  unsupported("const list = [«...staged.list», ipv4.ttl];\nseen.value = u64(list.length);", "`...` in a list"),
  unsupported(
    "const { ttl, «...others» } = { ttl: ipv4.ttl, ihl: 5 };\nseen.value = u64(ttl + others.ihl);",
    "`...` in a pattern",
  ),
  unsupported(
    "const [first, «...others»] = [ipv4.ttl, 2];\nseen.value = u64(first! + others.length);",
    "`...` in a pattern",
  ),
  unsupported("seen.value = u64(sum(1, ipv4.ttl));", "`...` in parameters", {
    module: "const sum = («...list: number[]») => list.length;",
  }),
  unsupported("«try {\nseen.value = 1n;\n} catch {}»", "`try`"),
  unsupported('if (ipv4.ttl === 1) «throw new Error("too old");»', "`throw`"),
  unsupported('«for (const key in value) if (key === "count") return XdpAction.Drop;»', "`for…in`"),
  unsupported("«delete (ctx as { length?: number }).length»;", "`delete`"),
  unsupported("«class Mine extends struct({ a: u32 }) {}»\nseen.value = u64(new Mine().a);", "a class"),
  unsupported("const Mine = «class extends struct({ a: u32 }) {}»;\nseen.value = u64(new Mine().a);", "a class"),
  unsupported("const wait = «async () => 1»;\nvoid wait();", "an async function"),
  unsupported("«async function wait() {}»\nvoid wait();", "an async function"),
  unsupported("const count = «function* () {\nyield 1;\n}»;\nvoid count();", "a generator"),
  unsupported("for (const n of numbersUpTo(3)) seen.value += u64(n);", "a generator", {
    module: "«function* numbersUpTo(n: number) {\nyield n;\n}»",
  }),
  unsupported("if («/fc00/».test(ipv6.source)) return XdpAction.Drop;", "a regular expression"),
  unsupported("const big = «new Array<number>(100)»;\nseen.value = u64(big.length);", "`new Array(…)`"),
  unsupported("const known = «new Map<number, number>()»;\nseen.value = u64(known.size);", "`new Map(…)`"),
  unsupported("seen.value = u64(«tag`${ipv4.ttl}`»);", "a tagged template", {
    module: "const tag = (_: TemplateStringsArray, n: number) => n;",
  }),
  unsupported("let a = ipv4.ttl;\n«a ||= 3»;\nipv4.ttl = a;", "`||=`"),
  unsupported("let a: number | null = ipv4.ttl > 3 ? 1 : null;\n«a ??= 3»;\nipv4.ttl = a;", "`??=`"),
  unsupported("let [a, b] = [ipv4.ttl, ipv4.ihl];\n«[a, b]» = [b, a];\nipv4.ttl = a;", "an assignment to a pattern"),
  unsupported("seen.value = u64(«ipv4.ttl ** 2»);", "`**`"),
  unsupported('if («"ttl" in ipv4») return XdpAction.Drop;', "the operator `in`"),
  unsupported(
    "const it = { «twice() {\nreturn 2;\n}» };\nseen.value = u64(it.twice());",
    "a method or getter of an object",
  ),
  unsupported(
    "const it = { «get twice() {\nreturn 2;\n}» };\nseen.value = u64(it.twice);",
    "a method or getter of an object",
  ),
  unsupported("seen.value = u64(«local.raw[ipv4.ttl & 1]»!);", "an index into bytes"),
  unsupported("seen.value = u64(«local.raw[1]»!);", "an index into bytes"),
  unsupported("«local.raw[1]» = 5;", "an index into bytes"),
  unsupported("for (const one of «local.list») seen.value += u64(one);", "a loop over the elements of a place"),
  unsupported("let i = 0;\nfor («i» of range(3)) seen.value += u64(i);", "a loop over an outer variable"),
  unsupported("«debugger;»", "`debugger`"),
  unsupported('void «import("node:fs")»;', "`import()`"),
  unsupported("if («i64(local.big) / 2n» === 1n) return XdpAction.Drop;", "`/` of signed bigints"),
  unsupported("seen.value = «2n ** value.count»;", "`**` of bigints"),
  unsupported("const r = «range(3)»;\nfor (const i of r) seen.value += u64(i);", "`range(3)` outside `for…of`"),
  unsupported(
    "seen.value = u64(Math.clz32(ipv4.ttl));".replace("Math.clz32(ipv4.ttl)", "«Math.clz32(ipv4.ttl)»"),
    "Math.clz32 of a value of the kernel",
  ),
  unsupported(
    "«trace`${1} ${ipv4.ttl} ${ipv4.ihl} ${ipv4.ttl} ${ipv4.ihl} ${ipv4.ttl} ${ipv4.ihl} ${ipv4.ttl} ${ipv4.ihl} ${ipv4.ttl} ${ipv4.ihl} ${ipv4.ttl} ${ipv4.ihl}`»;",
    "a trace of more than 12 values",
  ),
];
