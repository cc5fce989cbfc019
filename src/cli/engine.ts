/** The engines that `xdpkit run` can use, behind one interface: the interpreter and the running kernel. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { inEntry, xdpkitError } from "../base/index.ts";
import { readBtf } from "../btf/index.ts";
import { type KernelMap, type KernelProgram, LoadedObject } from "../kernel/index.ts";
import type { MapCodecs } from "../lang/index.ts";
import { applyCoreRelocations, type BpfMap, type BpfObject, type Codec, codecOf } from "../object/index.ts";
import { errnoName, MapType, mapTypeName, VALUE_MAP_TYPES, type XdpActionName, xdpActionName } from "../uapi/index.ts";
import { createVm, type NetworkConfig, type Redirect, type Vm } from "../vm/index.ts";
import type { MapEntry } from "./map-files.ts";

export const ENGINES = ["interpreter", "kernel"] as const;
export type EngineName = (typeof ENGINES)[number];

export interface EngineOptions {
  readonly program: string;
  readonly cpus: number;
  readonly seed: number;
  readonly headroom?: number;
  readonly network?: NetworkConfig;
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
  maps(): readonly MapSummary[];
  /** Elements present; undefined where only walking through what is not bytes would tell. */
  size(map: string): number | undefined;
  /** Puts entries into a map. @throws XdpkitError with the path of the entry */
  fill(map: string, entries: readonly MapEntry[]): void;
  /** All entries of a map. */
  dump(map: string): MapEntry[];
}

export async function createEngine(name: EngineName, object: BpfObject, options: EngineOptions): Promise<Engine> {
  const { codecs, ...machine } = options;
  if (name === "kernel") return new KernelEngine(object, options.program, codecs);
  return new InterpreterEngine(await createVm(object, machine), codecs);
}

/** Runs `put` for each entry; an error says which entry it was: `$[3].key.port`. */
function forEachEntry(entries: readonly MapEntry[], put: (entry: MapEntry) => void): void {
  entries.forEach((entry, index) => {
    try {
      put(entry);
    } catch (error) {
      throw inEntry(error, index);
    }
  });
}

class InterpreterEngine implements Engine {
  readonly name = "interpreter";
  readonly #vm: Vm;
  readonly #codecs: EngineOptions["codecs"];

  constructor(vm: Vm, codecs: EngineOptions["codecs"]) {
    this.#vm = vm;
    this.#codecs = codecs;
  }

  /** The machine's clock follows the capture. */
  run(packet: Uint8Array, timestampNs: bigint | null): EngineVerdict {
    if (timestampNs !== null && timestampNs > this.#vm.clock.nowNs) this.#vm.clock.nowNs = timestampNs;
    return this.#vm.run(packet);
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

class KernelEngine implements Engine {
  readonly name = "kernel";
  readonly #loaded: LoadedObject;
  readonly #program: KernelProgram;
  readonly #codecs: EngineOptions["codecs"];

  constructor(object: BpfObject, program: string, codecs: EngineOptions["codecs"]) {
    this.#codecs = codecs;
    this.#loaded = new LoadedObject(relocate(object));
    this.#program = this.#loaded.program(program);
  }

  run(packet: Uint8Array): EngineVerdict {
    const { action, packet: after } = this.#program.run(packet);
    return { action, name: xdpActionName(action) ?? "XDP_ABORTED", packet: after };
  }

  maps(): readonly MapSummary[] {
    return Array.from(this.#loaded.maps.values(), ({ definition }) => ({
      name: definition.name,
      type: mapTypeName(definition.type) ?? String(definition.type),
      definition,
    }));
  }

  size(name: string): number | undefined {
    const map = this.#loaded.map(name);
    return VALUE_MAP_TYPES.includes(map.definition.type) ? Array.from(map.keys()).length : undefined;
  }

  fill(name: string, entries: readonly MapEntry[]): void {
    const map = this.#loaded.map(name);
    const { keySize } = map.definition;
    const key = this.#keyCodec(map);
    forEachEntry(entries, (entry) => {
      const bytes = keySize === 0 ? new Uint8Array(0) : key.encode(entry.key, "$.key");
      const result = map.trySet(bytes, this.#value(map, entry.value, "$.value"));
      if (result < 0) throw xdpkitError("CLI_MAP_REFUSED", { map: name, errno: errnoName(result) });
    });
  }

  /** Interfaces, programs and maps become their numbers; a per-CPU value stands for all CPUs. */
  #value(map: KernelMap, value: unknown, path: string): Uint8Array {
    const { type, valueSize } = map.definition;
    if (type === MapType.PROG_ARRAY) return words(this.#loaded.program(String(value)).fd).subarray(0, valueSize);
    if (type === MapType.ARRAY_OF_MAPS || type === MapType.HASH_OF_MAPS)
      return words(this.#inner(String(value))).subarray(0, valueSize);
    if (type === MapType.CPUMAP) return words(queueSize(value)).subarray(0, valueSize);
    if (type === MapType.DEVMAP || type === MapType.DEVMAP_HASH)
      return words(interfaceIndex(value)).subarray(0, valueSize);
    const codec = this.#valueCodec(map);
    if (!map.perCpu) return codec.encode(value, path);
    const padded = (valueSize + 7) & ~7;
    const all = new Uint8Array(map.valueBytes);
    for (let at = 0, cpu = 0; at < all.length; at += padded, cpu++) {
      all.set(codec.encode(Array.isArray(value) ? value[cpu] : value, path), at);
    }
    return all;
  }

  #keyCodec({ definition: { name, keyType, keySize } }: KernelMap): Codec {
    const { btf } = this.#loaded.object;
    return this.#codecs.get(name)?.key ?? codecOf(btf, keyType, keySize, { name, what: "key" });
  }

  #valueCodec({ definition: { name, data, valueType, valueSize } }: KernelMap): Codec {
    const { btf } = this.#loaded.object;
    return this.#codecs.get(name)?.value ?? codecOf(btf, data?.type ?? valueType, valueSize, { name, what: "value" });
  }

  #inner(name: string): number {
    const { maps } = this.#loaded;
    const inner = maps.get(name);
    if (!inner) throw xdpkitError("VM_UNKNOWN_MAP", { name, known: [...maps.keys()] });
    return inner.fd;
  }

  /** A queue is emptied by it: nothing runs afterwards. */
  dump(name: string): MapEntry[] {
    const map = this.#loaded.map(name);
    const { type, valueSize } = map.definition;
    const value = this.#valueCodec(map);
    if (QUEUES.includes(type)) return Array.from(popAll(map), (bytes) => ({ value: value.decode(bytes) }));
    const key = this.#keyCodec(map);
    const padded = (valueSize + 7) & ~7;
    return Array.from(map.keys(), (raw) => {
      const bytes = map.get(raw) ?? new Uint8Array(map.valueBytes);
      const one = (at: number): unknown => value.decode(bytes.subarray(at, at + valueSize));
      const all = map.perCpu ? Array.from({ length: bytes.length / padded }, (_, cpu) => one(cpu * padded)) : one(0);
      return { key: key.decode(raw), value: all };
    });
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
  }
}

/** CO-RE against the running kernel, where the object asks for it. */
export function relocate(object: BpfObject): BpfObject {
  if (object.functions.every((one) => one.relocations.length === 0)) return object;
  return applyCoreRelocations(object, readBtf(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")))).object;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from([...values, 0]).buffer);
}

function* popAll(map: KernelMap): Generator<Uint8Array> {
  for (let value = map.pop(); value; value = map.pop()) yield value;
}

/** `192` or `{ "queueSize": 192 }`. */
function queueSize(value: unknown): number {
  const given = typeof value === "object" && value !== null && "queueSize" in value ? value.queueSize : value;
  if (typeof given === "number" && Number.isInteger(given)) return given;
  const at = { kind: "path", path: "$.value.queueSize" } as const;
  throw xdpkitError("VALUE_FORM", { found: JSON.stringify(given) ?? "nothing", size: 4 }, { at });
}

function interfaceIndex(value: unknown): number {
  const given = typeof value === "object" && value !== null && "interface" in value ? value.interface : value;
  if (typeof given === "number") return given;
  const name = String(given);
  if (!(name in networkInterfaces())) throw xdpkitError("CLI_USAGE", { problem: `there is no interface ${name}` });
  return Number(readFileSync(`/sys/class/net/${name}/ifindex`, "utf8"));
}
