/**
 * The Internet checksum (RFC 1071) of what is behind the IPv6 header of a whole packet.
 *
 * The verifier follows each round, and behind each the rest of the program, unless it can tell that nothing is different: hence
 * sixteen bytes a round, from an offset that it does not know. Of one that it knows, each round would tell it more of the packet.
 */
import { be32, checksumPacket, range, struct, u32, u64, type XdpContext } from "xdpkit";

class Sixteen extends struct({ a: be32, b: be32, c: be32, d: be32 }) {}
/** 9216 bytes, as of a jumbo frame. */
const MOST_ROUNDS = 576;

/** Of the last `length` bytes, which begin 54 bytes from the start of the frame; null: longer than 9231. `sum`: of what is before. */
export function packetSum(ctx: XdpContext, length: number, sum: number): number | null {
  const rounds = length >>> 4;
  const whole = ctx.length;
  if (rounds > MOST_ROUNDS || whole < length) return null;
  const start = (whole - length) & 63;
  let total = u64(sum);
  for (const i of range(MOST_ROUNDS)) {
    if (i >= rounds) break;
    const words = ctx.header(Sixteen, start + i * Sixteen.size);
    if (!words) return null;
    total += u64(words.a) + u64(words.b) + u64(words.c) + u64(words.d);
  }
  const folded = (total >> 32n) + (total & 0xffffffffn);
  const first = u32((folded >> 16n) + (folded & 0xffffn));
  return checksumPacket(ctx, start + (length & 0x3ff0), length & 15, 15, first);
}
