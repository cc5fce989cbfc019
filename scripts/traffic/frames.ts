/** What the frames of the mixed traffic have in common: addresses, content, padding. */
import { build, Ethernet, Ipv4, Ipv6, type Part, padding } from "../../src/packet/index.ts";

export const HOST = "02:00:00:00:00:01";
export const PEER = "02:00:00:00:00:02";
export const BROADCAST = "ff:ff:ff:ff:ff:ff";
export const CLIENT4 = "192.0.2.10";
export const SERVER4 = "198.51.100.20";
export const CLIENT6 = "2001:db8:1::10";
export const SERVER6 = "2001:db8:2::20";
export const LINK_LOCAL = "fe80::1";

export const text = (value: string) => new TextEncoder().encode(value);
/** Bytes that look like content: 0, 1, 2, … */
export const counting = (length: number, first = 0) => Uint8Array.from({ length }, (_, i) => first + i);

export const out = new Ethernet({ destination: PEER, source: HOST });
export const back = new Ethernet({ destination: HOST, source: PEER });

/** Frames below 60 bytes are padded, as a NIC does. */
export function frame(...parts: readonly Part[]): Uint8Array {
  const bytes = build(parts);
  return bytes.length >= 60 ? bytes : build([...parts, padding(new Uint8Array(60 - bytes.length))]);
}

export const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: CLIENT4, destination: SERVER4, ...fields });
export const v6 = (fields: ConstructorParameters<typeof Ipv6>[0] = {}) =>
  new Ipv6({ source: CLIENT6, destination: SERVER6, ...fields });

/** A path of three segments, the last one first. */
export const SEGMENTS = ["fc00:3::d6", "fc00:2::e", "fc00:1::e"];
/** An address behind the mobile network, and its tunnel. */
export const USER = "10.45.0.2";
export const TEID = 0x11223344;

export type Named = readonly [name: string, bytes: Uint8Array];
