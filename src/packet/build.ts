/**
 * `build`: layers and payload to bytes. Lengths, types of what follows, and checksums that are left out are
 * computed; every one that is given is written as it is, so that wrong packets can be made as well.
 *
 * Left out means: not given to the constructor, and still zero. Decoded headers have every field given; `recompute`
 * takes those that can be computed away again.
 *
 * Invariant: parts are placed first and written last to first, so that a checksum finds what it covers.
 */
import { encodeInto, inside, isGiven, isSchema, leaveOut, type Schema } from "../schema/index.ts";
import { GtpExtension, GtpOptional, PduSessionContainer } from "./headers/index.ts";
import type { Layer, LayerKind, Packet, Padding } from "./layer.ts";
import { type AnyProtocol, LAYER_KINDS, protocol, protocolOfHeader } from "./protocols/index.ts";
import { type Located, notALayer } from "./protocols/protocol.ts";

/** A layer, a header instance, payload, or padding that no length counts. */
export type Part = Layer | Padding | Uint8Array | object;

/** Bytes behind the packet, such as Ethernet's padding: no length counts them. */
export function padding(bytes: Uint8Array): Padding {
  return { kind: "padding", bytes, layer: 0 };
}

/**
 * The bytes of a packet. Throws PACKET_NOT_A_LAYER, and what `encode` of a schema throws, at a path such as
 * `$[2].ttl`, where 2 counts the parts.
 */
export function build(parts: readonly Part[] | Packet): Uint8Array {
  const placed = place((isPacket(parts) ? partsOf(parts) : parts).map(toItem));
  const bytes = new Uint8Array(placed.at(-1)?.behind ?? 0);
  const located = placed.map((_, index) => write(placed, index, bytes));
  for (let index = placed.length - 1; index >= 0; index--) writeChecksum(placed, located, index, bytes);
  return bytes;
}

/** What `build` takes to give the packet again. */
export function partsOf(packet: Packet): Part[] {
  return [...packet.layers, packet.payload, ...packet.padding];
}

/**
 * Copies in which lengths, checksums, and the types of layers that follow count as left out. What announces payload
 * stays: nothing else says what the payload is.
 */
export function recompute(parts: readonly Part[] | Packet): Part[] {
  const list = isPacket(parts) ? partsOf(parts) : [...parts];
  const items = list.map(toItem);
  return list.map((part, index) => recomputed(items[index] as Item, items[index + 1]) ?? part);
}

function recomputed({ layer, rules }: Item, next: Item | undefined): Layer | null {
  if (!layer || !rules) return null;
  const announced = next?.layer && rules.announces ? [rules.announces] : [];
  const header = leaveOut(layer.header, [...rules.computed, ...announced]);
  const copy = { ...layer, header } as Layer;
  return copy.kind === "gre" && copy.checksum !== undefined ? { ...copy, checksum: null } : copy;
}

function isPacket(parts: readonly Part[] | Packet): parts is Packet {
  return !Array.isArray(parts);
}

/** A part, told apart. */
interface Item {
  readonly layer: Layer | null;
  readonly rules: AnyProtocol | null;
  /** Of the layer, or a struct that is none. */
  readonly header: object | null;
  /** What is written behind the header. */
  readonly bytes: Uint8Array;
  /** For padding: lengths from this index on do not count it. */
  readonly uncountedFrom: number;
}

/** What a part that is no layer looks like to checksum rules, which look for layers before theirs. */
const NO_LAYER = { kind: "payload", header: null };
const COUNTED = Number.POSITIVE_INFINITY;

function toItem(part: Part, index: number): Item {
  if (part instanceof Uint8Array)
    return { layer: null, rules: null, header: null, bytes: part, uncountedFrom: COUNTED };
  if (typeof part !== "object" || part === null) throw notALayer(String(part), index);
  if ("kind" in part && part.kind === "padding" && "bytes" in part) {
    const { bytes, layer: uncountedFrom } = part as Padding;
    return { layer: null, rules: null, header: null, bytes, uncountedFrom };
  }
  return headerItem(part, index);
}

function headerItem(part: object, index: number): Item {
  const isLayer = "kind" in part && LAYER_KINDS.includes(part.kind as LayerKind);
  const rules = isLayer ? protocol((part as Layer).kind) : protocolOfHeader(part);
  if (rules) {
    const layer = (isLayer ? part : rules.wrap(part as never)) as Layer;
    if (!(layer.header instanceof rules.header)) throw notALayer(`a layer ${layer.kind} without its header`, index);
    const bytes = variablePart(rules, layer, index);
    return { layer, rules, header: layer.header, bytes, uncountedFrom: COUNTED };
  }
  if (!isSchema(part.constructor)) throw notALayer("an object that is neither header nor layer", index);
  return { layer: null, rules: null, header: part, bytes: new Uint8Array(0), uncountedFrom: COUNTED };
}

function variablePart(rules: AnyProtocol, layer: Layer, index: number): Uint8Array {
  try {
    return rules.variable?.(layer as never) ?? new Uint8Array(0);
  } catch (error) {
    throw inside(error, `[${index}]`);
  }
}

interface Placed {
  readonly item: Item;
  readonly offset: number;
  /** Header and variable part, bytes. */
  readonly length: number;
  /** Where this part ends in the packet. */
  readonly behind: number;
  /** Where what lengths count ends. */
  readonly end: number;
}

const sizeOf = ({ header, bytes }: Item) =>
  (header ? (header.constructor as unknown as { size: number }).size : 0) + bytes.length;

function place(items: readonly Item[]): readonly Placed[] {
  let offset = 0;
  const total = items.reduce((sum, item) => sum + sizeOf(item), 0);
  return items.map((item, index) => {
    const length = sizeOf(item);
    const uncounted = items.reduce((sum, one) => sum + (index >= one.uncountedFrom ? one.bytes.length : 0), 0);
    const start = offset;
    offset += length;
    return { item, offset: start, length, behind: offset, end: Math.max(offset, total - uncounted) };
  });
}

/** Writes a part but for its checksum; returns it with its header complete. */
function write(placed: readonly Placed[], index: number, bytes: Uint8Array): Located {
  const { item, offset, length, behind, end } = placed[index] as Placed;
  bytes.set(item.bytes, behind - item.bytes.length);
  const place = { offset, length, end };
  if (!item.header) return { ...NO_LAYER, ...place } as unknown as Located;
  const values = item.rules ? layerValues(placed, index) : looseValues(placed, index);
  const header = withValues(item.header, values);
  try {
    encodeInto(header.constructor as unknown as Schema<object>, header, bytes, offset);
  } catch (error) {
    throw inside(error, `[${index}]`);
  }
  return { ...(item.layer ?? NO_LAYER), header, ...place } as unknown as Located;
}

/** A copy of the header with values for what was left out. */
function withValues(header: object, values: object): object {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(header)), header);
  for (const [field, value] of Object.entries(values)) if (!isGiven(header, field)) copy[field] = value;
  return copy;
}

function layerValues(placed: readonly Placed[], index: number): object {
  const { item, behind, length, end } = placed[index] as Placed;
  const parts = placed
    .slice(index + 1)
    .filter(isCounted)
    .map(({ item }) => followingPart(item));
  return item.rules?.fill?.(item.layer as never, { parts, length, carried: end - behind }) ?? {};
}

const isCounted = ({ item, length }: Placed) => item.uncountedFrom === COUNTED && length > 0;
const followingPart = ({ layer, header }: Item) => ({ kind: layer?.kind ?? ("payload" as const), layer, header });

/** Bare parts of a GTP-U header announce the container that follows them. */
function looseValues(placed: readonly Placed[], index: number): object {
  const header = placed[index]?.item.header;
  if (!(header instanceof GtpOptional || header instanceof PduSessionContainer)) return {};
  const isFollowed = placed[index + 1]?.item.header instanceof PduSessionContainer;
  const nextExtension = isFollowed ? GtpExtension.PduSessionContainer : GtpExtension.None;
  return header instanceof GtpOptional ? { nextExtension } : { nextExtension, words: PduSessionContainer.size / 4 };
}

function writeChecksum(placed: readonly Placed[], located: readonly Located[], index: number, bytes: Uint8Array): void {
  const { layer, rules } = (placed[index] as Placed).item;
  if (!layer || !rules?.checksum) return;
  const at = rules.checksum.at(layer as never);
  const isLeftOut = layer.kind === "gre" ? layer.checksum === null : !isGiven(layer.header, "checksum");
  const value = at === null || !isLeftOut ? null : rules.checksum.expected(bytes, located, index);
  if (at === null || value === null) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const position = (located[index] as Located).offset + at;
  if (rules.checksum.size === 2) view.setUint16(position, value);
  else view.setUint32(position, value);
}
