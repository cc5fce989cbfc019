/** Programs through bpf(2): load with the verifier's log, run on a packet (BPF_PROG_TEST_RUN). */
import { concatBytes, xdpkitError } from "../base/index.ts";
import type { LinkedProgram } from "../object/index.ts";
import { errno } from "../uapi/index.ts";
import { Descriptor } from "./descriptor.ts";
import { refusal } from "./refusal.ts";
import { attributes, BpfCommand, bpf, tryBpf } from "./syscall.ts";
import type { Upgrade } from "./upgrade.ts";

/** Attributes of `BPF_PROG_LOAD`. */
export interface LoadProgramOptions {
  /** The kernel keeps 15 characters. */
  readonly name: string;
  /** `enum bpf_prog_type`. */
  readonly type: number;
  /** 8 bytes each, maps as descriptors in `BPF_PSEUDO_MAP_FD` loads. */
  readonly instructions: Uint8Array;
  /** `GPL`, `Dual MIT/GPL`, … */
  readonly license: string;
  /** `enum bpf_attach_type`. */
  readonly expectedAttachType?: number;
  /** `BPF_F_*` of the program. Default 0. */
  readonly flags?: number;
  /**
   * What the verifier writes about a program that it accepts: 2 for every instruction, 4 for statistics, 6 for both. 1, the
   * way to a fault, is always written for a refused program. Default 0.
   */
  readonly logLevel?: number;
  /** What the instructions were made from: a refusal then names function and source line. */
  readonly linked?: LinkedProgram;
  /** Types of functions, and source lines. */
  readonly btf?: {
    readonly fd: number;
    /** Rows of 8 bytes: instruction offset, type id. */
    readonly functions: Uint8Array;
    /** Rows of 16 bytes. */
    readonly lines: Uint8Array;
  };
}

/** What a packet of a test run brings with it. */
export interface TestRunOptions {
  /** Runs, on the packet as the run before left it. Default 1. */
  readonly repeat?: number;
  /** Index, in the thread's namespace. Default 1. */
  readonly ingressInterface?: number;
  /** Number of the receive queue, from 0. Default 0. */
  readonly rxQueue?: number;
  /** Bytes before the packet, a multiple of 4. */
  readonly metadata?: Uint8Array;
}

/** Where packets of a live run seem to arrive, and how many go at once. */
export interface LiveRunOptions extends TestRunOptions {
  /** Index of the interface, in the thread's namespace; its driver sends what leaves. */
  readonly ingressInterface: number;
  /** Frames that the kernel handles at a time, 1 to 256. Default 64. */
  readonly batchSize?: number;
}

/** What became of the packet of a test run. */
export interface TestRunResult {
  /** The program's return value. */
  readonly action: number;
  /** As the program left it. */
  readonly packet: Uint8Array;
  /** Bytes before the packet. */
  readonly metadata: Uint8Array;
  /** Mean time of one run, nanoseconds. */
  readonly durationNs: number;
}

/** BPF_PROG_TEST_RUN wants a whole Ethernet header. */
const ETHERNET_BYTES = 14;
/** Bytes of the verifier's log: what is tried first, and the most that the kernel takes (UINT_MAX >> 2). */
const LOG_BYTES = 1 << 20;
const MAX_LOG_BYTES = 2 ** 30 - 1;
/** Room for what a program may add: a packet of several pages. */
const OUTPUT_BYTES = 1 << 17;
/** BPF_F_TEST_XDP_LIVE_FRAMES. */
const TEST_XDP_LIVE_FRAMES = 1 << 1;
/** BPF_F_XDP_HAS_FRAGS. */
export const FLAG_FRAGMENTS = 1 << 5;

/** A program in the kernel; disposing it closes the descriptor. */
export class KernelProgram extends Descriptor {
  /** In its object; the kernel keeps 15 characters. */
  readonly name: string;
  /** The verifier's, as `logLevel` asked for it. */
  readonly log: string;
  /** What changes together with its first attachment. */
  upgrade: Upgrade | undefined;
  readonly #output = new Uint8Array(OUTPUT_BYTES);

  constructor(fd: number, name: string, log = "") {
    super(fd);
    this.name = name;
    this.log = log;
  }

  /**
   * Runs the program on a packet of 14 bytes to about 3.5 KB (more with fragments).
   *
   * @throws XdpkitError KERNEL_CALL, KERNEL_PACKET_SIZE
   */
  run(packet: Uint8Array, options: TestRunOptions = {}): TestRunResult {
    const { filled, context } = testRun(this.fd, packet, options);
    filled.u32(12, OUTPUT_BYTES).pointer(24, this.#output).u32(44, context.byteLength).pointer(56, context);
    bpf(BpfCommand.TestRun, filled, "BPF_PROG_TEST_RUN");
    const length = filled.view.getUint32(12, true);
    const start = new DataView(context.buffer).getUint32(0, true);
    return {
      action: filled.view.getUint32(4, true),
      packet: this.#output.slice(start, length),
      metadata: this.#output.slice(0, start),
      durationNs: filled.view.getUint32(36, true),
    };
  }

  /**
   * Sends copies of the packet through the program as if they had come in at `ingressInterface`: what it passes goes
   * up the
   * stack, XDP_TX and redirects leave for good (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18).
   *
   * @throws XdpkitError KERNEL_CALL, KERNEL_PACKET_SIZE
   */
  runLive(packet: Uint8Array, options: LiveRunOptions): { readonly durationNs: number } {
    const { filled } = testRun(this.fd, packet, options);
    filled.u32(64, TEST_XDP_LIVE_FRAMES).u32(72, options.batchSize ?? 0);
    bpf(BpfCommand.TestRun, filled, "BPF_PROG_TEST_RUN");
    return { durationNs: filled.view.getUint32(36, true) };
  }
}

/** What both ways of running have: the packet behind its metadata, and `struct xdp_md`. */
function testRun(fd: number, packet: Uint8Array, options: TestRunOptions) {
  const metadata = options.metadata ?? new Uint8Array(0);
  if (packet.length < ETHERNET_BYTES)
    throw xdpkitError("KERNEL_PACKET_SIZE", { have: packet.length, least: ETHERNET_BYTES });
  const input = concatBytes(metadata, packet);
  const context = new Uint8Array(24);
  const view = new DataView(context.buffer);
  view.setUint32(0, metadata.length, true);
  view.setUint32(4, input.length, true);
  view.setUint32(12, options.ingressInterface ?? 0, true);
  view.setUint32(16, options.rxQueue ?? 0, true);
  const filled = attributes()
    .u32(0, fd)
    .u32(8, input.length)
    .pointer(16, input)
    .u32(32, options.repeat ?? 1)
    .u32(40, context.length)
    .pointer(48, context);
  return { filled, context };
}

/**
 * Gives a program to the verifier.
 *
 * @throws XdpkitError KERNEL_REFUSED with the verifier's whole log as `cause`, KERNEL_PERMISSION
 */
export function loadProgram(options: LoadProgramOptions): KernelProgram {
  const answer = tryLoadProgram(options);
  if (answer instanceof KernelProgram) return answer;
  throw refusal(options, answer.result, answer.log);
}

/** The program, or the kernel's answer: a negative error number and the verifier's log. */
export function tryLoadProgram(
  options: LoadProgramOptions,
): KernelProgram | { readonly result: number; readonly log: string } {
  const { name, logLevel = 0 } = options;
  let { fd, log } = tryLoad(options, logLevel);
  if (fd < 0 && logLevel === 0) {
    const again = tryLoad(options, 1);
    log = again.log;
    if (again.fd !== -errno.ENOSPC) fd = again.fd;
  }
  return fd >= 0 ? new KernelProgram(fd, name, log) : { result: fd, log };
}

/** The descriptor, or a negative error number. ENOSPC says that the log was longer; since Linux 6.4 also by how much. */
function tryLoad(options: LoadProgramOptions, logLevel: number): { readonly fd: number; readonly log: string } {
  if (logLevel === 0) return { fd: tryBpf(BpfCommand.ProgLoad, programAttributes(options)), log: "" };
  for (let bytes = LOG_BYTES; ; ) {
    const buffer = new Uint8Array(bytes);
    const filled = programAttributes(options, logLevel, buffer);
    const fd = tryBpf(BpfCommand.ProgLoad, filled);
    const needed = filled.view.getUint32(140, true) || 4 * bytes;
    if (fd !== -errno.ENOSPC || needed <= bytes || bytes === MAX_LOG_BYTES)
      return { fd, log: new TextDecoder().decode(buffer.subarray(0, Math.max(0, buffer.indexOf(0)))) };
    bytes = Math.min(needed, MAX_LOG_BYTES);
  }
}

function programAttributes(options: LoadProgramOptions, logLevel = 0, log?: Uint8Array) {
  const license = new TextEncoder().encode(`${options.license}\0`);
  const filled = attributes()
    .u32(0, options.type)
    .u32(4, options.instructions.length / 8)
    .pointer(8, options.instructions)
    .pointer(16, license)
    .u32(24, logLevel)
    .u32(28, log?.length ?? 0)
    .pointer(32, log)
    .u32(44, options.flags ?? 0)
    .name(48, options.name)
    .u32(68, options.expectedAttachType ?? 0);
  const { btf } = options;
  if (btf && btf.functions.length > 0) {
    filled
      .u32(72, btf.fd)
      .u32(76, 8)
      .pointer(80, btf.functions)
      .u32(88, btf.functions.length / 8)
      .u32(92, 16)
      .pointer(96, btf.lines)
      .u32(104, btf.lines.length / 16);
  }
  return filled;
}
