/** Tunnels: GTP-U, GRE, VXLAN, Geneve, GUE. */
import { concatBytes } from "../../base/index.ts";
import { be16, be32, decode, encode, isGiven } from "../../schema/index.ts";
import { etherTypeOf, kindOfEtherType, kindOfProtocol, kindOfVersion, protocolOf } from "../follow.ts";
import { Gre, GtpMessage, GtpOptional, GtpU, Gue, PduSessionContainer, Vxlan } from "../headers/index.ts";
import type { GreLayer, GtpULayer, LayerOf } from "../layer.ts";
import { gtpExtensionType, readGtpExtensions, writeGtpExtensions } from "../options/gtp-extensions.ts";
import { type Dissected, type Following, type Input, nextKind, type Protocol, plain, promisedEnd } from "./protocol.ts";
import { upperChecksum } from "./pseudo.ts";

const hasOptional = (header: GtpU) => header.hasExtension || header.hasSequence || header.hasNpdu;

function dissectGtpU(input: Input): Dissected {
  const header = decode(GtpU, input.bytes, input.offset);
  const bare = { layer: { kind: "gtpU", header, extensions: [] }, length: GtpU.size, next: null } as const;
  if (header.version !== 1 || !header.protocolType) {
    const message = header.protocolType ? `version ${header.version}` : "GTP', the charging protocol";
    return { ...bare, fault: { kind: "badVersion", message } };
  }
  const promised = promisedEnd(input, input.offset + GtpU.size + header.length, "the GTP length");
  const end = promised.end as number;
  if (!hasOptional(header)) return { ...bare, next: behindGtpU(header, input, bare.length, end), ...promised };
  if (end - input.offset < GtpU.size + GtpOptional.size) {
    return { ...bare, end, fault: { kind: "truncated", message: "the flags announce 4 bytes that are not there" } };
  }
  return { ...dissectOptional(header, input, end), ...promised };
}

function dissectOptional(header: GtpU, input: Input, end: number): Dissected {
  const at = input.offset + GtpU.size;
  const optional = decode(GtpOptional, input.bytes, at);
  const first = header.hasExtension ? optional.nextExtension : 0;
  const chain = readGtpExtensions(input.bytes.subarray(at + GtpOptional.size, end), first);
  const layer: GtpULayer = { kind: "gtpU", header, optional, extensions: chain.extensions };
  const length = GtpU.size + GtpOptional.size + chain.length;
  const fault = { kind: "badOptions", message: "an extension header has no length or does not fit" } as const;
  if (chain.isBroken) return { layer, length, end, next: null, fault };
  return { layer, length, end, next: behindGtpU(header, input, length, end) };
}

function behindGtpU(header: GtpU, input: Input, length: number, end: number) {
  return header.messageType === GtpMessage.GPdu ? kindOfVersion(input.bytes, input.offset + length, end) : null;
}

/** The optional word is written when it is in the layer, or must announce an extension. */
function gtpOptionalBytes({ optional, extensions }: GtpULayer): Uint8Array {
  if (!optional && extensions.length === 0) return new Uint8Array(0);
  const word = optional ?? new GtpOptional();
  const first = extensions[0];
  const next = isGiven(word, "nextExtension") || !first ? word.nextExtension : gtpExtensionType(first);
  return encode(GtpOptional, Object.assign(new GtpOptional(word), { nextExtension: next }));
}

/** From the optional word, the layer's own or a bare one that follows, and what stands behind that. */
function gtpFlags({ optional, extensions }: GtpULayer, [first, second]: Following["parts"]): Partial<GtpU> {
  const word = optional ?? (first?.header instanceof GtpOptional ? first.header : null);
  const isAnnounced =
    extensions.length > 0 || (word !== null && !optional && second?.header instanceof PduSessionContainer);
  if (!word) return { hasExtension: isAnnounced };
  return {
    hasExtension: isAnnounced || word.nextExtension !== 0,
    hasSequence: isGiven(word, "sequence"),
    hasNpdu: isGiven(word, "npdu"),
  };
}

function gtpSummary({ header, extensions }: GtpULayer): string {
  const name =
    Object.entries(GtpMessage).find(([, type]) => type === header.messageType)?.[0] ?? `message ${header.messageType}`;
  const session = extensions.find((extension) => extension.kind === "pduSession");
  const qfi = session?.kind === "pduSession" ? ` QFI ${session.qfi}` : "";
  const message = header.messageType === GtpMessage.GPdu ? "" : ` ${name}`;
  return `GTP-U${message} TEID 0x${header.teid.toString(16).padStart(8, "0")}${qfi}`;
}

export const gtpU: Protocol<LayerOf<"gtpU">> = {
  kind: "gtpU",
  header: GtpU,
  wrap: (header) => ({ kind: "gtpU", header, extensions: [] }),
  dissect: dissectGtpU,
  variable: (layer) => concatBytes(gtpOptionalBytes(layer), writeGtpExtensions(layer.extensions)),
  computed: ["length"],
  fill: (layer, { length, carried, parts }) => ({
    version: 1,
    protocolType: true,
    ...gtpFlags(layer, parts),
    messageType: GtpMessage.GPdu,
    length: length - GtpU.size + carried,
  }),
  summary: gtpSummary,
};

/** The optional words in their order. */
function greWords({ checksum, reserved, key, sequence }: GreLayer): Uint8Array {
  const word = (value: number | undefined) => (value === undefined ? new Uint8Array(0) : encode(be32, value));
  const sum =
    checksum === undefined ? word(undefined) : concatBytes(encode(be16, checksum ?? 0), encode(be16, reserved ?? 0));
  return concatBytes(sum, word(key), word(sequence));
}

function dissectGre(input: Input): Dissected {
  const header = decode(Gre, input.bytes, input.offset);
  const bare = { layer: { kind: "gre", header }, length: Gre.size, next: null } as const;
  if (header.version !== 0) return { ...bare, fault: { kind: "badVersion", message: `version ${header.version}` } };
  if (header.hasRouting) return { ...bare, fault: { kind: "badValue", message: "source routing of RFC 1701" } };
  const words = [header.hasChecksum, header.hasKey, header.hasSequence].filter(Boolean).length;
  const length = Gre.size + words * 4;
  const { fault } = promisedEnd(input, input.offset + length, "the flags");
  if (fault) return { ...bare, fault };
  return { layer: greLayer(header, input), length, next: kindOfEtherType(header.protocolType) };
}

function greLayer(header: Gre, { bytes, offset }: Input): GreLayer {
  let at = offset + Gre.size;
  const take = <T extends object>(isThere: boolean, make: (at: number) => T) => {
    if (!isThere) return undefined;
    at += 4;
    return make(at - 4);
  };
  return {
    kind: "gre",
    header,
    ...take(header.hasChecksum, (i) => ({ checksum: decode(be16, bytes, i), reserved: decode(be16, bytes, i + 2) })),
    ...take(header.hasKey, (i) => ({ key: decode(be32, bytes, i) })),
    ...take(header.hasSequence, (i) => ({ sequence: decode(be32, bytes, i) })),
  };
}

export const gre: Protocol<LayerOf<"gre">> = {
  kind: "gre",
  header: Gre,
  wrap: (header) => ({ kind: "gre", header }),
  dissect: dissectGre,
  variable: greWords,
  computed: [],
  announces: "protocolType",
  fill({ checksum, key, sequence }, following) {
    const kind = nextKind(following);
    return {
      hasChecksum: checksum !== undefined,
      hasKey: key !== undefined,
      hasSequence: sequence !== undefined,
      protocolType: (kind && kind !== "payload" && etherTypeOf(kind)) || 0,
    };
  },
  checksum: {
    at: (layer) => (layer.checksum === undefined ? null : Gre.size),
    size: 2,
    expected: (bytes, layers, index) => upperChecksum(bytes, layers, index, { protocol: null, at: Gre.size }),
  },
  summary: ({ key }) => `GRE${key === undefined ? "" : ` key 0x${key.toString(16)}`}`,
};

export const vxlan: Protocol<LayerOf<"vxlan">> = {
  ...plain("vxlan", Vxlan, ({ hasIdentifier }) => {
    if (hasIdentifier) return { next: "ethernet" };
    return { next: null, fault: { kind: "badValue", message: "the flag I is not set" } };
  }),
  computed: [],
  fill: () => ({ hasIdentifier: true }),
  summary: ({ header }) => `VXLAN ${header.identifier}`,
};

export const gue: Protocol<LayerOf<"gue">> = {
  kind: "gue",
  header: Gue,
  wrap: (header) => ({ kind: "gue", header, extension: new Uint8Array(0) }),
  dissect(input) {
    const header = decode(Gue, input.bytes, input.offset);
    const layer = (extension: Uint8Array): LayerOf<"gue"> => ({ kind: "gue", header, extension });
    if (header.version !== 0) {
      const fault = { kind: "badVersion", message: `variant ${header.version}` } as const;
      return { layer: layer(new Uint8Array(0)), length: Gue.size, next: null, fault };
    }
    const full = Gue.size + header.extensionWords * 4;
    const length = Math.min(full, input.end - input.offset);
    const { fault } = promisedEnd(input, input.offset + full, "the header length");
    const next = fault || header.isControl ? null : kindOfProtocol(header.protocol, input.bytes, input.offset + full);
    const extension = input.bytes.slice(input.offset + Gue.size, input.offset + length);
    return { layer: layer(extension), length, next, ...(fault && { fault }) };
  },
  variable: (layer) => layer.extension,
  computed: [],
  announces: "protocol",
  fill: ({ extension }, following) => ({
    extensionWords: extension.length / 4,
    protocol: protocolOf(nextKind(following)),
  }),
  summary: () => "GUE",
};
