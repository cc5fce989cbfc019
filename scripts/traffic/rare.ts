/** What is rare, and what is broken on purpose. */
import {
  build,
  destinationOptions,
  Ethernet,
  EtherType,
  gtpU,
  gue,
  hopByHop,
  IpProtocol,
  Ipv6Fragment,
  ipv4,
  Port,
  routing,
  Sctp,
  srh,
  Tcp,
  tcp,
  Udp,
} from "../../src/packet/index.ts";

import {
  CLIENT4,
  counting,
  frame,
  HOST,
  type Named,
  out,
  PEER,
  SEGMENTS,
  SERVER4,
  SERVER6,
  TEID,
  v4,
  v6,
} from "./frames.ts";

export function others(): Named[] {
  const udp = new Udp({ sourcePort: 4000, destinationPort: 4001 });
  const whole = build([v4(), new Udp({ sourcePort: 4002, destinationPort: 4003 }), counting(120)]).subarray(20);
  const whole6 = build([v6(), new Udp({ sourcePort: 4004, destinationPort: 4005 }), counting(120)]).subarray(40);
  const piece = (from: number, to: number) =>
    frame(
      out,
      v4({ identification: 99, moreFragments: to < whole.length, fragmentOffset: from / 8, protocol: IpProtocol.Udp }),
      whole.subarray(from, to),
    );
  const piece6 = (from: number, to: number) =>
    frame(
      out,
      v6(),
      new Ipv6Fragment({
        identification: 77,
        moreFragments: to < whole6.length,
        fragmentOffset: from / 8,
        nextHeader: IpProtocol.Udp,
      }),
      whole6.subarray(from, to),
    );
  const homeAddress = Uint8Array.of(0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, ...counting(12, 0x20));
  const route = { kind: "recordRoute", pointer: 8, addresses: ["192.0.2.1", "0.0.0.0"] } as const;
  const alert = { kind: "routerAlert", value: 0 } as const;
  const addresses = { source: CLIENT4, destination: SERVER4 };
  const chunk = Uint8Array.of(1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1);
  const sack = {
    kind: "sack",
    blocks: [
      { left: 2000, right: 3000 },
      { left: 4000, right: 5000 },
    ],
  } as const;
  return [
    ["fragment 1 of 3", piece(0, 48)],
    ["fragment 2 of 3", piece(48, 96)],
    ["fragment 3 of 3", piece(96, whole.length)],
    ["ipv6 fragment 1 of 2", piece6(0, 64)],
    ["ipv6 fragment 2 of 2", piece6(64, whole6.length)],
    [
      "ipv4 record route",
      frame(out, ipv4({ ...addresses, options: [route, { kind: "noOperation" }] }), udp, counting(8)),
    ],
    ["ipv4 router alert", frame(out, ipv4({ ...addresses, options: [alert] }), udp, counting(8))],
    ["hop by hop", frame(out, v6(), hopByHop({ options: [alert] }), udp, counting(8))],
    [
      "destination options",
      frame(
        out,
        v6(),
        destinationOptions({ options: [{ kind: "tunnelEncapsulationLimit", limit: 4 }] }),
        udp,
        counting(8),
      ),
    ],
    [
      "hop by hop before srh",
      frame(
        out,
        v6({ destination: SEGMENTS[2] as string }),
        hopByHop({ options: [{ kind: "padN", bytes: new Uint8Array(4) }] }),
        srh({ segments: [SERVER6, SEGMENTS[2] as string] }),
        udp,
        counting(8),
      ),
    ],
    [
      "routing type 2",
      frame(out, v6(), routing({ routingType: 2, segmentsLeft: 1, data: homeAddress }), udp, counting(8)),
    ],
    [
      "gue",
      frame(out, v4(), new Udp({ sourcePort: 30_000, destinationPort: Port.Gue }), gue({}), v4(), udp, counting(8)),
    ],
    [
      "gue variant 1",
      frame(out, v4(), new Udp({ sourcePort: 30_001, destinationPort: Port.Gue }), v4(), udp, counting(8)),
    ],
    ["sctp", frame(out, v4(), new Sctp({ sourcePort: 36_412, destinationPort: 36_413, verificationTag: 0 }), chunk)],
    [
      "tcp with SACK",
      frame(
        out,
        v4(),
        tcp({
          sourcePort: 50_500,
          destinationPort: 9,
          ack: true,
          acknowledgement: 1,
          options: [{ kind: "noOperation" }, { kind: "noOperation" }, sack],
        }),
      ),
    ],
    [
      "tcp with an experimental option",
      frame(
        out,
        v4(),
        tcp({
          sourcePort: 50_501,
          destinationPort: 9,
          syn: true,
          options: [{ kind: "unknown", type: 253, body: Uint8Array.of(0x12, 0x34) }],
        }),
      ),
    ],
    [
      "udp without checksum",
      frame(out, v4(), new Udp({ sourcePort: 4010, destinationPort: 4011, checksum: 0 }), counting(8)),
    ],
    ["udp of odd length", frame(out, v4(), udp, counting(33))],
    [
      "tcp reset",
      frame(out, v4(), new Tcp({ sourcePort: 50_502, destinationPort: 9, rst: true, ack: true, acknowledgement: 5 })),
    ],
  ];
}

export function broken(): Named[] {
  const udp = new Udp({ sourcePort: 4000, destinationPort: 4001 });
  const whole = frame(out, v4(), udp, counting(64));
  return [
    ["truncated in IPv4", whole.subarray(0, 24)],
    ["truncated in the payload", whole.subarray(0, 60)],
    ["truncated SRH", frame(out, v6(), srh({ segments: SEGMENTS })).subarray(0, 80)],
    ["ipv4 with ihl 3", build([out, v4({ ihl: 3 }), udp, counting(32)])],
    ["ipv4 of version 5", build([out, v4({ version: 5 }), udp, counting(32)])],
    ["ipv4 checksum wrong", build([out, v4({ checksum: 0xdead }), udp, counting(32)])],
    [
      "udp length too long",
      build([out, v4(), new Udp({ sourcePort: 1, destinationPort: 2, length: 4000 }), counting(32)]),
    ],
    [
      "udp checksum wrong",
      build([out, v4(), new Udp({ sourcePort: 1, destinationPort: 2, checksum: 0xdead }), counting(32)]),
    ],
    [
      "tcp data offset 2",
      build([out, v4(), new Tcp({ sourcePort: 1, destinationPort: 2, dataOffset: 2 }), counting(32)]),
    ],
    ["srh last entry too large", build([out, v6(), srh({ segments: SEGMENTS, lastEntry: 9 }), udp, counting(8)])],
    ["gtp length too long", build([out, v4(), new Udp(), gtpU({ teid: TEID, length: 900 }), v4(), udp])],
    [
      "gtp extension of length 0",
      build([
        out,
        v4(),
        new Udp(),
        gtpU({
          teid: TEID,
          hasExtension: true,
          extensions: [{ kind: "unknown", type: 0x85, body: new Uint8Array(2), next: 0x85 }],
        }),
        Uint8Array.of(0, 0, 0, 0),
      ]),
    ],
    [
      "ethernet of unknown type",
      build([
        new Ethernet({ destination: PEER, source: HOST, etherType: EtherType.Mpls }),
        Uint8Array.of(0, 1, 0x01, 0x40),
        counting(42),
      ]),
    ],
  ];
}
