/** GTP-U over IPv6: End.M.GTP6.D, End.M.GTP6.D.Di and End.M.GTP6.E. RFC 9433 sections 6.3 to 6.5. */
import { describe } from "vitest";
import {
  build,
  destinationOptions,
  type GtpExtensionValue,
  hopByHop,
  Icmpv6Type,
  type Part,
  padding,
} from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { PolicyConfig, SidConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  changed,
  data,
  error6,
  gtpU,
  HOST,
  Icmpv6,
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
import {
  carried,
  downlink,
  echoRequest,
  echoResponse,
  gtp,
  MTU,
  tunnelPorts,
  unknownExtension,
  uplink,
} from "./tunnels.ts";

suite("GTP-U over IPv6", ["root", "bpf"], () => {
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
      const answered = [
        leaves,
        ip6(HOST, { source: SID } as never),
        udp({ sourcePort: 2152, destinationPort: 2153 } as never),
      ];
      // One's complement: what is left of the checksum without a number.
      const withoutNumber = build([...answered, ...echoResponse(0)]);
      const zeroSum = withoutNumber[60]! * 256 + withoutNumber[61]!;
      const wide = { options: [{ kind: "unknown", type: 0x1e, body: new Uint8Array(252) }] } as never;
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
          name: "an echo request is answered",
          packet: [
            arrives,
            ip6(SID, { trafficClass: 0xb8 } as never),
            hopByHop({ options: [] }),
            udp(tunnelPorts as never),
            ...echoRequest(),
          ],
          outcome: "forwarded +echo",
          gives: [
            leaves,
            ip6(HOST, { source: SID, trafficClass: 0xb8 } as never),
            udp({ sourcePort: 2152, destinationPort: 2153 } as never),
            ...echoResponse(0x1234),
          ],
        },
        {
          name: "an echo request whose answer has a checksum of zero",
          packet: [arrives, ip6(SID), udp(tunnelPorts as never), ...echoRequest({ sequence: zeroSum })],
          outcome: "forwarded +echo",
          gives: [...answered, ...echoResponse(zeroSum)],
        },
        {
          name: "an echo request behind 512 bytes of options",
          packet: [
            arrives,
            ip6(SID),
            hopByHop(wide),
            destinationOptions(wide),
            udp(tunnelPorts as never),
            ...echoRequest(),
          ],
          outcome: "tooLong",
        },
        {
          name: "an echo response",
          packet: [arrives, ip6(SID), udp(tunnelPorts as never), ...echoResponse(1)],
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
        { name: "GTP version 2", packet: changed(frame, 62, 0x54), outcome: "badHeader" },
        {
          name: "a GTP length beyond the datagram",
          packet: changed(frame, 65, frame[65]! + 1),
          outcome: "lengthMismatch",
        },
        {
          name: "a UDP length beyond the packet",
          packet: changed(frame, 59, frame[59]! + 1),
          outcome: "lengthMismatch",
        },
        { name: "payload length beyond the frame", packet: frame.subarray(0, -1), outcome: "lengthMismatch" },
        { name: "an extension of no length", packet: changed(frame, 74, 0), outcome: "badExtension" },
        { name: "no IP inside", packet: [arrives, ...tunnel(), new Uint8Array(40)], outcome: "unknownInner" },
      ]);
    });
  }

  describe("End.M.GTP6.D.Di, its policy ends at an End.M.GTP6.E", () => {
    // Section 5.4: SRH[0] is the destination that the packet came with, SRH[1] the other gateway's SID with the arguments.
    const UPF6 = "fc00:1::60";
    const gateway = (octet = "24"): string => `fc00:2:0:6e:${octet}11:2233:4400:0`;
    const config = (segments: readonly string[]): Srv6Config => ({
      address: NODE,
      address4: NODE4,
      sids: [{ sid: UPF6, behaviour: "End.M.GTP6.D.Di", policy: "across" }],
      policies: [{ name: "across", headend: "H.Encaps", paths: [{ segments }], flowLabel: 0 }],
    });
    const tunnel = (extensions: readonly GtpExtensionValue[] = [uplink]): Part[] => [
      ip6(UPF6),
      udp(tunnelPorts as never),
      gtp({ extensions }),
    ];
    describe("behind another segment", () => {
      const outer = (octet?: string): Part[] => [
        ip6("fc00:2::a", { source: NODE } as never),
        srh({ segments: [UPF6, gateway(octet), "fc00:2::a"], segmentsLeft: 2 }),
      ];
      const taken = (name: string, extension: GtpExtensionValue, octet: string, inside: Part[] = carried()): Row => ({
        name,
        packet: [arrives, ...tunnel([extension]), ...inside],
        outcome: "forwarded",
        gives: [leaves, ...outer(octet), ...inside],
      });
      const big = [arrives, ...tunnel(), ip4("8.8.8.8"), udp(), new Uint8Array(MTU - 96 - 28 + 1)];
      rows(config(["fc00:2::a", "fc00:2:0:6e::/64"]), [
        taken("IPv4 inside", uplink, "24"),
        taken("IPv6 inside", uplink, "24", inner6()),
        taken("QFI 0", downlink({ qfi: 0 }), "00"),
        taken("reflective QoS", downlink({ reflective: true }), "26"),
        {
          name: "larger than the way out",
          packet: big,
          outcome: "forwarded +packetTooBig",
          gives: error6(big, Icmpv6Type.PacketTooBig, 0, MTU - 96 + 64),
        },
      ]);
    });
    describe("which is the only segment", () => {
      const list = srh({ segments: [UPF6, gateway()], segmentsLeft: 1 });
      rows(config(["fc00:2:0:6e::/64"]), [
        {
          name: "the arguments are in the destination, too",
          packet: [arrives, ...tunnel(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, ip6(gateway(), { source: NODE } as never), list, ...carried()],
        },
      ]);
    });
  });

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
    describe("with UDP checksum and VLANs, on one node with others", () => {
      const others = (["End.X", "End.M.GTP4.E"] as const).map((behaviour, at) => ({
        sid: `fc00:1:${at + 7}::/48`,
        behaviour,
        ...(behaviour === "End.X" ? { nextHop: { interface: "v1" }, flavours: ["USP", "USD"] as const } : {}),
      }));
      const { sids = [], ...node } = config({}, { udpChecksum: true });
      const vlans = [{ name: "vlan7", interface: "lo", tags: [7] }];
      rows(
        { ...node, sids: [...sids, ...others], vlans },
        [...Array.from({ length: 18 }, (_, length) => length), 1391].map((length) => ({
          name: `${length} bytes`,
          packet: [arrives, ip6(SID), list(), ip4("8.8.8.8"), udp(), new Uint8Array(length).fill(0xf7)],
          outcome: "forwarded",
          gives: [leaves, ...put([downlink()], {}, {}), ip4("8.8.8.8"), udp(), new Uint8Array(length).fill(0xf7)],
        })),
      );
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
});
