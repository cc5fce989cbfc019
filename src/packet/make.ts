/**
 * Layers with a variable part, from one object: the header's fields and, beside them, what follows the header.
 *
 *   tcp({ destinationPort: 80, syn: true, options: [{ kind: "maximumSegmentSize", value: 1460 }] })
 *   srh({ segments: ["fc00:3::", "fc00:2::", "fc00:1::"], tlvs: [{ kind: "hmac", keyId: 1, digest }] })
 *   gtpU({ teid: 0x11223344, extensions: [{ kind: "pduSession", direction: "downlink", qfi: 9 }] })
 *
 * Invariant: fields that are not named stay left out, so `encode` computes them; the option list is what is written.
 */
import {
  AuthenticationHeader,
  DestinationOptions,
  Geneve,
  Gre,
  GtpOptional,
  GtpU,
  Gue,
  HopByHop,
  Ipv4,
  NeighbourAdvertisement,
  NeighbourSolicitation,
  Redirect,
  RouterAdvertisement,
  RouterSolicitation,
  RoutingHeader,
  SegmentRoutingHeader,
  Tcp,
} from "./headers/index.ts";
import type { LayerOf, OptionsLayer } from "./layer.ts";
import type { GtpExtensionValue } from "./options/gtp-extensions.ts";
import type { Ipv4OptionInput } from "./options/ipv4-options.ts";
import type { Ipv6OptionInput } from "./options/ipv6-options.ts";
import type { NeighbourOptionInput } from "./options/neighbour-options.ts";
import type { SrhTlvInput } from "./options/srh-tlvs.ts";
import type { TcpOptionInput } from "./options/tcp-options.ts";

type HeaderClass<H> = new (fields?: Partial<H>) => H;
/** A header's fields, none of them needed. */
export type FieldsOf<H> = { readonly [F in keyof H]?: H[F] };
type WithOptions<H, I> = FieldsOf<H> & { readonly options?: readonly I[] };

/** Options may leave fields out: writing makes them zero, so the layer's stricter type is what comes back from `parse`. */
function optionsMaker<K extends string, H, I>(kind: K, Header: HeaderClass<H>) {
  return <O>({ options, ...fields }: WithOptions<H, I>): OptionsLayer<K, H, O> => {
    const header = new Header(fields as unknown as Partial<H>);
    return { kind, header, options: (options ?? []) as readonly unknown[] as readonly O[] };
  };
}

/** IPv4 with options; they are padded with zeros to a multiple of 4 bytes. */
export const ipv4: (fields: WithOptions<Ipv4, Ipv4OptionInput>) => LayerOf<"ipv4"> = optionsMaker("ipv4", Ipv4);
/** TCP with options; they are padded with zeros to a multiple of 4 bytes. */
export const tcp: (fields: WithOptions<Tcp, TcpOptionInput>) => LayerOf<"tcp"> = optionsMaker("tcp", Tcp);
/** Hop-by-Hop options; Pad1 or PadN is added up to a multiple of 8 bytes. */
export const hopByHop: (fields: WithOptions<HopByHop, Ipv6OptionInput>) => LayerOf<"hopByHop"> = optionsMaker(
  "hopByHop",
  HopByHop,
);
/** Destination options; Pad1 or PadN is added up to a multiple of 8 bytes. */
export const destinationOptions: (
  fields: WithOptions<DestinationOptions, Ipv6OptionInput>,
) => LayerOf<"destinationOptions"> = optionsMaker("destinationOptions", DestinationOptions);

/** Neighbour Discovery messages with their options. */
export const routerSolicitation: (
  fields: WithOptions<RouterSolicitation, NeighbourOptionInput>,
) => LayerOf<"routerSolicitation"> = optionsMaker("routerSolicitation", RouterSolicitation);
/** A router advertisement with its options (RFC 4861 section 4.2). */
export const routerAdvertisement: (
  fields: WithOptions<RouterAdvertisement, NeighbourOptionInput>,
) => LayerOf<"routerAdvertisement"> = optionsMaker("routerAdvertisement", RouterAdvertisement);
/** A neighbour solicitation with its options (RFC 4861 section 4.3). */
export const neighbourSolicitation: (
  fields: WithOptions<NeighbourSolicitation, NeighbourOptionInput>,
) => LayerOf<"neighbourSolicitation"> = optionsMaker("neighbourSolicitation", NeighbourSolicitation);
/** A neighbour advertisement with its options (RFC 4861 section 4.4). */
export const neighbourAdvertisement: (
  fields: WithOptions<NeighbourAdvertisement, NeighbourOptionInput>,
) => LayerOf<"neighbourAdvertisement"> = optionsMaker("neighbourAdvertisement", NeighbourAdvertisement);
/** An ICMPv6 redirect with its options (RFC 4861 section 4.5). */
export const redirect: (fields: WithOptions<Redirect, NeighbourOptionInput>) => LayerOf<"redirect"> = optionsMaker(
  "redirect",
  Redirect,
);

/** A Routing header of any type; `data` is what follows its first 4 bytes. */
export function routing({
  data,
  ...fields
}: FieldsOf<RoutingHeader> & { readonly data: Uint8Array }): LayerOf<"routing"> {
  return { kind: "routing", header: new RoutingHeader(fields), data };
}

/**
 * A Segment Routing Header. `segments` are as they lie in the packet: the last segment of the path first. Left out,
 * `segmentsLeft` is one less than there are segments.
 */
export function srh({
  segments,
  tlvs,
  ...fields
}: FieldsOf<SegmentRoutingHeader> & {
  readonly segments: readonly string[];
  readonly tlvs?: readonly SrhTlvInput[];
}): LayerOf<"srh"> {
  const header = new SegmentRoutingHeader(fields);
  return { kind: "srh", header, segments, tlvs: (tlvs ?? []) as LayerOf<"srh">["tlvs"] };
}

/**
 * GTP-U with its optional word and extension headers. `sequence`, `npdu` and extensions set their flags; a flag that is
 * given makes the word appear.
 */
export function gtpU({
  sequence,
  npdu,
  extensions = [],
  ...fields
}: FieldsOf<GtpU> & {
  readonly sequence?: number;
  readonly npdu?: number;
  readonly extensions?: readonly GtpExtensionValue[];
}): LayerOf<"gtpU"> {
  const header = new GtpU(fields);
  const isFlagged = header.hasExtension || header.hasSequence || header.hasNpdu;
  if (sequence === undefined && npdu === undefined && extensions.length === 0 && !isFlagged) {
    return { kind: "gtpU", header, extensions };
  }
  const given = { ...(sequence !== undefined && { sequence }), ...(npdu !== undefined && { npdu }) };
  return { kind: "gtpU", header, optional: new GtpOptional(given), extensions };
}

/** GRE. `hasChecksum: true` without a checksum computes it; `hasKey` and `hasSequence` without a value write zero. */
export function gre({
  checksum,
  key,
  sequence,
  ...fields
}: FieldsOf<Gre> & {
  readonly checksum?: number | null;
  readonly key?: number;
  readonly sequence?: number;
}): LayerOf<"gre"> {
  const header = new Gre(fields);
  const sum = checksum ?? (header.hasChecksum || checksum === null ? null : undefined);
  const number = key ?? (header.hasKey ? 0 : undefined);
  const count = sequence ?? (header.hasSequence ? 0 : undefined);
  return {
    kind: "gre",
    header,
    ...(sum !== undefined && { checksum: sum }),
    ...(number !== undefined && { key: number }),
    ...(count !== undefined && { sequence: count }),
  };
}

/** GUE variant 0 with extension fields, a multiple of 4 bytes. */
export function gue({ extension, ...fields }: FieldsOf<Gue> & { readonly extension?: Uint8Array }): LayerOf<"gue"> {
  return { kind: "gue", header: new Gue(fields), extension: extension ?? new Uint8Array(0) };
}

/** IP Authentication Header (RFC 4302) with its integrity check value, a multiple of 4 bytes; of IPv6 12 bytes fill the unit of 8. */
export function ah({ icv, ...fields }: FieldsOf<AuthenticationHeader> & { readonly icv?: Uint8Array }): LayerOf<"ah"> {
  return { kind: "ah", header: new AuthenticationHeader(fields), icv: icv ?? new Uint8Array(12) };
}

/** Geneve (RFC 8926) with options as bytes, a multiple of 4. */
export function geneve({
  options,
  ...fields
}: FieldsOf<Geneve> & { readonly options?: Uint8Array }): LayerOf<"geneve"> {
  return { kind: "geneve", header: new Geneve(fields), options: options ?? new Uint8Array(0) };
}
