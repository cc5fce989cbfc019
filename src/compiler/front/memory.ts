/**
 * Reading and writing places: fields of structs, elements of arrays, Cells, whole places.
 *
 * Invariant: every access to the packet was checked by the code that made the place.
 */
import { type FieldLayout, type Layout, layoutOf, partsOf, type Schema } from "../../schema/index.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front } from "./front.ts";
import { newObject } from "./objects.ts";
import { readScalar, writeScalar } from "./scalars.ts";
import type { ByteSource, Overwrite } from "./state.ts";
import { describeValue, isStaged, type PlaceValue, staged, type Value } from "./value.ts";
import { type At, copy, forget, shift } from "./words.ts";

/** A place of the given schema at some bytes of another. */
export function placeAt(front: Front, schema: Schema<unknown>, at: At): PlaceValue {
  const layout = layoutOf(schema);
  const isCell = !WHOLE.has(layout.kind);
  return { kind: "place", schema, layout, at, isCell, stamp: front.newStamp() };
}

/** Layouts whose place is read as itself, not through a Cell. */
const WHOLE: ReadonlySet<Layout["kind"]> = new Set<Layout["kind"]>(["struct", "array", "bytes", "spinLock"]);

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
  const { killer = "", killerLine } = front.state.packet;
  if (isDead(front, place)) front.fail("COMPILER_DEAD_PLACE", { killer, line: killerLine }, node);
  const over = overwriteOf(front, place);
  if (over) front.fail("COMPILER_OVERWRITTEN", { line: over.line }, node);
}

/** The packet has moved since. */
function isDead(front: Front, { at }: PlaceValue): boolean {
  if (at.kind !== "memory" || (at.region.kind !== "packet" && at.region.kind !== "metadata")) return false;
  return at.region.generation !== front.state.packet.generation;
}

/** The write over a whole place that has made this name for it, or for a part of it, stale. */
export function overwriteOf(front: Front, { at, layout, stamp }: PlaceValue): Overwrite | undefined {
  if (at.kind !== "memory") return undefined;
  const end = at.offset + layout.size;
  const isInside = (one: Overwrite): boolean => one.base === at.base && at.offset >= one.start && end <= one.end;
  return front.state.overwrites.find((one) => one.stamp > stamp && isInside(one));
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
  if (kind === "spinLock")
    front.fail("COMPILER_READ_ONLY", { what: `\`${name}\`, a ${kind},` }, node, "the kernel alone writes it");
}

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
