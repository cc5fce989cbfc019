/**
 * Checksums: the Internet checksum (RFC 1071), its incremental update (RFC 1624), the pseudo-headers of IPv4
 * (RFC 9293 section 3.1) and IPv6 (RFC 8200 section 8.1), and CRC-32C (RFC 9260 appendix A).
 *
 * Invariant: a sum is a number below 2^32 that is folded only at the end, so sums of pieces may be added as long as
 * each piece but the last has an even length.
 */

/** Adds the 16-bit words of `bytes[from..to)` to `sum`; a last odd byte counts as the high one. */
export function sumWords(bytes: Uint8Array, from = 0, to = bytes.length, sum = 0): number {
  let total = sum;
  let at = from;
  for (; at + 1 < to; at += 2) total += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (at < to) total += (bytes[at] as number) << 8;
  return fold(total);
}

/** Carries added back until the sum has 16 bits. */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}

/** The checksum of a sum, 0 to 65535. */
export function finishChecksum(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** RFC 1071: the Internet checksum of bytes, in host order. Zero over bytes that hold their right checksum. */
export function internetChecksum(bytes: Uint8Array, sum = 0): number {
  return finishChecksum(sumWords(bytes, 0, bytes.length, sum));
}

/**
 * RFC 1624 equation 3: the checksum after `from` became `to`, both bytes of the same even length at an even place.
 * HC' = ~(~HC + ~m + m').
 */
export function updateChecksum(checksum: number, from: Uint8Array, to: Uint8Array): number {
  let sum = ~checksum & 0xffff;
  for (let i = 0; i < from.length; i += 2) sum += ~(((from[i] as number) << 8) | (from[i + 1] ?? 0)) & 0xffff;
  return finishChecksum(sumWords(to, 0, to.length, sum));
}

/** What a pseudo-header is made from. Addresses are their 4 or 16 bytes. */
export interface PseudoHeader {
  /** 4 bytes for IPv4, 16 for IPv6. */
  readonly source: Uint8Array;
  /** The final one: of a packet with segments left, the last segment. */
  readonly destination: Uint8Array;
  /** Of the upper layer (`IpProtocol`), also behind extension headers. */
  readonly protocol: number;
  /** Of the upper layer, header and payload, bytes. */
  readonly length: number;
}

/** The sum of a pseudo-header. Both families sum alike: fields of zeros do not count, and the order is free. */
export function sumPseudoHeader(pseudo: PseudoHeader): number {
  const addresses = sumWords(pseudo.destination, 0, pseudo.destination.length, sumWords(pseudo.source));
  return fold(addresses + pseudo.protocol + Math.floor(pseudo.length / 0x10000) + (pseudo.length % 0x10000));
}

const CRC32C = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C of bytes, with the four at `hole` taken as zero; as the number whose big-endian bytes SCTP stores. */
export function crc32c(bytes: Uint8Array, hole = -1): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    const byte = i >= hole && i < hole + 4 && hole >= 0 ? 0 : (bytes[i] as number);
    crc = (crc >>> 8) ^ (CRC32C[(crc ^ byte) & 0xff] as number);
  }
  const done = ~crc >>> 0;
  return ((done & 0xff) * 0x1000000 + ((done & 0xff00) << 8) + ((done >>> 8) & 0xff00) + (done >>> 24)) >>> 0;
}
