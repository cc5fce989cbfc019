/** One line per packet. */

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mixedTraffic } from "../../scripts/traffic/index.ts";
import { build, Ethernet, gtpU, Icmp, Ipv4, Ipv6, type Part, print, srh, Tcp, Udp } from "./index.ts";

const samples = mixedTraffic();
const v4 = (fields: ConstructorParameters<typeof Ipv4>[0] = {}) =>
  new Ipv4({ source: "192.0.2.1", destination: "192.0.2.2", ...fields });
const v6 = (fields: ConstructorParameters<typeof Ipv6>[0] = {}) =>
  new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2", ...fields });
describe("print", () => {
  it.each([
    [
      "10.0.0.1 → 10.0.0.2 UDP 52 40000 → 53 Len=10",
      [
        v4({ source: "10.0.0.1", destination: "10.0.0.2" }),
        new Udp({ sourcePort: 40000, destinationPort: 53 }),
        new Uint8Array(10),
      ],
    ],
    [
      "192.0.2.1 → 192.0.2.2 TCP 54 1 → 2 [SYN, ACK] Seq=5 Ack=6 Win=7 Len=0",
      [
        v4(),
        new Tcp({
          sourcePort: 1,
          destinationPort: 2,
          sequence: 5,
          acknowledgement: 6,
          window: 7,
          syn: true,
          ack: true,
        }),
      ],
    ],
    [
      "2001:db8::1 → fc00:1:: UDP 102 1 → 2 Len=0 | SRv6 left 1",
      [
        v6({ destination: "fc00:1::" }),
        srh({ segments: ["fc00:2::", "fc00:1::"] }),
        new Udp({ sourcePort: 1, destinationPort: 2 }),
      ],
    ],
    [
      "10.45.0.2 → 192.0.2.9 ICMP 82 Echo request id=1 seq=2 | GTP-U TEID 0x00001234 QFI 9 | 192.0.2.1 → 192.0.2.2",
      [
        v4(),
        new Udp(),
        gtpU({ teid: 0x1234, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }] }),
        v4({ source: "10.45.0.2", destination: "192.0.2.9" }),
        new Icmp({ type: 8, identifier: 1, sequence: 2 }),
        new Uint8Array(0),
      ],
    ],
  ] as [string, Part[]][])("%s", (line, parts) => {
    const bytes = build([new Ethernet(), ...parts]);
    expect(print(bytes)).toBe(line.replace(/ (\d+) (?=\d+ →|Echo)/, ` ${bytes.length} `));
  });
  it("lines of the mixed traffic", () => {
    const golden = new URL("../../test/golden/packet-print.txt", import.meta.url);
    const text = samples.map(({ name, bytes }) => `${name}: ${print(bytes)}\n`).join("");
    if (process.env["XDPKIT_GOLDEN"] === "write") writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, "utf8"));
  });
  it("packets of no known link type", () => {
    expect(print(new Uint8Array(5), { linkType: 147 })).toBe("5 bytes");
    expect(print(new Uint8Array(3))).toBe("3 bytes [truncated: ethernet at 0, the header takes 14 bytes, 3 are left]");
  });
});
