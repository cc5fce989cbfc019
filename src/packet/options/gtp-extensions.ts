/**
 * The chain of GTP-U extension headers: 3GPP TS 29.281 section 5.2.
 *
 *   | words | content: 4 × words - 2 bytes | type of the next; 0 ends the chain |
 *
 * Invariant: writing a chain that was read gives its bytes again, a broken chain included.
 */
import { concatBytes } from "../../base/index.ts";
import { be16, decode, encode, u8 } from "../../schema/index.ts";
import { GtpExtension } from "../headers/index.ts";
import { type PduSession, readPduSession, writePduSession } from "./pdu-session.ts";

/** TS 29.281 section 5.2.2.1. */
export interface GtpUdpPort {
  readonly kind: "udpPort";
  readonly port: number;
}
/** TS 29.281 section 5.2.2.2. */
export interface GtpPdcpNumber {
  readonly kind: "pdcpNumber";
  readonly number: number;
}
export interface GtpUnknownExtension {
  readonly kind: "unknown";
  readonly type: number;
  /** 4n - 2 bytes; written with zeros up to that. */
  readonly body: Uint8Array;
}
/** `next` overrides the type of the next extension, which else follows from the chain. */
export type GtpExtensionValue = (PduSession | GtpUdpPort | GtpPdcpNumber | GtpUnknownExtension) & {
  readonly next?: number;
};

/** The type number that announces this extension. */
export function gtpExtensionType(extension: GtpExtensionValue): number {
  switch (extension.kind) {
    case "pduSession":
      return GtpExtension.PduSessionContainer;
    case "udpPort":
      return GtpExtension.UdpPort;
    case "pdcpNumber":
      return GtpExtension.PdcpNumber;
    case "unknown":
      return extension.type;
  }
}

function bodyOf(extension: GtpExtensionValue): Uint8Array {
  switch (extension.kind) {
    case "pduSession":
      return writePduSession(extension);
    case "udpPort":
      return encode(be16, extension.port);
    case "pdcpNumber":
      return encode(be16, extension.number);
    case "unknown":
      return extension.body;
  }
}

/** The chain's bytes. Throws SCHEMA_RANGE when an extension is longer than 1,020 bytes. */
export function writeGtpExtensions(extensions: readonly GtpExtensionValue[]): Uint8Array {
  return concatBytes(...extensions.map((extension, i) => writeOne(extension, extensions[i + 1])));
}

function writeOne(extension: GtpExtensionValue, following: GtpExtensionValue | undefined): Uint8Array {
  const body = bodyOf(extension);
  const words = Math.ceil((body.length + 2) / 4);
  const bytes = new Uint8Array(words * 4);
  bytes.set(encode(u8, words));
  bytes.set(body, 1);
  bytes[words * 4 - 1] = extension.next ?? (following ? gtpExtensionType(following) : GtpExtension.None);
  return bytes;
}

export interface GtpChain {
  readonly extensions: readonly GtpExtensionValue[];
  /** Bytes that were read. */
  readonly length: number;
  /** True when an announced extension has no length, or does not fit. */
  readonly isBroken: boolean;
}

/** Reads the chain that begins with an extension of type `first`. */
export function readGtpExtensions(bytes: Uint8Array, first: number): GtpChain {
  const extensions: GtpExtensionValue[] = [];
  let type = first;
  let at = 0;
  while (type !== GtpExtension.None) {
    const length = (bytes[at] ?? 0) * 4;
    if (length === 0 || at + length > bytes.length)
      return { extensions: withNext(extensions, type), length: at, isBroken: true };
    extensions.push(readOne(type, bytes.subarray(at + 1, at + length - 1)));
    type = bytes[at + length - 1] as number;
    at += length;
  }
  return { extensions, length: at, isBroken: false };
}

/** The last extension of a broken chain announces one that is not there. */
function withNext(extensions: readonly GtpExtensionValue[], next: number): readonly GtpExtensionValue[] {
  return extensions.map((extension, i) => (i === extensions.length - 1 ? { ...extension, next } : extension));
}

function readOne(type: number, body: Uint8Array): GtpExtensionValue {
  const session = type === GtpExtension.PduSessionContainer ? readPduSession(body) : null;
  if (session) return session;
  if (type === GtpExtension.UdpPort && body.length === 2) return { kind: "udpPort", port: decode(be16, body) };
  if (type === GtpExtension.PdcpNumber && body.length === 2) return { kind: "pdcpNumber", number: decode(be16, body) };
  return { kind: "unknown", type, body: body.slice() };
}
