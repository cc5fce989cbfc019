/** Values as text and JSON. */
import { describe, expect, it } from "vitest";
import { refusal } from "../../test/answers.ts";
import { printHex } from "../base/index.ts";
import {
  array,
  be16,
  bits,
  bool,
  bytes,
  encode,
  flag,
  fromJson,
  i32,
  ipv6Address,
  mac,
  named,
  parseValue,
  print,
  spinLock,
  struct,
  toJson,
  u8,
  u16,
  u32,
  u64,
  zero,
} from "./index.ts";

const Protocol: Readonly<Record<string, number>> = { Tcp: 6, Udp: 17 };
class Key extends struct({ address: ipv6Address, port: be16, protocol: u8 }) {}
class Entry extends struct({ key: Key, packets: u64, tags: array(u16, 3) }) {}

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
    expect(printHex(encode(Entry, zero(Entry)))).toBe("00".repeat(Entry.size));
  });
});
