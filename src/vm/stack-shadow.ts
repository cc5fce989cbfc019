/**
 * What the bytes of the stack hold: for every slot of eight bytes an origin as registers have it (origin.ts), so that a
 * spilled pointer is one again when it is filled, and bytes that nobody wrote stay unknown wherever they are copied.
 *
 * Invariant: a frame's slots are all unknown when its function begins, as the kernel's stack holds what ran before.
 */
import { ObjectId } from "./memory.ts";
import { maskOf, UNKNOWN, unknownBytes } from "./origin.ts";

/** The origin of slots that hold something of the kernel's; a program that loads one gets a handle. */
const OPAQUE = ObjectId.Handle;

/** MAX_BPF_STACK: bytes of a frame. */
export const STACK_BYTES = 512;

export class StackShadow {
  readonly #start: number;
  readonly origins: Int32Array;
  /** The base of a pointer, or where on the stack unknown bytes came from; 0 for the slot itself. */
  readonly bases: Int32Array;
  /** The lowest slot that was written since a frame began, at the place of the frame's first slot. */
  readonly #lowest: Int32Array;

  constructor(start: number, bytes: number) {
    this.#start = start;
    this.origins = new Int32Array(bytes / 8);
    this.bases = new Int32Array(bytes / 8);
    this.#lowest = new Int32Array(bytes / 8);
  }

  /** Nothing of a frame has been written; or everything, where what lies there may be read. */
  begin(frame: number, known: boolean): void {
    const { origins, bases } = this;
    const lowest = this.#lowest;
    const first = (frame - this.#start) >> 3;
    const end = first + STACK_BYTES / 8;
    const origin = known ? 0 : UNKNOWN;
    // Only what the last function there has touched; a loop, because the built-in `fill` costs more to call.
    for (let slot = Math.max(first, lowest[first]!); slot < end; slot++) {
      origins[slot] = origin;
      bases[slot] = 0;
    }
    lowest[first] = end;
  }

  /** The origin of a value of `size` bytes at `address`, into a register's two words. */
  load(address: number, size: number, into: Int32Array, place: number): void {
    const slot = (address - this.#start) >> 3;
    if (size === 8 && (address & 7) === 0) {
      const origin = (into[place] = this.origins[slot]!);
      if (origin !== 0) into[place + 1] = this.bases[slot]! || address + firstBit(maskOf(origin));
      return;
    }
    if ((address & 7) + size <= 8 && this.origins[slot]! >= 0) {
      into[place] = 0;
      return;
    }
    into[place] = unknownBytes(this.#mask(address, size));
    into[place + 1] = this.firstUnknown(address, size);
  }

  /** A store of a register whose origin is given, into a frame. */
  store(frame: number, address: number, size: number, origin: number, base: number): void {
    const slot = (address - this.#start) >> 3;
    const first = (frame - this.#start) >> 3;
    if (slot < this.#lowest[first]!) this.#lowest[first] = slot;
    if (size === 8 && (address & 7) === 0) {
      this.origins[slot] = origin;
      this.bases[slot] = base;
      return;
    }
    if ((address & 7) + size <= 8 && this.origins[slot] === 0 && origin >= 0) return;
    const mask = maskOf(origin);
    for (let i = 0; i < size; i++) this.#setByte(address + i, (mask & (1 << i)) !== 0, base);
  }

  /** A helper has written bytes of a frame. */
  written(frame: number, address: number, size: number): void {
    const first = (frame - this.#start) >> 3;
    this.#lowest[first] = Math.min(this.#lowest[first]!, (address - this.#start) >> 3);
    for (let at = address; at < address + size; at++) {
      const slot = (at - this.#start) >> 3;
      if ((at & 7) === 0 && at + 8 <= address + size) {
        this.origins[slot] = 0;
        at += 7;
      } else this.#setByte(at, false, 0);
    }
  }

  /** Marks whole slots as something of the kernel's: a dynamic pointer, an iterator. */
  setOpaque(address: number, size: number): void {
    for (let at = address; at < address + size; at += 8) {
      const slot = (at - this.#start) >> 3;
      this.origins[slot] = OPAQUE;
      this.bases[slot] = address;
    }
  }

  /** Whether they still are, from the same address. */
  isOpaque(address: number, size: number): boolean {
    if ((address & 7) !== 0) return false;
    for (let at = address; at < address + size; at += 8) {
      const slot = (at - this.#start) >> 3;
      if (this.origins[slot] !== OPAQUE || this.bases[slot] !== address) return false;
    }
    return true;
  }

  /** Where on the stack the first unknown byte of a range was not written; 0 when all are known. */
  firstUnknown(address: number, size: number): number {
    for (let at = address; at < address + size; at++) {
      const slot = (at - this.#start) >> 3;
      if (this.origins[slot]! >= 0) at |= 7;
      else if (this.#isUnknown(at)) return this.bases[slot]! || at;
    }
    return 0;
  }

  #isUnknown(at: number): boolean {
    return (maskOf(this.origins[(at - this.#start) >> 3]!) & (1 << (at & 7))) !== 0;
  }

  #mask(address: number, size: number): number {
    let mask = 0;
    for (let i = 0; i < size; i++) if (this.#isUnknown(address + i)) mask |= 1 << i;
    return mask;
  }

  #setByte(at: number, unknown: boolean, base: number): void {
    const slot = (at - this.#start) >> 3;
    const bit = 1 << (at & 7);
    const old = maskOf(this.origins[slot]!);
    if (unknown) this.bases[slot] = base;
    this.origins[slot] = unknownBytes(unknown ? old | bit : old & ~bit);
  }
}

const firstBit = (mask: number): number => (mask === 0 ? 0 : 31 - Math.clz32(mask & -mask));
