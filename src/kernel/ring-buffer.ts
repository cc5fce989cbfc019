/**
 * BPF_MAP_TYPE_RINGBUF from user space (kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst):
 *
 *     page 0          u64 consumer position, written here
 *     page 1          u64 producer position, written by the kernel
 *     page 2 …        the data, mapped twice in a row, so that no record is cut at the end
 *
 *     record          u32 length | BUSY | DISCARD, u32 page, then the bytes; 8-byte aligned
 *
 * Positions only grow; a place is a position modulo the size. Invariant: the consumer position is stored once per batch,
 * behind what was given away.
 */
import type { KernelMap } from "./maps.ts";
import { Mapping, pageBytes } from "./memory.ts";
import type { RecordSource } from "./records.ts";

const DISCARD = 1 << 30;
const LENGTH = DISCARD - 1;
const HEADER_BYTES = 8;

/** A ring buffer, read without copies by the kernel. */
export class RingReader implements RecordSource<Uint8Array> {
  readonly fds: readonly number[];
  readonly #consumer: Mapping;
  readonly #ring: Mapping;
  readonly #page = pageBytes();
  readonly #size: number;
  /** Ours alone, as a number: 2^53 bytes are more than a machine writes. */
  #position: number;

  /** @throws XdpkitError KERNEL_CALL */
  constructor({ fd, definition }: KernelMap) {
    this.#size = definition.maxEntries;
    this.fds = [fd];
    this.#consumer = new Mapping({ fd, length: this.#page, writable: true });
    this.#ring = new Mapping({ fd, offset: this.#page, length: this.#page + 2 * this.#size, writable: false });
    this.#position = Number(Atomics.load(this.#consumer.longs, 0));
  }

  /** The kernel does not count what finds no room: `bpf_ringbuf_reserve` and `_output` tell the program. */
  get lost(): bigint {
    return 0n;
  }

  get available(): boolean {
    return this.#position < Number(Atomics.load(this.#ring.longs, 0));
  }

  read(take: (record: Uint8Array) => void): void {
    const { words, longs, bytes } = this.#ring;
    const end = Number(Atomics.load(longs, 0));
    const start = this.#position;
    try {
      while (this.#position < end) {
        const at = this.#page + (this.#position % this.#size);
        const header = Atomics.load(words, at >> 2);
        if (header < 0) return; // BUSY: reserved, and not submitted yet
        const length = header & LENGTH;
        this.#position += (length + HEADER_BYTES + 7) & ~7;
        if ((header & DISCARD) === 0) take(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length));
      }
    } finally {
      if (this.#position !== start) Atomics.store(this.#consumer.longs, 0, BigInt(this.#position));
    }
  }

  [Symbol.dispose](): void {
    this.#consumer[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
  }
}

/** BPF_MAP_TYPE_USER_RINGBUF (Linux 6.1): the same with the roles changed; here is the producer. */
export class RingWriter implements Disposable {
  readonly #consumer: Mapping;
  readonly #ring: Mapping;
  readonly #page = pageBytes();
  readonly #size: number;

  /** @throws XdpkitError KERNEL_CALL */
  constructor({ fd, definition }: KernelMap) {
    this.#size = definition.maxEntries;
    this.#consumer = new Mapping({ fd, length: this.#page, writable: false });
    this.#ring = new Mapping({ fd, offset: this.#page, length: this.#page + 2 * this.#size, writable: true });
  }

  /** False when there is no room. The record is complete before the kernel can see it. */
  send(record: Uint8Array): boolean {
    const { words, longs, bytes } = this.#ring;
    const position = Number(Atomics.load(longs, 0));
    const used = position - Number(Atomics.load(this.#consumer.longs, 0));
    const need = (record.length + HEADER_BYTES + 7) & ~7;
    if (need > this.#size - used) return false;
    const at = this.#page + (position % this.#size);
    bytes.set(record, at + HEADER_BYTES);
    Atomics.store(words, at >> 2, record.length);
    Atomics.store(longs, 0, BigInt(position + need));
    return true;
  }

  [Symbol.dispose](): void {
    this.#consumer[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
  }
}
