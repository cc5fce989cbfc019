/** A tunnel's end by scapy and the kernel's UDP socket: `peers/gtp6.py`. */
import { fileURLToPath } from "node:url";
import type { Host, Running } from "./hosts.ts";

/** Debian's interpreter, which finds the packaged scapy. */
const PYTHON = "/usr/bin/python3";
/** What a test needs: the path of the package. */
export const SCAPY = "/usr/lib/python3/dist-packages/scapy/contrib/gtp.py";
const script = (name: string): string => fileURLToPath(new URL(`./peers/${name}`, import.meta.url));

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

export async function gtp6(host: Host, { more = [], ...options }: TunnelEnd): Promise<Running> {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const running = host.start(PYTHON, "-B", script("gtp6.py"), ...words, ...more);
  await running.said(/^ready$/m);
  return running;
}
