/**
 * The capture that `xdpkit run --out` writes: each packet as it came in and as it left.
 *
 * Interface 0 is `entry`; behind it comes one interface per verdict. Both packets of a pair carry the same epb_packetid;
 * the second has the verdict in epb_verdict (type 2, Linux_eBPF_XDP), which Wireshark shows as frame.verdict.ebpf_xdp.
 */
import { LinkType, type PacketOption, PcapngWriter, VerdictType } from "../packet/index.ts";
import type { EngineVerdict } from "./engine.ts";
import type { OutputFile } from "./files.ts";

/** Interface names by number; verdict n is interface n + 1. */
const INTERFACES = ["entry", "XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"] as const;
/** if_tsresol: 10^-9 seconds. */
const NANOSECONDS = 9;

export class VerdictCapture {
  readonly #file: OutputFile;
  readonly #writer = new PcapngWriter();
  #id = 0n;

  constructor(file: OutputFile) {
    this.#file = file;
  }

  /** The section and its interfaces: a capture without packets is one, too. */
  begin(program: string): void {
    this.#file.write(
      this.#writer.block({
        kind: "section",
        byteOrder: "little",
        major: 1,
        minor: 0,
        length: -1n,
        options: [
          { kind: "application", value: "xdpkit" },
          { kind: "comment", value: `verdicts of ${program}` },
        ],
      }),
    );
    for (const name of INTERFACES) {
      this.#file.write(
        this.#writer.block({
          kind: "interface",
          linkType: LinkType.Ethernet,
          snapLength: 0,
          options: [
            { kind: "name", value: name },
            { kind: "timestampResolution", value: NANOSECONDS },
          ],
        }),
      );
    }
  }

  add(packet: Uint8Array, originalLength: number, timestampNs: bigint, verdict: EngineVerdict): void {
    const id: PacketOption = { kind: "packetId", value: ++this.#id };
    this.#packet(0, packet, originalLength, timestampNs, [id]);
    const known = INTERFACES.indexOf(verdict.name);
    const value = { type: VerdictType.LinuxXdp, value: BigInt(verdict.action) };
    const where = describeRedirect(verdict);
    const comment: PacketOption[] = where === "" ? [] : [{ kind: "comment", value: where }];
    const { packet: after } = verdict;
    this.#packet(known, after, after.length, timestampNs, [id, { kind: "verdict", value }, ...comment]);
  }

  /** A packet whose run faulted has an entry and no exit. */
  addFault(packet: Uint8Array, originalLength: number, timestampNs: bigint, message: string): void {
    const options: PacketOption[] = [
      { kind: "packetId", value: ++this.#id },
      { kind: "comment", value: message },
    ];
    this.#packet(0, packet, originalLength, timestampNs, options);
  }

  #packet(
    interfaceId: number,
    bytes: Uint8Array,
    originalLength: number,
    timestampNs: bigint,
    options: readonly PacketOption[],
  ): void {
    const record = {
      kind: "packet",
      block: "enhanced",
      interfaceId,
      timestampNs,
      bytes,
      originalLength,
      options,
    } as const;
    this.#file.write(this.#writer.block(record));
  }
}

/** `to interface 3`, `to CPU 1`, `redirect fails: ENETDOWN`; "" without a redirect. */
function describeRedirect({ redirect }: EngineVerdict): string {
  if (!redirect) return "";
  if (redirect.failure !== undefined) return `redirect fails: ${redirect.failure}`;
  if (redirect.cpu !== undefined) return `to CPU ${redirect.cpu}`;
  if (redirect.socket !== undefined) return `to socket ${redirect.socket}`;
  return `to interface ${redirect.interfaces.join(", ")}`;
}
