/** Casts wrap, addresses have one text. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../../test/answers.ts";
import {
  be16,
  be64,
  bits,
  decode,
  encode,
  flag,
  i8,
  i16,
  i32,
  i64,
  ipv4Address,
  ipv6Address,
  mac,
  named,
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
