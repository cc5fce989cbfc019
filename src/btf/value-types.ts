/**
 * Types in TypeScript of what `decodeValue` gives for types of BTF: the same cases, with a name for every struct, union and
 * enum. Members of anonymous structs and unions stand among those of their parent, arrays are lists, enums are names.
 *
 * Invariant: declarations stand in the order in which they were first met, each behind those that it is made of.
 */
import { xdpkitError } from "../base/index.ts";
import { isModifier, resolve, resolveId, typeOf } from "./query.ts";
import type { Btf, BtfMember, BtfType, TypeId } from "./types.ts";
import { Budget, isCharacter } from "./value.ts";

/** A field of a struct as TypeScript and C name it. */
export interface FieldDeclaration {
  /** As in C. */
  readonly name: string;
  /** In TypeScript. */
  readonly type: string;
  /** In C: `__u8[6]`, `__u32 : 3`. */
  readonly c: string;
}

/** A type that a generated module declares. */
export type TypeDeclaration = { readonly name: string; readonly c: string; readonly size: number } & (
  | { readonly kind: "struct" | "union"; readonly fields: readonly FieldDeclaration[] }
  | {
      readonly kind: "enum";
      readonly values: readonly { readonly name: string; readonly value: number | bigint }[];
      /** Of values without a name. */
      readonly other: "number" | "bigint";
    }
);

type Composite = Extract<BtfType, { kind: "struct" | "union" }>;
type Enumeration = Extract<BtfType, { kind: "enum" | "enum64" }>;

/** Collects the declarations that the values of maps need, each once. */
export class ValueTypes {
  /** In the order in which they can be written: what a type needs comes before it. */
  readonly declarations: TypeDeclaration[] = [];
  readonly #btf: Btf;
  readonly #names = new Map<TypeId, string>();
  readonly #taken: Set<string>;
  readonly #budget = new Budget();

  /** `taken`: names that the types must not have. */
  constructor(btf: Btf, taken: Iterable<string>) {
    this.#btf = btf;
    this.#taken = new Set(taken);
  }

  /** The type of a value; `place` names what has no name in C: `sessions_key`. @throws BTF_CYCLE, BTF_LIMIT, BTF_TYPE_ID */
  typeOf(id: TypeId, place: string, depth = 0): string {
    this.#budget.spend(depth, id);
    const type = resolve(this.#btf, id);
    switch (type.kind) {
      case "int":
        return type.bool ? "boolean" : integer(type.bits);
      case "pointer":
        return "bigint";
      case "enum":
      case "enum64":
        return this.#named(id, place, (name, c) => enumeration(type, name, c));
      case "float":
        return type.size === 4 || type.size === 8 ? "number" : "number[]";
      case "array":
        return this.#list(type.element, place, depth);
      case "struct":
      case "union":
        return this.#named(id, place, (name, c) => this.#composite(type, name, c, depth));
      case "variable":
        return this.typeOf(type.type, place, depth + 1);
      default:
        return "null";
    }
  }

  #list(element: TypeId, place: string, depth: number): string {
    const type = this.typeOf(element, place, depth + 1);
    if (isCharacter(resolve(this.#btf, element))) return `string | ${type}[]`;
    return type.includes(" ") ? `(${type})[]` : `${type}[]`;
  }

  /** A type that contains itself has its name before it has its members. */
  #named(id: TypeId, place: string, declare: (name: string, c: string) => TypeDeclaration): string {
    const own = resolveId(this.#btf, id);
    const known = this.#names.get(own);
    if (known !== undefined) return known;
    const c = spell(this.#btf, id);
    const name = this.#unique(pascalCase(nameIn(this.#btf, id) || place));
    this.#names.set(own, name);
    this.declarations.push(declare(name, c));
    return name;
  }

  #unique(name: string): string {
    let unique = name;
    for (let n = 2; this.#taken.has(unique); n++) unique = `${name}${n}`;
    this.#taken.add(unique);
    return unique;
  }

  #composite(type: Composite, name: string, c: string, depth: number): TypeDeclaration {
    const fields = new Map<string, FieldDeclaration>();
    for (const field of this.#fields(type, name, depth)) fields.set(field.name, field);
    return { kind: type.kind, name, c, size: type.size, fields: [...fields.values()] };
  }

  #fields(type: Composite, place: string, depth: number): FieldDeclaration[] {
    return type.members.flatMap((member) => {
      const inner = resolve(this.#btf, member.type);
      if (member.name !== "") return [this.#field(member, `${place}_${member.name}`, depth)];
      this.#budget.spend(depth, member.type);
      return inner.kind === "struct" || inner.kind === "union" ? this.#fields(inner, place, depth + 1) : [];
    });
  }

  #field({ name, type, bitSize }: BtfMember, place: string, depth: number): FieldDeclaration {
    const c = spell(this.#btf, type);
    if (bitSize === 0) return { name, type: this.typeOf(type, place, depth + 1), c };
    const inner = resolve(this.#btf, type);
    const whole = inner.kind === "int" && !inner.bool;
    return { name, type: whole ? integer(bitSize) : this.typeOf(type, place, depth + 1), c: `${c} : ${bitSize}` };
  }
}

/** Integers of up to 32 bits are numbers. */
const integer = (bits: number): string => (bits <= 32 ? "number" : "bigint");

function enumeration(type: Enumeration, name: string, c: string): TypeDeclaration {
  const other = type.kind === "enum" ? "number" : "bigint";
  return { kind: "enum", name, c, size: type.size, values: type.values, other };
}

/** The type's own name, else that of the typedef that leads to it. */
function nameIn(btf: Btf, id: TypeId): string {
  const own = resolve(btf, id);
  let alias = "";
  for (let type = typeOf(btf, id); isModifier(type); type = typeOf(btf, type.type))
    if (type.kind === "typedef") alias = type.name;
  return ("name" in own && own.name) || alias;
}

/** `session_key` as `SessionKey`. */
function pascalCase(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const joined = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  return /^[A-Z]/.test(joined) ? joined : `Type${joined}`;
}

/** Longer chains of pointers and arrays than any program has. */
const MAX_CHAIN = 32;

/** A type as C names it, for comments: `const struct flow *`, `__u8[6]`. @throws BTF_CYCLE */
function spell(btf: Btf, id: TypeId, depth = 0): string {
  if (depth > MAX_CHAIN) throw xdpkitError("BTF_CYCLE", { id });
  const type = typeOf(btf, id);
  switch (type.kind) {
    case "pointer":
      return `${spell(btf, type.type, depth + 1)} *`;
    case "array":
      return arrayIn(spell(btf, type.element, depth + 1), type.length);
    case "const":
    case "volatile":
    case "restrict":
      return `${type.kind} ${spell(btf, type.type, depth + 1)}`;
    case "typeTag":
      return spell(btf, type.type, depth + 1);
    case "struct":
    case "union":
      return tag(type.kind, type.name);
    case "enum":
    case "enum64":
      return tag("enum", type.name);
    case "forward":
      return tag(type.union ? "union" : "struct", type.name);
    case "prototype":
      return "function";
    case "void":
      return "void";
    default:
      return type.name;
  }
}

const tag = (kind: string, name: string): string => (name === "" ? kind : `${kind} ${name}`);

/** Of several dimensions the first stands first. */
function arrayIn(element: string, length: number): string {
  const at = element.search(/\[|$/);
  return `${element.slice(0, at)}[${length}]${element.slice(at)}`;
}
