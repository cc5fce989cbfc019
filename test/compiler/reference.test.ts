/** Examples in the reference: verdict, bytes and maps, each derived from the standard it implements. */
import { expect, it } from "vitest";
import { concatBytes, printHex } from "../../src/base/index.ts";
import { FibResult, type HashMap, type Outcomes, type RingBuffer, XdpAction } from "../../src/lang/index.ts";
import {
  build,
  Ethernet,
  EtherType,
  GtpMessage,
  gtpU,
  Icmp,
  IpProtocol,
  Ipv4,
  Ipv6,
  ipv4,
  type Part,
  Port,
  srh,
  tcp,
  Udp,
  VlanTag,
} from "../../src/packet/index.ts";
import { loadExample } from "../support/example-objects.ts";
import type { Exports } from "../support/load-module.ts";
import {
  createReference,
  type ReferenceMachine,
  type ReferenceOptions,
  type ReferenceProgram,
} from "../support/reference/index.ts";

const US = "02:00:00:00:00:01";
const THEM = "02:00:00:00:00:02";
const NEXT = { source: "02:00:00:00:00:0a", destination: "02:00:00:00:00:0b" };
const PAYLOAD = Uint8Array.from({ length: 40 }, (_, i) => i);
const ROUTE: ReferenceOptions = { fib: () => ({ found: true, interfaceIndex: 5, mtu: 1500, ...NEXT }) };

const table = (machine: ReferenceMachine, handle: unknown) => machine.map(handle as HashMap<unknown, unknown>);
/** Counters that are not zero. */
function counted(machine: ReferenceMachine, handle: unknown): Record<string, bigint> {
  const counters = machine.map(handle as Outcomes<string>).read();
  return Object.fromEntries(Object.entries(counters).filter(([, count]) => count !== 0n));
}

type WithMachine = Exports & { readonly machine: ReferenceMachine };

async function machineFor(name: string, program: string, options: ReferenceOptions = ROUTE): Promise<WithMachine> {
  const exports = await loadExample(name);
  return { ...exports, machine: createReference(exports[program] as ReferenceProgram, options) };
}

/** A frame; the fields of Ethernet that are not given are ours. */
const frame = (...parts: Part[]): Uint8Array => build(parts);
const ethernet = (etherType: number, fields: object = {}) =>
  new Ethernet({ destination: US, source: THEM, etherType, ...fields });
const udp = (fields: object = {}) => new Udp({ sourcePort: 1000, destinationPort: 2000, checksum: 0x1234, ...fields });
const ipv6 = (fields: object) => new Ipv6({ hopLimit: 64, source: "2001:db8::9", ...fields });

const SEGMENTS = ["fc00:3::", "fc00:2::", "fc00:1::"];

it("a: End moves to the next segment, and pops the header at the last one", async () => {
  const { machine, sids, outcomes } = await machineFor("end-psp", "end");
  table(machine, sids).set("fc00:1::", { psp: true, reserved: 0, packets: 0n, bytes: 0n });
  table(machine, sids).set("fc00:2::", { psp: true, reserved: 0, packets: 7n, bytes: 0n });
  const { ports, forwarding } = (await import("../../examples/srv6/forward.xdp.ts" as string)) as Exports;
  table(machine, ports).set(5, { interface: 5 });
  const arriving = (destination: string, segmentsLeft: number) =>
    frame(ethernet(EtherType.Ipv6), ipv6({ destination }), srh({ segments: SEGMENTS, segmentsLeft }), udp(), PAYLOAD);
  const first = machine.run(arriving("fc00:1::", 2));
  expect([first.action, first.redirect]).toEqual([XdpAction.Redirect, { map: ports, slot: 5 }]);
  const leaving = [ethernet(EtherType.Ipv6, NEXT), ipv6({ destination: "fc00:2::", hopLimit: 63 })];
  expect(printHex(first.packet)).toBe(
    printHex(frame(...leaving, srh({ segments: SEGMENTS, segmentsLeft: 1 }), udp(), PAYLOAD)),
  );

  const last = machine.run(arriving("fc00:2::", 1));
  const popped = [ethernet(EtherType.Ipv6, NEXT), ipv6({ destination: "fc00:3::", hopLimit: 63 }), udp(), PAYLOAD];
  expect([last.action, printHex(last.packet)]).toEqual([XdpAction.Redirect, printHex(frame(...popped))]);
  expect(table(machine, sids).get("fc00:2::")).toMatchObject({ packets: 8n, bytes: 14n + 40n + 56n + 48n });
  expect(counted(machine, forwarding)).toEqual({ forwarded: 2n });

  expect(machine.run(arriving("fc00:2::", 0)).action).toBe(XdpAction.Pass);
  expect(machine.run(arriving("fc00:2::", 1).slice(0, 60)).action).toBe(XdpAction.Drop);
  expect(counted(machine, outcomes)).toEqual({ segmentsLeftZero: 1n, truncated: 1n });
});

it("a: a tag stays in front of what is popped, and an SRH that claims too much is malformed", async () => {
  const { machine, sids, outcomes } = await machineFor("end-psp", "end", {
    fib: () => ({ found: false, result: FibResult.NoNeighbour, mtu: 0 }),
  });
  table(machine, sids).set("fc00:1::", { psp: true, reserved: 0, packets: 0n, bytes: 0n });
  const tagged = [ethernet(EtherType.Vlan), new VlanTag({ vlan: 7, etherType: EtherType.Ipv6 })];
  const routed = srh({ segments: ["fc00:9::"], segmentsLeft: 2 });
  const behind = [udp(), PAYLOAD];
  const whole = machine.run(
    frame(
      ...tagged,
      ipv6({ destination: "fc00:1::" }),
      srh({ segments: ["fc00:9::", "fc00:1::"], segmentsLeft: 1 }),
      ...behind,
    ),
  );
  expect([whole.action, printHex(whole.packet)]).toEqual([
    XdpAction.Pass,
    printHex(frame(...tagged, ipv6({ destination: "fc00:9::", hopLimit: 63 }), ...behind)),
  ]);
  const wrong = frame(ethernet(EtherType.Ipv6), ipv6({ destination: "fc00:1::" }), routed, ...behind);
  expect(machine.run(wrong)).toMatchObject({ action: XdpAction.Pass });
  expect(printHex(machine.run(wrong).packet)).toBe(printHex(wrong));
  // Eight bytes that claim one segment: RFC 8986's maximum is -1.
  const empty = frame(
    ethernet(EtherType.Ipv6),
    ipv6({ destination: "fc00:1::", nextHeader: 43, payloadLength: 8 }),
    Uint8Array.of(17, 0, 4, 1, 0, 0, 0, 0),
    PAYLOAD,
  );
  expect(machine.run(empty).action).toBe(XdpAction.Pass);
  expect(counted(machine, outcomes)).toEqual({ malformedSrh: 3n });
});

const INNER = new Uint8Array([
  0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 8, 0, 0,
]);

it("b: GTP-U with a PDU Session Container becomes SRv6 with the arguments of RFC 9433", async () => {
  const { machine, sessions, policies, usage, outcomes } = await machineFor("gtp4-decap", "decapsulate");
  const uplink = frame(
    ethernet(EtherType.Ipv4),
    new Ipv4({ ttl: 64, source: "192.0.2.1", destination: "198.51.100.2", protocol: IpProtocol.Udp }),
    udp({ sourcePort: 0x1234, destinationPort: Port.GtpU }),
    gtpU({
      messageType: GtpMessage.GPdu,
      teid: 0x01020304,
      extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }],
    }),
    INNER,
  );
  const session = { destination: "198.51.100.2", teid: 0x01020304 };
  expect(machine.run(uplink).action).toBe(XdpAction.Pass);
  expect(counted(machine, outcomes)).toEqual({ noSession: 1n });

  table(machine, sessions).set(session, 3);
  table(machine, usage).set(session, { packets: 0n, bytes: 0n });
  const policy = { locator: "fc00:0:1::", source: "2001:db8:0:1::", segments: ["fc00:5::", "::", "::"], hopLimit: 0 };
  table(machine, policies).set(3, { ...policy, segmentCount: 0, adjacency: 0 });
  // locator fc00:0:1 | 198.51.100.2 = c633:6402 | QFI 9, R, U = 0x24 | session 01020304 | 0
  const sid = "fc00:0:1:c633:6402:2401:203:400";
  // prefix 2001:db8:0:1 | 192.0.2.1 = c000:201 | port 0x1234 | 0
  const source = "2001:db8:0:1:c000:201:1234:0";
  const plainResult = machine.run(uplink);
  const outer = { source, hopLimit: 63, payloadLength: INNER.length, nextHeader: IpProtocol.Ipv4 };
  expect(printHex(plainResult.packet)).toBe(
    printHex(
      concatBytes(
        frame(new Ethernet({ ...NEXT, etherType: EtherType.Ipv6 }), new Ipv6({ ...outer, destination: sid })),
        INNER,
      ),
    ),
  );
  expect(table(machine, usage).get(session)).toEqual({ packets: 1n, bytes: 28n });

  table(machine, policies).set(3, { ...policy, segmentCount: 1, hopLimit: 20, adjacency: 0 });
  const padded = concatBytes(uplink, new Uint8Array(6));
  const expected = frame(
    new Ethernet({ ...NEXT, etherType: EtherType.Ipv6 }),
    new Ipv6({
      ...outer,
      hopLimit: 20,
      payloadLength: 40 + INNER.length,
      nextHeader: IpProtocol.Routing,
      destination: "fc00:5::",
    }),
    srh({ segments: [sid, "fc00:5::"], segmentsLeft: 1, nextHeader: IpProtocol.Ipv4 }),
    INNER,
  );
  expect(printHex(machine.run(padded).packet)).toBe(printHex(expected));
});

it("c: SRv6 becomes GTP-U, its fields from the SID and the source", async () => {
  const { machine, gateways, outcomes } = await machineFor("gtp4-encap", "encapsulate");
  table(machine, gateways).set("fc00:0:1::/48", { adjacency: 0, ttl: 0, dscp: 46, pduType: 0, packets: 0n, bytes: 0n });
  const downlink = frame(
    ethernet(EtherType.Ipv6),
    ipv6({ destination: "fc00:0:1:c633:6402:2401:203:400", source: "2001:db8:0:1:c000:201:1234:0", nextHeader: 4 }),
    INNER,
  );
  const result = machine.run(downlink);
  // 20 IPv4, 8 UDP, 8 GTP-U, 4 optional, 4 extension, 28 inner.
  const container = Uint8Array.of(0, 0, 0, 0x85, 1, 0x00, 0x09, 0x00);
  const headers = frame(
    new Ethernet({ ...NEXT, etherType: EtherType.Ipv4 }),
    new Ipv4({
      dscp: 46,
      totalLength: 72,
      dontFragment: true,
      ttl: 63,
      protocol: 17,
      source: "192.0.2.1",
      destination: "198.51.100.2",
    }),
  );
  // The checksum of a UDP header of zero stays zero: it is given as such.
  const behind = Uint8Array.of(0x12, 0x34, 0x08, 0x68, 0, 52, 0, 0, 0x34, 255, 0, 36, 1, 2, 3, 4);
  expect(printHex(result.packet)).toBe(printHex(concatBytes(headers, behind, container, INNER)));
  expect(table(machine, gateways).get("fc00:0:1::/48")).toMatchObject({ packets: 1n, bytes: 72n });
  expect(machine.run(downlink.slice(0, 70)).action).toBe(XdpAction.Drop);
  expect(counted(machine, outcomes)).toEqual({ lengthMismatch: 1n });
});

it("d: a new connection goes where the ring says, and stays there", async () => {
  const { machine, families, ring, reals, vipCounters, realCounters, outcomes } = await machineFor(
    "load-balancer",
    "balancer",
  );
  const { ipv4: family } = families as Record<string, Record<string, unknown>>;
  table(machine, family!["vips"]).set(
    { address: "203.0.113.1", port: 443, protocol: 6 },
    { index: 2, hashSource: false, noConnections: false, reserved: 0 },
  );
  // jhash_1word(198.51.100.7, jhash_3words(40000, 443, 0, 0)) % 65537, from the kernel's C code.
  table(machine, ring).set(2 * 65537 + 65013, 9);
  table(machine, reals).set(9, { address4: "10.0.0.9", isIpv6: 0, address6: "::" });
  const inner = [
    new Ipv4({ ttl: 60, source: "198.51.100.7", destination: "203.0.113.1" }),
    tcp({ sourcePort: 40000, destinationPort: 443, syn: true }),
  ];
  const { action, packet } = machine.run(frame(ethernet(EtherType.Ipv4), ...inner), { now: 5n });
  // Identification: the low half of jhash_1word(198.51.100.7, 40000).
  const outer = new Ipv4({
    identification: 39331,
    ttl: 64,
    protocol: 4,
    source: "172.16.0.1",
    destination: "10.0.0.9",
  });
  const sent = new Ethernet({ source: US, destination: "00:00:00:00:00:00", etherType: EtherType.Ipv4 });
  expect([action, printHex(packet)]).toEqual([XdpAction.Tx, printHex(frame(sent, outer, ...inner))]);
  const flow = {
    source: "198.51.100.7",
    destination: "203.0.113.1",
    sourcePort: 40000,
    destinationPort: 443,
    protocol: 6,
  };
  expect(table(machine, family!["connections"]).get(flow)).toEqual({ real: 9, seen: 5n });
  expect(table(machine, vipCounters).get(2)).toEqual([{ packets: 1n, bytes: 40n }]);

  table(machine, ring).set(2 * 65537 + 65013, 1);
  machine.run(frame(ethernet(EtherType.Ipv4), inner[0]!, tcp({ sourcePort: 40000, destinationPort: 443, ack: true })), {
    now: 6n,
  });
  expect(table(machine, realCounters).get(9)).toEqual([{ packets: 2n, bytes: 80n }]);
  expect(counted(machine, outcomes)).toEqual({ syn: 1n, hit: 1n });
});

it("e: the first rule that matches decides", async () => {
  const { machine, hits, outcomes } = await machineFor("firewall", "firewall");
  const v4 = (source: string, ...parts: Part[]) =>
    machine.run(frame(ethernet(EtherType.Ipv4), new Ipv4({ ttl: 9, source, destination: "192.0.2.9" }), ...parts))
      .action;
  const ssh = tcp({ sourcePort: 1, destinationPort: 22 });
  expect(v4("10.255.0.1", udp())).toBe(XdpAction.Drop);
  expect(v4("198.51.100.77", ssh)).toBe(XdpAction.Pass);
  expect(v4("198.51.101.77", ssh)).toBe(XdpAction.Drop);
  expect(v4("192.0.2.1", udp({ sourcePort: 53 }), new Uint8Array(484))).toBe(XdpAction.Drop);
  expect(v4("192.0.2.1", udp({ sourcePort: 53 }), new Uint8Array(483))).toBe(XdpAction.Drop);
  const v6 = (destination: string, port: number) =>
    machine.run(frame(ethernet(EtherType.Ipv6), ipv6({ destination }), tcp({ destinationPort: port }))).action;
  expect([v6("2001:db8:80:1::1", 443), v6("2001:db8:80::1", 444), v6("2001:db8:81::1", 80)]).toEqual([2, 1, 1]);
  expect([...table(machine, hits).entries()].map(([, value]) => value)).toEqual([
    [{ packets: 1n, bytes: 28n }],
    [{ packets: 1n, bytes: 40n }],
    [{ packets: 1n, bytes: 40n }],
    [{ packets: 1n, bytes: 512n }],
    [{ packets: 1n, bytes: 60n }],
    [{ packets: 0n, bytes: 0n }],
  ]);
  expect(counted(machine, outcomes)).toEqual({ default: 3n });
});

it("f: addresses change, and every checksum stays right", async () => {
  const { machine, outbound, inbound, outcomes } = await machineFor("static-nat", "nat");
  table(machine, outbound).set("10.0.0.1", { address: "203.0.113.7", packets: 0n });
  table(machine, inbound).set("203.0.113.7", { address: "10.0.0.1", packets: 0n });
  const packet = (link: Ethernet, ip: object, ...parts: Part[]) =>
    frame(link, new Ipv4({ ttl: 64, destination: "192.0.2.1", ...ip }), ...parts);
  const arrived = ethernet(EtherType.Ipv4);
  const left = ethernet(EtherType.Ipv4, NEXT);
  const tcpPart = tcp({ sourcePort: 5, destinationPort: 6, ack: true });
  const checksummed = new Udp({ sourcePort: 5, destinationPort: 6 });
  for (const part of [tcpPart, checksummed, new Icmp({ type: 8, identifier: 3 })]) {
    const { packet: got } = machine.run(packet(arrived, { source: "10.0.0.1" }, part, PAYLOAD));
    expect(printHex(got)).toBe(printHex(packet(left, { source: "203.0.113.7", ttl: 63 }, part, PAYLOAD)));
  }
  const error = (inner: string, destination: string, ttl: number, link: Ethernet) =>
    frame(
      link,
      new Ipv4({ ttl, source: "198.51.100.1", destination, protocol: 1 }),
      new Icmp({ type: 11 }),
      frame(new Ipv4({ ttl: 1, source: inner, destination: "192.0.2.1", protocol: 17 }), PAYLOAD),
    );
  const { packet: got } = machine.run(error("203.0.113.7", "203.0.113.7", 64, arrived));
  expect(printHex(got)).toBe(printHex(error("10.0.0.1", "10.0.0.1", 63, left)));
  expect(table(machine, outbound).get("10.0.0.1")).toEqual({ address: "203.0.113.7", packets: 3n });
  const options = ipv4({ ttl: 3, source: "10.0.0.1", options: [{ kind: "noOperation" }] });
  expect(machine.run(frame(arrived, options, udp())).action).toBe(XdpAction.Pass);
  expect(counted(machine, outcomes)).toEqual({ options: 1n });
});

it("g: TLVs are walked, and the SID's program takes over", async () => {
  const { machine, sids, outcomes } = await machineFor("tlv-dispatch", "dispatch");
  table(machine, sids).set("fc00:1::", { behaviour: 1, body: new Uint8Array(20) });
  table(machine, sids).set("fc00:2::", { behaviour: 9, body: new Uint8Array(20) });
  const arriving = (destination: string, segmentsLeft: number) =>
    frame(
      ethernet(EtherType.Ipv6),
      ipv6({ destination }),
      srh({ segments: ["fc00:3::", "fc00:1::"], segmentsLeft, tlvs: [{ kind: "padN", bytes: new Uint8Array(6) }] }),
      udp(),
    );
  const result = machine.run(arriving("fc00:1::", 1));
  expect(printHex(result.packet)).toBe(
    printHex(
      frame(
        ethernet(EtherType.Ipv6, NEXT),
        ipv6({ destination: "fc00:3::", hopLimit: 63 }),
        srh({
          segments: ["fc00:3::", "fc00:1::"],
          segmentsLeft: 0,
          tlvs: [{ kind: "padN", bytes: new Uint8Array(6) }],
        }),
        udp(),
      ),
    ),
  );
  expect(result.traces).toEqual(["fc00:1:: has behaviour 1, 1 TLVs"]);
  expect(machine.run(arriving("fc00:1::", 0)).action).toBe(XdpAction.Drop);
  expect(machine.run(arriving("fc00:2::", 0)).action).toBe(XdpAction.Drop);
  expect(counted(machine, outcomes)).toEqual({ end: 1n, notLast: 1n, noProgram: 1n });
});

it("h: tokens are spent, come back with time, and what is refused is reported", async () => {
  const { machine, limits, shared, events, outcomes } = await machineFor("token-bucket", "limiter");
  table(machine, limits).set("10.0.0.0/8", { bytesPerSecond: 1000n, burstBytes: 150n });
  const packet = frame(
    ethernet(EtherType.Ipv4),
    new Ipv4({ ttl: 9, source: "10.0.0.1", destination: "10.0.0.2" }),
    udp(),
    new Uint8Array(72),
  );
  const accepted = machine.run(packet, { now: 1_000_000_000n });
  expect([accepted.action, printHex(accepted.metadata)]).toEqual([XdpAction.Pass, "e803000000000000"]);
  expect(table(machine, shared).get("10.0.0.1")).toMatchObject({ tokens: 50n, updated: 1_000_000_000n });
  // 40 ms at 1000 bytes a second: 40 tokens more, 90 in all, 100 are due.
  expect(machine.run(packet, { now: 1_040_000_000n, random: () => 0xffffffc0 }).action).toBe(XdpAction.Drop);
  expect(table(machine, shared).get("10.0.0.1")).toMatchObject({ tokens: 90n });
  expect(machine.map(events as RingBuffer<object>).records()).toEqual([
    expect.objectContaining({
      time: 1_040_000_000n,
      source: "10.0.0.1",
      sourcePort: 1000,
      destinationPort: 2000,
      protocol: 17,
      length: 100,
      reason: 1,
    }),
  ]);
  expect(machine.run(packet, { now: 1_050_000_000n }).action).toBe(XdpAction.Pass);
  expect(counted(machine, outcomes)).toEqual({ accepted: 2n, limited: 1n });
});

it("end: the example of the design", async () => {
  const { machine, sids, ports, outcomes } = await machineFor("end", "end");
  table(machine, sids).set("fc00:1::", { behaviour: 1, packets: 2n ** 64n - 1n });
  const packet = frame(
    ethernet(EtherType.Ipv6),
    ipv6({ destination: "fc00:1::" }),
    srh({ segments: SEGMENTS, segmentsLeft: 2 }),
    udp(),
  );
  expect(machine.run(packet).action).toBe(XdpAction.Aborted);
  table(machine, ports).set(5, { interface: 5 });
  expect(machine.run(packet)).toMatchObject({ action: XdpAction.Redirect, redirect: { slot: 5 } });
  expect(table(machine, sids).get("fc00:1::")).toEqual({ behaviour: 1, packets: 1n });
  expect(counted(machine, outcomes)).toEqual({ forwarded: 2n });
});
