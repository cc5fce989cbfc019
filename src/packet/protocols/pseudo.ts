/**
 * The sum that an upper layer's checksum begins with: from the innermost IP header before it.
 *
 * RFC 8200 section 8.1: the destination is the final one. With segments left in an SRH that is its last segment, the
 * first of the list (RFC 8754 section 4.1).
 */
import { encode, ipv4Address, ipv6Address } from "../../schema/index.ts";
import { finishChecksum, sumPseudoHeader, sumWords } from "../checksum.ts";
import type { Located } from "./protocol.ts";

/** Type 0 (RFC 5095) and type 2 (RFC 6275) end in the final destination. */
const ENDS_IN_DESTINATION: ReadonlySet<number> = new Set([0, 2]);

/** Where the packet goes in the end, while this header still has segments left. */
function finalDestination(layer: Located): string | undefined {
  if (layer.kind === "srh") return layer.header.segmentsLeft > 0 ? layer.segments[0] : undefined;
  if (layer.kind !== "routing" || layer.header.segmentsLeft === 0) return undefined;
  if (!ENDS_IN_DESTINATION.has(layer.header.routingType) || layer.data.length < 20) return undefined;
  return ipv6Address(layer.data.subarray(-16));
}

/** Null when no IP header stands before the layer, or when only a fragment of what was summed is here. */
function pseudoSum(layers: readonly Located[], index: number, protocol: number, length: number): number | null {
  let final: string | undefined;
  for (let i = index - 1; i >= 0; i--) {
    const outer = layers[i] as Located;
    final ??= finalDestination(outer);
    if (outer.kind === "ipv4") {
      const { source, destination } = outer.header;
      return sumPseudoHeader({
        source: encode(ipv4Address, source),
        destination: encode(ipv4Address, destination),
        protocol,
        length,
      });
    }
    if (outer.kind === "ipv6") {
      const destination = encode(ipv6Address, final ?? outer.header.destination);
      return sumPseudoHeader({ source: encode(ipv6Address, outer.header.source), destination, protocol, length });
    }
  }
  return null;
}

/** True when the layer lies in a fragment: its checksum covers bytes that are elsewhere. */
export function isFragmented(layers: readonly Located[], index: number): boolean {
  for (let i = index - 1; i >= 0; i--) {
    const outer = layers[i] as Located;
    if (outer.kind === "fragment" && (outer.header.moreFragments || outer.header.fragmentOffset !== 0)) return true;
    if (outer.kind === "ipv4") return outer.header.isFragment;
    if (outer.kind === "ipv6") return false;
  }
  return false;
}

/** The Internet checksum of a layer and what it carries, its own field `at` taken as zero. `protocol` null: no pseudo-header. */
export function upperChecksum(
  bytes: Uint8Array,
  layers: readonly Located[],
  index: number,
  options: { readonly protocol: number | null; readonly at: number; readonly length?: number },
): number | null {
  const layer = layers[index] as Located;
  const end = options.length === undefined ? layer.end : Math.min(layer.end, layer.offset + options.length);
  const pseudo = options.protocol === null ? 0 : pseudoSum(layers, index, options.protocol, end - layer.offset);
  if (pseudo === null) return null;
  const hole = layer.offset + options.at;
  return finishChecksum(sumWords(bytes, hole + 2, end, sumWords(bytes, layer.offset, hole, pseudo)));
}
