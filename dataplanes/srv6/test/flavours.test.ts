/** PSP, USP and USD of End, End.X and End.T. RFC 8986 section 4.16. */
import { describe } from "vitest";
import { build, destinationOptions, hopByHop, Icmpv6Type, type Part } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { FlavourName, SidConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  changed,
  cut,
  data,
  echo,
  error4,
  error6,
  HOST,
  Icmpv6,
  inner4,
  inner6,
  ip6,
  leaves,
  NEXT,
  NODE,
  NODE4,
  refusedLayer,
  refusedRouting,
  srh,
  udp,
} from "./frames.ts";
import { type Row, rows } from "./harness.ts";

const SID = "fc00:1::e";
/** Addresses without a route in the main table. */
const NOWHERE = "fc00:9::1";
const NOWHERE4 = "203.0.113.1";
const config = (sid: Partial<SidConfig>, ...flavours: readonly FlavourName[]): Srv6Config => ({
  address: NODE,
  address4: NODE4,
  sids: [{ sid: SID, behaviour: "End", ...sid, flavours }],
});
/** Two segments; the active one is ours. */
const path = (segmentsLeft = 1, more: object = {}): Part => srh({ segments: [NEXT, SID], segmentsLeft, ...more });
const three = (segmentsLeft: number): Part => srh({ segments: ["fc00:2::3", NEXT, SID], segmentsLeft });
const used = srh({ segments: [SID], segmentsLeft: 0 });
const hmac = { tlvs: [{ kind: "hmac", keyId: 1, digest: new Uint8Array(32) }] };
const to =
  (destination: string) =>
  (hops: number): Part =>
    ip6(destination, { hopLimit: 64 - hops } as never);
const options = [hopByHop({ options: [] }), destinationOptions({ options: [] })];

/** All go by the same way; of End.X it is the adjacency, whatever routes say. */
const BEHAVIOURS: readonly Partial<SidConfig>[] = [
  { behaviour: "End" },
  { behaviour: "End.X", nextHop: { interface: "v1", address: "fd00:1::2" } },
  { behaviour: "End.T", table: 254 },
];
const cross = BEHAVIOURS[1]!;
/** Of a table without routes. */
const table77: Partial<SidConfig> = { behaviour: "End.T", table: 77 };

function answered(name: string, packet: readonly Part[], kind: "timeExceeded" | "parameterProblem", rest = 0): Row {
  const type = kind === "timeExceeded" ? Icmpv6Type.TimeExceeded : Icmpv6Type.ParameterProblem;
  return { name, packet, outcome: `forwarded +${kind}`, gives: error6(packet, type, 0, rest) };
}

/** One byte more than what fits without the SRH of 40. */
const tooBig = [arrives, ip6(SID), path(), udp(), new Uint8Array(1453)];
const pspRows = (): Row[] => [
  {
    name: "the last but one pops",
    packet: [arrives, ip6(SID), path(), udp(), data],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), udp(), data],
  },
  {
    name: "and its TLVs",
    packet: [arrives, ip6(SID), path(1, hmac), ...inner4()],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), ...inner4()],
  },
  {
    name: "before it the SRH stays",
    packet: [arrives, ip6(SID), three(2), udp(), data],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), three(1), udp(), data],
  },
  {
    name: "an SRH behind options goes, the options stay",
    packet: [arrives, ip6(SID), ...options, path(), udp(), data],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), ...options, udp(), data],
  },
  refusedLayer("no segment left", [arrives, ip6(SID), path(0), udp(), data], 40 + 40),
  refusedLayer("no SRH", [arrives, ip6(SID), udp(), data], 40),
  {
    name: "a second SRH behind one without segments left pops",
    packet: [arrives, ip6(SID), used, path(), udp(), data],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), used, udp(), data],
  },
  answered("hop limit 1", [arrives, ip6(SID, { hopLimit: 1 } as never), path(), udp(), data], "timeExceeded"),
  answered("segments left beyond the last entry", [arrives, ip6(SID), path(3), udp(), data], "parameterProblem", 43),
  {
    name: "an SRH beyond the packet",
    packet: changed(build([arrives, ip6(SID), path(), udp(), data]), 14 + 5, 8),
    outcome: "lengthMismatch",
  },
  {
    name: "larger than the way out only with its SRH",
    packet: [arrives, ip6(SID), path(), udp(), new Uint8Array(1452)],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), udp(), new Uint8Array(1452)],
  },
  {
    name: "larger than the way out without it, too",
    packet: tooBig,
    outcome: "forwarded +packetTooBig",
    gives: error6(tooBig, Icmpv6Type.PacketTooBig, 0, 1540),
  },
  {
    name: "cut in the SRH",
    packet: cut([arrives, ip6(SID), path(), udp(), data], 14 + 40 + 20),
    outcome: "truncated",
  },
];

const uspRows = (): Row[] => [
  {
    name: "the last pops: for the kernel",
    packet: [arrives, ip6(SID), path(0), echo, data],
    outcome: "localDelivery",
    gives: [arrives, ip6(SID), echo, data],
  },
  {
    name: "and its TLVs",
    packet: [arrives, ip6(SID), path(0, hmac), echo, data],
    outcome: "localDelivery",
    gives: [arrives, ip6(SID), echo, data],
  },
  {
    name: "an SRH behind options goes, the options stay",
    packet: [arrives, ip6(SID), ...options, path(0), echo, data],
    outcome: "localDelivery",
    gives: [arrives, ip6(SID), ...options, echo, data],
  },
  {
    name: "hop limit 1 is enough for what ends here",
    packet: [arrives, ip6(SID, { hopLimit: 1 } as never), path(0), echo, data],
    outcome: "localDelivery",
    gives: [arrives, ip6(SID, { hopLimit: 1 } as never), echo, data],
  },
  {
    name: "before it the SRH stays",
    packet: [arrives, ip6(SID), path(), udp(), data],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), path(0), udp(), data],
  },
  refusedLayer("no SRH", [arrives, ip6(SID), udp(), data], 40),
  refusedLayer("an upper layer that is not for this node", [arrives, ip6(SID), path(0), udp(), data], 40 + 40),
  refusedRouting([arrives, ip6(SID), path(1, { routingType: 3 }), udp(), data]),
  {
    name: "an SRH beyond the packet",
    packet: changed(build([arrives, ip6(SID), path(0), udp(), data]), 14 + 5, 8),
    outcome: "lengthMismatch",
  },
  {
    name: "the first of two SRHs pops, the second goes on",
    packet: [arrives, ip6(SID), used, path(), ...inner4()],
    outcome: "forwarded",
    gives: [leaves, to(NEXT)(1), path(0), ...inner4()],
  },
  answered("hop limit 1 before it", [arrives, ip6(SID, { hopLimit: 1 } as never), path(), udp(), data], "timeExceeded"),
  {
    name: "cut in the SRH",
    packet: cut([arrives, ip6(SID), path(0), udp(), data], 14 + 40 + 4),
    outcome: "truncated",
  },
];

function usdRows(): Row[] {
  const odd = [arrives, ip6(SID), path(0), udp(), data];
  const expired4 = inner4(63);
  const expired6 = inner6(63, NEXT, { source: HOST } as never);
  const long = build([arrives, ip6(SID), path(0), ...inner4()]);
  return [
    {
      name: "IPv4 inside goes on",
      packet: [arrives, ip6(SID), path(0), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, ...inner4(1)],
    },
    {
      name: "IPv6 inside goes on",
      packet: [arrives, ip6(SID), path(0), ...inner6()],
      outcome: "forwarded",
      gives: [leaves, ...inner6(1)],
    },
    {
      name: "without SRH",
      packet: [arrives, ip6(SID), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, ...inner4(1)],
    },
    {
      name: "behind options",
      packet: [arrives, ip6(SID), ...options, path(0, hmac), ...inner6()],
      outcome: "forwarded",
      gives: [leaves, ...inner6(1)],
    },
    {
      name: "before the end it goes on along the path",
      packet: [arrives, ip6(SID), path(), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, to(NEXT)(1), path(0), ...inner4()],
    },
    {
      name: "another upper layer",
      packet: odd,
      outcome: "forwarded +parameterProblem",
      gives: error6(odd, Icmpv6Type.ParameterProblem, 4, 40 + 8 + 32),
    },
    {
      name: "ICMPv6: for the kernel",
      packet: [arrives, ip6(SID), path(0), new Icmpv6({ type: 128, code: 0, rest: 1 }), data],
      outcome: "localDelivery",
    },
    {
      name: "TTL 1 inside",
      packet: [arrives, ip6(SID), path(0), ...expired4],
      outcome: "forwarded +timeExceeded",
      gives: error4([arrives, ...expired4], 11, 0),
    },
    {
      name: "hop limit 1 inside",
      packet: [arrives, ip6(SID), ...expired6],
      outcome: "forwarded +timeExceeded",
      gives: error6([arrives, ...expired6], Icmpv6Type.TimeExceeded, 0, 0),
    },
    {
      name: "a packet inside beyond the one outside",
      packet: changed(long, 14 + 40 + 40 + 3, 200),
      outcome: "lengthMismatch",
    },
    { name: "payload length beyond the frame", packet: long.subarray(0, -1), outcome: "lengthMismatch" },
  ];
}

suite("flavours", ["root", "bpf"], () => {
  for (const behaviour of BEHAVIOURS) {
    const of = (...flavours: FlavourName[]): Srv6Config => config(behaviour, ...flavours);
    describe(`PSP, ${behaviour.behaviour}`, () => rows(of("PSP"), pspRows()));
    describe(`USP, ${behaviour.behaviour}`, () => rows(of("USP"), uspRows()));
    describe(`USD, ${behaviour.behaviour}`, () => rows(of("USD"), usdRows()));
    describe(`all three, ${behaviour.behaviour}`, () => {
      rows(of("PSP", "USP", "USD"), [
        pspRows()[0]!,
        pspRows()[2]!,
        usdRows()[0]!,
        usdRows()[1]!,
        // RFC 8986 section 4.16.3: where the conditions of USD are not met, it is USP.
        uspRows()[0]!,
        uspRows()[2]!,
      ]);
    });
  }

  describe("PSP of an adjacency", () => {
    const by = (segmentsLeft: number) => srh({ segments: [NOWHERE, SID], segmentsLeft });
    rows(config(cross, "PSP"), [
      {
        name: "a segment without route",
        packet: [arrives, ip6(SID), by(1), udp(), data],
        outcome: "forwarded",
        gives: [leaves, to(NOWHERE)(1), udp(), data],
      },
    ]);
  });
  describe("PSP of a table without routes", () => {
    rows(config(table77, "PSP"), [
      {
        name: "for the kernel",
        packet: [arrives, ip6(SID), path(), udp(), data],
        outcome: "notForwarded",
        gives: [arrives, to(NEXT)(0), udp(), data],
      },
    ]);
  });
  describe("USD of an adjacency", () => {
    // S03, S06 for End.X: the packet inside goes to the adjacency.
    rows(config(cross, "USD"), [
      {
        name: "IPv4 without route",
        packet: [arrives, ip6(SID), path(0), ...inner4(0, NOWHERE4)],
        outcome: "forwarded",
        gives: [leaves, ...inner4(1, NOWHERE4)],
      },
      {
        name: "IPv6 without route",
        packet: [arrives, ip6(SID), ...inner6(0, NOWHERE)],
        outcome: "forwarded",
        gives: [leaves, ...inner6(1, NOWHERE)],
      },
    ]);
  });
  describe("USD of a table without routes", () => {
    // S03, S06 for End.T: the packet inside is looked up in the table.
    rows(config(table77, "USD"), [
      {
        name: "IPv4: for the kernel",
        packet: [arrives, ip6(SID), path(0), ...inner4()],
        outcome: "notForwarded",
        gives: [arrives, ...inner4()],
      },
      {
        name: "IPv6: for the kernel",
        packet: [arrives, ip6(SID), ...inner6()],
        outcome: "notForwarded",
        gives: [arrives, ...inner6()],
      },
    ]);
  });
});
