/**
 * bpf(2) from Node: one attribute block, one system call, the error number read straight after it.
 *
 * The block (union bpf_attr) is allocated once; callers fill it through a DataView. Buffers whose addresses the kernel
 * gets are kept alive by `pointer` until the call returns. Invariant: calls are synchronous, so the block is never shared.
 */
import koffi from "koffi";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";

/** Commands (enum bpf_cmd). */
export const BpfCommand = {
  MapCreate: 0,
  MapLookup: 1,
  MapUpdate: 2,
  MapDelete: 3,
  MapNextKey: 4,
  ProgLoad: 5,
  ObjectPin: 6,
  ObjectGet: 7,
  TestRun: 10,
  ProgNextId: 11,
  MapNextId: 12,
  ProgFdById: 13,
  MapFdById: 14,
  InfoByFd: 15,
  BtfLoad: 18,
  BtfFdById: 19,
  MapLookupAndDelete: 21,
  MapFreeze: 22,
  BtfNextId: 23,
  MapLookupBatch: 24,
  MapLookupAndDeleteBatch: 25,
  MapUpdateBatch: 26,
  MapDeleteBatch: 27,
  LinkCreate: 28,
  LinkUpdate: 29,
  LinkFdById: 30,
  LinkNextId: 31,
  EnableStats: 32,
  LinkDetach: 34,
} as const;

const NUMBERS: Readonly<Record<string, { readonly bpf: number }>> = { x64: { bpf: 321 }, arm64: { bpf: 280 } };
/** Bytes of union bpf_attr; the kernel takes a longer block whose tail is zero. */
const ATTRIBUTE_BYTES = 192;

type BpfSyscall = (number: number, command: number, attributes: Uint8Array, size: number) => number;
type PreparedSyscall = (number: number, command: number, address: number, size: number) => number;

interface Native {
  readonly number: number;
  readonly syscall: BpfSyscall;
  /** The same by address, for blocks that are used again and again. */
  readonly prepared: PreparedSyscall;
  readonly close: (fd: number) => number;
  /** Changes which signals this thread takes: how (0: block, 2: exactly these), the new set, where the old one goes. */
  readonly sigmask: (how: number, set: Uint8Array, old: Uint8Array) => number;
}

let native: Native | undefined;

function load(): Native {
  if (native) return native;
  const numbers = process.platform === "linux" ? NUMBERS[process.arch] : undefined;
  if (!numbers) throw xdpkitError("KERNEL_UNAVAILABLE", { reason: `this is ${process.platform} on ${process.arch}` });
  const libc = koffi.load(null);
  native = {
    number: numbers.bpf,
    syscall: libc.func("long syscall(long number, int command, void *attributes, uint32_t size)") as BpfSyscall,
    prepared: libc.func("syscall", "int", ["int", "int", "uintptr_t", "uint32_t"]) as PreparedSyscall,
    close: libc.func("int close(int fd)") as Native["close"],
    sigmask: libc.func("int pthread_sigmask(int how, void *set, void *old)") as Native["sigmask"],
  };
  return native;
}

const block = new Uint8Array(ATTRIBUTE_BYTES);

/** The attribute block of the next call, zeroed by `attributes()`. */
export class Attributes {
  readonly view = new DataView(block.buffer);
  readonly #kept: Uint8Array[] = [];

  u32(offset: number, value: number): this {
    this.view.setUint32(offset, value, true);
    return this;
  }
  u64(offset: number, value: bigint): this {
    this.view.setBigUint64(offset, value, true);
    return this;
  }
  /** Puts the address of a buffer; it must stay alive until the call has returned. */
  pointer(offset: number, bytes: Uint8Array | undefined): this {
    if (bytes === undefined || bytes.length === 0) return this;
    this.#kept.push(bytes);
    return this.u64(offset, addressOf(bytes));
  }
  /** At most 15 bytes and a zero; characters that the kernel refuses become `_`. */
  name(offset: number, text: string): this {
    block.set(new TextEncoder().encode(objectName(text)), offset);
    return this;
  }
}

/**
 * A block of attributes that one map keeps, filled once: a call then costs neither allocation nor the search for addresses,
 * which together take as long as a lookup.
 */
export class PreparedCall {
  readonly view: DataView;
  readonly #address: number;
  readonly #kept: Uint8Array[] = [];

  constructor(bytes: number) {
    const own = new Uint8Array(bytes);
    this.view = new DataView(own.buffer);
    this.#address = Number(addressOf(own));
  }

  u32(offset: number, value: number): this {
    this.view.setUint32(offset, value, true);
    return this;
  }
  /** Puts the address of a buffer, which lives as long as the block; 0 for an empty one. */
  pointer(offset: number, bytes: Uint8Array): this {
    this.#kept.push(bytes);
    this.view.setBigUint64(offset, bytes.length === 0 ? 0n : addressOf(bytes), true);
    return this;
  }
  /** The call's result, or the negative error number. The kernel takes what lies behind `size` bytes for zero. */
  run(command: number, size = this.view.byteLength): number {
    const { number, prepared } = load();
    const result = prepared(number, command, this.#address, size);
    return result < 0 ? -koffi.errno() : result;
  }
}

/** The address of a buffer's first byte. Asking for `buffer` first moves small arrays out of the moving heap. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes.buffer) + BigInt(bytes.byteOffset);
}

/** A name that BPF_OBJ_NAME_LEN and bpf_obj_name_cpy accept. */
export function objectName(text: string): string {
  return text.slice(0, 15).replace(/[^A-Za-z0-9_.]/g, "_");
}

export function attributes(): Attributes {
  block.fill(0);
  return new Attributes();
}

/**
 * Commands that a pending signal ends early: loading with EAGAIN (the verifier looks for one now and then), a test run with
 * EINTR. A profiler (`--cpu-prof`) sends one each millisecond.
 */
const INTERRUPTIBLE: readonly number[] = [BpfCommand.ProgLoad, BpfCommand.TestRun];
/** As libbpf's sys_bpf_prog_load. */
const ATTEMPTS = 5;

/** The call's result, or the negative error number. */
export function tryBpf(command: number, _attributes: Attributes): number {
  const { number, syscall } = load();
  const call = (): number => {
    const result = syscall(number, command, block, ATTRIBUTE_BYTES);
    return result < 0 ? -koffi.errno() : result;
  };
  return INTERRUPTIBLE.includes(command) ? withoutSignals(call) : call();
}

/** sigset_t of glibc: 1,024 bits. */
const ALL_SIGNALS = new Uint8Array(128).fill(0xff);
const previous = new Uint8Array(128);
const SIG_BLOCK = 0;
const SIG_SETMASK = 2;

/** Signals wait, or go to another thread of Node, which tells this one when the call has ended. */
function withoutSignals(call: () => number): number {
  const { sigmask } = load();
  sigmask(SIG_BLOCK, ALL_SIGNALS, previous);
  try {
    let result = call();
    for (let attempt = 1; attempt < ATTEMPTS && result === -errno.EAGAIN; attempt++) result = call();
    return result;
  } finally {
    sigmask(SIG_SETMASK, previous, new Uint8Array(128));
  }
}

/** @throws XdpkitError KERNEL_CALL */
export function bpf(command: number, filled: Attributes, call: string): number {
  const result = tryBpf(command, filled);
  if (result < 0) throw xdpkitError("KERNEL_CALL", { call, errno: errnoName(result) });
  return result;
}

export function closeFd(fd: number): void {
  load().close(fd);
}
