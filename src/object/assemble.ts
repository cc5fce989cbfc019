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
import { type SourceLocation, xdpkitError } from "../base/index.ts";
import { parseLines } from "../isa/index.ts";
import { Declarations } from "./assemble-declarations.ts";
import { Directive } from "./assemble-directive.ts";
import type { BpfFunction, BpfObject, Label, Reference } from "./bpf-object.ts";
import { LOCAL_LABEL } from "./disassemble.ts";
import { programKind } from "./program-kind.ts";

/** How errors name the text. */
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

const SECTION_HEADER = /^Disassembly of section (.+):\s*$/;
const SYMBOL_HEADER = /^[0-9a-f]{16} <([^>]+)>:\s*$/;
/** A dot that begins neither a raw instruction nor a label. */
const DIRECTIVE = /^\s*\.(?!insn\b|[\w.$?/]*:)/;
const COMMENT = /;.*|#.*|\/\/.*/;

class Assembler {
  readonly #file: string;
  readonly #declarations = new Declarations();
  readonly #functions = new Map<string, FunctionDraft>();
  #license = "";
  #version: number | undefined;
  #section = ".text";
  #current: FunctionDraft | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  line(line: Line): void {
    const section = SECTION_HEADER.exec(line.text)?.[1];
    const symbol = SYMBOL_HEADER.exec(line.text)?.[1];
    if (section !== undefined) this.#section = section;
    else if (symbol !== undefined && !LOCAL_LABEL.test(symbol)) this.#begin(symbol, "global", line);
    else if (DIRECTIVE.test(line.text)) this.#directive(line);
    else this.#instruction(line);
  }

  #at({ text, line }: Line): SourceLocation {
    return { kind: "source", file: this.#file, line, column: text.length - text.trimStart().length + 1, text };
  }

  #instruction(line: Line): void {
    const [code, note] = splitNote(line.text);
    if (this.#current) {
      this.#current.lines.push({ text: code, line: line.line });
      if (note !== undefined) this.#current.notes.set(line.line, note);
    } else if (code.replace(COMMENT, "").trim() !== "") {
      const problem = "an instruction stands before the first function";
      throw xdpkitError("OBJECT_DIRECTIVE", { directive: ".global", problem }, { at: this.#at(line) });
    }
  }

  #begin(name: string, linkage: BpfFunction["linkage"], line: Line): void {
    if (this.#functions.has(name)) {
      const problem = `function ${name} was declared already`;
      throw xdpkitError("OBJECT_DIRECTIVE", { directive: `.${linkage}`, problem }, { at: this.#at(line) });
    }
    this.#current = { name, section: this.#section, linkage, lines: [], notes: new Map() };
    this.#functions.set(name, this.#current);
  }

  #directive(line: Line): void {
    const directive = new Directive(line.text, this.#at(line));
    switch (directive.name) {
      case ".license":
        this.#license = directive.quoted();
        return;
      case ".version":
        this.#version = directive.number(directive.words[0], 0xffff_ffff);
        return;
      case ".section":
        this.#section = directive.word(0);
        return;
      case ".global":
      case ".static":
      case ".weak":
        this.#begin(directive.word(0), directive.name.slice(1) as BpfFunction["linkage"], line);
        return;
      default:
        if (!this.#declarations.declare(directive)) throw directive.fail("there is no such directive");
    }
  }

  finish(): BpfObject {
    const functions = [...this.#functions.values()].map((draft) => this.#assembleFunction(draft));
    this.#declarations.checkSlots((name) => this.#functions.has(name));
    return {
      license: this.#license,
      ...(this.#version === undefined ? {} : { kernelVersion: this.#version }),
      functions,
      maps: [...this.#declarations.maps.values()],
      externs: [...this.#declarations.externs.values()],
    };
  }

  #assembleFunction(draft: FunctionDraft): BpfFunction {
    const { name, section, linkage } = draft;
    const parsed = parseLines(draft.lines, { file: this.#file, symbols: true });
    const references = new Map<number, Reference>();
    const rows = new Map(draft.lines.map((row) => [row.line, row]));
    const place = (instruction: number): Place => {
      const row = rows.get(parsed.lines[instruction] ?? 0);
      return { instruction, by: name, at: this.#at(row ?? { text: "", line: 1 }) };
    };
    for (const { instruction, name: symbol, addend } of parsed.symbols) {
      references.set(instruction, this.#named(symbol, addend, place(instruction)));
    }
    for (const [instruction, line] of parsed.lines.entries()) {
      const note = draft.notes.get(line);
      if (note !== undefined) references.set(instruction, this.#noted(note, place(instruction)));
    }
    const labels = [...parsed.labels].map(([label, instruction]): Label => ({ name: label, instruction }));
    const inside = labels.filter(({ instruction }) => instruction < parsed.instructions.length);
    return {
      name,
      section,
      linkage,
      ...(section !== ".text" && linkage !== "static" ? { program: programKind(section) } : {}),
      instructions: parsed.instructions,
      references: [...references.values()].sort((a, b) => a.instruction - b.instruction),
      lines: [],
      relocations: [],
      ...(inside.length > 0 ? { labels: inside } : {}),
    };
  }

  /** `map flows`, `data .rodata+4`, `function sub`, `extern CONFIG_HZ`. */
  #noted(note: string, place: Place): Reference {
    const { instruction } = place;
    const [kind, target = ""] = note.split(/\s+/, 2);
    const [name, offset] = splitOffset(target);
    switch (kind) {
      case "map":
        if (!this.#declarations.maps.has(target)) throw undefinedName(kind, target, place);
        return { instruction, kind, map: target };
      case "data":
        if (!this.#declarations.maps.get(name)?.data) throw undefinedName("data section", name, place);
        return { instruction, kind: "mapValue", map: name, offset };
      case "function":
        if (!this.#functions.has(target)) throw undefinedName(kind, target, place);
        return { instruction, kind, function: target };
      case "extern":
        if (!this.#declarations.externs.has(target)) {
          throw undefinedName(kind, target, place);
        }
        return { instruction, kind, extern: target };
      default:
        throw undefinedName(`@${kind} (none of @map, @data, @function, @extern)`, target, place);
    }
  }

  /** A name by itself: whatever was declared under it, variables with their place. */
  #named(name: string, addend: number, place: Place): Reference {
    const { instruction } = place;
    const { maps, externs } = this.#declarations;
    if (this.#functions.has(name)) return { instruction, kind: "function", function: name };
    if (externs.has(name)) return { instruction, kind: "extern", extern: name };
    const map = maps.get(name);
    if (map?.data) return { instruction, kind: "mapValue", map: name, offset: addend };
    if (map) return { instruction, kind: "map", map: name };
    const variable = this.#declarations.variables.get(name);
    if (variable) return { instruction, kind: "mapValue", map: variable.section, offset: variable.offset + addend };
    throw undefinedName("symbol", name, place);
  }
}

/** Where a name is used. */
interface Place {
  readonly instruction: number;
  readonly by: string;
  readonly at: SourceLocation;
}

function undefinedName(kind: string, name: string, { by, at }: Place) {
  return xdpkitError("OBJECT_UNDEFINED", { kind, name, by }, { at });
}

/** Code, and what stands behind an `@` that is in no comment. */
function splitNote(text: string): [string, string?] {
  const at = text.indexOf("@");
  const comment = text.search(COMMENT);
  if (at < 0 || (comment >= 0 && comment < at)) return [text];
  return [
    text.slice(0, at),
    text
      .slice(at + 1)
      .replace(COMMENT, "")
      .trim(),
  ];
}

function splitOffset(text: string): [string, number] {
  const match = /^(.+)\+(\d{1,9})$/.exec(text);
  return match ? [match[1] as string, Number(match[2])] : [text, 0];
}
