/** Pinned bytes, and values that do not fit. */
import { describe, expect, it } from "vitest";
import { refusal } from "../../test/answers.ts";
import { printHex } from "../base/index.ts";
import {
  array,
  be16,
  bits,
  bytes,
  decode,
  encode,
  encodeInto,
  flag,
  i16,
  ipv4Address,
  ipv6Address,
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
class Key extends struct({ address: ipv6Address, port: be16, protocol: u8 }) {}
class Entry extends struct({ key: Key, packets: u64, tags: array(u16, 3) }) {}

describe("codec", () => {
  it("pins bytes", () => {
    const entry = new Entry({
      key: new Key({ address: "2001:db8::1", port: 443, protocol: 6 }),
      packets: 0x0102030405060708n,
      tags: [1, 2, 0xabcd],
    });
    const expected = `20010db8000000000000000000000001${"01bb"}${"06"}${"0000000000"}${"0807060504030201"}${"01000200cdab"}${"0000"}`;
    expect(printHex(encode(Entry, entry))).toBe(expected);
    expect(decode(Entry, encode(Entry, entry))).toEqual(entry);
    expect(
      printHex(
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
    expect(printHex(data)).toBe("ff01000200ff");
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
