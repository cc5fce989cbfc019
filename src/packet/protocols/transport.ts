/** Transport layers: TCP, UDP, SCTP. */
import { decode } from "../../schema/index.ts";
import { crc32c } from "../checksum.ts";
import { kindOfPort, kindOfVersion, portOf } from "../follow.ts";
import { IpProtocol, Port, Sctp, Tcp, Udp } from "../headers/index.ts";
import type { LayerKind, LayerOf } from "../layer.ts";
import { isMalformed } from "../options/format.ts";
import { tcpOptions } from "../options/tcp-options.ts";
import {
  type Dissected,
  type Input,
  type Located,
  nextKind,
  type Protocol,
  padded,
  plain,
  promisedEnd,
} from "./protocol.ts";
import { isFragmented, upperChecksum } from "./pseudo.ts";

function wrapTcp(header: Tcp, optionBytes: Uint8Array = new Uint8Array(0)) {
  return { kind: "tcp", header, options: tcpOptions.read(optionBytes) } as const;
}

function dissectTcp(input: Input): Dissected {
  const header = decode(Tcp, input.bytes, input.offset);
  if (header.headerLength < Tcp.size) {
    const message = `a header of ${header.headerLength} bytes`;
    return { layer: wrapTcp(header), length: Tcp.size, next: null, fault: { kind: "badLength", message } };
  }
  const length = Math.min(header.headerLength, input.end - input.offset);
  const layer = wrapTcp(header, input.bytes.subarray(input.offset + Tcp.size, input.offset + length));
  const { fault } = promisedEnd(input, input.offset + header.headerLength, "the data offset");
  if (fault) return { layer, length, next: null, fault };
  const bad = { kind: "badOptions", message: "the options do not add up" } as const;
  return { layer, length, next: null, ...(isMalformed(layer.options, 0) && { fault: bad }) };
}

const FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"] as const;

export const tcp: Protocol<LayerOf<"tcp">> = {
  kind: "tcp",
  header: Tcp,
  wrap: (header) => wrapTcp(header),
  dissect: dissectTcp,
  variable: (layer) => padded(tcpOptions.write(layer.options), 4, layer.header, "dataOffset"),
  computed: ["dataOffset", "checksum"],
  fill: (_, { length }) => ({ dataOffset: length / 4 }),
  checksum: {
    at: () => Tcp.offsetOf("checksum"),
    size: 2,
    expected: (bytes, layers, index) =>
      upperChecksum(bytes, layers, index, { protocol: IpProtocol.Tcp, at: Tcp.offsetOf("checksum") }),
  },
  summary({ header }, carried) {
    const flags = FLAGS.filter((name) => header[name]).map((name) => name.toUpperCase());
    const acknowledged = header.ack ? ` Ack=${header.acknowledgement}` : "";
    const numbers = `Seq=${header.sequence}${acknowledged} Win=${header.window} Len=${carried}`;
    return `${header.sourcePort} → ${header.destinationPort} [${flags.join(", ") || "no flags"}] ${numbers}`;
  },
};

/** The tunnel of a port; the source's counts for answers. GUE variant 1 has no header of its own. */
function behindUdp(header: Udp, input: Input): LayerKind | null {
  const kind = kindOfPort(header.destinationPort) ?? kindOfPort(header.sourcePort);
  const first = input.offset + Udp.size;
  const isDirect = kind === "gue" && first < input.end && (input.bytes[first] as number) >> 6 === 1;
  return isDirect ? kindOfVersion(input.bytes, first, input.end) : kind;
}

export const udp: Protocol<LayerOf<"udp">> = {
  ...plain("udp", Udp, (header, input) => {
    if (header.length < Udp.size) {
      return { next: null, fault: { kind: "badLength", message: `a length of ${header.length} bytes` } };
    }
    // In a first fragment the rest of the datagram is elsewhere.
    if (isFragmented(input.outer, input.outer.length)) return { next: null };
    return { next: behindUdp(header, input), ...promisedEnd(input, input.offset + header.length, "the UDP length") };
  }),
  computed: ["length", "checksum"],
  fill(_, following) {
    const kind = nextKind(following);
    const port = kind && kind !== "payload" ? portOf(kind) : undefined;
    const source = port === Port.GtpU ? { sourcePort: port } : {};
    return { length: following.length + following.carried, ...(port && { destinationPort: port }), ...source };
  },
  checksum: {
    at: () => Udp.offsetOf("checksum"),
    size: 2,
    expected(bytes, layers, index) {
      const options = { protocol: IpProtocol.Udp, at: Udp.offsetOf("checksum") };
      const sum = upperChecksum(bytes, layers, index, options);
      // RFC 768: zero means that there is none, so a sum of zero is sent as all ones.
      return sum === 0 ? 0xffff : sum;
    },
  },
  summary: ({ header }, carried) => `${header.sourcePort} → ${header.destinationPort} Len=${carried}`,
};

export const sctp: Protocol<LayerOf<"sctp">> = {
  ...plain("sctp", Sctp, () => ({ next: null })),
  computed: ["checksum"],
  checksum: {
    at: () => Sctp.offsetOf("checksum"),
    size: 4,
    expected(bytes, layers, index) {
      const { offset, end } = layers[index] as Located;
      return crc32c(bytes.subarray(offset, end), Sctp.offsetOf("checksum"));
    },
  },
  summary: ({ header }) => `${header.sourcePort} → ${header.destinationPort}`,
};
