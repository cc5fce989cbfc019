/**
 * Loads a BpfObject into the kernel: CO-RE, maps, global data, linked programs.
 *
 * Nothing is pinned or attached; disposing closes every descriptor, and the kernel frees what nobody else holds.
 */
import { XdpkitError, xdpkitError } from "../base/index.ts";
import { encode, type Instruction, LD_IMM64 } from "../isa/index.ts";
import { type BpfFunction, type BpfMap, type BpfObject, type LinkedProgram, link } from "../object/index.ts";
import { errno, errnoName, ProgramType } from "../uapi/index.ts";
import { type LoadedBtf, loadBtf } from "./btf.ts";
import { possibleCpus } from "./cpu.ts";
import { completeMap, createKernelMap } from "./create-map.ts";
import { KCONFIG_MAP, kconfigMap, resolveExtern } from "./externs.ts";
import { otherLayouts } from "./jit-layout.ts";
import { relocate } from "./kernel-btf.ts";
import type { TypedMap } from "./map-layout.ts";
import type { KernelMap } from "./maps.ts";
import { FLAG_FRAGMENTS, KernelProgram, type LoadProgramOptions, tryLoadProgram } from "./programs.ts";
import { refusal } from "./refusal.ts";
import { type FindTarget, fillSlots, SlotContents } from "./slots.ts";
import { readVerifierLog } from "./verifier-log.ts";

/** Values of `src` of `ld_imm64` (include/uapi/linux/bpf.h). */
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;
/** BPF_XDP_DEVMAP, BPF_XDP_CPUMAP, BPF_XDP of enum bpf_attach_type. */
const ATTACH_TYPES: Readonly<Record<string, number>> = { "xdp/devmap": 33, "xdp/cpumap": 35, xdp: 37 };

/** What the verifier's log says, and which maps are there already. */
export interface LoadObjectOptions {
  /** As of `loadProgram`, for all programs. */
  readonly logLevel?: number;
  /** A map that is there already, in place of a new one; it gets no content until `fillReused`. */
  readonly reuse?: (wanted: TypedMap) => KernelMap | undefined;
}

/** The maps and programs of an object in the kernel, by their names in the object. */
export class LoadedObject implements Disposable {
  #object: BpfObject;
  /** Those that the kernel has taken: what others lack `map` tells. */
  readonly maps = new Map<string, KernelMap>();
  readonly #unmade = new Map<string, XdpkitError>();
  /** KERNEL_BTF when the kernel does not take the object's types: others then see bytes in the maps, and no lines. */
  readonly btfRefusal: XdpkitError | undefined;
  readonly #programs = new Map<string, KernelProgram>();
  readonly #btf: LoadedBtf | undefined;
  readonly #cpus = possibleCpus();
  readonly #logLevel: number;
  readonly #reuse: (wanted: TypedMap) => KernelMap | undefined;
  readonly #reused = new Set<string>();
  readonly #slotsBefore = new Map<string, SlotContents>();

  /** @throws XdpkitError OBJECT_BIG_ENDIAN, OBJECT_CORE_* */
  constructor(given: BpfObject, { logLevel = 0, reuse = () => undefined }: LoadObjectOptions = {}) {
    if (given.bigEndian) throw xdpkitError("OBJECT_BIG_ENDIAN", {});
    const object = withKconfig(relocate(given));
    this.#object = object;
    this.#logLevel = logLevel;
    this.#reuse = reuse;
    const btf = object.btf ? loadBtf(object.btf, object.functions) : undefined;
    if (btf instanceof XdpkitError) this.btfRefusal = btf;
    else this.#btf = btf;
    for (const definition of object.maps) this.#try(definition, () => this.#createMap(definition));
    for (const map of [...this.maps.values()])
      if (!this.#reused.has(map.definition.name)) this.#try(map.definition, () => this.#fillMap(map));
  }

  /** What is wrong with a map is told when a program or the user reaches for it: an object may have maps for others. */
  #try({ name }: BpfMap, body: () => void): void {
    try {
      body();
    } catch (error) {
      if (!(error instanceof XdpkitError)) throw error;
      this.#unmade.set(name, error);
      this.maps.get(name)?.[Symbol.dispose]();
      this.maps.delete(name);
    }
  }

  /** With CO-RE applied: to programs of `?xdp` sections when they are loaded. */
  get object(): BpfObject {
    return this.#object;
  }

  /** By its name in the object. @throws XdpkitError why it could not be made; KERNEL_UNKNOWN_MAP */
  map(name: string): KernelMap {
    const map = this.maps.get(name);
    if (map) return map;
    throw this.#unmade.get(name) ?? xdpkitError("KERNEL_UNKNOWN_MAP", { name, known: [...this.maps.keys()] });
  }

  /** Those that have been loaded. */
  get programs(): readonly KernelProgram[] {
    return [...this.#programs.values()];
  }

  /** Loads the program the first time. @throws XdpkitError KERNEL_REFUSED, KERNEL_PERMISSION */
  program(name: string): KernelProgram {
    const known = this.#programs.get(name);
    if (known) return known;
    this.#object = relocate(this.#object, [name]);
    const program = this.#load(name);
    this.#programs.set(name, program);
    return program;
  }

  #load(name: string): KernelProgram {
    const { functions } = this.object;
    const options = this.#optionsOf(name, functions);
    const answer = tryLoadProgram(options);
    if (answer instanceof KernelProgram) return answer;
    const used = new Set(options.linked.functions.map((one) => one.function));
    // What the verifier refuses by this number it gives a reason for.
    if (answer.result === -errno.ENOTSUPP && readVerifierLog(answer.log).sentences.length === 0)
      for (const other of otherLayouts(functions, used)) {
        const again = tryLoadProgram(this.#optionsOf(name, other));
        if (again instanceof KernelProgram) return again;
      }
    throw refusal(options, answer.result, answer.log);
  }

  #optionsOf(name: string, functions: readonly BpfFunction[]): LoadProgramOptions & { linked: LinkedProgram } {
    const linked = link({ ...this.object, functions }, name);
    const { kind, fragments } = linked.kind;
    return {
      name,
      type: ProgramType.XDP,
      instructions: encode(this.#resolve(linked)),
      license: this.object.license,
      expectedAttachType: ATTACH_TYPES[kind] ?? 0,
      flags: fragments ? FLAG_FRAGMENTS : 0,
      logLevel: this.#logLevel,
      linked,
      ...(this.#btf ? { btf: this.#btf.program(linked) } : {}),
    };
  }

  /** Names of the maps that were there already. */
  get reused(): ReadonlySet<string> {
    return this.#reused;
  }

  /** Slots of maps that were there already: from here on others call this object's programs. @throws XdpkitError KERNEL_CALL */
  fillReused(): void {
    for (const name of this.#reused) {
      const map = this.map(name);
      if (!this.#slotsBefore.has(name)) this.#slotsBefore.set(name, new SlotContents(map));
      fillSlots(map, this.#target);
    }
  }

  /** Undoes `fillReused`. */
  restoreReused(): void {
    for (const slots of this.#slotsBefore.values()) slots.restore();
    this.keepReused();
  }

  /** Gives up what was in the slots before. */
  keepReused(): void {
    for (const slots of this.#slotsBefore.values()) slots[Symbol.dispose]();
    this.#slotsBefore.clear();
  }

  readonly #target: FindTarget = (kind, name) => (kind === "program" ? this.program(name).fd : this.map(name).fd);

  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program[Symbol.dispose]();
    for (const map of this.maps.values()) map[Symbol.dispose]();
    this.keepReused();
    this.#btf?.[Symbol.dispose]();
  }

  #createMap(definition: BpfMap): void {
    const complete = completeMap(definition, this.#cpus);
    const known = this.#reuse({ definition: complete, btf: this.object.btf });
    if (known) this.#reused.add(definition.name);
    this.maps.set(definition.name, known ?? this.newMap(complete));
  }

  /** A map beside those of the object, with its types. @throws XdpkitError KERNEL_MAP_DEFINITION, KERNEL_CALL */
  newMap(definition: BpfMap): KernelMap {
    return createKernelMap(definition, { cpus: this.#cpus, btf: this.object.btf, btfFd: this.#btf?.fd });
  }

  #fillMap(map: KernelMap): void {
    const { data, name } = map.definition;
    if (data) {
      const result = map.trySet(new Uint8Array(4), data.bytes);
      if (result < 0) throw xdpkitError("KERNEL_CALL", { call: `initialising ${name}`, errno: errnoName(result) });
      if (data.readOnly) map.freeze();
    }
    fillSlots(map, this.#target);
  }

  /** Instructions with map descriptors in place of references. */
  #resolve(linked: LinkedProgram): Instruction[] {
    const references = new Map(linked.references.map((reference) => [reference.instruction, reference]));
    return linked.instructions.map((instruction, index) => {
      const reference = references.get(index);
      if (!reference) return instruction;
      if (reference.kind === "extern")
        return resolveExtern(this.object, instruction, reference.extern, this.maps.get(KCONFIG_MAP)?.fd ?? 0);
      const { fd } = this.map(reference.map);
      if (reference.kind === "map") return { ...instruction, opcode: LD_IMM64, src: PSEUDO_MAP_FD, imm: fd, high: 0 };
      return { ...instruction, opcode: LD_IMM64, src: PSEUDO_MAP_VALUE, imm: fd, high: reference.offset };
    });
  }
}

/** With one map more, when it asks for the kernel's configuration. */
function withKconfig(object: BpfObject): BpfObject {
  const map = kconfigMap(object);
  return map ? { ...object, maps: [...object.maps, map] } : object;
}
