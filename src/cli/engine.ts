/** The engines that `xdpkit run` can use, behind one interface: the interpreter and the running kernel. */
import type { Btf } from "../btf/index.ts";
import {
  EntryAccess,
  KernelHandles,
  type KernelMap,
  type KernelProgram,
  LoadedObject,
  QueueAccess,
} from "../kernel/index.ts";
import type { MapCodecs } from "../lang/index.ts";
import type { BpfMap, BpfObject, CoreOutcome, EntryCodecs } from "../object/index.ts";
import { MapType, mapTypeName, VALUE_MAP_TYPES, type XdpActionName, xdpActionName } from "../uapi/index.ts";
import { type NetworkConfig, type Redirect, type RunOptions, type Unwritten, Vm } from "../vm/index.ts";
import { type FillTarget, fillMap, kernelCodecs } from "./kernel-fill.ts";
import { forEachEntry, type MapEntry } from "./map-files.ts";

export const ENGINES = ["interpreter", "kernel"] as const;
export type EngineName = (typeof ENGINES)[number];

export interface EngineOptions {
  readonly program: string;
  readonly cpus: number;
  readonly seed: number;
  readonly unwritten?: Unwritten;
  readonly headroom?: number;
  /** Most bytes before the fragments (interpreter). */
  readonly linear?: number;
  /** Types of the kernel for CO-RE (interpreter). */
  readonly btf?: Btf;
  readonly network?: NetworkConfig;
  /** What the object calls the handles of a module: maps that say what they hold at load are filled. */
  readonly names: ReadonlyMap<object, string>;
  /** Of a kernel module's maps, in place of those that BTF gives. */
  readonly codecs: ReadonlyMap<string, MapCodecs>;
}

export interface EngineVerdict {
  readonly action: number;
  readonly name: XdpActionName;
  readonly packet: Uint8Array;
  readonly redirect?: Redirect;
}

export interface MapSummary {
  readonly name: string;
  /** `HASH`, … */
  readonly type: string;
  readonly definition: BpfMap;
}

export interface Engine extends Disposable {
  readonly name: EngineName;
  run(packet: Uint8Array, timestampNs: bigint | null): EngineVerdict;
  /** What the interpreter has made of CO-RE relocations; nothing of the kernel's, which its loader applies. */
  readonly core: { readonly outcomes: readonly CoreOutcome[]; readonly unrelocated: number };
  /** Calls `listener` with the lines of bpf_printk (interpreter; the kernel's go to the trace pipe). */
  onTrace(listener: (text: string) => void): void;
  maps(): readonly MapSummary[];
  /** Elements present; undefined where only walking through what is not bytes would tell. */
  size(map: string): number | undefined;
  /** Puts entries into a map. @throws XdpkitError with the path of the entry */
  fill(map: string, entries: readonly MapEntry[]): void;
  /** All entries of a map. */
  dump(map: string): MapEntry[];
}

export function createEngine(name: EngineName, object: BpfObject, options: EngineOptions): Engine {
  const { codecs, names, ...machine } = options;
  if (name === "kernel") return new KernelEngine(object, options);
  return new InterpreterEngine(new Vm(object, machine, names), options);
}

class InterpreterEngine implements Engine {
  readonly name = "interpreter";
  readonly #vm: Vm;
  readonly #codecs: EngineOptions["codecs"];
  readonly #run: RunOptions;

  constructor(vm: Vm, { codecs, linear }: EngineOptions) {
    this.#vm = vm;
    this.#codecs = codecs;
    this.#run = linear === undefined ? {} : { linear };
  }

  /** The machine's clock follows the capture. */
  run(packet: Uint8Array, timestampNs: bigint | null): EngineVerdict {
    if (timestampNs !== null && timestampNs > this.#vm.clock.nowNs) this.#vm.clock.nowNs = timestampNs;
    return this.#vm.run(packet, this.#run);
  }

  get core(): Engine["core"] {
    return { outcomes: this.#vm.coreRelocations, unrelocated: this.#vm.unrelocated };
  }

  onTrace(listener: (text: string) => void): void {
    this.#vm.onTrace(listener);
    this.#vm.onTraceRefused((text, conversion) => {
      listener(`${text}… (not printed: bpf_trace_printk does not know ${conversion} and returns -EINVAL)`);
    });
  }

  maps(): readonly MapSummary[] {
    return this.#vm.maps();
  }

  size(map: string): number {
    return this.#vm.map(map).size;
  }

  fill(map: string, entries: readonly MapEntry[]): void {
    const access = this.#vm.map(map, this.#codecs.get(map));
    forEachEntry(entries, ({ key, value }) => {
      if (access.definition.keySize === 0) access.push(value);
      else access.set(key, value);
    });
  }

  dump(map: string): MapEntry[] {
    const access = this.#vm.map(map, this.#codecs.get(map));
    const { type } = access.definition;
    if (type === MapType.QUEUE || type === MapType.STACK) return access.values().map((value) => ({ value }));
    if (type === MapType.RINGBUF || type === MapType.PERF_EVENT_ARRAY)
      return access.drain().map((value) => ({ value }));
    return Array.from(access.entries(), ([key, value]) => ({ key, value }));
  }

  [Symbol.dispose](): void {}
}

const QUEUES: readonly number[] = [MapType.QUEUE, MapType.STACK];

/** True when the engine can print the content of such a map. */
export function canDump(engine: EngineName, { type }: BpfMap): boolean {
  return engine === "interpreter" || VALUE_MAP_TYPES.includes(type) || QUEUES.includes(type);
}

class KernelEngine implements Engine, FillTarget {
  readonly name = "kernel";
  readonly #loaded: LoadedObject;
  readonly #handles: KernelHandles;
  readonly #program: KernelProgram;
  readonly #codecs: EngineOptions["codecs"];

  constructor(object: BpfObject, { program, codecs, names }: EngineOptions) {
    this.#codecs = codecs;
    this.#loaded = new LoadedObject(object);
    this.#handles = new KernelHandles(this.#loaded, names);
    try {
      this.#program = this.#loaded.program(program);
      this.#handles.fill();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  run(packet: Uint8Array): EngineVerdict {
    const { action, packet: after } = this.#program.run(packet);
    return { action, name: xdpActionName(action) ?? "XDP_ABORTED", packet: after };
  }

  readonly core: Engine["core"] = { outcomes: [], unrelocated: 0 };

  onTrace(): void {}

  maps(): readonly MapSummary[] {
    return Array.from(this.#loaded.maps.values(), ({ definition }) => ({
      name: definition.name,
      type: mapTypeName(definition.type) ?? String(definition.type),
      definition,
    }));
  }

  size(name: string): number | undefined {
    const { map } = this.#open(name);
    return VALUE_MAP_TYPES.includes(map.definition.type) ? Array.from(map.keys()).length : undefined;
  }

  fill(name: string, entries: readonly MapEntry[]): void {
    fillMap(this, name, entries, this.#codecs);
  }

  /** A queue is emptied by it: nothing runs afterwards. */
  dump(name: string): MapEntry[] {
    const { map, codecs } = this.#open(name);
    if (QUEUES.includes(map.definition.type))
      return Array.from(popAll(new QueueAccess(map, codecs)), (value) => ({ value }));
    return Array.from(new EntryAccess(map, codecs).entries(), ([key, value]) => ({ key, value }));
  }

  get object(): BpfObject {
    return this.#loaded.object;
  }

  kernelMap(name: string): KernelMap {
    return this.#loaded.map(name);
  }

  program(name: string): KernelProgram {
    return this.#loaded.program(name);
  }

  #open(name: string): { readonly map: KernelMap; readonly codecs: EntryCodecs } {
    return { map: this.kernelMap(name), codecs: kernelCodecs(this, name, this.#codecs) };
  }

  [Symbol.dispose](): void {
    this.#handles[Symbol.dispose]();
    this.#loaded[Symbol.dispose]();
  }
}

function* popAll(queue: QueueAccess<unknown>): Generator<unknown> {
  for (let value = queue.pop(); value !== undefined; value = queue.pop()) yield value;
}
