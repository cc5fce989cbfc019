/** End.Limit. RFC 9433 section 6.8. */
import { describe } from "vitest";
import { Icmpv6Type } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { SidConfig } from "../index.ts";
import { arrives, data, error6, ip6, leaves, NODE, refusedLayer, srh, udp } from "./frames.ts";
import { type Row, rows } from "./harness.ts";

suite("rate limits", ["root", "bpf"], () => {
  describe("End.Limit", () => {
    // fc00:1:0:11::/64, group 7 (16 bits), 1 kbit/s: 16 KiB at once, and 11 s for a packet more.
    const SID = "fc00:1:0:11:7:0:1:0";
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
      passed("another group has a bucket of its own", "fc00:1:0:11:8:0:1:0"),
    ]);
    describe("is End besides", () => {
      rows({ address: NODE, sids }, [
        {
          name: "hop limit 1",
          packet: expired,
          outcome: "forwarded +timeExceeded",
          gives: error6(expired, Icmpv6Type.TimeExceeded, 0, 0),
        },
        refusedLayer("no segment left", [arrives, ip6(SID), list(0), udp(), data], 40 + 40),
        refusedLayer("no SRH", [arrives, ip6(SID), udp(), data], 40),
      ]);
    });
  });
});
