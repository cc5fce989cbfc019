/**
 * BLOOM_FILTER (kernel/bpf/bloom_filter.c): push adds, peek tells whether a value may be there.
 *
 * With BPF_F_ZERO_SEED the bits are those of the kernel; otherwise the kernel's seed is random, and this machine's is 0.
 */
import type { BpfMap } from "../../object/index.ts";
import { errno, UpdateFlag } from "../../uapi/index.ts";
import { jhash, jhash2 } from "../jhash.ts";
import { type MapHost, VmMap } from "./map.ts";

const DEFAULT_HASHES = 5;
const WORD_BITS = 64;

export class BloomFilter extends VmMap {
  readonly #hashes: number;
  readonly #mask: number;
  readonly #bits: Uint8Array;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    this.#hashes = Number(definition.extra ?? 0n) & 0xf || DEFAULT_HASHES;
    // The best size is n·k / ln 2; the kernel takes 7/5 for 1 / ln 2 and rounds up to a power of two.
    const wanted = Math.max(Math.floor((definition.maxEntries * this.#hashes) / 5) * 7, WORD_BITS);
    this.#mask = 2 ** Math.min(Math.ceil(Math.log2(wanted)), 32) - 1;
    this.#bits = new Uint8Array((this.#mask + 1) / 8);
  }

  /** Bit positions of a value. */
  *#positions(at: number): Generator<number> {
    const { valueSize } = this.definition;
    const bytes = this.host.memory.bytes.slice(at, at + valueSize);
    const words = valueSize % 4 === 0 ? new Uint32Array(bytes.buffer) : undefined;
    for (let i = 0; i < this.#hashes; i++) yield ((words ? jhash2(words, i) : jhash(bytes, i)) & this.#mask) >>> 0;
  }

  override push(value: number, flags: number): number {
    if (flags !== UpdateFlag.ANY) return -errno.EINVAL;
    for (const bit of this.#positions(value)) this.#bits[bit >>> 3]! |= 1 << (bit & 7);
    return 0;
  }

  override peek(value: number): number {
    for (const bit of this.#positions(value))
      if ((this.#bits[bit >>> 3]! & (1 << (bit & 7))) === 0) return -errno.ENOENT;
    return 0;
  }

  override write(_key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.push(this.host.scratch.place(value, 1), flags);
  }

  /** Whether the value may have been added. */
  has(value: Uint8Array): boolean {
    return this.peek(this.host.scratch.place(value, 1)) === 0;
  }

  override get size(): number {
    return 0;
  }
}
