/**
 * The SRv6 data plane in the kernel: each behaviour with its counters against the least that a program does which leaves the
 * way to the kernel (floor/floor.c, of the IP version of what leaves), in one run. One flow, ten entries of each kind.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type * as Srv6 from "../dataplanes/srv6/index.ts";
import { inNamespace, LoadedObject, pinThread } from "../src/kernel/index.ts";
import { readElf } from "../src/object/index.ts";
import { ExampleNetwork } from "../test/support/example-traffic/index.ts";
import { KernelTimer, type Random } from "./kernel-timing.ts";
import { table } from "./median.ts";

type Config = Srv6.Srv6Config;
interface Case {
  readonly name: string;
  readonly config: Config;
  readonly packet: Uint8Array;
  /** IP version of what leaves. */
  readonly leaves: 4 | 6;
  /** Nanoseconds by nanoseconds of the floor; absent where none was set. */
  readonly goal?: number;
  /** A session in each packet. */
  readonly random?: Random;
}

const SESSIONS = 1_000_000;
const ROUNDS = 15;
const REPEAT = 400_000;

const built = (path: string): Promise<unknown> => import(new URL(`../dist/${path}`, import.meta.url).href);

/** What the loaded program's maps give: it is of the built package, whose types are not those of the source. */
interface Maps {
  set(key: number, value: object): void;
  read(): Record<string, bigint>;
}

/** Of the packets: as the tests build them, by the same package. */
type Packets = typeof import("../src/packet/index.ts");

function casesOf({ build, Ethernet, Ipv4, Ipv6, srh, Udp, gtpU, VlanTag }: Packets): Case[] {
  const link = new Ethernet({ source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" });
  const inner4 = [
    new Ipv4({ source: "10.0.0.1", destination: "198.51.100.9", ttl: 64 }),
    new Udp({ sourcePort: 1000, destinationPort: 53 }),
    new Uint8Array(64),
  ];
  const inner6 = [
    new Ipv6({ source: "2001:db8::1", destination: "fc00:2::99", hopLimit: 64 }),
    new Udp({ sourcePort: 1000, destinationPort: 53 }),
    new Uint8Array(64),
  ];
  const ten = <T>(one: (i: number) => T): T[] => Array.from({ length: 10 }, (_, i) => one(i));
  const outer = (destination: string) => new Ipv6({ source: "2001:db8::1", destination, hopLimit: 64 });
  const via = { interface: "v1", address: "fd00:1::2" };
  const via4 = { interface: "v1", address: "10.9.1.2" };
  const sids = (behaviour: Srv6.BehaviourName, more: object = {}): Config => ({
    address: "fc00:1::1",
    sids: ten((i) => ({ sid: `fc00:1::e${i}`, behaviour, ...more })),
  });
  const encaps = (headend: Srv6.HeadendName, count: number, next: boolean): Config => ({
    address: "fc00:1::1",
    policies: [
      {
        name: "p",
        headend,
        flowLabel: 0,
        trafficClass: 0,
        paths: [
          { segments: Array.from({ length: count }, (_, i) => `fc00:2::${i + 1}`), ...(next ? { nextHop: via } : {}) },
        ],
      },
    ],
    steering: ten((i) => ({ prefix: `198.51.${100 + i}.0/24`, policy: "p" })),
  });
  const gtp: Config = {
    address: "fc00:1::1",
    policies: [
      {
        name: "p",
        headend: "H.M.GTP4.D",
        source: "fc00:1:1::/64",
        flowLabel: 0,
        trafficClass: 0,
        paths: [{ segments: ["fc00:2::/48"], nextHop: via }],
      },
    ],
    steering: ten((i) => ({ prefix: `192.0.2.${i + 1}/32`, policy: "p" })),
  };
  const path = srh({ segments: ["fc00:2::2", "fc00:1::e1"], segmentsLeft: 1 });
  const uplink = [
    link,
    new Ipv4({ source: "198.51.100.7", destination: "192.0.2.1", ttl: 64 }),
    new Udp({ sourcePort: 2152, destinationPort: 2152 }),
    gtpU({ teid: 0x11223344, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }] }),
    ...inner4,
  ];
  const mobile: Config = {
    address: "fc00:1::1",
    sids: ten((i) => ({ sid: `fc00:1:${i}::/48`, behaviour: "End.M.GTP4.E" })),
  };
  const mobile6: Config = {
    address: "fc00:1::1",
    sids: ten((i) => ({ sid: `fc00:1:${i}::/64`, behaviour: "End.M.GTP6.E", source: "fc00:1::1", nextHop: via })),
  };
  const one = (
    name: string,
    config: Config,
    packet: unknown[],
    leaves: 4 | 6,
    goal?: number,
    random?: Random,
  ): Case => ({
    name,
    config,
    packet: build(packet as never),
    leaves,
    ...(goal === undefined ? {} : { goal }),
    ...(random ? { random } : {}),
  });
  const many: Config = {
    ...gtp,
    sessions: Array.from({ length: SESSIONS }, (_, i) => ({ address: "192.0.2.1", teid: i + 1, policy: "p" })),
    sessionSlots: 2 ** 21,
  };
  const binding = (
    behaviour: Srv6.BehaviourName,
    headend: Srv6.HeadendName,
    segments = ["fc00:2::1", "fc00:2::2"],
  ): Config => ({
    ...sids(behaviour, { policy: "p" }),
    policies: [{ name: "p", headend, flowLabel: 0, trafficClass: 0, paths: [{ segments, nextHop: via }] }],
  });
  const csid: Config = {
    address: "fc00:1::1",
    sids: ten((i) => ({ sid: `fc00:1:${i}::/48`, behaviour: "End", flavours: ["NEXT-CSID"], block: 32, nextHop: via })),
  };
  const csidX: Config = { ...csid, sids: csid.sids!.map((sid) => ({ ...sid, behaviour: "End.X" })) };
  const walked = srh({ segments: ["fc00:1::e1", "fc00:1::1"], segmentsLeft: 0 });
  const dx2v = sids("End.DX2V", { table: 3, vlans: { 7: { interface: "v1" } } });
  const limited: Config = {
    address: "fc00:1::1",
    sids: [{ sid: "fc00:1:0:11::/64", behaviour: "End.Limit", groupBits: 16 }],
  };
  const limitedPath = srh({ segments: ["fc00:2::2", "fc00:1:0:11:7:7fff:ffff:0"], segmentsLeft: 1 });
  const tunnel = [
    new Udp({ sourcePort: 2152, destinationPort: 2152 }),
    gtpU({ teid: 0x11223344, extensions: [{ kind: "pduSession", direction: "uplink", qfi: 9 }] }),
  ];
  const insertion: Config = {
    ...encaps("H.Insert", 2, true),
    steering: ten((i) => ({ prefix: `2001:db8:${70 + i}::/48`, policy: "p" })),
  };
  const frames = (headend: Srv6.HeadendName): Config => ({
    ...encaps(headend, 2, true),
    steering: [{ interface: "lo", policy: "p" }],
  });
  const downlink = [
    link,
    new Ipv6({ source: "fc00:1:1:0:c633:6407:868::", destination: "fc00:1:3:c633:6407:2411:2233:4400", hopLimit: 64 }),
    ...inner4,
  ];
  return [
    one("End", sids("End"), [link, outer("fc00:1::e1"), path, ...inner4], 6, 0.2),
    one("End.X", sids("End.X", { nextHop: via }), [link, outer("fc00:1::e1"), path, ...inner4], 6, 0.2),
    ...[1, 2, 3].flatMap((count) => [
      one(`H.Encaps, ${count} segments`, encaps("H.Encaps", count, true), [link, ...inner4], 6, 0.22),
      one(`H.Encaps.Red, ${count} segments`, encaps("H.Encaps.Red", count, true), [link, ...inner4], 6, 0.22),
    ]),
    one("H.M.GTP4.D", gtp, uplink, 6, 0.25),
    one(
      "End.M.GTP6.E",
      mobile6,
      [
        link,
        outer("fc00:1:3::2400:1122:3344"),
        srh({ segments: ["fc00:2::2", "fc00:1:3::"], segmentsLeft: 1 }),
        ...inner4,
      ],
      6,
      0.3,
    ),
    one("End.DT4", sids("End.DT4"), [link, outer("fc00:1::e1"), ...inner4], 4, 0.45),
    one("End.DX4", sids("End.DX4", { nextHop: via4 }), [link, outer("fc00:1::e1"), ...inner4], 4, 0.45),
    one("End.DT6", sids("End.DT6"), [link, outer("fc00:1::e1"), ...inner6], 6, 0.2),
    one("End.M.GTP4.E", mobile, downlink, 4, 0.45),
    // Those without a goal: for the table of docs/srv6.md.
    one("End with PSP", sids("End", { flavours: ["PSP"] }), [link, outer("fc00:1::e1"), path, ...inner4], 6),
    // Popped, and the kernel's.
    one("End with USP", sids("End", { flavours: ["USP"] }), [link, outer("fc00:1::e1"), walked, ...inner4], 6),
    one("End with USD", sids("End", { flavours: ["USD"] }), [link, outer("fc00:1::e1"), walked, ...inner4], 4),
    one(
      "End with PSP, USP and USD",
      sids("End", { flavours: ["PSP", "USP", "USD"] }),
      [link, outer("fc00:1::e1"), path, ...inner4],
      6,
    ),
    one("End.X with NEXT-CSID", csidX, [link, outer("fc00:1:1:2::"), ...inner4], 6),
    one("End with NEXT-CSID", csid, [link, outer("fc00:1:1:2::"), ...inner4], 6),
    one("End.T", sids("End.T", { table: 254 }), [link, outer("fc00:1::e1"), path, ...inner4], 6),
    one("End.DX6", sids("End.DX6", { nextHop: via }), [link, outer("fc00:1::e1"), ...inner6], 6),
    one("End.DT46", sids("End.DT46"), [link, outer("fc00:1::e1"), ...inner4], 4),
    one("End.DX2", sids("End.DX2", { nextHop: { interface: "v1" } }), [link, outer("fc00:1::e1"), link, ...inner4], 6),
    one("End.DX2V", dx2v, [link, outer("fc00:1::e1"), link, new VlanTag({ vlan: 7 }), ...inner4], 6),
    one("End.B6.Encaps", binding("End.B6.Encaps", "H.Encaps"), [link, outer("fc00:1::e1"), path, ...inner4], 6),
    one(
      "End.B6.Encaps.Red",
      binding("End.B6.Encaps.Red", "H.Encaps.Red"),
      [link, outer("fc00:1::e1"), path, ...inner4],
      6,
    ),
    one("End.B6.Insert", binding("End.B6.Insert", "H.Insert"), [link, outer("fc00:1::e1"), path, ...inner4], 6),
    one("End.MAP", sids("End.MAP", { map: "fc00:2::2" }), [link, outer("fc00:1::e1"), ...inner4], 6),
    one("End.Limit", limited, [link, outer("fc00:1:0:11:7:7fff:ffff:0"), limitedPath, ...inner4], 6),
    one(
      "End.M.GTP6.D",
      binding("End.M.GTP6.D", "H.Encaps.Red", ["fc00:2::/64"]),
      [link, outer("fc00:1::e1"), ...tunnel, ...inner4],
      6,
    ),
    one(
      "End.M.GTP6.D.Di",
      binding("End.M.GTP6.D.Di", "H.Encaps"),
      [link, outer("fc00:1::e1"), ...tunnel, ...inner4],
      6,
    ),
    one(
      "H.Insert",
      insertion,
      [link, new Ipv6({ source: "2001:db8::1", destination: "2001:db8:77::7", hopLimit: 64 }), ...inner4],
      6,
    ),
    one("H.Encaps.L2", frames("H.Encaps.L2"), [link, ...inner4], 6),
    one("H.Encaps.L2.Red", frames("H.Encaps.L2.Red"), [link, ...inner4], 6),
    // The TEID is 46 bytes into the frame of the tunnel, 49 into that of the SID.
    one("H.M.GTP4.D, 1,000,000 sessions", many, uplink, 6, 1, { at: 46, count: SESSIONS }),
    one("End.M.GTP4.E, 1,000,000 sessions", mobile, downlink, 4, 1, { at: 49, count: SESSIONS }),
  ];
}

export async function benchSrv6(): Promise<string> {
  pinThread(0);
  const { importModule } = (await built("register/index.js")) as typeof import("../src/register/index.ts");
  const srv6 = (await importModule(
    fileURLToPath(new URL("../dataplanes/srv6/index.ts", import.meta.url)),
  )) as typeof Srv6;
  const kernel = (await built("kernel/index.js")) as typeof import("../src/kernel/index.ts");
  const packets = (await built("packet/index.js")) as Packets;
  using network = new ExampleNetwork();
  const inside = <T>(body: () => T): T => inNamespace(network.namespace.name, body);
  using floor = new LoadedObject(readElf(readFileSync(new URL("floor/floor.o", import.meta.url)), { name: "floor" }));
  const { build, Ethernet, Ipv4, Ipv6, Udp } = packets;
  const link = new Ethernet({ source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" });
  const udp = [new Udp({ sourcePort: 1, destinationPort: 53 }), new Uint8Array(64)];
  const floors = {
    4: build([link, new Ipv4({ source: "10.0.0.1", destination: "198.51.100.9", ttl: 64 }), ...udp]),
    6: build([link, new Ipv6({ source: "2001:db8::1", destination: "fc00:2::2", hopLimit: 64 }), ...udp]),
  };
  const rows: string[][] = [];
  for (const { name, config, packet, leaves, goal, random } of casesOf(packets)) {
    const plan = srv6.planOf(config);
    const { program, plane } = srv6.createProgram(plan);
    using loaded = await kernel.load([program] as never);
    const { map } = { map: (handle: object) => loaded.map(handle as never) as unknown as Maps };
    const content = srv6.contentOf(config, plan, { lo: 1, v1: network.egress })!;
    srv6.fill(loaded as never, plane, content);
    const hop = {
      interfaceIndex: network.egress,
      mtu: 1500,
      stations: { destination: "02:00:00:00:01:02", source: "02:00:00:00:01:01" },
      refusal: 0,
      port: 0,
      outer: 0,
      inner: 0,
    };
    for (const index of content.nextHops.keys())
      map(plane.tables.adjacencies).set(index, {
        active: 0,
        spare: 0,
        halves: [hop, hop],
        high: 0n,
        low: 0n,
        rest: Array<bigint>(4).fill(0n),
      });
    map(srv6.control).set(0, { generation: 1, keeps: 1, validUntil: 1n << 62n });
    using ours = new KernelTimer([loaded.program(program as never) as never], inside);
    using least = new KernelTimer([floor.program(`floor${leaves}`)], inside);
    const samples: [number, number][] = [];
    for (let round = 0; round < ROUNDS; round++)
      samples.push([
        least.time(floors[leaves], 1, REPEAT).middles[0]!,
        ours.time(packet, 1, REPEAT, random).middles[0]!,
      ]);
    const { forwarded, localDelivery } = map(srv6.outcomes).read();
    if (!forwarded && !localDelivery)
      throw new Error(
        `${name} did not forward: ${JSON.stringify(map(srv6.outcomes).read(), (_, v) => (v ? String(v) : undefined))}`,
      );
    const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
    const ns = [0, 1].map((i) => median(samples.map((sample) => sample[i]!)));
    const ratio = median(samples.map(([a, b]) => b / a));
    rows.push([name, ns[0]!.toFixed(0), ns[1]!.toFixed(0), ratio.toFixed(2), goal?.toFixed(2) ?? ""]);
    console.error(rows.at(-1)!.join(" "));
  }
  return table(["behaviour", "floor, ns", "ours, ns", "ratio", "goal"], rows);
}
