/** The examples of the RFCs, and the incremental update against the full sum. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHex } from "../base/index.ts";
import { encode, ipv6Address } from "../schema/index.ts";
import { crc32c, finishChecksum, internetChecksum, sumPseudoHeader, sumWords, updateChecksum } from "./index.ts";

const hex = (text: string) => parseHex(text) as Uint8Array;

describe("checksums", () => {
  it("RFC 1071 section 3", () => {
    expect(sumWords(hex("0001 f203 f4f5 f6f7"))).toBe(0xddf2);
    expect(internetChecksum(hex("0001 f203 f4f5 f6f7"))).toBe(0x220d);
    expect(internetChecksum(hex("0001 f203 f4f5 f6f7 220d"))).toBe(0);
  });
  it("an odd byte counts as the high one", () => {
    expect(internetChecksum(hex("0102 03"))).toBe(internetChecksum(hex("0102 0300")));
    expect(internetChecksum(hex(""))).toBe(0xffff);
  });
  it("the IPv4 header that Wikipedia and RFC tutorials use", () => {
    expect(internetChecksum(hex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7"))).toBe(0xb861);
  });
  it("RFC 1624 section 4: the case that equation 4 gets wrong", () => {
    expect(updateChecksum(0xdd2f, hex("5555"), hex("3285"))).toBe(0x0000);
  });
  it("a sum of 16 MiB does not lose carries", () => {
    expect(sumWords(new Uint8Array(16 * 1024 * 1024).fill(0xff))).toBe(0xffff);
  });
  it("updating is summing again", () => {
    const even = fc
      .integer({ min: 1, max: 20 })
      .chain((words) =>
        fc.tuple(...[0, 1, 2].map(() => fc.uint8Array({ minLength: words * 2, maxLength: words * 2 }))),
      );
    fc.assert(
      fc.property(even, ([rest, from, to]) => {
        const sum = (field: Uint8Array) =>
          finishChecksum(sumWords(field, 0, field.length, sumWords(rest as Uint8Array)));
        const updated = updateChecksum(sum(from as Uint8Array), from as Uint8Array, to as Uint8Array);
        // Zero and all ones are the same number.
        expect(updated % 0xffff).toBe(sum(to as Uint8Array) % 0xffff);
      }),
    );
  });
  it("RFC 8200 section 8.1: addresses, length of 32 bits, next header", () => {
    const [source, destination] = ["2001:db8::1", "2001:db8::2"].map((text) => encode(ipv6Address, text)) as [
      Uint8Array,
      Uint8Array,
    ];
    const whole = sumWords(hex("20010db8000000000000000000000001 20010db8000000000000000000000002 00012345 0000003a"));
    expect(sumPseudoHeader({ source, destination, protocol: 58, length: 0x12345 })).toBe(whole);
  });
  it("CRC-32C: RFC 3720 appendix B.4, bytes in the order of the wire", () => {
    expect(crc32c(new Uint8Array(32)).toString(16)).toBe("aa36918a");
    expect(crc32c(new Uint8Array(32).fill(0xff)).toString(16)).toBe("43aba862");
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)).toString(16)).toBe("4e79dd46");
    expect(crc32c(hex("00000000ffffffff"), 4)).toBe(crc32c(new Uint8Array(8)));
  });
});
