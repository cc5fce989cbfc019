/** Tags and tunnels: VLAN, QinQ, SRv6, IP in IP, GRE, VXLAN. */
import {
  Ethernet,
  gre,
  Icmp,
  IcmpType,
  Ipv4,
  Ipv6,
  Port,
  srh,
  tcp,
  Udp,
  VlanTag,
  Vxlan,
} from "../../src/packet/index.ts";

import { counting, frame, type Named, out, SEGMENTS, SERVER4, SERVER6, USER, v4, v6 } from "./frames.ts";

export function tagged(count: number): Named[] {
  const echo = (i: number) => new Icmp({ type: IcmpType.EchoRequest, identifier: 7, sequence: i });
  return Array.from({ length: count }, (_, i): Named[] => [
    ["vlan", frame(out, new VlanTag({ vlan: 100 + i, priority: i % 8 }), v4(), echo(i), counting(32))],
    [
      "qinq",
      frame(
        out,
        new VlanTag({ vlan: 200 }),
        new VlanTag({ vlan: 300 + i }),
        v6(),
        new Udp({ sourcePort: 5000, destinationPort: 5001 }),
        counting(20),
      ),
    ],
  ]).flat();
}

export function segmentRouted(count: number): Named[] {
  const outer = () => new Ipv6({ source: "2001:db8:a::1", trafficClass: 0xb8, flowLabel: 0x12345 });
  const hmac = { kind: "hmac", keyId: 7, digest: counting(32, 0x40) } as const;
  const inner = (i: number) => [
    v4({ identification: i }),
    new Udp({ sourcePort: 6000 + i, destinationPort: 6001 }),
    counting(24),
  ];
  return Array.from({ length: count }, (_, i): Named[] => [
    ["srv6 with IPv4 inside", frame(out, outer(), srh({ segments: SEGMENTS, segmentsLeft: i % 3 }), ...inner(i))],
    [
      "srv6 with IPv6 inside",
      frame(
        out,
        outer(),
        srh({ segments: SEGMENTS.slice(1), tag: i }),
        v6(),
        new Udp({ sourcePort: 7000, destinationPort: 7001 }),
        counting(8),
      ),
    ],
    [
      "srv6 with HMAC",
      frame(
        out,
        outer(),
        srh({ segments: SEGMENTS, flags: 0, tlvs: [hmac] }),
        v6(),
        tcp({ sourcePort: 8000, destinationPort: 80, syn: true }),
      ),
    ],
    [
      "srv6 with a TLV",
      frame(
        out,
        outer(),
        srh({ segments: SEGMENTS.slice(2), tlvs: [{ kind: "unknown", type: 124, body: counting(4) }] }),
        ...inner(i),
      ),
    ],
    [
      "srv6 inline",
      frame(
        out,
        outer(),
        srh({ segments: [SERVER6, ...SEGMENTS.slice(1)] }),
        new Udp({ sourcePort: 9000, destinationPort: 9001 }),
        counting(16),
      ),
    ],
  ]).flat();
}

export function tunnels(count: number): Named[] {
  const user = (i: number) => [
    new Ipv4({ source: USER, destination: SERVER4, identification: i }),
    new Icmp({ type: IcmpType.EchoRequest, sequence: i }),
    counting(16),
  ];
  const inner = new Ethernet({ destination: "02:00:00:00:01:02", source: "02:00:00:00:01:01" });
  const vxlan = (i: number) => [
    new Udp({ sourcePort: 49_152 + i, destinationPort: Port.Vxlan }),
    new Vxlan({ identifier: 5000 + i }),
    inner,
  ];
  return Array.from({ length: count }, (_, i): Named[] => [
    ["ipip", frame(out, v4(), ...user(i))],
    ["ipv4 in ipv6", frame(out, v6(), ...user(i))],
    ["ipv6 in ipv4", frame(out, v4(), v6(), new Udp({ sourcePort: 3000, destinationPort: 3001 }), counting(8))],
    ["gre", frame(out, v4(), gre({}), ...user(i))],
    ["gre with key", frame(out, v4(), gre({ key: 0xabc, sequence: i, hasChecksum: true }), ...user(i))],
    ["gre with ethernet", frame(out, v6(), gre({ key: i }), inner, ...user(i))],
    ["vxlan", frame(out, v4(), ...vxlan(i), ...user(i))],
    [
      "vxlan over IPv6",
      frame(out, v6(), ...vxlan(i), v6(), new Udp({ sourcePort: 3002, destinationPort: 3003 }), counting(8)),
    ],
  ]).flat();
}
