/** What is left of a packet: headers, 16 bytes of payload, right lengths. */
import { expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { twinOf } from "../../test/support/example-objects.ts";
import {
  checksum,
  ethernet,
  ipv4,
  ipv6,
  join,
  Protocol,
  TcpFlag,
  Type,
  tagged,
  tcp,
  udp,
  zeros,
} from "../../test/support/example-traffic/frames.ts";

const ENDS4 = { source: "192.0.2.1", destination: "192.0.2.2" };
const ENDS6 = { source: "2001:db8::1", destination: "2001:db8::2" };
const payload = Uint8Array.from({ length: 100 }, (_, i) => i);
const few = payload.subarray(0, 16);

/** A packet, and what it becomes. The UDP length says 24, TCP has none. */
const CASES: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
  [
    "IPv4 UDP",
    ethernet(Type.ipv4, ipv4({ ...ENDS4, protocol: Protocol.udp }, udp(1, 2, payload))),
    ethernet(Type.ipv4, ipv4({ ...ENDS4, protocol: Protocol.udp }, udp(1, 2, few))),
  ],
  [
    "IPv4 with options, TCP with options, a VLAN tag, and padding",
    join(
      tagged(
        ethernet(
          Type.ipv4,
          ipv4({ ...ENDS4, protocol: Protocol.tcp, options: zeros(8) }, tcp(1, 2, TcpFlag.ack, payload, zeros(12))),
        ),
        Type.vlan,
      ),
      zeros(9),
    ),
    tagged(
      ethernet(
        Type.ipv4,
        ipv4({ ...ENDS4, protocol: Protocol.tcp, options: zeros(8) }, tcp(1, 2, TcpFlag.ack, few, zeros(12))),
      ),
      Type.vlan,
    ),
  ],
  [
    "IPv6 UDP",
    ethernet(Type.ipv6, ipv6({ ...ENDS6, next: Protocol.udp }, udp(1, 2, payload))),
    ethernet(Type.ipv6, ipv6({ ...ENDS6, next: Protocol.udp }, udp(1, 2, few))),
  ],
  [
    "nothing to cut",
    ethernet(Type.ipv6, ipv6({ ...ENDS6, next: Protocol.udp }, udp(1, 2, few))),
    ethernet(Type.ipv6, ipv6({ ...ENDS6, next: Protocol.udp }, udp(1, 2, few))),
  ],
];

it.each(CASES)("%s", async (_, packet, expected) => {
  const vm = await createVm(twinOf("payload-cutter"));
  const { name, packet: left } = vm.run(packet);
  expect([name, printHex(left)]).toEqual(["XDP_PASS", printHex(expected)]);
});

it("knows a wrong checksum when it sees one", () => {
  expect(checksum(ipv4({ ...ENDS4, protocol: 17 }, zeros(0)))).toBe(0);
});
