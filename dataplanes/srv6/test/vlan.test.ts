/** VLANs: frames with one tag or two are taken as their packets are, and leave with the tags of the way out. */
import { describe } from "vitest";
import { Arp, build, EtherType, Icmpv6Type, type Part, VlanTag } from "xdpkit/packet";
import { suite } from "../../../test/support/require.ts";
import type { Srv6Config, VlanConfig } from "../index.ts";
import {
  arrives,
  data,
  Ethernet,
  echo,
  error6,
  gtpU,
  inner4,
  inner6,
  ip4,
  ip6,
  leaves,
  NEXT,
  NODE,
  NODE4,
  srh,
  udp,
} from "./frames.ts";
import { rows } from "./harness.ts";

const SID = "fc00:1::d4";
const UNRESOLVED = "fc00:6::1";

/** Interface `lo` has the VLAN, whose device is `v1`: what routes lead to. */
const through = (vlan: Pick<VlanConfig, "tags" | "outerProtocol">): Srv6Config => ({
  address: NODE,
  address4: NODE4,
  vlans: [{ name: "v1", interface: "lo", ...vlan }],
  sids: [
    { sid: SID, behaviour: "End.DT46" },
    { sid: "fc00:1::e", behaviour: "End" },
    { sid: "fc00:1::d2", behaviour: "End.DX2", nextHop: { interface: "v1" } },
    { sid: "fc00:1::f", behaviour: "End.X", nextHop: { interface: "v1", address: "fd00:1::2" } },
  ],
  policies: [
    { name: "p", headend: "H.Encaps", flowLabel: 0, paths: [{ segments: ["fc00:2::1"] }] },
    { name: "q", headend: "H.M.GTP4.D", source: "fc00:1:1::/64", flowLabel: 0, paths: [{ segments: ["fc00:2::/48"] }] },
  ],
  steering: [
    { prefix: "198.51.100.0/24", policy: "p" },
    { prefix: "192.0.2.1/32", policy: "q" },
  ],
});

const tag = (vlan: number, more: object = {}) => new VlanTag({ vlan, ...more } as never);
const service = (frame: Ethernet, etherType: number): Ethernet => new Ethernet({ ...frame, etherType } as never);
const tagged = (frame: Ethernet, ...tags: Part[]): Part[] => [frame, ...tags];

suite("VLANs", ["root", "bpf", "ip"], () => {
  const kinds = [
    { name: "one tag", vlan: { tags: [100] }, tags: (more = {}) => [tag(100, more)], outer: EtherType.Vlan },
    {
      name: "two tags, 802.1ad and 802.1Q",
      vlan: { tags: [200, 100] },
      tags: (more = {}) => [tag(200, more), tag(100)],
      outer: EtherType.QinQ,
    },
    {
      name: "two tags, both 802.1Q",
      vlan: { tags: [200, 100], outerProtocol: "802.1Q" as const },
      tags: (more = {}) => [tag(200), tag(100, more)],
      outer: EtherType.Vlan,
    },
  ];
  for (const { name, vlan, tags, outer } of kinds) {
    describe(name, () => {
      const link = service(arrives, outer);
      const out = tagged(service(leaves, outer), ...tags());
      const into = (more: object, ...rest: Part[]): Part[] => [...tagged(link, ...tags(more)), ...rest];
      const path = srh({ segments: ["fc00:2::2", "fc00:1::e"], segmentsLeft: 1 });
      const walked = srh({ segments: ["fc00:2::2", "fc00:1::e"], segmentsLeft: 0 });
      const expired = [ip6("fc00:1::e", { hopLimit: 1 } as never), path, ...inner4()];
      const gtp = [gtpU({ teid: 7 }), ...inner4()];
      const frameInside = [
        new Ethernet({ source: "02:00:00:00:00:0a", destination: "02:00:00:00:00:0b" }),
        ...inner4(),
      ];
      rows(through(vlan), [
        {
          name: "End: in and out",
          packet: into({}, ip6("fc00:1::e"), path, ...inner4()),
          outcome: "forwarded",
          gives: [...out, ip6("fc00:2::2", { hopLimit: 63 } as never), walked, ...inner4()],
        },
        {
          name: "End.X: the next hop is on the VLAN",
          packet: into(
            {},
            ip6("fc00:1::f"),
            srh({ segments: ["fc00:2::2", "fc00:1::f"], segmentsLeft: 1 }),
            ...inner4(),
          ),
          outcome: "forwarded",
          gives: [
            ...out,
            ip6("fc00:2::2", { hopLimit: 63 } as never),
            srh({ segments: ["fc00:2::2", "fc00:1::f"], segmentsLeft: 0 }),
            ...inner4(),
          ],
        },
        {
          name: "the priority of the tag is not the VLAN's, and does not stay",
          packet: into({ priority: 5, dropEligible: true }, ip6(SID), ...inner4()),
          outcome: "forwarded",
          gives: [...out, ...inner4(1)],
        },
        {
          name: "End.DT46 of IPv6",
          packet: into({}, ip6(SID), ...inner6()),
          outcome: "forwarded",
          gives: [...out, ...inner6(1)],
        },
        {
          name: "a frame without tag comes in by the interface, and leaves with tags",
          packet: [arrives, ip6(SID), ...inner4()],
          outcome: "forwarded",
          gives: [...out, ...inner4(1)],
        },
        {
          name: "H.Encaps",
          packet: into({}, ...inner4()),
          outcome: "forwarded",
          gives: [
            ...out,
            ip6("fc00:2::1", { source: NODE } as never),
            srh({ segments: ["fc00:2::1"], segmentsLeft: 0 }),
            ...inner4(1),
          ],
        },
        {
          name: "End.DX2: a frame into the VLAN",
          packet: into({}, ip6("fc00:1::d2"), ...frameInside),
          outcome: "forwarded",
          gives: [service(frameInside[0] as Ethernet, outer), ...tags(), ...frameInside.slice(1)],
        },
        {
          name: "time exceeded is answered with tags",
          packet: into({}, ...expired),
          outcome: "forwarded +timeExceeded",
          gives: [...out, ...error6([arrives, ...expired], Icmpv6Type.TimeExceeded, 0, 0).slice(1)],
        },
        {
          name: "not ours: as it came, with priority",
          packet: into({ priority: 3 }, ip6("fc00:99::1"), udp(), data),
          outcome: "notOurs",
        },
        { name: "ARP", packet: into({}, new Arp({ operation: 1 } as never)), outcome: "notOurs" },
        {
          name: "for the kernel: as it came, with priority",
          packet: into({ priority: 6 }, ip6("fc00:1::e"), echo, data),
          outcome: "localDelivery",
        },
        {
          name: "no neighbour: the tags come back before what the packet has become",
          packet: into({ priority: 1 }, ip6(SID), ...inner6(0, UNRESOLVED)),
          outcome: "noNeighbour",
          gives: into({ priority: 1 }, ...inner6(0, UNRESOLVED)),
        },
        {
          name: "a GTP-U end marker, as it came",
          packet: into(
            { priority: 2 },
            ip4("192.0.2.1"),
            udp({ sourcePort: 2152, destinationPort: 2152 } as never),
            gtpU({ teid: 7, messageType: 254 } as never),
          ),
          outcome: "endMarker",
        },
        {
          name: "H.M.GTP4.D of a fragment, as it came",
          packet: into(
            {},
            ip4("192.0.2.1", { moreFragments: true } as never),
            udp({ sourcePort: 2152, destinationPort: 2152 } as never),
            ...gtp,
          ),
          outcome: "fragment",
        },
        {
          name: "another VLAN",
          packet: [service(arrives, outer), ...tags().slice(1), tag(101), ip6(SID), ...inner4()],
          outcome: "notOurs",
        },
        {
          name: "one tag more",
          packet: [service(arrives, outer), ...tags(), tag(9), ip6(SID), ...inner4()],
          outcome: "notOurs",
        },
        {
          name: "a tag and nothing behind it",
          packet: build([...tagged(link, ...tags())]).subarray(0, 17),
          outcome: "notOurs",
        },
        {
          name: "cut in the IPv6 header",
          packet: build(into({}, ip6(NEXT))).subarray(0, 14 + 4 * tags().length + 30),
          outcome: "truncated",
          gives: build([arrives, ip6(NEXT)]).subarray(0, 44),
        },
      ]);
    });
  }
});
