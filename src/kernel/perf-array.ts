/**
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY as one source of records: a buffer for every CPU that is online.
 *
 * Of two readers the later one has the map. Its slots are set by a descriptor of the reader's own: when that is closed, the
 * kernel clears those slots that still are the reader's (perf_event_fd_array_release, kernel/bpf/arraymap.c), and so does not
 * silence a reader that has taken over.
 */
import { u32Bytes } from "../base/index.ts";
import { onlineCpus } from "./cpu.ts";
import { mapError } from "./map-errors.ts";
import { KernelMap } from "./maps.ts";
import { objectId, openById } from "./object-info.ts";
import { PerfBuffer } from "./perf-buffer.ts";
import type { RecordSource } from "./records.ts";

/** Of each CPU: 256 KiB where a page has 4. */
const PAGES = 64;

/** The rings of a perf event array, one for each processor. */
export class PerfReader implements RecordSource<Uint8Array> {
  readonly fds: readonly number[];
  readonly #map: KernelMap;
  /** Undefined without CAP_SYS_ADMIN, which opening by the id needs. */
  readonly #own: KernelMap | undefined;
  readonly #buffers = new Map<number, PerfBuffer>();

  /** @throws XdpkitError KERNEL_CALL, KERNEL_MAP_INDEX when the map has fewer slots than the machine has CPUs */
  constructor(map: KernelMap, pages = PAGES) {
    this.#map = map;
    this.#own = openAgain(map);
    try {
      for (const cpu of onlineCpus()) {
        const buffer = new PerfBuffer(cpu, pages);
        this.#buffers.set(cpu, buffer);
        const result = (this.#own ?? map).trySet(u32Bytes(cpu), u32Bytes(buffer.fd));
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
      if (!this.#own) this.#map.tryDelete(u32Bytes(cpu));
      buffer[Symbol.dispose]();
    }
    this.#buffers.clear();
    this.#own?.[Symbol.dispose]();
  }
}

function openAgain(map: KernelMap): KernelMap | undefined {
  try {
    const fd = openById("map", objectId(map.fd));
    return fd === undefined ? undefined : new KernelMap(fd, map.definition, 1);
  } catch {
    return undefined;
  }
}
