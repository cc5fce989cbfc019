/**
 * What the functions of one object share: maps, global data, texts, features that they need, and numbers for identities.
 *
 * Invariant: names are those that the kernel sees; two things never get the same one.
 */
import {
  type ErrorCode,
  type ErrorParameters,
  type SourceLocation,
  type XdpkitError,
  xdpkitError,
} from "../../base/index.ts";
import { type Global, type Intrinsic, MapHandle, type Outcomes, Setting, type StagedModule } from "../../lang/index.ts";
import { encode, layoutOf, type Schema, u8, u16, u32 } from "../../schema/index.ts";
import { helperByName, mapTypeSince } from "../../uapi/index.ts";
import type { IrFunction, ValueId } from "../ir/ir.ts";
import { LineIndex } from "../stage/line-index.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Value } from "./value.ts";

/** A variable of the object. */
export interface DataVariable {
  readonly name: string;
  readonly schema: Schema<unknown> | undefined;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly isStatic: boolean;
}

export interface DataSection {
  readonly name: ".rodata" | ".data" | ".bss";
  readonly variables: DataVariable[];
  size: number;
}

/** An address in global data. */
export interface DataAddress {
  readonly map: string;
  readonly offset: number;
}

/** A function of the object that programs call. */
export interface Subprogram {
  readonly name: string;
  /** Undefined while it is being lowered: calling it then is recursion. */
  body?: {
    readonly ir: IrFunction;
    /** What a call gives, by its register. */
    readonly result: (id: ValueId) => Value;
    /** The call that moved the packet. */
    readonly killer: string | undefined;
  };
}

/** The function that needs something: where it is, and how an error of it is made. */
export interface Asker {
  readonly state: { readonly lockedSince: number | undefined };
  failure<C extends ErrorCode>(code: C, parameters: ErrorParameters<C>, node: SyntaxNode): XdpkitError;
}

export class Unit {
  readonly license: string;
  readonly target: string | undefined;
  readonly u8: Schema<unknown> = u8;
  readonly u16: Schema<unknown> = u16;
  readonly u32: Schema<unknown> = u32;
  readonly subprograms = new Map<string, Subprogram>();
  /** How many there are. */
  callbacks = 0;
  readonly #programs = new Set<string>();
  readonly maps = new Map<MapHandle | Outcomes<string>, string>();
  readonly sections = new Map<string, DataSection>();
  readonly kfuncs = new Set<string>();
  readonly #variables = new Map<object, DataAddress>();
  readonly #texts = new Map<string, DataAddress & { readonly size: number }>();
  readonly #lines = new Map<string, LineIndex>();
  readonly #ids = new WeakMap<object, number>();
  readonly #named = new Map<string, object>();
  #nextId = 0;

  /** Whether loops of rounds that the verifier could walk may be calls, too, and whether some are. */
  readonly mayCallLoops: boolean;
  hasCalledLoops = false;

  constructor(license: string, target: string | undefined, mayCallLoops = true) {
    this.license = license;
    this.target = target;
    this.mayCallLoops = mayCallLoops;
  }

  /** A number for an object, the same for as long as it lives. */
  idOf(object: object): number {
    let id = this.#ids.get(object);
    if (id === undefined) this.#ids.set(object, (id = this.#nextId++));
    return id;
  }

  locate(module: StagedModule, offset: number): SourceLocation {
    let index = this.#lines.get(module.id);
    if (!index) this.#lines.set(module.id, (index = new LineIndex(module.source, module.file)));
    return index.locate(offset);
  }

  // Maps.

  /** The name of a map that the code uses; the object will declare it. */
  map(asker: Asker, handle: MapHandle, node: SyntaxNode): string {
    const { type } = handle.declaration;
    this.need(asker, handle.constructor.name, mapTypeSince(type), node);
    return this.#declare(handle, handle.name, asker, node);
  }

  outcomes(handle: Outcomes<string>, node: SyntaxNode, asker: Asker): string {
    return this.#declare(handle, handle.name, asker, node);
  }

  #declare(handle: MapHandle | Outcomes<string>, name: string, asker: Asker, node: SyntaxNode): string {
    const known = this.maps.get(handle);
    if (known !== undefined) return known;
    if (name === "") {
      const what = handle instanceof MapHandle ? "the map" : "the outcomes";
      throw asker.failure("COMPILER_PROGRAM_NAME", { problem: `${what} that is used here has no name` }, node);
    }
    const short = name.slice(0, 15);
    const other = this.#named.get(short);
    if (other && other !== handle) throw asker.failure("COMPILER_NAME_CLASH", { name: short, kind: "maps" }, node);
    this.#named.set(short, handle);
    this.maps.set(handle, short);
    return short;
  }

  /** Maps that no code names but others hold: templates, entries of a table. */
  declareMap(handle: MapHandle): string {
    const known = this.maps.get(handle);
    if (known !== undefined) return known;
    const short = handle.name.slice(0, 15);
    const other = this.#named.get(short);
    if (short === "" || (other && other !== handle))
      throw xdpkitError("COMPILER_NAME_CLASH", { name: short || "(no name)", kind: "maps" });
    this.#named.set(short, handle);
    this.maps.set(handle, short);
    return short;
  }

  // Functions.

  /** A subprogram for arguments of one kind; `lower` makes it the first time. */
  subprogram(fn: object, key: string, name: string, lower: (made: Subprogram) => void): Subprogram {
    const full = `${this.idOf(fn)}:${key}`;
    let known = this.subprograms.get(full);
    if (!known) {
      known = { name: this.#functionName(name) };
      this.subprograms.set(full, known);
      try {
        lower(known);
      } catch (error) {
        this.subprograms.delete(full);
        throw error;
      }
    }
    return known;
  }

  /** @throws XdpkitError COMPILER_NAME_CLASH when a subprogram has the name */
  addProgram(name: string): void {
    if (Array.from(this.subprograms.values()).some((one) => one.name === name))
      throw xdpkitError("COMPILER_NAME_CLASH", { name, kind: "functions" });
    this.#programs.add(name);
  }

  #functionName(wanted: string): string {
    const short = wanted.replace(/\W/g, "_").slice(0, 60);
    const taken = new Set([...this.#programs, ...Array.from(this.subprograms.values(), ({ name }) => name)]);
    let name = short;
    for (let n = 2; taken.has(name); n++) name = `${short}_${n}`;
    return name;
  }

  // Data.

  variable(handle: Global<unknown> | Setting<unknown>): DataAddress {
    const known = this.#variables.get(handle);
    if (known) return known;
    const { schema, initial } = handle;
    const bytes = encode(schema, initial);
    const isZero = bytes.every((byte) => byte === 0);
    const section = handle instanceof Setting ? ".rodata" : isZero ? ".bss" : ".data";
    const address = this.#place(
      section,
      handle.name || `variable${this.#variables.size}`,
      bytes,
      layoutOf(schema).align,
      schema,
    );
    this.#variables.set(handle, address);
    return address;
  }

  /** A text with its end, for formats. */
  text(value: string): DataAddress & { readonly size: number } {
    const known = this.#texts.get(value);
    if (known) return known;
    const bytes = new TextEncoder().encode(`${value}\0`);
    const address = { ...this.#place(".rodata", `text${this.#texts.size}`, bytes, 1, undefined), size: bytes.length };
    this.#texts.set(value, address);
    return address;
  }

  #place(
    name: DataSection["name"],
    variable: string,
    bytes: Uint8Array,
    align: number,
    schema: Schema<unknown> | undefined,
  ): DataAddress {
    let section = this.sections.get(name);
    if (!section) this.sections.set(name, (section = { name, variables: [], size: 0 }));
    const offset = Math.ceil(section.size / align) * align;
    section.variables.push({ name: variable, schema, offset, bytes, isStatic: schema === undefined });
    section.size = offset + bytes.length;
    return { map: name, offset };
  }

  // Features.

  /** The number of a helper. */
  helper(name: string): number {
    return helperByName(name)!.id;
  }

  needHelper(asker: Asker, name: string, node: SyntaxNode): void {
    const { lockedSince } = asker.state;
    if (lockedSince !== undefined)
      throw asker.failure("COMPILER_UNDER_LOCK", { what: "a call", line: lockedSince }, node);
    this.need(asker, name, helperByName(name)?.since, node);
    if (GPL_ONLY.has(name)) this.#needGpl(asker, name, node);
  }

  needIntrinsic(asker: Asker, { name, helper, kfunc, since, gplOnly }: Intrinsic, node: SyntaxNode): void {
    const { lockedSince } = asker.state;
    if (lockedSince !== undefined && (helper !== undefined || kfunc !== undefined))
      throw asker.failure("COMPILER_UNDER_LOCK", { what: `\`${name}\``, line: lockedSince }, node);
    this.need(asker, name, since ?? (helper === undefined ? undefined : helperByName(helper)?.since), node);
    if (gplOnly) this.#needGpl(asker, name, node);
  }

  need(asker: Asker, what: string, since: string | undefined, node: SyntaxNode): void {
    if (since === undefined || this.target === undefined || !isOlder(this.target, since)) return;
    throw asker.failure(
      "COMPILER_TARGET",
      { what: what.includes(" ") ? what : `\`${what}\``, needs: since, target: this.target },
      node,
    );
  }

  #needGpl(asker: Asker, name: string, node: SyntaxNode): void {
    if (!/GPL/.test(this.license)) throw asker.failure("COMPILER_GPL_ONLY", { name, license: this.license }, node);
  }
}

const GPL_ONLY: ReadonlySet<string> = new Set([
  "bpf_fib_lookup",
  "bpf_trace_printk",
  "bpf_trace_vprintk",
  "bpf_perf_event_output",
  "bpf_check_mtu",
]);

/** Whether a kernel version comes before another. */
export function isOlder(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.replace(/^v/, "").split(".").map(Number)) as [number[], number[]];
  for (let index = 0; index < 2; index++) {
    const [x = 0, y = 0] = [a[index], b[index]];
    if (x !== y) return x < y;
  }
  return false;
}
