/** Layouts against C, and what cannot be laid out. */
import { describe, expect, it } from "vitest";
import { refusal } from "../../test/answers.ts";
import {
  array,
  be16,
  be32,
  be64,
  bits,
  bool,
  bytes,
  encode,
  flag,
  i8,
  i16,
  i32,
  i64,
  ipv4Address,
  ipv6Address,
  layoutOf,
  mac,
  named,
  type Schema,
  type StructLayout,
  spinLock,
  struct,
  u8,
  u16,
  u32,
  u64,
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
    ["bool and lock", struct({ a: bool, lock: spinLock }), 8, 4, [0, 4]],
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
