/**
 * CO-RE, compile once, run everywhere (Documentation/bpf/btf.rst section 3; libbpf's relo_core.c): instructions that
 * depend on the kernel's types are given the values of the kernel at hand.
 *
 *   relocation → place in the object's BTF → candidates of the same name → place in each → one value → instruction
 *
 * Invariant: all candidates that have the place agree on the value, or the relocation is refused.
 */
import { type Location, XdpkitError, xdpkitError } from "../base/index.ts";
import { type Btf, describe, nameIndex, type TypeId, typeOf } from "../btf/index.ts";
import type { Instruction } from "../isa/index.ts";
import type { BpfFunction, BpfObject, CoreKind, CoreRelocation } from "./bpf-object.ts";
import { patch, poison } from "./core-patch.ts";
import { matchSpec, parseSpec, type Spec, SpecProblem } from "./core-spec.ts";
import { essentialName, nameOf, sameKind } from "./core-types.ts";
import { type CoreValue, coreValue } from "./core-value.ts";

/** What became of one relocation. */
export interface CoreOutcome {
  /** Name of the function. */
  readonly function: string;
  /** Index in the function as it was before. */
  readonly instruction: number;
  /** What was asked for. */
  readonly kind: CoreKind;
  /** `struct task_struct.comm[3]` */
  readonly what: string;
  /** `poisoned`: the target has no such thing, and the instruction now refuses to be reached. */
  readonly outcome: "patched" | "poisoned";
  /** The value that was put in; 0 when poisoned. */
  readonly value: bigint;
  /** The type of the target that was found; null when none was. */
  readonly targetType: TypeId | null;
}

/** The object with its instructions patched, and what was found. */
export interface CoreResult {
  /** The object with its instructions patched and no relocations left in the functions that were looked at. */
  readonly object: BpfObject;
  /** A row for each relocation, in the order of the instructions. */
  readonly outcomes: readonly CoreOutcome[];
}

/** Which functions are relocated, against what. */
export interface CoreOptions {
  /** Names of functions to relocate. Default: all but programs that are not loaded by themselves (`?xdp`). */
  readonly functions?: readonly string[];
}

/**
 * The object with its CO-RE relocations applied against the types of a kernel.
 *
 * @throws OBJECT_CORE at the instruction, where libbpf would refuse the object; OBJECT_BTF_MISSING, OBJECT_BIG_ENDIAN
 */
export function applyCoreRelocations(object: BpfObject, target: Btf, options: CoreOptions = {}): CoreResult {
  const wanted = object.functions.filter(
    (function_) =>
      function_.relocations.length > 0 &&
      (options.functions?.includes(function_.name) ?? function_.program?.autoload !== false),
  );
  if (wanted.length === 0) return { object, outcomes: [] };
  if (!object.btf) throw xdpkitError("OBJECT_BTF_MISSING", { what: "a CO-RE relocation" });
  if (object.bigEndian) throw xdpkitError("OBJECT_BIG_ENDIAN", {});
  const relocator = new Relocator(object.btf, target);
  const outcomes: CoreOutcome[] = [];
  const functions = object.functions.map((function_) =>
    wanted.includes(function_) ? relocator.relocate(function_, outcomes) : function_,
  );
  return { object: { ...object, functions }, outcomes };
}

interface Decision {
  readonly spec: Spec | null;
  /** Null asks for poison. */
  readonly value: CoreValue | null;
}

class Relocator {
  readonly #local: Btf;
  readonly #target: Btf;
  /** Types of the target by their name without flavour. */
  readonly #names: ReadonlyMap<string, readonly TypeId[]>;
  /** By local type: candidates that matched so far, for one type's relocations must not go to different ones. */
  readonly #candidates = new Map<TypeId, readonly TypeId[]>();

  constructor(local: Btf, target: Btf) {
    this.#local = local;
    this.#target = target;
    this.#names = essentialIndex(target);
  }

  relocate(function_: BpfFunction, outcomes: CoreOutcome[]): BpfFunction {
    const replaced = new Map<number, readonly Instruction[]>();
    for (const relocation of function_.relocations) {
      const { instruction: index } = relocation;
      const before = replaced.get(index)?.[0] ?? function_.instructions[index];
      if (!before) continue;
      const { outcome, instructions } = this.#apply(function_, relocation, before);
      replaced.set(index, instructions);
      outcomes.push(outcome);
    }
    return replaceInstructions(function_, replaced);
  }

  #apply(
    function_: BpfFunction,
    relocation: CoreRelocation,
    before: Instruction,
  ): { outcome: CoreOutcome; instructions: readonly Instruction[] } {
    const what = describeAccess(this.#local, relocation);
    try {
      const localSpec = parseSpec(this.#local, relocation);
      const local = coreValue(relocation.kind, localSpec);
      const { spec, value } = this.#decide(localSpec, relocation);
      const after = local && value ? patch(before, { local, target: value, localSpec, targetSpec: spec }) : null;
      const outcome: CoreOutcome = {
        function: function_.name,
        instruction: relocation.instruction,
        kind: relocation.kind,
        what,
        outcome: after ? "patched" : "poisoned",
        value: after && value ? value.value : 0n,
        targetType: spec?.root.id ?? null,
      };
      return { outcome, instructions: after ? [after] : poison(before) };
    } catch (error) {
      throw located(error, `${relocation.kind} of ${what}`, place(function_, relocation.instruction));
    }
  }

  /** The value that all matching candidates agree on, or what the absence of any means. */
  #decide(local: Spec, { kind, type }: CoreRelocation): Decision {
    if (kind === "typeIdLocal") return { spec: null, value: { value: BigInt(type), checked: false } };
    const matched: TypeId[] = [];
    let decision: Decision | null = null;
    for (const id of this.#candidatesOf(type)) {
      const spec = matchSpec(local, kind, { btf: this.#target, id });
      if (!spec) continue;
      const next = { spec, value: coreValue(kind, spec) };
      if (decision) expectAgreement(decision, next);
      decision ??= next;
      matched.push(id);
    }
    if (matched.length > 0) this.#candidates.set(type, matched);
    return decision ?? { spec: null, value: coreValue(kind, null) };
  }

  #candidatesOf(type: TypeId): readonly TypeId[] {
    const known = this.#candidates.get(type);
    if (known) return known;
    const local = typeOf(this.#local, type);
    const name = essentialName(nameOf(local));
    if (name === "") throw new SpecProblem("an anonymous type cannot be found in the target");
    const found = (this.#names.get(name) ?? []).filter((id) => sameKind(local, typeOf(this.#target, id)));
    this.#candidates.set(type, found);
    return found;
  }
}

function essentialIndex(btf: Btf): ReadonlyMap<string, readonly TypeId[]> {
  const index = new Map<string, TypeId[]>();
  for (const [name, ids] of nameIndex(btf)) {
    const essential = essentialName(name);
    const all = [...(index.get(essential) ?? []), ...ids].sort((a, b) => a - b);
    index.set(essential, all);
  }
  return index;
}

function expectAgreement(first: Decision, next: Decision): void {
  if (first.spec?.bitOffset !== next.spec?.bitOffset || first.value?.value !== next.value?.value) {
    const ids = `${first.spec?.root.id} and ${next.spec?.root.id}`;
    throw new SpecProblem(`types ${ids} of the target have the same name, and different answers`);
  }
}

function place(function_: BpfFunction, instruction: number): Location {
  const source = function_.lines.findLast((line) => line.instruction <= instruction);
  if (!source) return { kind: "instruction", program: function_.name, index: instruction };
  const { file, line, column, text } = source;
  return {
    kind: "instruction",
    program: function_.name,
    index: instruction,
    source: { kind: "source", file, line, column, text },
  };
}

function located(error: unknown, relocation: string, at: Location): unknown {
  if (error instanceof SpecProblem) {
    return xdpkitError("OBJECT_CORE", { relocation, problem: error.message }, { at });
  }
  if (!(error instanceof XdpkitError) || error.code.startsWith("INTERNAL")) return error;
  return xdpkitError("OBJECT_CORE", { relocation, problem: error.problem }, { at, cause: error });
}

/** `struct task_struct.comm[3]`; as much of it as the object's BTF tells. */
function describeAccess(btf: Btf, relocation: CoreRelocation): string {
  const type = btf.types[relocation.type];
  const root = type ? describe(type) : `type ${relocation.type}`;
  try {
    const { accessors } = parseSpec(btf, relocation);
    const first = accessors[0];
    const rest = first?.name === null ? accessors.slice(1) : accessors;
    return root + rest.map(({ name, index }) => (name === null ? `[${index}]` : `.${name}`)).join("");
  } catch {
    return `${root} (${relocation.access})`;
  }
}

/** Puts instructions in the place of others; whatever counts instructions moves along. */
function replaceInstructions(
  function_: BpfFunction,
  replaced: ReadonlyMap<number, readonly Instruction[]>,
): BpfFunction {
  const starts: number[] = [];
  const instructions: Instruction[] = [];
  for (const [index, instruction] of function_.instructions.entries()) {
    starts.push(instructions.length);
    instructions.push(...(replaced.get(index) ?? [instruction]));
  }
  const moved = <T extends { readonly instruction: number }>(rows: readonly T[]): T[] =>
    rows.map((row) => ({ ...row, instruction: starts[row.instruction] ?? row.instruction }));
  const { labels } = function_;
  return {
    ...function_,
    instructions,
    references: moved(function_.references),
    lines: moved(function_.lines),
    relocations: [],
    ...(labels ? { labels: moved(labels) } : {}),
  };
}
