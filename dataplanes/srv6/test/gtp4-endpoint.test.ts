/** SRv6 into GTP-U over IPv4: End.M.GTP4.E, RFC 9433 section 6.6. */
import { describe } from "vitest";
import { build, type GtpExtensionValue, hopByHop, Icmpv6Type, type Part } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { SidConfig, Srv6Config } from "../index.ts";
import { arrives, data, error6, HOST4, Icmpv6, inner6, ip4, ip6, leaves, NODE, srh, udp } from "./frames.ts";
import { type Row, rows } from "./harness.ts";
import { carried, downlink, gtp, MTU, SOURCE, sidOf, tunnelPorts, uplink } from "./tunnels.ts";

suite("SRv6 into GTP-U over IPv4", ["root", "bpf"], () => {
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
          ip4("198.51.106.9", { source: HOST4, ttl: 64, dontFragment: true, identification: 0 } as never),
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
});
