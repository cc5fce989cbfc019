/** The running kernel's own BTF (/sys/kernel/btf/vmlinux), read once and only when something needs it. */
import { readFileSync } from "node:fs";
import { type Btf, nameIndex, readBtf } from "../btf/index.ts";
import { applyCoreRelocations, type BpfObject } from "../object/index.ts";

let types: Btf | undefined;
let names: ReadonlyMap<string, readonly number[]> | undefined;

function kernelBtf(): Btf {
  types ??= readBtf(readFileSync("/sys/kernel/btf/vmlinux"));
  return types;
}

/** CO-RE against the running kernel, where the object asks for it: in all that is loaded by itself, or in `functions`. */
export function relocate(object: BpfObject, functions?: readonly string[]): BpfObject {
  if (object.functions.every(({ relocations }) => relocations.length === 0)) return object;
  return applyCoreRelocations(object, kernelBtf(), functions ? { functions } : {}).object;
}

/** The BTF id of a kernel function; undefined when this kernel does not have it. */
export const kernelFunctionId = (name: string): number | undefined => idOf("function", name);

/** The BTF id of a variable of the kernel: per-CPU ones only have one. */
export const kernelVariableId = (name: string): number | undefined => idOf("variable", name);

/** True when the kernel has a type, function or variable of the name. */
export const hasKernelName = (name: string): boolean => index().has(name);

function idOf(kind: "function" | "variable", name: string): number | undefined {
  return index()
    .get(name)
    ?.find((id) => kernelBtf().types[id]?.kind === kind);
}

function index(): ReadonlyMap<string, readonly number[]> {
  names ??= nameIndex(kernelBtf());
  return names;
}
