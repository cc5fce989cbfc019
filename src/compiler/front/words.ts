/**
 * Loads and stores of 1 to 8 bytes, and what is known of memory.
 *
 * What was read or written is remembered until something may have changed it, so that a second read costs nothing and
 * what was learned of the first holds for it. Invariant: stack accesses are aligned.
 */
import type { AccessSize, ValueId } from "../ir/ir.ts";
import { assemble, bytesOf, constantBytes, constantOf } from "./bytes.ts";
import type { Front } from "./front.ts";
import { contentOf, slotOfObject, storeBytes } from "./objects.ts";
import type { ByteSource } from "./state.ts";
import type { PlaceValue, Pointer, Value, Word } from "./value.ts";

export type At = PlaceValue["at"];

export const shift = (at: At, bytes: number): At => ({ ...at, offset: at.offset + bytes });

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

export function baseKey(front: Front, at: At): string {
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
export function storeWord(front: Front, at: At, size: AccessSize, id: ValueId, constant?: bigint): void {
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

export function remember(front: Front, at: At, key: string, start: number, end: number, value: Value): void {
  const base = at.kind === "memory" ? at.base : -1;
  front.state.loads.set(key, { value, region: regionKey(front, at), base, start, end });
}

export function constantAt(front: Front, at: At, size: number, isNetwork: boolean): bigint | undefined {
  if (at.kind !== "object") return undefined;
  const bytes = objectBytes(front, at.object)?.slice(at.offset, at.offset + size);
  return bytes && constantOf(isNetwork ? bytes.toReversed() : bytes);
}

export function loadWords(front: Front, at: At, sizes: readonly AccessSize[]): Word[] {
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
