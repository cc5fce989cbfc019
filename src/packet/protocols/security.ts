/** IPsec: Authentication Header, and what of an Encapsulating Security Payload is not encrypted. */
import { decode } from "../../schema/index.ts";
import { kindOfProtocol, protocolOf } from "../follow.ts";
import { AuthenticationHeader, EncapsulatingSecurity } from "../headers/index.ts";
import type { AuthenticationLayer, LayerOf } from "../layer.ts";
import { type Dissected, type Input, nextKind, type Protocol, plain, promisedEnd } from "./protocol.ts";

const index = (spi: number): string => `SPI 0x${spi.toString(16).padStart(8, "0")}`;

function dissectAh(input: Input): Dissected {
  const { bytes, offset, end } = input;
  const header = decode(AuthenticationHeader, bytes, offset);
  const layer = (length: number): AuthenticationLayer => ({
    kind: "ah",
    header,
    icv: bytes.slice(offset + AuthenticationHeader.size, offset + length),
  });
  if (header.length < AuthenticationHeader.size) {
    const message = `a length of ${header.length} bytes, the header alone has ${AuthenticationHeader.size}`;
    const length = AuthenticationHeader.size;
    return { layer: layer(length), length, next: null, fault: { kind: "badLength", message } };
  }
  const length = Math.min(header.length, end - offset);
  const { fault } = promisedEnd(input, offset + header.length, "the AH length");
  const next = fault ? null : kindOfProtocol(header.nextHeader, bytes, offset + length);
  return { layer: layer(length), length, next, ...(fault && { fault }) };
}

export const ah: Protocol<LayerOf<"ah">> = {
  kind: "ah",
  header: AuthenticationHeader,
  wrap: (header) => ({ kind: "ah", header, icv: new Uint8Array(0) }),
  dissect: dissectAh,
  variable: ({ icv }) => icv,
  computed: ["payloadLength"],
  announces: "nextHeader",
  fill: (_, following) => ({
    nextHeader: protocolOf(nextKind(following)),
    payloadLength: following.length / 4 - 2,
  }),
  summary: ({ header }) => `AH ${index(header.spi)}`,
};

export const esp: Protocol<LayerOf<"esp">> = {
  ...plain("esp", EncapsulatingSecurity, () => ({ next: null })),
  computed: [],
  summary: ({ header }, carried) => `${index(header.spi)} Seq=${header.sequence} Len=${carried}`,
};
