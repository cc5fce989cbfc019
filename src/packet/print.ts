/**
 * A packet in one line, as a packet list shows it: addresses, protocol, length, and what the innermost layer says; then
 * the tunnels around it, innermost first.
 *
 *   10.0.0.1 → 10.0.0.2 UDP 52 40000 → 53 Len=10 | VLAN 100
 *   10.1.0.1 → 8.8.8.8 TCP 118 1024 → 443 [SYN] Seq=0 Win=64240 Len=0 | GTP-U TEID 0x00000001 QFI 9 | 192.0.2.1 → 192.0.2.2
 */
import { layoutOf, nameOfValue, type StructLayout } from "../schema/index.ts";
import { Ethernet } from "./headers/index.ts";
import type { LayerKind, Packet, ParsedLayer } from "./layer.ts";
import { type ParseOptions, parse } from "./parse.ts";
import { protocol } from "./protocols/index.ts";

const NAMES: Readonly<Record<LayerKind, string>> = {
  ethernet: "Ethernet",
  vlan: "VLAN",
  arp: "ARP",
  mpls: "MPLS",
  pppoe: "PPPoE",
  ppp: "PPP",
  ipv4: "IPv4",
  ipv6: "IPv6",
  hopByHop: "IPv6",
  destinationOptions: "IPv6",
  routing: "IPv6",
  srh: "IPv6",
  fragment: "IPv6",
  ah: "AH",
  esp: "ESP",
  icmp: "ICMP",
  icmpv6: "ICMPv6",
  routerSolicitation: "ICMPv6",
  routerAdvertisement: "ICMPv6",
  neighbourSolicitation: "ICMPv6",
  neighbourAdvertisement: "ICMPv6",
  redirect: "ICMPv6",
  tcp: "TCP",
  udp: "UDP",
  sctp: "SCTP",
  gtpU: "GTP-U",
  gre: "GRE",
  vxlan: "VXLAN",
  geneve: "Geneve",
  gue: "GUE",
};

/** Layers that have addresses. */
const ADDRESSED: ReadonlySet<LayerKind> = new Set(["ethernet", "arp", "ipv4", "ipv6"]);
/** Layers whose place in the line is behind the bar. */
const AROUND: ReadonlySet<LayerKind> = new Set([
  "vlan",
  "mpls",
  "pppoe",
  "ppp",
  "srh",
  "routing",
  "ah",
  "gtpU",
  "gre",
  "vxlan",
  "geneve",
  "gue",
]);

/** One line without the time. Never throws. */
export function print(packet: Packet | Uint8Array, options: ParseOptions = {}): string {
  const parsed = packet instanceof Uint8Array ? parse(packet, options) : packet;
  const faults = parsed.faults.map((fault) => ` [${fault.kind}: ${fault.layer} at ${fault.offset}, ${fault.message}]`);
  return `${printLayers(parsed)}${faults.join("")}`;
}

function printLayers({ layers, bytes }: Packet): string {
  const last = layers.findLastIndex((layer) => ADDRESSED.has(layer.kind));
  if (last < 0) return `${bytes.length} bytes`;
  const inner = layers.slice(last);
  const subject = inner.findLast((layer) => !AROUND.has(layer.kind) || layer === inner.at(-1)) as ParsedLayer;
  const name = nameOf(subject);
  const head = `${printAddresses(layers[last] as ParsedLayer)} ${name} ${bytes.length}`;
  const info = sayAll(inner, subject).join(" ").replace(`${name} `, "");
  const around = layers.filter((layer, i) => layer !== subject && isAround(layer, i < last)).reverse();
  return [info ? `${head} ${info}` : head, ...around.map((layer) => printAround(layer))].join(" | ");
}

/** A tunnel's own message speaks for itself; other layers tell what is special about those before them. */
function sayAll(inner: readonly ParsedLayer[], subject: ParsedLayer): readonly string[] {
  if (AROUND.has(subject.kind)) return [say(subject)];
  return inner.flatMap((layer) => (AROUND.has(layer.kind) ? [] : say(layer) || []));
}

/** Outer IP headers, and all tunnel headers; Ethernet only inside another packet says nothing new. */
function isAround(layer: ParsedLayer, isOuter: boolean): boolean {
  return AROUND.has(layer.kind) || (isOuter && (layer.kind === "ipv4" || layer.kind === "ipv6"));
}

function printAround(layer: ParsedLayer): string {
  return AROUND.has(layer.kind) ? say(layer) : printAddresses(layer);
}

function say(layer: ParsedLayer): string {
  return protocol(layer.kind).summary?.(layer as never, layer.end - layer.offset - layer.length) ?? "";
}

function nameOf(layer: ParsedLayer): string {
  if (layer.kind !== "ethernet") return NAMES[layer.kind];
  const { fields } = layoutOf(Ethernet) as StructLayout;
  const etherType = fields.find((field) => field.name === "etherType");
  const { etherType: value } = layer.header;
  return (etherType && nameOfValue(etherType.layout, value)) ?? `0x${value.toString(16).padStart(4, "0")}`;
}

function printAddresses(layer: ParsedLayer): string {
  switch (layer.kind) {
    case "ethernet":
    case "ipv4":
    case "ipv6":
      return `${layer.header.source} → ${layer.header.destination}`;
    case "arp":
      return `${layer.header.senderMac} → ${layer.header.targetMac}`;
    default:
      return "";
  }
}
