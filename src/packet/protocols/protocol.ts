/**
 * What a protocol is to `parse`, `encode` and `print`: one object per layer kind, in the file of its name.
 *
 * Invariant: `encode` of what `dissect` read is the bytes that it covered, whatever they are.
 */
import { type XdpkitError, xdpkitError } from "../../base/index.ts";
import { decode, isGiven, type StructSchema } from "../../schema/index.ts";
import type { Fault, Layer, LayerKind, Place, PlainLayer } from "../layer.ts";

/** Where a layer begins, and what is known outside it. */
export interface Input {
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** The enclosing layer's end. The header itself is known to fit. */
  readonly end: number;
  readonly outer: readonly Located[];
}

/** A layer with its place: parsed, or placed by `encode`. */
export type Located = Layer & Place;

export interface Dissected {
  readonly layer: Layer;
  /** Header and variable part, bytes. */
  readonly length: number;
  /** Where what it carries ends; the input's end when absent. */
  readonly end?: number;
  /** Null: payload. */
  readonly next: LayerKind | null;
  readonly fault?: { readonly kind: Fault["kind"]; readonly message: string };
}

/** What follows a layer that `encode` places. */
export interface Following {
  /** Behind the layer, nearest first, padding not counted. */
  readonly parts: readonly FollowingPart[];
  /** The layer's own header and variable part, bytes. */
  readonly length: number;
  /** Everything behind them that lengths cover, bytes. */
  readonly carried: number;
}
/** A bare struct that is no layer is payload with a header. */
export interface FollowingPart {
  readonly kind: LayerKind | "payload";
  readonly layer: Layer | null;
  readonly header: object | null;
}

/** The kind of the next part; null when there is none. */
export function nextKind({ parts }: Following): LayerKind | "payload" | null {
  return parts[0]?.kind ?? null;
}

/** A layer of some kind, before it is known to be one of `Layer`. */
export interface LayerShape {
  readonly kind: LayerKind;
  readonly header: object;
}

export interface ChecksumRule<L> {
  /** Byte of the layer where it stands; null when this one has none. */
  readonly at: (layer: L) => number | null;
  readonly size: 2 | 4;
  /** With the field taken as zero; null when it cannot be known. */
  readonly expected: (bytes: Uint8Array, layers: readonly Located[], index: number) => number | null;
}

export interface Protocol<L extends LayerShape> {
  readonly kind: L["kind"];
  readonly header: StructSchema<L["header"]>;
  readonly dissect: (input: Input) => Dissected;
  /** The layer of a header that was given bare. */
  readonly wrap: (header: L["header"]) => L;
  /** The bytes behind the header. */
  readonly variable?: (layer: L) => Uint8Array;
  /** Values for fields that were left out. */
  readonly fill?: (layer: L, following: Following) => Partial<L["header"]>;
  readonly checksum?: ChecksumRule<L>;
  /** The lengths and checksums: what `recompute` leaves out. */
  readonly computed: readonly (keyof L["header"] & string)[];
  /** The type of what follows: left out too, where a layer follows that has one. */
  readonly announces?: keyof L["header"] & string;
  /** Its part of the line that `print` makes. */
  readonly summary?: (layer: L, carried: number) => string;
}

/** The protocol of a header without a variable part. `step` says what follows. */
export function plain<K extends LayerKind, H extends object>(
  kind: K,
  header: StructSchema<H>,
  step: (header: H, input: Input) => Omit<Dissected, "layer" | "length">,
): Pick<Protocol<PlainLayer<K, H>>, "kind" | "header" | "dissect" | "wrap"> {
  const wrap = (value: H): PlainLayer<K, H> => ({ kind, header: value });
  return {
    kind,
    header,
    wrap,
    dissect(input) {
      const value = decode(header, input.bytes, input.offset);
      return { layer: wrap(value) as unknown as Layer, length: header.size, ...step(value, input) };
    },
  };
}

/** The end that a length field promises, and a fault when the packet ends before. */
export function promisedEnd(input: Input, end: number, what: string): Pick<Dissected, "end" | "fault"> {
  if (end <= input.end) return { end };
  const missing = end - input.end;
  const fault = {
    kind: "truncated",
    message: `${what} says ${end - input.offset} bytes, ${missing} are missing`,
  } as const;
  return { end: input.end, fault };
}

/** Zeros behind options that do not fill their unit, where their length is ours to compute. */
export function padded(bytes: Uint8Array, unit: number, header: object, lengthField: string): Uint8Array {
  if (bytes.length % unit === 0 || isGiven(header, lengthField)) return bytes;
  const longer = new Uint8Array(Math.ceil(bytes.length / unit) * unit);
  longer.set(bytes);
  return longer;
}

/** PACKET_NOT_A_LAYER at the part. */
export function notALayer(found: string, index: number): XdpkitError {
  return xdpkitError("PACKET_NOT_A_LAYER", { found }, { at: { kind: "path", path: `$[${index}]` } });
}
