/**
 * Questions to BTF: which type an id is, what a name means, how large a value is.
 *
 * Invariant: every walk ends, whatever the input: a type that contains itself is an error.
 */
import { xdpkitError } from "../base/index.ts";
import type { Btf, BtfType, TypeId } from "./types.ts";

/** Longer chains of typedefs, qualifiers and arrays than any program has (libbpf has the same limit). */
const MAX_CHAIN = 32;

/** Structs in structs in structs. */
const MAX_DEPTH = 256;

/** The type with an id. @throws BTF_TYPE_ID */
export function typeOf(btf: Btf, id: TypeId): BtfType {
  const type = btf.types[id];
  if (!type) throw xdpkitError("BTF_TYPE_ID", { id, types: btf.types.length - 1 });
  return type;
}

/** The id behind typedefs, `const`, `volatile`, `restrict` and type tags. @throws BTF_TYPE_ID, BTF_CYCLE */
export function resolveId(btf: Btf, id: TypeId): TypeId {
  let current = id;
  for (let step = 0; step < MAX_CHAIN; step++) {
    const type = typeOf(btf, current);
    if (!isModifier(type)) return current;
    current = type.type;
  }
  throw xdpkitError("BTF_CYCLE", { id });
}

/** The type behind typedefs and qualifiers. @throws BTF_TYPE_ID, BTF_CYCLE */
export function resolve(btf: Btf, id: TypeId): BtfType {
  return typeOf(btf, resolveId(btf, id));
}

type Modifier = Extract<BtfType, { kind: "typedef" | "const" | "volatile" | "restrict" | "typeTag" }>;

export function isModifier(type: BtfType): type is Modifier {
  return (
    type.kind === "typedef" ||
    type.kind === "const" ||
    type.kind === "volatile" ||
    type.kind === "restrict" ||
    type.kind === "typeTag"
  );
}

/** Bytes of a value of the type; pointers have 8. @throws BTF_NO_SIZE, BTF_CYCLE, BTF_TYPE_ID */
export function sizeOf(btf: Btf, id: TypeId): number {
  let current = id;
  let count = 1;
  for (let step = 0; step < MAX_CHAIN; step++) {
    const type = resolve(btf, current);
    switch (type.kind) {
      case "array":
        count *= type.length;
        current = type.element;
        break;
      case "variable":
        current = type.type;
        break;
      case "pointer":
        return 8 * count;
      case "int":
      case "struct":
      case "union":
      case "enum":
      case "enum64":
      case "float":
      case "section":
        return type.size * count;
      default:
        throw xdpkitError("BTF_NO_SIZE", { type: describe(type) });
    }
  }
  throw xdpkitError("BTF_CYCLE", { id });
}

/** Alignments found so far; types may be shared so often that finding them anew would never end. */
const alignments = new WeakMap<Btf, Map<TypeId, number>>();

/** Bytes to which C aligns a value of the type, 1 for packed structs and for what has no values. @throws BTF_CYCLE */
export function alignmentOf(btf: Btf, id: TypeId): number {
  const known = alignments.get(btf) ?? new Map<TypeId, number>();
  alignments.set(btf, known);
  return findAlignment(btf, id, known, 0);
}

function findAlignment(btf: Btf, id: TypeId, known: Map<TypeId, number>, depth: number): number {
  const found = known.get(id);
  if (found !== undefined) return found;
  if (depth > MAX_DEPTH) throw xdpkitError("BTF_CYCLE", { id });
  const alignment = alignmentOfType(resolve(btf, id), (member) => findAlignment(btf, member, known, depth + 1));
  known.set(id, alignment);
  return alignment;
}

function alignmentOfType(type: BtfType, find: (id: TypeId) => number): number {
  switch (type.kind) {
    case "int":
    case "enum":
    case "enum64":
    case "float":
      return Math.max(1, Math.min(8, type.size));
    case "pointer":
      return 8;
    case "array":
      return find(type.element);
    case "variable":
      return find(type.type);
    case "struct":
    case "union":
      return compositeAlignment(type, find);
    default:
      return 1;
  }
}

/** The largest of the members', unless one of them, or the size, shows that the struct is packed. */
function compositeAlignment(
  type: Extract<BtfType, { kind: "struct" | "union" }>,
  find: (id: TypeId) => number,
): number {
  let largest = 1;
  for (const member of type.members) {
    const alignment = find(member.type);
    largest = Math.max(largest, alignment);
    if (member.bitSize === 0 && member.bitOffset % (8 * alignment) !== 0) return 1;
  }
  return type.size % largest === 0 ? largest : 1;
}

/** `struct flow`, `int`, `a pointer`: for messages. */
export function describe(type: BtfType): string {
  const name = "name" in type && type.name !== "" ? type.name : null;
  switch (type.kind) {
    case "int":
    case "typedef":
    case "float":
      return name ?? type.kind;
    case "void":
      return "void";
    case "forward":
      return `${type.union ? "union" : "struct"} ${name}, which is only declared,`;
    default:
      return name === null ? `an anonymous ${type.kind}` : `${type.kind} ${name}`;
  }
}

/** The first type of that kind and name; null when there is none. Linear: build a `nameIndex` for many questions. */
export function findByName(btf: Btf, kind: BtfType["kind"], name: string): TypeId | null {
  const id = btf.types.findIndex((type) => type.kind === kind && "name" in type && type.name === name);
  return id < 0 ? null : id;
}

/** Name to the ids of all types of that name, ascending. */
export function nameIndex(btf: Btf): ReadonlyMap<string, readonly TypeId[]> {
  const index = new Map<string, TypeId[]>();
  for (const [id, type] of btf.types.entries()) {
    if (!("name" in type) || type.name === "") continue;
    const ids = index.get(type.name);
    if (ids) ids.push(id);
    else index.set(type.name, [id]);
  }
  return index;
}
