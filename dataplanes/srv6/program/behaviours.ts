/**
 * SRv6 behaviours by their codepoints: IANA "SRv6 Endpoint Behaviors" (RFC 8986 section 10.2, RFC 9433 section 10).
 * A flavour is no codepoint of its own here: it is a flag of the SID.
 */
export const Behaviour = {
  End: 1,
  EndX: 5,
  EndT: 9,
  EndB6Insert: 13,
  EndB6Encaps: 14,
  EndDX6: 16,
  EndDX4: 17,
  EndDT6: 18,
  EndDT4: 19,
  EndDT46: 20,
  EndDX2: 21,
  EndDX2V: 22,
  EndB6EncapsRed: 27,
  EndMap: 40,
  EndLimit: 41,
  EndMGtp6D: 69,
  EndMGtp6DDi: 70,
  EndMGtp6E: 71,
  EndMGtp4E: 72,
} as const;

/** Bits of `Sid.flavours`. RFC 8986 section 4.16, RFC 9800 section 4. */
export const Flavour = { Psp: 1, Usp: 2, Usd: 4, NextCsid: 8 } as const;

/** What a policy does with a packet. RFC 8986 section 5, RFC 9433 section 6.7. */
export const Headend = { Encaps: 1, EncapsL2: 2, Insert: 3, MGtp4D: 4 } as const;

/** Bits of `Path.flags`. */
export const PathFlag = {
  /** The arguments of a mobile SID go into the destination. */
  ArgumentsInDestination: 1,
  /** Drop-in: the arguments go into the last segment of the path, before the packet's own destination. */
  ArgumentsInSegment: 2,
  /** Traffic class of the packet inside (RFC 2983, RFC 6040 for ECN). */
  CopyClass: 4,
  /** Flow label from a hash of the packet inside (RFC 6437 section 3). */
  HashLabel: 8,
  /** Flow label of the packet inside, where it has one. */
  CopyLabel: 16,
} as const;
