/** What stands between the link and the network: MPLS labels, PPPoE; and Geneve, which brings either. */
import { decode } from "../../schema/index.ts";
import { etherTypeOf, kindOfEtherType, kindOfPpp, kindOfVersion, pppProtocolOf } from "../follow.ts";
import { Geneve, Mpls, Ppp, Pppoe, PppoeCode } from "../headers/index.ts";
import type { GeneveLayer, LayerOf } from "../layer.ts";
import { type Dissected, type Input, nextKind, type Protocol, plain, promisedEnd } from "./protocol.ts";

/** Nothing says what a label stack carries: the first four bits of IP do (RFC 4928 section 3). */
export const mpls: Protocol<LayerOf<"mpls">> = {
  ...plain("mpls", Mpls, ({ bottomOfStack }, { bytes, offset, end }) => ({
    next: bottomOfStack ? kindOfVersion(bytes, offset + Mpls.size, end) : "mpls",
  })),
  computed: [],
  announces: "bottomOfStack",
  fill: (_, following) => ({ bottomOfStack: nextKind(following) !== "mpls", ttl: 64 }),
  summary: ({ header }) => `MPLS ${header.label}`,
};

export const pppoe: Protocol<LayerOf<"pppoe">> = {
  ...plain("pppoe", Pppoe, (header, input) => {
    if (header.version !== 1 || header.type !== 1) {
      const message = `version ${header.version}, type ${header.type}`;
      return { next: null, fault: { kind: "badVersion", message } };
    }
    const next = header.code === PppoeCode.Session ? ("ppp" as const) : null;
    return { next, ...promisedEnd(input, input.offset + Pppoe.size + header.length, "the PPPoE length") };
  }),
  computed: ["length"],
  fill: (_, { carried }) => ({ version: 1, type: 1, code: PppoeCode.Session, length: carried }),
  summary: ({ header }) => `PPPoE session ${header.session}`,
};

export const ppp: Protocol<LayerOf<"ppp">> = {
  ...plain("ppp", Ppp, ({ protocol }) => ({ next: kindOfPpp(protocol) })),
  computed: [],
  announces: "protocol",
  fill(_, following) {
    const kind = nextKind(following);
    return { protocol: (kind && kind !== "payload" && pppProtocolOf(kind)) || 0 };
  },
  summary: () => "",
};

function dissectGeneve(input: Input): Dissected {
  const { bytes, offset, end } = input;
  const header = decode(Geneve, bytes, offset);
  const full = Geneve.size + header.optionWords * 4;
  const length = Math.min(full, end - offset);
  const layer: GeneveLayer = { kind: "geneve", header, options: bytes.slice(offset + Geneve.size, offset + length) };
  if (header.version !== 0) {
    return { layer, length, next: null, fault: { kind: "badVersion", message: `version ${header.version}` } };
  }
  const { fault } = promisedEnd(input, offset + full, "the options length");
  const next = fault || header.isControl ? null : kindOfEtherType(header.protocolType);
  return { layer, length, next, ...(fault && { fault }) };
}

export const geneve: Protocol<LayerOf<"geneve">> = {
  kind: "geneve",
  header: Geneve,
  wrap: (header) => ({ kind: "geneve", header, options: new Uint8Array(0) }),
  dissect: dissectGeneve,
  variable: ({ options }) => options,
  computed: [],
  announces: "protocolType",
  fill({ options }, following) {
    const kind = nextKind(following);
    return {
      optionWords: options.length / 4,
      protocolType: (kind && kind !== "payload" && etherTypeOf(kind)) || 0,
    };
  },
  summary: ({ header }) => `Geneve ${header.identifier}`,
};
