/**
 * Programs in the kernel as users see them: `load(programs)`, `loaded.map(handle)`, `loaded.attach(program, …)`.
 *
 * The kernel's twin of `createVm`. Everything is loaded, and maps are filled, before anything becomes visible: a load that
 * fails changes nothing outside of the process, and an attachment that fails takes back what the load has changed.
 */
import type { XdpkitError } from "../base/index.ts";
import {
  type Binding,
  type Compiled,
  type CpuMapProgram,
  type DevMapProgram,
  isCompiled,
  isProgram,
  type Shared,
  withSettings,
  type XdpProgram,
} from "../lang/index.ts";
import { type BpfObject, entryCodecs } from "../object/index.ts";
import { type AttachOptions, attachXdp } from "./attach.ts";
import { KernelHandles } from "./handles.ts";
import { LoadedObject } from "./load.ts";
import { EntryAccess } from "./map-access.ts";
import { MapPins } from "./map-pins.ts";
import type { KernelMap } from "./maps.ts";
import { type Migration, migrate } from "./migration.ts";
import type { KernelProgram } from "./programs.ts";
import type { XdpLink } from "./xdp-link.ts";

type AnyProgram = XdpProgram | DevMapProgram | CpuMapProgram;

/** Settings, pins and what the verifier's log says. */
export interface LoadOptions {
  /** `[mtu.with(9000)]`: those that the programs do not read are ignored. */
  readonly settings?: readonly Binding[];
  /**
   * Folder in a bpf file system for the maps that are declared with `pin` (LIBBPF_PIN_BY_NAME): maps that are pinned there
   * are used again, with what they hold; others are made and pinned. Its last name is made where it is missing. Default
   * /sys/fs/bpf, as of libbpf.
   */
  readonly pinPath?: string;
  /**
   * For pinned maps whose layout has changed. Where one is needed the folder stays locked, and its pins as they are, until one of
   * the programs is attached (`attach`, `link.update`), or `commit` is called; disposing before that gives the upgrade up.
   */
  readonly migrations?: readonly Migration[];
  /** Names of the programs to load. Default: XDP programs but those of `?xdp` sections, as libbpf does. */
  readonly programs?: readonly string[];
  /**
   * Fills maps before anything becomes visible: called when programs and maps are there, before pins and attachments. What
   * it throws ends the load.
   */
  readonly fill?: (loaded: Loaded) => void;
  /** As of `loadProgram`: what the verifier writes into `loaded.program(p).log`. */
  readonly logLevel?: number;
}

const PIN_PATH = "/sys/fs/bpf";

/**
 * Compiles programs, or takes what was compiled or an object, and loads it into the kernel; programs that are loaded together
 * share their maps.
 *
 * @throws XdpkitError COMPILER_* for what cannot be compiled, KERNEL_REFUSED for what the kernel's verifier refuses,
 *   KERNEL_PIN_LAYOUT for a pinned map of another layout, KERNEL_PIN, KERNEL_CALL
 */
export async function load(
  source: BpfObject | Compiled | AnyProgram | readonly AnyProgram[],
  options: LoadOptions = {},
): Promise<Loaded> {
  if (isCompiled(source)) return new Loaded(source.object, options, source.names);
  const programs = [source].flat();
  if (!isProgram(programs[0])) return new Loaded(source as BpfObject, options);
  const { compileOrThrow } = await import("../compiler/index.ts");
  const { object, names } = compileOrThrow(programs as AnyProgram[]);
  return new Loaded(object, options, names);
}

/** Disposing it closes what it holds: what is attached by a pinned link or by netlink stays, with its maps. */
export class Loaded implements Disposable {
  readonly #loaded: LoadedObject;
  readonly #names: ReadonlyMap<object, string>;
  readonly #handles: KernelHandles;
  readonly #pins: MapPins;

  /** `names`: what the object calls the handles of the module that it was compiled from. */
  constructor(object: BpfObject, options: LoadOptions, names: ReadonlyMap<object, string> = new Map()) {
    const {
      settings = [],
      pinPath = PIN_PATH,
      migrations = [],
      logLevel = 0,
      programs = autoloadedPrograms(object),
    } = options;
    const byName = new Map(migrations.map((one) => [nameOf(one.map, names), one] as const));
    const pins = new MapPins(pinPath, new Set(byName.keys()));
    this.#pins = pins;
    const bound = withSettings(object, names, settings);
    this.#names = names;
    try {
      this.#loaded = new LoadedObject(bound, { logLevel, reuse: (wanted) => pins.reuse(wanted) });
    } catch (error) {
      pins[Symbol.dispose]();
      throw error;
    }
    this.#handles = new KernelHandles(this.#loaded, names);
    try {
      for (const name of programs) this.#loaded.program(name);
      this.#handles.fill(new Set([...this.#loaded.reused, ...pins.old.keys()]));
      for (const [name, old] of pins.old) this.#migrate(old, byName.get(name)!, pins.pathOf(name));
      options.fill?.(this);
      pins.ready(this.#loaded);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** What was loaded: with CO-RE and settings applied. */
  get object(): BpfObject {
    return this.#loaded.object;
  }

  /** As of LoadedObject. */
  get btfRefusal(): XdpkitError | undefined {
    return this.#loaded.btfRefusal;
  }

  /** In the object's order, global data included. */
  get maps(): Iterable<KernelMap> {
    return this.#loaded.maps.values();
  }

  /** Names of the maps that were there already, pinned. */
  get reused(): ReadonlySet<string> {
    return this.#loaded.reused;
  }

  /**
   * The content of a map by its handle (typed: also of globals, outcomes, streams) or by its name in the object.
   *
   * @throws XdpkitError KERNEL_UNKNOWN_MAP, KERNEL_UNKNOWN_VARIABLE
   */
  map<A>(handle: Shared<A>): A;
  map(name: string): EntryAccess<unknown, unknown>;
  map(wanted: Shared<unknown> | string): unknown {
    if (typeof wanted !== "string") return this.#handles.open(wanted);
    const map = this.#handles.mapNamed(wanted);
    return new EntryAccess(map, entryCodecs(this.object.btf, map.definition));
  }

  /** The map itself, for bytes and batches. @throws XdpkitError KERNEL_UNKNOWN_MAP */
  kernelMap(name: string): KernelMap {
    return this.#handles.mapNamed(name);
  }

  /** Loads it if it is not loaded yet. @throws XdpkitError OBJECT_NO_PROGRAM */
  program(which: AnyProgram | string): KernelProgram {
    const program = this.#loaded.program(typeof which === "string" ? which : nameOf(which, this.#names));
    program.upgrade ??= this.#pins;
    return program;
  }

  /**
   * Ends the upgrade without an attachment of ours: pins move to the maps that took the place of others. `hold`, which runs
   * before that, makes the programs last in another way (a pin, a slot); what it throws leaves everything as it was.
   *
   * @throws XdpkitError KERNEL_LOCKED, KERNEL_PIN, and what `hold` throws
   */
  commit(hold: () => void = () => {}): void {
    this.#pins.during(hold);
  }

  /** Attaches one of the programs: see `attachXdp`. The link takes another one by `link.update(next.program(end))`. */
  attach(which: XdpProgram | string, options: AttachOptions): XdpLink {
    return attachXdp(this.program(which), options);
  }

  [Symbol.dispose](): void {
    this.#pins[Symbol.dispose]();
    this.#handles[Symbol.dispose]();
    this.#loaded[Symbol.dispose]();
  }

  #migrate(old: KernelMap, migration: Migration, path: string): void {
    const target = this.#handles.open(migration.map as unknown as Shared<EntryAccess<unknown, unknown>>);
    migrate(old, target, migration, path);
  }
}

const nameOf = (handle: object, names: ReadonlyMap<object, string>): string =>
  names.get(handle) ?? (handle as { readonly name: string }).name;

/** Names of the XDP programs but those of `?xdp` sections, which libbpf does not load unless asked. */
export const autoloadedPrograms = ({ functions }: BpfObject): string[] =>
  functions.filter(({ program }) => program?.autoload && program.kind.startsWith("xdp")).map(({ name }) => name);
