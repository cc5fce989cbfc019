/**
 * The checksums of a packet, compared with what they should be.
 *
 * Invariant: `wrong` is said only of a checksum whose bytes are all here; a fragment or a truncated layer is `unknown`.
 */
import type { LayerKind, Packet, ParsedLayer } from "./layer.ts";
import { protocol } from "./protocols/index.ts";
import { isFragmented } from "./protocols/pseudo.ts";

/** Whether a checksum is right. */
export interface ChecksumResult {
  /** Kind of the layer that has it. */
  readonly layer: LayerKind;
  /** Index in `packet.layers`. */
  readonly index: number;
  /** Of the checksum, bytes from the start of the packet. */
  readonly offset: number;
  /** As in the packet. */
  readonly stored: number;
  /** Null when it cannot be known. */
  readonly expected: number | null;
  /** `absent`: zero in UDP, which means that there is none (over IPv6 RFC 6936 allows that to tunnels alone). */
  readonly verdict: "right" | "wrong" | "absent" | "unknown";
}

/** One result per checksum, outermost first. */
export function verifyChecksums(packet: Packet): readonly ChecksumResult[] {
  return packet.layers.flatMap((layer, index) => verifyLayer(packet, layer, index) ?? []);
}

function verifyLayer(packet: Packet, layer: ParsedLayer, index: number): ChecksumResult | null {
  const rule = protocol(layer.kind).checksum;
  const at = rule?.at(layer as never) ?? null;
  if (!rule || at === null) return null;
  const offset = layer.offset + at;
  if (offset + rule.size > packet.bytes.length) return null;
  const view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset, packet.bytes.byteLength);
  const stored = rule.size === 2 ? view.getUint16(offset) : view.getUint32(offset);
  const expected = isWhole(packet, layer, index) ? rule.expected(packet.bytes, packet.layers, index) : null;
  return { layer: layer.kind, index, offset, stored, expected, verdict: judge(layer, stored, expected) };
}

function judge(layer: ParsedLayer, stored: number, expected: number | null): ChecksumResult["verdict"] {
  if (layer.kind === "udp" && stored === 0) return "absent";
  if (expected === null) return "unknown";
  return sameSum(stored, expected) ? "right" : "wrong";
}

/** Zero and all ones are the same number in ones' complement. */
function sameSum(a: number, b: number): boolean {
  return a === b || (a % 0xffff === 0 && b % 0xffff === 0 && a <= 0xffff && b <= 0xffff);
}

/** An IPv4 header's own checksum does not depend on its payload. */
function isWhole(packet: Packet, layer: ParsedLayer, index: number): boolean {
  if (layer.kind === "ipv4") return layer.offset + layer.header.headerLength <= packet.bytes.length;
  if (isFragmented(packet.layers, index)) return false;
  return !packet.faults.some((fault) => fault.kind === "truncated" && fault.index <= index);
}
