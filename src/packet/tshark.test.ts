/** The mixed traffic, read by tshark: layers, fields and checksums must be what it says. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mixedTraffic, type Sample } from "../../scripts/traffic/index.ts";
import { suite } from "../../test/support/require.ts";
import { concatBytes, parseHex, printHex } from "../base/index.ts";
import {
  ah,
  build,
  EncapsulatingSecurity,
  Ethernet,
  geneve,
  Ipv4,
  Ipv6,
  type LayerKind,
  Mpls,
  type Packet,
  type ParsedLayer,
  type Part,
  Ppp,
  Pppoe,
  parse,
  readCapture,
  Udp,
  verifyChecksums,
  writePcap,
  writePcapng,
} from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "xdpkit-tshark-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const list: Uint8Array[] = [];
  for await (const chunk of chunks) list.push(chunk);
  return concatBytes(...list);
}

/** Rows of fields per packet; every field is the list of its occurrences. */
function tshark(file: string, fields: readonly string[]): readonly (readonly string[][])[] {
  const preferences = ["ip", "udp", "tcp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
  const off = ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE"];
  const columns = [
    "-T",
    "fields",
    "-E",
    "separator=/t",
    "-E",
    "aggregator=|",
    ...fields.flatMap((field) => ["-e", field]),
  ];
  const { stdout, status } = spawnSync("tshark", ["-n", "-r", file, ...preferences, ...off, ...columns], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  expect(status).toBe(0);
  return stdout
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => line.split("\t").map((cell) => (cell === "" ? [] : cell.split("|"))));
}

/** Our layers as tshark's `frame.protocols` names them, of those that it names alike. */
const PROTOCOLS: Partial<Record<LayerKind, string>> = {
  ethernet: "eth",
  vlan: "vlan",
  arp: "arp",
  mpls: "mpls",
  pppoe: "pppoes",
  ppp: "ppp",
  ipv4: "ip",
  ipv6: "ipv6",
  hopByHop: "ipv6.hopopts",
  destinationOptions: "ipv6.dstopts",
  routing: "ipv6.routing",
  srh: "ipv6.routing",
  fragment: "ipv6.fraghdr",
  ah: "ah",
  esp: "esp",
  icmp: "icmp",
  icmpv6: "icmpv6",
  routerSolicitation: "icmpv6",
  routerAdvertisement: "icmpv6",
  neighbourSolicitation: "icmpv6",
  neighbourAdvertisement: "icmpv6",
  redirect: "icmpv6",
  tcp: "tcp",
  udp: "udp",
  sctp: "sctp",
  gtpU: "gtp",
  gre: "gre",
  vxlan: "vxlan",
  geneve: "geneve",
};
const KNOWN = new Set(Object.values(PROTOCOLS));

const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, "0")}`;
type Read = (layer: ParsedLayer) => readonly string[];
/** For one kind of layer: the strings that tshark's field has. */
function of<K extends LayerKind>(
  kind: K | readonly K[],
  read: (layer: Extract<ParsedLayer, { kind: K }>) => unknown,
): Read {
  const kinds = [kind].flat() as readonly string[];
  return (layer) => (kinds.includes(layer.kind) ? [read(layer as never)].flat().map(String) : []);
}

const FIELDS: Readonly<Record<string, Read>> = {
  "eth.dst": of("ethernet", ({ header }) => header.destination),
  "eth.src": of("ethernet", ({ header }) => header.source),
  "vlan.id": of("vlan", ({ header }) => header.vlan),
  "vlan.priority": of("vlan", ({ header }) => header.priority),
  "arp.opcode": of("arp", ({ header }) => header.operation),
  "arp.src.proto_ipv4": of("arp", ({ header }) => header.senderAddress),
  "arp.dst.proto_ipv4": of("arp", ({ header }) => header.targetAddress),
  "arp.dst.hw_mac": of("arp", ({ header }) => header.targetMac),
  "ip.src": of("ipv4", ({ header }) => header.source),
  "ip.dst": of("ipv4", ({ header }) => header.destination),
  "ip.len": of("ipv4", ({ header }) => header.totalLength),
  "ip.id": of("ipv4", ({ header }) => hex(header.identification, 4)),
  "ip.ttl": of("ipv4", ({ header }) => header.ttl),
  "ip.proto": of("ipv4", ({ header }) => header.protocol),
  "ip.frag_offset": of("ipv4", ({ header }) => header.fragmentOffset),
  "ip.checksum": of("ipv4", ({ header }) => hex(header.checksum, 4)),
  "ipv6.src": of("ipv6", ({ header }) => header.source),
  "ipv6.dst": of("ipv6", ({ header }) => header.destination),
  "ipv6.plen": of("ipv6", ({ header }) => header.payloadLength),
  "ipv6.hlim": of("ipv6", ({ header }) => header.hopLimit),
  "ipv6.flow": of("ipv6", ({ header }) => hex(header.flowLabel, 6)),
  "ipv6.tclass": of("ipv6", ({ header }) => hex(header.trafficClass, 8)),
  "ipv6.routing.type": of(["routing", "srh"], ({ header }) => header.routingType),
  "ipv6.routing.segleft": of(["routing", "srh"], ({ header }) => header.segmentsLeft),
  "ipv6.routing.srh.last_entry": of("srh", ({ header }) => header.lastEntry),
  "ipv6.routing.srh.tag": of("srh", ({ header }) => header.tag.toString(16).padStart(4, "0")),
  "ipv6.routing.srh.addr": of("srh", ({ segments }) => segments),
  "ipv6.fraghdr.offset": of("fragment", ({ header }) => header.fragmentOffset),
  "ipv6.fraghdr.ident": of("fragment", ({ header }) => hex(header.identification, 8)),
  "icmp.type": of("icmp", ({ header }) => header.type),
  "icmpv6.nd.ns.target_address": of("neighbourSolicitation", ({ header }) => header.target),
  "icmpv6.nd.na.target_address": of("neighbourAdvertisement", ({ header }) => header.target),
  "icmpv6.nd.ra.router_lifetime": of("routerAdvertisement", ({ header }) => header.lifetime),
  "icmpv6.nd.rd.target_address": of("redirect", ({ header }) => header.target),
  "udp.srcport": of("udp", ({ header }) => header.sourcePort),
  "udp.dstport": of("udp", ({ header }) => header.destinationPort),
  "udp.length": of("udp", ({ header }) => header.length),
  "udp.checksum": of("udp", ({ header }) => hex(header.checksum, 4)),
  "tcp.srcport": of("tcp", ({ header }) => header.sourcePort),
  "tcp.dstport": of("tcp", ({ header }) => header.destinationPort),
  "tcp.seq_raw": of("tcp", ({ header }) => header.sequence),
  "tcp.ack_raw": of("tcp", ({ header }) => header.acknowledgement),
  "tcp.hdr_len": of("tcp", ({ header }) => header.headerLength),
  "tcp.window_size_value": of("tcp", ({ header }) => header.window),
  "tcp.options.mss_val": of("tcp", ({ options }) =>
    options.flatMap((one) => (one.kind === "maximumSegmentSize" ? one.value : [])),
  ),
  "tcp.options.wscale.shift": of("tcp", ({ options }) =>
    options.flatMap((one) => (one.kind === "windowScale" ? one.shift : [])),
  ),
  "tcp.options.timestamp.tsval": of("tcp", ({ options }) =>
    options.flatMap((one) => (one.kind === "timestamps" ? one.value : [])),
  ),
  "tcp.options.sack_le": of("tcp", ({ options }) =>
    options.flatMap((one) => (one.kind === "sack" ? one.blocks.map(({ left }) => left) : [])),
  ),
  "sctp.srcport": of("sctp", ({ header }) => header.sourcePort),
  "gtp.message": of("gtpU", ({ header }) => hex(header.messageType, 2)),
  "gtp.teid": of("gtpU", ({ header }) => hex(header.teid, 8)),
  "gtp.length": of("gtpU", ({ header }) => header.length),
  "gtp.ext_hdr.pdu_ses_con.qos_flow_id": of("gtpU", ({ extensions }) =>
    extensions.flatMap((one) => (one.kind === "pduSession" ? one.qfi : [])),
  ),
  "gre.key": of("gre", ({ key }) => (key === undefined ? [] : hex(key, 8))),
  "vxlan.vni": of("vxlan", ({ header }) => header.identifier),
};

/** tshark also reads what ICMP errors quote, and GUE it does not know: such packets are compared in their layers' start. */
const isQuoting = ({ name }: Sample) =>
  ["redirect", "packet too big", "time exceeded", "gue", "gue variant 1", "gtp error indication"].includes(name);

/** tshark's fields of one frame, by name, those that are there. */
interface Answer {
  readonly name: string;
  readonly bytes: string;
  readonly fields: Readonly<Record<string, string>>;
}
/** One frame of each name with what tshark said, so that the comparison also runs where it is not installed. */
const STORED = new URL("../../test/vectors/packet-tshark.json", import.meta.url);

function fieldsOf(row: readonly string[][]): Record<string, string> {
  const cells = Object.keys(FIELDS).map((name, column) => [name, (row[column] ?? []).join("|")] as const);
  return Object.fromEntries(cells.filter(([, cell]) => cell !== ""));
}

/** What differs between tshark's fields of a frame and ours. */
function compare({ name, bytes }: Pick<Sample, "name" | "bytes">, theirs: Readonly<Record<string, string>>): string[] {
  const { layers } = parse(bytes);
  return Object.entries(FIELDS).flatMap(([field, read]) => {
    // The service tag has fields of another name.
    if (name === "qinq" && field.startsWith("vlan.")) return [];
    const ours = layers.flatMap(read).join("|");
    return ours === (theirs[field] ?? "") ? [] : [`${name} ${field}: ${ours}, tshark ${theirs[field]}`];
  });
}

describe("what tshark said of these frames", () => {
  const answers = JSON.parse(readFileSync(STORED, "utf8")) as readonly Answer[];
  it.each(answers.map((answer) => [answer.name, answer] as const))("%s", (name, { bytes, fields }) => {
    expect(compare({ name, bytes: parseHex(bytes) as Uint8Array }, fields)).toEqual([]);
  });
});

suite("tshark agrees", ["tshark"], () => {
  const whole = mixedTraffic().filter((sample) => !sample.isBroken);
  const packets: Packet[] = whole.map(({ bytes }) => parse(bytes));
  const file = join(folder, "whole.pcap");
  beforeAll(async () => {
    writeFileSync(
      file,
      await collect(writePcap(whole.map(({ bytes }, i) => ({ bytes, timestampNs: BigInt(i) * 1_000_000n })))),
    );
  });

  it("enough packets of every header", () => {
    expect(whole.length).toBeGreaterThanOrEqual(200);
    const others = new Set<string>(["mpls", "ah", "esp", "pppoe", "ppp", "geneve"]);
    const kinds = new Set(packets.flatMap(({ layers }) => layers.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual([...Object.keys(PROTOCOLS).filter((kind) => !others.has(kind)), "gue"].sort());
  });

  it("the same layers", () => {
    const rows = tshark(file, ["frame.protocols"]);
    for (const [i, sample] of whole.entries()) {
      if (isQuoting(sample)) continue;
      const theirs = (rows[i]?.[0]?.[0] ?? "")
        .replace("ieee8021ad", "vlan")
        .split(":")
        .filter((name) => KNOWN.has(name));
      const ours = (packets[i] as Packet).layers.flatMap(({ kind }) => PROTOCOLS[kind] ?? []);
      expect(`${sample.name}: ${ours.join(":")}`).toBe(`${sample.name}: ${theirs.join(":")}`);
    }
  });

  const ethernet = new Ethernet({ source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" });
  const v4 = new Ipv4({ source: "192.0.2.1", destination: "192.0.2.2" });
  const v6 = new Ipv6({ source: "2001:db8::1", destination: "2001:db8::2" });
  const upper = [new Udp({ sourcePort: 10_000, destinationPort: 20_000 }), new Uint8Array(8)];
  const stacks: readonly (readonly [name: string, parts: readonly Part[], fields: Readonly<Record<string, string>>])[] =
    [
      [
        "AH of IPv6",
        [ethernet, v6, ah({ spi: 0x1001, sequence: 7 }), ...upper],
        { "ah.spi": "0x00001001", "ah.length": "4" },
      ],
      ["AH of IPv4", [ethernet, v4, ah({ spi: 1, icv: new Uint8Array(16) }), ...upper], { "ah.length": "5" }],
      [
        "ESP",
        [ethernet, v4, new EncapsulatingSecurity({ spi: 9, sequence: 1 }), new Uint8Array(24)],
        { "esp.spi": "0x00000009" },
      ],
      [
        "two labels",
        [ethernet, new Mpls({ label: 100 }), new Mpls({ label: 200 }), v6, ...upper],
        { "mpls.label": "100|200", "mpls.bottom": "0|1" },
      ],
      [
        "PPPoE",
        [ethernet, new Pppoe({ session: 5 }), new Ppp(), v4, ...upper],
        { "pppoe.session_id": "0x0005", "pppoe.payload_length": "38" },
      ],
      [
        "Geneve",
        [
          ethernet,
          v4,
          new Udp({ sourcePort: 50_000 }),
          geneve({ identifier: 42, options: parseHex("0102000100000000")! }),
          ethernet,
          v4,
          ...upper,
        ],
        { "geneve.vni": "0x00002a" },
      ],
    ];
  it.each(stacks)("%s, which the mixed traffic has not", async (name, parts, fields) => {
    const bytes = build(parts);
    const packet = parse(bytes);
    expect(packet.faults).toEqual([]);
    expect(verifyChecksums(packet).filter(({ verdict }) => verdict !== "right")).toEqual([]);
    const one = join(folder, `${name}.pcap`);
    writeFileSync(one, await collect(writePcap([{ bytes, timestampNs: 0n }])));
    const [[theirs, ...read] = []] = tshark(one, ["frame.protocols", ...Object.keys(fields)]);
    const layers = (theirs?.[0] ?? "").split(":").filter((layer) => KNOWN.has(layer));
    // A stack of labels is one layer there.
    const ours = packet.layers.flatMap(({ kind }) => PROTOCOLS[kind] ?? []);
    expect(ours.filter((one, i) => one !== "mpls" || ours[i - 1] !== "mpls")).toEqual(layers);
    expect(read.map((cell) => cell.join("|"))).toEqual(Object.values(fields));
  });

  it("the same fields", () => {
    const rows = tshark(file, Object.keys(FIELDS));
    const differences = whole.flatMap((sample, i) =>
      isQuoting(sample) ? [] : compare(sample, fieldsOf(rows[i] ?? [])),
    );
    expect(differences).toEqual([]);
  });

  it("the stored answers are tshark's", () => {
    const rows = tshark(file, Object.keys(FIELDS));
    const answers = whole.flatMap((sample, i): Answer[] => {
      const isFirst = whole.findIndex(({ name }) => name === sample.name) === i;
      return isFirst && !isQuoting(sample)
        ? [{ name: sample.name, bytes: printHex(sample.bytes), fields: fieldsOf(rows[i] ?? []) }]
        : [];
    });
    if (process.env["XDPKIT_GOLDEN"] === "write") writeFileSync(STORED, `${JSON.stringify(answers, null, 1)}\n`);
    expect(JSON.parse(readFileSync(STORED, "utf8"))).toEqual(answers);
  });

  it("nothing malformed, no checksum wrong", () => {
    const rows = tshark(file, [
      "_ws.malformed",
      "ip.checksum.status",
      "udp.checksum.status",
      "tcp.checksum.status",
      "icmp.checksum.status",
      "icmpv6.checksum.status",
      "_ws.expert.message",
    ]);
    for (const [i, row] of rows.entries()) {
      const name = whole[i]?.name ?? "";
      // 0 is "bad". Sequence analysis is off; what is left of expert messages speaks of content, not of form.
      expect([
        name,
        ...row
          .slice(0, 6)
          .flat()
          .filter((status) => status === "0"),
      ]).toEqual([name]);
      expect([
        name,
        ...(row[6] ?? []).filter((message) => /malformed|bad |incorrect|illegal|invalid/i.test(message)),
      ]).toEqual([name]);
    }
    for (const packet of packets) {
      expect(packet.faults).toEqual([]);
      expect(verifyChecksums(packet).filter(({ verdict }) => verdict === "wrong")).toEqual([]);
    }
  });

  it("wrong checksums are told alike", async () => {
    const broken = mixedTraffic().filter((sample) => /checksum wrong/.test(sample.name));
    const wrong = join(folder, "wrong.pcap");
    writeFileSync(wrong, await collect(writePcap(broken.map(({ bytes }) => ({ bytes, timestampNs: 0n })))));
    const rows = tshark(wrong, ["ip.checksum.status", "udp.checksum.status"]);
    expect(rows.map((row) => row.flat())).toEqual([
      ["0", "1"],
      ["1", "0"],
    ]);
    expect(
      broken.map(({ bytes }) => verifyChecksums(parse(bytes)).map(({ layer, verdict }) => `${layer} ${verdict}`)),
    ).toEqual([
      ["ipv4 wrong", "udp right"],
      ["ipv4 right", "udp wrong"],
    ]);
  });

  it("reads our pcapng: interfaces, times, comments, verdicts", async () => {
    const bytes = (whole[0] as Sample).bytes;
    const made = join(folder, "made.pcapng");
    const packet = { kind: "packet", block: "enhanced", bytes, originalLength: 1500 } as const;
    const content = await collect(
      writePcapng([
        {
          kind: "interface",
          linkType: 1,
          snapLength: 0,
          options: [
            { kind: "name", value: "XDP_PASS" },
            { kind: "timestampResolution", value: 9 },
          ],
        },
        {
          kind: "interface",
          linkType: 1,
          snapLength: 0,
          options: [
            { kind: "name", value: "XDP_DROP" },
            { kind: "timestampResolution", value: 0x8a },
            { kind: "timestampOffset", value: 100n },
          ],
        },
        {
          ...packet,
          interfaceId: 0,
          timestampNs: 1_700_000_000_123_456_789n,
          options: [
            { kind: "comment", value: "in" },
            { kind: "packetId", value: 7n },
            { kind: "verdict", value: { type: 2, value: 2n } },
          ],
        },
        {
          ...packet,
          interfaceId: 1,
          timestampNs: 1_700_000_000_500_000_000n,
          options: [
            { kind: "comment", value: "out" },
            { kind: "queue", value: 3 },
          ],
        },
      ]),
    );
    writeFileSync(made, content);
    const rows = tshark(made, [
      "frame.time_epoch",
      "frame.interface_name",
      "frame.comment",
      "frame.packet_id",
      "frame.verdict.ebpf_xdp",
      "frame.interface_queue",
      "frame.len",
    ]);
    expect(rows).toEqual([
      [["1700000000.123456789"], ["XDP_PASS"], ["in"], ["7"], ["2"], [], ["1500"]],
      [["1700000000.500000000"], ["XDP_DROP"], ["out"], [], [], ["3"], ["1500"]],
    ]);
  });

  it("its own pcapng is read", async () => {
    const converted = join(folder, "converted.pcapng");
    expect(spawnSync("tshark", ["-r", file, "-w", converted, "-F", "pcapng"]).status).toBe(0);
    const read: Uint8Array[] = [];
    for await (const packet of readCapture([readFileSync(converted)])) read.push(Uint8Array.from(packet.bytes));
    expect(read).toEqual(whole.map(({ bytes }) => Uint8Array.from(bytes)));
  });
});
