/** Maps through bpf(2): create, look up, update, delete, walk. Offsets are those of union bpf_attr. */
import { xdpkitError } from "../base/index.ts";
import type { BpfMap } from "../object/index.ts";
import { errno, errnoName, MapType } from "../uapi/index.ts";
import { attributes, BpfCommand, bpf, closeFd, tryBpf } from "./syscall.ts";

/** A map of the kernel. Per-CPU maps have one value per possible CPU, each padded to 8 bytes. */
export class KernelMap implements Disposable {
  readonly fd: number;
  readonly definition: BpfMap;
  readonly #cpus: number;

  constructor(fd: number, definition: BpfMap, cpus: number) {
    this.fd = fd;
    this.definition = definition;
    this.#cpus = cpus;
  }

  get perCpu(): boolean {
    return PER_CPU.includes(this.definition.type);
  }
  /** Bytes of a value as user space sees it. */
  get valueBytes(): number {
    const { valueSize } = this.definition;
    return this.perCpu ? ((valueSize + 7) & ~7) * this.#cpus : valueSize;
  }

  /** The value, or undefined when the key is absent. */
  get(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.valueBytes);
    const result = tryBpf(BpfCommand.MapLookup, element(this.fd, key, value));
    if (result === -errno.ENOENT) return undefined;
    if (result < 0) throw xdpkitError("KERNEL_CALL", { call: "BPF_MAP_LOOKUP_ELEM", errno: errnoName(result) });
    return value;
  }

  /** 0 or a negative error number. */
  trySet(key: Uint8Array, value: Uint8Array, flags = 0): number {
    return tryBpf(BpfCommand.MapUpdate, element(this.fd, key, value).u64(24, BigInt(flags)));
  }

  /** 0 or a negative error number. */
  tryDelete(key: Uint8Array): number {
    return tryBpf(BpfCommand.MapDelete, element(this.fd, key, undefined));
  }

  /** QUEUE, STACK: takes the next value; undefined when there is none. */
  pop(): Uint8Array | undefined {
    const value = new Uint8Array(this.definition.valueSize);
    return tryBpf(BpfCommand.MapLookupAndDelete, element(this.fd, NONE, value)) < 0 ? undefined : value;
  }

  /** Keys in the kernel's order. */
  *keys(): Generator<Uint8Array> {
    let key: Uint8Array | undefined;
    for (;;) {
      const next = new Uint8Array(this.definition.keySize);
      const result = tryBpf(BpfCommand.MapNextKey, element(this.fd, key ?? NONE, next));
      if (result === -errno.ENOENT) return;
      if (result < 0) throw xdpkitError("KERNEL_CALL", { call: "BPF_MAP_GET_NEXT_KEY", errno: errnoName(result) });
      yield next;
      key = next;
    }
  }

  /** No more writes from user space. */
  freeze(): void {
    bpf(BpfCommand.MapFreeze, attributes().u32(0, this.fd), "BPF_MAP_FREEZE");
  }

  [Symbol.dispose](): void {
    closeFd(this.fd);
  }
}

const NONE = new Uint8Array(0);
const PER_CPU: readonly number[] = [MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH];

function element(fd: number, key: Uint8Array, value: Uint8Array | undefined) {
  return attributes().u32(0, fd).pointer(8, key).pointer(16, value);
}

/** The descriptor, or a negative error number. */
export function tryCreateMap(
  definition: BpfMap,
  innerFd = 0,
  btf?: { fd: number; key: number; value: number },
): number {
  const filled = attributes()
    .u32(0, definition.type)
    .u32(4, definition.keySize)
    .u32(8, definition.valueSize)
    .u32(12, definition.maxEntries)
    .u32(16, definition.flags)
    .u32(20, innerFd)
    .u32(24, definition.numaNode ?? 0)
    .name(28, definition.name);
  if (btf) filled.u32(48, btf.fd).u32(52, btf.key).u32(56, btf.value);
  return tryBpf(BpfCommand.MapCreate, filled.u64(64, definition.extra ?? 0n));
}
