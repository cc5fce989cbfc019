/** Dropped packets with their reasons: as lines, as JSON, as a capture. */
import { writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { LinkType, PcapngWriter, parse, print, VerdictType } from "xdpkit/packet";
import { ask, type Where } from "./client.ts";
import { columns } from "./print.ts";
import type { DropReport } from "./report.ts";

export interface DropOptions extends Where {
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly write?: string;
}

const POLL_MS = 200;
/** if_tsresol: 10^-9 seconds. */
const NANOSECONDS = 9;
const XDP_DROP = 1n;

const bytesOf = ({ packet }: DropReport): Uint8Array => Uint8Array.from(Buffer.from(packet, "hex"));
const timeOf = ({ time }: DropReport): string =>
  new Date(Number(BigInt(time) / 1_000_000n)).toISOString().slice(11, 23);

function printDrops(drops: readonly DropReport[]): string {
  const rows = drops.map((one) => [timeOf(one), one.interface, one.reason, print(parse(bytesOf(one)))]);
  return columns([["time (UTC)", "interface", "reason", "packet"], ...rows]);
}

/** Each interface stands once, before its first packet; the reason is the packet's comment. */
class DropCapture {
  readonly #file: string;
  readonly #writer = new PcapngWriter();
  readonly #interfaces: string[] = [];

  /** @throws the file system's error */
  constructor(file: string) {
    this.#file = file;
    const options = [{ kind: "application", value: "xdpkit srv6" }] as const;
    writeFileSync(
      file,
      this.#writer.block({ kind: "section", byteOrder: "little", major: 1, minor: 0, length: -1n, options }),
    );
  }

  async add(drops: readonly DropReport[]): Promise<void> {
    for (const drop of drops) await appendFile(this.#file, this.#packet(drop));
  }

  #packet(drop: DropReport): Uint8Array {
    const blocks: Uint8Array[] = [];
    if (!this.#interfaces.includes(drop.interface)) {
      this.#interfaces.push(drop.interface);
      const options = [
        { kind: "name", value: drop.interface },
        { kind: "timestampResolution", value: NANOSECONDS },
      ] as const;
      blocks.push(this.#writer.block({ kind: "interface", linkType: LinkType.Ethernet, snapLength: 0, options }));
    }
    const packet = this.#writer.block({
      kind: "packet",
      block: "enhanced",
      interfaceId: this.#interfaces.indexOf(drop.interface),
      timestampNs: BigInt(drop.time),
      bytes: bytesOf(drop),
      originalLength: Math.max(drop.length, drop.packet.length / 2),
      options: [
        { kind: "comment", value: `dropped: ${drop.reason}` },
        { kind: "verdict", value: { type: VerdictType.LinuxXdp, value: XDP_DROP } },
      ],
    });
    return Buffer.concat([...blocks, packet]);
  }
}

/** Those that are kept, and with `follow` those that come, until it is ended. */
export async function drops(options: DropOptions): Promise<void> {
  const capture = options.write === undefined ? undefined : new DropCapture(options.write);
  let last = 0;
  for (let first = true; first || options.follow; first = false) {
    if (!first) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const fresh = (await ask(options, { command: "drops", since: last })) as DropReport[];
    last = fresh.at(-1)?.number ?? last;
    await capture?.add(fresh);
    if (options.json) for (const one of fresh) process.stdout.write(`${JSON.stringify(one)}\n`);
    else if (fresh.length > 0) process.stdout.write(printDrops(fresh));
    else if (first && !options.follow) process.stdout.write("no packet was dropped lately\n");
  }
}
