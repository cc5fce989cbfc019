/** Programs of `peers/`: scapy's codecs on sockets and devices of the kernel. */
import { fileURLToPath } from "node:url";
import type { Host, Running } from "./hosts.ts";

/** Debian's interpreter, which finds the packaged scapy. */
const PYTHON = "/usr/bin/python3";
/** What a test needs: the path of the package. */
export const SCAPY = "/usr/lib/python3/dist-packages/scapy/contrib/gtp.py";

async function start(host: Host, name: string, options: object, more: readonly string[] = []): Promise<Running> {
  const script = fileURLToPath(new URL(`./peers/${name}`, import.meta.url));
  const words = Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)]);
  const running = host.start(PYTHON, "-B", script, ...words, ...more);
  await running.said(/^ready$/m);
  return running;
}

/** A tunnel's end: a TUN device, GTP-U, a UDP socket. */
export interface TunnelEnd {
  /** The TUN device that it makes. */
  readonly device: string;
  readonly local: string;
  readonly remote: string;
  /** TEID, QFI and `uplink` or `downlink`. */
  readonly send: string;
  readonly take: string;
  readonly more?: readonly string[];
}

export const gtp6 = (host: Host, { more = [], ...options }: TunnelEnd): Promise<Running> =>
  start(host, "gtp6.py", options, more);

/** A VLAN: a TAP device, tags, an interface or frames in IPv6 between two addresses. */
export type Vlan = { readonly device: string; readonly vlan: number } & (
  | { readonly interface: string }
  | { readonly source: string; readonly sid: string }
);
export const vlan = (host: Host, options: Vlan): Promise<Running> => start(host, "vlan.py", options);
