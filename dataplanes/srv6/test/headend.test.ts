/** H.Encaps, H.Encaps.L2, their reduced forms, H.Insert. RFC 8986 section 5. */
import { describe } from "vitest";
import { build, IcmpType, Icmpv6Type, type Part, padding } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { Srv6Config } from "../index.ts";
import {
  arrives,
  changed,
  data,
  error4,
  error6,
  inner4,
  inner6,
  ip4,
  ip6,
  leaves,
  NEXT,
  NODE,
  srh,
  udp,
} from "./frames.ts";
import { type Row, rows } from "./harness.ts";
import { MTU, outer, policy, SEGMENTS, steered, TO4, TO6 } from "./policies.ts";

function encapsRows(count: number, isReduced: boolean): Row[] {
  const put = (more: object = {}) => outer(count, isReduced, more);
  const overhead = put().length === 1 ? 40 : 48 + 16 * (isReduced ? count - 1 : count);
  const room = MTU - overhead;
  const big4 = [arrives, ip4(TO4, { dontFragment: true } as never), udp(), new Uint8Array(room - 28 + 1)];
  const big6 = [arrives, ip6(TO6), udp(), new Uint8Array(room - 48 + 1)];
  const expired4 = [arrives, ...inner4(63, TO4)];
  const expired6 = [arrives, ip6(TO6, { hopLimit: 1 } as never), udp(), data];
  const marked = { dscp: 46, ecn: 2 };
  const frame = build([arrives, ...inner4(0, TO4)]);
  return [
    {
      name: "IPv4",
      packet: [arrives, ...inner4(0, TO4)],
      outcome: "forwarded",
      gives: [leaves, ...put(), ...inner4(1, TO4)],
    },
    {
      name: "IPv6",
      packet: [arrives, ...inner6(0, TO6)],
      outcome: "forwarded",
      gives: [leaves, ...put(), ...inner6(1, TO6)],
    },
    {
      name: "an SRv6 packet",
      packet: [arrives, ip6(TO6), srh({ segments: [NEXT, TO6], segmentsLeft: 1 }), udp(), data],
      outcome: "forwarded",
      gives: [
        leaves,
        ...put(),
        ip6(TO6, { hopLimit: 63 } as never),
        srh({ segments: [NEXT, TO6], segmentsLeft: 1 }),
        udp(),
        data,
      ],
    },
    {
      name: "the traffic class of IPv4 is copied",
      packet: [arrives, ...inner4(0, TO4, marked as never)],
      outcome: "forwarded",
      gives: [leaves, ...put({ trafficClass: 0xba }), ...inner4(1, TO4, marked as never)],
    },
    {
      name: "the traffic class of IPv6 is copied",
      packet: [arrives, ...inner6(0, TO6, { trafficClass: 0x5c } as never)],
      outcome: "forwarded",
      gives: [leaves, ...put({ trafficClass: 0x5c }), ...inner6(1, TO6, { trafficClass: 0x5c } as never)],
    },
    {
      name: "padding of the frame goes",
      packet: [arrives, ip4(TO4), udp(), new Uint8Array(2), padding(new Uint8Array(16))],
      outcome: "forwarded",
      gives: [leaves, ...put(), ip4(TO4, { ttl: 63 } as never), udp(), new Uint8Array(2)],
    },
    {
      name: "as large as the way out",
      packet: [arrives, ip4(TO4), udp(), new Uint8Array(room - 28)],
      outcome: "forwarded",
      gives: [leaves, ...put(), ip4(TO4, { ttl: 63 } as never), udp(), new Uint8Array(room - 28)],
    },
    {
      name: "larger: IPv4",
      packet: big4,
      outcome: "forwarded +packetTooBig",
      gives: error4(big4, IcmpType.DestinationUnreachable, 4, room),
    },
    {
      name: "larger: IPv4 that may be fragmented",
      packet: [arrives, ip4(TO4), udp(), new Uint8Array(room)],
      outcome: "tooBig",
    },
    {
      name: "larger: IPv6",
      packet: big6,
      outcome: "forwarded +packetTooBig",
      gives: error6(big6, Icmpv6Type.PacketTooBig, 0, room),
    },
    {
      name: "TTL 1",
      packet: expired4,
      outcome: "forwarded +timeExceeded",
      gives: error4(expired4, IcmpType.TimeExceeded, 0),
    },
    {
      name: "hop limit 1",
      packet: expired6,
      outcome: "forwarded +timeExceeded",
      gives: error6(expired6, Icmpv6Type.TimeExceeded, 0, 0),
    },
    { name: "total length beyond the frame", packet: frame.subarray(0, -1), outcome: "lengthMismatch" },
    { name: "total length within the header", packet: changed(frame, 14 + 3, 19), outcome: "badHeader" },
    { name: "version 5", packet: changed(frame, 14 + 0, 0x55), outcome: "badHeader" },
    {
      name: "payload length beyond the frame",
      packet: build([arrives, ...inner6(0, TO6)]).subarray(0, -1),
      outcome: "lengthMismatch",
    },
    { name: "cut in the IPv4 header", packet: frame.subarray(0, 33), outcome: "truncated" },
    { name: "not steered", packet: [arrives, ...inner4(0, "203.0.114.1")], outcome: "notOurs" },
    { name: "not IP", packet: [arrives, new Uint8Array(40)], outcome: "notOurs" },
  ];
}

suite("headends", ["root", "bpf"], () => {
  for (const count of [1, 2, 3]) {
    describe(`H.Encaps, ${count} segments`, () => rows(steered(policy("H.Encaps", count)), encapsRows(count, false)));
    describe(`H.Encaps.Red, ${count} segments`, () =>
      rows(steered(policy("H.Encaps.Red", count)), encapsRows(count, true)));
  }

  describe("H.Encaps by an adjacency", () => {
    const via = { segments: ["fc00:9::1"], nextHop: { interface: "v1", address: "fd00:1::2" } };
    rows(steered(policy("H.Encaps.Red", 1, { paths: [via] })), [
      {
        name: "whatever the route",
        packet: [arrives, ...inner4(0, TO4)],
        outcome: "forwarded",
        gives: [leaves, ip6("fc00:9::1", { source: NODE } as never), ...inner4(1, TO4)],
      },
    ]);
  });
  describe("H.Encaps without a way out", () => {
    rows(steered(policy("H.Encaps.Red", 1, { paths: [{ segments: ["fc00:6::1"] }] })), [
      {
        name: "a neighbour that is not resolved: for the kernel, encapsulated, with the Ethernet header as it came",
        packet: [arrives, ...inner4(0, TO4)],
        outcome: "noNeighbour",
        gives: [arrives, ip6("fc00:6::1", { source: NODE, hopLimit: 65 } as never), ...inner4(1, TO4)],
      },
    ]);
  });
  describe("outer fields by policy", () => {
    const set = policy("H.Encaps.Red", 1, {
      trafficClass: 0x20,
      flowLabel: 0x54321,
      hopLimit: "copy",
      source: "fc00:1::99",
    });
    rows(steered(set), [
      {
        name: "set, and the hop limit copied: IPv4",
        packet: [arrives, ...inner4(0, TO4, { dscp: 46, ttl: 33 } as never)],
        outcome: "forwarded",
        gives: [
          leaves,
          ip6(NEXT, { source: "fc00:1::99", trafficClass: 0x20, flowLabel: 0x54321, hopLimit: 32 } as never),
          ...inner4(0, TO4, { dscp: 46, ttl: 32 } as never),
        ],
      },
      {
        name: "set, and the hop limit copied: IPv6",
        packet: [arrives, ip6(TO6, { hopLimit: 7 } as never), udp(), data],
        outcome: "forwarded",
        gives: [
          leaves,
          ip6(NEXT, { source: "fc00:1::99", trafficClass: 0x20, flowLabel: 0x54321, hopLimit: 6 } as never),
          ip6(TO6, { hopLimit: 6 } as never),
          udp(),
          data,
        ],
      },
    ]);
  });
  describe("the flow label copied", () => {
    rows(steered(policy("H.Encaps.Red", 1, { flowLabel: "copy" })), [
      {
        name: "from IPv6",
        packet: [arrives, ip6(TO6, { flowLabel: 0xabcde } as never), udp(), data],
        outcome: "forwarded",
        gives: [
          leaves,
          ip6(NEXT, { source: NODE, flowLabel: 0xabcde } as never),
          ip6(TO6, { hopLimit: 63, flowLabel: 0xabcde } as never),
          udp(),
          data,
        ],
      },
      {
        name: "IPv4 has none",
        packet: [arrives, ...inner4(0, TO4)],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { source: NODE } as never), ...inner4(1, TO4)],
      },
    ]);
  });

  for (const [headend, isReduced] of [
    ["H.Encaps.L2", false],
    ["H.Encaps.L2.Red", true],
  ] as const) {
    for (const count of [1, 3]) {
      describe(`${headend}, ${count} segments`, () => {
        const all: Srv6Config = {
          address: NODE,
          policies: [policy(headend, count, { trafficClass: 0 })],
          steering: [{ interface: "lo", policy: "p" }],
        };
        const put = outer(count, isReduced);
        const room = MTU - (put.length === 1 ? 40 : 48 + 16 * (isReduced ? count - 1 : count));
        const taken = (name: string, ...frame: readonly Part[]): Row => {
          const bytes = build(frame);
          const header = put[0] as { nextHeader?: number };
          const [ipv6, ...list] =
            put.length === 1
              ? [ip6(NEXT, { source: NODE, nextHeader: 143 } as never)]
              : [
                  header as Part,
                  srh({
                    segments: [...SEGMENTS.slice(isReduced ? 1 : 0, count)].reverse(),
                    segmentsLeft: count - 1,
                    nextHeader: 143,
                  }),
                ];
          return { name, packet: bytes, outcome: "forwarded", gives: [leaves, ipv6!, ...list, bytes] };
        };
        rows(all, [
          taken("IPv4", arrives, ...inner4()),
          taken("IPv6", arrives, ...inner6()),
          taken("neither", arrives, new Uint8Array(46)),
          taken("as large as the way out", arrives, ip4(TO4), udp(), new Uint8Array(room - 14 - 28)),
          { name: "larger", packet: [arrives, ip4(TO4), udp(), new Uint8Array(room - 14 - 28 + 1)], outcome: "tooBig" },
          taken("an Ethernet header alone", arrives),
        ]);
      });
    }
  }

  describe("H.Insert", () => {
    const put = (nextSegment: string): Part =>
      srh({ segments: [nextSegment, ...[...SEGMENTS.slice(0, 2)].reverse()], segmentsLeft: 2 });
    const added = 8 + 3 * 16;
    const expired = [arrives, ip6(TO6, { hopLimit: 1 } as never), udp(), data];
    const big = [arrives, ip6(TO6), udp(), new Uint8Array(MTU - 48 - added + 1)];
    const list = srh({ segments: ["fc00:e::1", TO6], segmentsLeft: 1 });
    const check = { checksum: 0x1234 } as never;
    rows(steered(policy("H.Insert", 2)), [
      {
        name: "UDP",
        packet: [arrives, ip6(TO6), udp(check), data],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 63 } as never), put(TO6), udp(check), data],
      },
      {
        name: "IPv4 inside",
        packet: [arrives, ip6(TO6), ...inner4()],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 63 } as never), put(TO6), ...inner4()],
      },
      {
        name: "IPv6 inside",
        packet: [arrives, ip6(TO6), ...inner6()],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 63 } as never), put(TO6), ...inner6()],
      },
      {
        name: "before another SRH",
        packet: [arrives, ip6(TO6), list, ...inner4()],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 63 } as never), put(TO6), list, ...inner4()],
      },
      {
        name: "traffic class and flow label stay",
        packet: [arrives, ip6(TO6, { trafficClass: 9, flowLabel: 77 } as never), ...inner4()],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 63, trafficClass: 9, flowLabel: 77 } as never), put(TO6), ...inner4()],
      },
      {
        name: "hop limit 1",
        packet: expired,
        outcome: "forwarded +timeExceeded",
        gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
      },
      {
        name: "larger than the way out",
        packet: big,
        outcome: "forwarded +packetTooBig",
        gives: error6(big, Icmpv6Type.PacketTooBig, 0, MTU - added),
      },
      {
        name: "as large as the way out",
        packet: [arrives, ip6(TO6), udp(check), new Uint8Array(MTU - 48 - added)],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 63 } as never), put(TO6), udp(check), new Uint8Array(MTU - 48 - added)],
      },
      {
        name: "payload length beyond the frame",
        packet: build([arrives, ...inner6(0, TO6)]).subarray(0, -1),
        outcome: "lengthMismatch",
      },
      {
        name: "cut in the IPv6 header",
        packet: build([arrives, ...inner6(0, TO6)]).subarray(0, 53),
        outcome: "truncated",
      },
      {
        name: "no payload",
        packet: [arrives, ip6(TO6, { nextHeader: 59 } as never)],
        outcome: "forwarded",
        gives: [
          leaves,
          ip6(NEXT, { hopLimit: 63 } as never),
          srh({ segments: [TO6, ...[...SEGMENTS.slice(0, 2)].reverse()], segmentsLeft: 2, nextHeader: 59 }),
        ],
      },
      { name: "not steered", packet: [arrives, ...inner6(0, "2001:db8:78::1")], outcome: "notOurs" },
      { name: "IPv4 is not", packet: [arrives, ...inner4(0, TO4)], outcome: "notOurs" },
    ]);
  });

  describe("a weighted policy", () => {
    const paths = [
      { segments: ["fc00:2::a"], weight: 3 },
      { segments: ["fc00:2::b"], weight: 1 },
    ];
    rows(steered(policy("H.Encaps.Red", 1, { paths })), [
      // By the hash of source, destination and protocol (jhash_3words): pinned.
      {
        name: "a flow of the first",
        packet: [arrives, ...inner4(0, TO4)],
        outcome: "forwarded",
        gives: [leaves, ip6("fc00:2::a", { source: NODE } as never), ...inner4(1, TO4)],
      },
      {
        name: "a flow of the second",
        packet: [arrives, ...inner4(0, "203.0.113.14")],
        outcome: "forwarded",
        gives: [leaves, ip6("fc00:2::b", { source: NODE } as never), ...inner4(1, "203.0.113.14")],
      },
    ]);
  });
});
