/**
 * `parse`: bytes to layers. It never throws: hostile packets are normal, and what is wrong with one is a `Fault`.
 *
 * Invariant: the layers, the payload and the padding cover every byte once, so `encode(parse(bytes))` is `bytes`.
 */
import { plainBytes } from "../base/index.ts";
import { kindOfVersion } from "./follow.ts";
import type { Fault, LayerKind, Packet, Padding, ParsedLayer } from "./layer.ts";
import { protocol } from "./protocols/index.ts";
import type { Dissected, Input } from "./protocols/protocol.ts";

/** More layers than this are left as payload. */
export const MAX_LAYERS = 64;
/** More Ethernet and IP headers inside each other than this are left as payload. */
export const MAX_DEPTH = 8;

/** The tcpdump.org link types whose packets are read; of others everything is payload. */
export const LinkType = Object.freeze({ Ethernet: 1, Raw: 101, Ipv4: 228, Ipv6: 229 });

/** Names and places for errors. */
export interface ParseOptions {
  /** LINKTYPE_ number of the capture; 1 (Ethernet) when absent. */
  readonly linkType?: number;
}

/** Reads as many layers as there are. */
export function parse(bytes: Uint8Array, options: ParseOptions = {}): Packet {
  const plain = plainBytes(bytes);
  const walk = new Walk(plain);
  let next = firstLayer(plain, options.linkType ?? LinkType.Ethernet);
  while (next) next = walk.step(next);
  return walk.finish();
}

function firstLayer(bytes: Uint8Array, linkType: number): LayerKind | null {
  switch (linkType) {
    case LinkType.Ethernet:
      return "ethernet";
    case LinkType.Ipv4:
      return "ipv4";
    case LinkType.Ipv6:
      return "ipv6";
    // 12 is what BSD systems write for Raw.
    case LinkType.Raw:
    case 12:
      return kindOfVersion(bytes, 0, bytes.length);
    default:
      return null;
  }
}

const OPENS_A_PACKET: ReadonlySet<LayerKind> = new Set(["ethernet", "ipv4", "ipv6"]);

/** The state of one parse: how far it came, and what it found. */
class Walk {
  readonly #bytes: Uint8Array;
  readonly #layers: ParsedLayer[] = [];
  readonly #padding: Padding[] = [];
  readonly #faults: Fault[] = [];
  #offset = 0;
  #end: number;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Reads one layer; returns what follows it. */
  step(kind: LayerKind): LayerKind | null {
    if (OPENS_A_PACKET.has(kind)) this.#depth++;
    if (this.#layers.length >= MAX_LAYERS || this.#depth > MAX_DEPTH)
      return this.#fault("tooDeep", kind, "not followed further");
    const { header, dissect } = protocol(kind);
    const left = this.#end - this.#offset;
    if (left < header.size)
      return this.#fault("truncated", kind, `the header takes ${header.size} bytes, ${left} are left`);
    const input: Input = { bytes: this.#bytes, offset: this.#offset, end: this.#end, outer: this.#layers };
    return this.#add(dissect(input));
  }

  #fault(kind: Fault["kind"], layer: LayerKind, message: string): null {
    this.#faults.push({ kind, layer, index: this.#layers.length, offset: this.#offset, message });
    return null;
  }

  #add({ layer, length, end = this.#end, next, fault }: Dissected): LayerKind | null {
    if (fault) this.#fault(fault.kind, layer.kind, fault.message);
    const place = { offset: this.#offset, length, end };
    if (end < this.#end) {
      this.#padding.unshift({
        kind: "padding",
        bytes: this.#bytes.subarray(end, this.#end),
        layer: this.#layers.length,
      });
    }
    this.#layers.push({ ...layer, ...place });
    this.#offset += length;
    this.#end = end;
    return next;
  }

  finish(): Packet {
    return {
      bytes: this.#bytes,
      layers: this.#layers,
      payload: this.#bytes.subarray(this.#offset, this.#end),
      payloadOffset: this.#offset,
      padding: this.#padding,
      faults: this.#faults,
    };
  }
}

/** The layers of a kind, outermost first. */
export function layersOf<K extends LayerKind>(packet: Packet, kind: K): readonly Extract<ParsedLayer, { kind: K }>[] {
  return packet.layers.filter((layer) => layer.kind === kind) as Extract<ParsedLayer, { kind: K }>[];
}
