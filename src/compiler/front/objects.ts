/**
 * Stack values: `new S({...})`, keys, copies. Their bytes are held in registers as long as nothing needs their address;
 * then they are stored to the slot of the object, and stay in registers too until somebody may write through the address.
 */
import type { ValueId } from "../ir/ir.ts";
import { assemble, isLowBytes } from "./bytes.ts";
import type { Front } from "./front.ts";
import type { ByteSource, ObjectContent } from "./state.ts";

/** `lead`: bytes of the slot in front of the object, for alignment. */
export function newObject(front: Front, bytes: readonly ByteSource[], lead = 0): number {
  const object = front.newObject(bytes.length);
  if (lead > 0) front.objectLeads.set(object, lead);
  front.state.objects.set(object, { kind: "bytes", bytes, clean: false });
  return object;
}

export function contentOf(front: Front, object: number): ObjectContent {
  return front.state.objects.get(object)!;
}

/** The stack slot of an object, whether or not its bytes are there. */
export function slotOfObject(front: Front, object: number): number {
  let slot = front.objectSlots.get(object);
  if (slot === undefined) {
    const size = Math.ceil((front.objectSizes.get(object)! + leadOf(front, object)) / 8) * 8;
    front.objectSlots.set(object, (slot = front.slot(size)));
  }
  return slot;
}

/** Where an object begins in its slot. */
export const leadOf = (front: Front, object: number): number => front.objectLeads.get(object) ?? 0;

/** Stores the bytes to the slot; from here on the object lives there. */
export function storeObject(front: Front, object: number): number {
  const slot = flushObject(front, object);
  front.state.objects.set(object, { kind: "slot" });
  return slot;
}

/** Makes the slot hold the bytes, for somebody who only reads them. */
export function flushObject(front: Front, object: number): number {
  const content = contentOf(front, object);
  const slot = slotOfObject(front, object);
  if (content.kind === "slot" || content.clean) return slot;
  storeBytes(front, front.stackAddress(slot), leadOf(front, object), content.bytes, true);
  front.state.objects.set(object, { ...content, clean: true });
  return slot;
}

const SIZES = [8, 4, 2, 1] as const;

/**
 * Stores bytes by as few instructions as they allow: constants and whole registers in the widest pieces, the rest put
 * together. `isAligned`: the kernel wants stack accesses aligned to their size.
 */
export function storeBytes(
  front: Front,
  base: ValueId,
  offset: number,
  bytes: readonly ByteSource[],
  isAligned: boolean,
): void {
  for (let at = 0; at < bytes.length; ) {
    const fits = (size: number): boolean => at + size <= bytes.length && (!isAligned || (offset + at) % size === 0);
    const size = SIZES.find((one) => fits(one) && isSimple(bytes.slice(at, at + one))) ?? widestMixed(bytes, at, fits);
    const piece = bytes.slice(at, at + size);
    const value = isLowBytes(piece) ?? assemble(front, piece);
    front.emit({ kind: "store", size, base, offset: offset + at, value });
    at += size;
  }
}

/** Constants, of eight bytes only such as fit an immediate; or the low bytes of a register. */
function isSimple(bytes: readonly ByteSource[]): boolean {
  if (isLowBytes(bytes) !== undefined) return true;
  if (!bytes.every((byte) => typeof byte === "number")) return false;
  return bytes.length < 8 || isImmediate(bytes as number[]);
}

/** Eight bytes that a sign-extended 32-bit immediate makes. */
function isImmediate(bytes: readonly number[]): boolean {
  const fill = bytes[3]! > 127 ? 255 : 0;
  return bytes.slice(4).every((byte) => byte === fill);
}

/** The widest piece that is put together of parts: not across bytes that could be stored as they are. */
function widestMixed(bytes: readonly ByteSource[], at: number, fits: (size: number) => boolean): 8 | 4 | 2 | 1 {
  const isWord = (size: number): boolean => {
    const piece = bytes.slice(at, at + size);
    return (
      piece.every((byte) => typeof byte !== "number") &&
      new Set(piece.map((byte) => (byte as { id: ValueId }).id)).size <= 2
    );
  };
  return SIZES.find((size) => fits(size) && isWord(size)) ?? 1;
}
