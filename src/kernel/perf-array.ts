/** BPF_MAP_TYPE_PERF_EVENT_ARRAY as one source of records: a buffer for every CPU that is online. */
import { u32Bytes } from "../base/index.ts";
import { onlineCpus } from "./cpu.ts";
import { mapError } from "./map-errors.ts";
import type { KernelMap } from "./maps.ts";
import { PerfBuffer } from "./perf-buffer.ts";
import type { RecordSource } from "./records.ts";

/** Of each CPU: 256 KiB where a page has 4. */
const PAGES = 64;

export class PerfReader implements RecordSource<Uint8Array> {
  readonly fds: readonly number[];
  readonly #map: KernelMap;
  readonly #buffers = new Map<number, PerfBuffer>();

  /** @throws XdpkitError KERNEL_CALL, KERNEL_MAP_INDEX when the map has fewer slots than the machine has CPUs */
  constructor(map: KernelMap, pages = PAGES) {
    this.#map = map;
    try {
      for (const cpu of onlineCpus()) {
        const buffer = new PerfBuffer(cpu, pages);
        this.#buffers.set(cpu, buffer);
        const result = map.trySet(u32Bytes(cpu), u32Bytes(buffer.fd));
        if (result < 0) throw mapError(map, "update", result);
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    this.fds = [...this.#buffers.values()].map(({ fd }) => fd);
  }

  get available(): boolean {
    return [...this.#buffers.values()].some(({ available }) => available);
  }

  get lost(): bigint {
    return [...this.#buffers.values()].reduce((sum, { lost }) => sum + lost, 0n);
  }

  read(take: (sample: Uint8Array) => void): void {
    for (const buffer of this.#buffers.values()) buffer.read(take);
  }

  [Symbol.dispose](): void {
    for (const [cpu, buffer] of this.#buffers) {
      this.#map.tryDelete(u32Bytes(cpu));
      buffer[Symbol.dispose]();
    }
    this.#buffers.clear();
  }
}
