/** Traffic for H.M.GTP4.D and End.M.GTP4.E. */
import type { Random } from "../random.ts";
import {
  be16,
  be32,
  ethernet,
  gtp,
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
  v4,
  v6,
  zeros,
} from "./frames.ts";
import { ROUTES4, ROUTES6 } from "./network.ts";
import { adjacencies, entry, port, prefix4, prefix6, type Subject } from "./subject.ts";

const RADIO = "198.51.100.7";
const UPF = ["192.0.2.1", "192.0.2.2"] as const;
/** Policies by TEID: 1 to 4 have 0 to 3 segments before the SID; 5 too many; 6 asks the FIB; 7 and 8 other adjacencies. */
const TEIDS = [1, 2, 3, 4, 5, 6, 7, 8] as const;
const PDU_SESSION = 0x85;

const inner4 = ipv4(
  { source: "10.45.0.2", destination: "8.8.8.8", protocol: Protocol.udp, ttl: 63 },
  udp(40000, 53, zeros(32)),
);
const inner6 = ipv6(
  { source: "2001:db8:45::2", destination: "2001:db8::53", next: Protocol.udp },
  udp(40000, 53, zeros(32)),
);

const uplinkFrame = (teid: number, qfi: number, body: Uint8Array, ttl = 64): Uint8Array =>
  ethernet(
    Type.ipv4,
    ipv4(
      { source: RADIO, destination: UPF[0], protocol: Protocol.udp, ttl },
      udp(2152, 2152, gtp({ teid, extensions: [[PDU_SESSION, u8(0x10, qfi)]] }, body)),
    ),
  );

function randomExtensions(random: Random): [number, Uint8Array][] {
  const count = random.chance(0.1) ? random.between(3, 6) : random.between(0, 2);
  return Array.from({ length: count }, () =>
    random.chance(0.6)
      ? [PDU_SESSION, u8(random.pick([0x00, 0x10]), random.between(0, 255))]
      : [random.pick([0x20, 0x40, 0x84, 0xc0, 1]), random.bytes(random.pick([2, 6, 10, 30]))],
  );
}

function randomGtp(random: Random): Uint8Array {
  const body = random.pick([inner4, inner4, inner6, u8(0x50, 1, 2, 3), random.bytes(40)]);
  const extensions = randomExtensions(random);
  const message = random.chance(0.1) ? random.pick([1, 2, 26, 254, 3, 31]) : 255;
  const flags = random.chance(0.15) ? random.pick([0x31, 0x32, 0x33, 0x36, 0x34, 0x30, 0x50, 0x20]) : undefined;
  const length = random.chance(0.06) ? random.pick([0, 3, 12, 19, 20, 60, 65535]) : undefined;
  return gtp(
    {
      teid: random.pick(TEIDS),
      extensions,
      message,
      ...(flags === undefined ? {} : { flags }),
      ...(length === undefined ? {} : { length }),
    },
    body,
  );
}

function uplink(random: Random): Uint8Array {
  if (random.chance(0.03)) return ethernet(Type.ipv6, inner6);
  const datagram = udp(
    random.pick([2152, 1, 65535]),
    random.chance(0.96) ? 2152 : 53,
    randomGtp(random),
    random.chance(0.05) ? { length: random.pick([0, 8, 16, 40, 1000]) } : {},
  );
  const packet = ipv4(
    {
      source: random.pick([RADIO, "198.51.100.8"]),
      destination: random.pick([...UPF, ...UPF, "203.0.113.77"]),
      protocol: random.chance(0.96) ? Protocol.udp : Protocol.tcp,
      ttl: random.pick([0, 1, 2, 64, 64, 64, 64, 255]),
      options: random.chance(0.1) ? random.bytes(4 * random.between(1, 10)) : zeros(0),
      ...(random.chance(0.06) ? { fragment: random.pick([0x2000, 0x2001, 0x0005, 0x8000]) } : {}),
      ...(random.chance(0.05) ? { totalLength: random.pick([0, 20, 28, 60, 2000]) } : {}),
      ...(random.chance(0.04) ? { versionIhl: random.pick([0x44, 0x40, 0x65, 0x4f]) } : {}),
    },
    datagram,
  );
  const padding = random.chance(0.2) ? zeros(random.between(1, 40)) : zeros(0);
  return ethernet(Type.ipv4, join(packet, padding));
}

const LOCATOR = "fc00:2:1::";

/** locator, source, segments[3], segmentCount, hopLimit, padding, adjacency. */
function policy(count: number, hopLimit: number, adjacency: number): Uint8Array {
  const segments = [1, 2, 3].map((n) => v6(`${ROUTES6.forwarded}a${n}`));
  return join(v6(LOCATOR), v6("2001:db8:1::"), ...segments, u8(count, hopLimit, 0, 0), le32(adjacency));
}

const sessionKey = (destination: string, teid: number): Uint8Array => join(v4(destination), le32(teid));

export const gtp4Decap: Subject = {
  name: "gtp4-decap",
  typical: [
    uplinkFrame(1, 9, inner4),
    uplinkFrame(2, 9, inner4),
    uplinkFrame(6, 5, inner6),
    ethernet(
      Type.ipv4,
      ipv4({ source: RADIO, destination: UPF[0], protocol: Protocol.udp }, udp(2152, 2152, gtp({ teid: 1 }, inner4))),
    ),
  ],
  make: uplink,
  state: (egress) => [
    ...TEIDS.map((teid) => entry("sessions", sessionKey(UPF[0], teid), le32(teid))),
    ...TEIDS.slice(0, 4).map((teid) => entry("usage", sessionKey(UPF[0], teid), zeros(16))),
    entry("routes", prefix4("192.0.2.0", 24), le32(2)),
    entry("routes", prefix4("192.0.2.2", 32), le32(99)),
    ...[0, 1, 2, 3].map((count) => entry("policies", le32(count + 1), policy(count, count === 1 ? 0 : 64, 1))),
    entry("policies", le32(5), policy(4, 64, 1)),
    entry("policies", le32(6), policy(1, 0, 0)),
    entry("policies", le32(7), policy(0, 0, 2)),
    entry("policies", le32(8), policy(2, 255, 3)),
    ...adjacencies(egress),
    port(egress),
  ],
};

/** locator (48) | IPv4 destination | QFI R U, session | rest */
const mobileSid = (locator: string, destination: string, qfi: number, teid: number): Uint8Array =>
  join(v6(locator).subarray(0, 6), v4(destination), u8(qfi), be32(teid), zeros(1));
/** prefix (64) | IPv4 source | UDP port | rest */
const mobileSource = (source: string, port: number): Uint8Array =>
  join(v6("2001:db8:1::").subarray(0, 8), v4(source), be16(port), zeros(2));

/** Locators by the gateway that they lead to: a good adjacency, the FIB, a narrow one, one without port. */
const LOCATORS = ["fc00:e1::", "fc00:e2::", "fc00:e3::", "fc00:e4::"] as const;
const gateway = (adjacency: number, ttl: number, dscp: number, pduType: number): Uint8Array =>
  join(le32(adjacency), u8(ttl, dscp, pduType, 0), zeros(16));

const downlinkFrame = (locator: string, destination: string): Uint8Array =>
  ethernet(
    Type.ipv6,
    ipv6(
      {
        source: mobileSource("192.0.2.1", 2152),
        destination: mobileSid(locator, destination, 0x26, 0x11223344),
        next: Protocol.ipv4,
      },
      inner4,
    ),
  );

function downlink(random: Random): Uint8Array {
  if (random.chance(0.03)) return ethernet(Type.ipv4, inner4);
  const destination = random.chance(0.5) ? ROUTES4.forwarded : random.pick(Object.values(ROUTES4));
  const sid = mobileSid(
    random.chance(0.95) ? random.pick(LOCATORS) : "fc00:99::",
    destination.replace(/0$/, "7"),
    random.between(0, 255),
    random.u32(),
  );
  const body = random.pick([inner4, inner6]);
  const inside = body === inner4 ? Protocol.ipv4 : Protocol.ipv6;
  let next: number = random.chance(0.95) ? inside : Protocol.udp;
  let payload = body;
  if (random.chance(0.4)) {
    const left = random.chance(0.1) ? 1 : 0;
    const type = random.chance(0.05) ? 0 : 4;
    const wrong = random.chance(0.05) ? { extensionLength: random.pick([0, 20, 255]) } : {};
    payload = srh({ next, segments: [sid, "fc00:7::1"].slice(0, random.between(1, 2)), left, type, ...wrong }, payload);
    next = Protocol.routing;
  }
  for (let i = random.chance(0.2) ? random.between(1, 3) : 0; i > 0; i--) {
    payload = join(optionsHeader(next, random.pick([0, 1, 30])), payload);
    next = random.pick([Protocol.hopByHop, Protocol.destinationOptions]);
  }
  const packet = ipv6(
    {
      source: mobileSource("192.0.2.1", random.pick([0, 2152, 40000])),
      destination: sid,
      next,
      hopLimit: random.pick([0, 1, 2, 64, 64, 64, 64, 64]),
      ...(random.chance(0.06) ? { payloadLength: random.pick([0, 8, 19, 20, 40, 2000, 65535]) } : {}),
    },
    payload,
  );
  return ethernet(Type.ipv6, join(packet, random.chance(0.2) ? zeros(random.between(1, 40)) : zeros(0)));
}

export const gtp4Encap: Subject = {
  name: "gtp4-encap",
  typical: [
    downlinkFrame(LOCATORS[0], "198.51.100.7"),
    downlinkFrame(LOCATORS[1], "198.51.100.7"),
    ethernet(
      Type.ipv6,
      ipv6(
        {
          source: mobileSource("192.0.2.1", 2152),
          destination: mobileSid(LOCATORS[0], "198.51.100.7", 0x24, 0x11223344),
          next: Protocol.routing,
        },
        srh(
          {
            next: Protocol.ipv6,
            segments: [mobileSid(LOCATORS[0], "198.51.100.7", 0x24, 0x11223344), "fc00:7::1"],
            left: 0,
          },
          inner6,
        ),
      ),
    ),
  ],
  make: downlink,
  state: (egress) => [
    entry("gateways", prefix6(LOCATORS[0], 48), gateway(1, 64, 46, 0)),
    entry("gateways", prefix6(LOCATORS[1], 48), gateway(0, 0, 255, 1)),
    entry("gateways", prefix6(LOCATORS[2], 32), gateway(2, 0, 0, 255)),
    entry("gateways", prefix6(LOCATORS[3], 48), gateway(3, 1, 10, 0)),
    ...adjacencies(egress),
    port(egress),
  ],
};
