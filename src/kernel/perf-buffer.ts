/**
 * One CPU's buffer of a perf array: a software event whose samples are what `bpf_perf_event_output` writes
 * (perf_event_open(2), include/uapi/linux/perf_event.h).
 *
 *     page 0          metadata: u64 data_head at 1024, u64 data_tail at 1032
 *     page 1 …        the data, a power of two of pages; a record may be cut at the end
 *
 *     record          u32 type, u16 misc, u16 size; SAMPLE: u32 length, bytes; LOST: u64 id, u64 count
 *
 * Invariant: the tail is stored once per batch, behind what was given away.
 */
import { readSync } from "node:fs";
import koffi from "koffi";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { Mapping, pageBytes } from "./memory.ts";
import { addressOf, closeFd } from "./syscall.ts";

const NUMBERS: Readonly<Record<string, number>> = { x64: 298, arm64: 241 };
const ATTRIBUTE_BYTES = 128;
const TYPE_SOFTWARE = 1;
const COUNT_BPF_OUTPUT = 10n;
const SAMPLE_RAW = 1n << 10n;
/** Since Linux 6.0 reading the event tells how many records were lost. */
const FORMAT_LOST = 1n << 4n;
const FLAG_CLOEXEC = 8n;

const HEAD = 1024 / 8;
const TAIL = 1032 / 8;
const RECORD_LOST = 2;
const RECORD_SAMPLE = 9;

export class PerfBuffer implements Disposable {
  readonly fd: number;
  readonly #memory: Mapping;
  readonly #page = pageBytes();
  readonly #size: number;
  readonly #tellsLost: boolean;
  /** A record that is cut at the end, put together. */
  readonly #whole: Uint8Array<ArrayBuffer>;
  #position = 0;
  /** By LOST records, which come before the next sample. */
  #reported = 0n;

  /** `pages`: a power of two. @throws XdpkitError KERNEL_CALL */
  constructor(cpu: number, pages: number) {
    const told = openEvent(cpu, FORMAT_LOST);
    this.#tellsLost = told !== -errno.EINVAL;
    this.fd = this.#tellsLost ? told : openEvent(cpu, 0n);
    if (this.fd < 0) throw xdpkitError("KERNEL_CALL", { call: "perf_event_open", errno: errnoName(this.fd) });
    this.#size = pages * this.#page;
    this.#whole = new Uint8Array(1 << 16);
    try {
      this.#memory = new Mapping({ fd: this.fd, length: this.#page + this.#size, writable: true });
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  get available(): boolean {
    return this.#position < Number(Atomics.load(this.#memory.longs, HEAD));
  }

  get lost(): bigint {
    if (!this.#tellsLost || this.#memory.bytes.length === 0) return this.#reported;
    const counts = new BigUint64Array(2);
    readSync(this.fd, counts, 0, 16, null);
    return counts[1]!;
  }

  read(take: (sample: Uint8Array) => void): void {
    const { longs } = this.#memory;
    const end = Number(Atomics.load(longs, HEAD));
    const start = this.#position;
    try {
      while (this.#position < end) this.#record(take);
    } finally {
      if (this.#position !== start) Atomics.store(longs, TAIL, BigInt(this.#position));
    }
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
    closeFd(this.fd);
  }

  /** Records are 8-byte aligned, so a header is never cut. */
  #record(take: (sample: Uint8Array) => void): void {
    const { words } = this.#memory;
    const at = this.#page + (this.#position % this.#size);
    const type = words[at >> 2]!;
    const length = words[(at >> 2) + 1]! >>> 16;
    this.#position += length;
    if (type !== RECORD_SAMPLE && type !== RECORD_LOST) return;
    const record = this.#bytes(at, length);
    const view = new DataView(record.buffer, record.byteOffset);
    if (type === RECORD_LOST) this.#reported += view.getBigUint64(16, true);
    else take(record.subarray(12, 12 + view.getUint32(8, true)));
  }

  #bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    const { bytes } = this.#memory;
    if (at + length <= bytes.length) return bytes.subarray(at, at + length);
    const first = bytes.length - at;
    this.#whole.set(bytes.subarray(at));
    this.#whole.set(bytes.subarray(this.#page, this.#page + length - first), first);
    return this.#whole.subarray(0, length);
  }
}

type OpenCall = (number: number, attr: bigint, pid: number, cpu: number, group: number, flags: bigint) => number;

/** A descriptor, or the negative error number. Every sample wakes who waits. */
function openEvent(cpu: number, readFormat: bigint): number {
  const attributes = new Uint8Array(ATTRIBUTE_BYTES);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, TYPE_SOFTWARE, true);
  view.setUint32(4, ATTRIBUTE_BYTES, true);
  view.setBigUint64(8, COUNT_BPF_OUTPUT, true);
  view.setBigUint64(16, 1n, true);
  view.setBigUint64(24, SAMPLE_RAW, true);
  view.setBigUint64(32, readFormat, true);
  view.setUint32(48, 1, true);
  const call = koffi
    .load(null)
    .func("syscall", "long", ["long", "uintptr_t", "int", "int", "int", "uint64_t"]) as OpenCall;
  const result = call(NUMBERS[process.arch] ?? -1, addressOf(attributes), -1, cpu, -1, FLAG_CLOEXEC);
  return result < 0 ? -koffi.errno() : result;
}
