import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type ErrorCode, printHex, XdpkitError } from "../base/index.ts";
import {
  array,
  be16,
  be32,
  be64,
  bits,
  bool,
  bytes,
  decode,
  encode,
  encodeInto,
  flag,
  fromJson,
  i8,
  i16,
  i32,
  i64,
  ipv4Address,
  ipv6Address,
  isGiven,
  layoutOf,
  leaveOut,
  mac,
  named,
  parseValue,
  print,
  type Schema,
  type StructLayout,
  sameValue,
  spinLock,
  struct,
  type TypeOf,
  timer,
  toJson,
  u8,
  u16,
  u32,
  u64,
  zero,
} from "./index.ts";

const Protocol: Readonly<Record<string, number>> = { Tcp: 6, Udp: 17 };
class Ip extends struct({
  version: bits(4),
  ihl: bits(4),
  dscp: bits(6),
  ecn: bits(2),
  totalLength: be16,
  identification: be16,
  reserved: flag,
  dontFragment: flag,
  moreFragments: flag,
  fragmentOffset: bits(13),
  ttl: u8,
  protocol: named(u8, Protocol),
  checksum: be16,
  source: ipv4Address,
  destination: ipv4Address,
}) {
  get headerLength(): number {
    return this.ihl * 4;
  }
}
class Key extends struct({ address: ipv6Address, port: be16, protocol: u8 }) {}
class Entry extends struct({ key: Key, packets: u64, tags: array(u16, 3) }) {}

/** Code and path of what `run` throws. */
function refusal(run: () => unknown): [ErrorCode, string | undefined] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    expect(error.hint).toMatch(/./);
    return [error.code, error.at?.kind === "path" ? error.at.path : undefined];
  }
  throw new Error("nothing was thrown");
}
const hex = (data: Uint8Array) => printHex(data);

describe("casts wrap as the instruction set does", () => {
  it.each([
    [u8, 256, 0],
    [u8, -1, 255],
    [u16, 65537n, 1],
    [u32, 2 ** 40 + 7, 7],
    [u32, -1, 0xffffffff],
    [u32, true, 1],
    [u32, "192.0.2.1", 0xc0000201],
    [i8, 128, -128],
    [i16, 0x18000, -32768],
    [i32, 2 ** 31, -(2 ** 31)],
    [i32, -5n, -5],
  ] as const)("%# to %s", (cast, value, expected) => {
    expect(cast(value)).toBe(expected);
  });
  it("64 bits", () => {
    expect(u64(-1)).toBe(2n ** 64n - 1n);
    expect(i64(2n ** 63n)).toBe(-(2n ** 63n));
    expect(u64("02:00:00:00:00:01")).toBe(0x020000000001n);
  });
  it("refuses fractions and other text", () => {
    expect(refusal(() => u8(1.5))).toEqual(["SCHEMA_TYPE", "$"]);
    expect(refusal(() => u32("nonsense"))).toEqual(["SCHEMA_ADDRESS", "$"]);
  });
  it("agrees with BigInt on every width", () => {
    const casts = [
      [u8, 8, false],
      [u16, 16, false],
      [u32, 32, false],
      [i8, 8, true],
      [i16, 16, true],
      [i32, 32, true],
    ] as const;
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        for (const [cast, width, signed] of casts) {
          expect(cast(n)).toBe(Number(signed ? BigInt.asIntN(width, BigInt(n)) : BigInt.asUintN(width, BigInt(n))));
        }
      }),
    );
  });
});

describe("addresses", () => {
  it.each([
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ])("%s is %s (RFC 5952)", (text, canonical) => {
    expect(ipv6Address(text)).toBe(canonical);
  });
  it.each([
    "",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "::1.2.3",
    "1.2.3.4::",
    "::1.2.3.4:1",
    "fe80::1%eth0",
  ])("%j is no IPv6 address", (text) => {
    expect(refusal(() => ipv6Address(text))).toEqual(["SCHEMA_ADDRESS", "$"]);
  });
  it.each(["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.a", "1.2.3.-4"])(
    "%j is no IPv4 address",
    (text) => {
      expect(refusal(() => ipv4Address(text))).toEqual(["SCHEMA_ADDRESS", "$"]);
    },
  );
  it("from numbers, bytes and structs", () => {
    expect(ipv4Address(0xc0000201)).toBe("192.0.2.1");
    expect(mac("2-0-0-0-0-1")).toBe("02:00:00:00:00:01");
    expect(ipv6Address(1n)).toBe("::1");
    expect(ipv6Address(Uint8Array.of(0xfc, ...new Array(14).fill(0), 2))).toBe("fc00::2");
    class Halves extends struct({ high: be64, low: be64 }) {}
    expect(ipv6Address(new Halves({ high: 0x20010db8n << 32n, low: 9n }))).toBe("2001:db8::9");
    expect({ ...Halves.from("2001:db8::9") }).toEqual({ high: 0x20010db8n << 32n, low: 9n });
    expect(refusal(() => ipv4Address(2 ** 32))).toEqual(["SCHEMA_RANGE", "$"]);
    expect(refusal(() => ipv6Address(new Ip()))).toEqual(["SCHEMA_SIZE", "$"]);
    expect(refusal(() => Halves.from("192.0.2.1"))).toEqual(["SCHEMA_SIZE", "$"]);
    expect(refusal(() => ipv6Address(null as never))).toEqual(["SCHEMA_TYPE", "$"]);
  });
  it("text and bytes are inverse", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.ipV6(), (data, text) => {
        expect(encode(ipv6Address, decode(ipv6Address, data))).toEqual(data);
        expect(ipv6Address(ipv6Address(text))).toBe(ipv6Address(text));
      }),
    );
  });
});

describe("layout", () => {
  const offsets = (schema: Schema<unknown>) => {
    const { size, align, fields } = layoutOf(schema) as StructLayout;
    return { size, align, offsets: fields.map((field) => field.offsetBits / 8) };
  };
  // Expected: offsetof and sizeof of the same struct in C on x86-64 (gcc, System V ABI).
  it.each([
    ["char, int, short, long, char", struct({ a: u8, b: u32, c: u16, d: u64, e: u8 }), 32, 8, [0, 4, 8, 16, 24]],
    ["nested", struct({ a: u8, b: struct({ x: u16, y: u8 }), c: u8 }), 8, 2, [0, 2, 6]],
    ["nested long", struct({ a: u8, b: struct({ x: u64, y: u8 }), c: u32 }), 32, 8, [0, 8, 24]],
    ["arrays", struct({ a: array(u8, 3), b: array(u32, 2), c: u8 }), 16, 4, [0, 4, 12]],
    ["signed", struct({ a: i8, b: i16, c: i32, d: i64 }), 16, 8, [0, 2, 4, 8]],
    ["array of structs", struct({ a: u8, b: array(struct({ x: u32, y: u8 }), 2) }), 20, 4, [0, 4]],
    ["bool and lock", struct({ a: bool, lock: spinLock, t: timer }), 24, 8, [0, 4, 8]],
    [
      "network order is packed",
      struct({ a: u8, b: be32, c: mac, d: be64, e: bytes(3), f: ipv6Address }),
      38,
      1,
      [0, 1, 5, 11, 19, 22],
    ],
    ["empty", struct({}), 0, 1, []],
  ] as const)("%s", (_, schema, size, align, expected) => {
    expect(offsets(schema as Schema<unknown>)).toEqual({ size, align, offsets: [...expected] });
  });
  it("counts bits as RFC diagrams do", () => {
    const layout = layoutOf(Ip) as StructLayout;
    expect(layout.name).toBe("Ip");
    expect(layout.fields.map(({ name, offsetBits }) => `${name} ${offsetBits}`)).toEqual([
      "version 0",
      "ihl 4",
      "dscp 8",
      "ecn 14",
      "totalLength 16",
      "identification 32",
      "reserved 48",
      "dontFragment 49",
      "moreFragments 50",
      "fragmentOffset 51",
      "ttl 64",
      "protocol 72",
      "checksum 80",
      "source 96",
      "destination 128",
    ]);
    expect([Ip.size, Ip.offsetOf("fragmentOffset"), Ip.offsetOf("destination")]).toEqual([20, 6, 16]);
    expect(layout.fields.find((field) => field.name === "protocol")?.layout).toEqual({
      kind: "integer",
      size: 1,
      align: 1,
      signed: false,
      byteOrder: "host",
      names: Protocol,
    });
  });
  it("refuses what cannot be laid out", () => {
    expect(refusal(() => struct({ a: bits(3), b: u8 }))).toEqual(["SCHEMA_BITS_UNALIGNED", "$.a"]);
    expect(refusal(() => struct({ a: u8, b: flag }))).toEqual(["SCHEMA_BITS_UNALIGNED", "$.b"]);
    expect(refusal(() => bits(33))).toEqual(["SCHEMA_BITS_WIDTH", "$"]);
    expect(refusal(() => array(bits(4), 2))).toEqual(["SCHEMA_BITS_UNALIGNED", "$"]);
    expect(refusal(() => bytes(-1))).toEqual(["SCHEMA_LENGTH", "$"]);
    expect(refusal(() => array(Ip, 2 ** 30))).toEqual(["SCHEMA_LENGTH", "$"]);
    expect(refusal(() => struct({ "1": u8 }))).toEqual(["SCHEMA_FIELD_NAME", "$.1"]);
    expect(refusal(() => struct({ constructor: u8 } as never))).toEqual(["SCHEMA_FIELD_NAME", "$.constructor"]);
    expect(refusal(() => struct({ a: 5 as never }))).toEqual(["SCHEMA_NOT_A_SCHEMA", "$.a"]);
    expect(refusal(() => encode(Date as never, 1))).toEqual(["SCHEMA_NOT_A_SCHEMA", "$"]);
    expect(refusal(() => named(be64 as never, {}))).toEqual(["SCHEMA_NAMED", "$"]);
    expect(refusal(() => Ip.offsetOf("nothing" as never))).toEqual(["SCHEMA_UNKNOWN_FIELD", "$.nothing"]);
  });
});

describe("struct classes", () => {
  it("tsc infers the fields, and methods see them", () => {
    expectTypeOf<TypeOf<typeof Ip>>().toHaveProperty("headerLength").toEqualTypeOf<number>();
    expectTypeOf(new Entry().key.port).toEqualTypeOf<number>();
    expectTypeOf(new Entry().tags).toEqualTypeOf<[number, number, number]>();
    expect(new Ip({ ihl: 6 }).headerLength).toBe(24);
    expect(decode(Ip, Uint8Array.of(0x47, ...new Array(19).fill(0))).headerLength).toBe(28);
  });
  it("new gives own enumerable fields, left-out ones zero", () => {
    const entry = new Entry({ packets: 2n });
    expect(Object.keys(entry)).toEqual(["key", "packets", "tags"]);
    expect({ ...entry }).toEqual({ key: new Key(), packets: 2n, tags: [0, 0, 0] });
    expect(entry.key).toBeInstanceOf(Key);
    expect(new Key().address).toBe("::");
    expect(refusal(() => new Key({ prot: 1 } as never))).toEqual(["SCHEMA_UNKNOWN_FIELD", "$.prot"]);
    expect(refusal(() => new Entry({ key: { prot: 1 } as never }))).toEqual(["SCHEMA_UNKNOWN_FIELD", "$.key.prot"]);
  });
  it("holds copies, as a store in memory does", () => {
    const key = new Key({ port: 1 });
    const entry = new Entry({ key });
    key.port = 2;
    expect(entry.key.port).toBe(1);
    expect(entry.key).toBeInstanceOf(Key);
  });
  it("tells left out from zero", () => {
    const ip = new Ip({ checksum: 0 });
    expect(["checksum", "ttl", "source"].map((field) => isGiven(ip, field))).toEqual([true, false, false]);
    ip.ttl = 9;
    expect(isGiven(ip, "ttl")).toBe(true);
    expect(isGiven(decode(Ip, new Uint8Array(20)), "ttl")).toBe(true);
    const again = leaveOut(ip, ["checksum"]);
    expect([isGiven(again, "checksum"), isGiven(again, "ttl"), again.ttl]).toEqual([false, true, 9]);
  });
});

describe("codec", () => {
  it("pins bytes", () => {
    const entry = new Entry({
      key: new Key({ address: "2001:db8::1", port: 443, protocol: 6 }),
      packets: 0x0102030405060708n,
      tags: [1, 2, 0xabcd],
    });
    const expected = `20010db8000000000000000000000001${"01bb"}${"06"}${"0000000000"}${"0807060504030201"}${"01000200cdab"}${"0000"}`;
    expect(hex(encode(Entry, entry))).toBe(expected);
    expect(decode(Entry, encode(Entry, entry))).toEqual(entry);
    expect(
      hex(
        encode(
          Ip,
          new Ip({ version: 4, ihl: 5, dontFragment: true, fragmentOffset: 0x1234 & 0x1fff, source: "10.0.0.1" }),
        ),
      ),
    ).toBe(`4500000000005234000000000a00000100000000`);
  });
  it("encodeInto zeroes padding and leaves the rest alone", () => {
    const data = new Uint8Array(6).fill(0xff);
    encodeInto(struct({ a: u8, b: u16 }), { a: 1, b: 2 } as never, data, 1);
    expect(hex(data)).toBe("ff01000200ff");
  });
  it.each([
    [() => encode(u8, 256), "SCHEMA_RANGE", "$"],
    [() => encode(i16, -32769), "SCHEMA_RANGE", "$"],
    [() => encode(u64, -1n), "SCHEMA_RANGE", "$"],
    [() => encode(Ip, new Ip({ ihl: 16 })), "SCHEMA_RANGE", "$.ihl"],
    [() => encode(Ip, new Ip({ ttl: 1.5 })), "SCHEMA_TYPE", "$.ttl"],
    [() => encode(Ip, new Ip({ dontFragment: 1 as never })), "SCHEMA_TYPE", "$.dontFragment"],
    [() => encode(Ip, new Ip({ source: "::1" })), "SCHEMA_ADDRESS", "$.source"],
    [() => encode(Entry, new Entry({ key: new Key({ port: 65536 }) })), "SCHEMA_RANGE", "$.key.port"],
    [() => encode(Entry, new Entry({ tags: [0, 0, 65536] })), "SCHEMA_RANGE", "$.tags[2]"],
    [() => encode(Entry, new Entry({ tags: [0] as never })), "SCHEMA_TYPE", "$.tags"],
    [() => encode(Key, { port: 1 } as never), "SCHEMA_MISSING_FIELD", "$.address"],
    [() => encode(Key, null as never), "SCHEMA_TYPE", "$"],
    [() => encode(bytes(2), [1, 256]), "SCHEMA_TYPE", "$[1]"],
    [() => encode(bytes(2), [1]), "SCHEMA_SIZE", "$"],
    [() => decode(Key, new Uint8Array(18)), "SCHEMA_SIZE", "$"],
    [() => decode(u32, new Uint8Array(4), 1), "SCHEMA_SIZE", "$"],
    [() => decode(u32, new Uint8Array(4), -1), "SCHEMA_SIZE", "$"],
  ] as const)("refuses with code and path: %#", (run, code, path) => {
    expect(refusal(run)).toEqual([code, path]);
  });
});

/** A random schema with a generator of its values. */
interface Sample {
  readonly schema: Schema<unknown>;
  readonly value: fc.Arbitrary<unknown>;
}
const sample = (schema: Schema<unknown>, value: fc.Arbitrary<unknown>): Sample => ({ schema, value });
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const SCALARS: readonly Sample[] = [
  sample(u8, fc.integer({ min: 0, max: 255 })),
  sample(u16, fc.integer({ min: 0, max: 65535 })),
  sample(u32, fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  sample(u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  sample(i8, fc.integer({ min: -128, max: 127 })),
  sample(i16, fc.integer({ min: -32768, max: 32767 })),
  sample(i32, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  sample(i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  sample(be16, fc.integer({ min: 0, max: 65535 })),
  sample(be32, fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  sample(be64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  sample(bool, fc.boolean()),
  sample(bytes(5), octets(5)),
  sample(
    mac,
    octets(6).map((data) => mac(data)),
  ),
  sample(
    ipv4Address,
    octets(4).map((data) => ipv4Address(data)),
  ),
  sample(
    ipv6Address,
    octets(16).map((data) => ipv6Address(data)),
  ),
];

/** Bit groups of random widths that end on a byte. */
const bitGroup: fc.Arbitrary<readonly Sample[]> = fc
  .array(fc.integer({ min: 1, max: 32 }), { minLength: 1, maxLength: 6 })
  .map((widths) => {
    const rest = (8 - (widths.reduce((sum, width) => sum + width, 0) % 8)) % 8;
    return [...widths, ...(rest ? [rest] : [])].map((width) =>
      width === 1 ? sample(flag, fc.boolean()) : sample(bits(width), fc.integer({ min: 0, max: 2 ** width - 1 })),
    );
  });
const members = (depth: number): fc.Arbitrary<readonly Sample[]> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...SCALARS).map((one) => [one]),
        bitGroup,
        ...(depth > 0 ? [structs(depth - 1).map((one) => [one]), arrays(depth - 1).map((one) => [one])] : []),
      ),
      { maxLength: 5 },
    )
    .map((groups) => groups.flat());
const structs = (depth: number): fc.Arbitrary<Sample> =>
  members(depth).map((list) => {
    const Class = class extends struct(Object.fromEntries(list.map((one, i) => [`f${i}`, one.schema]))) {};
    const value = fc
      .tuple(...list.map((one) => one.value))
      .map((values) => new Class(Object.fromEntries(values.map((one, i) => [`f${i}`, one]))));
    return sample(Class as Schema<unknown>, value);
  });
const arrays = (depth: number): fc.Arbitrary<Sample> =>
  fc
    .tuple(fc.oneof(fc.constantFrom(...SCALARS), structs(depth)), fc.integer({ min: 0, max: 4 }))
    .map(([element, length]) =>
      sample(
        array(element.schema, length) as Schema<unknown>,
        fc.array(element.value, { minLength: length, maxLength: length }),
      ),
    );

describe("properties", () => {
  const both = (one: Sample) =>
    fc.assert(
      fc.property(one.value, (value) => {
        const data = encode(one.schema, value);
        expect(decode(one.schema, data)).toEqual(value);
        expect(
          sameValue(one.schema, fromJson(one.schema, JSON.parse(JSON.stringify(toJson(one.schema, value)))), value),
        ).toBe(true);
      }),
      { numRuns: 50 },
    );
  it("every scalar, value to bytes and back, and through JSON", () => {
    for (const one of SCALARS) both(one);
  });
  it("scalars: bytes to value to bytes", () => {
    for (const { schema } of SCALARS.filter((one) => one.schema !== bool)) {
      fc.assert(
        fc.property(octets(schema.size), (data) => void expect(encode(schema, decode(schema, data))).toEqual(data)),
      );
    }
  });
  it("random struct layouts", () => {
    fc.assert(
      fc.property(
        structs(2).chain((one) => fc.tuple(fc.constant(one), one.value)),
        ([{ schema }, value]) => {
          const data = encode(schema, value);
          expect(data.length).toBe(schema.size);
          expect(decode(schema, data)).toEqual(value);
          expect(encode(schema, decode(schema, data))).toEqual(data);
          expect(encode(schema, fromJson(schema, toJson(schema, value)))).toEqual(data);
        },
      ),
      { numRuns: 400 },
    );
  });
  it("fields of a random layout neither overlap nor misalign", () => {
    fc.assert(
      fc.property(structs(2), ({ schema }) => {
        const layout = layoutOf(schema) as StructLayout;
        let end = 0;
        for (const field of layout.fields) {
          expect(field.offsetBits).toBeGreaterThanOrEqual(end);
          if (field.layout.kind !== "bits") expect((field.offsetBits / 8) % field.layout.align).toBe(0);
          end = field.offsetBits + field.layout.size * 8;
        }
        expect(layout.size * 8).toBeGreaterThanOrEqual(end);
        expect(layout.size % layout.align).toBe(0);
      }),
    );
  });
});

describe("text and JSON", () => {
  it("prints", () => {
    expect(print(Entry, new Entry({ key: new Key({ address: "fc00::1", port: 53 }) }))).toBe(
      "Entry { key: Key { address: fc00::1, port: 53, protocol: 0 }, packets: 0, tags: [0, 0, 0] }",
    );
    expect(
      print(
        struct({ p: named(u8, Protocol), b: bytes(2), l: spinLock }),
        new (struct({ p: u8, b: bytes(2), l: spinLock }))({ p: 17, b: Uint8Array.of(1, 255) }),
      ),
    ).toBe("{ p: Udp, b: 01ff, l: spinLock }");
  });
  it("JSON forms", () => {
    class All extends struct({
      p: named(u8, Protocol),
      w: u64,
      v: u64,
      b: bytes(2),
      l: spinLock,
      f: flag,
      r: bits(7),
    }) {}
    const value = new All({ p: 6, w: 2n ** 63n, v: 5n, b: Uint8Array.of(1, 2), f: true });
    expect(toJson(All, value)).toEqual({ p: 6, w: "9223372036854775808", v: 5, b: "0102", l: null, f: true, r: 0 });
    expect(fromJson(All, { p: "Udp", w: "0x10", b: [3, 4] })).toEqual(new All({ p: 17, w: 16n, b: [3, 4] }));
  });
  it.each([
    [{ key: { port: 65536 } }, "SCHEMA_RANGE", "$.key.port"],
    [{ key: { port: "x" } }, "SCHEMA_TYPE", "$.key.port"],
    [{ key: { prot: 1 } }, "SCHEMA_UNKNOWN_FIELD", "$.key.prot"],
    [{ key: { address: "1.2.3.4" } }, "SCHEMA_ADDRESS", "$.key.address"],
    [{ key: { address: 5 } }, "SCHEMA_TYPE", "$.key.address"],
    [{ packets: -1 }, "SCHEMA_RANGE", "$.packets"],
    [{ packets: 1.5 }, "SCHEMA_TYPE", "$.packets"],
    [{ tags: [1, 2] }, "SCHEMA_TYPE", "$.tags"],
    [{ tags: [1, 2, null] }, "SCHEMA_TYPE", "$.tags[2]"],
    [{ tags: { length: 3 } }, "SCHEMA_TYPE", "$.tags"],
    [[], "SCHEMA_TYPE", "$"],
    [{ __proto__: null, key: JSON.parse('{"__proto__": 1}') }, "SCHEMA_UNKNOWN_FIELD", "$.key.__proto__"],
  ] as const)("bad JSON %#", (json, code, path) => {
    expect(refusal(() => fromJson(Entry, json))).toEqual([code, path]);
  });
  it("values of a command line", () => {
    expect(parseValue(u32, "0x10")).toBe(16);
    expect(parseValue(i32, "-3")).toBe(-3);
    expect(parseValue(named(u8, Protocol), "Udp")).toBe(17);
    expect(parseValue(ipv6Address, "FC00::0001")).toBe("fc00::1");
    expect(parseValue(bool, "true")).toBe(true);
    expect(parseValue(bytes(2), "0a:0b")).toEqual(Uint8Array.of(10, 11));
    expect(parseValue(Key, '{"port": 53}')).toEqual(new Key({ port: 53 }));
    expect(refusal(() => parseValue(Key, "{port"))).toEqual(["SCHEMA_JSON_SYNTAX", "$"]);
    expect(refusal(() => parseValue(bool, "maybe"))).toEqual(["SCHEMA_TYPE", "$"]);
    expect(refusal(() => parseValue(u8, "300"))).toEqual(["SCHEMA_RANGE", "$"]);
  });
  it("zero of everything", () => {
    expect([zero(u8), zero(u64), zero(mac), zero(bits(8))]).toEqual([0, 0n, "00:00:00:00:00:00", 0]);
    expect(hex(encode(Entry, zero(Entry)))).toBe("00".repeat(Entry.size));
  });
});
