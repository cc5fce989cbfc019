/** Traffic for SRv6 End, End with PSP, and the TLV walk. */
import type { Random } from "../random.ts";
import {
  be32,
  ethernet,
  ipv4,
  ipv6,
  join,
  le32,
  optionsHeader,
  Protocol,
  srh,
  Type,
  u8,
  udp,
  v6,
  zeros,
} from "./frames.ts";
import { ROUTES6 } from "./network.ts";
import { entry, port, type Subject } from "./subject.ts";

const SOURCE = "2001:db8::1";
const SIDS = ["fc00:1::e", "fc00:1::f", "fc00:1::10", "fc00:1::11"] as const;
const NEXT = Object.values(ROUTES6).map((prefix) => `${prefix}5`);
const FORWARDED = `${ROUTES6.forwarded}5`;

const inner = ipv4({ source: "10.0.0.1", destination: "10.0.0.2", protocol: Protocol.udp }, udp(1000, 2000, zeros(24)));
const plain = udp(1000, 2000, zeros(24));

const frame = (
  destination: string,
  next: number,
  body: Uint8Array,
  hopLimit = 64,
  payloadLength?: number,
): Uint8Array =>
  ethernet(
    Type.ipv6,
    ipv6(
      { source: SOURCE, destination, next, hopLimit, ...(payloadLength === undefined ? {} : { payloadLength }) },
      body,
    ),
  );

function randomSrh(random: Random, tlvs = zeros(0)): Uint8Array {
  const count = random.between(1, 4);
  const segments = Array.from({ length: count }, () => (random.chance(0.6) ? FORWARDED : random.pick(NEXT)));
  const left = random.chance(0.1)
    ? random.between(0, 255)
    : random.chance(0.5)
      ? Math.min(1, count)
      : random.between(0, count);
  return srh(
    {
      next: Protocol.ipv4,
      segments,
      left,
      tlvs,
      ...(random.chance(0.06) ? { lastEntry: random.pick([0, count, 255, 3]) } : {}),
      ...(random.chance(0.06) ? { extensionLength: random.pick([0, 1, 2, 3, 255]) } : {}),
      ...(random.chance(0.04) ? { type: 0 } : {}),
    },
    inner,
  );
}

/** An SRv6 packet whose SRH may stand behind options. */
function randomPacket(random: Random, body: Uint8Array): Uint8Array {
  const destination = random.chance(0.95) ? random.pick(SIDS) : "fc00:1::99";
  const hopLimit = random.chance(0.08) ? random.between(0, 2) : 64;
  if (random.chance(0.05)) return frame(destination, Protocol.udp, plain, hopLimit);
  if (random.chance(0.03)) return ethernet(Type.ipv4, inner);
  const payloadLength = random.chance(0.04) ? random.pick([0, 8, 24, 40, 65535]) : undefined;
  if (random.chance(0.8)) return frame(destination, Protocol.routing, body, hopLimit, payloadLength);
  const next = random.chance(0.9) ? Protocol.routing : Protocol.udp;
  const kind = random.chance(0.85) ? Protocol.hopByHop : Protocol.destinationOptions;
  return frame(destination, kind, join(optionsHeader(next, random.pick([0, 0, 1, 40])), body), hopLimit, payloadLength);
}

const path = (left: number, segments: readonly string[], tlvs = zeros(0)): Uint8Array =>
  srh({ next: Protocol.ipv4, segments, left, tlvs }, inner);

const sidOf = (behaviour: number): Uint8Array => join(le32(behaviour), zeros(12));

export const end: Subject = {
  name: "end",
  typical: [
    frame(SIDS[0], Protocol.routing, path(1, [FORWARDED, SIDS[0]])),
    frame(SIDS[0], Protocol.routing, path(2, [`${ROUTES6.forwarded}9`, FORWARDED, SIDS[0]])),
  ],
  make: (random) => randomPacket(random, randomSrh(random)),
  state: (egress) => [...SIDS.map((sid) => entry("sids", v6(sid), sidOf(1))), port(egress)],
};

/** An SRH that is longer than the frame: it cannot be cut out. */
const overlong = frame(
  SIDS[1],
  Protocol.routing,
  srh({ next: Protocol.ipv4, segments: [FORWARDED, SIDS[1]], left: 1, extensionLength: 255 }, inner),
  64,
  65535,
);

/** `psp` is the first bit. */
const localSid = (psp: boolean): Uint8Array => join(u8(psp ? 0x80 : 0), zeros(23));

export const endPsp: Subject = {
  name: "end-psp",
  typical: [
    frame(SIDS[0], Protocol.routing, path(1, [FORWARDED, SIDS[0]])),
    frame(SIDS[1], Protocol.routing, path(1, [FORWARDED, SIDS[1]])),
    frame(SIDS[1], Protocol.routing, path(2, [`${ROUTES6.forwarded}9`, FORWARDED, SIDS[1]])),
  ],
  make: (random) => (random.chance(0.02) ? overlong : randomPacket(random, randomSrh(random))),
  state: (egress) => [...SIDS.map((sid, i) => entry("sids", v6(sid), localSid(i % 2 === 1))), port(egress)],
};

const TRACING = 128;
const tlv = (kind: number, content: Uint8Array): Uint8Array => join(u8(kind, content.length), content);
const padding = (count: number): Uint8Array => (count === 1 ? u8(0) : tlv(4, zeros(count - 2)));
const tracing = (timestamp = 0): Uint8Array => tlv(TRACING, join(zeros(2), be32(0), be32(timestamp), be32(0x11223344)));
const hmac = tlv(5, join(zeros(2), be32(7), zeros(32)));

/** TLVs and padding to a multiple of 8. */
function padded(tlvs: Uint8Array): Uint8Array {
  const rest = (8 - (tlvs.length % 8)) % 8;
  return rest === 0 ? tlvs : join(tlvs, padding(rest));
}

function randomTlvs(random: Random): Uint8Array {
  const one = (): Uint8Array => {
    switch (random.between(0, 5)) {
      case 0:
        return padding(1);
      case 1:
        return padding(random.between(2, 9));
      case 2:
        return hmac;
      case 3:
        return tlv(random.between(6, 255), random.bytes(random.between(0, 20)));
      default:
        return tracing();
    }
  };
  const count = random.chance(0.1) ? random.between(7, 12) : random.between(0, 5);
  const all = padded(join(...Array.from({ length: count }, one)));
  if (random.chance(0.08) && all.length > 1) all[random.between(0, all.length - 1)] = random.between(0, 255);
  return all;
}

/** Behaviours 1 End, 2 End.DX6, 3 End with path tracing, 4 none. The body of DX6: next hop, interface. */
const tlvSid = (behaviour: number): Uint8Array =>
  join(le32(behaviour), behaviour === 3 ? join(u8(0x34, 0x12, 7, 9), zeros(16)) : join(v6(FORWARDED), le32(1)));

const inner6 = ipv6({ source: SOURCE, destination: FORWARDED, next: Protocol.udp }, plain);

export const tlvDispatch: Subject = {
  name: "tlv-dispatch",
  typical: [
    frame(SIDS[0], Protocol.routing, path(1, [FORWARDED, SIDS[0]], padded(join(hmac, tracing())))),
    frame(SIDS[1], Protocol.ipv6, inner6),
    frame(SIDS[2], Protocol.routing, path(1, [FORWARDED, SIDS[2]], padded(join(padding(3), tracing(), tracing())))),
  ],
  make: (random) => {
    if (random.chance(0.75)) return randomPacket(random, randomSrh(random, randomTlvs(random)));
    const packet = ipv6(
      { source: SOURCE, destination: random.pick(NEXT), next: Protocol.udp, hopLimit: random.pick([0, 1, 2, 64]) },
      plain,
    );
    if (random.chance(0.5)) return frame(SIDS[1], Protocol.ipv6, packet);
    return frame(
      SIDS[1],
      Protocol.routing,
      srh({ next: Protocol.ipv6, segments: [SIDS[1]], left: 0, tlvs: randomTlvs(random) }, packet),
    );
  },
  state: (egress) => [...SIDS.map((sid, i) => entry("sids", v6(sid), tlvSid(i + 1))), port(egress)],
};
