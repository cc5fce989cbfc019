/** Traffic for the load balancer and for static NAT. */
import type { Random } from "../random.ts";
import {
  be16,
  ethernet,
  icmp,
  ipv4,
  ipv6,
  join,
  le32,
  optionsHeader,
  Protocol,
  TcpFlag,
  Type,
  tcp,
  u8,
  udp,
  v4,
  v6,
  zeros,
} from "./frames.ts";
import { ROUTES4 } from "./network.ts";
import { entry, type MapEntry, port, type Subject } from "./subject.ts";

const CLIENTS4 = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "203.0.113.9"] as const;
const CLIENTS6 = ["2001:db8:c::1", "2001:db8:c::2", "2001:db8:c::3", "2001:db8:d::9"] as const;
/** 1: TCP 80 and UDP 443; 2: any TCP port, hash of the source only; 3: no connection table; 4: a ring that is not there. */
const VIPS4 = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] as const;
const VIPS6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"] as const;
const RING_SIZE = 65537;
const CLIENT_PORTS = [1024, 40000, 40001, 65535] as const;

function transport(random: Random, protocol: number): Uint8Array {
  const payload = random.bytes(random.between(0, 60));
  const source = random.pick(CLIENT_PORTS);
  const destination = random.pick([80, 443, 80, 443, 22]);
  switch (protocol) {
    case Protocol.tcp:
      return tcp(source, destination, random.pick([2, 0x10, 0x12, 0x18, 1, 4]), payload);
    case Protocol.udp:
      return udp(source, destination, payload);
    case Protocol.icmp:
    case Protocol.icmpv6:
      return icmp(random.pick([8, 0, 3, 128]), 0, 1, payload);
    default:
      return payload;
  }
}

function client4(random: Random): Uint8Array {
  const protocol = random.pick([6, 6, 6, 17, 17, 17, 1, 47]);
  const packet = ipv4(
    {
      source: random.pick(CLIENTS4),
      destination: random.pick([...VIPS4, ...VIPS4, "192.0.2.9"]),
      protocol,
      options: random.chance(0.04) ? zeros(4) : zeros(0),
      ...(random.chance(0.04) ? { fragment: random.pick([0x2000, 0x0001, 0x8000]) } : {}),
      ...(random.chance(0.05) ? { totalLength: random.pick([0, 20, 40, 3000, 65535]) } : {}),
    },
    transport(random, protocol),
  );
  return ethernet(Type.ipv4, join(packet, random.chance(0.2) ? zeros(10) : zeros(0)));
}

function client6(random: Random): Uint8Array {
  const next = random.pick([6, 6, 6, 17, 17, 17, 58, 44, 0]);
  const body = transport(random, next);
  const packet = ipv6(
    {
      source: random.pick(CLIENTS6),
      destination: random.pick([...VIPS6, ...VIPS6, "2001:db8::9"]),
      next,
      ...(random.chance(0.05) ? { payloadLength: random.pick([0, 20, 3000, 65535]) } : {}),
    },
    next === Protocol.hopByHop ? join(optionsHeader(6), body) : body,
  );
  return ethernet(Type.ipv6, join(packet, random.chance(0.2) ? zeros(10) : zeros(0)));
}

/** index, hashSource, noConnections (the first two bits of the next byte). */
const vip = (index: number, flags = 0): Uint8Array => join(le32(index), u8(flags, 0, 0, 0));
const HASH_SOURCE = 0x80;
const NO_CONNECTIONS = 0x40;

function vips(map: string, addresses: readonly Uint8Array[]): MapEntry[] {
  const rows = [
    [0, 80, Protocol.tcp, vip(0)],
    [0, 443, Protocol.udp, vip(1)],
    [1, 0, Protocol.tcp, vip(1, HASH_SOURCE)],
    [1, 0, Protocol.udp, vip(2)],
    [2, 80, Protocol.tcp, vip(1, NO_CONNECTIONS)],
    [2, 443, Protocol.udp, vip(2, NO_CONNECTIONS | HASH_SOURCE)],
    [3, 80, Protocol.tcp, vip(600)],
    [3, 443, Protocol.udp, vip(600, NO_CONNECTIONS)],
  ] as const;
  return rows.map(([which, destination, protocol, value]) =>
    entry(map, join(addresses[which]!, be16(destination), u8(protocol)), value),
  );
}

/** The rings of VIPs 1 and 2: eight reals in turn, one of them out of range. VIP 0 has real 0 only. */
function rings(): MapEntry[] {
  return [1, 2].flatMap((index) =>
    Array.from({ length: RING_SIZE }, (_, slot) =>
      entry("ring", le32(index * RING_SIZE + slot), le32(slot % 16 === 7 ? 5000 : slot % 8)),
    ),
  );
}

/** Reals 0 to 7, every other one IPv6. */
const reals = (): MapEntry[] =>
  Array.from({ length: 8 }, (_, i) =>
    entry("reals", le32(i), join(v4(`10.1.0.${i}`), le32(i % 2), v6(`fc00:10::${i}`))),
  );

/** UDP flows last seen at the beginning of time: they have expired. */
const oldFlows = (): MapEntry[] =>
  CLIENTS4.flatMap((client) =>
    CLIENT_PORTS.map((from) =>
      entry(
        "connections4",
        join(v4(client), v4(VIPS4[0]), be16(from), be16(443), u8(Protocol.udp)),
        join(le32(3), zeros(12)),
      ),
    ),
  );

const request4 = (destination: string, body: Uint8Array, protocol: number): Uint8Array =>
  ethernet(Type.ipv4, ipv4({ source: CLIENTS4[0], destination, protocol }, body));
const request6 = (destination: string, body: Uint8Array, protocol: number): Uint8Array =>
  ethernet(Type.ipv6, ipv6({ source: CLIENTS6[0], destination, next: protocol }, body));

export const loadBalancer: Subject = {
  name: "load-balancer",
  typical: [
    request4(VIPS4[0], tcp(40000, 80, TcpFlag.ack, zeros(20)), Protocol.tcp),
    request4(VIPS4[2], tcp(40000, 80, TcpFlag.ack, zeros(20)), Protocol.tcp),
    request6(VIPS6[0], tcp(40000, 80, TcpFlag.ack, zeros(20)), Protocol.tcp),
    request6(VIPS6[2], udp(40000, 443, zeros(20)), Protocol.udp),
  ],
  make: (random) => {
    if (random.chance(0.03)) return ethernet(Type.arp, random.bytes(28));
    return random.chance(0.5) ? client4(random) : client6(random);
  },
  state: () => [
    ...vips("vips4", VIPS4.map(v4)),
    ...vips("vips6", VIPS6.map(v6)),
    ...rings(),
    ...reals(),
    ...oldFlows(),
  ],
};

const INSIDE = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;
const OUTSIDE = ["192.0.2.11", "192.0.2.12", "192.0.2.13"] as const;
const PEER = ROUTES4.forwarded.replace(/0$/, "9");

function natted(random: Random): Uint8Array {
  const leaving = random.chance(0.5);
  const peer = random.chance(0.5) ? PEER : random.pick(Object.values(ROUTES4)).replace(/0$/, "9");
  const inside = random.chance(0.9) ? random.pick(INSIDE) : "10.0.0.99";
  const outside = random.chance(0.9) ? random.pick(OUTSIDE) : "192.0.2.99";
  const protocol = random.pick([6, 6, 17, 17, 1, 1, 1, 47]);
  const ends = leaving ? { source: inside, destination: peer } : { source: peer, destination: outside };
  const mirrored = leaving ? { source: peer, destination: inside } : { source: outside, destination: peer };
  const inner = ipv4({ ...mirrored, protocol: Protocol.udp }, udp(1, 2, zeros(8))).subarray(
    0,
    random.pick([28, 20, 12]),
  );
  const bodies: Readonly<Record<number, () => Uint8Array>> = {
    6: () => tcp(1000, 80, TcpFlag.ack, random.bytes(random.between(0, 20))),
    17: () => udp(1000, 53, random.bytes(12), { checksum: random.pick([0, 1, 0xffff, random.u32() & 0xffff]) }),
    1: () => icmp(random.pick([0, 8, 3, 3, 11, 11, 13]), 0, 0, inner),
    47: () => random.bytes(20),
  };
  return ethernet(
    Type.ipv4,
    ipv4(
      {
        ...ends,
        protocol,
        ttl: random.pick([0, 1, 2, 64, 64, 64, 255]),
        ...(random.chance(0.05) ? { options: zeros(4) } : {}),
        ...(random.chance(0.05) ? { fragment: random.pick([0x2000, 0x0001, 0x8000]) } : {}),
        ...(random.chance(0.05) ? { checksum: random.pick([0, 0xffff]) } : {}),
      },
      bodies[protocol]!(),
    ),
  );
}

const binding = (address: string): Uint8Array => join(v4(address), zeros(12));

export const staticNat: Subject = {
  name: "static-nat",
  typical: [
    ethernet(
      Type.ipv4,
      ipv4({ source: INSIDE[0], destination: PEER, protocol: 6 }, tcp(1000, 80, TcpFlag.ack, zeros(20))),
    ),
    ethernet(
      Type.ipv4,
      ipv4({ source: INSIDE[0], destination: PEER, protocol: 17 }, udp(1000, 53, zeros(20), { checksum: 0x1234 })),
    ),
    ethernet(
      Type.ipv4,
      ipv4(
        { source: INSIDE[1], destination: PEER, protocol: 1 },
        icmp(3, 1, 0, ipv4({ source: PEER, destination: INSIDE[1], protocol: 17 }, udp(1, 2, zeros(8)))),
      ),
    ),
    ethernet(Type.ipv4, ipv4({ source: INSIDE[2], destination: PEER, protocol: 1 }, icmp(8, 0, 1, zeros(20)))),
  ],
  make: (random) => (random.chance(0.03) ? ethernet(Type.ipv6, random.bytes(60)) : natted(random)),
  state: (egress) => [
    ...INSIDE.map((inside, i) => entry("outbound", v4(inside), binding(OUTSIDE[i]!))),
    // Outside addresses lead to hosts that the routes know.
    ...OUTSIDE.map((outside, i) => entry("inbound", v4(outside), binding(PEER.replace(/9$/, String(20 + i))))),
    port(egress),
  ],
};
