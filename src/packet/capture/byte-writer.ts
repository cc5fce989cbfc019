/** Bytes that are written one field after the other, in one byte order. */

export class ByteWriter {
  readonly #littleEndian: boolean;
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(littleEndian: boolean, expected = 64) {
    this.#littleEndian = littleEndian;
    this.#bytes = new Uint8Array(expected);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** Makes room, and returns where it begins. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const longer = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      longer.set(this.#bytes);
      this.#bytes = longer;
      this.#view = new DataView(longer.buffer);
    }
    return at;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#grow(2), value, this.#littleEndian);
    return this;
  }
  u32(value: number): this {
    this.#view.setUint32(this.#grow(4), value, this.#littleEndian);
    return this;
  }
  u64(value: bigint): this {
    this.#view.setBigUint64(this.#grow(8), value, this.#littleEndian);
    return this;
  }
  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }
  /** Zeros up to a multiple of `unit`. */
  align(unit: number): this {
    this.#grow((unit - (this.#length % unit)) % unit);
    return this;
  }
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
