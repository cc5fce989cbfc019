/** End, End.X, End.T; End.MAP. RFC 8986 section 4, RFC 9433 section 6.2. Flavours: `flavours.test.ts`. */
import { describe } from "vitest";
import { build, destinationOptions, Ethernet, hopByHop, Icmpv6Type, Ipv6Fragment, type Part } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { SidConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  cut,
  data,
  echo,
  error6,
  fragmentRows,
  Icmpv6,
  inner4,
  inner6,
  ip6,
  leaves,
  NEXT,
  NODE,
  refusedLayer,
  refusedRouting,
  srh,
  udp,
} from "./frames.ts";
import { type Row, rows } from "./harness.ts";

const SID = "fc00:1::e";
const config = (...sids: readonly SidConfig[]): Srv6Config => ({ address: NODE, sids });
/** Two segments; the active one is ours. */
const path = (segmentsLeft = 1, more: object = {}): Part => srh({ segments: [NEXT, SID], segmentsLeft, ...more });

const used = srh({ segments: [SID], segmentsLeft: 0 });

/** What every behaviour that goes on along the path does. */
function pathRows(next: (hops: number) => Part): Row[] {
  const expired = [arrives, ip6(SID, { hopLimit: 1 } as never), path(), udp(), data];
  const beyond = [arrives, ip6(SID), path(3), udp(), data];
  const listed = [arrives, ip6(SID), path(1, { lastEntry: 2 }), udp(), data];
  return [
    {
      name: "the next segment",
      packet: [arrives, ip6(SID), path(), udp(), data],
      outcome: "forwarded",
      gives: [leaves, next(1), path(0), udp(), data],
    },
    {
      name: "IPv4 inside",
      packet: [arrives, ip6(SID), path(), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, next(1), path(0), ...inner4()],
    },
    {
      name: "IPv6 inside",
      packet: [arrives, ip6(SID), path(), ...inner6()],
      outcome: "forwarded",
      gives: [leaves, next(1), path(0), ...inner6()],
    },
    {
      name: "S05: hop limit 1",
      packet: expired,
      outcome: "forwarded +timeExceeded",
      gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
    },
    {
      name: "S09: segments left beyond the last entry",
      packet: beyond,
      outcome: "forwarded +parameterProblem",
      gives: error6(beyond, Icmpv6Type.ParameterProblem, 0, 43),
    },
    {
      name: "S09: last entry beyond the header",
      packet: listed,
      outcome: "forwarded +parameterProblem",
      gives: error6(listed, Icmpv6Type.ParameterProblem, 0, 43),
    },
    refusedLayer("no SRH", [arrives, ip6(SID), udp(), data], 40),
    refusedLayer("S02: no segment left", [arrives, ip6(SID), path(0), udp(), data], 40 + 40),
    refusedLayer("two SRHs without segments left", [arrives, ip6(SID), used, path(0), udp(), data], 40 + 24 + 40),
    { name: "ICMPv6: for the kernel", packet: [arrives, ip6(SID), path(0), echo, data], outcome: "localDelivery" },
    refusedRouting([arrives, ip6(SID), path(1, { routingType: 3 }), udp(), data]),
    {
      name: "behind an SRH without segments left: a second one",
      packet: [arrives, ip6(SID), used, path(), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, next(1), used, path(0), ...inner4()],
    },
    {
      name: "options between two SRHs",
      packet: [arrives, ip6(SID), used, destinationOptions({ options: [] }), path(), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, next(1), used, destinationOptions({ options: [] }), path(0), ...inner4()],
    },
    ...fragmentRows(SID, used),
    {
      name: "cut in the SRH",
      packet: cut([arrives, ip6(SID), path(), udp(), data], 14 + 40 + 4),
      outcome: "truncated",
    },
    {
      name: "one byte shorter than its header says",
      packet: build([arrives, ip6(SID), path(), udp(), data]).subarray(0, -1),
      outcome: "lengthMismatch",
    },
    {
      name: "cut in the segment list",
      packet: cut([arrives, ip6(SID), path(), udp(), data], 14 + 40 + 8 + 12),
      outcome: "truncated",
    },
    {
      name: "cut in the IPv6 header",
      packet: build([arrives, ip6(SID), path(), udp(), data]).subarray(0, 50),
      outcome: "truncated",
    },
    {
      name: "SRH behind Hop-by-Hop options",
      packet: [arrives, ip6(SID), hopByHop({ options: [] }), path(), udp(), data],
      outcome: "forwarded",
      gives: [leaves, next(1), hopByHop({ options: [] }), path(0), udp(), data],
    },
    {
      name: "SRH behind both kinds of options",
      packet: [arrives, ip6(SID), hopByHop({ options: [] }), destinationOptions({ options: [] }), path(), udp(), data],
      outcome: "forwarded",
      gives: [leaves, next(1), hopByHop({ options: [] }), destinationOptions({ options: [] }), path(0), udp(), data],
    },
    { name: "not a local SID", packet: [arrives, ip6("fc00:1::f"), path(), udp(), data], outcome: "notOurs" },
  ];
}

const hmac = { tlvs: [{ kind: "hmac", keyId: 1, digest: new Uint8Array(32) }] };
const tlvs = (count: number, more: readonly object[] = []) => ({
  tlvs: [...Array.from({ length: count }, () => ({ kind: "unknown", type: 9, body: new Uint8Array(6) })), ...more],
});
const to =
  (destination: string, more: object = {}) =>
  (hops: number): Part =>
    ip6(destination, { hopLimit: 64 - hops, ...more } as never);

suite("endpoint behaviours", ["root", "bpf"], () => {
  describe("End", () => {
    const big = [arrives, ip6(SID), path(), udp(), new Uint8Array(1420)];
    const by = (segment: string, segmentsLeft: number): Part => srh({ segments: [segment, SID], segmentsLeft });
    /** `hops`: 0 where the kernel goes on with the packet, and takes the hop limit down itself. */
    const unchanged = (segment: string, outcome: string, hops: number): Row => ({
      name: `a segment that is ${outcome}`,
      packet: [arrives, ip6(SID), by(segment, 1), udp(), data],
      outcome,
      gives: [arrives, to(segment)(hops), by(segment, 0), udp(), data],
    });
    rows(config({ sid: SID, behaviour: "End" }), [
      ...pathRows(to(NEXT)),
      {
        name: "an HMAC TLV is ignored",
        packet: [arrives, ip6(SID), path(1, hmac), udp(), data],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), path(0, hmac), udp(), data],
      },
      unchanged("fc00:9::1", "notForwarded", 0),
      unchanged("fc00:6::1", "noNeighbour", 0),
      unchanged("fc00:3::1", "blackhole", 1),
      unchanged("fc00:4::1", "unreachable", 1),
      unchanged("fc00:5::1", "prohibited", 1),
      {
        name: "larger than the way out",
        packet: big,
        outcome: "forwarded +packetTooBig",
        gives: error6(big, Icmpv6Type.PacketTooBig, 0, 1500),
      },
      {
        name: "as large as the way out",
        packet: [arrives, ip6(SID), path(), udp(), new Uint8Array(1412)],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), path(0), udp(), new Uint8Array(1412)],
      },
    ]);
  });

  describe("End, HMAC refused", () => {
    rows({ ...config({ sid: SID, behaviour: "End" }), refuseHmac: true }, [
      { name: "an HMAC TLV", packet: [arrives, ip6(SID), path(1, hmac), udp(), data], outcome: "hmac" },
      {
        name: "an HMAC TLV behind five others",
        packet: [arrives, ip6(SID), path(1, tlvs(5, hmac.tlvs)), udp()],
        outcome: "hmac",
      },
      { name: "more TLVs than are looked at", packet: [arrives, ip6(SID), path(1, tlvs(9)), udp()], outcome: "hmac" },
      {
        name: "none",
        packet: [arrives, ip6(SID), path(), udp(), data],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), path(0), udp(), data],
      },
    ]);
  });

  describe("End.X", () => {
    // Routes lead elsewhere: the adjacency decides.
    rows(config({ sid: SID, behaviour: "End.X", nextHop: { interface: "v1", address: "fd00:1::2" } }), [
      ...pathRows(to(NEXT)),
      {
        name: "a segment without route",
        packet: [arrives, ip6(SID), srh({ segments: ["fc00:9::1", SID], segmentsLeft: 1 }), udp(), data],
        outcome: "forwarded",
        gives: [leaves, to("fc00:9::1")(1), srh({ segments: ["fc00:9::1", SID], segmentsLeft: 0 }), udp(), data],
      },
    ]);
  });

  describe("End.X whose next hop is down", () => {
    rows(config({ sid: SID, behaviour: "End.X", nextHop: { interface: "down", address: "fd00:1::2" } }), [
      {
        name: "goes by the route",
        packet: [arrives, ip6(SID), path(), udp(), data],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), path(0), udp(), data],
      },
    ]);
  });

  describe("End.T", () => {
    rows(config({ sid: SID, behaviour: "End.T", table: 254 }), pathRows(to(NEXT)));
  });
  describe("End.T of another table", () => {
    rows(config({ sid: SID, behaviour: "End.T", table: 77 }), [
      {
        name: "a table without routes",
        packet: [arrives, ip6(SID), path(), udp(), data],
        outcome: "notForwarded",
        gives: [arrives, to(NEXT)(0), path(0), udp(), data],
      },
    ]);
  });

  describe("End.MAP", () => {
    const expired = [arrives, ip6(SID, { hopLimit: 1 } as never), path(), udp({ checksum: 0x1234 } as never), data];
    const big = [arrives, ip6(SID), udp(), new Uint8Array(1480)];
    rows(config({ sid: SID, behaviour: "End.MAP", map: NEXT }), [
      {
        name: "the mapped SID",
        packet: [arrives, ip6(SID), udp({ checksum: 0x1234 } as never), data],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), udp({ checksum: 0x1234 } as never), data],
      },
      {
        name: "an SRH stays as it is",
        packet: [arrives, ip6(SID), path(), udp({ checksum: 0x1234 } as never), data],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), path(), udp({ checksum: 0x1234 } as never), data],
      },
      {
        name: "IPv4 inside",
        packet: [arrives, ip6(SID), ...inner4()],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), ...inner4()],
      },
      {
        name: "IPv6 inside",
        packet: [arrives, ip6(SID), ...inner6()],
        outcome: "forwarded",
        gives: [leaves, to(NEXT)(1), ...inner6()],
      },
      {
        name: "hop limit 2",
        packet: [arrives, ip6(SID, { hopLimit: 2 } as never), udp({ checksum: 0x1234 } as never), data],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 1 } as never), udp({ checksum: 0x1234 } as never), data],
      },
      {
        name: "hop limit 1",
        packet: expired,
        outcome: "forwarded +timeExceeded",
        gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
      },
      {
        name: "hop limit 0",
        packet: [arrives, ip6(SID, { hopLimit: 0 } as never), udp({ checksum: 0x1234 } as never), data],
        outcome: "forwarded +timeExceeded",
        gives: error6(
          [arrives, ip6(SID, { hopLimit: 0 } as never), udp({ checksum: 0x1234 } as never), data],
          Icmpv6Type.TimeExceeded,
          0,
          0,
        ),
      },
      {
        name: "larger than the way out",
        packet: big,
        outcome: "forwarded +packetTooBig",
        gives: error6(big, Icmpv6Type.PacketTooBig, 0, 1500),
      },
      {
        name: "traffic class and flow label stay",
        packet: [
          arrives,
          ip6(SID, { trafficClass: 0xb8, flowLabel: 0x12345 } as never),
          udp({ checksum: 0x1234 } as never),
          data,
        ],
        outcome: "forwarded",
        gives: [
          leaves,
          to(NEXT, { trafficClass: 0xb8, flowLabel: 0x12345 })(1),
          udp({ checksum: 0x1234 } as never),
          data,
        ],
      },
      {
        name: "no payload",
        packet: [arrives, ip6(SID, { nextHeader: 59 } as never)],
        outcome: "forwarded",
        gives: [leaves, to(NEXT, { nextHeader: 59 })(1)],
      },
      {
        name: "cut in the IPv6 header",
        packet: build([arrives, ip6(SID), udp()]).subarray(0, 53),
        outcome: "truncated",
      },
      {
        name: "not a local SID",
        packet: [arrives, ip6("fc00:1::f"), udp({ checksum: 0x1234 } as never), data],
        outcome: "notOurs",
      },
    ]);
  });

  describe("no answer", () => {
    // RFC 4443 section 2.4 e.
    const one = (name: string, packet: readonly Part[]): Row => ({ name, packet, outcome: "silent" });
    const last = { hopLimit: 1 };
    const error = [new Icmpv6({ type: Icmpv6Type.TimeExceeded, code: 0, rest: 0 }), data];
    rows(config({ sid: SID, behaviour: "End.MAP", map: NEXT }), [
      one("to an ICMPv6 error", [arrives, ip6(SID, last as never), ...error]),
      one("to one behind options", [arrives, ip6(SID, last as never), hopByHop({ options: [] }), ...error]),
      one("to a redirect", [
        arrives,
        ip6(SID, last as never),
        new Icmpv6({ type: Icmpv6Type.Redirect, code: 0, rest: 0 }),
        data,
      ]),
      one("to a later fragment", [
        arrives,
        ip6(SID, last as never),
        new Ipv6Fragment({ nextHeader: 17, fragmentOffset: 10, moreFragments: false, identification: 1 } as never),
        data,
      ]),
      one("to a group as source", [arrives, ip6(SID, { ...last, source: "ff02::1" } as never), udp(), data]),
      one("to no source", [arrives, ip6(SID, { ...last, source: "::" } as never), udp(), data]),
      one("to a frame for a group", [
        new Ethernet({ source: arrives.source, destination: "33:33:00:00:00:01" }),
        ip6(SID, last as never),
        udp(),
        data,
      ]),
    ]);
  });
});
