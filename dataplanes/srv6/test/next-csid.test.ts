/** Containers of compressed SIDs: End and End.X with NEXT-CSID. RFC 9800 section 4.1. */
import { describe } from "vitest";
import { build, hopByHop, Icmpv6Type, type Part } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { FlavourName, SidConfig, Srv6Config } from "../index.ts";
import {
  arrives,
  cut,
  data,
  error6,
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

const config = (sid: Omit<SidConfig, "flavours">, ...more: readonly FlavourName[]): Srv6Config => ({
  address: NODE,
  sids: [{ ...sid, flavours: ["NEXT-CSID", ...more] }],
});
/** Behind a container: two segments, of which the next is `NEXT`. */
const path = (segmentsLeft = 1): Part => srh({ segments: [NEXT, "fc00:2:1:2:3::"], segmentsLeft });
/** Its checksum is not that of a destination. */
const fixed = udp({ checksum: 0x1234 } as never);
const to = (destination: string, hops = 1, more: object = {}): Part =>
  ip6(destination, { hopLimit: 64 - hops, ...more } as never);

/** `own`: the SID, and `block`, both as whole groups with a colon; `lastBit`: what `own:…:1` becomes. */
function containerRows(block: string, own: string, lastBit: string): Row[] {
  const container = `${own}2:3::`;
  const moved = `${block}2:3::`;
  const carrying = (destination: string, hops: number): Part[] => [to(destination, hops), ...inner4()];
  const expired = [arrives, ip6(container, { hopLimit: 1 } as never), fixed, data];
  const expiredPath = [arrives, ip6(container, { hopLimit: 1 } as never), path(), fixed, data];
  const expiredEmpty = [arrives, ip6(`${own}:`, { hopLimit: 1 } as never), path(), fixed, data];
  const beyond = [arrives, ip6(`${own}:`), path(3), fixed, data];
  const big = [arrives, ip6(container), fixed, new Uint8Array(1453)];
  const passed = (name: string, packet: readonly Part[], gives: readonly Part[]): Row => ({
    name,
    packet: [arrives, ...packet],
    outcome: "forwarded",
    gives: [leaves, ...gives],
  });
  const answered = (name: string, packet: readonly Part[], kind: string, rest = 0): Row => ({
    name,
    packet,
    outcome: `forwarded +${kind}`,
    gives: error6(packet, Icmpv6Type[kind === "timeExceeded" ? "TimeExceeded" : "ParameterProblem"], 0, rest),
  });
  return [
    passed("the next moves up", carrying(container, 0), carrying(moved, 1)),
    passed("IPv6 inside", [ip6(container), ...inner6()], [to(moved), ...inner6()]),
    passed("the last moves up", carrying(`${own}3::`, 0), carrying(`${block}3::`, 1)),
    passed("an argument with nothing but its last bit", carrying(`${own}:1`, 0), carrying(lastBit, 1)),
    passed("hop limit 2", [ip6(container, { hopLimit: 2 } as never), fixed, data], [to(moved, 63), fixed, data]),
    passed(
      "traffic class and flow label stay",
      [ip6(container, { trafficClass: 0xb9, flowLabel: 0x12345 } as never), fixed, data],
      [to(moved, 1, { trafficClass: 0xb9, flowLabel: 0x12345 }), fixed, data],
    ),
    passed(
      "an SRH stays while the container holds more",
      [ip6(container), path(), fixed, data],
      [to(moved), path(), fixed, data],
    ),
    passed(
      "so does one without segments left",
      [ip6(container), path(0), fixed, data],
      [to(moved), path(0), fixed, data],
    ),
    passed("and one that would be refused", [ip6(container), path(9), fixed, data], [to(moved), path(9), fixed, data]),
    passed(
      "an SRH behind options",
      [ip6(container), hopByHop({ options: [] }), path(), fixed, data],
      [to(moved), hopByHop({ options: [] }), path(), fixed, data],
    ),
    passed(
      "empty: the next segment of the SRH",
      [ip6(`${own}:`), path(), fixed, data],
      [to(NEXT), path(0), fixed, data],
    ),
    refusedLayer("empty, no SRH", [arrives, ip6(`${own}:`), fixed, data], 40),
    refusedLayer("empty, no segment left", [arrives, ip6(`${own}:`), path(0), fixed, data], 40 + 40),
    answered("N02: hop limit 1", expired, "timeExceeded"),
    answered("hop limit 1 before an SRH", expiredPath, "timeExceeded"),
    answered("empty, hop limit 1", expiredEmpty, "timeExceeded"),
    answered("empty, segments left beyond the last entry", beyond, "parameterProblem", 43),
    {
      name: "larger than the way out",
      packet: big,
      outcome: "forwarded +packetTooBig",
      gives: error6(big, Icmpv6Type.PacketTooBig, 0, 1500),
    },
    passed(
      "as large as the way out",
      [ip6(container), fixed, new Uint8Array(1452)],
      [to(moved), fixed, new Uint8Array(1452)],
    ),
    {
      name: "cut in the IPv6 header",
      packet: build([arrives, ip6(container), fixed, data]).subarray(0, 14 + 39),
      outcome: "truncated",
    },
    {
      name: "empty, cut in the segment list",
      packet: cut([arrives, ip6(`${own}:`), path(), fixed, data], 14 + 40 + 12),
      outcome: "truncated",
    },
  ];
}

suite("compressed SIDs", ["root", "bpf"], () => {
  const end: SidConfig = { sid: "fc00:2:1::/48", behaviour: "End", block: 32 };
  const cross: SidConfig = {
    sid: "fc00:2:1:e::/64",
    behaviour: "End.X",
    block: 32,
    nextHop: { interface: "v1", address: "fd00:1::2" },
  };
  const one = (name: string, from: string, destination: string): Row => ({
    name,
    packet: [arrives, ip6(from), ...inner4()],
    outcome: "forwarded",
    gives: [leaves, to(destination), ...inner4()],
  });

  describe("End with NEXT-CSID", () => {
    rows(config(end), [
      ...containerRows("fc00:2:", "fc00:2:1:", "fc00:2::1:0"),
      one("a full container", "fc00:2:1:2:3:4:5:6", "fc00:2:2:3:4:5:6:0"),
      one("a zero amid the container", "fc00:2:1:0:3::", "fc00:2:0:3::"),
      one("its own SID again", "fc00:2:1:1:3::", "fc00:2:1:3::"),
    ]);
  });
  describe("End with NEXT-CSID of another length", () => {
    describe("SIDs of 8 bits", () => {
      rows(config({ ...end, sid: "fc00:2:100::/40" }), [
        one("the next moves up", "fc00:2:102:304::", "fc00:2:203:400::"),
        one("the last moves up", "fc00:2:109::", "fc00:2:900::"),
        one("a full container", "fc00:2:102:304:506:708:90a:b0c", "fc00:2:203:405:607:809:a0b:c00"),
      ]);
    });
    describe("a block of 64 bits, SIDs of 32", () => {
      rows(config({ sid: "fc00:2:0:0:1:1::/96", behaviour: "End", block: 64 }), [
        one("the only one moves up", "fc00:2:0:0:1:1:2:3", "fc00:2:0:0:2:3::"),
      ]);
    });
    describe("a block of 16 bits", () => {
      // The whole argument but the last bits is beyond the first half.
      rows(config({ sid: "fc00:2::/32", behaviour: "End", block: 16 }), [
        one("the next moves up", "fc00:2:2:3:4:5:6:7", "fc00:2:3:4:5:6:7:0"),
      ]);
    });
  });
  describe("End with NEXT-CSID and other flavours", () => {
    rows(config(end, "PSP", "USD"), [
      {
        name: "PSP: the SRH stays while the container holds more",
        packet: [arrives, ip6("fc00:2:1:2::"), path(), fixed, data],
        outcome: "forwarded",
        gives: [leaves, to("fc00:2:2::"), path(), fixed, data],
      },
      {
        name: "PSP: empty, the last but one pops",
        packet: [arrives, ip6("fc00:2:1::"), path(), fixed, data],
        outcome: "forwarded",
        gives: [leaves, to(NEXT), fixed, data],
      },
      {
        name: "USD: a container that holds more goes on",
        packet: [arrives, ip6("fc00:2:1:2::"), ...inner4()],
        outcome: "forwarded",
        gives: [leaves, to("fc00:2:2::"), ...inner4()],
      },
      {
        name: "USD: empty, what is inside goes on",
        packet: [arrives, ip6("fc00:2:1::"), ...inner4()],
        outcome: "forwarded",
        gives: [leaves, ...inner4(1)],
      },
    ]);
  });
  describe("End.X with NEXT-CSID", () => {
    // The node and the function are both gone; the adjacency decides, whatever routes say.
    rows(config(cross), [
      ...containerRows("fc00:2:", "fc00:2:1:e:", "fc00:2::1:0:0"),
      one("a full container", "fc00:2:1:e:2:3:4:5", "fc00:2:2:3:4:5::"),
    ]);
  });
  describe("End.X with NEXT-CSID of a block without routes", () => {
    rows(config({ ...cross, sid: "fc00:9:1:e::/64" }), [
      one("goes to the adjacency", "fc00:9:1:e:2:3::", "fc00:9:2:3::"),
      {
        name: "and so does the next segment of the SRH",
        packet: [
          arrives,
          ip6("fc00:9:1:e::"),
          srh({ segments: ["fc00:9::9", "fc00:9:1:e::"], segmentsLeft: 1 }),
          fixed,
        ],
        outcome: "forwarded",
        gives: [leaves, to("fc00:9::9"), srh({ segments: ["fc00:9::9", "fc00:9:1:e::"], segmentsLeft: 0 }), fixed],
      },
    ]);
  });
});
