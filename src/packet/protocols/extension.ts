/** IPv6 extension headers: options, routing, segment routing, fragment. */
import { concatBytes } from "../../base/index.ts";
import { decode, encode, ipv6Address, isGiven, type StructSchema } from "../../schema/index.ts";
import { kindOfProtocol, protocolOf } from "../follow.ts";
import {
  DestinationOptions,
  HopByHop,
  Ipv6Fragment,
  RoutingHeader,
  RoutingType,
  SegmentRoutingHeader,
} from "../headers/index.ts";
import type { Layer, LayerOf, OptionsLayer } from "../layer.ts";
import { isMalformed } from "../options/format.ts";
import { type Ipv6Option, ipv6Options } from "../options/ipv6-options.ts";
import { srhTlvs } from "../options/srh-tlvs.ts";
import { type Dissected, type Following, type Input, nextKind, type Protocol, plain, promisedEnd } from "./protocol.ts";

/** What every extension header but Fragment begins with. */
interface Extension {
  readonly nextHeader: number;
  readonly length: number;
}

/** The rest of a dissection once the variable part is known to be `length` bytes or cut short by the packet. */
function behind(header: Extension, input: Input, offset = input.offset): Pick<Dissected, "length" | "next" | "fault"> {
  const available = input.end - offset;
  if (header.length > available) {
    const { fault } = promisedEnd(input, offset + header.length, "the extension length");
    return { length: available, next: null, ...(fault && { fault }) };
  }
  return { length: header.length, next: kindOfProtocol(header.nextHeader, input.bytes, offset + header.length) };
}

const fillExtension = (following: Following) => ({
  nextHeader: protocolOf(nextKind(following)),
  extensionLength: following.length / 8 - 1,
});

/**
 * Padding options up to a multiple of 8, where the length is ours to compute: Pad1 for one byte, PadN for more
 * (RFC 8200 section 4.2).
 */
function paddedWith(padN: number, before: number, options: Uint8Array, header: object): Uint8Array {
  const missing = (8 - ((before + options.length) % 8)) % 8;
  if (missing === 0 || isGiven(header, "extensionLength")) return options;
  const pad = new Uint8Array(missing);
  if (missing > 1) pad.set([padN, missing - 2]);
  return concatBytes(options, pad);
}

type OptionsKind = "hopByHop" | "destinationOptions";

function optionsHeader<K extends OptionsKind, H extends Extension & { readonly extensionLength: number }>(
  kind: K,
  header: StructSchema<H>,
): Protocol<OptionsLayer<K, H, Ipv6Option>> {
  const wrap = (value: H, bytes: Uint8Array = new Uint8Array(0)): OptionsLayer<K, H, Ipv6Option> => {
    return { kind, header: value, options: ipv6Options.read(bytes) };
  };
  return {
    kind,
    header,
    wrap: (value) => wrap(value),
    dissect(input) {
      const value = decode(header, input.bytes, input.offset);
      const rest = behind(value, input);
      const layer = wrap(value, input.bytes.subarray(input.offset + 2, input.offset + rest.length));
      const fault = { kind: "badOptions", message: "the options do not add up" } as const;
      return { layer: layer as unknown as Layer, ...(isMalformed(layer.options) && { fault }), ...rest };
    },
    variable: (layer) => paddedWith(1, 2, ipv6Options.write(layer.options), layer.header),
    computed: ["extensionLength"],
    announces: "nextHeader",
    fill: (_, following) => fillExtension(following) as Partial<H>,
  };
}

export const hopByHop = optionsHeader("hopByHop", HopByHop);
export const destinationOptions = optionsHeader("destinationOptions", DestinationOptions);

export const routing: Protocol<LayerOf<"routing">> = {
  kind: "routing",
  header: RoutingHeader,
  wrap: (header) => ({ kind: "routing", header, data: new Uint8Array(4) }),
  dissect(input) {
    const header = decode(RoutingHeader, input.bytes, input.offset);
    const rest = behind(header, input);
    const data = input.bytes.slice(input.offset + RoutingHeader.size, input.offset + rest.length);
    return { layer: { kind: "routing", header, data }, ...rest };
  },
  variable: (layer) => layer.data,
  computed: ["extensionLength"],
  announces: "nextHeader",
  fill: (_, following) => fillExtension(following),
  summary: ({ header }) => `Routing type ${header.routingType}`,
};

function dissectSrh(input: Input): Dissected {
  const header = decode(SegmentRoutingHeader, input.bytes, input.offset);
  const rest = behind(header, input);
  const body = input.bytes.subarray(input.offset + SegmentRoutingHeader.size, input.offset + rest.length);
  const count = header.lastEntry + 1;
  if (count * ipv6Address.size > body.length) {
    const message = `last entry ${header.lastEntry}, but room for ${Math.floor(body.length / ipv6Address.size)} segments`;
    const layer = { kind: "srh", header, segments: [], tlvs: [{ kind: "raw", bytes: body.slice() }] } as const;
    return { layer, fault: { kind: "badLength", message }, ...rest, next: null };
  }
  const segments = Array.from({ length: count }, (_, i) => decode(ipv6Address, body, i * ipv6Address.size));
  const tlvs = srhTlvs.read(body.subarray(count * ipv6Address.size));
  return { layer: { kind: "srh", header, segments, tlvs }, ...srhFault(header, tlvs), ...rest };
}

/** RFC 8754 section 4.1.1: a reduced SRH may have one more segment left than it lists. */
function srhFault(header: SegmentRoutingHeader, tlvs: LayerOf<"srh">["tlvs"]): Pick<Dissected, "fault"> {
  if (header.segmentsLeft > header.lastEntry + 1) {
    const message = `${header.segmentsLeft} segments left, but the last entry is ${header.lastEntry}`;
    return { fault: { kind: "badValue", message } };
  }
  return isMalformed(tlvs) ? { fault: { kind: "badOptions", message: "the TLVs do not add up" } } : {};
}

export const srh: Protocol<LayerOf<"srh">> = {
  kind: "srh",
  header: SegmentRoutingHeader,
  wrap: (header) => ({ kind: "srh", header, segments: [], tlvs: [] }),
  dissect: dissectSrh,
  variable: ({ header, segments, tlvs }) =>
    concatBytes(
      ...segments.map((segment) => encode(ipv6Address, segment)),
      paddedWith(4, 0, srhTlvs.write(tlvs), header),
    ),
  computed: ["extensionLength", "routingType", "lastEntry"],
  announces: "nextHeader",
  fill: ({ segments }, following) => ({
    ...fillExtension(following),
    routingType: RoutingType.SegmentRouting,
    segmentsLeft: Math.max(0, segments.length - 1),
    lastEntry: Math.max(0, segments.length - 1),
  }),
  summary: ({ header }) => `SRv6 left ${header.segmentsLeft}`,
};

export const fragment: Protocol<LayerOf<"fragment">> = {
  ...plain("fragment", Ipv6Fragment, (header, input) => {
    const next = kindOfProtocol(header.nextHeader, input.bytes, input.offset + Ipv6Fragment.size);
    return { next: header.fragmentOffset === 0 ? next : null };
  }),
  computed: [],
  announces: "nextHeader",
  fill: (_, following) => ({ nextHeader: protocolOf(nextKind(following)) }),
  summary: ({ header }) => `Fragment ${header.identification} at ${header.fragmentOffset * 8}`,
};
