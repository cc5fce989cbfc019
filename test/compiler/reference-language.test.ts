/** What the reference says of single expressions and statements, where the language differs from JavaScript or could. */
import { describe, expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { type Global, XdpAction } from "../../src/lang/index.ts";
import { bytes, struct, u64 } from "../../src/schema/index.ts";
import { loadText } from "../support/load-module.ts";
import { checksumAdd, checksumFinish, checksumReplace, jhash, jhashWords } from "../support/reference/checksums.ts";
import { createReference, type ReferenceProgram } from "../support/reference/index.ts";
import { stackPlace } from "../support/reference/places.ts";

let texts = 0;

const HEAD = `import { array, assign, atomic, be16, be32, bits, bool, bytes, copyOf, equals, exit, flag, global, HashMap, i16, i32, i64, i8, inPrefix, ipv4Address, ipv6Address, loop, LpmTrie, mac, Outcomes, overlay, PerCpuArray, Queue, range, struct, u16, u32, u64, u8, unroll, xdp, XdpAction } from "xdpkit";
import { Ethernet, Ipv4, Ipv6, Udp } from "xdpkit/packet";
class Inner extends struct({ a: u8, b: be16 }) { get both() { return this.a * 65536 + this.b; } plus(n: number) { return this.b + n; } }
class S extends struct({ small: i8, wide: u64, signed: i64, high: bits(3), low: bits(13), on: flag, rest: bits(7), inner: Inner, list: array(u16, 4), raw: bytes(3), at: ipv4Address }) {}
const [zero, one, minus, big, top] = [0, 1, -1, 0xffffffff, 2 ** 40 + 5];
const [zero64, one64, max64] = [0n, 1n, 0xffffffffffffffffn];
`;

const PACKET = Uint8Array.from({ length: 64 }, (_, i) => i);

/** Runs statements in a program; what they assign to `out.value`. */
function evaluate(statements: string, packet = PACKET): { out: bigint; action: number; packet: Uint8Array } {
  const text = `${HEAD}export const out = global(u64);
export const program = xdp((ctx) => { ${statements}; return XdpAction.Pass; });\n`;
  const { out, program } = loadText(text, `language-${texts++}.xdp.ts`);
  const machine = createReference(program as ReferenceProgram);
  const result = machine.run(packet);
  return { ...result, out: machine.map(out as Global<bigint>).value };
}

/** Negative numbers as 64-bit ones. */
const word = (value: number | bigint | boolean): bigint => BigInt.asUintN(64, BigInt(value));

it.each<[expression: string, value: number | bigint | boolean]>([
  ["1 << 31", 0x80000000],
  ["~zero", 0xffffffff],
  ["minus & 0xff000000", 0xff000000],
  ["minus ^ one", 0xfffffffe],
  ["big >> 4", 0x0fffffff],
  ["big >>> 4", 0x0fffffff],
  ["top & 0xff", 5],
  ["top >> 0", 5],
  ["zero - 1", -1],
  ["big + big", 0x1fffffffe],
  ["Math.trunc(minus * 7 / 2)", -3],
  ["Math.trunc(7 / zero)", 0],
  ["7 % zero", 7],
  ["Math.min(zero, minus) + Math.max(one, 3)", 2],
  ["u8(300) + i8(200)", 44 - 56],
  ["i16(0x18000) + i32(big) + u16(minus)", -32768 - 1 + 65535],
  ["u32(max64) + u32(top)", 0xffffffff + 5],
  ["one64 - 2n", -1n],
  ["max64 * max64", 1n],
  ["-one64", -1n],
  ["~zero64 >> 1n", 0x7fffffffffffffffn],
  ["one64 << 63n", 1n << 63n],
  ["one64 << 64n", 0n],
  ["5n / zero64", 0n],
  ["5n % zero64", 5n],
  ["i64(1n) - i64(2n) < 0n", true],
  ["one64 - 2n < 0n", false],
  ["(i64(1n) - 2n) / 1n === -1n", true],
  ["u64(i64(minus)) > 5n", true],
  ["i64(max64) >> 1n === i64(-1n)", true],
  ["(i64(zero) ? 1 : 2) + (i64(zero) || one64 ? 10 : 20) + (!i64(zero) ? 100 : 200)", 112],
  ["BigInt(big) + u64(minus)", 0xfffffffen],
  ["one64 < 2", true],
  ["big === 0xffffffff && top > big", true],
  ["ipv4Address(0xc0000201) === '192.0.2.1'", true],
  ["u32(ipv4Address('192.0.2.1'))", 0xc0000201],
  ["u64(mac('02:00:00:00:00:01'))", 0x020000000001n],
  ["inPrefix('2001:db8:ffff::1', '2001:db8::/32')", true],
  ["inPrefix('10.128.0.0', '10.0.0.0/9')", false],
])("%s", (expression, value) => {
  expect(evaluate(`const it = ${expression}; out.value = typeof it === "boolean" ? (it ? 1n : 0n) : u64(it)`).out).toBe(
    word(value),
  );
});

it.each<[statements: string, value: number | bigint]>([
  ["let x = 250; x += 10; x *= 2; x--; out.value = u64(x++)", 519],
  ["let x = max64; x++; x -= 2n; out.value = x", -2n],
  ["const s = new S({ small: 5 }); s.small += 200; out.value = u64(s.small)", -51],
  ["const s = new S(); s.low = 0x3fff; s.high = 9; out.value = u64(s.low * 8 + s.high)", 0x1fff * 8 + 1],
  ["const s = new S(); s.on = true; s.wide -= 1n; out.value = s.on ? s.wide : 0n", -1n],
  ["const s = new S({ signed: 3n }); s.signed -= 5n; out.value = s.signed < 0n ? 1n : 2n", 1],
  [
    "const s = new S({ inner: { a: 1, b: 0x12345 } }); out.value = u64(s.inner.both + s.inner.plus(1))",
    0x12345 + 0x2346,
  ],
  [
    "const s = new S(); const t = s.inner; t.a = 7; const c = copyOf(s); t.a = 8; out.value = u64(s.inner.a * 10 + c.inner.a)",
    87,
  ],
  [
    "const s = new S({ list: [1, 2, 3, 4] }); s.list[2] = 65539; let n = 0; for (const e of s.list) n += e; out.value = u64(n)",
    10,
  ],
  ["const s = new S(); out.value = u64((s.list[9] ?? 77) + s.list.length)", 81],
  [
    "const a = new S({ small: 1 }); const b = new S({ small: 1 }); out.value = equals(a, b) && a instanceof S ? 1n : 0n",
    1,
  ],
  [
    "const a = new S(); assign(a.inner, new Inner({ a: 1, b: 2 })); a.inner = { a: a.inner.b, b: a.inner.a }; out.value = u64(a.inner.both)",
    0x20001,
  ],
  [
    "class U extends struct({ x: be16, y: u8 }) {} const s = new S({ raw: new Uint8Array([1, 2, 3]) }); out.value = u64(overlay(U, s.raw).x)",
    0x102,
  ],
  ["const h = Inner.from(copyOf(new S({ raw: new Uint8Array([9, 1, 0]) }).raw)); out.value = u64(h.both)", 0x90100],
  [
    "const c = ctx.cursor(4); c.skip(2); const a = c.take(be16); const b = c.peek(be32, 1); out.value = u64((a?.value ?? 0) + (b?.value ?? 0) + c.offset)",
    0x0607 + 0x090a0b0c + 8,
  ],
  [
    "let n = 0; for (const i of range(2, 5)) { if (i === 3) continue; n = n * 10 + i; } for (const i of unroll(3)) n += i; out.value = u64(n)",
    27,
  ],
  [
    "let n = 0; const rounds = loop(9, (i) => { n += i; return i === 3 ? loop.Break : undefined; }); out.value = u64(n * 10 + rounds)",
    64,
  ],
  [
    "switch (i64(-1n)) { case 1n: out.value = 1n; break; case i64(-1n): out.value = 2n; break; default: out.value = 3n; }",
    2,
  ],
  [
    "out.value = 5n; atomic.add(out, 'value', 3n); const old = atomic.exchange(out, 'value', 10n); out.value += old",
    18,
  ],
  ["out.value = 1n; if (atomic.compareExchange(out, 'value', 1n, 4n) === 1n) atomic.or(out, 'value', 3n)", 7],
  [
    "const f = (x: number): { y: number } | null => (x > 3 ? null : { y: x }); out.value = u64((f(2)?.y ?? 0) + (f(4)?.y ?? 50))",
    52,
  ],
  ["out.value = 1n; const g = (): number => { out.value = 2n; return exit(XdpAction.Drop); }; g(); out.value = 3n", 2],
])("%s", (statements, value) => {
  expect(evaluate(statements).out).toBe(word(value));
});

describe("the packet", () => {
  it.each<[statements: string, hexadecimal: string]>([
    [
      "const e = ctx.header(Ethernet, 0)!; const t = e.source; e.source = e.destination; e.destination = t",
      "060708090a0b0001020304050c0d",
    ],
    ["ctx.removeHead(50)", "32333435363738393a3b3c3d3e3f"],
    ["const e = ctx.replaceHead(60, Ethernet); if (e) e.etherType = 0x0800", "2e2f303132333435363738390800"],
    ["ctx.adjustHead(4); ctx.adjustHead(-4)", "000102030405060708090a0b0c0d"],
    ["const s = new Inner(); ctx.loadBytes(2, s); s.b += 1; ctx.storeBytes(0, s)", "0203050304050607"],
    ["const f = ctx.header(Udp, 0)!; f.length = f.length + 0x10000; f.checksum = -1", "000102030405ffff08"],
  ])("%s", (statements, expected) => {
    expect(printHex(evaluate(statements).packet).slice(0, expected.length)).toBe(expected);
  });

  it.each<[expression: string, value: number]>([
    ["ctx.adjustHead(-216) ? ctx.length : 0", 280],
    ["ctx.adjustHead(-217) ? 1 : ctx.length", 64],
    ["ctx.adjustHead(51) ? 1 : ctx.length", 64],
    ["ctx.setLength(14) ? ctx.length : 0", 14],
    ["ctx.setLength(13) ? 1 : 0", 0],
    ["ctx.adjustTail(4096 - 320 - 256 - 64) ? ctx.length : 0", 3520],
    ["ctx.adjustTail(4096 - 320 - 256 - 63) ? 1 : 0", 0],
    ["ctx.adjustMeta(-252) ? 1 : 0", 0],
    ["ctx.adjustMeta(-216) && ctx.metadata(Ipv4) !== null ? 1 : 0", 1],
    ["ctx.prependMetadata(Inner) ? 1 : ctx.metadata(Ipv4) ? 2 : 3", 3],
    ["ctx.header(Ipv6, 24) ? 1 : 0", 1],
    ["ctx.header(Ipv6, 25) ? 1 : 0", 0],
  ])("%s", (expression, value) => {
    expect(evaluate(`out.value = u64(${expression})`).out).toBe(BigInt(value));
  });

  it.each([
    ["const e = ctx.header(Ethernet, 0)!; ctx.adjustHead(4); e.etherType = 1", "after the packet was adjusted"],
    ["ctx.header(Ethernet, 65536)", "offset 65536"],
    ["out.value = u64(top * top)", "beyond 2^53"],
  ])("%s is no program", (statements, message) => {
    expect(() => evaluate(statements)).toThrow(message);
  });
});

/** Vectors from the C code of include/linux/jhash.h on a little-endian machine. */
describe("jhash is the kernel's", () => {
  class Octets extends struct({ bytes: bytes(29) }) {}
  const counting = Uint8Array.from({ length: 29 }, (_, i) => i);
  it.each<[what: string, value: unknown, seed: number, hash: number]>([
    ["jhash_1word", 0x12345678, 0, 3158578213],
    ["jhash_1word of zero", 0, 0xdeadbeef, 4195302278],
    ["an IPv4 address", "192.0.2.1", 7, 304902602],
    ["an IPv6 address", "2001:db8::1", 0, 240847579],
    ["a MAC address", "02:00:00:00:00:01", 3, 1907579329],
    ["29 bytes", stackPlace(Octets, counting), 5, 4100475573],
    ["12 bytes", stackPlace(bytes(12), counting.slice(0, 12)), 1, 1161759735],
    ["13 bytes", stackPlace(bytes(13), counting.slice(0, 13)), 1, 3386467838],
    ["24 bytes", stackPlace(bytes(24), counting.slice(0, 24)), 1, 1946195423],
  ])("%s", (_, value, seed, hash) => {
    expect(jhash(value, seed)).toBe(hash);
  });
  it("jhash_3words", () => {
    expect([jhashWords(1, 2, 3, 4), jhashWords(443, 53, 0, 0)]).toEqual([2164462655, 2950282128]);
  });
});

describe("checksums", () => {
  it("RFC 1071 section 3: 0001 f203 f4f5 f6f7 sums to ddf2", () => {
    const place = stackPlace(u64, Uint8Array.of(0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7));
    expect([checksumAdd(0, place), checksumFinish(checksumAdd(0, place))]).toEqual([0x2ddf0, 0xffff - 0xddf2]);
    expect(checksumAdd(1, "1.2.3.4") + checksumAdd(0, 0x10002)).toBe(1 + 0x102 + 0x304 + 1 + 2);
  });
  it("RFC 1624 section 4: dd2f, 5555 becomes 3285, gives 0000", () => {
    expect(checksumReplace(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
    expect(checksumReplace(0x1234, "10.0.0.1", "10.0.0.1")).toBe(0x1234);
  });
  it("a program that ends by exit gives its action", () => {
    expect(evaluate("exit(XdpAction.Tx)").action).toBe(XdpAction.Tx);
  });
});
