/** `skipExtensions` finds what `parse` finds: chains of extension headers, in the machine and in the kernel. */
import { expect, it } from "vitest";
import { compileOrThrow } from "../../src/compiler/index.ts";
import { load } from "../../src/kernel/index.ts";
import {
  ah,
  build,
  destinationOptions,
  Ethernet,
  hopByHop,
  IpProtocol,
  Ipv6,
  Ipv6Fragment,
  type Part,
  padding,
  routing,
  srh,
  Udp,
} from "../../src/packet/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { ends, TRUNCATED, walk } from "../programs/extensions.xdp.ts";
import { suite } from "../support/require.ts";

const ethernet = new Ethernet({ source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" });
const ADDRESSES = { source: "2001:db8::1", destination: "2001:db8::2" } as const;
const udp = [new Udp({ sourcePort: 1, destinationPort: 2 }), new Uint8Array(64)];
const options = [{ kind: "routerAlert", value: 0 }] as const;
const mobility = Uint8Array.of(IpProtocol.Udp, 1, 5, 0, ...new Array(12).fill(0));

/** What follows the IPv6 header, what is found, and how far behind it; the first number, where `build` cannot know it. */
type Row = readonly [name: string, headers: readonly Part[], protocol: number, length: number, first?: number];
const rows: readonly Row[] = [
  ["none", [...udp], IpProtocol.Udp, 0],
  ["hop-by-hop", [hopByHop({ options }), ...udp], IpProtocol.Udp, 8],
  ["AH of 24 bytes, whose length field says 4", [ah({ spi: 1 }), ...udp], IpProtocol.Udp, 24],
  ["AH of 32 bytes", [ah({ icv: new Uint8Array(20) }), ...udp], IpProtocol.Udp, 32],
  ["routing", [routing({ routingType: 2, data: new Uint8Array(20) }), ...udp], IpProtocol.Udp, 24],
  [
    "SRH, AH, destination options",
    [srh({ segments: ["fc00::1"] }), ah({}), destinationOptions({ options }), ...udp],
    17,
    56,
  ],
  ["first fragment", [new Ipv6Fragment({ moreFragments: true }), ...udp], IpProtocol.Udp, 8],
  [
    "later fragment",
    [new Ipv6Fragment({ nextHeader: 17, fragmentOffset: 1 }), new Uint8Array(64)],
    IpProtocol.Fragment,
    0,
  ],
  [
    "hop-by-hop, later fragment",
    [hopByHop({ options }), new Ipv6Fragment({ fragmentOffset: 9 }), new Uint8Array(64)],
    44,
    8,
  ],
  ["mobility", [mobility, ...udp], IpProtocol.Udp, 16, IpProtocol.Mobility],
  ["cut", [hopByHop({ options, nextHeader: IpProtocol.Ah }), padding(new Uint8Array(4))], TRUNCATED, 8],
];

suite("extension headers", ["bpf", "root"], () => {
  it.each(rows.map((row) => [row[0], row] as const))("%s", async (_, [, headers, protocol, length, first]) => {
    const ipv6 = new Ipv6({ ...ADDRESSES, ...(first !== undefined && { nextHeader: first }) });
    const expected = { protocol, offset: 54 + length };
    const bytes = build([ethernet, ipv6, ...headers]);
    const compiled = compileOrThrow(walk);
    const vm = await createVm(compiled);
    using loaded = await load(compiled);
    vm.run(bytes);
    loaded.program(walk).run(bytes);
    expect({ ...vm.map(ends).get(0) }).toEqual(expected);
    expect({ ...loaded.map(ends).get(0) }).toEqual(expected);
  });
});
