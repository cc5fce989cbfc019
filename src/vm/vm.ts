/**
 * The virtual machine as users see it: `createVm(object)`, `vm.run(packet)`, `vm.map(name)`, stepping.
 *
 * Time and chance come from the machine's own clock and seed: the same object, packets and options give the same run.
 */
import { invariant, xdpkitError } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import {
  type Binding,
  type Compiled,
  type CpuMapProgram,
  type DevMapProgram,
  isCompiled,
  isProgram,
  type MapCodecs,
  type Shared,
  withSettings,
  type XdpProgram,
} from "../lang/index.ts";
import type { BpfObject, CoreOutcome, KconfigValues } from "../object/index.ts";
import { XdpAction, xdpActionName } from "../uapi/index.ts";
import type { Unwritten } from "./cpu.ts";
import { DebugSession } from "./debug-session.ts";
import { installHelpers } from "./helpers/install.ts";
import { interpret, Stop } from "./interpreter.ts";
import { type Clock, type Hints, Machine } from "./machine.ts";
import { MapAccess } from "./map-access.ts";
import { Network } from "./network.ts";
import type { NetworkConfig } from "./network-config.ts";
import { Handles } from "./open.ts";
import { DEFAULT_HEADROOM, MAX_HEADROOM, MIN_HEADROOM } from "./packet-buffer.ts";
import { Redirector } from "./redirect.ts";
import { Variable } from "./variables.ts";
import type { Verdict } from "./verdict.ts";

/** Processors, network, clock and limits of a machine. */
export interface VmOptions {
  /** The program that `run` starts, by name; needed when there are several. */
  readonly program?: string;
  /** `[mtu.with(9000)]`: those that the programs do not read are ignored. */
  readonly settings?: readonly Binding[];
  /** Simulated CPUs, 1 to 256. Default 1. */
  readonly cpus?: number;
  /** Seed of `bpf_get_prandom_u32`, and of the garbage in unwritten memory. Default 1. */
  readonly seed?: number;
  /**
   * What a program finds where nothing has been written. `"fault"` (the default): bytes of the stack may be copied, but
   * the run ends with VM_UNINITIALISED when they reach a branch, an address, a helper, the packet, a map or the result.
   * `"garbage"`: arbitrary bytes, as in the kernel; `"zero"`: zeros. New bytes before the packet and ring-buffer records
   * hold garbage unless it is `"zero"`.
   */
  readonly unwritten?: Unwritten;
  /** Bytes before each packet, 40 of them the kernel's: 40 to 2048. Default 256 (XDP_PACKET_HEADROOM). */
  readonly headroom?: number;
  /** Interfaces, routes and neighbours. */
  readonly network?: NetworkConfig;
  /** Values of `__kconfig` variables. */
  readonly kconfig?: KconfigValues;
  /**
   * Types of the kernel that CO-RE relocations ask (`readBtf(readFileSync("/sys/kernel/btf/vmlinux"))`). Default: none, and
   * they keep what the compiler put in: offsets and sizes of the object's own types, everything exists.
   */
  readonly btf?: Btf;
  /** Instructions that one run may take. Default 100,000,000. */
  readonly maxInstructions?: number;
}

/** What one packet brings with it. */
export interface RunOptions {
  /** Default 1. */
  readonly ingressInterface?: number;
  /** Number of the receive queue, from 0. Default 0. */
  readonly rxQueue?: number;
  /**
   * Most bytes of the packet that `data` to `data_end` hold, 0 or more; the rest is in fragments. Drivers that put headers
   * elsewhere leave few or none. Only for programs with fragments (`xdp.frags`). Default: what fits into a page.
   */
  readonly linear?: number;
  /** A multiple of 4, at most 252 bytes. */
  readonly metadata?: Uint8Array;
  /** The CPU that handles the packet. Default 0. */
  readonly cpu?: number;
  /** What the network card knows of the packet (`bpf_xdp_metadata_rx_*`). Default: nothing. */
  readonly hints?: Hints;
}

const NO_METADATA = new Uint8Array(0);
const NO_HINTS: Hints = {};
const DEFAULT_BUDGET = 100_000_000;

/** A program of a kernel module; several share their maps, and `program` says which one runs. */
export type ProgramSource = AnyProgram | readonly AnyProgram[];
type AnyProgram = XdpProgram | DevMapProgram | CpuMapProgram;

/**
 * Compiles programs, or takes what was compiled or an object, and loads it: maps created, globals initialised, the program
 * linked.
 *
 * @throws XdpkitError COMPILER_* for the first program that cannot be compiled
 */
export async function createVm(source: BpfObject | Compiled | ProgramSource, options: VmOptions = {}): Promise<Vm> {
  if (isCompiled(source)) return new Vm(source.object, options, source.names);
  const programs = [source].flat();
  if (!isProgram(programs[0])) return new Vm(source as BpfObject, options);
  const { compileOrThrow } = await import("../compiler/index.ts");
  const { object, names } = compileOrThrow(programs as AnyProgram[]);
  return new Vm(object, programs.length === 1 ? { program: names.get(programs[0])!, ...options } : options, names);
}

/** Names of the object's XDP programs (sections `xdp…`), devmap and cpumap programs left out. */
export function xdpPrograms(object: BpfObject): string[] {
  return object.functions.filter((one) => one.program?.kind === "xdp").map((one) => one.name);
}

function chooseProgram(object: BpfObject, wanted: string | undefined): string {
  const known = xdpPrograms(object);
  if (wanted === undefined) {
    if (known.length === 0) throw xdpkitError("VM_NO_PROGRAM", {});
    if (known.length > 1) throw xdpkitError("VM_SEVERAL_PROGRAMS", { known });
    return known[0]!;
  }
  const all = object.functions.filter((one) => one.program?.kind.startsWith("xdp")).map((one) => one.name);
  if (!all.includes(wanted)) throw xdpkitError("VM_UNKNOWN_PROGRAM", { name: wanted, known: all });
  return wanted;
}

function checkHeadroom(headroom: number): number {
  if (Number.isInteger(headroom) && headroom >= MIN_HEADROOM && headroom <= MAX_HEADROOM) return headroom;
  throw xdpkitError("VM_HEADROOM", { have: headroom, from: MIN_HEADROOM, to: MAX_HEADROOM });
}

/** The virtual machine: runs a program over packets, without root and without a kernel, and shows what it did. */
export class Vm {
  /** The program that `run` starts. */
  readonly program: string;
  /** What `bpf_ktime_get_ns` and its kin say; stands still unless it is set. */
  readonly clock: Clock;
  /** Interfaces, routes and neighbours. */
  readonly network: Network;
  readonly #machine: Machine;
  readonly #redirector: Redirector;
  readonly #headroom: number;
  readonly #budget: number;
  readonly #fragments: boolean;
  readonly #traceListeners = new Set<(text: string) => void>();
  readonly #refusedListeners = new Set<(text: string, conversion: string) => void>();
  readonly #maps = new Map<string, MapAccess>();
  readonly #handles: Handles;
  #session: DebugSession | undefined;

  /** `names`: what the object calls the handles of the module that it was compiled from. */
  constructor(object: BpfObject, options: VmOptions, names: ReadonlyMap<object, string> = new Map()) {
    if (object.bigEndian) throw xdpkitError("VM_BIG_ENDIAN", {});
    const { cpus = 1, seed = 1, unwritten = "fault" } = options;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 256) throw xdpkitError("VM_CPU", { cpu: cpus, cpus: 256 });
    this.program = chooseProgram(object, options.program);
    this.network = new Network(options.network);
    const bound = withSettings(object, names, options.settings ?? []);
    this.#machine = new Machine(bound, {
      cpus,
      seed,
      unwritten,
      program: this.program,
      btf: options.btf,
      network: this.network,
      kconfig: options.kconfig ?? {},
    });
    installHelpers(this.#machine);
    this.#machine.fillMaps();
    this.#fragments = this.#machine.program(this.program).linked.kind.fragments;
    this.clock = this.#machine.clock;
    this.#headroom = checkHeadroom(options.headroom ?? DEFAULT_HEADROOM);
    this.#budget = options.maxInstructions ?? DEFAULT_BUDGET;
    this.#redirector = new Redirector(this.#machine, (program) => this.#runProgram(program));
    this.#machine.trace = (text) => {
      for (const listener of this.#traceListeners) listener(text);
    };
    this.#machine.traceRefused = (text, conversion) => {
      for (const listener of this.#refusedListeners) listener(text, conversion);
    };
    this.#handles = new Handles(this.#machine, names);
    this.#handles.fill();
  }

  /** What runs: with CO-RE and settings applied. */
  get object(): BpfObject {
    return this.#machine.object;
  }

  /** What the kernel's types have answered to the programs' CO-RE relocations; empty without the option `btf`. */
  get coreRelocations(): readonly CoreOutcome[] {
    return this.#machine.relocated;
  }

  /** How many CO-RE relocations kept what the compiler put in, because the option `btf` was not given. */
  get unrelocated(): number {
    return this.#machine.unrelocated;
  }

  /**
   * Runs the program on a packet of at least 14 bytes.
   *
   * @throws XdpkitError VM_ACCESS and the other faults, with the instruction and its source line; VM_PACKET_SIZE,
   * VM_METADATA, VM_LINEAR, VM_CPU for options that do not fit
   */
  run(packet: Uint8Array, options: RunOptions = {}): Verdict {
    this.#prepare(packet, options);
    const action = this.#runProgram(this.program);
    const verdict = this.#verdict(action, this.#budget - this.#machine.core.budget);
    this.#handles.wake();
    return verdict;
  }

  /** Starts the program without running it: for stepping and breakpoints. */
  debug(packet: Uint8Array, options: RunOptions = {}): DebugSession {
    this.#prepare(packet, options);
    const machine = this.#machine;
    machine.core.start(machine.entryOf(this.program), this.#budget);
    const program = machine.program(this.program).linked.name;
    const verdict = (action: number, count: number): Verdict => this.#verdict(action, count);
    this.#session = new DebugSession(machine, { program, budget: this.#budget, verdict });
    return this.#session;
  }

  /**
   * The content of a map by its handle (typed: also of globals, outcomes, streams) or by its name in the object.
   *
   * @throws XdpkitError VM_UNKNOWN_MAP, VM_UNKNOWN_VARIABLE
   */
  map<A>(handle: Shared<A>): A;
  /** `codecs` in place of those that the object's BTF gives. */
  map(name: string, codecs?: MapCodecs): MapAccess;
  map(wanted: Shared<unknown> | string, codecs?: MapCodecs): unknown {
    return typeof wanted === "string" ? this.#mapNamed(wanted, codecs) : this.#handles.open(wanted);
  }

  #mapNamed(name: string, codecs: MapCodecs | undefined): MapAccess {
    let access = codecs ? undefined : this.#maps.get(name);
    if (!access) {
      const map = this.#machine.mapNamed(name);
      if (!map) {
        throw xdpkitError("VM_UNKNOWN_MAP", { name, known: this.#machine.maps.map((one) => one.name) });
      }
      access = new MapAccess(map, this.#machine, codecs);
      if (!codecs) this.#maps.set(name, access);
    }
    return access;
  }

  /** All maps, global data included, in the object's order. */
  maps(): MapAccess[] {
    return this.#machine.maps.map((map) => this.map(map.name));
  }

  /** A global variable. @throws XdpkitError VM_UNKNOWN_VARIABLE */
  variable(name: string): Variable {
    return new Variable(this.#machine, name);
  }

  /** Calls `listener` with each line of `bpf_trace_printk`; returns what ends that. */
  onTrace(listener: (text: string) => void): () => void {
    this.#traceListeners.add(listener);
    return () => this.#traceListeners.delete(listener);
  }

  /**
   * Calls `listener` for each line that is not printed, because the kernel does not know a conversion of its format
   * (`%pM`, -EINVAL): with the text before it. Returns what ends that.
   */
  onTraceRefused(listener: (text: string, conversion: string) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  #prepare(packet: Uint8Array, options: RunOptions): void {
    const machine = this.#machine;
    // A debug session that was left open ends here.
    this.#session?.end();
    this.#session = undefined;
    const { cpu = 0 } = options;
    if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < machine.cpus))
      throw xdpkitError("VM_CPU", { cpu, cpus: machine.cpus });
    machine.cpuNumber = cpu;
    machine.hints = options.hints ?? NO_HINTS;
    machine.redirect = undefined;
    machine.memory.forgetObjects();
    machine.packet.load(packet, {
      headroom: this.#headroom,
      metadata: options.metadata ?? NO_METADATA,
      fragments: this.#fragments,
      ...(options.linear === undefined ? {} : { linear: this.#checkLinear(options.linear) }),
      ingressInterface: options.ingressInterface ?? 1,
      rxQueue: options.rxQueue ?? 0,
      egressInterface: 0,
    });
    machine.core.budget = this.#budget;
  }

  #checkLinear(linear: number): number {
    if (this.#fragments && Number.isInteger(linear) && linear >= 0) return linear;
    throw xdpkitError("VM_LINEAR", { have: linear, fragments: this.#fragments });
  }

  /** Runs a program on the packet as it lies; the result's low 32 bits. */
  #runProgram(name: string): number {
    const { core } = this.#machine;
    core.start(this.#machine.entryOf(name), core.budget);
    const stop = this.#interpret();
    invariant(stop === Stop.Exit, "a breakpoint outside a debug session");
    return core.regs[0]! >>> 0;
  }

  #interpret(): number {
    const { core } = this.#machine;
    try {
      const stop = interpret(core);
      if (stop !== Stop.Budget) return stop;
      throw core.error("VM_BUDGET", { limit: this.#budget });
    } catch (fault) {
      this.#machine.abandon();
      throw fault;
    }
  }

  #verdict(action: number, instructions: number): Verdict {
    const { packet } = this.#machine;
    const redirect = action === XdpAction.Redirect ? this.#redirector.resolve() : undefined;
    const extra = redirect ? this.#budget - this.#machine.core.budget : instructions;
    return {
      action,
      name: xdpActionName(action) ?? "XDP_ABORTED",
      packet: packet.copy(),
      metadata: packet.copyMetadata(),
      instructions: extra,
      ...(redirect ? { redirect } : {}),
    };
  }
}
