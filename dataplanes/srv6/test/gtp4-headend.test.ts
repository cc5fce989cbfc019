/** GTP-U over IPv4 into SRv6: H.M.GTP4.D, RFC 9433 section 6.7, and its sessions. */
import { describe } from "vitest";
import { build, type GtpExtensionValue, IcmpType, type Part, padding } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { PolicyConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  changed,
  data,
  error4,
  gtpU,
  HOST4,
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
  SOURCE,
  sidOf,
  TEID,
  tunnelPorts,
  UPF,
  unknownExtension,
  uplink,
} from "./tunnels.ts";

suite("GTP-U over IPv4 into SRv6", ["root", "bpf"], () => {
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
        {
          name: "an echo request is answered",
          packet: [arrives, ip4(UPF, { dscp: 46 } as never), udp(tunnelPorts as never), ...echoRequest()],
          outcome: "forwarded +echo",
          gives: [
            leaves,
            ip4(HOST4, { source: UPF, dscp: 46, identification: 0 } as never),
            udp({ sourcePort: 2152, destinationPort: 2153 } as never),
            ...echoResponse(0x1234),
          ],
        },
        {
          name: "an echo request with a private extension and padding is answered alike",
          packet: [
            arrives,
            ip4(UPF),
            udp(tunnelPorts as never),
            ...echoRequest(),
            Uint8Array.of(255, 0, 2, 0, 10),
            padding(new Uint8Array(13)),
          ],
          outcome: "forwarded +echo",
          gives: [
            leaves,
            ip4(HOST4, { source: UPF, identification: 0 } as never),
            udp({ sourcePort: 2152, destinationPort: 2153 } as never),
            ...echoResponse(0x1234),
          ],
        },
        {
          name: "an echo request without sequence number",
          packet: [arrives, ip4(UPF), udp(tunnelPorts as never), ...echoRequest({ hasNpdu: true })],
          outcome: "badHeader",
        },
        {
          name: "an echo request that stands in the padding of UDP",
          packet: build([arrives, ip4(UPF), udp({ ...tunnelPorts, length: 8 } as never), ...echoRequest()]),
          outcome: "lengthMismatch",
        },
        {
          name: "an echo request that ends early",
          packet: [arrives, ip4(UPF), udp(tunnelPorts as never), ...echoRequest({})],
          outcome: "truncated",
        },
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
        { name: "GTP version 2", packet: changed(frame, 42, 0x54), outcome: "badHeader" },
        { name: "GTP prime", packet: changed(frame, 42, 0x24), outcome: "badHeader" },
        { name: "an IPv4 header that is too short", packet: changed(frame, 14, 0x44), outcome: "badHeader" },
        {
          name: "a GTP length beyond the datagram",
          packet: changed(frame, 45, frame[45]! + 1),
          outcome: "lengthMismatch",
        },
        {
          name: "a UDP length beyond the packet",
          packet: changed(frame, 39, frame[39]! + 1),
          outcome: "lengthMismatch",
        },
        {
          name: "a total length beyond the frame",
          packet: changed(frame, 17, frame[17]! + 1),
          outcome: "lengthMismatch",
        },
        { name: "an extension of no length", packet: changed(frame, 54, 0), outcome: "badExtension" },
        { name: "an extension beyond the message", packet: changed(frame, 54, 255), outcome: "badExtension" },
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
    describe("the node's address as source: what the IPv4 source takes the place of is left out", () => {
      const { source: _, ...plain } = policy(["fc00:2::/48"]);
      const address = "fc00:1:0:7:a:b:c:d";
      rows(config([], { address, policies: [plain] }), [
        {
          name: "is its prefix",
          packet: [arrives, ...tunnel(), ...carried()],
          outcome: "forwarded",
          gives: [leaves, outer(sidOf(), { source: "fc00:1:0:7:c633:6407:869:0" }), ...carried()],
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

  describe("H.M.GTP4.D of sessions only, beside H.Encaps", () => {
    const paths = [{ segments: ["fc00:2::/48"] }];
    rows(
      {
        address: NODE,
        policies: [
          { name: "up", headend: "H.M.GTP4.D", source: "fc00:1:1::/64", paths, flowLabel: 0 },
          { name: "other", headend: "H.Encaps", paths: [{ segments: ["fc00:2::1"] }], flowLabel: 0 },
        ],
        steering: [
          { prefix: "192.0.2.0/24", sessionsOnly: true },
          { prefix: "203.0.113.0/24", policy: "other" },
        ],
        sessions: [{ address: UPF, teid: TEID, policy: "up" }],
      },
      [
        {
          name: "a session",
          packet: [arrives, ip4(UPF), udp(tunnelPorts as never), gtp({ extensions: [uplink] }), ...carried()],
          outcome: "forwarded",
          gives: [leaves, ip6(sidOf(), { source: SOURCE } as never), ...carried()],
        },
        {
          name: "another TEID",
          packet: [arrives, ip4(UPF), udp(tunnelPorts as never), gtp({ teid: 5 }), ...carried()],
          outcome: "noSession",
        },
        {
          name: "another address",
          packet: [arrives, ip4("192.0.2.2"), udp(tunnelPorts as never), gtp(), ...carried()],
          outcome: "noSession",
        },
        { name: "no tunnel", packet: [arrives, ip4(UPF), udp(), data], outcome: "notOurs" },
      ],
    );
  });
});
