/** The mobile network: GTP-U with user packets, its control messages, its long extension headers. */
import { GtpMessage, gtpU, Ipv4, Port, Udp } from "../../src/packet/index.ts";

import { back, counting, frame, type Named, out, SERVER4, TEID, USER, v6 } from "./frames.ts";

export function mobile(count: number): Named[] {
  const outer = () => new Ipv4({ source: "192.0.2.101", destination: "192.0.2.102" });
  const tunnel = () => new Udp({ sourcePort: Port.GtpU, destinationPort: Port.GtpU });
  const user = (i: number) => [
    new Ipv4({ source: USER, destination: SERVER4, identification: i }),
    new Udp({ sourcePort: 1024 + i, destinationPort: 443 }),
    counting(40),
  ];
  return Array.from({ length: count }, (_, i): Named[] => [
    [
      "gtp uplink",
      frame(
        out,
        outer(),
        tunnel(),
        gtpU({ teid: TEID, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }] }),
        ...user(i),
      ),
    ],
    [
      "gtp downlink",
      frame(
        back,
        outer(),
        tunnel(),
        gtpU({ teid: TEID, extensions: [{ kind: "pduSession", direction: "downlink", qfi: 5, reflective: true }] }),
        ...user(i),
      ),
    ],
    [
      "gtp without extension",
      frame(
        out,
        outer(),
        tunnel(),
        gtpU({ teid: TEID }),
        v6(),
        new Udp({ sourcePort: 2000, destinationPort: 2001 }),
        counting(12),
      ),
    ],
  ]).flat();
}

export function mobileControl(): Named[] {
  const outer = () => new Ipv4({ source: "192.0.2.101", destination: "192.0.2.102" });
  const tunnel = () => new Udp({ sourcePort: Port.GtpU, destinationPort: Port.GtpU });
  const recovery = Uint8Array.of(14, 0);
  const long = {
    kind: "pduSession",
    direction: "downlink",
    qfi: 63,
    pagingPolicy: 5,
    timestamp: 0xe5f8_0000_8000_0000n,
    sequence: 0x0a0b0c,
  } as const;
  const measured = {
    kind: "pduSession",
    direction: "uplink",
    qfi: 1,
    timestamps: [1n << 32n, 2n << 32n, 3n << 32n],
    downlinkDelay: 4,
    uplinkDelay: 5,
    sequence: 6,
    n3n9Delay: 7,
  } as const;
  const user = [
    new Ipv4({ source: USER, destination: SERVER4 }),
    new Udp({ sourcePort: 1, destinationPort: 9999 }),
    counting(4),
  ];
  return [
    ["gtp echo request", frame(out, outer(), tunnel(), gtpU({ messageType: GtpMessage.EchoRequest, sequence: 1 }))],
    [
      "gtp echo response",
      frame(back, outer(), tunnel(), gtpU({ messageType: GtpMessage.EchoResponse, sequence: 1 }), recovery),
    ],
    ["gtp end marker", frame(out, outer(), tunnel(), gtpU({ messageType: GtpMessage.EndMarker, teid: TEID }))],
    [
      "gtp error indication",
      frame(
        back,
        outer(),
        tunnel(),
        gtpU({ messageType: GtpMessage.ErrorIndication, sequence: 0 }),
        Uint8Array.of(16, 0, 0, 0, 9, 133, 0, 4, 192, 0, 2, 102),
      ),
    ],
    ["gtp long downlink container", frame(out, outer(), tunnel(), gtpU({ teid: TEID, extensions: [long] }), ...user)],
    ["gtp long uplink container", frame(out, outer(), tunnel(), gtpU({ teid: TEID, extensions: [measured] }), ...user)],
    [
      "gtp two extensions",
      frame(
        out,
        outer(),
        tunnel(),
        gtpU({
          teid: TEID,
          extensions: [
            { kind: "pdcpNumber", number: 77 },
            { kind: "pduSession", direction: "uplink", qfi: 3 },
          ],
        }),
        ...user,
      ),
    ],
    ["gtp with sequence", frame(out, outer(), tunnel(), gtpU({ teid: TEID, sequence: 4711 }), ...user)],
    [
      "gtp over IPv6",
      frame(
        out,
        v6(),
        tunnel(),
        gtpU({ teid: TEID, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 2 }] }),
        ...user,
      ),
    ],
  ];
}
