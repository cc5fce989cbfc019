/**
 * When a local type and one of the kernel's are the same, for the three questions that CO-RE asks (libbpf's
 * relo_core.c): may this be the type of that name, may this field stand for that one, do the types match in full.
 *
 * Names are compared without their flavour (`task_struct___old` is `task_struct`). Invariant: every walk ends: chains
 * of pointers have at most 32 links, and one question at most a million steps.
 */
import { xdpkitError } from "../base/index.ts";
import { type Btf, type BtfType, resolve, type TypeId, typeOf } from "../btf/index.ts";

/** A type together with the BTF that it is of. */
export interface TypeRef {
  readonly btf: Btf;
  readonly id: TypeId;
}

/** libbpf's limit for pointers to pointers. */
const MAX_DEPTH = 32;
const MAX_STEPS = 1_000_000;

/** `name` without `___flavour`. */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--) {
    if (name[i] !== "_" && name.startsWith("___", i + 1) && name[i + 4] !== "_") return name.slice(0, i + 1);
  }
  return name;
}

export const nameOf = (type: BtfType): string => ("name" in type ? type.name : "");

const isEnum = (type: BtfType) => type.kind === "enum" || type.kind === "enum64";
const isComposite = (type: BtfType) => type.kind === "struct" || type.kind === "union";

/** The same kind; both sizes of enums are one kind. */
export function sameKind(a: BtfType, b: BtfType): boolean {
  return a.kind === b.kind || (isEnum(a) && isEnum(b));
}

const resolved = ({ btf, id }: TypeRef): BtfType => resolve(btf, id);
const at = (ref: TypeRef, id: TypeId): TypeRef => ({ btf: ref.btf, id });

/** Whether a field of one type may stand for a field of the other: integers of all sizes, pointers to anything. */
export function areFieldsCompatible(local: TypeRef, target: TypeRef): boolean {
  const [a, b] = [resolved(local), resolved(target)];
  if (isComposite(a) && isComposite(b)) return true;
  if (!sameKind(a, b)) return false;
  if (a.kind === "array" && b.kind === "array") {
    return areFieldsCompatible(at(local, a.element), at(target, b.element));
  }
  if (a.kind === "int" && b.kind === "int") return a.bitOffset === 0 && b.bitOffset === 0;
  if (a.kind === "forward" || isEnum(a)) {
    const [left, right] = [essentialName(nameOf(a)), essentialName(nameOf(b))];
    return left === "" || right === "" || left === right;
  }
  return a.kind === "pointer" || a.kind === "float";
}

class Steps {
  #taken = 0;

  take(depth: number): void {
    if (depth < 0 || ++this.#taken > MAX_STEPS) {
      throw xdpkitError("OBJECT_CORE", { relocation: "of a type", problem: "the types nest too deeply to compare" });
    }
  }
}

/** Whether the target may be what the local type of the same name means: the same kind, whatever is in it. */
export function areTypesCompatible(local: TypeRef, target: TypeRef): boolean {
  if (!sameKind(typeOf(local.btf, local.id), typeOf(target.btf, target.id))) return false;
  return compatible(local, target, MAX_DEPTH, new Steps());
}

function compatible(local: TypeRef, target: TypeRef, depth: number, steps: Steps): boolean {
  steps.take(depth);
  const [a, b] = [resolved(local), resolved(target)];
  if (!sameKind(a, b)) return false;
  const same = (left: TypeId, right: TypeId) => compatible(at(local, left), at(target, right), depth - 1, steps);
  if (a.kind === "int" && b.kind === "int") return a.bitOffset === 0 && b.bitOffset === 0;
  if (a.kind === "pointer" && b.kind === "pointer") return same(a.type, b.type);
  if (a.kind === "array" && b.kind === "array") return same(a.element, b.element);
  if (a.kind === "prototype" && b.kind === "prototype") {
    if (a.parameters.length !== b.parameters.length) return false;
    return a.parameters.every(({ type }, i) => same(type, b.parameters[i]?.type ?? 0)) && same(a.returns, b.returns);
  }
  return a.kind === "void" || isComposite(a) || isEnum(a) || a.kind === "forward";
}

/** Whether every member and enumerator of the local type is in the target with a type that matches. */
export function doTypesMatch(local: TypeRef, target: TypeRef): boolean {
  return matches(local, target, { behindPointer: false, depth: MAX_DEPTH, steps: new Steps() });
}

interface Walk {
  /** Structs that are only pointed to match by name. */
  readonly behindPointer: boolean;
  readonly depth: number;
  readonly steps: Steps;
}

function matches(local: TypeRef, target: TypeRef, walk: Walk): boolean {
  walk.steps.take(walk.depth);
  const [a, b] = [resolved(local), resolved(target)];
  if (!namesMatch(nameOf(a), nameOf(b))) return false;
  const inner = { ...walk, depth: walk.depth - 1 };
  const same = (left: TypeId, right: TypeId, next: Walk = inner) => matches(at(local, left), at(target, right), next);
  switch (a.kind) {
    case "void":
      return b.kind === "void";
    case "forward":
      return forwardMatches(a, b, walk.behindPointer);
    case "enum":
    case "enum64":
      return isEnum(b) && enumMatches(a, b as typeof a);
    case "struct":
    case "union":
      if (walk.behindPointer) return b.kind === a.kind || (b.kind === "forward" && b.union === (a.kind === "union"));
      return b.kind === a.kind && compositeMatches(local, a, target, b, inner);
    case "int":
      return b.kind === "int" && a.size === b.size && a.signed === b.signed;
    case "pointer":
      return b.kind === "pointer" && same(a.type, b.type, { ...inner, behindPointer: true });
    case "array":
      return b.kind === "array" && a.length === b.length && same(a.element, b.element);
    case "prototype":
      if (b.kind !== "prototype" || a.parameters.length !== b.parameters.length) return false;
      return a.parameters.every(({ type }, i) => same(type, b.parameters[i]?.type ?? 0)) && same(a.returns, b.returns);
    default:
      return false;
  }
}

function namesMatch(local: string, target: string): boolean {
  return target === "" ? local === "" : essentialName(local) === essentialName(target);
}

function forwardMatches(a: Extract<BtfType, { kind: "forward" }>, b: BtfType, behindPointer: boolean): boolean {
  if (b.kind === "forward") return a.union === b.union;
  return behindPointer && b.kind === (a.union ? "union" : "struct");
}

type Enumeration = Extract<BtfType, { kind: "enum" | "enum64" }>;

function enumMatches(a: Enumeration, b: Enumeration): boolean {
  if (a.size !== b.size || a.values.length > b.values.length) return false;
  return a.values.every(({ name }) => b.values.some((value) => namesMatch(name, value.name)));
}

type Composite = Extract<BtfType, { kind: "struct" | "union" }>;

function compositeMatches(local: TypeRef, a: Composite, target: TypeRef, b: Composite, walk: Walk): boolean {
  if (a.members.length > b.members.length) return false;
  return a.members.every((member) =>
    b.members.some((other) => {
      walk.steps.take(walk.depth);
      return namesMatch(member.name, other.name) && matches(at(local, member.type), at(target, other.type), walk);
    }),
  );
}
