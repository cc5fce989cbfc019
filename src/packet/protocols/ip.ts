/** IPv4 and IPv6. */

import { decode, isGiven } from "../../schema/index.ts";
import { finishChecksum, sumWords } from "../checksum.ts";
import { kindOfProtocol, protocolOf } from "../follow.ts";
import { IpProtocol, Ipv4, Ipv6 } from "../headers/index.ts";
import type { LayerOf } from "../layer.ts";
import { isMalformed } from "../options/format.ts";
import { ipv4Options } from "../options/ipv4-options.ts";
import {
  type Dissected,
  type Following,
  type Input,
  nextKind,
  type Protocol,
  padded,
  plain,
  promisedEnd,
} from "./protocol.ts";

const DEFAULT_TTL = 64;

function wrapIpv4(header: Ipv4, optionBytes: Uint8Array = new Uint8Array(0)) {
  return { kind: "ipv4", header, options: ipv4Options.read(optionBytes) } as const;
}

function dissectIpv4(input: Input): Dissected {
  const header = decode(Ipv4, input.bytes, input.offset);
  const bad = (kind: "badVersion" | "badLength", message: string): Dissected => {
    return { layer: wrapIpv4(header), length: Ipv4.size, next: null, fault: { kind, message } };
  };
  if (header.version !== 4) return bad("badVersion", `version ${header.version}`);
  if (header.ihl < 5) return bad("badLength", `a header of ${header.headerLength} bytes`);
  const length = Math.min(header.headerLength, input.end - input.offset);
  const layer = wrapIpv4(header, input.bytes.subarray(input.offset + Ipv4.size, input.offset + length));
  if (length < header.headerLength) {
    return {
      layer,
      length,
      next: null,
      ...promisedEnd(input, input.offset + header.headerLength, "the header length"),
    };
  }
  if (header.totalLength < length) {
    const message = `a total length of ${header.totalLength} bytes, below the header's ${length}`;
    return { layer, length, next: null, fault: { kind: "badLength", message } };
  }
  const next = header.fragmentOffset === 0 ? kindOfProtocol(header.protocol, input.bytes, input.offset + length) : null;
  const fault =
    isMalformed(layer.options, 0) && ({ kind: "badOptions", message: "the options do not add up" } as const);
  return {
    layer,
    length,
    next,
    ...(fault && { fault }),
    ...promisedEnd(input, input.offset + header.totalLength, "the total length"),
  };
}

export const ipv4: Protocol<LayerOf<"ipv4">> = {
  kind: "ipv4",
  header: Ipv4,
  dissect: dissectIpv4,
  wrap: (header) => wrapIpv4(header),
  variable: (layer) => padded(ipv4Options.write(layer.options), 4, layer.header, "ihl"),
  computed: ["version", "ihl", "totalLength", "checksum"],
  announces: "protocol",
  fill: (_, following) => ({
    version: 4,
    ihl: following.length / 4,
    totalLength: following.length + following.carried,
    ttl: DEFAULT_TTL,
    protocol: protocolOf(nextKind(following)),
  }),
  checksum: {
    at: () => Ipv4.offsetOf("checksum"),
    size: 2,
    expected(bytes, layers, index) {
      const layer = layers[index];
      if (layer?.kind !== "ipv4") return null;
      const hole = layer.offset + Ipv4.offsetOf("checksum");
      return finishChecksum(
        sumWords(bytes, hole + 2, layer.offset + layer.length, sumWords(bytes, layer.offset, hole)),
      );
    },
  },
  summary: ({ header }) =>
    header.isFragment ? `Fragment ${header.identification} at ${header.fragmentOffset * 8}` : "",
};

const BEFORE_ROUTING: ReadonlySet<string> = new Set(["hopByHop", "destinationOptions"]);

/** RFC 8754 section 4.1: the destination is the segment that Segments Left points at. */
function activeSegment({ parts }: Following): { destination?: string } {
  const next = parts.find(({ kind }) => !BEFORE_ROUTING.has(kind))?.layer;
  if (next?.kind !== "srh") return {};
  const { header, segments } = next;
  const destination = segments[isGiven(header, "segmentsLeft") ? header.segmentsLeft : segments.length - 1];
  return destination === undefined ? {} : { destination };
}

export const ipv6: Protocol<LayerOf<"ipv6">> = {
  ...plain("ipv6", Ipv6, (header, input) => {
    if (header.version !== 6)
      return { next: null, fault: { kind: "badVersion", message: `version ${header.version}` } };
    const next = kindOfProtocol(header.nextHeader, input.bytes, input.offset + Ipv6.size);
    // RFC 2675: a jumbogram says 0 here, and its length in a Hop-by-Hop option.
    if (header.payloadLength === 0 && header.nextHeader === IpProtocol.HopByHop) return { next };
    return { next, ...promisedEnd(input, input.offset + Ipv6.size + header.payloadLength, "the payload length") };
  }),
  computed: ["version", "payloadLength"],
  announces: "nextHeader",
  fill: (_, following) => ({
    version: 6,
    payloadLength: following.carried,
    nextHeader: protocolOf(nextKind(following)),
    hopLimit: DEFAULT_TTL,
    ...activeSegment(following),
  }),
};
