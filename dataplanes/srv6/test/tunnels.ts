/** Tunnels of GTP-U for the tables of tests, and the addresses that they become. */
import type { GtpExtensionValue, Part } from "xdpkit/packet";
import { gtpU, inner4 } from "./frames.ts";

export const MTU = 1500;
export const TEID = 0x11223344;
/** The tunnel's end at the core, as the radio network sees it. */
export const UPF = "192.0.2.1";
export const tunnelPorts = { sourcePort: 2153, destinationPort: 2152 };

export const uplink: GtpExtensionValue = { kind: "pduSession", direction: "uplink", qfi: 9 } as GtpExtensionValue;
export const downlink = (more: object = {}): GtpExtensionValue =>
  ({ kind: "pduSession", direction: "downlink", qfi: 9, ...more }) as GtpExtensionValue;
export const unknownExtension = (type: number): GtpExtensionValue =>
  ({ kind: "unknown", type, body: new Uint8Array(2) }) as GtpExtensionValue;

export const gtp = (more: object = {}): Part => gtpU({ teid: TEID, messageType: 255, ...more } as never);
export const carried = inner4;

/** TS 29.281 section 7.2.2, behind the UDP header: Recovery with a counter of zero. */
export const echoResponse = (sequence: number): Part[] => [
  gtpU({ teid: 0, messageType: 2, sequence } as never),
  Uint8Array.of(14, 0),
];
export const echoRequest = (more: object = { sequence: 0x1234 }): Part[] => [
  gtpU({ teid: 0, messageType: 1, ...more } as never),
];

/** Behind the locator fc00:2::/48: 192.0.2.1, QFI 9 with R or not, the TEID. */
export const sidOf = (qfi = 9, reflective = 0): string => {
  const octet = ((qfi << 2) | (reflective << 1)).toString(16).padStart(2, "0");
  return `fc00:2:0:c000:201:${octet}11:2233:4400`;
};
/** Prefix fc00:1:1:0, then 198.51.100.7 and port 2153. */
export const SOURCE = "fc00:1:1:0:c633:6407:869:0";
