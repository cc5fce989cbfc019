/** Control messages: ICMP, ICMPv6 and Neighbour Discovery. */
import { decode, type StructSchema } from "../../schema/index.ts";
import {
  Icmp,
  IcmpType,
  Icmpv6,
  Icmpv6Type,
  IpProtocol,
  NeighbourAdvertisement,
  NeighbourSolicitation,
  Redirect,
  RouterAdvertisement,
  RouterSolicitation,
} from "../headers/index.ts";
import type { Layer, LayerOf, OptionsLayer } from "../layer.ts";
import { isMalformed } from "../options/format.ts";
import { type NeighbourOption, neighbourOptions } from "../options/neighbour-options.ts";
import { type ChecksumRule, type Protocol, plain } from "./protocol.ts";
import { upperChecksum } from "./pseudo.ts";

const nameIn = (names: Readonly<Record<string, number>>, value: number) =>
  Object.keys(names).find((name) => names[name] === value) ?? `type ${value}`;

/** `EchoRequest` as `Echo request`. */
const words = (name: string) => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export const icmp: Protocol<LayerOf<"icmp">> = {
  ...plain("icmp", Icmp, () => ({ next: null })),
  computed: ["checksum"],
  checksum: {
    at: () => Icmp.offsetOf("checksum"),
    size: 2,
    expected: (bytes, layers, index) =>
      upperChecksum(bytes, layers, index, { protocol: null, at: Icmp.offsetOf("checksum") }),
  },
  summary({ header }) {
    const name = words(nameIn(IcmpType, header.type));
    const isEcho = header.type === IcmpType.EchoRequest || header.type === IcmpType.EchoReply;
    return isEcho ? `${name} id=${header.identifier} seq=${header.sequence}` : `${name} code ${header.code}`;
  },
};

const icmpv6Checksum: ChecksumRule<unknown> = {
  at: () => Icmpv6.offsetOf("checksum"),
  size: 2,
  expected: (bytes, layers, index) =>
    upperChecksum(bytes, layers, index, { protocol: IpProtocol.Icmpv6, at: Icmpv6.offsetOf("checksum") }),
};

type DiscoveryKind =
  | "routerSolicitation"
  | "routerAdvertisement"
  | "neighbourSolicitation"
  | "neighbourAdvertisement"
  | "redirect";

function discovery<K extends DiscoveryKind, H extends { readonly type: number; readonly checksum: number }>(
  kind: K,
  type: number,
  header: StructSchema<H>,
  summary: (header: H) => string,
): Protocol<OptionsLayer<K, H, NeighbourOption>> & { readonly type: number } {
  const wrap = (value: H, bytes: Uint8Array = new Uint8Array(0)): OptionsLayer<K, H, NeighbourOption> => {
    return { kind, header: value, options: neighbourOptions.read(bytes) };
  };
  return {
    kind,
    type,
    header,
    wrap: (value) => wrap(value),
    dissect({ bytes, offset, end }) {
      const layer = wrap(decode(header, bytes, offset), bytes.subarray(offset + header.size, end));
      const fault = { kind: "badOptions", message: "the options do not add up" } as const;
      const bad = isMalformed(layer.options) && { fault };
      return { layer: layer as unknown as Layer, length: end - offset, next: null, ...bad };
    },
    variable: (layer) => neighbourOptions.write(layer.options),
    computed: ["checksum"],
    fill: () => ({ type }) as Partial<H>,
    checksum: icmpv6Checksum,
    summary: (layer) => summary(layer.header),
  };
}

const target = (name: string) => (header: { readonly target: string }) => `${name} ${header.target}`;

export const routerSolicitation = discovery(
  "routerSolicitation",
  Icmpv6Type.RouterSolicitation,
  RouterSolicitation,
  () => "Router solicitation",
);
export const routerAdvertisement = discovery(
  "routerAdvertisement",
  Icmpv6Type.RouterAdvertisement,
  RouterAdvertisement,
  (header) => `Router advertisement lifetime ${header.lifetime}s`,
);
export const neighbourSolicitation = discovery(
  "neighbourSolicitation",
  Icmpv6Type.NeighbourSolicitation,
  NeighbourSolicitation,
  target("Neighbour solicitation for"),
);
export const neighbourAdvertisement = discovery(
  "neighbourAdvertisement",
  Icmpv6Type.NeighbourAdvertisement,
  NeighbourAdvertisement,
  target("Neighbour advertisement of"),
);
export const redirect = discovery("redirect", Icmpv6Type.Redirect, Redirect, target("Redirect to"));

const MESSAGES = [routerSolicitation, routerAdvertisement, neighbourSolicitation, neighbourAdvertisement, redirect];
const byType = new Map<
  number,
  Pick<Protocol<LayerOf<"icmpv6">>, "dissect"> & { readonly header: { readonly size: number } }
>(MESSAGES.map((message) => [message.type, message]));

const bare = plain("icmpv6", Icmpv6, () => ({ next: null }));

export const icmpv6: Protocol<LayerOf<"icmpv6">> = {
  ...bare,
  dissect(input) {
    const message = byType.get(input.bytes[input.offset] as number);
    if (!message) return bare.dissect(input);
    if (input.offset + message.header.size <= input.end) return message.dissect(input);
    const fault = { kind: "truncated", message: `the message takes ${message.header.size} bytes` } as const;
    return { ...bare.dissect(input), fault };
  },
  computed: ["checksum"],
  checksum: icmpv6Checksum,
  summary({ header }) {
    const name = words(nameIn(Icmpv6Type, header.type));
    const isEcho = header.type === Icmpv6Type.EchoRequest || header.type === Icmpv6Type.EchoReply;
    if (isEcho) return `${name} id=${header.rest >>> 16} seq=${header.rest & 0xffff}`;
    return header.type === Icmpv6Type.PacketTooBig ? `${name} MTU ${header.rest}` : `${name} code ${header.code}`;
  },
};
