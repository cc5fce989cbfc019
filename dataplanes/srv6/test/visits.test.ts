/** From one SID of the node to another of its own, and from its policies: RFC 8986 looks each destination up anew. */
import { Icmpv6Type, type Part } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { Srv6Config } from "../index.ts";
import { arrives, data, echo, error6, inner4, inner6, ip6, leaves, NODE, refusedLayer, srh, udp } from "./frames.ts";
import { rows } from "./harness.ts";

const A = "fc00:1::a";
const B = "fc00:1::b";
const DT = "fc00:1::d4";
const PSP = "fc00:1::5";
const FAR = "fc00:2::2";

const config: Srv6Config = {
  address: NODE,
  address4: "192.0.2.254",
  sids: [
    { sid: A, behaviour: "End" },
    { sid: B, behaviour: "End" },
    { sid: PSP, behaviour: "End", flavours: ["PSP"] },
    { sid: DT, behaviour: "End.DT46" },
    { sid: "fc00:1::77", behaviour: "End.DT6", table: 77 },
    { sid: "fc00:1::c", behaviour: "End.X", nextHop: { interface: "v1", address: "fd00:1::2" } },
  ],
  policies: [{ name: "p", headend: "H.Encaps", flowLabel: 0, paths: [{ segments: [A, FAR] }] }],
  steering: [{ prefix: "198.51.100.0/24", policy: "p" }],
};
/** Segments in the order of travel. */
const path = (segmentsLeft: number, ...travel: readonly string[]): Part =>
  srh({ segments: [...travel].reverse(), segmentsLeft });
const hops = (hopLimit: number): Partial<{ hopLimit: number }> => ({ hopLimit });
const expired = [arrives, ip6(A, hops(2) as never), path(2, A, B, FAR), udp(), data];

const circle = Array<string>(10).fill(A);

suite("SIDs of one node in a row", ["root", "bpf", "ip"], () => {
  rows(config, [
    {
      name: "End, End",
      packet: [arrives, ip6(A), path(2, A, B, FAR), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, ip6(FAR, hops(62) as never), path(0, A, B, FAR), ...inner4()],
    },
    {
      name: "End, End.DT46 of IPv4",
      packet: [arrives, ip6(A), path(1, A, DT), ...inner4()],
      outcome: "forwarded",
      gives: [leaves, ...inner4(1)],
    },
    {
      name: "End with PSP, End.DT46 of IPv6",
      packet: [arrives, ip6(PSP), path(1, PSP, DT), ...inner6()],
      outcome: "forwarded",
      gives: [leaves, ...inner6(1)],
    },
    {
      name: "End.DT46, whose inner packet goes to a SID of ours",
      packet: [arrives, ip6(DT), ip6(A), path(1, A, FAR), udp(), data],
      outcome: "forwarded",
      gives: [leaves, ip6(FAR, hops(62) as never), path(0, A, FAR), udp(), data],
    },
    {
      name: "End.DT6 of a table of its own: the packet inside does not reach our SIDs",
      packet: [arrives, ip6("fc00:1::77"), ip6(A), path(1, A, FAR), udp(), data],
      outcome: "notForwarded",
      gives: [arrives, ip6(A, hops(64) as never), path(1, A, FAR), udp(), data],
    },
    {
      name: "End, End.X",
      packet: [arrives, ip6(A), path(2, A, "fc00:1::c", "fc00:99::1"), udp(), data],
      outcome: "forwarded",
      gives: [leaves, ip6("fc00:99::1", hops(62) as never), path(0, A, "fc00:1::c", "fc00:99::1"), udp(), data],
    },
    {
      name: "End.X goes to its next hop, even to a SID of ours",
      packet: [arrives, ip6("fc00:1::c"), path(1, "fc00:1::c", A), udp(), data],
      outcome: "forwarded",
      gives: [leaves, ip6(A, hops(63) as never), path(0, "fc00:1::c", A), udp(), data],
    },
    {
      name: "H.Encaps whose first segment is a SID of ours",
      packet: [arrives, ...inner4()],
      outcome: "forwarded",
      gives: [leaves, ip6(FAR, { ...hops(63), source: NODE } as never), path(0, A, FAR), ...inner4(1)],
    },
    {
      name: "the hop limit runs out at the second",
      packet: expired,
      outcome: "forwarded +timeExceeded",
      gives: error6(
        [arrives, ip6(B, hops(1) as never), path(1, A, B, FAR), udp(), data],
        Icmpv6Type.TimeExceeded,
        0,
        0,
      ),
    },
    {
      name: "ICMPv6 behind a last segment of ours is for the kernel",
      packet: [arrives, ip6(A), path(1, A, B), echo, data],
      outcome: "localDelivery",
      gives: [arrives, ip6(B, hops(63) as never), path(0, A, B), echo, data],
    },
    refusedLayer(
      "a circle ends",
      [arrives, ip6(A), srh({ segments: circle, segmentsLeft: 9 }), udp(), data],
      40 + 8 + 160,
      [arrives, ip6(A, hops(55) as never), srh({ segments: circle, segmentsLeft: 0 }), udp(), data],
    ),
  ]);
});
