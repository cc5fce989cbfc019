/** What the answers look like, checked against the RFCs rather than against another program. */
import { expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { fillVm, twinOf } from "../../test/support/example-objects.ts";
import { be16, be32, checksum, join, v6 } from "../../test/support/example-traffic/frames.ts";
import { stateFor, trafficFor } from "../../test/support/example-traffic/index.ts";

const XDP_TX = 3;
const PACKETS = 3000;

/** Bytes before the IP header. */
function linkLength(frame: Uint8Array): number {
  const isTag = (at: number): boolean => ["8100", "88a8"].includes(printHex(frame.subarray(at, at + 2)));
  return isTag(12) ? (isTag(16) ? 22 : 18) : 14;
}

const hex = (bytes: Uint8Array): string => printHex(bytes);

it("answers are well-formed, quote the packet, and go back", async () => {
  const vm = await createVm(twinOf("icmp-errors"));
  fillVm(vm, stateFor("icmp-errors"));
  const lengths: number[][] = [[], []];
  for (const packet of trafficFor("icmp-errors", 7, PACKETS)) {
    const { action, packet: answer } = vm.run(packet);
    if (action !== XDP_TX) continue;
    const start = linkLength(packet);
    const [asked, ip] = [packet.subarray(start), answer.subarray(start)];
    const isIpv6 = ip[0]! >> 4 === 6;
    const header = isIpv6 ? 40 : 20;
    const message = ip.subarray(header);
    expect(hex(answer.subarray(0, 12))).toBe(hex(join(packet.subarray(6, 12), packet.subarray(0, 6))));
    expect(hex(answer.subarray(12, start))).toBe(hex(packet.subarray(12, start)));
    // The quotation begins with the offending packet, and is all of it or all that fits.
    const quoted = message.subarray(8);
    const whole = isIpv6 ? 40 + ((asked[4]! << 8) | asked[5]!) : (asked[2]! << 8) | asked[3]!;
    expect(quoted.length).toBe(Math.min(whole, isIpv6 ? 1280 - 48 : 576 - 28));
    expect(hex(quoted)).toBe(hex(asked.subarray(0, quoted.length)));
    if (isIpv6) {
      const pseudo = join(v6("2001:db8::fe"), asked.subarray(8, 24), be32(message.length), be32(58));
      expect(checksum(pseudo, message)).toBe(0);
      expect(hex(ip.subarray(4, 8))).toBe(hex(join(be16(message.length), Uint8Array.of(58, 64))));
      expect(hex(ip.subarray(24, 40))).toBe(hex(asked.subarray(8, 24)));
      const expired = asked[7]! <= 1;
      expect(hex(message.subarray(0, 2))).toBe(expired ? "0300" : "0200");
      expect(hex(message.subarray(4, 8))).toBe(expired ? "00000000" : "00000578");
    } else {
      expect([checksum(ip.subarray(0, 20)), checksum(message)]).toEqual([0, 0]);
      expect(hex(ip.subarray(2, 4))).toBe(hex(be16(ip.length)));
      expect(hex(ip.subarray(16, 20))).toBe(hex(asked.subarray(12, 16)));
      expect(hex(message.subarray(0, 2))).toBe("0b00");
    }
    lengths[isIpv6 ? 1 : 0]!.push(ip.length);
  }
  expect(lengths.map((all) => Math.max(...all))).toEqual([576, 1280]);
});
