/**
 * Memory that a descriptor shares with the kernel (mmap(2)): global data, rings.
 *
 * Invariant: nobody keeps a view of his own. When a mapping is disposed of, its views become empty, so that late code finds
 * nothing instead of an address that is no longer there.
 */
import koffi from "koffi";
import { xdpkitError } from "../base/index.ts";
import { errnoName } from "../uapi/index.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

interface Native {
  mmap(address: number, length: number, protection: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, length: number): number;
  getpagesize(): number;
}

let native: Native | undefined;

function load(): Native {
  if (native) return native;
  const libc = koffi.load(null);
  native = {
    mmap: libc.func(
      "int64_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)",
    ),
    munmap: libc.func("int munmap(uintptr_t address, size_t length)"),
    getpagesize: libc.func("int getpagesize()"),
  };
  return native;
}

/** Bytes of a page of memory: 4096 on x86-64. */
export const pageBytes = (): number => load().getpagesize();

export interface MapMemoryOptions {
  readonly fd: number;
  /** Bytes, from `offset` on. */
  readonly length: number;
  readonly offset?: number;
  readonly writable: boolean;
}

export class Mapping implements Disposable {
  readonly writable: boolean;
  bytes: Uint8Array<ArrayBuffer>;
  /** The same as 32 and 64 bits in the machine's order, for `Atomics`. */
  words: Int32Array<ArrayBuffer>;
  longs: BigInt64Array<ArrayBuffer>;
  readonly #address: number;
  readonly #length: number;

  /** @throws XdpkitError KERNEL_CALL */
  constructor({ fd, length, offset = 0, writable }: MapMemoryOptions) {
    const protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const address = load().mmap(0, length, protection, MAP_SHARED, fd, offset);
    if (address < 0) throw xdpkitError("KERNEL_CALL", { call: "mmap", errno: errnoName(koffi.errno()) });
    const buffer = koffi.view(BigInt(address), length);
    this.writable = writable;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.longs = new BigInt64Array(buffer);
    this.#address = address;
    this.#length = length;
  }

  [Symbol.dispose](): void {
    if (this.bytes.length === 0) return;
    const nothing = new ArrayBuffer(0);
    this.bytes = new Uint8Array(nothing);
    this.words = new Int32Array(nothing);
    this.longs = new BigInt64Array(nothing);
    load().munmap(this.#address, this.#length);
  }
}
