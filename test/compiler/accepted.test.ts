/**
 * Small constructs that must mean the same in V8, in the interpreter and in the kernel: what docs/language.md does not show.
 *
 * A row is the inside of a program over the bytes 0 to 63, of which it has read `one`, `two`, `seven` and `word`
 * (0x3c3d3e3f); it writes what it found to `out`, and returns Pass unless it says otherwise.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { pinThread } from "../../src/kernel/index.ts";
import { XdpAction } from "../../src/lang/index.ts";
import { typeErrors } from "../support/check-types.ts";
import { comparable, compiledObject, type EngineName, observeCompiled } from "../support/compiled.ts";
import { type Exports, loadText } from "../support/load-module.ts";
import { type Observation, observe } from "../support/observe.ts";
import { suite } from "../support/require.ts";

interface RowOptions {
  readonly verdict?: XdpAction;
  /** Declarations in front of the program. */
  readonly module?: string;
  /** Bytes of the packet; 64 when left out. */
  readonly length?: number;
}
type Row = readonly [name: string, body: string, out: number | bigint, options?: RowOptions];

const HEAD = `import { array, ArrayMap, ArrayOfMaps, assign, atomic, be16, be32, be64, bits, BloomFilter, bool, bytes, checksum, checksumPacket, checksumReplace, copyOf, type Cursor, equals, exit, fibLookup, flag, global, HashMap, i16, i32, i64, i8, inPrefix, ipv4Address, ipv6Address, jhash, loop, LpmTrie, mac, Outcomes, overlay, PerCpuArray, PerCpuHashMap, Queue, range, RingBuffer, setting, struct, subprogram, u16, u32, u64, u8, unroll, withLock, spinLock, xdp, XdpAction, type XdpContext } from "xdpkit";
import { Ethernet, Ipv4, Ipv6, Ipv6Halves, Udp } from "xdpkit/packet";
class Inner extends struct({ a: u8, b: be16 }) {
  get both() { return this.a * 65536 + this.b; }
  get twice() { return this.both * 2; }
  plus(n = 10) { return this.b + n; }
  set(a: number) { this.a = a; return this; }
}
class S extends struct({
  small: i8, wide: u64, signed: i64, high: bits(3), low: bits(13), on: flag, rest: bits(7), inner: Inner,
  list: array(u16, 4), inners: array(Inner, 4), raw: bytes(3), at: ipv4Address, n32: i32, net: be32, net64: be64, ok: bool,
}) {
  get sum() { return this.list[0] + this.list[1] + this.list[2] + this.list[3]; }
}
export const cpu = new PerCpuArray({ value: S, maxEntries: 2 });
export const table = new HashMap({ key: u32, value: S, maxEntries: 8 });
export const counts = new HashMap({ key: u32, value: u64, maxEntries: 8 });
export const out = global(u64);
const bit = (condition: boolean): bigint => (condition ? 1n : 0n);
`;
const START = `export const program = xdp((ctx) => {
const one = (ctx.header(u8, 1) ?? exit(XdpAction.Aborted)).value;
const two = (ctx.header(u8, 2) ?? exit(XdpAction.Aborted)).value;
const seven = (ctx.header(u8, 7) ?? exit(XdpAction.Aborted)).value;
const word = (ctx.header(be32, 60) ?? exit(XdpAction.Aborted)).value;
const s = cpu.at(0);
`;

const MIX = `const mix = subprogram((a: number, b: number): number => {
  let hash = a;
  for (let i = 0; i < 4; i++) hash = u32((hash ^ (hash >>> 7)) + b);
  return hash;
});
`;

/** The words of an IPv6 source address over the bytes 8 to 23. */
const WORDS = Array.from({ length: 8 }, (_, at) => (8 + 2 * at) * 256 + 9 + 2 * at);

/** The checksum when some words take the place of others, by the definition of RFC 1071. */
function replaced(sum: number, from: readonly number[], to: readonly number[]): number {
  const add = (total: number, word: number): number => ((total + word) & 0xffff) + ((total + word) >> 16);
  return 0xffff - [...from.map((word) => 0xffff - word), ...to].reduce(add, 0xffff - sum);
}

const offsets: readonly Row[] = [
  [
    "an offset that is computed from constants, and further than a packet goes, is the path without a header",
    "out.value = ctx.header(u8, FAR & 0xffff) || ctx.header(Udp, (FAR & 0xffff) - 7) ? 1n : 2n",
    2,
    { module: "const FAR: number = 0x1ffff;\n" },
  ],
];

const checksums: readonly Row[] = [
  [
    "a checksum over an IPv6 address that becomes an IPv4 address, and back",
    'const ip = ctx.header(Ipv6, 0) ?? exit(XdpAction.Aborted); const four = checksumReplace(0x1234, ip.source, "192.0.2.1"); out.value = u64(four) * 65536n + u64(checksumReplace(four, "192.0.2.1", ip.source))',
    BigInt(replaced(0x1234, WORDS, [0xc000, 0x0201])) * 65536n + 0x1234n,
  ],
];

const nothings: readonly Row[] = [
  [
    "null is not undefined, but for `==`",
    "const none = ctx.header(u8, 60 + seven); out.value = u64(u32(none === undefined) + u32(none === null) * 2 + u32(none == undefined) * 4 + u32(none !== undefined) * 8)",
    14,
  ],
  [
    "null on one path and undefined on another",
    "const none = seven > 9 ? null : seven > 3 ? undefined : seven; out.value = u64((none ?? 5) + u32(none == null))",
    6,
  ],
  [
    "text that a round sets before it reads it",
    'let text = "a"; let n = 0; for (const i of range(seven)) { text = "a"; if (i & one) text = "b"; n += i; } out.value = u64(n)',
    21,
  ],
];

/** All bits of the packet are set: what a row reads of it is -1, or 2^64 - 1. */
const ONES =
  "const ones = ctx.header(u64, 0) ?? exit(XdpAction.Drop); ones.value = ~0n; const t = ctx.header(i64, 8) ?? exit(XdpAction.Drop); t.value = -1n;";

const signs: readonly Row[] = [
  ["an unsigned bigint in a signed field", `${ONES} s.signed = ones.value; out.value = s.signed > 5n ? 1n : 2n`, 2],
  ["a signed bigint in an unsigned field", `${ONES} s.wide = t.value; out.value = s.wide > 5n ? 1n : 2n`, 1],
  [
    "the same in a struct that is held in registers",
    `${ONES} const mine = new S({ signed: ones.value, wide: t.value }); out.value = bit(mine.signed < 0n) + bit(mine.wide > 5n) * 2n`,
    3,
  ],
  [
    "and in one on the stack, by an index",
    `${ONES} const mine = new Pair({ list: [ones.value, 1n] }); out.value = mine.list[one & 1]! > mine.list[two & 1]! ? 1n : 2n`,
    1,
    { module: "class Pair extends struct({ list: array(i64, 2) }) {}\n" },
  ],
  [
    "a constant from 2^63 on in a signed field",
    "s.signed = i64(5n); s.signed = u64(-1n); out.value = s.signed < 0n ? 1n : 2n",
    1,
  ],
  [
    "a known signed field goes below zero",
    "const mine = new S({ signed: 5n }); out.value = mine.signed - 10n < 0n ? 1n : 2n",
    1,
  ],
  [
    "a signed field of a struct of the module",
    "out.value = limits.signed - 10n < 0n && below.signed === -3n ? 1n : 2n",
    1,
    { module: "const limits = new S({ signed: 5n });\nconst below = new S({ signed: -3n });\n" },
  ],
  [
    "a global of type i64",
    `${ONES} level.value = ones.value; out.value = level.value < -0n ? 1n : 2n`,
    1,
    { module: "export const level = global(i64, -9n);\n" },
  ],
  [
    "an unsigned bigint is more than a number below zero",
    `${ONES} const small = i8(u64(t.value)); out.value = ones.value > small && small < ones.value && !(ones.value <= small) ? 1n : 2n`,
    1,
  ],
  [
    "an unsigned bigint is more than every signed one below zero",
    `${ONES} out.value = bit(ones.value > t.value) + bit(t.value <= ones.value) * 2n + bit(ones.value === t.value) * 4n`,
    3,
  ],
  [
    "signed and unsigned above zero",
    `${ONES} const five = i64(seven) - 2n; out.value = bit(five < ones.value) + bit(ones.value >> 62n < five) * 2n + bit(u64(seven) > five) * 4n`,
    7,
  ],
  [
    "a bigint and a negative number of constants",
    `${ONES} out.value = bit(ones.value > -1) + bit(ones.value > -1n) * 2n + bit(-5n < u64(one)) * 4n + bit(t.value === -1n) * 8n`,
    15,
  ],
  [
    "constants below zero",
    "out.value = bit(i64(-1n) === -1n) + bit(-1n < 0n) * 2n + bit(-2n < -1n) * 4n + bit(i64(5n) - 10n === -5n) * 8n + bit(-(-3n) === 3n) * 16n",
    31,
  ],
  [
    "constants of the module below zero",
    "out.value = bit(i64(u64(seven)) - 8n === MINUS) + bit(MINUS < 0n) * 2n + bit(u64(one) > MINUS) * 4n",
    7,
    { module: "const MINUS: bigint = -1n;\n" },
  ],
  [
    "signed constants of two paths",
    "let low = i64(-4n); if (seven > 9) low = i64(4n); out.value = bit(low < 0n) + bit(low >> 1n === -2n) * 2n",
    3,
  ],
  [
    "a constant on one path, a signed field on the other",
    `${ONES} const least = seven > 3 ? t.value : 5n; out.value = least - 1n < 0n ? 1n : 2n`,
    1,
  ],
  [
    "a loop that counts below zero",
    "let n = i64(0n); for (let i = 0; i < 4; i++) { n = n - 1n; if (n < -2n) break; } out.value = n === i64(-3n) ? 1n : 2n",
    1,
  ],
  [
    "a loop that the program goes through",
    "let n = i64(seven); for (const i of range(20)) { n -= 2n; if (n <= -5n) break; s.list[0] = i; } out.value = u64(-n) + (n < 0n ? 100n : 0n)",
    105,
  ],
  [
    "a shift is of the type of what is shifted",
    `${ONES} out.value = (ones.value >> i64(60n)) + u64(t.value >> 60n)`,
    14,
  ],
  [
    "bits that an unsigned mask leaves have no sign",
    `${ONES} out.value = bit((t.value & ones.value) > 5n) + bit((ones.value & -8n) > 5n) * 2n + bit((t.value & -8n) < 0n) * 4n`,
    7,
  ],
  ["minus makes a signed bigint", `${ONES} out.value = bit(-u64(seven) < 0n) + bit(-t.value === 1n) * 2n`, 3],
  [
    "a switch over a signed bigint",
    `${ONES} switch (t.value) { case 0xffffffffffffffffn: out.value = 1n; break; case -1n: out.value = 2n; break; default: out.value = 3n; }`,
    2,
  ],
  [
    "atomics of signed fields",
    `${ONES} const e = held.at(0); e.signed = -7n; e.n32 = -7; out.value = bit(i64(atomic.fetchAdd(e, "signed", 3n)) < 0n) + bit(i64(atomic.load(e, "signed")) === -4n) * 2n + bit(i32(atomic.load(e, "n32")) < 0) * 4n`,
    7,
    { module: "const held = new ArrayMap({ value: S, maxEntries: 1 });\n" },
  ],
  [
    "a larger constant in a variable that began small",
    "let sum = u64(word); for (const i of range(two)) { sum = 0x1_0000_0000_0000n; s.list[0] = i; } out.value = sum % 0xffffn",
    1,
  ],
];

const locks: readonly Row[] = [
  [
    "a lock in the values of an inner map, and in a nested struct",
    `const t = held.lookup(0) ?? exit(XdpAction.Drop);
     t.update(1, new Outer({ wide: 5n }));
     const e = t.lookup(1) ?? exit(XdpAction.Drop);
     out.value = withLock(e.counted.lock, () => { e.counted.n += 7; return e.wide + u64(e.counted.n); });`,
    12,
    {
      module: `class Counted extends struct({ lock: spinLock, n: u32 }) {}
class Outer extends struct({ wide: u64, counted: Counted }) {}
const inner = new HashMap({ key: u32, value: Outer, maxEntries: 4 });
export const held = new ArrayOfMaps({ inner, maxEntries: 2, entries: () => [[0, inner]] });
`,
    },
  ],
];

const subprograms: readonly Row[] = [
  [
    "a place of a map as an argument is the element that the subprogram finds itself",
    "table.update(1, new S({ wide: 3n })); const s1 = table.lookup(1) ?? exit(XdpAction.Drop); out.value = both(s1, 1);",
    35,
    {
      module: `const both = subprogram((place: S, key: number): bigint => {
  const other = table.lookup(key);
  if (!other) return 0n;
  const before = other.wide;
  place.wide = 5n;
  return before * 10n + other.wide;
});
`,
    },
  ],
  ["a subprogram of two numbers", "out.value = u64(mix(one, word)) + u64(mix(3, one));", 4061586043n, { module: MIX }],
  [
    "a subprogram that writes to a struct of a map, and one on the stack",
    `const mine = new S({ wide: 1n, n32: -4 });
     const full = [add(s, 5n), add(s, 6n), add(mine, 7n)];
     out.value = s.wide * 100n + mine.wide + (full[0] ? 1000n : 0n) + (full[1] ? 2000n : 0n) + u64(mine.n32 + 4);`,
    2000n + 1100n + 8n,
    {
      module:
        "const add = subprogram((place: S, by: bigint): boolean => { place.wide += by; return place.wide > 10n; });\n",
    },
  ],
  [
    "what the caller has read before is read again behind the call",
    "s.wide = 3n; const before = s.wide; set(s); out.value = before * 10n + s.wide;",
    37n,
    { module: "const set = subprogram((place: S): void => { place.wide = 7n; });\n" },
  ],
  [
    "a subprogram with the context looks at the packet",
    "out.value = u64(at(ctx, 4)) * 1000n + u64(at(ctx, 900));",
    0x0405n * 1000n + 9n,
    {
      module:
        "const at = subprogram((ctx: XdpContext, offset: number): number => ctx.header(be16, offset & 1023)?.value ?? 9);\n",
    },
  ],
  [
    "a packet place as an argument, changed there",
    "const place = ctx.header(Inner, 4); if (place) { twice(place); out.value = u64(place.a); }",
    8n,
    { module: "const twice = subprogram((place: Inner): void => { place.a = place.a * 2; });\n" },
  ],
  [
    "elements of a packet place in a subprogram",
    "const h = ctx.header(Bytes, 10) ?? exit(XdpAction.Drop); out.value = u64(element(ctx, h, one) + element(ctx, h, seven));",
    28,
    {
      module:
        "class Bytes extends struct({ list: array(u8, 8) }) {}\nconst element = subprogram((ctx: XdpContext, h: Bytes, i: number): number => { h.list[(i + 1) & 7] = i & 7; return h.list[i & 7]!; });\n",
    },
  ],
  [
    "signed numbers and bigints come and go",
    "out.value = u64(i64(low(-5, i64(-7))) + 100n);",
    88n,
    { module: "const low = subprogram((a: number, b: bigint): bigint => i64(a) + i64(b));\n" },
  ],
  [
    "subprograms call subprograms, and a result bounds an index after a mask",
    "s.list[2] = 77; out.value = u64(s.list[outer(word) & 3]!);",
    77n,
    {
      module: `const inner = subprogram((a: number): number => a * 2);\nconst outer = subprogram((a: number): number => inner(a & 1) + inner(0));\n`,
    },
  ],
  [
    "a signed bigint or a constant as the result of a subprogram",
    "out.value = u64(apart(one, 5) + apart(seven, 1) + 100n);",
    96n,
    {
      module:
        "const apart = subprogram((a: number, b: number): bigint => { if (a > 3) return 0n; return i64(a) - i64(b); });\n",
    },
  ],
  [
    "a subprogram with a default value",
    "out.value = u64(ten(one) + ten(one, 5));",
    32n,
    { module: "const ten = subprogram((a: number, b = 7): number => a * 10 + b);\n" },
  ],
  [
    "a subprogram that begins with a loop, and one that does nothing",
    "nothing(); out.value = u64(rounds(seven));",
    77n,
    {
      module:
        "const rounds = subprogram((a: number): number => { let n = a; for (let i = 0; i < 5; i++) n = u32(n + 2 * a); return n; });\nconst nothing = subprogram((): void => {});\n",
    },
  ],
  [
    "a subprogram with no result, called as a statement",
    "tick(); tick(); out.value = ticks.value;",
    2n,
    {
      module:
        "export const ticks = global(u64);\nconst tick = subprogram((): void => { ticks.value = ticks.value + 1n; });\n",
    },
  ],
];

const ranges: readonly Row[] = [
  [
    "a function that calls the one it was handed to",
    "out.value = u64(total([1, 2], (a) => total([10, 20], (b) => a * b + one)));",
    94,
    {
      module:
        "function total(list: readonly number[], of: (item: number) => number): number {\nlet sum = 0;\nfor (const item of list) sum += of(item);\nreturn sum;\n}\n",
    },
  ],
  [
    "one value on two paths, of which one has shown more of it",
    "out.value = u64(pick((ctx.header(be16, 8) ?? exit(XdpAction.Aborted)).value) >>> 9);",
    0x0809 >>> 9,
    {
      module:
        "function pick(x: number): number {\nif (u16(u64(x)) < i8(u64(x))) return u32(i32(Math.min(x, x)));\nreturn x;\n}\n",
    },
  ],
  [
    "a variable of a loop that wraps stays a natural number",
    "let v = one + 862; for (let i = 0; i < 3; i++) v = u32(v - 17); out.value = u64(v >> 2);",
    203,
  ],
];

const callbacks: readonly Row[] = [
  [
    "forEach sees values and keys, changes values, and counts",
    `table.update(3, new S({ wide: 5n })); table.update(9, new S({ wide: 7n }));
     const all = table.forEach((value, key) => { sum.value = sum.value + value.wide * u64(key); value.n32 = -1; });
     out.value = sum.value * 10n + u64(all) + (table.lookup(9)?.n32 === -1 ? 1000n : 0n);`,
    (15n + 63n) * 10n + 2n + 1000n,
    { module: "export const sum = global(u64);\n" },
  ],
  [
    "forEach of named functions, one of them until it breaks",
    `counts.update(one, 4n);
     const twice = [counts.forEach(each), counts.forEach(each)];
     out.value = u64(twice[0]) * 10n + u64(twice[1]) + (counts.lookup(one)?.value ?? 0n) * 100n;`,
    11n + 600n,
    {
      module: `function each(value: { value: bigint }, key: number): boolean {
        value.value = value.value + u64(key);
        return key === 1 ? loop.Break : !loop.Break;
      }
`,
    },
  ],
  [
    "forEach in a loop, and in a function that is inlined twice",
    `counts.update(1, 1n); table.update(1, new S({ wide: 1n }));
     for (let i = 0; i < 3; i++) counts.forEach((value) => { value.value = value.value * 2n; });
     const both = size() + size();
     out.value = (counts.lookup(1)?.value ?? 0n) * 10n + u64(both);`,
    82n,
    { module: "function size(): number { return table.forEach((value) => { value.wide = 0n; }); }\n" },
  ],
];

const expressions: readonly Row[] = [
  [
    "optional chaining over a header and a field",
    "out.value = u64((ctx.header(Inner, 4)?.both ?? 1) + (ctx.header(Inner, 999)?.both ?? 1))",
    0x40506 + 1,
  ],
  [
    "optional chaining over a method",
    "out.value = u64((ctx.header(Inner, 4)?.plus(two) ?? 0) + (ctx.header(Inner, 62)?.plus() ?? 5))",
    0x506 + 2 + 5,
  ],
  [
    "optional chaining over two links",
    "const found = (n: number): { place: Inner | null } | null => (n > 1 ? { place: ctx.header(Inner, n) } : null); out.value = u64((found(seven)?.place?.a ?? 90) + (found(one)?.place?.a ?? 90))",
    97,
  ],
  [
    "?: chain of nullables",
    "const c = one > 5 ? ctx.header(u8, 10) : two > 5 ? ctx.header(u8, 11) : seven > 5 ? ctx.header(u8, 12) : null; out.value = u64(c ? c.value : 99)",
    12,
  ],
  [
    "?? chain",
    "const c = ctx.header(u8, 70) ?? ctx.header(u8, 90) ?? ctx.header(u8, 30); out.value = u64(c === null ? 1 : c.value)",
    30,
  ],
  ["&& and || as values", "out.value = u64((one && two) + ((one - 1) || seven) + ((two - 2) && seven))", 9],
  [
    "null compared with ===",
    "const a = ctx.header(u8, 9); const b = ctx.header(u8, 64); out.value = u64((a === null ? 1 : 2) * 10 + (b === null ? 1 : 2))",
    21,
  ],
  [
    "nested ?: in an index",
    "s.list[one === 1 ? (two === 2 ? 3 : 2) : 0] = 8; out.value = u64(s.list[3] * 10 + s.list[0])",
    80,
  ],
  ["comma and void", "const a = (s.n32 = seven, s.n32 + 1); void a; out.value = u64(a)", 8],
  [
    "bit operations mixed",
    "out.value = u64(((word >>> 8) ^ (word << 3) | ~seven) & 0xffffff0f)",
    BigInt(((((0x3c3d3e3f >>> 8) ^ (0x3c3d3e3f << 3)) | ~7) >>> 0) & 0xffffff0f) & 0xffffffffn,
  ],
  [
    "a shift by a value",
    "out.value = u64((word >>> (seven & 31)) + ((one << ((two & 3) + 20)) >>> 1))",
    (0x3c3d3e3f >>> 7) + 2 ** 21,
  ],
  [
    "negative numbers in a comparison",
    "const d = one - seven; out.value = u64(d < 0 && -d === 6 && d !== 0 && d >= -6 && Math.abs(d) > 5 ? 1 : 2)",
    1,
  ],
  [
    "exact sums over 32 bits",
    "const sum = word + word + word + word; out.value = u64(sum) + (sum > 0xffffffff ? 1n : 0n)",
    4n * 0x3c3d3e3fn,
  ],
  [
    "Math.trunc, % and the order of both",
    "out.value = u64(Math.trunc(word / seven) * 10 + (word % seven))",
    BigInt(Math.trunc(0x3c3d3e3f / 7)) * 10n + BigInt(0x3c3d3e3f % 7),
  ],
  [
    "Math.floor of quotients",
    "out.value = u64(Math.floor(word / 1000) * 3 + Math.floor(seven / two) + Math.floor(-7 / 2) + Math.trunc(-7 / 2))",
    BigInt(Math.floor(0x3c3d3e3f / 1000) * 3 + 3 - 4 - 3),
  ],
  ["Math.min and Math.max of several", "out.value = u64(Math.max(one, seven, two) * 10 + Math.min(seven, two, 5))", 72],
  [
    "i8, i16 and i32 of values",
    "out.value = i64(i8(seven * 30) + i16(word) + i32(word * 4)) + 1n",
    BigInt(((210 << 24) >> 24) + ((0x3e3f << 16) >> 16) + ((0x3c3d3e3f * 4) | 0) + 1),
  ],
  [
    "a boolean as a number",
    "const b: boolean = seven > two; out.value = u64(Number(b) + u8(b) + (b === true ? 10 : 0) + (!b ? 100 : 0))",
    12,
  ],
  [
    "typeof",
    'out.value = typeof seven === "number" && typeof s.wide === "bigint" && typeof s.ok === "boolean" ? 1n : 2n',
    1,
  ],
  [
    "a template of constants as a field's name",
    "const name = `${'li'}st` as const; out.value = u64(s[name].length)",
    4,
  ],
];

const bigints: readonly Row[] = [
  [
    "shifts of bigints by values",
    "const w = u64(word); out.value = (w << (u64(seven) & 63n)) | (w >> u64(two & 7))",
    (0x3c3d3e3fn << 7n) | (0x3c3d3e3fn >> 2n),
  ],
  [">>> of a negative number wraps it first", "out.value = u64((one - seven) >>> 8)", 16_777_215],
  ["signed shifts", "out.value = u64((i64(one) - i64(seven)) >> 1n)", -3],
  [
    "wrapping product",
    "const w = u64(word) << 32n; out.value = w * u64(seven)",
    ((0x3c3d3e3fn << 32n) * 7n) & 0xffffffffffffffffn,
  ],
  [
    "division and remainder",
    "const w = u64(word) << 20n; out.value = w / u64(seven) + (w % u64(seven))",
    (0x3c3d3e3fn << 20n) / 7n + ((0x3c3d3e3fn << 20n) % 7n),
  ],
  ["unary minus and complement", "out.value = -u64(seven) ^ ~u64(two)", -7n ^ ~2n],
  [
    "compound assignment on a local",
    "let w = u64(word); w <<= 8n; w |= 0xffn; w -= 1n; w ^= 3n; w %= 1000000n; out.value = w",
    ((((0x3c3d3e3fn << 8n) | 0xffn) - 1n) ^ 3n) % 1000000n,
  ],
  [
    "comparisons of unsigned and signed",
    "const w = u64(0) - 1n; out.value = w > u64(word) && i64(w) < 0n && i64(w) < i64(one) ? 1n : 2n",
    1,
  ],
  ["bigint fields in network order", "s.net64 = u64(word); s.net64 += 1n; out.value = s.net64", 0x3c3d3e40],
  ["++ and -- as values", "s.wide = 5n; const a = s.wide++; const b = --s.wide; out.value = a * 10n + b", 55],
  [
    "a signed field",
    "s.signed = i64(one) - i64(seven); s.signed -= 1n; out.value = s.signed < 0n ? u64(-s.signed) : 99n",
    7,
  ],
  [
    "switch over bigints",
    "switch (u64(seven)) { case 1n: out.value = 1n; break; case 7n: out.value = 2n; break; default: out.value = 3n; }",
    2,
  ],
];

const fields: readonly Row[] = [
  [
    "compound assignment on bits",
    "s.high = 5; s.low = 100; s.high += 4; s.low -= 101; s.high |= 2; out.value = u64(s.high * 10000 + s.low)",
    3 * 10000 + 8191,
  ],
  [
    "bits keep their neighbours",
    "s.low = 0x1fff; s.high = 0; s.rest = 0x7f; s.on = false; out.value = u64(s.low * 1000 + s.rest + (s.on ? 1 : 0))",
    8191 * 1000 + 127,
  ],
  [
    "bits of a struct of five bytes",
    "const f = new Five({ a: 1, b: word, c: 5 }); f.b -= seven; f.c += two; const p = ctx.header(Five, 59) ?? exit(XdpAction.Drop); const before = p.b; p.b += one; p.a = word; out.value = u64(f.b + before + p.b) * 1000n + u64(f.a * 100 + f.c * 10 + p.a)",
    BigInt(0x3c3d3e3f - 7 + 2 * (0xd9e1e9f1 - 2 ** 31) + 2 ** 32 + 1) * 1000n + 177n,
    { module: "class Five extends struct({ a: bits(3), b: bits(32), c: bits(5) }) {}\n" },
  ],
  [
    "bits of structs of three bytes, side by side",
    "for (const i of range(4)) { rows.value.list[i]!.b = word + i; rows.value.list[i]!.a = i; } let n = 0n; for (const i of range(4)) { const row = rows.value.list[i]!; n = n * 10n + u64((row.b & 7) + row.a + row.c); } out.value = n",
    7135,
    {
      module:
        "class Three extends struct({ a: bits(3), b: bits(17), c: bits(4) }) {}\nclass Rows extends struct({ list: array(Three, 4) }) {}\nexport const rows = global(Rows);\n",
    },
  ],
  [
    "compound assignment on be16",
    "s.inner.b = 0xfff0; s.inner.b += 0x20; s.inner.b <<= 1; s.inner.b ^= 1; out.value = u64(s.inner.b)",
    0x21,
  ],
  [
    "compound assignment on be32",
    "s.net = word; s.net &= 0xffff; s.net *= 2; s.net >>>= 1; out.value = u64(s.net)",
    0x3e3f,
  ],
  [
    "compound assignment on i8 and i32",
    "s.small = 100; s.small += 100; s.n32 = -5; s.n32 *= seven; out.value = u64(200 + s.small + s.n32)",
    200 - 56 - 35,
  ],
  [
    "an element of an array of structs by a value",
    "s.inners[seven & 3] = new Inner({ a: 1, b: 2 }); s.inners[two & 3]!.b += 5; out.value = u64(s.inners[3].both * 100 + s.inners[2].b)",
    65538 * 100 + 5,
  ],
  [
    "an array element by a value, compound",
    "const i = seven & 3; s.list[i] = 65535; s.list[i]! += 3; s.list[i]!++; out.value = u64(s.list[3])",
    3,
  ],
  ["a variable index that is outside", "out.value = u64((s.list[seven] ?? 50) + (s.list[two - seven] ?? 6))", 56],
  ["getters that call getters", "s.inner = new Inner({ a: 1, b: 2 }); out.value = u64(s.inner.twice + s.sum)", 131076],
  ["a method that gives its struct", "out.value = u64(s.inner.set(seven).set(two).a)", 2],
  [
    "a copy is not its original",
    "s.inner.a = 1; const c = copyOf(s.inner); s.inner.a = 2; c.b = 5; out.value = u64(c.a * 100 + s.inner.a * 10 + s.inner.b + c.b)",
    125,
  ],
  [
    "bytes are copied whole",
    "const h = ctx.header(Raw, 5) ?? exit(XdpAction.Drop); s.raw = h.raw; out.value = equals(s.raw, h.raw) ? u64(s.raw.length * 10 + overlay(Inner, s.raw).a) : 0n",
    35,
    { module: "class Raw extends struct({ raw: bytes(3) }) {}" },
  ],
  [
    "a struct of a struct in a struct",
    "const n = new S({ inner: new Inner({ b: word }), list: [one, two, seven, 4] }); n.inners[1] = n.inner; out.value = u64(n.inners[1].b + n.sum)",
    0x3e3f + 14,
  ],
  [
    "a value in two maps",
    "const n = new S({ wide: 3n }); table.update(1, n); n.wide = 4n; table.update(2, n); out.value = (table.lookup(1)?.wide ?? 0n) * 10n + (table.lookup(2)?.wide ?? 0n)",
    34,
  ],
  [
    "a field of an address",
    's.at = ipv4Address(word); out.value = u64(u32(s.at)) + (s.at === "60.61.62.63" ? 1n : 0n) + (inPrefix(s.at, "60.0.0.0/8") ? 1n : 0n)',
    0x3c3d3e3f + 2,
  ],
  [
    "halves of an IPv6 address",
    "const ip = ctx.header(ipv6Address, 0) ?? exit(XdpAction.Drop); const h = Ipv6Halves.from(ip.value); h.high >>= 8n; out.value = h.high + h.low",
    (0x0001020304050607n >> 8n) + 0x08090a0b0c0d0e0fn,
  ],
  [
    "swapping places through copies",
    "s.inners[0] = new Inner({ a: 1 }); s.inners[1] = new Inner({ a: 2 }); const t = copyOf(s.inners[0]); assign(s.inners[0], s.inners[1]); assign(s.inners[1], t); out.value = u64(s.inners[0].a * 10 + s.inners[1].a)",
    21,
  ],
  [
    "an overlay that writes",
    "class_: { overlay(Inner, s.raw).b = 0x0102; } out.value = u64(overlay(Inner, s.raw).both)",
    0x0102,
  ],
];

const flow: readonly Row[] = [
  [
    "switch with fall-through and a default in the middle",
    "let n = 0; switch (two) { case 1: n += 1; default: n += 10; case 2: n += 100; case 3: n += 1000; break; case 4: n += 10000; } out.value = u64(n)",
    1100,
  ],
  [
    "switch whose default falls",
    "let n = 0; switch (seven) { case 1: n += 1; break; default: n += 10; case 2: n += 100; } out.value = u64(n)",
    110,
  ],
  [
    "switch over true",
    "switch (true) { case one > 3: out.value = 1n; break; case seven > 3: out.value = 2n; break; }",
    2,
  ],
  [
    "continue in a switch in a loop",
    "let n = 0; for (const i of range(6)) { switch (i & 1) { case 0: continue; } n += i; } out.value = u64(n)",
    9,
  ],
  [
    "labelled loops, break and continue",
    "let n = 0; outer: for (let i = 0; i < 6; i++) { for (let j = 0; j < 6; j++) { if (j === two) continue outer; if (i === 4) break outer; n += i * 10 + j; } } out.value = u64(n)",
    124,
  ],
  ["a labelled block", "let n = 1; a: { if (seven === 7) break a; n = 2; } out.value = u64(n)", 1],
  ["do … while that goes once", "let n = 0; do { n += 1; } while (n < 0); out.value = u64(n)", 1],
  [
    "a loop of at most one round by a limit that the verifier does not see",
    "const limit = Math.trunc(word / 2388778585) & 3; let n = 0; for (let i = 0; i < limit; i++) { if (s.wide > 5n) return XdpAction.Tx; n += 10; } out.value = u64(n + limit)",
    0,
  ],
  [
    "an index from the high bits of a division",
    "const n = Math.trunc((i8(word) & 0xffffffff) / (ctx.ingressInterface >>> 12)) >>> 31; out.value = u64(s.list[n]!)",
    0,
  ],
  [
    "the remainder by a bigint that is zero is the dividend, and wide",
    "out.value = u64(i16(9223372036854775807n % u64(one - 1)) + 5)",
    4,
  ],
  ["for without a body", "let n = 0; for (let i = seven; i > 0; i -= 2) n++; out.value = u64(n)", 4],
  [
    "two counters",
    "let n = 0; for (let i = 0, j = 10; i < j; i++, j--) n += j - i; out.value = u64(n)",
    10 + 8 + 6 + 4 + 2,
  ],
  [
    "early return inside a loop of a function",
    "const first = (limit: number): number => { for (const i of range(20)) { if (i * i > limit) return i; } return -1; }; out.value = u64(first(seven) * 10 + first(90))",
    40,
  ],
  [
    "early return out of unrolled loops",
    "const at = (n: number): number => { for (const i of unroll(3)) for (const j of unroll(3)) if (i * 3 + j === n) return i * 10 + j; return 99; }; out.value = u64(at(seven) * 100 + at(9 + one))",
    2199,
  ],
  [
    "a loop over the packet",
    "let n = 0; for (const i of range(100)) { const b = ctx.header(u8, i); if (!b) break; n += b.value; } out.value = u64(n)",
    2016,
  ],
  [
    "while over a cursor",
    "const c = ctx.cursor(two); let n = 0; while (n < 10) { const b = c.take(be16); if (!b || c.offset > 500) break; c.skip(b.value & 3); n += 1; } out.value = u64(n * 100 + c.offset)",
    1000 + 41,
  ],
  [
    "a nullable that a loop fills",
    "let last: Inner | null = null; for (const i of range(4)) { const p = ctx.header(Inner, i * 10); if (p && p.a > two) last = p; } out.value = u64(last ? last.a : 99)",
    30,
  ],
  [
    "loop with a break and a captured bigint",
    "let w = 1n; const rounds = loop(20, (i) => { w *= 3n; return i === seven ? loop.Break : undefined; }); out.value = w * 100n + u64(rounds)",
    3n ** 8n * 100n + 8n,
  ],
  [
    "several exits in inlined functions",
    "const check = (n: number): number => { if (n > 50) exit(XdpAction.Drop); if (n > 5) exit(XdpAction.Tx); return n; }; out.value = 1n; out.value = u64(check(two)); check(seven); out.value = 9n",
    2,
    { verdict: XdpAction.Tx },
  ],
  [
    "exit in an operand",
    "out.value = 4n; out.value = u64(one + (seven > 3 ? exit(XdpAction.Drop) : 5))",
    4,
    { verdict: XdpAction.Drop },
  ],
  [
    "exit inside a loop",
    "for (const i of range(10)) { out.value = u64(i); if (i === seven) exit(XdpAction.Tx); }",
    7,
    { verdict: XdpAction.Tx },
  ],
  ["a verdict that is computed", "out.value = 1n; return (two + 1) as XdpAction", 1, { verdict: XdpAction.Tx }],
];

const loops: readonly Row[] = [
  [
    "many rounds",
    "let sum = 0; let w = 1n; const rounds = loop(100_000 + one, (i) => { sum += i & 7; w = w * 5n + u64(i); }); out.value = u64(sum) * 1_000_003n + w + u64(rounds)",
    13_779_548_999_183_616_198n,
  ],
  [
    "a break out of many rounds, a boolean and an address",
    'let found = false; let at = ipv4Address("10.0.0.1"); let last = 0; const rounds = loop(1_000_000, (i) => { if (i === 70_000 + seven) { found = true; at = ipv4Address(i); return loop.Break; } last = i; return undefined; }); out.value = u64(rounds + last) * 10n + (found ? u64(u32(at)) : 5n)',
    1_470_147,
  ],
  [
    "exit within many rounds",
    "let n = 0; loop(20_000, (i) => { n += two; if (i === 9_000 + seven) { out.value = u64(n); exit(XdpAction.Tx); } }); out.value = 1n",
    2 * 9008,
    { verdict: XdpAction.Tx },
  ],
  [
    "exits with several answers",
    "loop(20_000, (i) => { if (i === 10_000 * seven) exit(XdpAction.Drop); if (i === 1000 * seven) exit(one === 1 ? XdpAction.Tx : XdpAction.Drop); }); out.value = 1n",
    0,
    { verdict: XdpAction.Tx },
  ],
  [
    "no exit within many rounds",
    "let n = 0; loop(20_000, (i) => { if (i > 30_000 * one) exit(XdpAction.Tx); n = i; }); out.value = u64(n)",
    19_999,
  ],
  [
    "many rounds within many",
    "let n = 0; const rounds = loop(9_000, (i) => { const inner = loop(9_000 + one, (j) => { n += two; return j === 2 || i > 5 ? loop.Break : undefined; }); n += inner; return i === 20 ? loop.Break : undefined; }); out.value = u64(n) * 100n + u64(rounds)",
    9921,
  ],
  [
    "an exit within many rounds within many",
    "let n = 0; loop(9_000, (i) => { loop(9_000, (j) => { n += 1; if (i === two && j === seven) { out.value = u64(n); exit(XdpAction.Drop); } return j === 10 ? loop.Break : undefined; }); }); out.value = 1n",
    11 * 2 + 8,
    { verdict: XdpAction.Drop },
  ],
  [
    "an exit in a bounded loop within many rounds",
    "let n = 0; loop(10_000, (i) => { for (const j of range(3)) { const b = ctx.header(u8, j + (i & 7)) ?? exit(XdpAction.Drop); n += b.value; if (n > 500 * seven) { out.value = u64(n); exit(n > 3 ? XdpAction.Tx : XdpAction.Aborted); } } }); out.value = 1n",
    3501,
    { verdict: XdpAction.Tx },
  ],
  [
    "a bounded loop within many rounds",
    "let n = 0; loop(10_000, (i) => { for (const j of range(4)) n += j ^ (i & 1); }); out.value = u64(n)",
    60_000,
  ],
  [
    "many rounds that write a stack struct and a map value",
    "const t = new S({ wide: 1n, list: [1, 2, 3, 4] }); loop(12_000, (i) => { t.wide += u64(i); t.list[i & 3] = i & 0xff; t.inner.a = seven; s.inner = t.inner; s.inner.b = i & 0xffff; }); out.value = t.wide * 1000n + u64(t.list[2] ?? 0) + u64(s.inner.b + s.inner.a)",
    71_994_013_228,
  ],
  [
    "many rounds over the packet by offset",
    "let n = 0; const rounds = loop(60_000, (i) => { const b = ctx.header(u8, i); if (!b) return loop.Break; n += b.value; return undefined; }); out.value = u64(n) * 100n + u64(rounds)",
    2016 * 100 + 65,
  ],
  [
    "an index by a remainder that is no power of two",
    "const big = new Big({}); big.list[0] = 1n; const at = (word ^ (seven << 9)) % 58; big.list[at] = u64(at) + 5n; out.value = big.list[(word ^ (seven << 9)) % 58]! * 1000n + big.list[(word >>> 3) % 57]!",
    30_000,
    { module: "class Big extends struct({ list: array(u64, 58) }) {}\n" },
  ],
  [
    "rounds that could be called, where the stack has no place for what a call is handed",
    "const big = new Big({}); big.list[0] = 1n; let a = one; let b = two; let c = seven; let d = 1n; loop(8_000, (i) => { a = (a + b) & 0xff; b = (b ^ i) & 0xff; c = (c + a) & 0xff; d = d * 3n + u64(c); for (const j of range(7)) d += u64(j & a); }); out.value = d * 1000n + u64(a) + big.list[a & 31]!",
    7_421_735_356_145_001_641n,
    { module: "class Big extends struct({ list: array(u64, 63) }) {}\n" },
  ],
  [
    "many rounds over the elements of a captured header",
    "const h = ctx.header(Bytes, 10) ?? exit(XdpAction.Drop); let n = 0; loop(9_000, (i) => { n += h.list[i & 7]!; h.list[(i + two) & 7] = i & 0x3f; }); out.value = u64(n)",
    282_964,
    { module: "class Bytes extends struct({ list: array(u8, 8) }) {}\n" },
  ],
  [
    "many rounds over the elements of metadata",
    "const m = ctx.adjustMeta(-8) ? ctx.metadata(Bytes) : null; if (!m) exit(XdpAction.Drop); for (const j of range(8)) m.list[j] = j; let n = 0; loop(9_000, (i) => { n += m.list[i & 7]!; m.list[(i + two) & 7] = i & 0x3f; }); out.value = u64(n) * 10n + u64(m.list[one & 7]!)",
    2_829_479,
    { module: "class Bytes extends struct({ list: array(u8, 8) }) {}\n" },
  ],
  [
    "many rounds over a captured header",
    "const h = ctx.header(Inner, 10) ?? exit(XdpAction.Drop); let n = 0; loop(30_000, (i) => { n += h.a; if (i === 50 * seven) h.a = 0; }); out.value = u64(n)",
    10 * 351,
  ],
  [
    "many rounds with a cursor",
    "const c = ctx.cursor(one); let n = 0; const rounds = loop(30_000, () => { const b = c.take(be16); if (!b || c.offset > 500) return loop.Break; n += b.value & 3; c.skip(two); return undefined; }); out.value = u64(n) * 10_000n + u64(rounds * 100 + c.offset)",
    321_765,
  ],
  [
    "many rounds with a nullable place, a nullable number and a record",
    "const v = table.lookup(1); const p = { at: two, by: seven }; let best: number | null = null; loop(9_001, (i) => { if (v) v.wide = v.wide + 1n; if ((i & 0xff) === p.by) best = best === null ? i : best + p.at; }); out.value = u64(best ?? 3) + (v ? v.wide : 100n)",
    177,
  ],
  [
    "many rounds in a subprogram",
    "out.value = u64(total(two, s)) + s.wide",
    119_999,
    {
      module:
        "const total = subprogram((by: number, place: S): number => { let n = 0; loop(40_000, (i) => { n += by & 3; place.wide = u64(i); }); return u32(n); });",
    },
  ],
  [
    "many rounds of a function of the module, and none",
    "const a = loop(50_000, count); const b = loop(two - seven + (word & 0xffff), count); const c = loop((word & 1) * 10_000 - 10_000, count); out.value = BigInt(s.wide) + u64(a * 100 + b * 10 + c)",
    4_243_394,
    {
      module: "function count(i: number): boolean { cpu.at(0).wide = cpu.at(0).wide + u64(i & 3); return i > 40_000; }",
    },
  ],
  [
    "many rounds that move the packet",
    "let n = 0; const rounds = loop(10_000, () => { n += 1; return ctx.adjustHead(2) && n < 10 * one ? undefined : loop.Break; }); const h = ctx.header(u8, 0) ?? exit(XdpAction.Drop); out.value = u64(rounds * 1000 + h.value)",
    10_020,
  ],
  [
    "a variable that only some rounds set, as an index",
    "let at = 0; loop(20_000, (i) => { if ((i & 7) === seven) at = 0; else at = (at + 1) & 3; s.list[at] = i & 0xff; }); out.value = u64((s.list[0] ?? 0) * 10 + at)",
    310,
  ],
  [
    "closures that many rounds call, which set what is around them",
    "let n = 0; let w = 1n; const add = (x: number): void => { n += x; }; const both = (f: (x: number) => void): void => { f(two); w = w * 3n + u64(n); }; loop(9_000, (i) => { if ((i & 1) === 0) both(add); else add(one); }); out.value = u64(n) + w",
    7_743_589_456_008_735_915n,
  ],
  [
    "many rounds in a callback, and a callback in many rounds",
    "table.update(1, new S({ wide: 1n })); table.update(2, new S({ wide: 2n })); const all = table.forEach((v) => { let n = 0; loop(9_000, (i) => { n += i & 1; return n === 100 ? loop.Break : undefined; }); v.wide = v.wide + u64(n); }); let m = 0; loop(9_000, (i) => { m += table.forEach((v) => { v.wide = v.wide + 1n; }); return i === 3 ? loop.Break : undefined; }); out.value = u64(all * 10 + m) * 1000n + (table.lookup(2)?.wide ?? 0n)",
    28_106,
  ],
  [
    "many rounds that update, delete and count",
    "loop(9_000, (i) => { table.update(i & 3, new S({ wide: u64(i) })); if ((i & 3) === 2) table.delete(2); }); out.value = (table.lookup(3)?.wide ?? 0n) + (table.lookup(2) ? 100_000n : 200_000n)",
    208_999,
  ],
  [
    "a local of the body, a tuple and a switch in many rounds",
    "let a = one; let b = two; loop(9_000, (i) => { const [x, y] = [a, b]; switch (i & 3) { case 0: a = y; b = x; break; case 1: a = (x + 1) & 0xff; break; default: b = y ^ (i & 0x3f); } }); out.value = u64(a * 1000 + b + 7)",
    1009,
  ],
  [
    "many rounds after which facts of before are no longer true",
    "let n = two; if (n < 5) { loop(9_000, (i) => { n = i; }); out.value = n < 5 ? 1n : u64(n); }",
    8999,
  ],
  [
    "a large body of few rounds",
    "let n = 0; loop(2_000, (i) => { for (const j of unroll(12)) { if ((i & (1 << j)) !== 0) n += (s.list[i & 3] ?? 0) + j; } s.list[i & 3] = n & 0xff; }); out.value = u64(n)",
    1_415_611,
  ],
];

const functions: readonly Row[] = [
  [
    "nested closures over staged values",
    "const make = (k: number) => (n: number) => (m: number) => n * k + m; const by3 = make(3); out.value = u64(by3(seven)(two) + make(4)(one)(one))",
    28,
  ],
  [
    "a closure that writes what it captured",
    "let n = 0; const add = (k: number) => { n += k; return n; }; add(two); add(seven); out.value = u64(n * 10 + add(one))",
    100,
  ],
  [
    "default arguments that use others",
    "const f = (a: number, b = a + 1, c = b * 2) => a * 100 + b * 10 + c; out.value = u64(f(one) * 1000 + f(one, 5))",
    124000 + 160,
  ],
  [
    "functions of the module that take functions",
    "out.value = u64(apply(seven, (x) => x * two) + apply(one, double))",
    16,
    {
      module:
        "const apply = (n: number, f: (x: number) => number): number => f(n);\nfunction double(x: number) { return x * 2; }",
    },
  ],
  [
    "a list of functions of the module",
    "let n = two; for (const f of steps) n = f(n); out.value = u64(n)",
    12,
    { module: "const steps = [(x: number) => x + 1, (x: number) => x * 4];" },
  ],
  [
    "a table of functions by name",
    'out.value = u64(rules.add(one, seven) * 100 + rules["mul"](two, seven))',
    814,
    { module: "const rules = { add: (a: number, b: number) => a + b, mul: (a: number, b: number) => a * b };" },
  ],
  [
    "a template of maps",
    "for (const map of maps) map.update(seven, u64(map.name.length)); out.value = (a.lookup(7)?.value ?? 0n) * 10n + (bb.lookup(7)?.value ?? 0n)",
    12,
    {
      module:
        "const make = () => new HashMap({ key: u32, value: u64, maxEntries: 4 });\nexport const a = make();\nexport const bb = make();\nconst maps = [a, bb];",
    },
  ],
  [
    "a factory of programs' parts",
    "out.value = u64((read(Inner, 4)?.a ?? 0) + (read(Inner, 63)?.a ?? 5)); function read(Layout: typeof Inner, at: number) { return ctx.header(Layout, at); }",
    9,
  ],
  [
    "a generic over a layout",
    "out.value = u64(first(ctx, u8, 3) * 100 + first(ctx, be16, 63))",
    399,
    {
      module:
        "function first(ctx: XdpContext, S: typeof u8 | typeof be16, at: number): number {\nconst cell = ctx.header<number>(S, at);\nreturn cell ? cell.value : 99;\n}",
    },
  ],
  [
    "a cursor through functions",
    "const c = ctx.cursor(); const next = (cursor: Cursor) => (cursor.take(u8) ?? exit(XdpAction.Drop)).value; next(c); out.value = u64(next(c) * 100 + next(c) * 10 + c.offset)",
    123,
  ],
  [
    "a function declared behind its use",
    "out.value = u64(later(two)); function later(n: number) { return n * 50; }",
    100,
  ],
  [
    "shadowed names",
    "const n = 1; { const n = two; { const n = seven; out.value = u64(n); } out.value += u64(n); } out.value += u64(n)",
    10,
  ],
  [
    "a route between addresses given as text",
    'const route = fibLookup(ctx, { source: "192.0.2.1", destination: "127.0.0.1", totalLength: 40 });\nout.value = route.found ? 1n : 2n;',
    2,
  ],
];

const records: readonly Row[] = [
  [
    "destructuring with names and defaults",
    "const { a, b: second, c = 9 } = { a: one, b: two, c: undefined as number | undefined }; out.value = u64(a * 100 + second * 10 + c)",
    129,
  ],
  [
    "destructuring of tuples with holes",
    "const [first, , third = 4] = [one, two]; out.value = u64((first ?? 0) * 10 + third)",
    14,
  ],
  [
    "destructuring in parameters",
    "const f = ({ a, b = 3 }: { a: number; b?: number }, [c]: readonly [number]) => a * 100 + b * 10 + c; out.value = u64(f({ a: seven }, [two]))",
    732,
  ],
  [
    "destructuring of a struct",
    "s.inner = new Inner({ a: 3, b: 4 }); const { inner: { a, both }, list: { length } } = s; out.value = u64(a * 1000000 + both + length)",
    3000000 + 3 * 65536 + 4 + 4,
  ],
  [
    "a record of records",
    "const r = { x: { y: seven, z: [one, two] } } as const; const { x } = r; out.value = u64(x.y * 100 + x.z[0] * 10 + x.z[1] + x.z.length)",
    714,
  ],
  [
    "records that differ by a flag",
    "const f = (n: number): { ok: true; n: number } | { ok: false; why: number } => (n > 5 ? { ok: true, n } : { ok: false, why: n * 2 }); const a = f(seven); const b = f(two); out.value = u64((a.ok ? a.n : 90 + a.why) * 100 + (b.ok ? b.n : 90 + b.why) + (!a.ok ? a.why : 1000))",
    1794,
  ],
  [
    "a nullable record with a place",
    "const f = (at: number): { place: Inner; end: number } | null => { const place = ctx.header(Inner, at); return place ? { place, end: at + 3 } : null; }; const r = f(10) ?? exit(XdpAction.Drop); r.place.a = seven; out.value = u64(r.place.both + r.end + (f(62) ? 100 : 0))",
    7 * 65536 + 0x0b0c + 13,
  ],
  [
    "a plain object as a map's key and value",
    "const n = pairs.update({ a: seven, b: two }, { x: 1, y: [two, one] }); const found = pairs.lookup({ a: seven, b: two }); out.value = u64((found?.y[0] ?? 90) * 10 + (n ? 1 : 0))",
    21,
    {
      module:
        "class Key extends struct({ a: u32, b: u32 }) {}\nclass Pair extends struct({ x: u32, y: array(u16, 2) }) {}\nexport const pairs = new HashMap({ key: Key, value: Pair, maxEntries: 4 });",
    },
  ],
  [
    "a record with functions",
    "const r = { twice: (n: number) => n * 2, base: seven }; const twice = (k: typeof r) => k.twice(k.base); out.value = u64(twice(r))",
    14,
  ],
  [
    "functions that outlive their block",
    "let f = () => 1; { const k = two; f = () => k * 10; } { const k = seven; void k; } out.value = u64(f())",
    20,
  ],
];

const stores: readonly Row[] = [
  [
    "update modes",
    'const a = counts.update(1, 5n, "create"); const b = counts.update(1, 6n, "create"); const c = counts.update(2, 6n, "replace"); const d = counts.update(1, 7n, "replace"); out.value = u64((a ? 1 : 0) + (b ? 10 : 0) + (c ? 100 : 0) + (d ? 1000 : 0)) + (counts.lookup(1)?.value ?? 0n)',
    1008,
  ],
  [
    "delete, and what is gone",
    "counts.update(seven, 1n); const a = counts.delete(seven); const b = counts.delete(seven); out.value = a && !b && counts.lookup(seven) === null ? 1n : 2n",
    1,
  ],
  [
    "lookupOrInsert twice",
    "const a = counts.lookupOrInsert(two, 3n); if (a) a.value = a.value + 1n; const b = counts.lookupOrInsert(two, 9n); out.value = b ? b.value : 99n",
    4,
  ],
  [
    "keys that are parts of the packet",
    "const k = ctx.header(u32, 8) ?? exit(XdpAction.Drop); counts.update(k.value, 2n); out.value = (counts.lookup(0x0b0a0908)?.value ?? 9n)",
    2,
  ],
  [
    "an address out of the packet for a filter",
    "const at = ctx.header(ipv4Address, 30) ?? exit(XdpAction.Drop); filter.add(at.value); out.value = filter.has(at.value) && filter.has('30.31.32.33') ? 1n : 2n",
    1,
    { module: "export const filter = new BloomFilter({ value: ipv4Address, maxEntries: 8 });" },
  ],
  [
    "a struct out of the packet for a filter",
    "const place = ctx.header(Inner, 30) ?? exit(XdpAction.Drop); filter.add(place); out.value = filter.has(place) ? 1n : 2n",
    1,
    { module: "export const filter = new BloomFilter({ value: Inner, maxEntries: 8 });" },
  ],
  [
    "a header as a record of a ring buffer",
    "const ip = ctx.header(Ipv4, 14) ?? exit(XdpAction.Drop); out.value = events.output(ip) ? 1n : 2n",
    1,
    { module: "export const events = new RingBuffer({ value: Ipv4, bytes: 4096 });" },
  ],
  [
    "bytes of the packet stored elsewhere in it",
    "const from = ctx.header(Ipv6, 14) ?? exit(XdpAction.Drop); if (!ctx.storeBytes(0, from)) return XdpAction.Drop; const first = ctx.header(be32, 0) ?? exit(XdpAction.Drop); out.value = u64(first.value)",
    0x0e0f1011,
  ],
  [
    "a queue of structs",
    "queue.push(new Inner({ a: one, b: two })); queue.push(new Inner({ a: seven })); const first = queue.pop() ?? exit(XdpAction.Drop); const second = queue.peek(); out.value = u64(first.both * 10 + (second?.a ?? 0))",
    65538 * 10 + 7,
    { module: "export const queue = new Queue({ value: Inner, maxEntries: 4 });" },
  ],
  [
    "atomics of a global and of an i32",
    "atomic.add(out, 'value', 5n); const old = atomic.fetchAdd(out, 'value', u64(two)); const e = table.lookupOrInsert(1, new S({ n32: -5 })) ?? exit(XdpAction.Drop); const was = atomic.exchange(e, 'n32', seven); atomic.add(e, 'n32', -9); out.value += old * 100n + u64(was + 5) + u64(e.n32 + 10)",
    7 + 500 + 8,
  ],
  [
    "atomics of a global struct",
    "atomic.add(tally.value, 'hits', 3n); atomic.add(tally.value, 'hits', u64(two)); out.value = tally.value.hits",
    5,
    { module: "class Tally extends struct({ hits: u64, misses: u32 }) {}\nexport const tally = global(Tally);" },
  ],
  [
    "a lock and several ways out of its body",
    "const e = locked.lookupOrInsert(1, new Guarded({ n: 4 })) ?? exit(XdpAction.Drop); const f = (k: number) => withLock(e.lock, () => { if (k > 5) return e.n; e.n += k; if (k > 1) return 100; return 200; }); out.value = u64(f(seven) + f(two) + f(one) + e.n)",
    4 + 100 + 200 + 7,
    {
      module:
        "class Guarded extends struct({ lock: spinLock, n: u32 }) {}\nexport const locked = new HashMap({ key: u32, value: Guarded, maxEntries: 2 });",
    },
  ],
  [
    "the checksum of a part of the packet",
    "out.value = u64(checksumPacket(ctx, two, seven, 64) ?? 0) * 100000n + u64(checksumPacket(ctx, 60, seven, 64) ?? 7)",
    BigInt(0xffff - (0x0203 + 0x0405 + 0x0607 + 0x0800)) * 100000n + 7n,
  ],
  ["the offset of a field", "out.value = u64(S.offsetOf('wide') * 100 + Inner.offsetOf('b') + Inner.size)", 804],
  [
    "a packet that moved, and values that survive",
    "const e = ctx.header(Ethernet, 0) ?? exit(XdpAction.Drop); const { source } = e; if (!ctx.adjustHead(8)) return XdpAction.Drop; const f = ctx.header(Ethernet, 0) ?? exit(XdpAction.Drop); f.source = source; out.value = u64(f.source) + u64(ctx.length)",
    0x060708090a0bn + 56n,
  ],
  [
    "prepend in a loop",
    "for (const n of unroll(3)) { const i = ctx.prepend(Inner); if (!i) return XdpAction.Drop; i.a = n; i.b = seven; } out.value = u64(ctx.length * 100 + (ctx.header(u8, 0)?.value ?? 9))",
    7302,
  ],
];

const ROWS: readonly Row[] = [
  ...offsets,
  ...checksums,
  ...nothings,
  ...signs,
  ...locks,
  ...subprograms,
  ...callbacks,
  ...ranges,
  ...expressions,
  ...bigints,
  ...fields,
  ...flow,
  ...loops,
  ...functions,
  ...records,
  ...stores,
];
const CASES = ROWS.map((row, index) => ({ row, name: row[0], file: `accepted-${index}.xdp.ts` }));

const textOf = ([, body, , { module = "" } = {}]: Row): string =>
  `${HEAD}${module}\n${START}${body};\nreturn XdpAction.Pass;\n});\n`;

const modules = new Map<string, Exports>();
function moduleOf(row: Row, file: string): Exports {
  const known = modules.get(file) ?? loadText(textOf(row), file);
  modules.set(file, known);
  return known;
}

const runOf = ([, , , { length = 64 } = {}]: Row) => ({
  maps: [],
  packets: [Uint8Array.from({ length }, (_, i) => i)],
});

const expectedOf = ([, , out, { verdict = XdpAction.Pass } = {}]: Row) => ({
  action: verdict,
  out: String(BigInt.asUintN(64, BigInt(out))),
});

const answerOf = ({ verdicts, state }: Observation) => ({ action: verdicts[0]!.action, out: state["out"]?.[0] });

it.each(CASES)("$name: V8", ({ row, file }) => {
  expect(answerOf(observe(moduleOf(row, file), runOf(row)))).toEqual(expectedOf(row));
});

/** Verdict, bytes, maps and globals are those of V8. */
async function expectSame(row: Row, file: string, engine: EngineName): Promise<void> {
  const exports = moduleOf(row, file);
  const found = await observeCompiled(exports, compiledObject(exports), runOf(row), engine);
  expect(answerOf(found)).toEqual(expectedOf(row));
  expect(found).toEqual(comparable(observe(exports, runOf(row)), found));
}

describe("in the interpreter", () => {
  it.each(CASES)("$name", async ({ row, file }) => expectSame(row, file, "interpreter"));
});

suite("in the kernel", ["bpf"], () => {
  beforeAll(() => pinThread(0));
  it.each(CASES)("$name", async ({ row, file }) => expectSame(row, file, "kernel"));
});

it("stock tsc --strict takes them", () => {
  expect(Object.fromEntries(typeErrors(new Map(CASES.map(({ row, file }) => [file, textOf(row)]))))).toEqual({});
});

it("the first instruction of each function has a line: libbpf's way into the kernel is refused without", () => {
  const functions = CASES.flatMap(({ row, file }) => compiledObject(moduleOf(row, file)).functions);
  expect(functions.filter(({ lines }) => lines[0]?.instruction !== 0).map(({ name }) => name)).toEqual([]);
});

it("each row stands once", () => {
  expect(new Set(ROWS.map(([name]) => name)).size).toBe(ROWS.length);
  expect(ROWS.length).toBeGreaterThan(60);
});
