/** Binding SIDs: End.B6.Encaps, its reduced form, End.B6.Insert. RFC 8986 section 4.13. */
import { describe } from "vitest";
import { build, Icmpv6Type, type Part } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { SidConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  data,
  error6,
  Icmpv6,
  inner4,
  inner6,
  ip6,
  leaves,
  NEXT,
  NODE,
  refusedLayer,
  srh,
  udp,
} from "./frames.ts";
import { type Row, rows } from "./harness.ts";
import { MTU, outer, policy, SEGMENTS } from "./policies.ts";

suite("binding SIDs", ["root", "bpf"], () => {
  for (const [behaviour, headend, isReduced] of [
    ["End.B6.Encaps", "H.Encaps", false],
    ["End.B6.Encaps.Red", "H.Encaps.Red", true],
  ] as const) {
    describe(behaviour, () => {
      const SID = "fc00:1::b6";
      const sid: SidConfig = { sid: SID, behaviour, policy: "p" };
      const all: Srv6Config = { address: NODE, sids: [sid], policies: [policy(headend, 2)] };
      const list = (segmentsLeft: number, more: object = {}) =>
        srh({ segments: ["fc00:e::2", "fc00:e::1", SID], segmentsLeft, ...more });
      const put = outer(2, isReduced);
      const room = MTU - (isReduced ? 64 : 80);
      const expired = [arrives, ip6(SID, { hopLimit: 1 } as never), list(2), udp(), data];
      const beyond = [arrives, ip6(SID), list(4), udp(), data];
      const listed = [arrives, ip6(SID), list(2, { lastEntry: 3 }), udp(), data];
      const big = [arrives, ip6(SID), list(2), udp(), new Uint8Array(room - 104 + 1)];
      const taken = (name: string, ...inside: readonly Part[]): Row => ({
        name,
        packet: [arrives, ip6(SID), list(2), ...inside],
        outcome: "forwarded",
        gives: [leaves, ...put, ip6("fc00:e::1", { hopLimit: 63 } as never), list(1), ...inside],
      });
      rows(all, [
        taken("UDP", udp(), data),
        taken("IPv4 inside", ...inner4()),
        taken("IPv6 inside", ...inner6()),
        {
          name: "the last segment",
          packet: [arrives, ip6(SID), list(1), ...inner4()],
          outcome: "forwarded",
          gives: [leaves, ...put, ip6("fc00:e::2", { hopLimit: 63 } as never), list(0), ...inner4()],
        },
        refusedLayer("S02: no segment left", [arrives, ip6(SID), list(0), udp(), data], 40 + 8 + 3 * 16),
        refusedLayer("no SRH", [arrives, ip6(SID), udp(), data], 40),
        {
          name: "S05: hop limit 1",
          packet: expired,
          outcome: "forwarded +timeExceeded",
          gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
        },
        {
          name: "S09: segments left",
          packet: beyond,
          outcome: "forwarded +parameterProblem",
          gives: error6(beyond, Icmpv6Type.ParameterProblem, 0, 43),
        },
        {
          name: "S09: last entry",
          packet: listed,
          outcome: "forwarded +parameterProblem",
          gives: error6(listed, Icmpv6Type.ParameterProblem, 0, 43),
        },
        {
          name: "larger than the way out",
          packet: big,
          outcome: "forwarded +packetTooBig",
          gives: error6(big, Icmpv6Type.PacketTooBig, 0, room),
        },
        {
          name: "payload length beyond the frame",
          packet: build([arrives, ip6(SID), list(2), udp(), data]).subarray(0, -1),
          outcome: "lengthMismatch",
        },
        {
          name: "cut in the segment list",
          packet: [
            arrives,
            ip6(SID, { nextHeader: 43 } as never),
            build([arrives, ip6(SID), list(2)]).subarray(54, 70),
          ],
          outcome: "truncated",
        },
        {
          name: "ICMPv6 to the SID: for the kernel",
          packet: [arrives, ip6(SID), new Icmpv6({ type: 128, code: 0, rest: 1 }), data],
          outcome: "localDelivery",
        },
      ]);
    });
  }

  describe("End.B6.Insert", () => {
    const SID = "fc00:1::b7";
    const all: Srv6Config = {
      address: NODE,
      sids: [{ sid: SID, behaviour: "End.B6.Insert", policy: "p" }],
      policies: [policy("H.Insert", 2)],
    };
    const list = (segmentsLeft: number, more: object = {}) =>
      srh({ segments: ["fc00:e::2", "fc00:e::1", SID], segmentsLeft, ...more });
    const put = (destination: string) =>
      srh({ segments: [destination, ...[...SEGMENTS.slice(0, 2)].reverse()], segmentsLeft: 2 });
    const added = 8 + 3 * 16;
    const expired = [arrives, ip6(SID, { hopLimit: 1 } as never), list(2), udp(), data];
    const beyond = [arrives, ip6(SID), list(4), udp(), data];
    const listed = [arrives, ip6(SID), list(2, { lastEntry: 3 }), udp(), data];
    const big = [arrives, ip6(SID), list(2), udp(), new Uint8Array(MTU - added - 104 + 1)];
    const taken = (name: string, ...inside: readonly Part[]): Row => ({
      name,
      packet: [arrives, ip6(SID), list(2), ...inside],
      outcome: "forwarded",
      gives: [leaves, ip6(NEXT, { hopLimit: 63 } as never), put("fc00:e::1"), list(1), ...inside],
    });
    rows(all, [
      taken("UDP", udp(), data),
      taken("IPv4 inside", ...inner4()),
      taken("IPv6 inside", ...inner6()),
      {
        name: "the last segment",
        packet: [arrives, ip6(SID), list(1), ...inner4()],
        outcome: "forwarded",
        gives: [leaves, ip6(NEXT, { hopLimit: 63 } as never), put("fc00:e::2"), list(0), ...inner4()],
      },
      refusedLayer("no segment left", [arrives, ip6(SID), list(0), udp(), data], 40 + 8 + 3 * 16),
      refusedLayer("no SRH", [arrives, ip6(SID), udp(), data], 40),
      {
        name: "hop limit 1",
        packet: expired,
        outcome: "forwarded +timeExceeded",
        gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
      },
      {
        name: "segments left",
        packet: beyond,
        outcome: "forwarded +parameterProblem",
        gives: error6(beyond, Icmpv6Type.ParameterProblem, 0, 43),
      },
      {
        name: "last entry",
        packet: listed,
        outcome: "forwarded +parameterProblem",
        gives: error6(listed, Icmpv6Type.ParameterProblem, 0, 43),
      },
      {
        name: "larger than the way out",
        packet: big,
        outcome: "forwarded +packetTooBig",
        gives: error6(big, Icmpv6Type.PacketTooBig, 0, MTU - added),
      },
      {
        name: "payload length beyond the frame",
        packet: build([arrives, ip6(SID), list(2), udp(), data]).subarray(0, -1),
        outcome: "lengthMismatch",
      },
      {
        name: "cut in the SRH",
        packet: [arrives, ip6(SID, { nextHeader: 43 } as never), build([arrives, ip6(SID), list(2)]).subarray(54, 58)],
        outcome: "truncated",
      },
    ]);
  });
});
