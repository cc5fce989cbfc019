/**
 * Types as C writes them: declarations inside out, definitions of structs and enums (libbpf's btf_dump.c).
 *
 * A declaration is a chain from what is declared to the type at its end: `int (*(*table)[3])(void)` is pointer → array
 * → pointer → prototype → int. It is printed from the end back. Invariant: of types that share a name, the second is
 * `name___2`, decided when each is first printed.
 */
import { xdpkitError } from "../base/index.ts";
import { MAX_NESTING } from "./print-order.ts";
import { type Gap, printPadding } from "./print-padding.ts";
import { alignmentOf, sizeOf, typeOf } from "./query.ts";
import type { Btf, BtfType, TypeId } from "./types.ts";

type Composite = Extract<BtfType, { kind: "struct" | "union" }>;
type Enumeration = Extract<BtfType, { kind: "enum" | "enum64" }>;

/** Characters after which a file is taken for hostile: shared anonymous structs can unfold without end. */
const MAX_CHARACTERS = 1 << 26;

/** Anonymous structs inside of each other, as C compilers allow them. */
const MAX_LEVEL = 127;

/** The other types that a name may collide with: tags and identifiers are apart in C. */
class Names {
  readonly #counts = new Map<string, number>();
  readonly #resolved = new Map<TypeId, string>();

  count(name: string): number {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count;
  }

  resolve(id: TypeId, name: string): string {
    if (name === "") return "";
    const known = this.#resolved.get(id);
    if (known !== undefined) return known;
    const unique = suffixed(name, this.count(name));
    this.#resolved.set(id, unique);
    return unique;
  }
}

const suffixed = (name: string, count: number) => (count > 1 ? `${name}___${count}` : name);
const indent = (level: number) => "\t".repeat(level);

export class DeclarationPrinter {
  readonly #btf: Btf;
  readonly #tags = new Names();
  readonly #identifiers = new Names();
  #characters = 0;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** `struct flow`, and for forward declarations. */
  tag(id: TypeId): string {
    const type = typeOf(this.#btf, id);
    const name = "name" in type ? type.name : "";
    if (type.kind === "forward") return `${type.union ? "union" : "struct"} ${name}`;
    const isOnlyDeclared = type.kind === "enum" && type.values.length === 0;
    const unique = isOnlyDeclared ? name : this.#tags.resolve(id, name);
    const word = type.kind === "enum64" ? "enum" : type.kind;
    return unique === "" ? word : `${word} ${unique}`;
  }

  typedef(id: TypeId): string {
    const type = typeOf(this.#btf, id);
    const name = this.#identifiers.resolve(id, "name" in type ? type.name : "");
    if (type.kind !== "typedef") return name;
    if (type.type === 0 && name === "__gnuc_va_list") return "typedef __builtin_va_list __gnuc_va_list";
    return `typedef ${this.declaration(type.type, name, 0)}`;
  }

  /** `int (*visit)(struct tree *)` for a name, `int (*)(struct tree *)` for none. */
  declaration(id: TypeId, name: string, level: number): string {
    const chain: TypeId[] = [];
    for (let current: TypeId | null = id; current !== null; current = next(typeOf(this.#btf, current))) {
      chain.push(current);
      if (chain.length > MAX_NESTING) throw xdpkitError("BTF_CYCLE", { id });
    }
    return this.#spend(id, this.#chain(chain, name, level));
  }

  #spend(id: TypeId, text: string): string {
    this.#characters += text.length + 1;
    if (this.#characters <= MAX_CHARACTERS) return text;
    throw xdpkitError("BTF_LIMIT", { what: `printing type ${id}`, limit: MAX_CHARACTERS });
  }

  /** Prints from the end of the chain; each part takes its ids off. */
  #chain(chain: TypeId[], name: string, level: number): string {
    let text = "";
    let afterPointer = true;
    for (let id = chain.pop(); id !== undefined; id = chain.pop()) {
      const type = typeOf(this.#btf, id);
      if (type.kind === "array") return text + this.#array(type, chain, { name, level, afterPointer });
      if (type.kind === "prototype") return text + this.#prototype(type, chain, { name, level, afterPointer });
      text += type.kind === "pointer" ? (afterPointer ? "*" : " *") : this.#part(id, type, chain, level);
      afterPointer = type.kind === "pointer";
    }
    return text + separated(name, afterPointer);
  }

  #part(id: TypeId, type: BtfType, chain: TypeId[], level: number): string {
    switch (type.kind) {
      case "volatile":
      case "const":
      case "restrict":
        return ` ${type.kind}`;
      case "typeTag":
        return `${this.#qualifiers(chain)} __attribute__((btf_type_tag("${type.name}")))`;
      default:
        return this.#qualifiers(chain) + this.#specifier(id, type, level);
    }
  }

  /** What stands at the end of a chain. */
  #specifier(id: TypeId, type: BtfType, level: number): string {
    switch (type.kind) {
      case "void":
        return "void";
      case "int":
      case "float":
        return type.name;
      case "struct":
      case "union":
        return type.name === "" ? this.composite(id, type, level) : this.tag(id);
      case "enum":
      case "enum64":
        return type.name === "" ? this.enumeration(id, type, level) : this.tag(id);
      case "forward":
        return this.tag(id);
      case "typedef":
        return this.#identifiers.resolve(id, type.name);
      default:
        return "";
    }
  }

  /** `const volatile ` of the type that was just taken off. */
  #qualifiers(chain: TypeId[]): string {
    let text = "";
    for (;;) {
      const type = typeOf(this.#btf, chain.at(-1) ?? 0);
      if (type.kind !== "volatile" && type.kind !== "const" && type.kind !== "restrict") return text;
      text += `${type.kind} `;
      chain.pop();
    }
  }

  /** GCC qualifies arrays and functions, which means nothing. */
  #dropQualifiers(chain: TypeId[]): void {
    while (/^(volatile|const|restrict|typeTag)$/.test(typeOf(this.#btf, chain.at(-1) ?? 0).kind)) chain.pop();
  }

  #array(
    type: Extract<BtfType, { kind: "array" }>,
    chain: TypeId[],
    place: { name: string; level: number; afterPointer: boolean },
  ): string {
    const { name, level, afterPointer } = place;
    this.#dropQualifiers(chain);
    const following = chain.at(-1);
    if (following === undefined) return `${separated(name, afterPointer)}[${type.length}]`;
    const space = name !== "" && !afterPointer ? " " : "";
    const isArray = typeOf(this.#btf, following).kind === "array";
    const inner = this.#chain(chain, name, level);
    return `${space}${isArray ? inner : `(${inner})`}[${type.length}]`;
  }

  #prototype(
    type: Extract<BtfType, { kind: "prototype" }>,
    chain: TypeId[],
    place: { name: string; level: number; afterPointer: boolean },
  ): string {
    const { name, level, afterPointer } = place;
    this.#dropQualifiers(chain);
    const declared = chain.length > 0 ? ` (${this.#chain(chain, name, level)})` : separated(name, afterPointer);
    const { parameters } = type;
    if (parameters.length === 0 || (parameters.length === 1 && parameters[0]?.type === 0)) return `${declared}(void)`;
    const list = parameters.map((parameter, index) => {
      if (parameter.type === 0 && index === parameters.length - 1) return "...";
      return this.declaration(parameter.type, parameter.name, level);
    });
    return `${declared}(${list.join(", ")})`;
  }

  /** The definition of a struct or union, without its semicolon. */
  composite(id: TypeId, type: Composite, level: number): string {
    if (level > MAX_LEVEL) throw xdpkitError("BTF_CYCLE", { id });
    const packed = type.kind === "struct" && isPacked(this.#btf, type);
    const head = `${this.tag(id)} {`;
    const body = this.#members(id, type, packed, level + 1);
    const tail = type.members.length > 0 || type.size > 0 ? `\n${indent(level)}}` : "}";
    return `${head}${body}${tail}${packed ? " __attribute__((packed))" : ""}`;
  }

  #members(id: TypeId, type: Composite, packed: boolean, level: number): string {
    const lines: string[] = [];
    let end = 0;
    let afterBitfield = false;
    for (const member of type.members) {
      const { bitOffset: to, bitSize } = member;
      const alignment = packed ? 1 : alignmentOf(this.#btf, member.type);
      const betweenBitfields = afterBitfield && bitSize !== 0;
      this.#pad(id, lines, { from: end, to, alignment, betweenBitfields });
      const width = bitSize === 0 ? "" : `: ${bitSize}`;
      lines.push(`${this.declaration(member.type, member.name, level)}${width}`);
      end = to + (bitSize || 8 * memberSize(this.#btf, member.type));
      afterBitfield = bitSize !== 0;
    }
    if (type.kind === "struct") {
      const alignment = alignmentOf(this.#btf, id);
      this.#pad(id, lines, { from: end, to: 8 * type.size, alignment, betweenBitfields: false });
    }
    return lines.map((line) => `\n${indent(level)}${line};`).join("");
  }

  #pad(id: TypeId, lines: string[], gap: Gap): void {
    for (const line of printPadding(gap)) lines.push(this.#spend(id, line));
  }

  /** The definition of an enum, without its semicolon. */
  enumeration(id: TypeId, type: Enumeration, level: number): string {
    const head = this.tag(id);
    if (type.values.length === 0) return head;
    const suffix = type.kind === "enum" ? "" : type.signed ? "LL" : "ULL";
    const values = type.values.map(({ name, value }) => {
      const unique = suffixed(name, this.#identifiers.count(name));
      return this.#spend(id, `\n${indent(level + 1)}${unique} = ${value}${suffix},`);
    });
    return `${head} {${values.join("")}\n${indent(level)}}`;
  }
}

/** The type that a link of the chain leads to; null at the end. */
function next(type: BtfType): TypeId | null {
  switch (type.kind) {
    case "pointer":
    case "volatile":
    case "const":
    case "restrict":
    case "typeTag":
      return type.type;
    case "prototype":
      return type.returns;
    case "array":
      return type.element;
    default:
      return null;
  }
}

function separated(name: string, afterPointer: boolean): string {
  return name !== "" && !afterPointer ? ` ${name}` : name;
}

/** Members without a size (functions, void) take no room. */
function memberSize(btf: Btf, id: TypeId): number {
  try {
    return sizeOf(btf, id);
  } catch {
    return 0;
  }
}

/** A member off its alignment, or a size that is no multiple of it: only a packed struct has that. */
function isPacked(btf: Btf, type: Composite): boolean {
  let largest = 1;
  for (const { bitOffset, bitSize, type: id } of type.members) {
    const alignment = alignmentOf(btf, id);
    if (bitSize === 0 && bitOffset % (8 * alignment) !== 0) return true;
    largest = Math.max(largest, alignment);
  }
  return type.size % largest !== 0;
}
