/** Traffic for programs that look at addresses, ports and flags: everyday packets of both families. */
import type { Random } from "../random.ts";
import {
  be16,
  ethernet,
  icmp,
  ipv4,
  ipv6,
  join,
  le32,
  le64,
  mac,
  optionsHeader,
  Protocol,
  TcpFlag,
  Type,
  tagged,
  tcp,
  u8,
  udp,
  zeros,
} from "./frames.ts";
import { entry, type MapEntry, prefix4, prefix6, type Subject } from "./subject.ts";

const SOURCES4 = ["10.1.2.3", "10.1.200.3", "192.0.2.7", "198.51.100.24", "203.0.113.5"] as const;
const SOURCES6 = ["2001:db8:1::3", "2001:db8:1:2::3", "2001:db8:80::5", "2001:db8:ffff::1"] as const;
const PORTS = [22, 53, 80, 123, 443, 4789, 40000] as const;
const FLAGS = [TcpFlag.syn, TcpFlag.syn, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14, 0] as const;

function transport(random: Random, protocol: number): Uint8Array {
  const payload = random.bytes(random.pick([0, 1, 8, 15, 16, 17, 64, 200]));
  const [from, to] = [random.pick(PORTS), random.pick(PORTS)];
  switch (protocol) {
    case Protocol.tcp: {
      const segment = tcp(from, to, random.pick(FLAGS), payload, zeros(random.pick([0, 0, 4, 12, 40])));
      if (random.chance(0.05)) segment[12] = random.pick([0x00, 0x40, 0xf0]);
      return segment;
    }
    case Protocol.udp:
      return udp(from, to, payload, { checksum: random.pick([0, 0x1234]) });
    case Protocol.icmp:
    case Protocol.icmpv6:
      return icmp(random.pick([0, 3, 8, 11, 128, 1, 135]), 0, 1, payload);
    default:
      return payload;
  }
}

function everyday4(random: Random): Uint8Array {
  const protocol = random.pick([6, 6, 6, 17, 17, 17, 1, 47]);
  return ipv4(
    {
      source: random.pick(SOURCES4),
      destination: random.pick(["192.0.2.1", "198.51.100.1"]),
      protocol,
      tos: random.u32() & 0xff,
      options: random.chance(0.1) ? random.bytes(4 * random.between(1, 10)) : zeros(0),
      ...(random.chance(0.05) ? { fragment: random.pick([0x2000, 0x0001, 0x8000]) } : {}),
      ...(random.chance(0.05) ? { totalLength: random.pick([0, 20, 40, 60, 3000]) } : {}),
      ...(random.chance(0.03) ? { versionIhl: random.pick([0x44, 0x40, 0x65, 0x4f]) } : {}),
    },
    transport(random, protocol),
  );
}

function everyday6(random: Random): Uint8Array {
  const last = random.pick([6, 6, 6, 17, 17, 17, 58, 59]);
  let [next, body] = [last as number, transport(random, last)];
  for (let i = random.chance(0.2) ? random.between(1, 3) : 0; i > 0; i--) {
    body = join(optionsHeader(next, random.pick([0, 1, 20])), body);
    next = random.pick([Protocol.hopByHop, Protocol.destinationOptions]);
  }
  if (random.chance(0.06)) {
    body = join(u8(next, 0), be16(random.pick([0, 1, 8, 0x580])), random.bytes(4), body);
    next = Protocol.fragment;
  }
  const packet = ipv6(
    {
      source: random.pick(SOURCES6),
      destination: random.pick(["2001:db8:80::1", "2001:db8::1"]),
      next,
      ...(random.chance(0.05) ? { payloadLength: random.pick([0, 20, 60, 3000]) } : {}),
    },
    body,
  );
  if (random.chance(0.02)) packet[0] = 0x40;
  return packet;
}

const STATIONS = ["02:00:00:00:00:01", "02:00:00:00:00:21", "02:00:00:00:00:22", "02:00:00:00:00:99"] as const;

function everyday(random: Random): Uint8Array {
  if (random.chance(0.04)) return ethernet(random.pick([Type.arp, 0x88cc]), random.bytes(46));
  const padding = random.chance(0.2) ? zeros(random.between(1, 30)) : zeros(0);
  const station = mac(random.pick(STATIONS));
  return random.chance(0.5)
    ? ethernet(Type.ipv4, join(everyday4(random), padding), station)
    : ethernet(Type.ipv6, join(everyday6(random), padding), station);
}

const frame4 = (source: string, protocol: number, body: Uint8Array): Uint8Array =>
  ethernet(Type.ipv4, ipv4({ source, destination: "192.0.2.1", protocol }, body));
const frame6 = (source: string, next: number, body: Uint8Array): Uint8Array =>
  ethernet(Type.ipv6, ipv6({ source, destination: "2001:db8:80::1", next }, body));

const TYPICAL = [
  frame4(SOURCES4[0], Protocol.tcp, tcp(40000, 443, TcpFlag.ack, zeros(100))),
  frame4(SOURCES4[2], Protocol.udp, udp(53, 40000, zeros(100))),
  frame6(SOURCES6[0], Protocol.tcp, tcp(40000, 443, TcpFlag.ack, zeros(100))),
  tagged(frame6(SOURCES6[2], Protocol.udp, udp(4789, 4789, zeros(100))), Type.vlan),
];

function subject(name: string, state: Subject["state"] = () => [], typical: Subject["typical"] = TYPICAL): Subject {
  return { name, typical, make: everyday, state };
}

const fullTable = (): MapEntry[] =>
  Array.from({ length: 252 }, (_, i) => entry("traffic", be16(0x9000 + i), zeros(16)));

const rule = (number: number, allow: boolean): Uint8Array => join(le32(number), u8(allow ? 1 : 0, 0, 0, 0));

const denyRules = (): MapEntry[] => [
  entry("rules4", prefix4("10.0.0.0", 8), rule(1, false)),
  entry("rules4", prefix4("10.1.200.0", 24), rule(2, true)),
  entry("rules4", prefix4("192.0.2.7", 32), rule(9999, false)),
  entry("rules6", prefix6("2001:db8:1::", 48), rule(3, false)),
  entry("rules6", prefix6("2001:db8:1:2::", 64), rule(1, true)),
  entry("rules6", prefix6("2001:db8:80::", 48), rule(4095, false)),
];

/** Behind `ports` are stations 2 and 3; behind the fourth port is nothing. */
const bridgePorts = (egress: number): MapEntry[] => [
  ...STATIONS.slice(0, 3).map((station, i) => entry("stations", mac(station), le32(i === 2 ? 40 : i))),
  entry("ports", le32(0), { interface: egress }),
  entry("ports", le32(1), { interface: egress }),
  entry("addresses", le32(egress), mac("02:00:00:00:01:01")),
];

/** Without refill: what is left does not depend on the time. */
const limits = (): MapEntry[] => [
  entry("limits", prefix4("10.0.0.0", 8), join(le64(0), le64(1500))),
  entry("limits", prefix4("192.0.2.0", 24), join(le64(0), le64(1_000_000_000))),
];

export const filters: readonly Subject[] = [
  // Room for four more types.
  subject("ethertype-counter", fullTable),
  subject("payload-cutter"),
  subject("deny-list", denyRules),
  subject("syn-tracking"),
  // Queue 0 has no socket: a test run cannot make one.
  subject("af-xdp"),
  subject("egress", bridgePorts),
  subject("cpu-spread", () => [entry("cpus", le32(0), { queueSize: 64 }), entry("chosen", le32(0), le32(0))]),
  subject("firewall"),
  subject("token-bucket", limits),
];

const ROUTER4 = "192.0.2.1";
const routed4 = (ttl: number, body: Uint8Array, protocol: number = Protocol.udp): Uint8Array =>
  ethernet(Type.ipv4, ipv4({ source: SOURCES4[0], destination: ROUTER4, protocol, ttl }, body));
const routed6 = (hopLimit: number, body: Uint8Array, next: number = Protocol.udp): Uint8Array =>
  ethernet(Type.ipv6, ipv6({ source: SOURCES6[0], destination: "2001:db8:80::1", next, hopLimit }, body));

function refused4(random: Random): Uint8Array {
  const protocol = random.pick([6, 17, 1, 1]);
  return ipv4(
    {
      source: random.chance(0.85) ? SOURCES4[0] : random.pick(["224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1"]),
      destination: random.chance(0.9) ? ROUTER4 : random.pick(["224.0.0.5", "255.255.255.255", "240.0.0.1"]),
      protocol,
      ttl: random.pick([0, 1, 1, 1, 2]),
      options: random.chance(0.15) ? random.bytes(4 * random.between(1, 10)) : zeros(0),
      ...(random.chance(0.08) ? { fragment: random.pick([0x2000, 0x0001, 0x2005]) } : {}),
      ...(random.chance(0.08) ? { totalLength: random.pick([0, 19, 20, 24, 3000]) } : {}),
      ...(random.chance(0.04) ? { versionIhl: random.pick([0x44, 0x65, 0x4f]) } : {}),
    },
    protocol === Protocol.icmp
      ? icmp(random.pick([0, 3, 4, 5, 8, 8, 11, 12, 13]), 0, 1, random.bytes(random.between(0, 60)))
      : random.bytes(random.pick([0, 1, 2, 3, 100, 519, 520, 521, 527, 528, 529, 600, 1400])),
  );
}

function refused6(random: Random): Uint8Array {
  const isLong = random.chance(0.4);
  const last = random.pick([6, 17, 58, 58]);
  const size = isLong ? random.between(1350, 1460) : random.pick([0, 1, 2, 3, 100, 1189, 1192, 1193, 1300]);
  let body =
    last === Protocol.icmpv6
      ? icmp(random.pick([1, 2, 3, 4, 127, 128, 129, 135, 137]), 0, 1, random.bytes(size))
      : random.bytes(size);
  let next: number = last;
  if (random.chance(0.15)) {
    body = join(u8(next, 0), be16(random.pick([0, 1, 8, 0x580])), random.bytes(4), body);
    next = Protocol.fragment;
  }
  for (let i = random.chance(0.2) ? random.between(1, 3) : 0; i > 0; i--) {
    body = join(optionsHeader(next, random.pick([0, 1])), body);
    next = random.pick([Protocol.hopByHop, Protocol.destinationOptions]);
  }
  const packet = ipv6(
    {
      source: random.chance(0.9) ? SOURCES6[0] : random.pick(["ff02::1", "::", "::1", "::2"]),
      destination: random.chance(0.9) ? "2001:db8:80::1" : random.pick(["ff02::1", "ff0e::5"]),
      next,
      hopLimit: isLong ? random.pick([1, 2, 64, 64, 64]) : random.pick([0, 1, 1, 1, 2]),
      ...(random.chance(0.06) ? { payloadLength: random.pick([0, 7, 1500, 65535]) } : {}),
    },
    body,
  );
  if (random.chance(0.03)) packet[0] = 0x40;
  return packet;
}

export const icmpErrors: Subject = {
  name: "icmp-errors",
  typical: [
    routed4(1, udp(1000, 2000, zeros(40))),
    routed4(1, udp(1000, 2000, zeros(1000))),
    routed6(1, udp(1000, 2000, zeros(40))),
    routed6(64, udp(1000, 2000, zeros(1400))),
  ],
  make: (random) => {
    if (random.chance(0.03)) return everyday(random);
    const station = mac(random.chance(0.95) ? STATIONS[0] : random.pick(["ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"]));
    const padding = random.chance(0.2) ? zeros(random.between(1, 30)) : zeros(0);
    return random.chance(0.5)
      ? ethernet(Type.ipv4, join(refused4(random), padding), station)
      : ethernet(Type.ipv6, join(refused6(random), padding), station);
  },
  state: () => [],
};
