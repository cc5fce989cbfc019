/**
 * What the program is made for: the shape of a configuration, not its entries. Another shape, another program; entries change
 * in the tables.
 */
export interface Plan {
  /** Lengths of the prefixes of local SIDs, the longest first. */
  readonly sidPrefixes: readonly number[];
  /** Codepoints in use (`Behaviour`). */
  readonly behaviours: ReadonlySet<number>;
  /** Bits of `Flavour` in use. */
  readonly flavours: number;
  /** What policies do (`Headend`). */
  readonly headends: ReadonlySet<number>;
  /** Numbers of segments in the SRH of paths; 0 without SRH. */
  readonly segmentCounts: readonly number[];
  /** Bits of `PathFlag` in use. */
  readonly pathFlags: number;
  /** Policies choose among several paths. */
  readonly isWeighted: boolean;
  /** Routes may have several next hops. */
  readonly isMultipath: boolean;
  /** Uplink tunnels have entries of their own. */
  readonly hasSessions: boolean;
  /** Of the IPv6 source that carries an IPv4 source and a UDP port (RFC 9433 section 6.6), bits; at most 64. */
  readonly sourcePrefix: number;
  /** A packet may go on from one SID of this node, or from a policy, to a SID of this node. */
  readonly visitsAgain: boolean;
  /** Frames of VLANs arrive, or leave. */
  readonly isTagged: boolean;
  /** Between dropped packets that are shown, on each processor, ns; 0: none are. */
  readonly sampleInterval: bigint;
  /** UDP over IPv6 carries a checksum; else zero (RFC 6935, RFC 6936). */
  readonly udpChecksum: boolean;
  /** SRHs with an HMAC TLV are dropped; else the TLV is ignored (RFC 8754 section 2.1.2). */
  readonly refuseHmac: boolean;
  /** What ICMP errors come from. */
  readonly address4: string;
  /** Source of ICMPv6 errors. */
  readonly address6: string;

  /** Powers of two. */
  readonly sidSlots: number;
  /** Rows of the table of sessions. */
  readonly sessionSlots: number;
  /** Rows of the table of routes. */
  readonly routeSlots: number;
  /** Rows of the table of policies. */
  readonly policies: number;
  /** Rows of the table of paths. */
  readonly paths: number;
  /** Rows of the table of next hops. */
  readonly adjacencies: number;
  /** Most prefixes that are steered. */
  readonly steeringEntries: number;
  /** Rows of the table of VLANs. */
  readonly vlans: number;
  /** Rows of the table of End.DX2V. */
  readonly vlanPorts: number;
}
