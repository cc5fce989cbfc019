/**
 * Assembler text to BpfObject.
 *
 *   .license "GPL"                                .version 0x050400
 *   .map NAME [style=btf|legacy] type=N key=N value=N entries=N [flags=N] [numa=N] [extra=N] [pin]
 *   .inner OUTER type=N key=N …                   the template of a map-in-map
 *   .slot MAP INDEX TARGET                        a map or a function in a slot of the map
 *   .data SECTION size=N [flags=N]                global data; then of it:
 *     .bytes OFFSET HEX                             .variable NAME offset=N size=N [global|static|weak]
 *   .extern ksym|kfunc|kconfig NAME [offset=N] [size=N] [weak]
 *   .section NAME                                 then functions:
 *   .global NAME | .static NAME | .weak NAME      then instructions (isa/parse.ts), with references behind `@`:
 *     r1 = 0x0 ll @map flows                        @data .rodata+4   @function sub   @extern CONFIG_HZ
 *     call sub                                      r1 = flows ll     names need no `@`
 *
 * Text of llvm-objdump is read too: its section headers are sections, its symbols functions (but for `LBB…` and
 * `Ltmp…`, which are labels). Invariant: every name that is referred to is declared.
 */
import { parseHex, type SourceLocation, xdpkitError } from "../base/index.ts";
import { parseLines } from "../isa/index.ts";
import type { BpfExtern, BpfFunction, BpfMap, BpfObject, GlobalVariable, Label, Reference } from "./bpf-object.ts";
import { programKind } from "./program-kind.ts";

export interface AssembleOptions {
  /** Named in error locations. Default `input`. */
  readonly file?: string;
}

/**
 * The object that the text describes.
 *
 * @throws OBJECT_DIRECTIVE, OBJECT_UNDEFINED and what `parse` of isa throws, at line and column.
 */
export function assemble(text: string, options: AssembleOptions = {}): BpfObject {
  const assembler = new Assembler(options.file ?? "input");
  for (const [index, line] of text.split("\n").entries()) assembler.line({ text: line, line: index + 1 });
  return assembler.finish();
}

interface Line {
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

interface FunctionDraft {
  readonly name: string;
  readonly section: string;
  readonly linkage: BpfFunction["linkage"];
  readonly lines: Line[];
  /** Line number to what stands behind its `@`. */
  readonly notes: Map<number, string>;
}

type MapDraft = { -readonly [K in keyof BpfMap]: BpfMap[K] };

const SECTION_HEADER = /^Disassembly of section (.+):\s*$/;
const SYMBOL_HEADER = /^[0-9a-f]{16} <([^>]+)>:\s*$/;
const LOCAL_LABEL = /^\.?L(BB|tmp)/;
const LINKAGES = ["global", "static", "weak"] as const;

class Assembler {
  readonly #file: string;
  #license = "";
  #version: number | undefined;
  readonly #maps = new Map<string, MapDraft>();
  readonly #externs: BpfExtern[] = [];
  readonly #functions: FunctionDraft[] = [];
  #section = ".text";
  #data: MapDraft | undefined;
  #at: SourceLocation;

  constructor(file: string) {
    this.#file = file;
    this.#at = { kind: "source", file, line: 1, column: 1 };
  }

  line(line: Line): void {
    const { text } = line;
    const column = text.length - text.trimStart().length + 1;
    this.#at = { kind: "source", file: this.#file, line: line.line, column, text };
    const section = SECTION_HEADER.exec(text)?.[1];
    const symbol = SYMBOL_HEADER.exec(text)?.[1];
    if (section !== undefined) this.#section = section;
    else if (symbol !== undefined && !LOCAL_LABEL.test(symbol)) this.#begin(symbol, "global");
    else if (/^\s*\.(?!insn\b|[\w.$?/]*:)/.test(text)) this.#directive(text.trim());
    else this.#instruction(line);
  }

  #instruction(line: Line): void {
    const [code = "", note] = splitNote(line.text);
    const draft = this.#functions.at(-1);
    if (draft) {
      draft.lines.push({ text: code, line: line.line });
      if (note !== undefined) draft.notes.set(line.line, note);
    } else if (code.replace(/;.*|#.*|\/\/.*/, "").trim() !== "") {
      throw this.#fail(".global", "an instruction stands before the first function");
    }
  }

  #fail(directive: string, problem: string) {
    return xdpkitError("OBJECT_DIRECTIVE", { directive, problem }, { at: this.#at });
  }

  #begin(name: string, linkage: BpfFunction["linkage"]): void {
    if (this.#functions.some((draft) => draft.name === name)) {
      throw this.#fail(`.${linkage}`, `function ${name} was declared already`);
    }
    this.#functions.push({ name, section: this.#section, linkage, lines: [], notes: new Map() });
  }

  #directive(text: string): void {
    const [directive = "", ...words] = text.replace(/\s+(;|\/\/).*$/, "").split(/\s+/);
    const rest = text.slice(directive.length).trim();
    switch (directive) {
      case ".license":
        this.#license = this.#string(rest);
        return;
      case ".version":
        this.#version = this.#number(directive, rest, 0xffff_ffff);
        return;
      case ".map":
        this.#declareMap(words);
        return;
      case ".inner":
        this.#inner(words);
        return;
      case ".slot":
        this.#slot(words);
        return;
      case ".data":
        this.#declareData(words);
        return;
      case ".bytes":
        this.#bytes(words);
        return;
      case ".variable":
        this.#variable(words);
        return;
      case ".extern":
        this.#extern(words);
        return;
      case ".section":
        this.#section = this.#word(directive, words[0]);
        return;
      case ".global":
      case ".static":
      case ".weak":
        this.#begin(this.#word(directive, words[0]), directive.slice(1) as BpfFunction["linkage"]);
        return;
      default:
        throw this.#fail(directive, "there is no such directive");
    }
  }

  #word(directive: string, word: string | undefined): string {
    if (word === undefined || word.includes("=")) throw this.#fail(directive, "a name is missing");
    return word;
  }

  #string(text: string): string {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "string") return value;
    } catch {
      // Reported below, with what was found.
    }
    throw this.#fail(".license", `${text || "nothing"} is no quoted text`);
  }

  #number(directive: string, text: string | undefined, max: number): number {
    const value = /^(0[xX][0-9a-fA-F]{1,16}|\d{1,20})$/.test(text ?? "") ? Number(text) : Number.NaN;
    if (value <= max) return value;
    throw this.#fail(directive, `${text ?? "nothing"} is no number from 0 to ${max}`);
  }

  /** `key=4 pin` as a record; words without `=` are true. */
  #options(directive: string, words: readonly string[], known: readonly string[]): Map<string, string> {
    const options = new Map<string, string>();
    for (const word of words) {
      const [name = "", value = ""] = word.split("=", 2);
      if (!known.includes(name)) throw this.#fail(directive, `it has no option ${name}; it has ${known.join(", ")}`);
      options.set(name, value);
    }
    return options;
  }

  #mapOf(directive: string, name: string | undefined): MapDraft {
    const map = this.#maps.get(this.#word(directive, name));
    if (!map) throw this.#fail(directive, `there is no map ${name}`);
    return map;
  }

  #fields(directive: string, name: string, words: readonly string[]): MapDraft {
    const known = ["style", "type", "key", "value", "entries", "flags", "numa", "extra", "pin"];
    const options = this.#options(directive, words, known);
    const number = (option: string) => this.#number(directive, options.get(option) ?? "0", 0xffff_ffff);
    const style = options.get("style") ?? "btf";
    if (style !== "btf" && style !== "legacy") throw this.#fail(directive, `style is btf or legacy, not ${style}`);
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
      ...(options.has("extra") ? { extra: BigInt(number("extra")) } : {}),
    };
  }

  #addMap(directive: string, map: MapDraft): void {
    if (this.#maps.has(map.name)) throw this.#fail(directive, `map ${map.name} was declared already`);
    this.#maps.set(map.name, map);
  }

  #declareMap(words: readonly string[]): void {
    const name = this.#word(".map", words[0]);
    const map = this.#fields(".map", name, words.slice(1));
    if (map.type === 0) throw this.#fail(".map", "type is missing");
    this.#addMap(".map", map);
  }

  #inner(words: readonly string[]): void {
    const outer = this.#mapOf(".inner", words[0]);
    outer.inner = { ...this.#fields(".inner", `${outer.name}.inner`, words.slice(1)), style: outer.style };
  }

  #slot([name, index, target]: readonly string[]): void {
    const map = this.#mapOf(".slot", name);
    const slot = { index: this.#number(".slot", index, 0xffff_ffff), target: this.#word(".slot", target) };
    map.slots = [...(map.slots ?? []), slot].sort((a, b) => a.index - b.index);
  }

  #declareData(words: readonly string[]): void {
    const section = this.#word(".data", words[0]);
    const options = this.#options(".data", words.slice(1), ["size", "flags"]);
    const size = this.#number(".data", options.get("size"), MAX_DATA_BYTES);
    const flags = this.#number(".data", options.get("flags") ?? "0", 0xffff_ffff);
    const readOnly = section.startsWith(".rodata");
    const data = { section, readOnly, bytes: new Uint8Array(size), variables: [] };
    const shape = { type: 2, keySize: 4, valueSize: size, maxEntries: 1, flags, pinByName: false };
    this.#data = { name: section, style: "data", ...shape, data };
    this.#addMap(".data", this.#data);
  }

  #bytes([offset, hex]: readonly string[]): void {
    const bytes = parseHex(hex ?? "");
    const into = this.#data?.data?.bytes;
    if (!into) throw this.#fail(".bytes", "no .data stands before it");
    const at = this.#number(".bytes", offset, into.length);
    if (!bytes || at + bytes.length > into.length) {
      throw this.#fail(".bytes", `${hex ?? "nothing"} at ${at} is no hexadecimal text within ${into.length} bytes`);
    }
    into.set(bytes, at);
  }

  #variable(words: readonly string[]): void {
    const data = this.#data?.data;
    if (!this.#data || !data) throw this.#fail(".variable", "no .data stands before it");
    const options = this.#options(".variable", words.slice(1), ["offset", "size", ...LINKAGES]);
    const offset = this.#number(".variable", options.get("offset"), data.bytes.length);
    const variable: GlobalVariable = {
      name: this.#word(".variable", words[0]),
      offset,
      size: this.#number(".variable", options.get("size"), data.bytes.length - offset),
      linkage: LINKAGES.find((linkage) => options.has(linkage)) ?? "global",
    };
    this.#data.data = { ...data, variables: [...data.variables, variable] };
  }

  #extern([kind, name, ...words]: readonly string[]): void {
    const options = this.#options(".extern", words, ["offset", "size", "weak"]);
    const shared = { name: this.#word(".extern", name), weak: options.has("weak") };
    const number = (option: string) => this.#number(".extern", options.get(option) ?? "0", 0xffff);
    if (kind === "ksym") this.#externs.push({ kind, ...shared });
    else if (kind === "kfunc") this.#externs.push({ kind, ...shared, type: 0 });
    else if (kind === "kconfig") {
      this.#externs.push({ kind, ...shared, type: 0, offset: number("offset"), size: number("size") });
    } else throw this.#fail(".extern", `${kind ?? "nothing"} is none of ksym, kfunc, kconfig`);
  }

  finish(): BpfObject {
    const functions = this.#functions.map((draft) => this.#assembleFunction(draft));
    this.#checkSlots();
    return {
      license: this.#license,
      ...(this.#version === undefined ? {} : { kernelVersion: this.#version }),
      functions,
      maps: [...this.#maps.values()],
      externs: this.#externs,
    };
  }

  #checkSlots(): void {
    for (const map of this.#maps.values()) {
      for (const { target } of map.slots ?? []) {
        if (this.#maps.has(target) || this.#functions.some(({ name }) => name === target)) continue;
        throw xdpkitError("OBJECT_UNDEFINED", { kind: "map or function", name: target, by: `map ${map.name}` });
      }
    }
  }

  #assembleFunction(draft: FunctionDraft): BpfFunction {
    const { name, section, linkage } = draft;
    const parsed = parseLines(draft.lines, { file: this.#file, symbols: true });
    const references = new Map<number, Reference>();
    for (const symbol of parsed.symbols) {
      const text = symbol.addend === 0 ? symbol.name : `${symbol.name}+${symbol.addend}`;
      const at = this.#lineOf(draft, parsed.lines[symbol.instruction]);
      references.set(symbol.instruction, this.#named(symbol.instruction, text, at, draft.name));
    }
    for (const [index, line] of parsed.lines.entries()) {
      const note = draft.notes.get(line);
      if (note !== undefined) references.set(index, this.#noted(index, note, this.#lineOf(draft, line), name));
    }
    const isEntry = section !== ".text" && linkage !== "static";
    const labels = [...parsed.labels].map(([label, instruction]): Label => ({ name: label, instruction }));
    const inside = labels.filter(({ instruction }) => instruction < parsed.instructions.length);
    return {
      name,
      section,
      linkage,
      ...(isEntry ? { program: programKind(section) } : {}),
      instructions: parsed.instructions,
      references: [...references.values()].sort((a, b) => a.instruction - b.instruction),
      lines: [],
      relocations: [],
      ...(inside.length > 0 ? { labels: inside } : {}),
    };
  }

  #lineOf(draft: FunctionDraft, line = 0): SourceLocation {
    const text = draft.lines.find((row) => row.line === line)?.text ?? "";
    return { kind: "source", file: this.#file, line, column: text.length - text.trimStart().length + 1, text };
  }

  /** `map flows`, `data .rodata+4`, `function sub`, `extern CONFIG_HZ`. */
  #noted(instruction: number, note: string, at: SourceLocation, by: string): Reference {
    const [kind, target = ""] = note.split(/\s+/, 2);
    const [name, offset] = splitOffset(target);
    const missing = (what: string) => xdpkitError("OBJECT_UNDEFINED", { kind: what, name, by }, { at });
    switch (kind) {
      case "map":
        if (!this.#maps.has(target)) throw missing("map");
        return { instruction, kind, map: target };
      case "data":
        if (!this.#maps.get(name)?.data) throw missing("data section");
        return { instruction, kind: "mapValue", map: name, offset };
      case "function":
        if (!this.#functions.some((draft) => draft.name === target)) throw missing("function");
        return { instruction, kind, function: target };
      case "extern":
        if (!this.#externs.some((extern) => extern.name === target)) throw missing("extern");
        return { instruction, kind, extern: target };
      default:
        throw missing(`@${kind}, which is none of @map, @data, @function, @extern:`);
    }
  }

  /** A name by itself: whatever was declared under it, variables with their place. */
  #named(instruction: number, text: string, at: SourceLocation, by: string): Reference {
    const [name, offset] = splitOffset(text);
    if (this.#functions.some((draft) => draft.name === name)) return { instruction, kind: "function", function: name };
    if (this.#externs.some((extern) => extern.name === name)) return { instruction, kind: "extern", extern: name };
    const map = this.#maps.get(name);
    if (map) {
      return map.data ? { instruction, kind: "mapValue", map: name, offset } : { instruction, kind: "map", map: name };
    }
    for (const { name: section, data } of this.#maps.values()) {
      const variable = data?.variables.find((candidate) => candidate.name === name);
      if (variable) return { instruction, kind: "mapValue", map: section, offset: variable.offset + offset };
    }
    throw xdpkitError("OBJECT_UNDEFINED", { kind: "symbol", name, by }, { at });
  }
}

/** Bytes of one section of global data, as in read-data.ts. */
const MAX_DATA_BYTES = 64 << 20;

function splitNote(text: string): [string, string?] {
  const at = text.indexOf("@");
  const comment = text.search(/;|#|\/\//);
  if (at < 0 || (comment >= 0 && comment < at)) return [text];
  const note = text.slice(at + 1).replace(/\s*(;|#|\/\/).*$/, "");
  return [text.slice(0, at), note.trim()];
}

function splitOffset(text: string): [string, number] {
  const match = /^(.+)\+(\d{1,9})$/.exec(text);
  return match ? [match[1] as string, Number(match[2])] : [text, 0];
}
