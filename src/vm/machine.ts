/**
 * The machine: memory, maps, programs, packet, network, clock and chance of one virtual kernel. What users see of it is
 * the Vm (vm.ts); helpers see it whole.
 *
 * Invariant: the text changes only between runs, so a running interpreter may keep its code array.
 */
import { XdpkitError, xdpkitError } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import {
  applyCoreRelocations,
  type BpfExtern,
  type BpfObject,
  type CoreOutcome,
  encodeKconfig,
  type LinkedProgram,
  link,
  reachOf,
} from "../object/index.ts";
import { Cpu, type HelperFunction, type Unwritten } from "./cpu.ts";
import { KCONFIG } from "./kconfig.ts";
import {
  ArrayMap,
  ArrayOfMaps,
  CpuMap,
  createMap,
  DevHashMap,
  DevMap,
  HashOfMaps,
  type MapHost,
  ProgramArray,
  RingBuffer,
  Scratch,
  type TargetMap,
  type VmMap,
} from "./maps/index.ts";
import { MEMORY_LIMIT, Memory, ObjectId } from "./memory.ts";
import type { Network } from "./network.ts";
import { PacketBuffer } from "./packet-buffer.ts";
import { MAP_HANDLE, type Resolved, Text, type TextProgram } from "./text.ts";

/** What a NIC driver may tell about a packet; absent ones answer -EOPNOTSUPP. */
export interface Hints {
  /** When the packet arrived, by the network card's clock, nanoseconds. */
  readonly timestampNs?: bigint;
  /** `type` is enum xdp_rss_hash_type. */
  readonly hash?: { readonly value: number; readonly type: number };
  /** `protocol` in host order (0x8100), `tag` the whole TCI. */
  readonly vlan?: { readonly protocol: number; readonly tag: number };
}

/** What the last redirect helper asked for. */
export type RedirectRequest =
  | { readonly kind: "interface"; readonly interfaceIndex: number }
  | {
      readonly kind: "map";
      readonly map: DevMap | DevHashMap | CpuMap | TargetMap<string>;
      readonly key: number;
      readonly broadcast: boolean;
      readonly excludeIngress: boolean;
    };

export interface MachineOptions {
  /** Simulated CPUs. */
  readonly cpus: number;
  /** Seed of `bpf_get_prandom_u32`, and of what lies in unwritten memory. */
  readonly seed: number;
  readonly network: Network;
  readonly unwritten: Unwritten;
  /** The program that runs: what it does not reach need not be possible here. */
  readonly program: string;
  /** Types of the kernel whose answers CO-RE relocations get; without them they keep what the compiler put in. */
  readonly btf: Btf | undefined;
  /** Values of `__kconfig` variables: `CONFIG_HZ: 1000`. */
  readonly kconfig: Readonly<Record<string, number | bigint | string>>;
}

export interface Clock {
  /** Nanoseconds since the machine booted. */
  nowNs: bigint;
}

export class Machine implements MapHost {
  #object: BpfObject;
  readonly #btf: Btf | undefined;
  /** What became of the CO-RE relocations of the programs that were linked. */
  readonly relocated: CoreOutcome[] = [];
  /** How many relocations of linked programs kept the compiler's values. */
  unrelocated = 0;
  readonly memory = new Memory();
  readonly text = new Text();
  readonly core: Cpu;
  readonly packet: PacketBuffer;
  readonly maps: VmMap[] = [];
  readonly scratch: Scratch;
  readonly cpus: number;
  readonly network: Network;
  readonly clock: Clock = { nowNs: 1_000_000_000n };
  cpuNumber = 0;
  hints: Hints = {};
  redirect: RedirectRequest | undefined;
  /** Address of the spin lock that the program holds; 0 when it holds none. */
  lock = 0;
  /** Receives each line of `bpf_trace_printk`. */
  trace: (text: string) => void = () => {};
  /** Receives the beginning of a line that the kernel does not print, and the conversion that it refuses. */
  traceRefused: (text: string, specifier: string) => void = () => {};
  readonly #programs = new Map<string, TextProgram>();
  readonly #kfuncs = new Map<string, number>();
  readonly #kconfig: MachineOptions["kconfig"];
  /** Names of the maps that the program reaches. */
  readonly #reached: ReadonlySet<string>;
  /** Why maps that the program does not reach could not be made. */
  readonly #unmade = new Map<string, XdpkitError>();
  #kconfigStart = 0;
  #dynptr = 0;
  #random: number;

  constructor(object: BpfObject, options: MachineOptions) {
    this.#object = object;
    this.#btf = options.btf;
    this.cpus = options.cpus;
    this.network = options.network;
    this.#kconfig = options.kconfig;
    this.#random = options.seed >>> 0;
    this.core = new Cpu(this.memory, this.text);
    this.core.unwritten = options.unwritten;
    this.core.seed = options.seed;
    this.packet = new PacketBuffer(this.memory, this.core);
    this.scratch = new Scratch(this.memory);
    const { maps } = reachOf(object, [options.program]);
    this.#reached = maps;
    for (const definition of object.maps) this.#tryMap(definition, maps.has(definition.name));
  }

  get object(): BpfObject {
    return this.#object;
  }

  /** A map that the program does not reach may be one that cannot be made: that is an error when it is used. */
  #tryMap(definition: BpfObject["maps"][number], reached: boolean): void {
    try {
      this.addMap(definition);
    } catch (error) {
      if (reached || !(error instanceof XdpkitError)) throw error;
      this.#unmade.set(definition.name, error);
    }
  }

  /** The CPU that runs, for maps (MapHost). */
  get cpu(): number {
    return this.cpuNumber;
  }

  /** Numbers as `bpf_get_prandom_u32` gives them: splitmix32 from the seed. */
  random(): number {
    this.#random = (this.#random + 0x9e3779b9) >>> 0;
    let z = this.#random;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** @throws XdpkitError VM_MAP_TYPE, VM_MAP_DEFINITION */
  addMap(definition: BpfObject["maps"][number]): VmMap {
    const map = createMap(definition, this, this.maps.length, this.object.btf);
    this.maps.push(map);
    if (map instanceof ArrayOfMaps || map instanceof HashOfMaps) map.handle = (inner) => MAP_HANDLE + inner.index;
    if (map instanceof DevMap || map instanceof DevHashMap || map instanceof CpuMap) {
      map.programId = (name) => this.object.functions.findIndex((one) => one.name === name) + 1;
    }
    return map;
  }

  /** @throws XdpkitError VM_MAP_TYPE, VM_MAP_DEFINITION for one that could not be made */
  mapNamed(name: string): VmMap | undefined {
    const unmade = this.#unmade.get(name);
    if (unmade) throw unmade;
    return this.maps.find((map) => map.name === name);
  }

  /** The map whose handle is argument n. Faults when it is none. */
  mapArgument(cpu: Cpu, n: number): VmMap {
    const map = cpu.origins[2 * n] === ObjectId.Handle ? this.maps[cpu.argument(n) - MAP_HANDLE] : undefined;
    if (map) return map;
    throw cpu.error("VM_HELPER_ARGUMENT", { name: cpu.helperName, argument: n, problem: "not a map" });
  }

  /** Position of a program's first instruction; links it the first time. @throws XdpkitError VM_UNKNOWN_PROGRAM … */
  entryOf(name: string): number {
    return this.program(name).entry;
  }

  program(name: string): TextProgram {
    const known = this.#programs.get(name);
    if (known) return known;
    if (!this.object.functions.some((one) => one.name === name && one.program)) {
      const programs = this.object.functions.filter((one) => one.program).map((one) => one.name);
      throw xdpkitError("VM_UNKNOWN_PROGRAM", { name, known: programs });
    }
    this.#relocate(name);
    const program = this.#add(link(this.object, name));
    this.#programs.set(name, program);
    return program;
  }

  #relocate(program: string): void {
    const { functions } = reachOf(this.#object, [program]);
    const asking = this.#object.functions.filter((one) => functions.has(one.name) && one.relocations.length > 0);
    if (asking.length === 0) return;
    if (!this.#btf) {
      this.unrelocated += asking.reduce((sum, { relocations }) => sum + relocations.length, 0);
      return;
    }
    const { object, outcomes } = applyCoreRelocations(this.#object, this.#btf, {
      functions: asking.map(({ name }) => name),
    });
    this.#object = object;
    this.relocated.push(...outcomes);
  }

  #add(linked: LinkedProgram): TextProgram {
    const program = this.text.add(linked, {
      map: (name) => this.#required(name).index,
      mapValue: (name, offset) => this.#pointerInto(this.#globalAddress(name), offset),
      extern: (name) => this.#externAddress(name),
      kfunc: (name) => this.#kfunc(name),
    });
    this.core.loadConstants();
    return program;
  }

  #required(name: string): VmMap {
    const map = this.mapNamed(name);
    if (!map) throw xdpkitError("VM_UNKNOWN_MAP", { name, known: this.maps.map((one) => one.name) });
    return map;
  }

  #globalAddress(name: string): number {
    const map = this.#required(name);
    if (map instanceof ArrayMap) return map.at(0);
    throw xdpkitError("VM_MAP_TYPE", { name, type: map.typeName });
  }

  /** A pointer to a place in the object that begins at an address. */
  #pointerInto(base: number, offset: number): Resolved {
    return { value: base + offset, object: this.memory.regionAt(base).id, base };
  }

  #extern(name: string): BpfExtern {
    const found = this.object.externs.find((one) => one.name === name);
    if (!found) throw xdpkitError("VM_UNKNOWN_EXTERN", { name, kind: "symbol" });
    return found;
  }

  #externAddress(name: string): Resolved {
    const found = this.#extern(name);
    const number = (value: number): Resolved => ({ value, object: 0, base: 0 });
    if (found.kind === "kconfig") return this.#pointerInto(this.#kconfigAddress(), found.offset);
    // A kernel function's address is asked for only to learn whether it exists (bpf_ksym_exists).
    if (found.kind === "kfunc" && this.#kfuncs.has(name)) return number(0xbfff_0000 + this.#kfuncs.get(name)!);
    if (found.weak) return number(0);
    throw xdpkitError("VM_UNKNOWN_EXTERN", { name, kind: found.kind });
  }

  /** All kconfig values in one read-only region, as libbpf lays them into its `.kconfig` map. */
  #kconfigAddress(): number {
    if (this.#kconfigStart !== 0) return this.#kconfigStart;
    const missing = (name: string) => xdpkitError("VM_UNKNOWN_EXTERN", { name, kind: "kconfig" });
    const bytes = encodeKconfig(this.object.externs, { ...KCONFIG, ...this.#kconfig }, missing);
    const region = this.memory.allocate({
      kind: "data",
      name: "kernel configuration",
      size: bytes.length,
      readOnly: true,
    });
    this.memory.bytes.set(bytes, region.start);
    this.#kconfigStart = region.start;
    return region.start;
  }

  #kfunc(name: string): number {
    const number = this.#kfuncs.get(name);
    if (number !== undefined) return number;
    if (this.#extern(name).weak) return this.#missingKfunc(name);
    throw xdpkitError("VM_UNKNOWN_EXTERN", { name, kind: "kernel function" });
  }

  /** A weak one that does not exist here may be called, but must not be reached: programs ask first. */
  #missingKfunc(name: string): number {
    const known = this.core.kfuncNames.indexOf(name);
    if (known >= 0) return known;
    this.core.kfuncNames.push(name);
    return (
      this.core.kfuncs.push((cpu) => {
        throw cpu.error("VM_MISSING_KFUNC", { name });
      }) - 1
    );
  }

  /** Makes a kernel function callable by its BTF name. */
  addKernelFunction(name: string, kfunc: HelperFunction): void {
    this.#kfuncs.set(name, this.core.kfuncs.push(kfunc) - 1);
    this.core.kfuncNames.push(name);
  }

  /** Lays out global data, and the static content of program arrays and maps of maps. Call once, helpers in place. */
  fillMaps(): void {
    for (const map of [...this.maps]) {
      const { data, slots = [] } = map.definition;
      if (data && map instanceof ArrayMap) this.memory.bytes.set(data.bytes, map.at(0));
      for (const { index, target } of slots) if (this.#canHold(map, target)) this.#fillSlot(map, index, target);
    }
  }

  /** What stands in a map that the program does not reach need not be possible here: other programs, maps that were not made. */
  #canHold(map: VmMap, target: string): boolean {
    return this.#reached.has(map.name) || (!(map instanceof ProgramArray) && !this.#unmade.has(target));
  }

  #fillSlot(map: VmMap, index: number, target: string): void {
    if (map instanceof ProgramArray) {
      this.program(target);
      map.setSlot(index, target);
    } else if (map instanceof ArrayOfMaps) map.setSlot(index, this.#required(target));
    else if (map instanceof HashOfMaps) {
      const key = new Uint8Array(map.definition.keySize);
      new DataView(key.buffer).setUint32(0, index, true);
      map.set(key, this.#required(target), 0);
    }
  }

  /** After a fault: takes back what the program held, so that the next run finds nothing locked or reserved. */
  abandon(): void {
    if (this.lock !== 0) this.memory.view.setUint32(this.lock, 0, true);
    this.lock = 0;
    for (const map of this.maps) if (map instanceof RingBuffer) map.abandon();
  }

  /** A copy of readable memory, or null. */
  peek(address: bigint, size: number): Uint8Array | null {
    if (address >= MEMORY_LIMIT) return null;
    const low = Number(address);
    if (!this.memory.readable(low, size)) return null;
    return this.memory.bytes.slice(low, low + size);
  }

  /** Room for one dynamic pointer that a helper hands to a callback. */
  dynptrScratch(): number {
    this.#dynptr ||= this.memory.allocate({ kind: "data", name: "dynamic pointer", size: 16 }).start;
    return this.#dynptr;
  }
}
