/** What is kept of an IPv4 address is not taken for an IPv6 address with the same bits, nor the other way about. */
import { describe } from "vitest";
import { suite } from "../../../test/support/require.ts";
import type { Srv6Config } from "../index.ts";
import { arrives, data, inner4, inner6, ip4, ip6, leaves, NEXT4, NODE, udp } from "./frames.ts";
import { rows } from "./harness.ts";
import { outer, policy, steered, TO4 } from "./policies.ts";

/** 203.0.113.7 and 198.51.100.9, where the tables have them. */
const LIKE_TO4 = "0:0:0:1::cb00:7107";
const LIKE_NEXT4 = "0:0:0:1::c633:6409";

suite("addresses of both families with the same bits", ["root", "bpf", "ip"], () => {
  describe("steering", () => {
    rows(steered(policy("H.Encaps.Red", 1)), [
      { name: "IPv6 is not steered", packet: [arrives, ip6(LIKE_TO4), udp(), data], outcome: "notOurs" },
      {
        name: "IPv4 is, behind it",
        packet: [arrives, ip4(TO4), udp(), data],
        outcome: "forwarded",
        gives: [leaves, ...outer(1, true), ip4(TO4, { ttl: 63 } as never), udp(), data],
      },
      { name: "and IPv6 is not, behind that", packet: [arrives, ip6(LIKE_TO4), udp(), data], outcome: "notOurs" },
    ]);
  });
  describe("routes", () => {
    const config: Srv6Config = {
      address: NODE,
      multipath: false,
      sids: [{ sid: "fc00:1::46", behaviour: "End.DT46" }],
    };
    rows(config, [
      {
        name: "IPv4 has one",
        packet: [arrives, ip6("fc00:1::46"), ...inner4(0, NEXT4)],
        outcome: "forwarded",
        gives: [leaves, ...inner4(1, NEXT4)],
      },
      {
        name: "IPv6 has none, behind it",
        packet: [arrives, ip6("fc00:1::46"), ...inner6(0, LIKE_NEXT4)],
        outcome: "notForwarded",
        gives: [arrives, ...inner6(0, LIKE_NEXT4)],
      },
    ]);
  });
});
