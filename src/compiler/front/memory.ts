/**
 * Reading and writing places: fields of structs, elements of arrays, Cells, whole places.
 *
 * What was read or written is remembered until something may have changed it, so that a second read costs nothing and
 * what was learned of the first holds for it. Invariants: every access to the packet was checked by the code that made
 * the place; stack accesses are aligned; a network-order field is swapped once, when it is read or written.
 */
import { type FieldLayout, type Layout, layoutOf, partsOf, type Schema } from "../../schema/index.ts";
import type { AccessSize, ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { assemble, bytesOf, constantBytes, constantOf, mask } from "./bytes.ts";
import { addressOf, bigintOf, booleanOf, numberOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { WORD_SIZES } from "./merge.ts";
import { contentOf, newObject, slotOfObject, storeBytes } from "./objects.ts";
import type { ByteSource } from "./state.ts";
import {
  describeValue,
  isStaged,
  type PlaceValue,
  type Pointer,
  type Range,
  staged,
  type Value,
  type Word,
} from "./value.ts";

type At = PlaceValue["at"];

/** A place of the given schema at some bytes of another. */
export function placeAt(front: Front, schema: Schema<unknown>, at: At): PlaceValue {
  const layout = layoutOf(schema);
  const isCell = !WHOLE.has(layout.kind);
  return { kind: "place", schema, layout, at, isCell, stamp: front.newStamp() };
}

/** Layouts whose place is read as itself, not through a Cell. */
const WHOLE: ReadonlySet<Layout["kind"]> = new Set<Layout["kind"]>(["struct", "array", "bytes", "spinLock", "timer"]);

export const shift = (at: At, bytes: number): At => ({ ...at, offset: at.offset + bytes });

/** What reading the place gives: the value of a scalar, a struct, array or bytes as a place. */
export function read(front: Front, schema: Schema<unknown>, at: At, node: SyntaxNode): Value {
  const place = placeAt(front, schema, at);
  return place.isCell ? readScalar(front, place.layout, at, 0, node, place.layout.size) : place;
}

/** A field by name; undefined when the struct has none. */
export function readField(front: Front, place: PlaceValue, name: string, node: SyntaxNode): Value | undefined {
  const field = fieldOf(place.layout, name);
  if (!field) return undefined;
  requireUsable(front, place, node);
  const { layout, offsetBits } = field;
  if (layout.kind === "bits") return readScalar(front, layout, place.at, offsetBits, node, place.layout.size);
  const schema = partsOf(place.schema)[name]!;
  return read(front, schema, shift(place.at, offsetBits / 8), node);
}

export function fieldOf(layout: Layout, name: string): FieldLayout | undefined {
  return layout.kind === "struct" ? layout.fields.find((field) => field.name === name) : undefined;
}

/** An error when the packet has moved since, or the place was overwritten. */
export function requireUsable(front: Front, place: PlaceValue, node: SyntaxNode): void {
  const { at } = place;
  if (at.kind !== "memory") return;
  const { region } = at;
  const { packet, overwrites } = front.state;
  if ((region.kind === "packet" || region.kind === "metadata") && region.generation !== packet.generation) {
    front.fail("COMPILER_DEAD_PLACE", { killer: packet.killer ?? "", line: packet.killerLine }, node);
  }
  const end = at.offset + place.layout.size;
  for (const one of overwrites) {
    const isInside = one.base === at.base && at.offset >= one.start && end <= one.end;
    if (isInside && one.stamp > place.stamp) front.fail("COMPILER_OVERWRITTEN", { line: one.line }, node);
  }
}

// Words.

function regionKey(front: Front, at: At): string {
  if (at.kind === "object") return objectKey(front, at.object);
  const { region } = at;
  switch (region.kind) {
    case "stack":
      return `s${region.slot}`;
    case "global":
      return `g${front.unit.idOf(region.variable)}`;
    case "metadata":
      return "packet";
    default:
      return region.kind;
  }
}

/** An object in its slot is known by the slot, as others may reach it there. */
const objectKey = (front: Front, object: number): string =>
  contentOf(front, object).kind === "slot" ? `s${slotOfObject(front, object)}` : `o${object}`;

function baseKey(front: Front, at: At): string {
  if (at.kind === "object") return regionKey(front, at);
  // The address of a slot or a variable is made anew at each use; a variable index makes another base.
  const made = front.builder.definition(at.base)?.operation.kind;
  return made === "stack" || made === "symbol" ? regionKey(front, at) : `v${at.base}`;
}

/** Bytes as one register, in the order of memory: the first byte lowest. */
export function loadWord(front: Front, at: At, size: AccessSize, isSigned = false): ValueId {
  if (at.kind === "object") {
    const bytes = objectBytes(front, at.object);
    if (bytes) {
      const word = assemble(front, bytes.slice(at.offset, at.offset + size));
      if (isSigned && size < 8) return front.emit({ kind: "signExtend", bits: (8 * size) as 8 | 16 | 32, a: word });
      return word;
    }
    return loadWord(front, pointerOf(front, at), size, isSigned);
  }
  if (at.region.kind === "stack" && at.offset % size !== 0) {
    const half = (size / 2) as AccessSize;
    const low = loadWord(front, at, half);
    const high = front.aluConstant("shl", loadWord(front, shift(at, half), half), 8 * half);
    const whole = front.alu("or", low, high);
    return isSigned && size < 8 ? front.emit({ kind: "signExtend", bits: (8 * size) as 8 | 16 | 32, a: whole }) : whole;
  }
  return front.emit({ kind: "load", size, signed: isSigned && size < 8, base: at.base, offset: at.offset });
}

/** Stores a register; of a constant the value alone (`id` is not looked at then). */
function storeWord(front: Front, at: At, size: AccessSize, id: ValueId, constant?: bigint): void {
  if (at.kind === "object") {
    if (objectBytes(front, at.object)) {
      setObjectBytes(
        front,
        at.object,
        at.offset,
        constant === undefined ? bytesOf(id, size) : constantBytes(constant, size),
      );
    } else storeWord(front, pointerOf(front, at), size, id, constant);
    return;
  }
  if (at.region.kind === "stack" && at.offset % size !== 0) {
    const half = (size / 2) as AccessSize;
    const bits = BigInt(8 * half);
    const rest = constant === undefined ? front.aluConstant("shr", id, bits) : -1;
    storeWord(front, at, half, id, constant);
    storeWord(front, shift(at, half), half, rest, constant === undefined ? undefined : constant >> bits);
    return;
  }
  const value = constant === undefined ? id : front.constant(BigInt.asUintN(8 * size, constant));
  front.emit({ kind: "store", size, base: at.base, offset: at.offset, value });
}

function objectBytes(front: Front, object: number): readonly ByteSource[] | undefined {
  const content = contentOf(front, object);
  return content.kind === "bytes" ? content.bytes : undefined;
}

function setObjectBytes(front: Front, object: number, offset: number, bytes: readonly ByteSource[]): void {
  const before = objectBytes(front, object)!;
  const after = [...before];
  after.splice(offset, bytes.length, ...bytes);
  front.state.objects.set(object, { kind: "bytes", bytes: after, clean: false });
}

/** The address of an object that lives in its slot. */
export function pointerOf(front: Front, { object, offset }: Extract<At, { kind: "object" }>): Pointer {
  const slot = slotOfObject(front, object);
  return { kind: "memory", base: front.stackAddress(slot), offset, region: { kind: "stack", slot }, align: 8 };
}

/** Forgets what was known of bytes that are overwritten. */
export function forget(front: Front, at: At, start: number, end: number): void {
  const region = regionKey(front, at);
  const base = baseKey(front, at);
  for (const [key, load] of front.state.loads) {
    if (load.region !== region) continue;
    const isOther = key.startsWith(`${base}:`) && (load.end <= start || load.start >= end);
    if (!isOther) front.state.loads.delete(key);
  }
}

/** Forgets what was read from maps: somebody else may have written. */
export function forgetMaps(front: Front): void {
  for (const [key, { region }] of front.state.loads) if (region === "map") front.state.loads.delete(key);
}

function remember(front: Front, at: At, key: string, start: number, end: number, value: Value): void {
  const base = at.kind === "memory" ? at.base : -1;
  front.state.loads.set(key, { value, region: regionKey(front, at), base, start, end });
}

// Scalars.

const loadKey = (front: Front, at: At, offsetBits: number, layout: Layout): string => {
  const order = layout.kind === "integer" ? `${layout.byteOrder}${layout.signed}` : layout.kind;
  return `${baseKey(front, at)}:${at.offset * 8 + offsetBits}:${layout.size}:${order}`;
};

export function integerRange(size: number, isSigned: boolean): Range {
  const span = 2 ** (8 * size);
  return isSigned ? { min: -span / 2, max: span / 2 - 1 } : { min: 0, max: span - 1 };
}

/** `extent`: bytes of the whole place, which may be read around a bit field. */
function readScalar(front: Front, layout: Layout, at: At, offsetBits: number, node: SyntaxNode, extent: number): Value {
  const key = loadKey(front, at, offsetBits, layout);
  const known = front.state.loads.get(key);
  if (known) return front.settle(known.value);
  const value = loadScalar(front, layout, at, offsetBits, node, extent);
  const start = at.offset + Math.floor(offsetBits / 8);
  const end = at.offset + Math.ceil((offsetBits + layout.size * 8) / 8);
  remember(front, at, key, start, end, value);
  return value;
}

function loadScalar(front: Front, layout: Layout, at: At, offsetBits: number, node: SyntaxNode, extent: number): Value {
  switch (layout.kind) {
    case "integer": {
      const { size, signed, byteOrder } = layout;
      const constant = constantAt(front, at, size, byteOrder === "network");
      if (constant !== undefined) return integerConstant(constant, size, signed);
      const word = loadWord(front, at, size, signed);
      const id = byteOrder === "network" ? swap(front, word, size) : word;
      if (size === 8) return { kind: "bigint", id, signed };
      return { kind: "number", id, range: integerRange(size, signed) };
    }
    case "bool": {
      const constant = constantAt(front, at, 1, false);
      if (constant !== undefined) return staged(constant !== 0n);
      return { kind: "boolean", id: loadWord(front, at, 1), isBit: false };
    }
    case "bits":
      return readBits(front, layout, at, offsetBits, extent);
    case "address":
      return { kind: "address", family: layout.family, words: loadWords(front, at, WORD_SIZES[layout.family]) };
    default:
      return front.fail("COMPILER_TYPE", { expected: "a value", found: `a ${layout.kind}` }, node);
  }
}

function constantAt(front: Front, at: At, size: number, isNetwork: boolean): bigint | undefined {
  if (at.kind !== "object") return undefined;
  const bytes = objectBytes(front, at.object)?.slice(at.offset, at.offset + size);
  return bytes && constantOf(isNetwork ? bytes.toReversed() : bytes);
}

function integerConstant(bits: bigint, size: number, isSigned: boolean): Value {
  const value = isSigned ? BigInt.asIntN(8 * size, bits) : bits;
  return staged(size === 8 ? value : Number(value));
}

function loadWords(front: Front, at: At, sizes: readonly AccessSize[]): Word[] {
  let offset = 0;
  return sizes.map((size) => {
    const word = { size, id: loadWord(front, shift(at, offset), size) };
    offset += size;
    return word;
  });
}

export function swap(front: Front, value: ValueId, size: AccessSize): ValueId {
  return size === 1 ? value : front.emit({ kind: "swap", bits: (8 * size) as 16 | 32 | 64, a: value });
}

/** The smallest access around a bit field that stays inside the place: one word, or several that touch. */
interface Window {
  readonly start: number;
  /** Bytes, 1 to 8. */
  readonly size: number;
  /** Bits below the field, in network order. */
  readonly below: number;
}

function windowOf(offsetBits: number, width: number, extent: number): Window {
  const first = Math.floor(offsetBits / 8);
  const last = Math.ceil((offsetBits + width) / 8);
  const at = (start: number, size: number): Window => ({ start, size, below: 8 * (start + size) - offsetBits - width });
  for (const size of [1, 2, 4, 8]) {
    const start = Math.min(first, extent - size);
    if (start >= 0 && start + size >= last) return at(start, size);
  }
  return at(first, last - first);
}

/** The words of a window, first one first. */
function wordsIn(size: number): { readonly offset: number; readonly size: AccessSize }[] {
  const words: { offset: number; size: AccessSize }[] = [];
  for (let offset = 0; offset < size; offset += words.at(-1)!.size) {
    const word = ([8, 4, 2, 1] as const).find((one) => one <= size - offset)!;
    words.push({ offset, size: word });
  }
  return words;
}

/** The bytes of a window as a number in network order. */
function loadNetwork(front: Front, at: At, size: number): ValueId {
  return wordsIn(size)
    .map((word) => ({ word, id: swap(front, loadWord(front, shift(at, word.offset), word.size), word.size) }))
    .reduce((high, { word, id }) => ({
      word,
      id: front.alu("or", front.aluConstant("shl", high.id, 8 * word.size), id),
    })).id;
}

/** Of a constant the value alone: `id` is not looked at then. */
function storeNetwork(front: Front, at: At, size: number, id: ValueId, constant?: bigint): void {
  for (const word of wordsIn(size)) {
    const below = 8 * (size - word.offset - word.size);
    const place = shift(at, word.offset);
    if (constant !== undefined) {
      storeWord(front, place, word.size, -1, swapConstant(constant >> BigInt(below), word.size));
      continue;
    }
    const piece = below === 0 ? id : front.aluConstant("shr", id, below);
    storeWord(front, place, word.size, swap(front, piece, word.size));
  }
}

function readBits(
  front: Front,
  layout: Extract<Layout, { kind: "bits" }>,
  at: At,
  offsetBits: number,
  extent: number,
): Value {
  const { width, isFlag } = layout;
  const { start, size, below } = windowOf(offsetBits, width, extent);
  const constant = constantAt(front, shift(at, start), size, true);
  if (constant !== undefined) {
    const value = Number((constant >> BigInt(below)) & ((1n << BigInt(width)) - 1n));
    return staged(isFlag ? value !== 0 : value);
  }
  const word = loadNetwork(front, shift(at, start), size);
  if (isFlag) return { kind: "boolean", id: front.aluConstant("and", word, 1n << BigInt(below)), isBit: below === 0 };
  const shifted = below === 0 ? word : front.aluConstant("shr", word, below);
  const id = below + width === 8 * size ? shifted : mask(front, shifted, width);
  return { kind: "number", id, range: { min: 0, max: 2 ** width - 1 } };
}

/** Writes a field. Structs, arrays and bytes are copied as a whole. */
export function writeField(front: Front, place: PlaceValue, name: string, value: Value, node: SyntaxNode): boolean {
  const field = fieldOf(place.layout, name);
  if (!field) return false;
  requireUsable(front, place, node);
  const { layout, offsetBits } = field;
  if (layout.kind === "bits") {
    const what = `${describeField(place.layout)}${name}`;
    writeScalar(front, layout, place.at, offsetBits, value, node, what, place.layout.size);
    return true;
  }
  const schema = partsOf(place.schema)[name]!;
  write(front, schema, shift(place.at, offsetBits / 8), value, node, `${describeField(place.layout)}${name}`);
  return true;
}

const describeField = (layout: Layout): string => (layout.kind === "struct" && layout.name ? `${layout.name}.` : "");

/** `assign(place, value)`: other names for the place stay good, since nothing but its bytes has changed. */
export function assignPlace(front: Front, place: PlaceValue, value: Value, node: SyntaxNode): void {
  requireWritable(front, place.at, node);
  const { schema, layout, at } = place;
  if (place.isCell) return writeScalar(front, layout, at, 0, value, node, "the place");
  writePlace(front, schema, layout, at, value, node);
  forget(front, at, at.offset, at.offset + layout.size);
}

export function write(
  front: Front,
  schema: Schema<unknown>,
  at: At,
  value: Value,
  node: SyntaxNode,
  what: string,
): void {
  requireWritable(front, at, node);
  const layout = layoutOf(schema);
  if (layout.kind === "struct" || layout.kind === "array" || layout.kind === "bytes") {
    writePlace(front, schema, layout, at, value, node);
    overwritten(front, at, layout.size, node);
  } else writeScalar(front, layout, at, 0, value, node, what);
}

export function requireWritable(front: Front, at: At, node: SyntaxNode): void {
  if (at.kind !== "memory" || at.region.kind !== "global" || !at.region.isReadOnly) return;
  const { name } = at.region.variable as { readonly name: string };
  front.fail("COMPILER_READ_ONLY", { what: name === "" ? "a setting" : `\`${name}\`, a setting,` }, node);
}

/** Errors of a field that have nothing to do with what is assigned. */
export function requireFieldWritable(front: Front, place: PlaceValue, name: string, node: SyntaxNode): void {
  requireUsable(front, place, node);
  requireWritable(front, place.at, node);
  const kind = fieldOf(place.layout, name)?.layout.kind;
  if (kind === "spinLock" || kind === "timer")
    front.fail("COMPILER_READ_ONLY", { what: `\`${name}\`, a ${kind},` }, node, "the kernel alone writes it");
}

function writeScalar(
  front: Front,
  layout: Layout,
  at: At,
  offsetBits: number,
  value: Value,
  node: SyntaxNode,
  what: string,
  extent = layout.size,
): void {
  const start = at.offset + Math.floor(offsetBits / 8);
  const end = at.offset + Math.ceil((offsetBits + layout.size * 8) / 8);
  const stored = storeScalar(front, layout, at, offsetBits, value, node, what, extent);
  forget(front, at, start, end);
  if (stored) remember(front, at, loadKey(front, at, offsetBits, layout), start, end, stored);
}

/** Stores, and returns what a read of the field would give, when that is the value itself. */
function storeScalar(
  front: Front,
  layout: Layout,
  at: At,
  offsetBits: number,
  value: Value,
  node: SyntaxNode,
  what: string,
  extent: number,
): Value | undefined {
  switch (layout.kind) {
    case "integer": {
      const { id, constant, fits } = integerBits(front, layout, value, node, what);
      if (constant !== undefined) {
        const bits = layout.byteOrder === "network" ? swapConstant(constant, layout.size) : constant;
        storeWord(front, at, layout.size, -1, bits);
      } else storeWord(front, at, layout.size, layout.byteOrder === "network" ? swap(front, id, layout.size) : id);
      return fits ? front.settle(value) : undefined;
    }
    case "bool": {
      const { constant, id } = booleanOf(front, value, node);
      if (constant === undefined) storeWord(front, at, 1, id());
      else storeWord(front, at, 1, -1, constant ? 1n : 0n);
      return undefined;
    }
    case "bits":
      return writeBits(front, layout, at, offsetBits, value, node, what, extent);
    case "address":
      storeWords(front, at, addressOf(front, value, layout.family, node));
      return value.kind === "address" ? value : undefined;
    default:
      return front.fail("COMPILER_READ_ONLY", { what: `a ${layout.kind}` }, node);
  }
}

export function storeWords(front: Front, at: At, words: readonly Word[]): void {
  let offset = 0;
  for (const { id, size } of words) {
    const operation = front.builder.definition(id)?.operation;
    storeWord(front, shift(at, offset), size, id, operation?.kind === "constant" ? operation.value : undefined);
    offset += size;
  }
}

export function swapConstant(value: bigint, size: number): bigint {
  let swapped = 0n;
  for (let index = 0; index < size; index++) swapped = (swapped << 8n) | ((value >> BigInt(8 * index)) & 0xffn);
  return swapped;
}

interface IntegerBits {
  readonly id: ValueId;
  readonly constant?: bigint;
  /** Whether a read gives the same value again. */
  readonly fits: boolean;
}

/** A value for an integer field: numbers wrap into it, constants must fit. */
export function integerBits(
  front: Front,
  layout: Extract<Layout, { kind: "integer" }>,
  value: Value,
  node: SyntaxNode,
  what: string,
): IntegerBits {
  const { size, signed } = layout;
  if (size === 8) {
    const { constant, id, isFolded } = bigintOf(front, value, node);
    if (constant === undefined) return { id: id(), fits: true };
    if (!isFolded) checkWide(front, constant, signed, what, node);
    return { id: -1, constant: BigInt.asUintN(64, constant), fits: signed || constant >= 0n };
  }
  const { constant, range, id, isFolded } = numberOf(front, value, node);
  const limits = integerRange(size, signed);
  const fits = range.min >= limits.min && range.max <= limits.max;
  if (constant === undefined) return { id: id(), fits };
  if (!fits && !isFolded) failRange(front, constant, `${what} (${8 * size} bits)`, limits, node);
  return { id: -1, constant: BigInt.asUintN(8 * size, BigInt(constant)), fits };
}

function checkWide(front: Front, constant: bigint, isSigned: boolean, what: string, node: SyntaxNode): void {
  const fits = isSigned ? constant === BigInt.asIntN(64, constant) : constant >= 0n;
  const range = isSigned ? "-2^63 to 2^63 - 1" : "0 to 2^64 - 1";
  if (!fits) front.fail("COMPILER_CONSTANT_RANGE", { value: `${constant}n`, type: what, range }, node);
}

function failRange(front: Front, value: number, type: string, { min, max }: Range, node: SyntaxNode): never {
  return front.fail("COMPILER_CONSTANT_RANGE", { value: String(value), type, range: `${min} to ${max}` }, node);
}

function writeBits(
  front: Front,
  layout: Extract<Layout, { kind: "bits" }>,
  at: At,
  offsetBits: number,
  value: Value,
  node: SyntaxNode,
  what: string,
  extent: number,
): Value | undefined {
  const { width, isFlag } = layout;
  const { start, size, below } = windowOf(offsetBits, width, extent);
  const field = ((1n << BigInt(width)) - 1n) << BigInt(below);
  const source = bitSource(front, layout, value, node, what);
  const wordAt = shift(at, start);
  const isWhole = width === 8 * size;
  const before = isWhole ? undefined : loadNetwork(front, wordAt, size);
  const known = isWhole ? 0n : constantAt(front, wordAt, size, true);
  if (source.constant !== undefined && known !== undefined) {
    storeNetwork(front, wordAt, size, -1, (known & ~field) | (BigInt(source.constant) << BigInt(below)));
    return source.fits ? front.settle(value) : undefined;
  }
  const placed = source.place(below, width);
  let whole = placed;
  if (before !== undefined) {
    const all = (1n << BigInt(8 * size)) - 1n;
    const kept = front.aluConstant("and", before, BigInt.asIntN(64, all & ~field));
    whole = placed === undefined ? kept : front.alu("or", kept, placed);
  }
  storeNetwork(front, wordAt, size, whole ?? front.constant(0));
  return source.fits && !isFlag ? front.settle(value) : undefined;
}

interface BitSource {
  readonly constant?: number;
  readonly fits: boolean;
  /** The value at its place in the word; undefined for 0. */
  place(below: number, width: number): ValueId | undefined;
}

function bitSource(
  front: Front,
  layout: Extract<Layout, { kind: "bits" }>,
  value: Value,
  node: SyntaxNode,
  what: string,
): BitSource {
  if (layout.isFlag) {
    const { constant, id } = booleanOf(front, value, node);
    const bit = constant === undefined ? undefined : constant ? 1 : 0;
    return { ...placed(front, bit, id), fits: true };
  }
  const { constant: given, range, id, isFolded } = numberOf(front, value, node);
  const limits = { min: 0, max: 2 ** layout.width - 1 };
  const fits = range.min >= 0 && range.max <= limits.max;
  const constant = given === undefined || fits ? given : Number(BigInt.asUintN(layout.width, BigInt(given)));
  if (given !== undefined && !fits && !isFolded)
    failRange(front, given, `${what} (${layout.width} bits)`, limits, node);
  const masked = fits ? id : (): ValueId => mask(front, id(), layout.width);
  return { ...placed(front, constant, masked), fits };
}

function placed(front: Front, constant: number | undefined, id: () => ValueId): Omit<BitSource, "fits"> {
  return {
    ...(constant === undefined ? {} : { constant }),
    place: (below) => {
      if (constant !== undefined) return constant === 0 ? undefined : front.constant(BigInt(constant) << BigInt(below));
      return below === 0 ? id() : front.aluConstant("shl", id(), below);
    },
  };
}

// Whole places.

function writePlace(
  front: Front,
  schema: Schema<unknown>,
  layout: Layout,
  at: At,
  value: Value,
  node: SyntaxNode,
): void {
  const source = toPlace(front, schema, value, node);
  requireUsable(front, source, node);
  if (source.layout.size !== layout.size) {
    const expected = `${layout.size} bytes`;
    front.fail("COMPILER_TYPE", { expected, found: `${describeValue(source)}, ${source.layout.size} bytes` }, node);
  }
  copy(front, at, source.at, layout.size);
}

function overwritten(front: Front, at: At, size: number, node: SyntaxNode): void {
  forget(front, at, at.offset, at.offset + size);
  if (at.kind !== "memory") return;
  const row = {
    base: at.base,
    start: at.offset,
    end: at.offset + size,
    stamp: front.newStamp(),
    line: front.lineOf(node),
  };
  front.state.overwrites = [...front.state.overwrites, row];
}

/** A place that holds the value: itself, or a new stack value made of a record, a list or text. */
export function toPlace(front: Front, schema: Schema<unknown>, given: Value, node: SyntaxNode): PlaceValue {
  const value = front.settle(given);
  if (value.kind === "place") return value;
  return placeAt(front, schema, { kind: "object", object: buildObject(front, schema, value, node), offset: 0 });
}

/** A stack value with the fields of a record; what it does not name is zero. */
export function buildObject(front: Front, schema: Schema<unknown>, value: Value, node: SyntaxNode): number {
  const layout = layoutOf(schema);
  const object = newObject(front, new Array<ByteSource>(layout.size).fill(0));
  fillObject(front, schema, { kind: "object", object, offset: 0 }, value, node);
  return object;
}

export function fillObject(front: Front, schema: Schema<unknown>, at: At, value: Value, node: SyntaxNode): void {
  const layout = layoutOf(schema);
  if (layout.kind === "struct") fillStruct(front, schema, at, value, node);
  else if (layout.kind === "array") fillArray(front, schema, layout, at, value, node);
  else write(front, schema, at, value, node, "the value");
}

function fillStruct(front: Front, schema: Schema<unknown>, at: At, value: Value, node: SyntaxNode): void {
  if (value.kind === "place") {
    write(front, schema, at, value, node, "the value");
    return;
  }
  const entries = entriesOf(value);
  if (!entries) front.fail("COMPILER_TYPE", { expected: "a struct", found: describeValue(value) }, node);
  const place = placeAt(front, schema, at);
  for (const [name, field] of entries) {
    if (isStaged(field) && field.value === undefined) continue;
    const from: SyntaxNode = nodeOf(value, name) ?? node;
    const known = fieldOf(place.layout, name);
    if (!known) front.fail("COMPILER_NO_PROPERTY", { name, of: describeValue(place) }, from);
    const isPart = known.layout.kind === "struct" || known.layout.kind === "array";
    if (isPart && field.kind !== "place") {
      fillObject(front, partsOf(schema)[name]!, shift(at, known.offsetBits / 8), field, from);
    } else writeField(front, place, name, field, from);
  }
}

function fillArray(
  front: Front,
  schema: Schema<unknown>,
  layout: Extract<Layout, { kind: "array" }>,
  at: At,
  value: Value,
  node: SyntaxNode,
): void {
  if (value.kind === "place") {
    write(front, schema, at, value, node, "the value");
    return;
  }
  const entries = entriesOf(value);
  if (!entries) front.fail("COMPILER_TYPE", { expected: "an array", found: describeValue(value) }, node);
  const element = partsOf(schema)["element"]!;
  for (const [index, one] of entries) {
    const n = Number(index);
    if (n >= layout.length) front.fail("COMPILER_INDEX", { min: n, max: n, length: layout.length }, node);
    fillObject(front, element, shift(at, n * layout.element.size), one, nodeOf(value, index) ?? node);
  }
}

/** Where a part of a record is written. */
const nodeOf = (value: Value, name: string): SyntaxNode | undefined =>
  value.kind === "record" ? value.nodes?.get(name) : undefined;

/** Names or indices and values of a record, or of an object or array of the module. */
function entriesOf(value: Value): (readonly [string, Value])[] | undefined {
  if (value.kind === "record") return [...value.fields];
  if (!isStaged(value) || typeof value.value !== "object" || value.value === null) return undefined;
  return Object.entries(value.value).map(([name, one]) => [name, staged(one)]);
}

/** Copies bytes. All is read before anything is written: places may overlap. */
export function copy(front: Front, to: At, from: At, size: number): void {
  if (to.kind === "object" && objectBytes(front, to.object)) {
    setObjectBytes(front, to.object, to.offset, loadBytes(front, from, size));
    return;
  }
  const target = to.kind === "object" ? pointerOf(front, to) : to;
  const isStack = target.region.kind === "stack";
  if (regionKey(front, from) !== regionKey(front, to) && size > 16) {
    for (let at = 0; at < size; at += 8) {
      const piece = loadBytes(front, shift(from, at), Math.min(8, size - at), isStack ? target.offset + at : 0);
      storeBytes(front, target.base, target.offset + at, piece, isStack);
    }
    return;
  }
  storeBytes(front, target.base, target.offset, loadBytes(front, from, size, isStack ? target.offset : 0), isStack);
}

/** Bytes of a place as sources; `phase` is what they will be aligned to. */
export function loadBytes(front: Front, from: At, size: number, phase = 0): ByteSource[] {
  const known = from.kind === "object" ? objectBytes(front, from.object) : undefined;
  if (known && from.kind === "object") return known.slice(from.offset, from.offset + size);
  const source = from.kind === "object" ? pointerOf(front, from) : from;
  const isStack = source.region.kind === "stack";
  const bytes: ByteSource[] = [];
  for (let at = 0; at < size; ) {
    const fits = (one: number): boolean =>
      at + one <= size && (phase + at) % one === 0 && (!isStack || (source.offset + at) % one === 0);
    const isPacked = phase === 0 && !isStack;
    const piece = ([8, 4, 2, 1] as const).find((one) => (isPacked ? at + one <= size : fits(one)))!;
    bytes.push(...bytesOf(loadWord(front, shift(source, at), piece), piece));
    at += piece;
  }
  return bytes;
}

/** Whether two pieces of memory hold the same bytes: words to compare. */
export function wordsOf(front: Front, at: At, size: number, widest = 8): Word[] {
  const words: Word[] = [];
  for (let offset = 0; offset < size; ) {
    const isStack = at.kind === "memory" && at.region.kind === "stack";
    const piece = ([8, 4, 2, 1] as const).find(
      (one) => one <= widest && offset + one <= size && (!isStack || (at.offset + offset) % one === 0),
    )!;
    words.push({ size: piece, id: loadWord(front, shift(at, offset), piece) });
    offset += piece;
  }
  return words;
}
