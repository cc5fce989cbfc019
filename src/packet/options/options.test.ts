/** Option lists and GTP-U extensions: pinned bytes both ways, and any bytes at all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHex, printHex } from "../../base/index.ts";
import { readGtpExtensions, writeGtpExtensions } from "./gtp-extensions.ts";
import { ipv4Options } from "./ipv4-options.ts";
import { ipv6Options } from "./ipv6-options.ts";
import { neighbourOptions } from "./neighbour-options.ts";
import { type PduSession, readPduSession, writePduSession } from "./pdu-session.ts";
import { srhTlvs } from "./srh-tlvs.ts";
import { tcpOptions } from "./tcp-options.ts";

const hex = (text: string) => parseHex(text) as Uint8Array;
const tables = { ipv4Options, ipv6Options, neighbourOptions, srhTlvs, tcpOptions };

const VECTORS: readonly (readonly [keyof typeof tables, string, readonly object[]])[] = [
  [
    "tcpOptions",
    "020405b4 0402 080a 000003e8 00000000 01 030307",
    [
      { kind: "maximumSegmentSize", value: 1460 },
      { kind: "sackPermitted" },
      { kind: "timestamps", value: 1000, echo: 0 },
      { kind: "noOperation" },
      { kind: "windowScale", shift: 7 },
    ],
  ],
  [
    "tcpOptions",
    "0101 0512 00000001 00000002 00000003 00000004",
    [
      { kind: "noOperation" },
      { kind: "noOperation" },
      {
        kind: "sack",
        blocks: [
          { left: 1, right: 2 },
          { left: 3, right: 4 },
        ],
      },
    ],
  ],
  ["tcpOptions", "fd04 1234", [{ kind: "unknown", type: 253, body: hex("1234") }]],
  [
    "tcpOptions",
    "0203 05 00",
    [
      { kind: "unknown", type: 2, body: hex("05") },
      { kind: "raw", bytes: hex("00") },
    ],
  ],
  ["tcpOptions", "0201 0000", [{ kind: "raw", bytes: hex("02010000") }]],
  ["tcpOptions", "0209 0000", [{ kind: "raw", bytes: hex("02090000") }]],
  [
    "ipv4Options",
    "07 07 04 c0000201 00",
    [
      { kind: "recordRoute", pointer: 4, addresses: ["192.0.2.1"] },
      { kind: "raw", bytes: hex("00") },
    ],
  ],
  ["ipv4Options", "9404 0000", [{ kind: "routerAlert", value: 0 }]],
  [
    "ipv4Options",
    "4408 05 00 00000001",
    [{ kind: "timestamp", pointer: 5, overflowAndFlag: 0, data: hex("00000001") }],
  ],
  [
    "ipv6Options",
    "0502 0000 0100",
    [
      { kind: "routerAlert", value: 0 },
      { kind: "padN", bytes: hex("") },
    ],
  ],
  ["ipv6Options", "c204 00010000", [{ kind: "jumboPayload", length: 65536 }]],
  [
    "ipv6Options",
    "0401 04 00 0101 00",
    [{ kind: "tunnelEncapsulationLimit", limit: 4 }, { kind: "pad1" }, { kind: "padN", bytes: hex("00") }],
  ],
  ["ipv6Options", "c910 20010db8000000000000000000000001", [{ kind: "homeAddress", address: "2001:db8::1" }]],
  [
    "srhTlvs",
    `0526 8000 00000007 ${"ab".repeat(32)}`,
    [{ kind: "hmac", skipDestination: true, reserved: 0, keyId: 7, digest: hex("ab".repeat(32)) }],
  ],
  [
    "srhTlvs",
    "7c04 01020304 00 00",
    [{ kind: "unknown", type: 124, body: hex("01020304") }, { kind: "pad1" }, { kind: "pad1" }],
  ],
  ["neighbourOptions", "0101 020000000001", [{ kind: "sourceLinkLayer", address: "02:00:00:00:00:01" }]],
  ["neighbourOptions", "0501 0000 000005dc", [{ kind: "mtu", reserved: 0, mtu: 1500 }]],
  [
    "neighbourOptions",
    "0304 40 c0 00015180 00003840 00000000 20010db8000100000000000000000000",
    [
      {
        kind: "prefixInformation",
        prefixLength: 64,
        onLink: true,
        autonomous: true,
        reservedFlags: 0,
        validLifetime: 86400,
        preferredLifetime: 14400,
        reserved: 0,
        prefix: "2001:db8:1::",
      },
    ],
  ],
  [
    "neighbourOptions",
    "1903 0000 00000258 20010db8000000000000000000000053",
    [{ kind: "recursiveDnsServers", reserved: 0, lifetime: 600, servers: ["2001:db8::53"] }],
  ],
  ["neighbourOptions", "0100 020000000001", [{ kind: "raw", bytes: hex("0100020000000001") }]],
];

describe("option lists", () => {
  it.each(VECTORS)("%s %s", (name, text, options) => {
    expect(tables[name].read(hex(text))).toEqual(options);
    expect(printHex(tables[name].write(options as never))).toBe(printHex(hex(text)));
  });
  it("fields left out are zero", () => {
    expect(printHex(srhTlvs.write([{ kind: "hmac", keyId: 1, digest: hex("aabb") }]))).toBe("0508000000000001aabb");
    expect(printHex(tcpOptions.write([{ kind: "timestamps", value: 1 }]))).toBe("080a0000000100000000");
  });
  it.each(Object.entries(tables))("%s: any bytes survive", (_, table) => {
    // Types and lengths that occur, between bytes that do not.
    const byte = fc.oneof(
      fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 10, 148, 0xc2, 24, 25, 31),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 48 }), (list) => {
        const bytes = Uint8Array.from(list);
        expect(table.write(table.read(bytes) as never)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

const number = (max: number) => fc.integer({ min: 0, max });
const bigint = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const downlink = fc.record(
  {
    kind: fc.constant("pduSession" as const),
    direction: fc.constant("downlink" as const),
    qfi: number(63),
    reflective: fc.constant(true),
    pagingPolicy: number(7),
    timestamp: bigint,
    sequence: number(0xffffff),
    mbsSequence: number(0xffffffff),
  },
  { requiredKeys: ["kind", "direction", "qfi"] },
);
const uplink = fc.record(
  {
    kind: fc.constant("pduSession" as const),
    direction: fc.constant("uplink" as const),
    qfi: number(63),
    timestamps: fc.tuple(bigint, bigint, bigint),
    downlinkDelay: number(0xffffffff),
    uplinkDelay: number(0xffffffff),
    sequence: number(0xffffff),
    n3n9Delay: number(0xffffffff),
  },
  { requiredKeys: ["kind", "direction", "qfi"] },
);

describe("PDU Session Container (TS 38.415)", () => {
  const SESSIONS: readonly (readonly [string, PduSession])[] = [
    ["0009", { kind: "pduSession", direction: "downlink", qfi: 9 }],
    ["0045", { kind: "pduSession", direction: "downlink", qfi: 5, reflective: true }],
    ["00c5a0000000", { kind: "pduSession", direction: "downlink", qfi: 5, reflective: true, pagingPolicy: 5 }],
    ["0409000abc00", { kind: "pduSession", direction: "downlink", qfi: 9, sequence: 0xabc }],
    ["1009", { kind: "pduSession", direction: "uplink", qfi: 9 }],
    ["140900000004", { kind: "pduSession", direction: "uplink", qfi: 9, downlinkDelay: 4 }],
    ["10490100000005000000", { kind: "pduSession", direction: "uplink", qfi: 9, newFlags: 1, pdcpDelay: 5 }],
  ];
  it.each(SESSIONS)("%s", (text, session) => {
    expect(printHex(writePduSession(session))).toBe(text);
    expect(readPduSession(hex(text))).toEqual(session);
  });
  it("keeps padding that is not ours, refuses what it cannot give back", () => {
    expect(readPduSession(hex("1009 00000001"))).toEqual({
      kind: "pduSession",
      direction: "uplink",
      qfi: 9,
      padding: hex("00000001"),
    });
    expect(readPduSession(hex("0109"))).toBe(null);
    expect(readPduSession(hex("2009"))).toBe(null);
    expect(readPduSession(hex("0809"))).toBe(null);
    expect(readPduSession(hex("00"))).toBe(null);
  });
  it("any session survives", () => {
    fc.assert(
      fc.property(
        fc.oneof(downlink, uplink),
        (session) => void expect(readPduSession(writePduSession(session as PduSession))).toEqual(session),
      ),
    );
  });
});

describe("the chain of GTP-U extension headers", () => {
  it("follows next types, in both directions", () => {
    const bytes = hex("01 004d 85 01 1003 40 01 0868 00");
    const extensions = [
      { kind: "pdcpNumber", number: 77 },
      { kind: "pduSession", direction: "uplink", qfi: 3 },
      { kind: "udpPort", port: 2152 },
    ] as const;
    expect(readGtpExtensions(bytes, 0xc0)).toEqual({ extensions, length: 12, isBroken: false });
    expect(printHex(writeGtpExtensions(extensions))).toBe(printHex(bytes));
  });
  it("stops at a length of zero or beyond the end, and keeps what was announced", () => {
    expect(readGtpExtensions(hex("01 1003 85 00"), 0x85)).toEqual({
      extensions: [{ kind: "pduSession", direction: "uplink", qfi: 3, next: 0x85 }],
      length: 4,
      isBroken: true,
    });
    expect(readGtpExtensions(hex("02 1003 85"), 0x85)).toEqual({ extensions: [], length: 0, isBroken: true });
    expect(readGtpExtensions(hex(""), 0x85)).toEqual({ extensions: [], length: 0, isBroken: true });
  });
  it("any bytes survive", () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 0x85, 0x40, 0xc0), number(255)), { maxLength: 64 });
    fc.assert(
      fc.property(bytes, number(255), (list, first) => {
        const { extensions, length } = readGtpExtensions(Uint8Array.from(list), first);
        expect(writeGtpExtensions(extensions)).toEqual(Uint8Array.from(list.slice(0, length)));
      }),
    );
  });
});
