/** H.M.GTP4.D, End.M.GTP4.E, End.M.GTP6.D, End.M.GTP6.D.Di, End.M.GTP6.E, End.Limit. RFC 9433 section 6. */
import { describe } from "vitest";
import { build, type GtpExtensionValue, hopByHop, IcmpType, Icmpv6Type, type Part, padding } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { PolicyConfig, SidConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  data,
  error4,
  error6,
  gtpU,
  HOST4,
  Icmpv6,
  inner4,
  inner6,
  ip4,
  ip6,
  leaves,
  NODE,
  NODE4,
  srh,
  udp,
} from "./frames.ts";
import { type Row, rows } from "./harness.ts";

const MTU = 1500;
const TEID = 0x11223344;
/** The tunnel's end at the core, as the radio network sees it. */
const UPF = "192.0.2.1";
const tunnelPorts = { sourcePort: 2153, destinationPort: 2152 };

const uplink: GtpExtensionValue = { kind: "pduSession", direction: "uplink", qfi: 9 } as GtpExtensionValue;
const downlink = (more: object = {}): GtpExtensionValue =>
  ({ kind: "pduSession", direction: "downlink", qfi: 9, ...more }) as GtpExtensionValue;
const unknownExtension = (type: number): GtpExtensionValue =>
  ({ kind: "unknown", type, body: new Uint8Array(2) }) as GtpExtensionValue;

const gtp = (more: object = {}): Part => gtpU({ teid: TEID, messageType: 255, ...more } as never);
const carried = inner4;

/** Behind the locator fc00:2::/48: 192.0.2.1, QFI 9 with R or not, the TEID. */
const sidOf = (qfi = 9, reflective = 0): string => {
  const octet = ((qfi << 2) | (reflective << 1)).toString(16).padStart(2, "0");
  return `fc00:2:0:c000:201:${octet}11:2233:4400`;
};
/** Prefix fc00:1:1:0, then 198.51.100.7 and port 2153. */
const SOURCE = "fc00:1:1:0:c633:6407:869:0";

suite("mobile user plane", ["root", "bpf"], () => {
  describe("H.M.GTP4.D", () => {
    const policy = (segments: readonly string[]): PolicyConfig => ({
      name: "up",
      headend: "H.M.GTP4.D",
      source: "fc00:1:1::/64",
      paths: [{ segments }],
      flowLabel: 0,
    });
    const config = (segments: readonly string[], more: Partial<Srv6Config> = {}): Srv6Config => ({
      address: NODE,
      address4: NODE4,
      policies: [policy(segments)],
      steering: [{ prefix: `${UPF}/32`, policy: "up" }],
      ...more,
    });
    const tunnel = (extensions: readonly GtpExtensionValue[] = [uplink], more: object = {}): Part[] => [
      ip4(UPF, { ...more } as never),
      udp(tunnelPorts as never),
      gtp({ extensions }),
    ];
    const outer = (sid: string, more: object = {}): Part => ip6(sid, { source: SOURCE, ...more } as never);
    const taken = (name: string, packet: readonly Part[], sid = sidOf(), inside: readonly Part[] = carried()): Row => ({
      name,
      packet,
      outcome: "forwarded",
      gives: [leaves, outer(sid), ...inside],
    });
    const frame = build([arrives, ...tunnel(), ...carried()]);
    const changed = (...changes: readonly [number, number][]): Uint8Array => {
      const copy = Uint8Array.from(frame);
      for (const [at, value] of changes) copy[at] = value;
      return copy;
    };
    const control = (name: string, messageType: number, outcome: string): Row => ({
      name,
      packet: [
        arrives,
        ip4(UPF),
        udp(tunnelPorts as never),
        gtpU({ teid: 0, messageType } as never),
        new Uint8Array(4),
      ],
      outcome,
    });
    const expired = [arrives, ...tunnel([uplink], { ttl: 1 }), ...carried()];
    // 36 bytes of IPv4, UDP and GTP-U with the container become 40 of IPv6.
    const tooBig = (dontFragment: boolean): Part[] => [
      arrives,
      ...tunnel([uplink], { dontFragment }),
      ip4("8.8.8.8"),
      udp(),
      new Uint8Array(MTU - 40 - 28 + 1),
    ];
    const fits = [ip4("8.8.8.8"), udp(), new Uint8Array(MTU - 40 - 28)];

    describe("one segment", () => {
      rows(config(["fc00:2::/48"]), [
        taken("IPv4 inside", [arrives, ...tunnel(), ...carried()]),
        taken("IPv6 inside", [arrives, ...tunnel(), ...inner6()], sidOf(), inner6()),
        taken("QFI 0 is a QFI", [arrives, ...tunnel([downlink({ qfi: 0 })]), ...carried()], sidOf(0)),
        taken("no container: QFI 0", [arrives, ...tunnel([]), ...carried()], sidOf(0)),
        taken("the highest QFI", [arrives, ...tunnel([downlink({ qfi: 63 })]), ...carried()], sidOf(63)),
        taken("downlink with RQI", [arrives, ...tunnel([downlink({ reflective: true })]), ...carried()], sidOf(9, 1)),
        taken("a container behind another extension", [
          arrives,
          ...tunnel([unknownExtension(0xc0), uplink]),
          ...carried(),
        ]),
        taken("a container before another extension", [
          arrives,
          ...tunnel([uplink, unknownExtension(0xc0)]),
          ...carried(),
        ]),
        taken("six extensions", [
          arrives,
          ...tunnel([0x40, 0x20, 0xc0, 0x82, 0x84].map(unknownExtension).concat(uplink)),
          ...carried(),
        ]),
        {
          name: "seven extensions",
          packet: [
            arrives,
            ...tunnel([0x40, 0x20, 0xc0, 0x82, 0x84, 0x40].map(unknownExtension).concat(uplink)),
            ...carried(),
          ],
          outcome: "tooManyExtensions",
        },
        taken(
          "a sequence number",
          [arrives, ip4(UPF), udp(tunnelPorts as never), gtp({ sequence: 7 }), ...carried()],
          sidOf(0),
        ),
        taken("a sequence number and a container", [
          arrives,
          ip4(UPF),
          udp(tunnelPorts as never),
          gtp({ sequence: 7, extensions: [uplink] }),
          ...carried(),
        ]),
        taken(
          "an N-PDU number",
          [arrives, ip4(UPF), udp(tunnelPorts as never), gtp({ npdu: 7 }), ...carried()],
          sidOf(0),
        ),
        taken(
          "padding of the frame goes",
          [arrives, ...tunnel(), ip4("8.8.8.8"), udp(), padding(new Uint8Array(7))],
          sidOf(),
          [ip4("8.8.8.8"), udp()],
        ),
        taken("IPv4 options before the tunnel", [
          arrives,
          ip4(UPF, { ihl: 5 } as never),
          udp(tunnelPorts as never),
          gtp({ extensions: [uplink] }),
          ...carried(),
        ]),
        {
          name: "the traffic class is copied from inside",
          packet: [arrives, ...tunnel(), ...carried(0, undefined, { dscp: 46, ecn: 1 } as never)],
          outcome: "forwarded",
          gives: [
            leaves,
            outer(sidOf(), { trafficClass: 0xb9 }),
            ...carried(0, undefined, { dscp: 46, ecn: 1 } as never),
          ],
        },
        {
          name: "as large as the way out",
          packet: [arrives, ...tunnel(), ...fits],
          outcome: "forwarded",
          gives: [leaves, outer(sidOf()), ...fits],
        },
        {
          name: "larger than the way out",
          packet: tooBig(true),
          outcome: "forwarded +packetTooBig",
          gives: error4(tooBig(true), IcmpType.DestinationUnreachable, 4, MTU - 40 + 44),
        },
        { name: "larger, and may be fragmented", packet: tooBig(false), outcome: "tooBig" },
        {
          name: "TTL 1",
          packet: expired,
          outcome: "forwarded +timeExceeded",
          gives: error4(expired, IcmpType.TimeExceeded, 0),
        },
        control("an echo request", 1, "echo"),
        control("an echo response", 2, "echo"),
        control("an error indication", 26, "errorIndication"),
        control("an end marker", 254, "endMarker"),
        control("supported extension headers", 31, "otherMessage"),
        {
          name: "a first fragment",
          packet: [arrives, ...tunnel([uplink], { moreFragments: true }), ...carried()],
          outcome: "fragment",
        },
        {
          name: "a later fragment",
          packet: [arrives, ...tunnel([uplink], { fragmentOffset: 10 }), ...carried()],
          outcome: "fragment",
        },
        { name: "another port", packet: [arrives, ip4(UPF), udp(), ...carried()], outcome: "notOurs" },
        { name: "not UDP", packet: [arrives, ip4(UPF, { protocol: 6 } as never), data], outcome: "notOurs" },
        {
          name: "not a tunnel address",
          packet: [arrives, ip4("192.0.2.2"), udp(tunnelPorts as never), gtp({ extensions: [uplink] }), ...carried()],
          outcome: "notOurs",
        },
        { name: "GTP version 2", packet: changed([42, 0x54]), outcome: "badHeader" },
        { name: "GTP prime", packet: changed([42, 0x24]), outcome: "badHeader" },
        { name: "an IPv4 header that is too short", packet: changed([14, 0x44]), outcome: "badHeader" },
        { name: "a GTP length beyond the datagram", packet: changed([45, frame[45]! + 1]), outcome: "lengthMismatch" },
        { name: "a UDP length beyond the packet", packet: changed([39, frame[39]! + 1]), outcome: "lengthMismatch" },
        { name: "a total length beyond the frame", packet: changed([17, frame[17]! + 1]), outcome: "lengthMismatch" },
        { name: "an extension of no length", packet: changed([54, 0]), outcome: "badExtension" },
        { name: "an extension beyond the message", packet: changed([54, 255]), outcome: "badExtension" },
        { name: "no IP inside", packet: [arrives, ...tunnel(), new Uint8Array(40)], outcome: "unknownInner" },
        {
          name: "less than an IPv4 header inside",
          packet: [arrives, ...tunnel(), build([...carried()]).subarray(0, 19)],
          outcome: "truncated",
        },
        { name: "cut in the GTP header", packet: frame.subarray(0, 46), outcome: "lengthMismatch" },
        { name: "cut in the IPv4 header", packet: frame.subarray(0, 30), outcome: "truncated" },
      ]);
    });

    describe("segments before the mobile SID", () => {
      rows(config(["fc00:2::a", "fc00:b::1", "fc00:2::/48"]), [
        {
          name: "the arguments are in the last segment",
          packet: [arrives, ...tunnel(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, outer("fc00:2::a"), srh({ segments: [sidOf(), "fc00:b::1"], segmentsLeft: 2 }), ...carried()],
        },
        {
          name: "IPv6 inside",
          packet: [arrives, ...tunnel(), ...inner6()],
          outcome: "forwarded",
          gives: [leaves, outer("fc00:2::a"), srh({ segments: [sidOf(), "fc00:b::1"], segmentsLeft: 2 }), ...inner6()],
        },
      ]);
    });

    describe("a locator of another length", () => {
      rows(config(["fc00:2:aa00::/40"]), [
        {
          name: "the arguments begin behind it",
          packet: [arrives, ...tunnel(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, outer("fc00:2:aac0:2:124:1122:3344:0"), ...carried()],
        },
      ]);
    });
    describe("a locator of 56 bits", () => {
      rows(config(["fc00:2:0:ee00::/56"]), [
        {
          name: "the arguments end the address",
          packet: [arrives, ...tunnel(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, outer("fc00:2:0:eec0:2:124:1122:3344"), ...carried()],
        },
      ]);
    });

    describe("sessions", () => {
      const other: PolicyConfig = { ...policy(["fc00:2:7::/48"]), name: "other" };
      const sessions = [{ address: UPF, teid: TEID, policy: "other" }];
      rows({ ...config(["fc00:2::/48"]), policies: [policy(["fc00:2::/48"]), other], sessions }, [
        {
          name: "the policy of the session",
          packet: [arrives, ...tunnel(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, outer(sidOf().replace("fc00:2:0", "fc00:2:7")), ...carried()],
        },
        {
          name: "another TEID: that of the address",
          packet: [arrives, ip4(UPF), udp(tunnelPorts as never), gtp({ teid: 5 }), ...carried()],
          outcome: "forwarded",
          gives: [leaves, outer("fc00:2:0:c000:201:0:0:500"), ...carried()],
        },
      ]);
    });
  });

  describe("End.M.GTP4.E", () => {
    const LOCATOR = "fc00:1:4::/48";
    const sid = (qfi = 9, reflective = 0): string =>
      sidOf(qfi, reflective).replace("fc00:2:0:c000:201", "fc00:1:4:c633:6409");
    const config = (more: Partial<SidConfig> = {}): Srv6Config => ({
      address: NODE,
      sids: [{ sid: LOCATOR, behaviour: "End.M.GTP4.E", ...more }],
    });
    const RADIO = "198.51.100.9";
    const outer = (destination = sid(), more: object = {}): Part =>
      ip6(destination, { source: SOURCE, ...more } as never);
    const put = (extensions: readonly GtpExtensionValue[], more: object = {}, ports: object = tunnelPorts): Part[] => [
      ip4(RADIO, { source: HOST4, ttl: 63, dontFragment: true, identification: 0, ...more } as never),
      udp({ ...ports, checksum: 0 } as never),
      gtp({ extensions }),
    ];
    const taken = (
      name: string,
      packet: readonly Part[],
      extension = downlink(),
      inside: readonly Part[] = carried(),
    ): Row => ({
      name,
      packet,
      outcome: "forwarded",
      gives: [leaves, ...put([extension]), ...inside],
    });
    const answered = (offending: readonly Part[], type: number, code: number, rest: number): Part[] => {
      const [link, header, ...more] = error6(offending, type, code, rest);
      return [link!, Object.assign(header!, { destination: SOURCE }), ...more];
    };
    const routed = { source: "fc00:2:1:0:c633:6407:869:0" };
    const from2 = (destination = sid(), more: object = {}): Part => outer(destination, { ...routed, ...more });
    const expired = [arrives, from2(sid(), { hopLimit: 1 }), ...carried()];
    const early = [arrives, from2(), srh({ segments: ["fc00:9::1", sid()], segmentsLeft: 1 }), ...carried()];
    const wrong = [arrives, from2(), udp(), data];
    const to2 = (offending: readonly Part[], type: number, code: number, rest: number): Part[] => {
      const [link, header, ...more] = answered(offending, type, code, rest);
      return [link!, Object.assign(header!, { destination: routed.source }), ...more];
    };
    const room = MTU - 44;
    const big = [arrives, from2(), ip4("8.8.8.8"), udp(), new Uint8Array(room - 28 + 1)];
    rows(config(), [
      taken("IPv4 inside", [arrives, outer(), ...carried()]),
      taken("IPv6 inside", [arrives, outer(), ...inner6()], downlink(), inner6()),
      taken("behind an SRH that is done", [
        arrives,
        outer(),
        srh({ segments: [sid(), "fc00:9::1"], segmentsLeft: 0 }),
        ...carried(),
      ]),
      taken("behind options", [arrives, outer(), hopByHop({ options: [] }), ...carried()]),
      taken("QFI 0", [arrives, outer(sid(0)), ...carried()], downlink({ qfi: 0 })),
      taken("the highest QFI", [arrives, outer(sid(63)), ...carried()], downlink({ qfi: 63 })),
      taken("reflective QoS", [arrives, outer(sid(9, 1)), ...carried()], downlink({ reflective: true })),
      {
        name: "DSCP and ECN are those of the IPv6 header",
        packet: [arrives, outer(sid(), { trafficClass: 0xba }), ...carried()],
        outcome: "forwarded",
        gives: [leaves, ...put([downlink()], { dscp: 46, ecn: 2 }), ...carried()],
      },
      {
        name: "no port in the source: 2152",
        packet: [arrives, outer(sid(), { source: "fc00:1:1:0:c633:6407::" }), ...carried()],
        outcome: "forwarded",
        gives: [leaves, ...put([downlink()], {}, { sourcePort: 2152, destinationPort: 2152 }), ...carried()],
      },
      {
        name: "bytes behind the packet go",
        packet: Buffer.concat([build([arrives, outer(), ...carried()]), new Uint8Array(5)]),
        outcome: "forwarded",
        gives: [leaves, ...put([downlink()]), ...carried()],
      },
      {
        name: "as large as the way out",
        packet: [arrives, outer(), ip4("8.8.8.8"), udp(), new Uint8Array(room - 28)],
        outcome: "forwarded",
        gives: [leaves, ...put([downlink()]), ip4("8.8.8.8"), udp(), new Uint8Array(room - 28)],
      },
      {
        name: "larger than the way out",
        packet: big,
        outcome: "forwarded +packetTooBig",
        gives: to2(big, Icmpv6Type.PacketTooBig, 0, room + 40),
      },
      {
        name: "hop limit 1",
        packet: expired,
        outcome: "forwarded +timeExceeded",
        gives: to2(expired, Icmpv6Type.TimeExceeded, 0, 0),
      },
      {
        name: "segments left",
        packet: early,
        outcome: "forwarded +parameterProblem",
        gives: to2(early, Icmpv6Type.ParameterProblem, 0, 43),
      },
      {
        name: "another upper layer",
        packet: wrong,
        outcome: "forwarded +parameterProblem",
        gives: to2(wrong, Icmpv6Type.ParameterProblem, 4, 40),
      },
      {
        name: "ICMPv6 to the SID: for the kernel",
        packet: [arrives, outer(), new Icmpv6({ type: 128, code: 0, rest: 1 }), data],
        outcome: "localDelivery",
      },
      {
        name: "payload length beyond the frame",
        packet: build([arrives, outer(), ...carried()]).subarray(0, -1),
        outcome: "lengthMismatch",
      },
      {
        name: "a neighbour that is not resolved: for the kernel, as it is now",
        packet: [arrives, outer(sid().replace("6409", "6a09")), ...carried()],
        outcome: "noNeighbour",
        gives: [
          arrives,
          ip4("198.51.106.9", { source: HOST4, ttl: 63, dontFragment: true, identification: 0 } as never),
          ...put([downlink()]).slice(1),
          ...carried(),
        ],
      },
    ]);
    describe("without container", () => {
      rows(config({ pduSession: "none" }), [
        {
          name: "eight bytes of GTP-U",
          packet: [arrives, outer(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, ...put([]), ...carried()],
        },
      ]);
    });
    describe("uplink container, TTL and DSCP set", () => {
      rows(config({ pduSession: "uplink", ttl: 200, dscp: 10 }), [
        {
          name: "as configured; no RQI uplink",
          packet: [arrives, outer(sid(9, 1), { trafficClass: 0xb9 }), ...carried()],
          outcome: "forwarded",
          gives: [leaves, ...put([uplink], { ttl: 200, dscp: 10, ecn: 1 }), ...carried()],
        },
      ]);
    });
  });

  for (const [behaviour, dropIn] of [
    ["End.M.GTP6.D", false],
    ["End.M.GTP6.D.Di", true],
  ] as const) {
    describe(behaviour, () => {
      const SID = "fc00:1::60";
      const via = dropIn ? ["fc00:2::a"] : ["fc00:2::/64"];
      const last = (qfi = 9, reflective = 0): string =>
        `fc00:2:0:0:${((qfi << 2) | (reflective << 1)).toString(16).padStart(2, "0")}11:2233:4400:0`;
      const policy: PolicyConfig = {
        name: "up",
        headend: dropIn ? "H.Encaps" : "H.Encaps.Red",
        paths: [{ segments: via }],
        flowLabel: 0,
      };
      const config: Srv6Config = {
        address: NODE,
        address4: NODE4,
        sids: [{ sid: SID, behaviour, policy: "up" }],
        policies: [policy],
      };
      const outer = (destination: string, more: object = {}): Part[] =>
        dropIn
          ? [
              ip6("fc00:2::a", { source: NODE, ...more } as never),
              srh({ segments: [SID, "fc00:2::a"], segmentsLeft: 1 }),
            ]
          : [ip6(destination, { source: NODE, ...more } as never)];
      const overhead = dropIn ? 80 : 40;
      const tunnel = (extensions: readonly GtpExtensionValue[] = [uplink], more: object = {}): Part[] => [
        ip6(SID, more as never),
        udp(tunnelPorts as never),
        gtp({ extensions }),
      ];
      const taken = (
        name: string,
        packet: readonly Part[],
        destination = last(),
        inside: readonly Part[] = carried(),
      ): Row => ({
        name,
        packet,
        outcome: "forwarded",
        gives: [leaves, ...outer(destination), ...inside],
      });
      const frame = build([arrives, ...tunnel(), ...carried()]);
      const changed = (at: number, value: number): Uint8Array => {
        const copy = Uint8Array.from(frame);
        copy[at] = value;
        return copy;
      };
      const expired = [arrives, ...tunnel([uplink], { hopLimit: 1 }), ...carried()];
      const wrong = [arrives, ip6(SID), udp(), data];
      const big = [arrives, ...tunnel(), ip4("8.8.8.8"), udp(), new Uint8Array(MTU - overhead - 28 + 1)];
      rows(config, [
        taken("IPv4 inside", [arrives, ...tunnel(), ...carried()]),
        taken("IPv6 inside", [arrives, ...tunnel(), ...inner6()], last(), inner6()),
        taken("QFI 0", [arrives, ...tunnel([downlink({ qfi: 0 })]), ...carried()], last(0)),
        taken("reflective QoS", [arrives, ...tunnel([downlink({ reflective: true })]), ...carried()], last(9, 1)),
        taken("no container", [arrives, ...tunnel([]), ...carried()], last(0)),
        taken("behind another extension", [arrives, ...tunnel([unknownExtension(0x40), uplink]), ...carried()]),
        taken("behind options", [arrives, ip6(SID), hopByHop({ options: [] }), ...tunnel().slice(1), ...carried()]),
        taken(
          "bytes behind the packet go",
          [arrives, ...tunnel(), ip4("8.8.8.8"), udp(), padding(new Uint8Array(9))],
          last(),
          [ip4("8.8.8.8"), udp()],
        ),
        {
          name: "an echo request",
          packet: [arrives, ip6(SID), udp(tunnelPorts as never), gtpU({ teid: 0, messageType: 1 } as never)],
          outcome: "echo",
        },
        {
          name: "an end marker",
          packet: [arrives, ip6(SID), udp(tunnelPorts as never), gtpU({ teid: 1, messageType: 254 } as never)],
          outcome: "endMarker",
        },
        {
          name: "an error indication",
          packet: [arrives, ip6(SID), udp(tunnelPorts as never), gtpU({ teid: 0, messageType: 26 } as never)],
          outcome: "errorIndication",
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
          gives: error6(big, Icmpv6Type.PacketTooBig, 0, MTU - overhead + 64),
        },
        {
          name: "another port",
          packet: wrong,
          outcome: "forwarded +parameterProblem",
          gives: error6(wrong, Icmpv6Type.ParameterProblem, 4, 40),
        },
        {
          name: "ICMPv6 to the SID: for the kernel",
          packet: [arrives, ip6(SID), new Icmpv6({ type: 128, code: 0, rest: 1 }), data],
          outcome: "localDelivery",
        },
        { name: "GTP version 2", packet: changed(62, 0x54), outcome: "badHeader" },
        { name: "a GTP length beyond the datagram", packet: changed(65, frame[65]! + 1), outcome: "lengthMismatch" },
        { name: "a UDP length beyond the packet", packet: changed(59, frame[59]! + 1), outcome: "lengthMismatch" },
        { name: "payload length beyond the frame", packet: frame.subarray(0, -1), outcome: "lengthMismatch" },
        { name: "an extension of no length", packet: changed(74, 0), outcome: "badExtension" },
        { name: "no IP inside", packet: [arrives, ...tunnel(), new Uint8Array(40)], outcome: "unknownInner" },
      ]);
    });
  }

  describe("End.M.GTP6.E", () => {
    const GNB = "fc00:2:b::b";
    const SID = "fc00:1:0:6e:2411:2233:4400:0";
    const sid = (octet: string): string => SID.replace("2411", `${octet}11`);
    const config = (more: Partial<SidConfig> = {}, top: Partial<Srv6Config> = {}): Srv6Config => ({
      address: NODE,
      sids: [{ sid: "fc00:1:0:6e::/64", behaviour: "End.M.GTP6.E", source: "fc00:1::6e", ...more }],
      ...top,
    });
    const list = (destination = SID, segmentsLeft = 1) => srh({ segments: [GNB, destination], segmentsLeft });
    const put = (
      extensions: readonly GtpExtensionValue[],
      more: object = {},
      checksum: object = { checksum: 0 },
    ): Part[] => [
      ip6(GNB, { source: "fc00:1::6e", hopLimit: 63, ...more } as never),
      udp({ sourcePort: 2152, destinationPort: 2152, ...checksum } as never),
      gtp({ extensions }),
    ];
    const taken = (
      name: string,
      packet: readonly Part[],
      extension = downlink(),
      inside: readonly Part[] = carried(),
    ): Row => ({
      name,
      packet,
      outcome: "forwarded",
      gives: [leaves, ...put([extension]), ...inside],
    });
    const room = MTU - 64;
    const expired = [arrives, ip6(SID, { hopLimit: 1 } as never), list(), ...carried()];
    const none = [arrives, ip6(SID), list(SID, 0), ...carried()];
    const wrong = [arrives, ip6(SID), list(), udp(), data];
    const bare = [arrives, ip6(SID), ...carried()];
    const big = [arrives, ip6(SID), list(), ip4("8.8.8.8"), udp(), new Uint8Array(room - 28 + 1)];
    rows(config(), [
      taken("IPv4 inside", [arrives, ip6(SID), list(), ...carried()]),
      taken("IPv6 inside", [arrives, ip6(SID), list(), ...inner6()], downlink(), inner6()),
      taken("QFI 0", [arrives, ip6(sid("00")), list(), ...carried()], downlink({ qfi: 0 })),
      taken("reflective QoS", [arrives, ip6(sid("26")), list(), ...carried()], downlink({ reflective: true })),
      taken("behind options", [arrives, ip6(SID), hopByHop({ options: [] }), list(), ...carried()]),
      taken("three segments", [
        arrives,
        ip6(SID),
        srh({ segments: [GNB, SID, "fc00:9::9"], segmentsLeft: 1 }),
        ...carried(),
      ]),
      {
        name: "traffic class and flow label stay",
        packet: [arrives, ip6(SID, { trafficClass: 0xb9, flowLabel: 0x54321 } as never), list(), ...carried()],
        outcome: "forwarded",
        gives: [leaves, ...put([downlink()], { trafficClass: 0xb9, flowLabel: 0x54321 }), ...carried()],
      },
      {
        name: "as large as the way out",
        packet: [arrives, ip6(SID), list(), ip4("8.8.8.8"), udp(), new Uint8Array(room - 28)],
        outcome: "forwarded",
        gives: [leaves, ...put([downlink()]), ip4("8.8.8.8"), udp(), new Uint8Array(room - 28)],
      },
      {
        name: "larger than the way out",
        packet: big,
        outcome: "forwarded +packetTooBig",
        gives: error6(big, Icmpv6Type.PacketTooBig, 0, room + 80),
      },
      {
        name: "hop limit 1",
        packet: expired,
        outcome: "forwarded +timeExceeded",
        gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
      },
      {
        name: "S02: not one segment left",
        packet: none,
        outcome: "forwarded +parameterProblem",
        gives: error6(none, Icmpv6Type.ParameterProblem, 0, 43),
      },
      {
        name: "another upper layer",
        packet: wrong,
        outcome: "forwarded +parameterProblem",
        gives: error6(wrong, Icmpv6Type.ParameterProblem, 4, 80),
      },
      {
        name: "no SRH",
        packet: bare,
        outcome: "forwarded +parameterProblem",
        gives: error6(bare, Icmpv6Type.ParameterProblem, 4, 40),
      },
      {
        name: "ICMPv6 to the SID: for the kernel",
        packet: [arrives, ip6(SID), new Icmpv6({ type: 128, code: 0, rest: 1 }), data],
        outcome: "localDelivery",
      },
      {
        name: "payload length beyond the frame",
        packet: build([arrives, ip6(SID), list(), ...carried()]).subarray(0, -1),
        outcome: "lengthMismatch",
      },
      {
        name: "an SRH without segments",
        packet: [
          arrives,
          ip6(SID, { nextHeader: 43 } as never),
          Uint8Array.of(4, 0, 4, 1, 0, 0, 0, 0),
          build([...carried()]),
        ],
        outcome: "badSrh",
      },
      {
        name: "an SRH beyond the packet",
        packet: [
          arrives,
          ip6(SID, { nextHeader: 43 } as never),
          Uint8Array.of(4, 200, 4, 1, 0, 0, 0, 0),
          build([...carried()]),
        ],
        outcome: "badSrh",
      },
    ]);
    describe("with UDP checksum", () => {
      rows(config({}, { udpChecksum: true }), [
        {
          name: "of an even length",
          packet: [arrives, ip6(SID), list(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, ...put([downlink()], {}, {}), ...carried()],
        },
        {
          name: "of an odd length",
          packet: [arrives, ip6(SID), list(), ip4("8.8.8.8"), udp(), new Uint8Array(31).fill(7)],
          outcome: "forwarded",
          gives: [leaves, ...put([downlink()], {}, {}), ip4("8.8.8.8"), udp(), new Uint8Array(31).fill(7)],
        },
      ]);
    });
    describe("without container, hop limit and DSCP set", () => {
      rows(config({ pduSession: "none", ttl: 99, dscp: 10 }), [
        {
          name: "as configured",
          packet: [arrives, ip6(SID, { trafficClass: 0xb9 } as never), list(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, ...put([], { hopLimit: 99, trafficClass: 41 }), ...carried()],
        },
      ]);
    });
  });

  describe("End.Limit", () => {
    // fc00:1:0:11::/64, group 7 (16 bits), 8 kbit/s: 16 KiB at once.
    const SID = "fc00:1:0:11:7:0:8:0";
    const NEXT = "fc00:2::2";
    const list = (segmentsLeft = 1) => srh({ segments: [NEXT, SID], segmentsLeft });
    const sids: SidConfig[] = [{ sid: "fc00:1:0:11::/64", behaviour: "End.Limit", groupBits: 16 }];
    const large = new Uint8Array(1300);
    const passed = (name: string, sid = SID): Row => ({
      name,
      packet: [arrives, ip6(sid), srh({ segments: [NEXT, sid], segmentsLeft: 1 }), udp(), large],
      outcome: "forwarded",
      gives: [
        leaves,
        ip6(NEXT, { hopLimit: 63 } as never),
        srh({ segments: [NEXT, sid], segmentsLeft: 0 }),
        udp(),
        large,
      ],
    });
    const expired = [arrives, ip6(SID, { hopLimit: 1 } as never), list(), udp(), data];
    rows({ address: NODE, sids }, [
      ...Array.from({ length: 11 }, (_, i) => passed(`packet ${i + 1} of a burst`)),
      { name: "packet 12 is beyond it", packet: [arrives, ip6(SID), list(), udp(), large], outcome: "limited" },
      passed("another group has a bucket of its own", "fc00:1:0:11:8:0:8:0"),
    ]);
    describe("is End besides", () => {
      rows({ address: NODE, sids }, [
        {
          name: "hop limit 1",
          packet: expired,
          outcome: "forwarded +timeExceeded",
          gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
        },
        {
          name: "no segment left: for the kernel",
          packet: [arrives, ip6(SID), list(0), udp(), data],
          outcome: "localDelivery",
        },
        { name: "no SRH: for the kernel", packet: [arrives, ip6(SID), udp(), data], outcome: "localDelivery" },
      ]);
    });
  });
});
