/** Struct classes: fields, copies, what was left out. */

import { describe, expect, expectTypeOf, it } from "vitest";
import { refusal } from "../../test/answers.ts";
import {
  array,
  be16,
  bits,
  decode,
  flag,
  ipv4Address,
  ipv6Address,
  isGiven,
  leaveOut,
  named,
  struct,
  type TypeOf,
  u8,
  u16,
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
