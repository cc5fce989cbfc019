/**
 * Access specifications of CO-RE: which member a relocation means, and which member of the kernel's type that is
 * (libbpf's bpf_core_parse_spec and bpf_core_spec_match).
 *
 * `0:1:2` reads: element 0 of the pointer, its member 1, whose member or element 2. Steps through anonymous members
 * leave no accessor, for the kernel may nest differently. Invariant: `bitOffset` is the sum of the steps.
 */
import { type Btf, type BtfType, resolve, resolveId, sizeOf, type TypeId } from "../btf/index.ts";
import type { CoreKind, CoreRelocation } from "./bpf-object.ts";
import { areFieldsCompatible, areTypesCompatible, doTypesMatch, essentialName, type TypeRef } from "./core-types.ts";

interface Accessor {
  readonly type: TypeId;
  readonly index: number;
  /** Of a member or enumerator; null for an array element. */
  readonly name: string | null;
}

export interface Spec {
  readonly root: TypeRef;
  readonly accessors: readonly Accessor[];
  readonly bitOffset: number;
}

/** What is wrong with a relocation, for the error that names it. */
export class SpecProblem extends Error {}

export type Family = "field" | "type" | "enum";

export function familyOf(kind: CoreKind): Family {
  if (kind.startsWith("field")) return "field";
  return kind.startsWith("type") ? "type" : "enum";
}

/** libbpf's BPF_CORE_SPEC_MAX_LEN. */
const MAX_STEPS = 64;

/** What the relocation means in the object's own BTF. Throws SpecProblem. */
export function parseSpec(btf: Btf, relocation: CoreRelocation): Spec {
  const root = { btf, id: relocation.type };
  const family = familyOf(relocation.kind);
  if (family === "type") {
    if (relocation.access !== "0") throw new SpecProblem(`a type has no access \`${relocation.access}\``);
    return { root, accessors: [], bitOffset: 0 };
  }
  if (!/^\d{1,9}(:\d{1,9})*$/.test(relocation.access)) {
    throw new SpecProblem(`\`${relocation.access}\` is no access specification`);
  }
  const steps = relocation.access.split(":").map(Number);
  if (steps.length > MAX_STEPS) throw new SpecProblem(`more than ${MAX_STEPS} steps`);
  return family === "enum" ? parseEnumerator(root, steps) : parseField(root, steps);
}

function parseEnumerator(root: TypeRef, steps: readonly number[]): Spec {
  const id = resolveId(root.btf, root.id);
  const type = resolve(root.btf, id);
  const index = steps[0] ?? 0;
  const value = type.kind === "enum" || type.kind === "enum64" ? type.values[index] : undefined;
  if (!value || steps.length !== 1) throw new SpecProblem(`${type.kind} has no enumerator ${steps.join(":")}`);
  return { root, accessors: [{ type: id, index, name: value.name }], bitOffset: 0 };
}

function parseField(root: TypeRef, steps: readonly number[]): Spec {
  const { btf } = root;
  let id = resolveId(btf, root.id);
  const first = steps[0] ?? 0;
  const accessors: Accessor[] = [{ type: id, index: first, name: null }];
  let bitOffset = first * sizeOf(btf, id) * 8;
  for (const index of steps.slice(1)) {
    id = resolveId(btf, id);
    const type = resolve(btf, id);
    if (type.kind === "struct" || type.kind === "union") {
      const member = type.members[index];
      if (!member) throw new SpecProblem(`${type.kind} ${type.name} has no member ${index}`);
      bitOffset += member.bitOffset;
      if (member.name !== "") accessors.push({ type: id, index, name: member.name });
      id = member.type;
    } else if (type.kind === "array") {
      if (!isFlexible(btf, accessors.at(-1), type) && index >= type.length) {
        throw new SpecProblem(`array of ${type.length} has no element ${index}`);
      }
      id = resolveId(btf, type.element);
      accessors.push({ type: id, index, name: null });
      bitOffset += index * sizeOf(btf, id) * 8;
    } else {
      throw new SpecProblem(`a ${type.kind} has no members`);
    }
  }
  return { root, accessors, bitOffset };
}

/** `int tail[]` at the end of a struct may be indexed beyond its length, which is 0. */
function isFlexible(btf: Btf, holder: Accessor | undefined, array: Extract<BtfType, { kind: "array" }>): boolean {
  if (!holder || holder.name === null || array.length > 0) return false;
  const type = btf.types[holder.type];
  const isComposite = type?.kind === "struct" || type?.kind === "union";
  return isComposite && holder.index === type.members.length - 1;
}

/** The same place in a candidate of the target; null when it has no such place. */
export function matchSpec(local: Spec, kind: CoreKind, candidate: TypeRef): Spec | null {
  switch (familyOf(kind)) {
    case "type": {
      const same = kind === "typeMatches" ? doTypesMatch : areTypesCompatible;
      return same(local.root, candidate) ? { root: candidate, accessors: [], bitOffset: 0 } : null;
    }
    case "enum":
      return matchEnumerator(local, candidate);
    case "field":
      return matchField(local, candidate);
  }
}

function matchEnumerator(local: Spec, candidate: TypeRef): Spec | null {
  const id = resolveId(candidate.btf, candidate.id);
  const type = resolve(candidate.btf, id);
  if (type.kind !== "enum" && type.kind !== "enum64") return null;
  const wanted = essentialName(local.accessors[0]?.name ?? "");
  const index = type.values.findIndex(({ name }) => essentialName(name) === wanted);
  const value = type.values[index];
  return value ? { root: candidate, accessors: [{ type: id, index, name: value.name }], bitOffset: 0 } : null;
}

interface Progress {
  readonly accessors: readonly Accessor[];
  readonly bitOffset: number;
  /** The type that the next step starts from. */
  readonly id: TypeId;
}

function matchField(local: Spec, candidate: TypeRef): Spec | null {
  let progress: Progress | null = { accessors: [], bitOffset: 0, id: candidate.id };
  for (const [step, accessor] of local.accessors.entries()) {
    if (!progress) return null;
    progress =
      accessor.name === null
        ? matchElement(candidate.btf, progress, accessor, step)
        : matchMember(local.root.btf, accessor, candidate.btf, progress, 0);
  }
  return progress && { root: candidate, accessors: progress.accessors, bitOffset: progress.bitOffset };
}

/** Element `index` of an array, or at the first step of what the pointer points to. */
function matchElement(btf: Btf, progress: Progress, { index }: Accessor, step: number): Progress | null {
  let id = resolveId(btf, progress.id);
  if (step > 0) {
    const array = resolve(btf, id);
    if (array.kind !== "array") return null;
    if (!isFlexible(btf, progress.accessors.at(-1), array) && index >= array.length) return null;
    id = resolveId(btf, array.element);
  }
  const accessors = [...progress.accessors, { type: id, index, name: null }];
  return { accessors, bitOffset: progress.bitOffset + index * sizeOf(btf, id) * 8, id };
}

/** A member by its name, through anonymous structs and unions. */
function matchMember(localBtf: Btf, accessor: Accessor, btf: Btf, progress: Progress, depth: number): Progress | null {
  const id = resolveId(btf, progress.id);
  const type = resolve(btf, id);
  if (type.kind !== "struct" && type.kind !== "union") return null;
  if (depth > MAX_STEPS) throw new SpecProblem("structs nest too deeply");
  for (const [index, member] of type.members.entries()) {
    const bitOffset = progress.bitOffset + member.bitOffset;
    if (member.name === "") {
      const inner = { ...progress, bitOffset, id: member.type };
      const found = matchMember(localBtf, accessor, btf, inner, depth + 1);
      if (found) return found;
    } else if (member.name === accessor.name) {
      const local = { btf: localBtf, id: memberType(localBtf, accessor) };
      if (!areFieldsCompatible(local, { btf, id: member.type })) return null;
      const accessors = [...progress.accessors, { type: id, index, name: member.name }];
      return { accessors, bitOffset, id: member.type };
    }
  }
  return null;
}

function memberType(btf: Btf, { type, index }: Accessor): TypeId {
  const holder = btf.types[type];
  const isComposite = holder?.kind === "struct" || holder?.kind === "union";
  return isComposite ? (holder.members[index]?.type ?? 0) : 0;
}
