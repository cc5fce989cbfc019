/**
 * Frames from parts, as raw bytes: they owe nothing to the packet layer whose getters the examples use.
 *
 * Every length and checksum is right unless the caller gives another: tests break them on purpose.
 */
import { concatBytes } from "../../../src/base/index.ts";
import { parseAddress } from "../../../src/schema/index.ts";

export const be16 = (value: number): Uint8Array => Uint8Array.of((value >> 8) & 0xff, value & 0xff);
export const be32 = (value: number): Uint8Array => concatBytes(be16(value >>> 16), be16(value & 0xffff));
export const le32 = (value: number): Uint8Array => be32(value).reverse();
export const le64 = (value: number): Uint8Array => concatBytes(le32(value), le32(Math.floor(value / 2 ** 32)));
export const u8 = (...values: number[]): Uint8Array => Uint8Array.from(values);
export const zeros = (count: number): Uint8Array => new Uint8Array(count);
export const v4 = (text: string): Uint8Array => parseAddress("ipv4", text);
export const v6 = (text: string): Uint8Array => parseAddress("ipv6", text);
export const mac = (text: string): Uint8Array => parseAddress("mac", text);
export { concatBytes as join } from "../../../src/base/index.ts";

export const Type = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd, qinq: 0x88a8 } as const;
export const Protocol = {
  hopByHop: 0,
  icmp: 1,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  icmpv6: 58,
  none: 59,
  destinationOptions: 60,
} as const;

/** RFC 1071, of bytes in network order. */
export function checksum(...parts: Uint8Array[]): number {
  const all = concatBytes(...parts);
  let sum = 0;
  for (let i = 0; i < all.length; i += 2) sum += (all[i]! << 8) | (all[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const OURS = mac("02:00:00:00:00:01");
const THEIRS = mac("02:00:00:00:00:02");

export const ethernet = (type: number, body: Uint8Array, destination = OURS): Uint8Array =>
  concatBytes(destination, THEIRS, be16(type), body);

/** The frame with VLAN tags before its EtherType. */
export function tagged(frame: Uint8Array, ...types: number[]): Uint8Array {
  const tags = types.map((type, i) => concatBytes(be16(type), be16(0x2000 + 100 + i)));
  return concatBytes(frame.subarray(0, 12), ...tags, frame.subarray(12));
}

export interface Ipv4Fields {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly identification?: number;
  /** Flags and offset. */
  readonly fragment?: number;
  readonly options?: Uint8Array;
  /** When it shall be wrong. */
  readonly totalLength?: number;
  readonly checksum?: number;
  readonly versionIhl?: number;
}

export function ipv4(fields: Ipv4Fields, body: Uint8Array): Uint8Array {
  const { options = zeros(0), ttl = 64, tos = 0, identification = 1, fragment = 0x4000 } = fields;
  const length = fields.totalLength ?? 20 + options.length + body.length;
  const header = concatBytes(
    u8(fields.versionIhl ?? 0x45 + options.length / 4, tos),
    be16(length),
    be16(identification),
    be16(fragment),
    u8(ttl, fields.protocol, 0, 0),
    v4(fields.source),
    v4(fields.destination),
    options,
  );
  header.set(be16(fields.checksum ?? checksum(header)), 10);
  return concatBytes(header, body);
}

export interface Ipv6Fields {
  readonly source: string | Uint8Array;
  readonly destination: string | Uint8Array;
  readonly next: number;
  readonly hopLimit?: number;
  readonly payloadLength?: number;
}

const address6 = (given: string | Uint8Array): Uint8Array => (typeof given === "string" ? v6(given) : given);

export function ipv6(fields: Ipv6Fields, body: Uint8Array): Uint8Array {
  return concatBytes(
    u8(0x60, 0, 0, 7),
    be16(fields.payloadLength ?? body.length),
    u8(fields.next, fields.hopLimit ?? 64),
    address6(fields.source),
    address6(fields.destination),
    body,
  );
}

/** Hop-by-Hop or Destination Options filled with padding. */
export const optionsHeader = (next: number, words = 0): Uint8Array =>
  concatBytes(u8(next, words, 1, 4 + 8 * words), zeros(4 + 8 * words));

export interface SrhFields {
  readonly next: number;
  readonly segments: readonly (string | Uint8Array)[];
  readonly left: number;
  readonly lastEntry?: number;
  readonly extensionLength?: number;
  readonly type?: number;
  /** A multiple of 8 bytes. */
  readonly tlvs?: Uint8Array;
}

export function srh(fields: SrhFields, body: Uint8Array): Uint8Array {
  const { segments, tlvs = zeros(0) } = fields;
  const words = fields.extensionLength ?? 2 * segments.length + tlvs.length / 8;
  const last = (fields.lastEntry ?? segments.length - 1) & 0xff;
  return concatBytes(
    u8(fields.next, words, fields.type ?? 4, fields.left, last, 0, 0, 0),
    ...segments.map(address6),
    tlvs,
    body,
  );
}

export const udp = (
  source: number,
  destination: number,
  body: Uint8Array,
  given: { length?: number; checksum?: number } = {},
): Uint8Array =>
  concatBytes(be16(source), be16(destination), be16(given.length ?? 8 + body.length), be16(given.checksum ?? 0), body);

export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

export const tcp = (
  source: number,
  destination: number,
  flags: number,
  body: Uint8Array,
  options = zeros(0),
): Uint8Array =>
  concatBytes(
    be16(source),
    be16(destination),
    be32(0x01020304),
    be32(0x05060708),
    u8(0x50 + 4 * options.length, flags),
    be16(64240),
    be16(0xbeef),
    be16(0),
    options,
    body,
  );

export const icmp = (type: number, code: number, rest: number, body: Uint8Array): Uint8Array => {
  const message = concatBytes(u8(type, code, 0, 0), be32(rest), body);
  message.set(be16(checksum(message)), 2);
  return message;
};

export interface GtpFields {
  readonly teid: number;
  readonly message?: number;
  /** First byte; its E flag follows `extensions`. */
  readonly flags?: number;
  /** Type and content of each: length and next type are added. */
  readonly extensions?: readonly (readonly [type: number, content: Uint8Array])[];
  readonly length?: number;
}

export function gtp(fields: GtpFields, body: Uint8Array): Uint8Array {
  const { extensions = [], message = 255 } = fields;
  const flags = fields.flags ?? (extensions.length > 0 ? 0x34 : 0x30);
  const chain = extensions.map(([, content], i) =>
    concatBytes(u8((content.length + 2) / 4), content, u8(extensions[i + 1]?.[0] ?? 0)),
  );
  const optional = (flags & 7) !== 0 ? concatBytes(be16(0), u8(0, extensions[0]?.[0] ?? 0)) : zeros(0);
  const rest = concatBytes(optional, ...chain, body);
  return concatBytes(u8(flags, message), be16(fields.length ?? rest.length), be32(fields.teid), rest);
}
