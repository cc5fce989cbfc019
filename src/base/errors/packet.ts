/** Errors of the packet layer: parts that are no layers, and capture files that cannot be read or written. */
import { entry } from "./entry.ts";

export const packetErrors = {
  PACKET_NOT_A_LAYER: entry(
    (p: { found: string }) => `${p.found} is not part of a packet`,
    () => "give header instances, layers such as tcp({…}), payload as Uint8Array, or padding(bytes)",
  ),
  CAPTURE_FORMAT: entry(
    (p: { magic: string }) => `neither pcap nor pcapng: the file begins with ${p.magic || "nothing"}`,
    (p) =>
      /^(1f8b|28b52ffd|fd377a58|04224d18|184d2204)/.test(p.magic)
        ? "it is compressed: unpack it first, for instance with gzip -dc IN | xdpkit run … --in -"
        : "convert it with: editcap IN OUT.pcapng",
  ),
  CAPTURE_TRUNCATED: entry(
    (p: { what: string; need: number; have: number }) =>
      `the file ends inside ${p.what}: ${p.need} bytes needed, ${p.have} left`,
    () => "everything before was read; capture again, or cut the file there",
  ),
  CAPTURE_TOO_LONG: entry(
    (p: { what: string; length: number; limit: number }) => `${p.what} says ${p.length} bytes, more than ${p.limit}`,
    () => "the file is damaged here; everything before was read",
  ),
  CAPTURE_MIXED_LINK_TYPES: entry(
    (p: { expected: number; found: number }) => `link type ${p.found} in a pcap file of link type ${p.expected}`,
    () => "write pcapng, which has one link type per interface",
  ),
  CAPTURE_TIMESTAMP: entry(
    (p: { timestampNs: bigint }) => `the time ${p.timestampNs} ns cannot be written`,
    () => "times are nanoseconds since 1970; pcap holds 32 bits of seconds, pcapng 64 bits of the interface's unit",
  ),
  PCAPNG_BLOCK_LENGTH: entry(
    (p: { block: string; length: number; problem: string }) => `${p.block} has the length ${p.length}: ${p.problem}`,
    () => "the file is damaged here; everything before was read",
  ),
  PCAPNG_BYTE_ORDER: entry(
    (p: { magic: string }) => `the byte-order magic of the section header is ${p.magic}`,
    () => "it must be 1a2b3c4d in one order or the other",
  ),
  PCAPNG_VERSION: entry(
    (p: { major: number; minor: number }) => `version ${p.major}.${p.minor} of pcapng is not known`,
    () => "version 1 is read",
  ),
  PCAPNG_INTERFACE: entry(
    (p: { interfaceId: number; known: number }) =>
      `a packet of interface ${p.interfaceId}, but the section has described ${p.known}`,
    () => "an interface description block must come before the packets of its interface",
  ),
  PCAPNG_NO_SECTION: entry(
    (p: { block: string }) => `${p.block} before any section header`,
    () => "a pcapng file begins with a section header block",
  ),
  PCAPNG_OPTION: entry(
    (p: { option: string; length: number; expected: string }) =>
      `the option ${p.option} has ${p.length} bytes, not ${p.expected}`,
    () => "the file is damaged here; everything before was read",
  ),
} as const;
