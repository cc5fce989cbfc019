/** End.DX4, DX6, DT4, DT6, DT46, DX2, DX2V. RFC 8986 sections 4.4 to 4.11. */
import { describe } from "vitest";
import { build, hopByHop, IcmpType, Icmpv6Type, type Part, VlanTag } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { BehaviourName, SidConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  changed,
  data,
  Ethernet,
  error4,
  error6,
  fragmentRows,
  Icmpv6,
  inner4,
  inner6,
  ip4,
  ip6,
  leaves,
  NEXT,
  NEXT4,
  NODE,
  NODE4,
  srh,
  udp,
} from "./frames.ts";
import { type Row, rows } from "./harness.ts";

const SID = "fc00:1::d4";
const config = (...sids: readonly SidConfig[]): Srv6Config => ({ address: NODE, address4: NODE4, sids });
const list = (segmentsLeft: number, more: object = {}) => srh({ segments: [SID, "fc00:1::1"], segmentsLeft, ...more });
const MTU = 1500;
const UPPER_LAYER = 4;

/** What all of them share; `inside`: of a packet that the behaviour takes, so many hops on. */
function sharedRows(inside: (hops: number) => readonly Part[], other: readonly Part[]): Row[] {
  const early = [arrives, ip6(SID), list(1), ...inside(0)];
  const wrong = [arrives, ip6(SID), ...other];
  const wrongBehind = [arrives, ip6(SID), list(0), ...other];
  const taken = (name: string, ...before: readonly Part[]): Row => ({
    name,
    packet: [arrives, ip6(SID), ...before, ...inside(0)],
    outcome: "forwarded",
    gives: [leaves, ...inside(1)],
  });
  return [
    taken("without SRH"),
    taken("behind an SRH"),
    taken("behind an SRH that is done", list(0)),
    taken("behind an SRH with a TLV", list(0, { tlvs: [{ kind: "hmac", keyId: 1, digest: new Uint8Array(32) }] })),
    taken("behind options", hopByHop({ options: [] })),
    taken("behind options and an SRH", hopByHop({ options: [] }), list(0)),
    {
      name: "S02: segments left",
      packet: early,
      outcome: "forwarded +parameterProblem",
      gives: error6(early, Icmpv6Type.ParameterProblem, 0, 43),
    },
    {
      name: "another upper layer",
      packet: wrong,
      outcome: "forwarded +parameterProblem",
      gives: error6(wrong, Icmpv6Type.ParameterProblem, UPPER_LAYER, 40),
    },
    {
      name: "another upper layer behind an SRH",
      packet: wrongBehind,
      outcome: "forwarded +parameterProblem",
      gives: error6(wrongBehind, Icmpv6Type.ParameterProblem, UPPER_LAYER, 40 + 40),
    },
    ...fragmentRows(SID, srh({ segments: [SID], segmentsLeft: 0 })),
    {
      name: "ICMPv6 to the SID: for the kernel",
      packet: [arrives, ip6(SID), new Icmpv6({ type: Icmpv6Type.EchoRequest, code: 0, rest: 1 }), data],
      outcome: "localDelivery",
    },
    {
      name: "payload length beyond the frame",
      packet: build([arrives, ip6(SID), ...inside(0)]).subarray(0, -1),
      outcome: "lengthMismatch",
    },
    {
      name: "bytes behind the packet stay behind",
      packet: Buffer.concat([build([arrives, ip6(SID), ...inside(0)]), new Uint8Array(6)]),
      outcome: "forwarded",
      gives: Buffer.concat([build([leaves, ...inside(1)]), new Uint8Array(6)]),
    },
    {
      name: "cut in the SRH",
      packet: build([arrives, ip6(SID), list(0), ...inside(0)]).subarray(0, 58),
      outcome: "lengthMismatch",
    },
  ];
}

function rows4(): Row[] {
  const expired = [arrives, ip6(SID), ...inner4(63)];
  const big = [arrives, ip6(SID), ip4(NEXT4, { dontFragment: true } as never), udp(), new Uint8Array(1480)];
  const long = [arrives, ip6(SID), ip4(NEXT4), udp(), new Uint8Array(1480)];
  const header = build([arrives, ip6(SID), ...inner4()]);
  return [
    {
      name: "TTL 1 inside",
      packet: expired,
      outcome: "forwarded +timeExceeded",
      gives: error4([arrives, ...inner4(63)], IcmpType.TimeExceeded, 0),
    },
    {
      name: "TTL 1 inside, behind an SRH of 968 bytes",
      packet: [
        arrives,
        ip6(SID),
        srh({ segments: Array.from({ length: 60 }, (_, at) => `fc00:77::${at}`), segmentsLeft: 0 }),
        ...inner4(63),
      ],
      outcome: "forwarded +timeExceeded",
      gives: error4([arrives, ...inner4(63)], IcmpType.TimeExceeded, 0),
    },
    {
      name: "larger than the way out",
      packet: big,
      outcome: "forwarded +packetTooBig",
      gives: error4([arrives, ...big.slice(2)], IcmpType.DestinationUnreachable, 4, MTU),
    },
    { name: "larger, and may be fragmented", packet: long, outcome: "tooBig" },
    { name: "a packet of another version inside", packet: changed(header, 54 + 0, 0x65), outcome: "unknownInner" },
    { name: "a header that is too short inside", packet: changed(header, 54 + 0, 0x44), outcome: "unknownInner" },
    { name: "total length beyond the packet", packet: changed(header, 54 + 3, 200), outcome: "lengthMismatch" },
    { name: "total length within its header", packet: changed(header, 54 + 3, 19), outcome: "lengthMismatch" },
    {
      name: "no route: for the kernel, as it is now",
      packet: [arrives, ip6(SID), ...inner4(0, "203.0.113.1")],
      outcome: "notForwarded",
      gives: [arrives, ...inner4(0, "203.0.113.1")],
    },
    {
      name: "a neighbour that is not resolved: for the kernel, as it is now",
      packet: [arrives, ip6(SID), ...inner4(0, "198.51.106.1")],
      outcome: "noNeighbour",
      gives: [arrives, ...inner4(0, "198.51.106.1")],
    },
  ];
}

function rows6(): Row[] {
  const expired = [arrives, ip6(SID), ...inner6(63, NEXT, { source: "fc00:2:45::2" } as never)];
  const big = [arrives, ip6(SID), ip6(NEXT, { source: "fc00:2:45::2" } as never), udp(), new Uint8Array(1480)];
  const answerTo = (offending: readonly Part[], type: number, rest: number): Part[] => {
    const [link, header, ...more] = error6([arrives, ...offending.slice(2)], type, 0, rest);
    return [link!, Object.assign(header!, { destination: "fc00:2:45::2" }), ...more];
  };
  const header = build([arrives, ip6(SID), ...inner6()]);
  return [
    {
      name: "hop limit 1 inside",
      packet: expired,
      outcome: "forwarded +timeExceeded",
      gives: answerTo(expired, Icmpv6Type.TimeExceeded, 0),
    },
    {
      name: "larger than the way out",
      packet: big,
      outcome: "forwarded +packetTooBig",
      gives: answerTo(big, Icmpv6Type.PacketTooBig, MTU),
    },
    { name: "a packet of another version inside", packet: changed(header, 54 + 0, 0x45), outcome: "unknownInner" },
    { name: "payload length beyond the packet", packet: changed(header, 54 + 5, 200), outcome: "lengthMismatch" },
    {
      name: "no route: for the kernel, as it is now",
      packet: [arrives, ip6(SID), ...inner6(0, "fc00:9::1")],
      outcome: "notForwarded",
      gives: [arrives, ...inner6(0, "fc00:9::1")],
    },
  ];
}

suite("decapsulation", ["root", "bpf"], () => {
  const tables: readonly [BehaviourName, object][] = [
    ["End.DT4", { table: 254 }],
    ["End.DX4", { nextHop: { interface: "v1", address: "10.9.1.2" } }],
  ];
  for (const [behaviour, more] of tables) {
    describe(behaviour, () => {
      const byRoute = rows4().filter(
        ({ outcome }) => behaviour === "End.DT4" || !/notForwarded|noNeighbour/.test(outcome),
      );
      rows(config({ sid: SID, behaviour, ...more }), [...sharedRows(inner4, inner6()), ...byRoute]);
    });
  }
  describe("End.DX4 leaves by its next hop, whatever the route", () => {
    rows(config({ sid: SID, behaviour: "End.DX4", nextHop: { interface: "v1", address: "10.9.1.2" } }), [
      {
        name: "no route",
        packet: [arrives, ip6(SID), ...inner4(0, "203.0.113.1")],
        outcome: "forwarded",
        gives: [leaves, ...inner4(1, "203.0.113.1")],
      },
    ]);
  });
  for (const [behaviour, more] of [
    ["End.DT6", { table: 254 }],
    ["End.DX6", { nextHop: { interface: "v1", address: "fd00:1::2" } }],
  ] as const) {
    describe(behaviour, () => {
      const byRoute = rows6().filter(({ outcome }) => behaviour === "End.DT6" || outcome !== "notForwarded");
      rows(config({ sid: SID, behaviour, ...more }), [...sharedRows(inner6, inner4()), ...byRoute]);
    });
  }
  describe("End.DT46", () => {
    const sids = config({ sid: SID, behaviour: "End.DT46" });
    const other = [udp(), data];
    rows(sids, [...sharedRows(inner4, other), ...rows4(), ...rows6()]);
  });
  describe("End.DT4 of a table without routes", () => {
    rows(config({ sid: SID, behaviour: "End.DT4", table: 77 }), [
      {
        name: "for the kernel",
        packet: [arrives, ip6(SID), ...inner4()],
        outcome: "notForwarded",
        gives: [arrives, ...inner4(0)],
      },
    ]);
  });

  describe("End.DX2", () => {
    const frame = (...inside: readonly Part[]): Part[] => [
      new Ethernet({ source: "02:aa:00:00:00:01", destination: "02:aa:00:00:00:02" }),
      ...inside,
    ];
    const tagged = (vlan: number): Part[] => frame(new VlanTag({ vlan }), ...inner4());
    const taken = (name: string, inside: readonly Part[], ...before: readonly Part[]): Row => ({
      name,
      packet: [arrives, ip6(SID), ...before, ...inside],
      outcome: "forwarded",
      gives: inside,
    });
    const early = [arrives, ip6(SID), list(1), ...frame(...inner4())];
    const wrong = [arrives, ip6(SID), ...inner4()];
    const shared: Row[] = [
      {
        name: "S02: segments left",
        packet: early,
        outcome: "forwarded +parameterProblem",
        gives: error6(early, Icmpv6Type.ParameterProblem, 0, 43),
      },
      {
        name: "another upper layer",
        packet: wrong,
        outcome: "forwarded +parameterProblem",
        gives: error6(wrong, Icmpv6Type.ParameterProblem, UPPER_LAYER, 40),
      },
      {
        name: "ICMPv6 to the SID: for the kernel",
        packet: [arrives, ip6(SID), new Icmpv6({ type: Icmpv6Type.EchoRequest, code: 0, rest: 1 }), data],
        outcome: "localDelivery",
      },
      {
        name: "payload length beyond the frame",
        packet: build([arrives, ip6(SID), ...tagged(7)]).subarray(0, -1),
        outcome: "lengthMismatch",
      },
      {
        name: "less than an Ethernet header",
        packet: [arrives, ip6(SID, { nextHeader: 143 } as never), new Uint8Array(13)],
        outcome: "lengthMismatch",
      },
    ];
    describe("by its interface", () => {
      rows(config({ sid: SID, behaviour: "End.DX2", nextHop: { interface: "v1" } }), [
        ...shared,
        taken("IPv4 in the frame", frame(...inner4())),
        taken("IPv6 in the frame", frame(...inner6())),
        taken("a tag in the frame", tagged(7)),
        taken("behind an SRH", tagged(7), list(0)),
        taken("behind options", tagged(7), hopByHop({ options: [] })),
        taken("as large as the way out", frame(ip4(NEXT4), udp(), new Uint8Array(MTU - 28))),
        {
          name: "larger",
          packet: [arrives, ip6(SID), ...frame(ip4(NEXT4), udp(), new Uint8Array(MTU - 28 + 5))],
          outcome: "tooBig",
        },
      ]);
    });
    describe("whose interface is down", () => {
      rows(config({ sid: SID, behaviour: "End.DX2", nextHop: { interface: "down" } }), [
        { name: "drops", packet: [arrives, ip6(SID), ...frame(...inner4())], outcome: "noPath" },
      ]);
    });
    describe("by VLAN: two End.DX2V without a table have VLANs of their own", () => {
      const sids: SidConfig[] = [
        { sid: SID, behaviour: "End.DX2V", vlans: { 7: { interface: "v1" } } },
        { sid: "fc00:1::d7", behaviour: "End.DX2V", vlans: { 7: { interface: "down" }, 9: { interface: "v1" } } },
      ];
      const { sids: _, ...node } = config(sids[0]!);
      rows({ ...node, sids }, [
        taken("a VLAN of both", tagged(7)),
        { name: "a VLAN of the other", packet: [arrives, ip6(SID), ...tagged(9)], outcome: "noPath" },
      ]);
    });
    describe("by VLAN: End.DX2V", () => {
      const vlans = { 7: { interface: "v1" }, 8: { interface: "down" } };
      rows(config({ sid: SID, behaviour: "End.DX2V", table: 3, vlans }), [
        ...shared.filter(({ name }) => name !== "less than an Ethernet header"),
        taken("a VLAN of the table", tagged(7)),
        taken("behind an SRH", tagged(7), list(0)),
        taken("behind options", tagged(7), hopByHop({ options: [] })),
        taken("two tags: the outer counts", frame(new VlanTag({ vlan: 7 }), new VlanTag({ vlan: 9 }), ...inner4())),
        { name: "a VLAN whose interface is down", packet: [arrives, ip6(SID), ...tagged(8)], outcome: "noPath" },
        { name: "another VLAN", packet: [arrives, ip6(SID), ...tagged(9)], outcome: "noPath" },
        { name: "no tag", packet: [arrives, ip6(SID), ...frame(...inner4())], outcome: "noPath" },
        {
          name: "cut in the tag",
          packet: [arrives, ip6(SID, { nextHeader: 143 } as never), build(tagged(7)).subarray(0, 15)],
          outcome: "truncated",
        },
      ]);
    });
  });
});
