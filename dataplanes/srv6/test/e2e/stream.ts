/**
 * A wire through an edge under traffic, each packet of which is counted where it leaves.
 *
 *   west ──── w1 edge e1 ──── east (counts)
 *   sends                     fc00:9:3::2, to which fc00:3::/32 leads
 */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inNamespace, type Loaded, load } from "xdpkit/kernel";
import { build, type Part } from "xdpkit/packet";
import { atEnd } from "../../../../test/support/cleanup.ts";
import { arrives } from "../frames.ts";
import { frames, tap } from "../tap.xdp.ts";
import { Edge, Host, join2 } from "./hosts.ts";

const REGISTER = fileURLToPath(new URL("../../../../dist/register/main.js", import.meta.url));
const SEND = fileURLToPath(new URL("send.ts", import.meta.url));
/** The neighbour that the traffic leaves to. */
export const VIA = "02:00:00:00:0e:02";

export class Stream implements AsyncDisposable {
  readonly edge: Edge;
  readonly middle: Host;
  readonly #west: Host;
  readonly #east: Host;
  readonly #taps: Loaded;
  #sender: ChildProcess | undefined;
  #said = "";

  private constructor(
    hosts: { readonly west: Host; readonly middle: Host; readonly east: Host },
    taps: Loaded,
    yaml: string,
  ) {
    this.#west = hosts.west;
    this.middle = hosts.middle;
    this.#east = hosts.east;
    this.#taps = taps;
    this.edge = new Edge(hosts.middle, yaml);
  }

  static async create(purpose: string, yaml: string): Promise<Stream> {
    const [west, middle, east] = ["west", "edge", "east"].map((place) => new Host(`${purpose}-${place}`)) as [
      Host,
      Host,
      Host,
    ];
    join2(west, "w0", middle, "w1");
    join2(middle, "e1", east, "e0");
    middle.ip("addr add fc00:9:3::1/64 dev e1 nodad", "-6 route add fc00:3::/32 via fc00:9:3::2");
    middle.ip(`neigh replace fc00:9:3::2 dev e1 lladdr ${VIA} nud permanent`);
    const taps = await load(tap);
    inNamespace(east.namespace.name, () => taps.attach(tap, { interface: "e0", via: "netlink" })[Symbol.dispose]());
    const stream = new Stream({ west, middle, east }, taps, yaml);
    await stream.edge.up();
    return stream;
  }

  /** Sends these packets by turns, each behind an Ethernet header to the edge, until `end`. */
  async begin(...packets: readonly (readonly Part[] | Uint8Array)[]): Promise<void> {
    const link = Object.assign(arrives, { destination: this.middle.namespace.link("w1").mac });
    const frame = build([link]);
    const bytes = packets.map((packet) =>
      packet instanceof Uint8Array
        ? Buffer.concat([frame.subarray(0, 12), packet.subarray(12)])
        : build([link, ...packet]),
    );
    const hex = bytes.map((one) => Buffer.from(one).toString("hex"));
    const words = ["--import", REGISTER, SEND, this.#west.namespace.name, "w0", ...hex];
    this.#sender = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
    this.#sender.once(
      "exit",
      atEnd(() => this.#sender!.kill("SIGKILL")),
    );
    this.#sender.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
    await this.#saying(/sends/);
  }

  /** How many of each packet were sent; all have arrived. */
  async end(): Promise<number> {
    this.#sender!.stdin!.end();
    const sent = Number((await this.#saying(/sent (\d+)/))[1]);
    await setTimeout(300);
    return sent;
  }

  /** Frames at the far end, by the neighbour that they were sent to. */
  arrived(mac = VIA): number {
    return Number(this.#taps.map(frames).get({ destination: mac, vlan: 0 }) ?? 0n);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender?.kill("SIGKILL");
    await this.edge.down().catch(() => {});
    this.edge[Symbol.dispose]();
    this.#taps[Symbol.dispose]();
    for (const host of [this.#west, this.middle, this.#east]) host[Symbol.dispose]();
  }

  async #saying(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const found = this.#said.match(pattern);
      if (found) return found;
      await setTimeout(20);
    }
  }
}
