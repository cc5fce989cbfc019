/**
 * An SRv6 domain for end-to-end tests: our edge between two kernels with SRv6 of their own (seg6, seg6local).
 *
 *   west ──── w1 edge e1 ──── east ──── far
 *   10.1.0.2                            10.3.0.2
 *   fd01::2                             fd03::2
 *
 * The edge runs the data plane; west and east are kernels that encapsulate and decapsulate. SIDs of fc00:1::/32 are west's,
 * of fc00:2::/32 the edge's, of fc00:3::/32 east's.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { Capture, Edge, Host, join2 } from "./hosts.ts";

export const PINGS = 20;
export const FAULTS = "_ws.expert.severity >= 6291456 || _ws.malformed";

/** Captures on both sides of the edge. */
export interface Captures {
  readonly atWest: Capture;
  readonly atEast: Capture;
}

export class Domain implements Disposable {
  readonly west = new Host("peer-west");
  readonly middle = new Host("peer-edge");
  readonly east = new Host("peer-east");
  readonly far = new Host("peer-far");
  /** For captures. */
  readonly folder = mkdtempSync(join(tmpdir(), "xdpkit-peer-"));
  /** RFC 6936: tshark takes a zero UDP checksum over IPv6 for a fault unless told. */
  takesZeroChecksums = false;
  #edge: Edge | undefined;

  constructor() {
    const { west, middle, east, far } = this;
    join2(west, "w0", middle, "w1");
    join2(middle, "e1", east, "e0");
    join2(east, "f1", far, "f0");
    east.ip("addr add 10.3.0.1/24 dev f1", "addr add fd03::1/64 dev f1 nodad");
    far.ip(
      "addr add 10.3.0.2/24 dev f0",
      "addr add fd03::2/64 dev f0 nodad",
      "route add default via 10.3.0.1",
      "-6 route add default via fd03::1",
    );
    west.ip(
      "addr add 10.1.0.2/32 dev lo",
      "addr add fd01::2/128 dev lo",
      "addr add 10.9.1.2/24 dev w0",
      "addr add fc00:9:1::2/64 dev w0 nodad",
    );
    middle.ip("addr add 10.9.1.1/24 dev w1", "addr add fc00:9:1::1/64 dev w1 nodad");
    middle.ip("addr add 10.9.3.1/24 dev e1", "addr add fc00:9:3::1/64 dev e1 nodad");
    east.ip("addr add 10.9.3.2/24 dev e0", "addr add fc00:9:3::2/64 dev e0 nodad");
    middle.ip("route add 10.1.0.0/24 via 10.9.1.2", "route add 10.3.0.0/24 via 10.9.3.2");
    middle.ip("-6 route add fd01::/64 via fc00:9:1::2", "-6 route add fd03::/64 via fc00:9:3::2");
    middle.ip("-6 route add fc00:1::/32 via fc00:9:1::2", "-6 route add fc00:3::/32 via fc00:9:3::2");
    west.ip("-6 route add fc00:2::/32 via fc00:9:1::1", "-6 route add fc00:3::/32 via fc00:9:1::1");
    east.ip("-6 route add fc00:2::/32 via fc00:9:3::1", "-6 route add fc00:1::/32 via fc00:9:3::1");
  }

  /** Starts the data plane on interfaces of the edge. */
  async start(yaml: string, interfaces = "w1, e1"): Promise<Edge> {
    this.#edge = new Edge(
      this.middle,
      `interfaces: [${interfaces}]\naddress: "fc00:2::1"\naddress4: 10.9.1.1\n${yaml}`,
    );
    await this.#edge.up();
    return this.#edge;
  }

  /** The data plane. @throws Error before `start` */
  get edge(): Edge {
    if (!this.#edge) throw new Error("it has not been started");
    return this.#edge;
  }

  /** What goes through both sides of the edge meanwhile; tshark reads it without a warning. */
  async captured(body: () => Promise<void>): Promise<Captures> {
    const [atWest, atEast] = await Promise.all([
      Capture.start(this.west, "w0", this.folder),
      Capture.start(this.east, "e0", this.folder),
    ]);
    await body();
    await Promise.all([atWest.stop(), atEast.stop()]);
    if (this.takesZeroChecksums)
      for (const one of [atWest, atEast]) one.preferences = ["udp.ignore_ipv6_zero_checksum:TRUE"];
    const faults = await Promise.all([atWest, atEast].map((capture) => capture.fields(FAULTS, "_ws.col.info")));
    expect(faults).toEqual([[], []]);
    return { atWest, atEast };
  }

  /** Pings from west; none is lost. */
  ping = (from: string, to: string): Promise<Captures> => this.captured(() => pingAll(this.west, from, to));

  async down(): Promise<void> {
    await this.#edge?.down().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#edge?.[Symbol.dispose]();
    for (const host of [this.west, this.middle, this.east, this.far]) host[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** `PINGS` pings, none of which is lost. */
export async function pingAll(host: Host, from: string, to: string, ...words: readonly string[]): Promise<void> {
  // The first may wait for neighbours: it ends with the first answer, at the latest after 10 s.
  await host.run("ping", "-c", "1", "-i", "0.2", "-w", "10", "-I", from, to).catch(() => {});
  const said = await host
    .run("ping", "-c", `${PINGS}`, "-i", "0.02", "-W", "10", "-I", from, ...words, to)
    .catch(({ stdout }) => String(stdout));
  expect(said).toContain(`${PINGS} packets transmitted, ${PINGS} received, 0% packet loss`);
}

/** A domain of its own for each test of a suite. */
export function domainOfEach(): { readonly current: Domain } {
  const holder: { current: Domain } = { current: undefined as never };
  beforeEach(() => {
    holder.current = new Domain();
  });
  afterEach(async () => {
    await holder.current.down();
    holder.current[Symbol.dispose]();
  });
  return holder;
}

/** Every ping was seen so. */
export async function eachPing(capture: Capture, filter: string): Promise<void> {
  expect(await capture.count(filter)).toBeGreaterThanOrEqual(PINGS);
}
