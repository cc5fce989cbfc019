/**
 * Bytes that are written one field after the other, in one byte order.
 *
 * Writers are short-lived and small, so they share slabs: an ArrayBuffer each would cost more than what is written into
 * it. Invariant: no two writers share a byte, and unwritten bytes are zero.
 */
const SLAB_BYTES = 1 << 16;

let slab = new DataView(new ArrayBuffer(SLAB_BYTES));
let slabUsed = 0;

export class ByteWriter {
  readonly #littleEndian: boolean;
  #view: DataView;
  #base: number;
  #capacity: number;
  #length = 0;

  constructor(littleEndian: boolean, expected = 64) {
    this.#littleEndian = littleEndian;
    this.#capacity = expected;
    if (expected > SLAB_BYTES / 4) {
      this.#view = new DataView(new ArrayBuffer(expected));
      this.#base = 0;
      return;
    }
    if (slabUsed + expected > SLAB_BYTES) {
      slab = new DataView(new ArrayBuffer(SLAB_BYTES));
      slabUsed = 0;
    }
    this.#view = slab;
    this.#base = slabUsed;
    slabUsed += expected;
  }

  get length(): number {
    return this.#length;
  }

  /** Makes room, and returns where it begins in the buffer. */
  #grow(count: number): number {
    const at = this.#base + this.#length;
    if (this.#length + count > this.#capacity) return this.#move(count);
    this.#length += count;
    return at;
  }

  /** To a buffer of its own, twice as long. */
  #move(count: number): number {
    const capacity = Math.max(this.#length + count, this.#capacity * 2);
    const longer = new Uint8Array(capacity);
    longer.set(this.finish());
    this.#view = new DataView(longer.buffer);
    this.#base = 0;
    this.#capacity = capacity;
    const at = this.#length;
    this.#length += count;
    return at;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, this.#littleEndian);
    return this;
  }
  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.#littleEndian);
    return this;
  }
  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, this.#littleEndian);
    return this;
  }
  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    new Uint8Array(this.#view.buffer, at, value.length).set(value);
    return this;
  }
  /** Zeros up to a multiple of `unit`. */
  align(unit: number): this {
    this.#grow((unit - (this.#length % unit)) % unit);
    return this;
  }
  finish(): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#base, this.#length);
  }
}
