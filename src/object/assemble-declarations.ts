/**
 * What assembler text declares beside functions: maps and their slots, global data, externs. The directives are listed
 * in assemble.ts.
 *
 * Invariant: no two maps have one name.
 */
import { parseHex, xdpkitError } from "../base/index.ts";
import type { Directive } from "./assemble-directive.ts";
import type { BpfExtern, BpfMap, GlobalVariable } from "./bpf-object.ts";
import { MAX_DATA_BYTES } from "./read-data.ts";

type MapDraft = { -readonly [K in keyof BpfMap]: BpfMap[K] };

const LINKAGES = ["global", "static", "weak"] as const;
const FIELDS = ["style", "type", "key", "value", "entries", "flags", "numa", "extra", "pin"] as const;
const U32_MAX = 0xffff_ffff;
const BPF_MAP_TYPE_ARRAY = 2;

export class Declarations {
  readonly #maps = new Map<string, MapDraft>();
  readonly #externs = new Map<string, BpfExtern>();
  readonly #variables = new Map<string, { readonly section: string; readonly offset: number }>();
  #data: MapDraft | undefined;

  get maps(): ReadonlyMap<string, BpfMap> {
    return this.#maps;
  }

  get externs(): ReadonlyMap<string, BpfExtern> {
    return this.#externs;
  }

  /** Global variables of all sections, the last of a name. */
  get variables(): ReadonlyMap<string, { readonly section: string; readonly offset: number }> {
    return this.#variables;
  }

  /** False when the directive declares none of these. @throws OBJECT_DIRECTIVE */
  declare(directive: Directive): boolean {
    const read = this.#readers.get(directive.name);
    read?.(directive);
    return read !== undefined;
  }

  readonly #readers: ReadonlyMap<string, (directive: Directive) => void> = new Map([
    [".map", (directive) => this.#map(directive)],
    [".inner", (directive) => this.#inner(directive)],
    [".slot", (directive) => this.#slot(directive)],
    [".data", (directive) => this.#dataSection(directive)],
    [".bytes", (directive) => this.#bytes(directive)],
    [".variable", (directive) => this.#variable(directive)],
    [".extern", (directive) => this.#extern(directive)],
  ]);

  #add(directive: Directive, map: MapDraft): void {
    if (this.#maps.has(map.name)) throw directive.fail(`map ${map.name} was declared already`);
    this.#maps.set(map.name, map);
  }

  #known(directive: Directive): MapDraft {
    const map = this.#maps.get(directive.word(0));
    if (!map) throw directive.fail(`there is no map ${directive.word(0)}`);
    return map;
  }

  #map(directive: Directive): void {
    const map = mapFields(directive, directive.word(0));
    if (map.type === 0) throw directive.fail("type is missing");
    this.#add(directive, map);
  }

  #inner(directive: Directive): void {
    const outer = this.#known(directive);
    outer.inner = { ...mapFields(directive, `${outer.name}.inner`), style: outer.style };
  }

  #slot(directive: Directive): void {
    const map = this.#known(directive);
    const slot = { index: directive.number(directive.words[1], U32_MAX), target: directive.word(2) };
    map.slots = [...(map.slots ?? []), slot].sort((a, b) => a.index - b.index);
  }

  #dataSection(directive: Directive): void {
    const section = directive.word(0);
    const options = directive.options(1, ["size", "flags"]);
    const size = directive.number(options.get("size"), MAX_DATA_BYTES);
    const flags = directive.number(options.get("flags") ?? "0", U32_MAX);
    const readOnly = section.startsWith(".rodata");
    const data = { section, readOnly, bytes: new Uint8Array(size), variables: [] };
    const shape = { type: BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: size, maxEntries: 1, flags, pinByName: false };
    this.#data = { name: section, style: "data", ...shape, data };
    this.#add(directive, this.#data);
  }

  #bytes(directive: Directive): void {
    const into = this.#data?.data?.bytes;
    if (!into) throw directive.fail("no .data stands before it");
    const [offset, hex] = directive.words;
    const bytes = parseHex(hex ?? "");
    const at = directive.number(offset, into.length);
    if (!bytes || at + bytes.length > into.length) {
      throw directive.fail(`${hex ?? "nothing"} at ${at} is no hexadecimal text within ${into.length} bytes`);
    }
    into.set(bytes, at);
  }

  #variable(directive: Directive): void {
    const data = this.#data?.data;
    if (!this.#data || !data) throw directive.fail("no .data stands before it");
    const options = directive.options(1, ["offset", "size", ...LINKAGES]);
    const offset = directive.number(options.get("offset"), data.bytes.length);
    const variable: GlobalVariable = {
      name: directive.word(0),
      offset,
      size: directive.number(options.get("size"), data.bytes.length - offset),
      linkage: LINKAGES.find((linkage) => options.has(linkage)) ?? "global",
    };
    this.#data.data = { ...data, variables: [...data.variables, variable] };
    this.#variables.set(variable.name, { section: data.section, offset });
  }

  #extern(directive: Directive): void {
    const [kind] = directive.words;
    const options = directive.options(2, ["offset", "size", "weak"]);
    const shared = { name: directive.word(1), weak: options.has("weak") };
    const number = (option: string) => directive.number(options.get(option) ?? "0", 0xffff);
    const add = (extern: BpfExtern) => this.#externs.set(extern.name, extern);
    if (kind === "ksym") add({ kind, ...shared });
    else if (kind === "kfunc") add({ kind, ...shared, type: 0 });
    else if (kind === "kconfig") {
      add({ kind, ...shared, type: 0, offset: number("offset"), size: number("size") });
    } else throw directive.fail(`${kind ?? "nothing"} is none of ksym, kfunc, kconfig`);
  }

  /** Slots may name what stands further down, so they are looked at last. @throws OBJECT_UNDEFINED */
  checkSlots(isFunction: (name: string) => boolean): void {
    for (const map of this.#maps.values()) {
      for (const { target } of map.slots ?? []) {
        if (this.#maps.has(target) || isFunction(target)) continue;
        throw xdpkitError("OBJECT_UNDEFINED", { kind: "map or function", name: target, by: `map ${map.name}` });
      }
    }
  }
}

function mapFields(directive: Directive, name: string): MapDraft {
  const options = directive.options(1, FIELDS);
  const number = (option: (typeof FIELDS)[number]) => directive.number(options.get(option) ?? "0", U32_MAX);
  const style = options.get("style") ?? "btf";
  if (style !== "btf" && style !== "legacy") throw directive.fail(`style is btf or legacy, not ${style}`);
  return {
    name,
    style,
    type: number("type"),
    keySize: number("key"),
    valueSize: number("value"),
    maxEntries: number("entries"),
    flags: number("flags"),
    pinByName: options.has("pin"),
    ...(options.has("numa") ? { numaNode: number("numa") } : {}),
    ...(options.has("extra") ? { extra: directive.wide(options.get("extra")) } : {}),
  };
}
